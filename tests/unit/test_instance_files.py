"""Which files an instance gets, and how they end their lines."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import hatch_cloudrole.instance
from hatch_cloudrole.instance import instance_files
from hatch_cloudrole.target import Target

FOLDER = Path(hatch_cloudrole.instance.__file__).parent
SCRIPTS = {"bin/ps.cmd", "bin/ConfigureCloudService.ps1", "bin/LaunchWorker.ps1", "bin/role.py"}
WINDOWS = instance_files(Target.parse("3.13", "win_amd64"))
LINUX = instance_files(Target.parse("3.13", "manylinux_2_28_x86_64"))


def test_windows_gets_powershell_and_batch() -> None:
    outside = {path for path in WINDOWS if "_cloudrole/" not in path}
    assert outside == SCRIPTS


def test_linux_gets_sh_and_a_unit_too() -> None:
    """The service documents name the Windows scripts whatever the target is."""
    outside = {path for path in LINUX if "_cloudrole/" not in path}
    assert outside == {*SCRIPTS, "bin/configure.sh", "bin/launch.sh", "bin/role.service"}


def test_unit_goes_by_its_role() -> None:
    named = instance_files(Target.parse("3.13", "manylinux_2_28_x86_64"), unit="Orders")
    assert named.pop("bin/Orders.service") == LINUX["bin/role.service"]
    assert named == {path: data for path, data in LINUX.items() if path != "bin/role.service"}


def test_macos_has_no_systemd() -> None:
    assert "bin/role.service" not in instance_files(Target.parse("3.13", "macosx_11_0_arm64"))


@pytest.mark.parametrize("path", sorted({**WINDOWS, **LINUX}))
def test_lines_end_as_the_reader_needs(path: str) -> None:
    data = {**WINDOWS, **LINUX}[path]
    assert data.isascii()
    breaks, pairs = data.count(b"\n"), data.count(b"\r\n")
    assert pairs == (breaks if path.endswith((".cmd", ".ps1")) else 0)
    assert data.endswith(b"\n")


def test_every_module_travels() -> None:
    modules = {f"bin/{path.relative_to(FOLDER).as_posix()}" for path in (FOLDER / "_cloudrole").rglob("*.py")}
    assert len(modules) > 15
    assert modules <= set(WINDOWS)
    assert modules <= set(LINUX)


@pytest.mark.parametrize("path", sorted(path for path in LINUX if path.endswith(".py")))
def test_instance_code_is_python_3_9_and_imports_nothing_of_the_host(path: str) -> None:
    tree = ast.parse(LINUX[path], feature_version=(3, 9))
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module or ""
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom)) and not getattr(node, "level", 0)
        for alias in node.names
    }
    assert not {name for name in imported if name.startswith(("hatch", "packaging"))}


@pytest.mark.parametrize("name", ["interpreter.ps1", "interpreter.sh"])
def test_what_both_scripts_need_lies_where_it_is_always_ours(name: str) -> None:
    """Either script may be replaced by the project's own; what finds the interpreter stays."""
    shared = f"bin/_cloudrole/{name}"
    assert shared in LINUX
    assert (shared in WINDOWS) == name.endswith(".ps1")
    scripts = [path for path in LINUX if path.startswith("bin/") and path.count("/") == 1]
    users = [path for path in scripts if name.encode() in LINUX[path]]
    suffix = name.rpartition(".")[2]
    assert users == [path for path in scripts if path.endswith(suffix)]
    assert len(users) == 2
