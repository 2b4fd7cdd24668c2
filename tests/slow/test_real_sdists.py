"""Real packages that have no wheel: pure ones for Windows, C code refused or compiled for this host's kind."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = """
[build-system]
requires = ["hatchling", "hatch-cloudrole"]
build-backend = "hatchling.build"
[project]
name = "sample"
version = "1.0"
dependencies = {dependencies}
[tool.hatch.build.targets.cloudrole]
python = "{python}"
platform = "{platform}"
[tool.hatch.build.targets.cloudrole.roles.Worker]
type = "worker"
startup-file = "worker.py"
"""
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("network")]


def build(
    root: Path, cache: Path, *dependencies: str, kind: str = "win_amd64", python: str = "3.13"
) -> subprocess.CompletedProcess[str]:
    root.mkdir()
    text = PROJECT.format(dependencies=json.dumps(dependencies), platform=kind, python=python)
    (root / "pyproject.toml").write_text(text)
    (root / "worker.py").write_text("print('ready')\n")
    env = {**os.environ, "HATCH_CLOUDROLE_CACHE_DIR": str(cache)}
    argv = [sys.executable, "-m", "hatch_cloudrole", "build", str(root), "--json"]
    return subprocess.run(argv, capture_output=True, text=True, env=env)


def report(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["versions"]["cspkg"]


def test_pure_sdists_are_packed_for_windows(tmp_path: Path, shared_cache: Path) -> None:
    found = report(build(tmp_path / "p", shared_cache, "docopt", "antlr4-python3-runtime==4.9.3"))
    built = {each["wheel"]: each for each in found["sdists"]}
    assert set(built) == {
        "antlr4_python3_runtime-4.9.3-py3-none-any.whl",
        "docopt-0.6.2-py2.py3-none-any.whl",
    }
    for each in built.values():
        assert any(used.startswith("setuptools==") for used in each["used"]), (
            "what uv says of a build is understood"
        )


def test_c_code_for_windows_is_refused_together_with_what_helps(tmp_path: Path, shared_cache: Path) -> None:
    root = tmp_path / "p"
    done = build(root, shared_cache, "pycosat", "python-ldap")
    assert done.returncode == 4, done.stderr
    for name in ("pycosat", "python-ldap"):
        assert f"  - {name} " in done.stderr
        assert f"pip wheel --no-deps {name}==" in done.stderr
        assert f"no version of {name} has a wheel for cp313-win_amd64" in done.stderr
    assert list((root / "dist").glob("*")) == []


@pytest.mark.skipif(sys.platform != "linux", reason="compiles on Linux hosts alone")
def test_c_code_for_this_hosts_kind_is_compiled_audited_and_imports(
    tmp_path: Path, shared_cache: Path
) -> None:
    if not shutil.which("gcc"):
        pytest.skip("needs gcc")
    root = tmp_path / "p"
    kind = f"manylinux_2_28_{platform.machine()}"
    found = report(build(root, shared_cache, "pycosat", kind=kind, python=HERE))
    (how,) = found["sdists"]
    assert how["audited"]
    argv = [sys.executable, "-m", "hatch_cloudrole", "extract", "-q"]
    subprocess.run([*argv, str(root / "dist" / "sample-1.0.cspkg"), str(tmp_path / "out")], check=True)
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    own = str(venv / "bin" / "python")
    subprocess.run(
        [own, "-m", "pip", "install", "-q", "--no-index", "--find-links", "wheels", "--require-hashes",
         "-r", "requirements.txt"],
        cwd=tmp_path / "out" / "Roles" / "Worker" / "approot", check=True,
    )  # fmt: skip
    solved = "import pycosat; print(pycosat.solve([[1, -5, 4], [-1, 5, 3, 4], [-3, -4]]))"
    done = subprocess.run([own, "-c", solved], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.startswith("["), done.stderr


def test_pure_sdists_give_the_same_bytes_whichever_python_builds(tmp_path: Path, pythons: list[str]) -> None:
    """docopt and antlr4, built by each interpreter that is named."""
    from hatch_cloudrole.lock.indexes import Indexes
    from hatch_cloudrole.process import run
    from hatch_cloudrole.wheels.build import build_wheel, rewrite_wheel

    for requirement in ("docopt==0.6.2", "antlr4-python3-runtime==4.9.3"):
        folder = tmp_path / requirement
        folder.mkdir()
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", ".",
             requirement],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
        (sdist,) = folder.iterdir()
        found = set()
        for number, python in enumerate([sys.executable, *pythons]):
            built = build_wheel(
                sdist,
                folder / str(number),
                run=run,
                env=os.environ,
                indexes=Indexes(),
                root=folder,
                python=python,
            )
            found.add(rewrite_wheel(built.path, folder / f"{number}.whl").sha256)
        assert len(found) == 1, requirement
