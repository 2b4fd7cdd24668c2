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


def test_both_powershell_scripts_find_the_interpreter_alike() -> None:
    """The part that they share stands in both, because either may be replaced by the project's own."""
    begin, end = b"# Begin of what ConfigureCloudService.ps1 and LaunchWorker.ps1", b"# End of what both"
    configure, launch = (WINDOWS[f"bin/{name}.ps1"] for name in ("ConfigureCloudService", "LaunchWorker"))
    shared = configure[configure.index(begin) : configure.index(end)]
    assert shared == launch[launch.index(begin) : launch.index(end)]
    assert b"function Find-Python(" in shared


def test_both_shell_scripts_find_the_interpreter_alike() -> None:
    begin, end = b"# Begin of what configure.sh and launch.sh", b"# End of what both"
    configure, launch = LINUX["bin/configure.sh"], LINUX["bin/launch.sh"]
    shared = configure[configure.index(begin) : configure.index(end)]
    assert shared == launch[launch.index(begin) : launch.index(end)]
    assert b"find_python()" in shared
