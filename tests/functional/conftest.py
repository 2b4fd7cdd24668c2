"""A local index of tiny packages, and projects that use it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import wheelmaker as make

from hatch_cloudrole.cli.main import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PACKAGES = {
    make.wheel_name("flask", "3.0"): make.wheel_bytes("flask", "3.0", requires=["click>=8", "markupsafe"]),
    make.wheel_name("click", "8.1"): make.wheel_bytes(
        "click", "8.1", requires=["colorama; sys_platform == 'win32'", "uvloop; sys_platform != 'win32'"]
    ),
    make.wheel_name("colorama", "0.4"): make.wheel_bytes("colorama", "0.4"),
    make.wheel_name("uvloop", "0.9"): make.wheel_bytes("uvloop", "0.9"),
    make.wheel_name("requests", "2.0"): make.wheel_bytes("requests", "2.0"),
    make.wheel_name("markupsafe", "3.0", "cp313-cp313-win_amd64"): make.wheel_bytes(
        "markupsafe", "3.0", tag="cp313-cp313-win_amd64"
    ),
    make.wheel_name("markupsafe", "3.0", "cp313-cp313-manylinux_2_17_x86_64"): make.wheel_bytes(
        "markupsafe", "3.0", tag="cp313-cp313-manylinux_2_17_x86_64"
    ),
    "wfastcgi-3.0.tar.gz": make.sdist_bytes("wfastcgi", "3.0"),
}

SETTINGS = """
[build-system]
requires = ["hatchling", "hatch-cloudrole"]
build-backend = "hatchling.build"

[project]
name = "shop"
version = "1.2"
requires-python = ">=3.10"
dependencies = ["flask"]

[tool.hatch.build.targets.cloudrole]
python = "3.13"
{target}

[tool.hatch.build.targets.cloudrole.roles.Web]
type = "web"
root = "web"
wsgi-handler = "app:app"

[tool.hatch.build.targets.cloudrole.roles.Orders]
type = "worker"
root = "orders"
startup-file = "worker.py"
dependencies = ["requests"]
{role}
"""


@dataclass
class Shop:
    """A small project, and the command line run in it."""

    root: Path
    capsys: pytest.CaptureFixture[str]

    def write(self, *, target: str = "", role: str = "", files: dict[str, str] | None = None) -> Shop:
        text = SETTINGS.format(target=target, role=role)
        own = {"web/app.py": "app = None\n", "orders/worker.py": "print('hello')\n", **(files or {})}
        for path, data in {"pyproject.toml": text, **own}.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            (self.root / path).write_text(data)
        return self

    def run(self, *argv: str) -> Ran:
        self.capsys.readouterr()
        code = run(list(argv))
        out, err = self.capsys.readouterr()
        return Ran(code, out, err)

    def build(self, *argv: str) -> Ran:
        return self.run("build", str(self.root), *argv)

    @property
    def package(self) -> Path:
        return self.root / "dist" / "shop-1.2.cspkg"

    @property
    def report(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.root / "dist" / "shop-1.2.report.json").read_text())
        return document

    def artifacts(self) -> list[str]:
        folder = self.root / "dist"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def index_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    make.write_index(folder, PACKAGES)
    return folder


@pytest.fixture
def index(index_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[make.IndexServer]:
    """The index, served, and known to uv as this host's own."""
    with make.serving(index_folder) as server:
        monkeypatch.setenv("UV_DEFAULT_INDEX", server.url)
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        monkeypatch.setenv("PIP_RETRIES", "0")
        yield server


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of the test's own, and a cache of uv's own."""
    monkeypatch.setenv("HATCH_CLOUDROLE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setenv("PIP_TOOLS_CACHE_DIR", str(tmp_path / "pip-tools-cache"))
    return tmp_path / "cache"


@pytest.fixture
def shop(tmp_path: Path, capsys: pytest.CaptureFixture[str], cache: Path) -> Shop:
    root = tmp_path / "project"
    root.mkdir()
    return Shop(root, capsys).write()


@pytest.fixture
def no_outside(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it, and from then on starting a program or opening a connection fails the test."""
    import socket
    import subprocess

    def forbidden(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("this must not reach outside")

    def close() -> None:
        monkeypatch.setattr(subprocess, "Popen", forbidden)
        monkeypatch.setattr(socket.socket, "connect", forbidden)

    return close
