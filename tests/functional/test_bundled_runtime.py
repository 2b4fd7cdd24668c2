"""The interpreter in the package: pinned or one's own, verified, kept once, and used where there is none."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import io
import json
import shutil
import subprocess
import sys
import tarfile
import threading
import zipfile
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pbs_installer
import pytest
from rolemaker import HOST_PLATFORM

from hatch_cloudrole.content import Content
from hatch_cloudrole.role.verify import wheelhouse_faults

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Shop

NAME = "cpython-3.13.9+20260101-x86_64-pc-windows-msvc-install_only_stripped.tar.gz"
WINDOWS = {"python/python.exe": b"MZ" * 1000, "python/python313.dll": b"MZ", "python/Lib/os.py": b""}
MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"
BUNDLED = 'runtime = "bundled"'


def tar_gz(files: dict[str, bytes], *, mtime: int = 0) -> bytes:
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime = len(data), 0o755, mtime
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def site(folder: Path) -> Iterator[str]:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The site of the pinned builds; the table names its one build for every target."""
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / NAME).write_bytes(tar_gz(WINDOWS))
    digest = sha256((folder / NAME).read_bytes())
    with site(folder) as address:
        version = SimpleNamespace(major=3, minor=13, micro=9)
        url = f"{address}/{NAME.replace('+', '%2B')}"
        monkeypatch.setattr(pbs_installer, "get_download_link", lambda *_, **__: (version, (url, digest)))
        yield folder


def role_json(shop: Shop, role: str) -> dict[str, Any]:
    folder = shop.root.parent / "extracted"
    shutil.rmtree(folder, ignore_errors=True)
    assert shop.run("extract", "-q", str(shop.package), str(folder)).code == 0
    document: dict[str, Any] = json.loads((folder / f"Roles/{role}/approot/bin/role.json").read_text())
    return document


def bundled(shop: Shop, role: str) -> bytes:
    """The archive in the package, which must be what role.json and the report say."""
    runtime = role_json(shop, role)["runtime"]
    data: bytes = (shop.root.parent / f"extracted/Roles/{role}/approot" / runtime["path"]).read_bytes()
    assert sha256(data) == runtime["sha256"]
    reported = {each["name"]: each["runtime"] for each in shop.report["versions"]["cspkg"]["roles"]}
    assert reported[role] == runtime
    return data


@pytest.mark.usefixtures("index")
def test_pinned_build_is_fetched_once_and_lies_in_every_role(shop: Shop, published: Path) -> None:
    shop.write(target=BUNDLED)
    ran = shop.build()
    assert ran.code == 0, ran.err
    data = (published / NAME).read_bytes()
    assert bundled(shop, "Web") == bundled(shop, "Orders") == data
    runtime = role_json(shop, "Orders")["runtime"]
    assert (runtime["kind"], runtime["version"], runtime["path"]) == ("bundled", "3.13.9", f"runtime/{NAME}")
    assert shop.run("verify", str(shop.package)).code == 0
    first = shop.package.read_bytes()
    assert first.count(data) == 1, "roles share the archive in the package"
    (published / NAME).unlink()
    assert shop.build("--offline").code == 0
    assert shop.package.read_bytes() == first


@pytest.mark.usefixtures("index")
def test_archive_that_is_damaged_in_the_store_is_fetched_again(
    shop: Shop, published: Path, cache: Path
) -> None:
    shop.write(target=BUNDLED)
    assert shop.build().code == 0
    data = (published / NAME).read_bytes()
    (cache / "v1" / "files" / sha256(data)[:2] / sha256(data)).write_bytes(b"x" * len(data))
    assert shop.build().code == 0
    assert bundled(shop, "Web") == data


@pytest.mark.usefixtures("index")
def test_windows_without_tar_gets_a_zip_whose_bytes_depend_on_its_files_alone(
    shop: Shop, published: Path
) -> None:
    shop.write(target=f"{BUNDLED}\nos-family = 5")
    ran = shop.build()
    assert ran.code == 0, ran.err
    first = bundled(shop, "Web")
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == WINDOWS
    other = tar_gz(dict(reversed(WINDOWS.items())), mtime=1_700_000_000)
    (shop.root / "own.tar.gz").write_bytes(other)
    own = f'runtime = {{ path = "own.tar.gz", sha256 = "{sha256(other)}" }}\nos-family = 5'
    assert shop.write(target=own).build().code == 0
    assert bundled(shop, "Web") == first


@pytest.mark.usefixtures("index")
def test_build_that_cannot_be_had_is_told_with_what_to_do(shop: Shop, published: Path) -> None:
    assert shop.build().code == 0
    shop.write(target=BUNDLED)
    ran = shop.build("--offline")
    assert ran.code == 6
    assert f"{NAME} is not in the store" in ran.err
    data = (published / NAME).read_bytes()
    (published / NAME).write_bytes(b"something else")
    ran = shop.build()
    assert ran.code == 6
    assert f"but {sha256(data)} was pinned" in ran.err
    (published / NAME).unlink()
    ran = shop.build()
    assert ran.code == 6
    assert f"{NAME}: " in ran.err
    assert "name a copy with { url = ..., sha256 = ... }" in ran.err


