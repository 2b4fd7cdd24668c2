"""Archives of a real Windows CPython, from the build to the program: what instances obtain does run.

The unpacking itself is PowerShell's, which Wine has not; here it is done as the scripts do it: fetched, checked
against role.json, unpacked into `.cloudrole/python-<version>`.
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import shutil
import subprocess
import tarfile
import threading
import urllib.request
import zipfile
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

import pytest

from hatch_cloudrole.cli.main import run
from hatch_cloudrole.runtime.archive import check_archive
from hatch_cloudrole.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.wine, pytest.mark.usefixtures("wine")]
MINOR = "3.13"
LEFT_OUT = {
    "Scripts",
    "ensurepip",
    "idlelib",
    "include",
    "lib2to3",
    "libs",
    "pip",
    "test",
    "tests",
    "tkinter",
}
PROJECT = """
[build-system]
requires = ["hatchling", "hatch-cloudrole"]
build-backend = "hatchling.build"
[project]
name = "jobs"
version = "1.0"
[tool.hatch.build.targets.cloudrole]
python = "3.13"
{runtime}
[tool.hatch.build.targets.cloudrole.roles.Jobs]
type = "worker"
root = "jobs"
startup-file = "worker.py"
"""
WORKER = (
    "import ctypes, decimal, json, sqlite3, ssl, sys, zlib\n"
    "row = sqlite3.connect(':memory:').execute('select 6 * 7').fetchone()\n"
    "print(json.dumps([sys.executable, sys.version.split()[0], sys.platform, row[0]]))\n"
    "raise SystemExit(3)\n"
)


@pytest.fixture
def files(wine: Path) -> dict[str, Path]:
    """The files of a Windows CPython, by path from its folder."""
    subprocess.run([f"{wine}/wine-start"], stdin=subprocess.DEVNULL, check=True)
    folder = wine.resolve() / f"py{MINOR.replace('.', '')}"
    paths = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {
        name.as_posix(): path
        for name, path in paths.items()
        if not LEFT_OUT.intersection(name.parts) and "__pycache__" not in name.parts
    }


@contextmanager
def feed(folder: Path) -> Iterator[str]:
    """A NuGet feed of files in a folder; its address."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        place = {"@id": f"{address}/flat", "@type": "PackageBaseAddress/3.0.0"}
        (folder / "index.json").write_text(json.dumps({"version": "3.0.0", "resources": [place]}))
        yield address
        server.shutdown()


def publish(folder: Path, files: dict[str, Path], version: str) -> None:
    place = folder / "flat" / "python"
    (place / version).mkdir(parents=True)
    (place / "index.json").write_text(json.dumps({"versions": ["3.13.0-rc1", version]}))
    with zipfile.ZipFile(place / version / f"python.{version}.nupkg", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files.items():
            archive.write(path, f"tools/{name}")


def package(root: Path, runtime: str) -> tuple[Path, dict[str, Any]]:
    """Build with this `runtime`; approot as the instance has it, and what role.json says of the interpreter."""
    (root / "jobs").mkdir(parents=True)
    (root / "jobs" / "worker.py").write_text(WORKER)
    (root / "pyproject.toml").write_text(PROJECT.format(runtime=runtime))
    assert run(["build", str(root)]) == 0
    built = root / "dist" / "jobs-1.0.cspkg"
    assert run(["verify", str(built)]) == 0
    assert run(["extract", "-q", str(built), str(root / "x")]) == 0
    approot = root / "x" / "Roles" / "Jobs" / "approot"
    found: dict[str, Any] = json.loads((approot / "bin" / "role.json").read_text())["runtime"]
    return approot, found


def obtain(approot: Path, runtime: dict[str, Any], archive: Path) -> str:
    """What ConfigureCloudService.ps1 does with an archive; the interpreter as Windows calls it."""
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == runtime["sha256"]
    target = approot / ".cloudrole" / f"python-{runtime['version']}"
    shutil.unpack_archive(archive, target, "zip")
    [python] = [
        each for place in ("", "python", "tools") if (each := target / place / "python.exe").is_file()
    ]
    return windows_path(python)


def windows_path(path: Path) -> str:
    return str(PureWindowsPath("Z:/", *path.parts[1:]))


def configured_and_launched(wine: Path, approot: Path, python: str) -> None:
    role_py = windows_path(approot / "bin" / "role.py")
    codes = []
    for command in ("configure", "configure", "check", "launch"):
        done = subprocess.run(
            [f"{wine}/wine", python, role_py, command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=300,
        )
        codes.append(done.returncode)
    assert codes == [0, 0, 0, 3], done.stderr
    executable, version, platform, answer = json.loads(done.stdout.splitlines()[0])
    assert PureWindowsPath(executable) == PureWindowsPath(python)
    assert version.startswith(f"{MINOR}.")
    assert (platform, answer) == ("win32", 42)


def test_nuget_package_that_the_build_pinned(wine: Path, files: dict[str, Path], tmp_path: Path) -> None:
    publish(tmp_path, files, "3.13.2")
    with feed(tmp_path) as address:
        approot, runtime = package(tmp_path / "pro ject", f'runtime = "nuget"\nnuget-feed = "{address}"')
        assert (runtime["version"], runtime["path"]) == ("3.13.2", "")
        fetched = tmp_path / "fetched"
        with urllib.request.urlopen(runtime["url"]) as answer:
            fetched.write_bytes(answer.read())
    configured_and_launched(wine, approot, obtain(approot, runtime, fetched))


def test_tar_gz_that_the_build_made_a_zip(wine: Path, files: dict[str, Path], tmp_path: Path) -> None:
    archive = tmp_path / "cpython.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for name, path in files.items():
            tar.add(path, f"python/{name}")
    check_archive(archive, archive.name, Target.parse(MINOR, "win_amd64"))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    own = f'os-family = 5\nruntime = {{ path = "{archive}", sha256 = "{digest}" }}'
    approot, runtime = package(tmp_path / "pro ject", own)
    assert runtime["path"] == "runtime/cpython.zip"
    configured_and_launched(wine, approot, obtain(approot, runtime, approot / runtime["path"]))
