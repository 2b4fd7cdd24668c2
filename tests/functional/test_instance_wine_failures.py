"""What goes wrong on Windows only, or differently there: on real Windows CPython under Wine."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import wheelmaker as make
from rolemaker import tree_digest
from winerole import CONFIGURE, LAUNCH, PYTHON, WINE, WineRole, warm, windows_path, windows_python, wine_role

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.wine,
    pytest.mark.skipif(not WINE, reason="CLOUDROLE_TEST_WINE names no folder with Wine and Windows CPython"),
]
KILLS = max(4, int(os.environ.get("CLOUDROLE_TEST_KILLS", "0")) // 10)


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    warm()


@pytest.fixture
def role(tmp_path: Path) -> WineRole:
    return wine_role(tmp_path / "app root")


def last_line(role: WineRole, script: str) -> str:
    return role.log(script).splitlines()[-1]


def test_missing_drive_is_told_and_a_log_there_stops_nothing(role: WineRole) -> None:
    role.make()
    assert role.run("configure", env={"CLOUDROLE_HOME": r"Q:\home"}).returncode == 104
    assert "FAILED with exit code 104: Q:\\" in last_line(role, CONFIGURE)
    assert last_line(role, CONFIGURE).endswith("choose another place with CLOUDROLE_HOME")
    done = role.run("configure", env={"CLOUDROLE_LOG_DIR": r"Q:\logs"})
    assert done.returncode == 0
    assert rf"Q:\logs\{CONFIGURE}.log: cannot be written" in done.stderr


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (
            "import ctypes; ctypes.windll.kernel32.ExitProcess(0xC0000005)",
            "exit code -1073741819 (0xC0000005); ",
        ),
        ("import sys; sys.stdout.write('dying'); sys.exit(3)", "exit code 3; what it wrote stands above"),
    ],
)
def test_end_of_the_program_is_a_line_of_its_own(role: WineRole, program: str, said: str) -> None:
    role.make(files={"worker.py": f"{program}\n"}).launch()
    assert last_line(role, LAUNCH).startswith("20")
    assert said in last_line(role, LAUNCH)


def test_other_python_is_refused_by_both(role: WineRole) -> None:
    role.make(None, None, python="3.12.1")
    assert role.run("configure").returncode == 102
    assert role.launch().returncode == 106
    assert f"is Python 3.{PYTHON}, but the role is for 3.12; run configure first" in last_line(role, LAUNCH)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can mount a small disk")
def test_full_disk_is_told_as_windows_says_it(role: WineRole, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)], check=False
    ).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        files = {f"beta/m{number}.txt": b"x" * 5000 for number in range(60)}
        role.make({make.wheel_name("beta"): make.wheel_bytes("beta", files=files)})
        assert role.run("configure", env={"CLOUDROLE_HOME": windows_path(disk)}).returncode == 104
        assert f"{windows_path(disk)}: the disk is full" in last_line(role, CONFIGURE)
        assert [path.name for path in disk.iterdir()] == ["lock"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def with_library(version: str) -> dict[str, bytes]:
    """A package with a DLL that can be loaded, and a module that is imported late."""
    files = {
        "alpha/__init__.py": f"VERSION = {version!r}\n".encode(),
        "alpha/_queue.pyd": (windows_python() / "DLLs" / "_queue.pyd").read_bytes(),
    }
    return {make.wheel_name("alpha", version): make.wheel_bytes("alpha", version, files=files)}


LOAD = """\
import importlib.util
spec = importlib.util.spec_from_file_location("_queue", os.path.join(os.path.dirname(alpha.__file__), "_queue.pyd"))
spec.loader.exec_module(importlib.util.module_from_spec(spec))
"""
STAND_IN_IT = "os.chdir(os.path.dirname(os.path.dirname(alpha.__file__)))\n"


class Running:
    """A program that holds something of version 1.0, while 2.0 is deployed over it."""

    def __init__(self, role: WineRole, folder: Path, hold: str) -> None:
        self.role = role
        self.stop = folder / "stop"
        started = folder / "started"
        program = (
            f"import alpha, os, time\n{hold}open({windows_path(started)!r}, 'w').close()\n"
            f"while not os.path.exists({windows_path(self.stop)!r}): time.sleep(0.05)\n"
            "print(alpha.VERSION)\n"
        )
        role.make(with_library("1.0"), {"worker.py": program}).configure()
        self.process = subprocess.Popen(
            role.command("launch"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 60
        while not started.exists():
            assert time.monotonic() < end, "the program has not started"
            time.sleep(0.05)
        role.make(with_library("2.0"), {"worker.py": "import alpha\nprint(alpha.VERSION)\n"})

    def finish(self) -> str:
        self.stop.touch()
        return self.process.communicate(timeout=60)[0].decode().strip()


def test_loaded_library_does_not_keep_a_new_version_out(role: WineRole, tmp_path: Path) -> None:
    """What the running program holds stays until the next run, beside what is new."""
    running = Running(role, tmp_path, LOAD)
    role.configure()
    left = [path.name for path in (role.approot / ".cloudrole").iterdir() if path.name.startswith("old.")]
    assert role.launch().stdout == "2.0\n"
    assert len(left) == 1
    assert running.finish() == "1.0"
    role.configure()
    assert sorted(path.name for path in (role.approot / ".cloudrole").iterdir()) == [
        "lock",
        "python.txt",
        "site-packages",
    ]


def test_folder_that_windows_does_not_let_go_is_told_and_left_whole(role: WineRole, tmp_path: Path) -> None:
    running = Running(role, tmp_path, STAND_IN_IT)
    before = tree_digest(role.site_packages)
    assert role.run("configure").returncode == 104
    said = last_line(role, CONFIGURE)
    assert (
        f"{windows_path(role.site_packages)}: may not be written by this user, or a program is using" in said
    )
    assert "end that program" in said
    assert tree_digest(role.site_packages) == before
    assert running.finish() == "1.0"
    assert role.configure().launch().stdout == "2.0\n"


def embedded_python(folder: Path) -> Path:
    """An interpreter like the embeddable distribution, which configure copies."""
    ignored = shutil.ignore_patterns("Scripts", "site-packages", "ensurepip", "test", "pydoc_data")
    shutil.copytree(windows_python(), folder, ignore=ignored)
    (folder / f"python3{PYTHON}._pth").write_text("Lib\nDLLs\n.\n")
    return folder / "python.exe"


def test_killed_while_it_copies_the_interpreter_the_next_run_heals(tmp_path: Path) -> None:
    role = wine_role(tmp_path / "app")
    role.interpreter = windows_path(embedded_python(tmp_path / "embedded"))
    wheel = make.wheel_bytes("alpha")
    role.make({make.wheel_name("alpha"): wheel}, {"worker.py": "import alpha, sys\nprint(sys.executable)\n"})
    home = role.approot / ".cloudrole"
    begin = time.monotonic()
    role.configure()
    whole = time.monotonic() - begin
    expected = tree_digest(home)
    chance = random.Random(6)
    interrupted = 0
    for _ in range(KILLS):
        (home / "python" / ".cloudrole.json").unlink(missing_ok=True)
        process = subprocess.Popen(
            role.command("configure"), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(chance.uniform(whole * 0.2, whole))
        process.kill()
        interrupted += process.wait() != 0
        if chance.random() < 0.5:
            role.configure()
            assert tree_digest(home) == expected
    role.configure()
    assert tree_digest(home) == expected
    assert sorted(path.name for path in home.iterdir()) == ["lock", "python", "python.txt", "site-packages"]
    assert interrupted, "no run was killed before it ended, so nothing was shown"
    assert role.launch().stdout.strip() == windows_path(home / "python" / "python.exe")


def test_children_have_the_packages_and_a_shell_finds_their_commands(role: WineRole) -> None:
    """As docs/instance.md has it: a command is a batch file, which only a shell finds by its bare name."""
    program = """\
