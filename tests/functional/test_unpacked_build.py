"""`install = "unpacked"` from settings to artifact, with the local index."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from hatch_cloudrole.package import open_artifact

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.conftest import Shop

pytestmark = pytest.mark.usefixtures("index")
UNPACKED = 'install = "unpacked"'


def layout(package: Path, role: str) -> dict[str, bytes]:
    with open_artifact(package) as opened:
        return {path: content.read() for path, content in opened.layouts[role].items()}


def test_one_role_is_unpacked_and_the_other_has_wheels(shop: Shop) -> None:
    done = shop.write(role=UNPACKED).build()
    assert done.code == 0, done.err
    orders, web = layout(shop.package, "Orders"), layout(shop.package, "Web")
    assert "approot/lib/requests/__init__.py" in orders
    assert "approot/lib/markupsafe-3.0.dist-info/RECORD" in orders
    assert not [path for path in orders if "wheels/" in path]
    assert [path for path in web if path.startswith("approot/wheels/")]
    assert json.loads(orders["approot/bin/role.json"])["install"] == "unpacked"
    assert b"requests==2.0 --hash=sha256:" in orders["approot/requirements.txt"]
    valid = shop.run("verify", str(shop.package))
    assert valid.code == 0, valid.err


def test_same_bytes_every_time(shop: Shop) -> None:
    shop.write(role=UNPACKED).build()
    first = shop.package.read_bytes()
    shop.package.unlink()
    shop.build()
    assert shop.package.read_bytes() == first


def test_zip_for_linux_is_laid_out_for_linux(shop: Shop) -> None:
    settings = shop.write(target='platform = "manylinux_2_28_x86_64"', role=UNPACKED).root / "pyproject.toml"
    web = 'type = "web"\nroot = "web"\nwsgi-handler = "app:app"'
    worker = 'type = "worker"\nroot = "web"\nstartup-file = "app.py"'
    assert web in settings.read_text()
    settings.write_text(settings.read_text().replace(web, worker))
    done = shop.build("-t", "zip")
    assert done.code == 0, done.err
    package = shop.root / "dist" / "shop-1.2.zip"
    with zipfile.ZipFile(package) as archive:
        names = archive.namelist()
    assert "Orders/lib/uvloop/__init__.py" in names
    assert "Orders/lib/colorama/__init__.py" not in names
    assert shop.run("verify", str(package)).code == 0


@pytest.mark.parametrize("where", ["member", "directory"])
def test_wheel_that_was_damaged_in_the_store_is_named_and_dropped(
    shop: Shop, cache: Path, where: str
) -> None:
    shop.write(role=UNPACKED).build()
    shop.package.unlink()
    stored = next(
        path for path in cache.rglob("*") if path.is_file() and b"requests/__init__.py" in head(path)
    )
    data = bytearray(stored.read_bytes())
    name = b"requests/__init__.py"
    at = data.index(name) + len(name) if where == "member" else data.rindex(b"PK\1\2")
    data[at : at + 3] = b"\xff\xff\xff"
    stored.chmod(0o644)
    stored.write_bytes(data)
    done = shop.build()
    assert done.code == 4
    assert "requests-2.0" in done.err
    assert not shop.package.exists()
    done = shop.build()
    assert done.code == 0, done.err
    assert shop.run("verify", str(shop.package)).code == 0


def head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(4096) if stream.read(2) == b"PK" else b""
