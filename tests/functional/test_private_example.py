"""The example with an index of its own, built against one on the loopback address."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import wheelmaker as make

if TYPE_CHECKING:
    from tests.functional.conftest import Shop

EXAMPLE = Path(__file__).parents[2] / "fixtures" / "projects" / "private-index"
PASSWORD = "s3cr3t-of-acme"


@pytest.mark.parametrize("resolver", ["uv", "pip-tools"])
@pytest.mark.usefixtures("index")
def test_the_private_index_example(
    resolver: str, shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    """The one package comes from the private index, the others from the usual one, and no output tells how."""
    make.write_index(
        tmp_path / "acme",
        {
            make.wheel_name("acme-ledger", "1.4"): make.wheel_bytes("acme-ledger", "1.4", requires=["click"]),
            # Of this the private index has a newer one, which must not be taken.
            make.wheel_name("click", "9.0"): make.wheel_bytes("click", "9.0"),
        },
    )
    with make.serving(tmp_path / "acme") as private:
        private.credentials = ("ci", PASSWORD)
        root = tmp_path / "example"
        shutil.copytree(EXAMPLE, root, ignore=shutil.ignore_patterns("dist"))
        text = (root / "pyproject.toml").read_text()
        assert "https://packages.acme.example/simple" in text
        text = text.replace("https://packages.acme.example/simple", private.url)
        text = text.replace('python = "3.13"', f'python = "3.13"\nresolver = "{resolver}"')
        (root / "pyproject.toml").write_text(text)
        monkeypatch.delenv("UV_NO_CONFIG", raising=False)

        refused = shop.run("build", str(root))
        assert refused.code == 6, refused.err
        assert not (root / "dist").exists() or not list((root / "dist").iterdir())

        monkeypatch.setenv("UV_INDEX_ACME_USERNAME", "ci")
        monkeypatch.setenv("UV_INDEX_ACME_PASSWORD", PASSWORD)
        locked = shop.run("lock", str(root))
        assert locked.code == 0, locked.err
        built = shop.run("build", str(root))
        assert built.code == 0, built.err
    lock = (root / "pylock.cloudrole.toml").read_text()
    assert "acme_ledger-1.4" in lock
    assert "click-8.1" in lock
    everything = [*(root / "dist").iterdir(), root / "pylock.cloudrole.toml", *cache.rglob("*")]
    assert all(path.is_dir() or PASSWORD.encode() not in path.read_bytes() for path in everything)
    assert not any(PASSWORD in text for ran in (refused, locked, built) for text in (ran.out, ran.err))
