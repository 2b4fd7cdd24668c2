"""Requirements of every kind with real packages: the examples that show them, and what markers select."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hatch_cloudrole.lock.indexes import Indexes
from hatch_cloudrole.lock.inputs import gather
from hatch_cloudrole.lock.uv import UvResolver
from hatch_cloudrole.process import run
from hatch_cloudrole.project import Project
from hatch_cloudrole.settings.model import Role
from hatch_cloudrole.target import Target

EXAMPLES = Path(__file__).parents[2] / "fixtures" / "projects"


@pytest.mark.network
@pytest.mark.usefixtures("network")
@pytest.mark.parametrize(
    ("platform", "there", "not_there"),
    [
        ("win_amd64", {"colorama", "tzdata"}, {"uvloop", "pexpect", "ptyprocess"}),
        ("manylinux_2_28_x86_64", {"uvloop", "pexpect", "ptyprocess"}, {"colorama"}),
        ("macosx_12_0_arm64", {"uvloop", "pexpect", "ptyprocess"}, {"colorama"}),
    ],
)
def test_a_requirements_file_is_resolved_for_the_target(
    tmp_path: Path, platform: str, there: set[str], not_there: set[str]
) -> None:
    text = "click\nportalocker\ntzlocal\nuvicorn[standard]\nipython\npsycopg[binary]\n"
    (tmp_path / "requirements.txt").write_text(text)
    target = Target.parse("3.13", platform)
    role = Role(name="Worker", type="worker", target=target, requirements=("requirements.txt",))
    asked = gather(Project(root=tmp_path, name="sample", version="1"), role)
    resolver = UvResolver(run=run, env=os.environ, indexes=Indexes(), root=tmp_path)
    names = {pin.name for pin in resolver.resolve(asked.requirements, [], target=target)}
    assert there <= names
    assert not not_there & names


@pytest.mark.network
@pytest.mark.usefixtures("network")
@pytest.mark.parametrize(
    ("example", "package", "role", "wheels"),
    [
        ("src-layout", "Inventory-2.3.0", "Count", {"humanize", "inventory"}),
        ("sdist-only", "SdistOnly-1.0", "Parse", {"antlr4_python3_runtime", "docopt"}),
    ],
)
def test_an_example_runs_from_its_wheelhouse_alone(
    tmp_path: Path, shared_cache: Path, example: str, package: str, role: str, wheels: set[str]
) -> None:
    root = tmp_path / example
    shutil.copytree(EXAMPLES / example, root, ignore=shutil.ignore_patterns("dist"))
    env = {**os.environ, "HATCH_CLOUDROLE_CACHE_DIR": str(shared_cache)}

    def cloudrole(*arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "hatch_cloudrole", *arguments], capture_output=True, text=True, env=env
        )
        assert done.returncode == 0, done.stderr

    cloudrole("build", str(root))
    cloudrole("extract", "-q", str(root / "dist" / f"{package}.cspkg"), str(tmp_path / "out"))
    approot = tmp_path / "out" / "Roles" / role / "approot"
    assert {path.name.split("-")[0] for path in (approot / "wheels").iterdir()} == wheels
    for path in (approot / "wheels").iterdir():  # pure Python runs from the archive
        env["PYTHONPATH"] = os.pathsep.join([str(path), env.get("PYTHONPATH", "")]).strip(os.pathsep)
    done = subprocess.run([sys.executable, "worker.py"], cwd=approot, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
