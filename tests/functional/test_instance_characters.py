"""Whatever characters they hold, what a role was given reaches its program: through sh, and through cmd.exe."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

import pytest
import wheelmaker as make
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from rolemaker import RoleOnInstance

WINE = os.environ.get("CLOUDROLE_TEST_WINE", "")
PYTHON = "13"
SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]
TELL = """\
import json, os, sys, alpha
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "told.json"), "w", encoding="ascii") as file:
    json.dump([sys.argv, os.environ["OWN"], os.environ["INHERITED"], os.getcwd(), sys.path], file)
sys.exit(7)
"""
SPECIAL = " '\"%&^!$()`\\;|<>*?[]{}~#=,+@:-."
FORBIDDEN = '<>:"/\\|?*'  # in names of Windows; ';' separates the paths of PYTHONPATH there


@dataclass(frozen=True)
class Given:
    """What one role is made of: the folders' names, and what the program is to get."""

    approot: str
    folder: str
    paths: list[str]
    arguments: list[str]
    own: str
    inherited: str


def texts(more: str = "") -> st.SearchStrategy[str]:
    """Any text that a process can be given, with what shells find special more often than chance has it."""
    letters = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
    words = st.text(st.one_of(st.sampled_from(SPECIAL + more), letters), max_size=40)
    known = st.sampled_from(
        [
            "",
            "%PATH%",
            "$(id)",
            "`id`",
            "!PATH!",
            "^&",
            '"',
            "\\",
            'a\\"b',
            "x" * 200,
            "gr\u00fc\u00df \u65e5",
        ]
    )
    return st.one_of(words, st.lists(st.one_of(words, known), max_size=4).map("".join))


def names(*, windows: bool) -> st.SearchStrategy[str]:
    """Names of folders. A separator of search paths is left out: nobody can say it in PYTHONPATH."""
    special = "".join(each for each in SPECIAL if not (windows and each in FORBIDDEN))
    separator = ";" if windows else ":"
    letters = st.characters(categories=["L", "N", "S"], exclude_characters=FORBIDDEN)
    parts = st.text(st.one_of(st.sampled_from(special.replace(separator, "")), letters), max_size=50)
    ends = st.text(
        st.sampled_from("az09_" + ("" if windows else special.replace(separator, ""))),
        min_size=1,
        max_size=20,
    )
    return (
        # Windows starts no program in a folder whose path has more than 258 characters.
        st.tuples(st.sampled_from(["", "x", "x" * (20 if windows else 150)]), parts, ends)
        .map("".join)
        .filter(lambda name: len(name.encode()) < 255 and name.strip(". ") != "")
        .filter(lambda name: not windows or name == name.strip())
    )


def roles(*, windows: bool) -> st.SearchStrategy[Given]:
    name = names(windows=windows)
    value = texts() if not windows else texts().map(lambda text: text[:500])
    return st.builds(
        Given, name, name, st.lists(name, max_size=3), st.lists(texts(), max_size=5), value, value
    )


ALL = Given(
    approot="it's 100% $HOME `id` & (a) !b! ^c gr\u00fc\u00df \u65e5\u672c " + "x" * 100 + ";[#]~",
    folder="work & %PATH% $(id)",
    paths=["lib one", "lib!two!", "%TEMP%", "l" * 200],
    arguments=[
        "",
        'say "hi"',
        "it's",
        "%PATH% 100%",
        "a&b|c>d<e^f!g",
        "$(id) `id` $HOME",
        "\\",
        "\\\\ends \\",
        "gr\u00fc\u00df \U0001f40d",
        "x" * 200,
        "tab\tand\nline",
    ],
    own="a&b|c>d<e^f!g %PATH% $(id) `id` \"q\" 'r' gr\u00fc\u00df " + "x" * 200,
    inherited="a&b|c>d<e^f!g %PATH% $(id) `id` \"q\" 'r' gr\u00fc\u00df " + "y" * 200,
)


ON_WINDOWS = dataclasses.replace(ALL, approot=ALL.approot.replace("%", "").replace(";", ""))