import json, multiprocessing, subprocess, sys

def look(number):
    import alpha
    return [number, alpha.NAME]

def run(*words, **more):
    try:
        done = subprocess.run(*words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **more)
    except OSError as error:
        return type(error).__name__
    return done.stdout.decode().split()

if __name__ == "__main__":
    child = "try:\\n import alpha; print('has it')\\nexcept ImportError: print('has it not')"
    with multiprocessing.Pool(1) as pool:
        print(json.dumps([
            pool.map(look, [1, 2]),
            run([sys.executable, "-c", child]),
            *(run([sys.executable, option, "-c", child]) for option in ("-E", "-I", "-S")),
            run("alpha one", shell=True),
            run(["alpha", "one"]),
            run([sys.executable, "-m", "alpha.cli", "one"]),
        ]))
"""
    files = {
        "alpha/__init__.py": b"NAME = 'alpha'\n",
        "alpha/cli.py": b"import sys\ndef main():\n    print(*sys.argv[1:])\nif __name__ == '__main__': main()\n",
    }
    points = "[console_scripts]\nalpha = alpha.cli:main\n"
    wheel = make.wheel_bytes("alpha", files=files, entry_points=points)
    done = role.make({make.wheel_name("alpha"): wheel}, {"worker.py": program}).configure().launch()
    assert json.loads(done.stdout) == [
        [[1, "alpha"], [2, "alpha"]],
        ["has", "it"],
        *[["has", "it", "not"]] * 3,
        ["one"],
        "FileNotFoundError",
        ["one"],
    ], done.stderr
