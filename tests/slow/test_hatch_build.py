"""`hatch build` and isolated builds, with the plugin from a folder: in no registry, it is named by its address."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "fixtures" / "projects" / "guestbook"
pytestmark = [pytest.mark.network, pytest.mark.usefixtures("network")]


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A requirement for a fresh copy of this project: Hatch would keep an old one of the same address."""
    copy = tmp_path_factory.mktemp("plugin") / "hatch-cloudrole"
    copy.mkdir()
    for name in ("hatch_cloudrole", "pyproject.toml", "README.md", "LICENSE"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    return f"hatch-cloudrole @ {copy.as_uri()}"


def project(folder: Path, *, requires: list[str], target: str = "", more: str = "") -> Path:
    """The guestbook, with these build requirements, lines in the table of the target, and tables at the end."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("dist"))
    path = folder / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    lines = [
        f"requires = {requires!r}" if line.startswith("requires = ") else line for line in text.splitlines()
    ]
    head = "[tool.hatch.build.targets.cloudrole]"
    path.write_text("\n".join(lines).replace(head, f"{head}\n{target}") + f"\n{more}", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def hatch_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hatch")


def run(
    root: Path, cache: Path, home: Path, *argv: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    hidden = ("HATCH_ENV_ACTIVE", "PYTHONPATH", "VIRTUAL_ENV", "UV_NO_CONFIG")
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    env |= {
        "HATCH_DATA_DIR": str(home / "data"),
        "HATCH_CACHE_DIR": str(home / "cache"),
        "HATCH_CLOUDROLE_CACHE_DIR": str(cache),
    }
    return subprocess.run(
        [sys.executable, "-m", *argv], cwd=root, env={**env, **variables}, capture_output=True, text=True
    )


def reference(root: Path, cache: Path, home: Path) -> bytes:
    """What `cloudrole build` makes, which needs no build requirement; into a folder of its own."""
    env = {"PYTHONPATH": str(ROOT)}
    done = run(root, cache, home, "hatch_cloudrole", "build", "-q", "-d", "reference", **env)
    assert done.returncode == 0, done.stderr
    [package] = (root / "reference").glob("*.cspkg")
    data = package.read_bytes()
    shutil.rmtree(root / "reference")
    return data


def test_hatch_build_with_the_plugin_in_the_targets_dependencies(
    tmp_path: Path, shared_cache: Path, hatch_home: Path, plugin: str
) -> None:
    """Nothing in build-system.requires: wheels of the project are built as if there were no plugin."""
    root = project(tmp_path / "p", requires=["hatchling"], target=f'dependencies = ["{plugin}"]')
    expected = reference(root, shared_cache, hatch_home)
    done = run(root, shared_cache, hatch_home, "hatch", "build", "-t", "cloudrole")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (root / "dist" / "Guestbook-1.0.cspkg").read_bytes() == expected
    done = run(root, shared_cache, hatch_home, "hatch", "build", "-t", "cloudrole:zip")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (root / "dist" / "Guestbook-1.0.zip").is_file()
    text = (root / "pyproject.toml").read_text().replace('platform = "win_amd64"', 'platform = "amiga"')
    (root / "pyproject.toml").write_text(text)
    done = run(root, shared_cache, hatch_home, "hatch", "build", "-t", "cloudrole")
    assert done.returncode == 2, done.stdout + done.stderr
    assert 'found "amiga"' in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "argv", [["build"], ["uv", "build"], ["hatch", "build", "-t", "wheel"]], ids=["build", "uv", "hatch"]
)
def test_isolated_builds_with_the_hook(
    tmp_path: Path, shared_cache: Path, hatch_home: Path, plugin: str, argv: list[str]
) -> None:
    """The plugin in build-system.requires, the hook on: every front end has the package beside the wheel."""
    hook = '[tool.hatch.build.targets.wheel]\npackages = ["web/guestbook"]\n[tool.hatch.metadata]\nallow-direct-references = true\n'
    hook += "[tool.hatch.build.targets.wheel.hooks.cloudrole]\nenable-by-default = true\n"
    root = project(tmp_path / "p", requires=["hatchling", plugin], more=hook)
    expected = reference(root, shared_cache, hatch_home)
    done = run(root, shared_cache, hatch_home, *argv)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (root / "dist" / "Guestbook-1.0.cspkg").read_bytes() == expected
    assert list((root / "dist").glob("*.whl"))