@pytest.mark.usefixtures("index")
def test_own_archive_may_be_fetched(shop: Shop, tmp_path: Path) -> None:
    data = tar_gz(WINDOWS)
    (tmp_path / "python.tar.gz").write_bytes(data)
    with site(tmp_path) as address:
        runtime = f'runtime = {{ url = "{address}/python.tar.gz", sha256 = "{sha256(data)}" }}'
        ran = shop.write(target=runtime).build()
    assert ran.code == 0, ran.err
    assert bundled(shop, "Web") == data
    assert role_json(shop, "Web")["runtime"]["url"] == f"{address}/python.tar.gz"


@pytest.mark.usefixtures("index")
def test_own_archive_that_is_not_what_its_sha256_says_is_refused(shop: Shop) -> None:
    (shop.root / "own.tar.gz").write_bytes(tar_gz(WINDOWS))
    ran = shop.write(target=f'runtime = {{ path = "own.tar.gz", sha256 = "{"0" * 64}" }}').build()
    assert ran.code == 2
    assert f"is {sha256(tar_gz(WINDOWS))}, but sha256 says 000" in ran.err
    (shop.root / "own.zip").write_bytes(b"no archive")
    ran = shop.write(target=f'runtime = {{ path = "own.zip", sha256 = "{sha256(b"no archive")}" }}').build()
    assert ran.code == 2
    assert "roles.Web.runtime: own.zip: it cannot be read" in ran.err
    assert shop.artifacts() == []


def test_verify_compares_the_interpreter_with_role_json() -> None:
    info = {"schema": 1, "python": "3.13.1", "platform": "win_amd64", "wheels": []}
    info["runtime"] = {"path": "runtime/python.zip", "sha256": "0" * 64}
    files = {
        "approot/bin/role.json": Content.of_bytes(json.dumps(info).encode()),
        "approot/requirements.txt": Content.of_bytes(b""),
    }
    assert [fault.what for fault in wheelhouse_faults("R", files)] == [
        "role.json names this interpreter, but it is not there"
    ]
    files["approot/runtime/python.zip"] = Content.of_bytes(b"another")
    assert "role.json says 000" in wheelhouse_faults("R", files)[0].what


LINUX = """
[build-system]
requires = ["hatchling", "hatch-cloudrole"]
build-backend = "hatchling.build"
[project]
name = "shop"
version = "1.2"
[tool.hatch.build.targets.cloudrole]
python = "{minor}"
platform = "{platform}"
runtime = {{ path = "own.tar.gz", sha256 = "{sha256}" }}
[tool.hatch.build.targets.cloudrole.roles.Orders]
type = "worker"
root = "orders"
startup-file = "worker.py"
dependencies = ["requests"]
"""


@pytest.mark.usefixtures("index")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="runs configure.sh")
def test_machine_without_python_uses_the_one_in_the_package(shop: Shop, tmp_path: Path) -> None:
    """From the build to the running program; unpacked once, and not when it was changed on the way."""
    starter = f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'.encode()
    data = tar_gz({"python/bin/python3": starter, f"python/bin/python{MINOR}": starter})
    (shop.root / "own.tar.gz").write_bytes(data)
    text = LINUX.format(minor=MINOR, platform=HOST_PLATFORM, sha256=sha256(data))
    (shop.root / "pyproject.toml").write_text(text)
    (shop.root / "orders" / "worker.py").write_text("import requests\nprint(requests.__name__)\n")
    ran = shop.build()
    assert ran.code == 0, ran.err
    assert bundled(shop, "Orders") == data
    approot = tmp_path / "extracted" / "Roles" / "Orders" / "approot"
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("awk", "cat", "cp", "cut", "date", "dirname", "gzip", "mkdir", "mktemp", "mv", "rm", "sh", "tar", "tr", "sha256sum"):  # fmt: skip
        found = shutil.which(name, path="/usr/bin:/bin")
        assert found
        (programs / name).symlink_to(found)

    def run(script: str, **env: str) -> subprocess.CompletedProcess[str]:
        command = ["/bin/sh", str(approot / "bin" / script)]
        return subprocess.run(command, env={"PATH": str(programs), **env}, capture_output=True, text=True)

    archive = approot / role_json_path(approot)
    archive.write_bytes(data[:-1] + b"x")
    assert run("configure.sh").returncode == 112
    archive.write_bytes(data)
    assert run("configure.sh").returncode == 0
    archive.unlink()
    mirror = f"{shop.root}/"
    assert (
        run("configure.sh", CLOUDROLE_HOME=str(tmp_path / "two"), CLOUDROLE_RUNTIME_URL=mirror).returncode
        == 0
    )
    done = run("configure.sh")
    assert done.returncode == 0, done.stderr
    done = run("launch.sh")
    assert (done.returncode, done.stdout) == (0, "requests\n")
    events = (approot / "logs" / "configure.sh.events.jsonl").read_text().splitlines()
    reasons = [json.loads(line)["reason"] for line in events if '"interpreter"' in line]
    assert reasons == ["it was obtained", "it was obtained", "it was obtained before"]


def role_json_path(approot: Path) -> str:
    return str(json.loads((approot / "bin" / "role.json").read_text())["runtime"]["path"])