def make_role(role: RoleOnInstance, given: Given) -> None:
    """Make it anew in its folder, with a package that has to be found."""
    shutil.rmtree(role.approot, ignore_errors=True)
    wheels = {make.wheel_name("alpha"): make.wheel_bytes("alpha")}
    files = {"worker.py": TELL, f"{given.folder}/x": "", **{f"{path}/x": "" for path in given.paths}}
    role.make(
        wheels,
        files,
        arguments=given.arguments,
        environment={"OWN": given.own},
        working_directory=given.folder,
        search_paths=given.paths,
    )


def check_told(role: RoleOnInstance, given: Given, separator: str, root: str) -> None:
    told = role.approot / "told.json"
    argv, own, inherited, folder, path = json.loads(told.read_text(encoding="ascii"))
    assert argv == [separator.join([root, "worker.py"]), *given.arguments]
    assert own == given.own
    assert inherited == given.inherited
    assert folder == separator.join([root, given.folder])
    expected = list(dict.fromkeys([root, *(separator.join([root, each]) for each in given.paths)]))
    assert path[: len(expected)] == expected


@pytest.mark.skipif(sys.platform != "linux", reason="runs a Linux role")
@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(role_given=roles(windows=False))
@example(role_given=ALL)
def test_through_sh_everything_arrives(tmp_path: Path, shell: str, role_given: Given) -> None:
    role = RoleOnInstance(tmp_path / role_given.approot)
    make_role(role, role_given)
    words = ["busybox", "sh"] if shell == "busybox" else [shell]
    for script, code in (("configure.sh", 0), ("launch.sh", 7)):
        done = subprocess.run(
            [*words, f"bin/{script}"],
            env={
                "PATH": "/usr/bin:/bin",
                "LC_ALL": "C.UTF-8",
                "PYTHON": role.python,
                "INHERITED": role_given.inherited,
            },
            cwd=role.approot,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == code, done.stderr
    check_told(role, role_given, "/", str(role.approot))


def windows_path(path: Path) -> str:
    """How Wine shows a path of this machine."""
    return str(PureWindowsPath("Z:/", *path.parts[1:]))


STAND_IN = """\
import os, subprocess, sys
script = sys.argv[sys.argv.index("-File") + 1]
command = {"ConfigureCloudService.ps1": "configure", "LaunchWorker.ps1": "launch"}[script]
sys.exit(subprocess.run([sys.executable, os.path.join(os.getcwd(), "role.py"), command]).returncode)
"""


@pytest.mark.wine
@pytest.mark.skipif(not WINE, reason="CLOUDROLE_TEST_WINE names no folder with Wine and Windows CPython")
@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # to make a case smaller would take very long
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(role_given=roles(windows=True))
@example(role_given=ON_WINDOWS)
@example(role_given=dataclasses.replace(ON_WINDOWS, approot="100% %PATH% %~dp0 100%"))
def test_through_cmd_everything_arrives(tmp_path: Path, role_given: Given) -> None:
    """As Azure starts it: the task's command in approot, cmd, ps.cmd, what stands in for PowerShell, role.py."""
    role = RoleOnInstance(tmp_path / role_given.approot, minor=f"3.{PYTHON}", platform="win_amd64")
    make_role(role, role_given)
    (tmp_path / "stand in.py").write_text(STAND_IN)
    stand_in = tmp_path / "power shell.cmd"
    python = windows_path(Path(WINE).resolve() / f"py3{PYTHON}" / "python.exe")
    stand_in.write_text(f'@"{python}" "{windows_path(tmp_path / "stand in.py")}" %*\r\n', newline="")
    for script, command, code in (
        ("ConfigureCloudService.ps1", "configure", 0),
        ("LaunchWorker.ps1", "launch", 7),
    ):
        words = ["cmd", "/c", rf"bin\ps.cmd {script}"]
        if "%" in role_given.approot:
            # This cmd (not Windows') replaces what %~dp0 and %CD% were replaced with once more.
            words = [python, windows_path(role.approot / "bin" / "role.py"), command]
        done = subprocess.run(
            [f"{WINE}/wine", *words],
            env={
                **os.environ,
                "CLOUDROLE_POWERSHELL": windows_path(stand_in),
                "INHERITED": role_given.inherited,
            },
            cwd=role.approot,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        logs = role.approot / "logs"
        said = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(logs.glob("*.log"))]
        assert done.returncode == code, (done.stdout, done.stderr, said)
    check_told(role, role_given, "\\", windows_path(role.approot))
