"""`role.py configure` that is killed, that meets another one, or that finds no room."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import wheelmaker as make
from rolemaker import RoleOnInstance, tree_digest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs a Linux role")

KILLS = int(os.environ.get("CLOUDROLE_TEST_KILLS", "8"))


def wheelhouse(version: str = "1.0", packages: int = 6, modules: int = 60) -> dict[str, bytes]:
    """Enough of it that there are moments to be killed at."""
    wheels = {}
    for number in range(packages):
        name = f"package{number}"
        files = {
            f"{name}/m{module}.py": f"def f(x):\n    return x + {module}  # {version}\n".encode() * 20
            for module in range(modules)
        }
        files[f"{name}/__init__.py"] = b""
        wheels[make.wheel_name(name, version)] = make.wheel_bytes(name, version, files=files)
    return wheels


def test_killed_at_any_moment_the_next_run_heals(tmp_path: Path) -> None:
    role = RoleOnInstance(tmp_path / "app").make(wheelhouse())
    begin = time.monotonic()
    role.configure()
    whole = time.monotonic() - begin
    expected = tree_digest(role.approot / ".cloudrole")
    chance = random.Random(4)
    interrupted = 0
    for _ in range(KILLS):
        if chance.random() < 0.3:
            shutil.rmtree(role.approot / ".cloudrole", ignore_errors=True)
        else:
            # Anything else than what is wanted makes it install again, over what is there.
            (role.site_packages / ".cloudrole.json").unlink(missing_ok=True)
        process = subprocess.Popen(role.command("configure"), stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, whole))
        process.kill()
        interrupted += process.wait() == -signal.SIGKILL
        if chance.random() < 0.5:
            continue  # killed again before it could heal
        role.configure()
        assert tree_digest(role.approot / ".cloudrole") == expected
    role.configure()
    assert tree_digest(role.approot / ".cloudrole") == expected
    assert sorted(path.name for path in (role.approot / ".cloudrole").iterdir()) == [
        "lock",
        "python.txt",
        "site-packages",
    ]
    assert interrupted, "no run was killed before it ended, so nothing was shown"


def test_two_at_once_install_once(tmp_path: Path) -> None:
    role = RoleOnInstance(tmp_path).make(wheelhouse())
    both = [subprocess.Popen(role.command("configure"), stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    changed = [event["changed"] for event in role.events("configure.sh") if event["event"] == "installed"]
    assert sorted(changed) == [False, True]
    assert role.run("check").returncode == 0


def test_second_one_waits_for_the_first(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    role = RoleOnInstance(tmp_path).make(wheelhouse())
    lock = tmp_path / ".cloudrole" / "lock"
    lock.parent.mkdir()
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        process = subprocess.Popen(role.command("configure"), stderr=subprocess.PIPE, encoding="utf-8")
        assert process.stderr is not None
        assert any("another configure is at work" in line for line in process.stderr)
        assert process.poll() is None
        assert not role.site_packages.exists()
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert role.site_packages.exists()


def test_lock_ends_with_the_process_that_holds_it(tmp_path: Path) -> None:
    role = RoleOnInstance(tmp_path).make(wheelhouse())
    process = subprocess.Popen(role.command("configure"), stderr=subprocess.DEVNULL)
    while not (tmp_path / ".cloudrole" / "lock").exists():
        time.sleep(0.01)
    process.kill()
    process.wait()
    begin = time.monotonic()
    role.configure()
    assert "another configure" not in role.log("configure.sh")
    assert time.monotonic() - begin < 60


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can mount a small disk")
def test_full_disk_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)], check=False)
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        role = RoleOnInstance(tmp_path / "app", env={"CLOUDROLE_HOME": str(disk)}).make(wheelhouse())
        done = role.run("configure")
        assert done.returncode == 104, done.stderr
        assert "the disk is full" in role.log("configure.sh").splitlines()[-1]
        assert [path.name for path in disk.iterdir()] == ["lock"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)
