"""Roles whose packages were laid out at build time, configured and run by real interpreters."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import wheelmaker as make
from rolemaker import RoleOnInstance, host_pythons, tree_digest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs a Linux role")

PYTHONS = host_pythons()
PROGRAM = """
import json, subprocess, sys
from importlib.metadata import distributions, files
import alpha, beta
child = subprocess.run([sys.executable, "-c", "import alpha; print(alpha.HOOKED)"], stdout=subprocess.PIPE, text=True)
print(json.dumps({
    "hooked": alpha.HOOKED, "beta": beta.B, "child": child.stdout.strip(), "command": subprocess.run(["alpha"]).returncode,
    "distributions": sorted((each.metadata["Name"], each.version) for each in distributions() if each.metadata["Name"] == "alpha"),
    "files": sorted(str(each) for each in files("alpha") if "__pycache__" not in str(each)),
}))
"""


def alpha(version: str = "1.0", **more: bytes) -> dict[str, bytes]:
    files = {
        "alpha/__init__.py": f"VERSION = {version!r}\nHOOKED = False\n".encode(),
        "alpha/cli.py": b"def main():\n    return 3\n",
        "alpha.pth": b"import alpha; alpha.HOOKED = True\nalpha_extra\n",
        "alpha_extra/beta.py": b"B = 1\n",
        **{f"alpha/{name}.py": data for name, data in more.items()},
    }
    points = "[console_scripts]\nalpha = alpha.cli:main\n"
    return {
        make.wheel_name("alpha", version): make.wheel_bytes(
            "alpha", version, files=files, entry_points=points
        )
    }


@pytest.fixture
def role(tmp_path: Path) -> RoleOnInstance:
    return RoleOnInstance(tmp_path / "app root")


def unpacked(role: RoleOnInstance, wheels: dict[str, bytes], program: str = "") -> RoleOnInstance:
    return role.make(wheels, {"worker.py": program or PROGRAM}, install="unpacked")


@pytest.mark.parametrize(("minor", "python"), PYTHONS, ids=[minor for minor, _ in PYTHONS])
def test_program_sees_what_it_sees_of_installed_wheels(tmp_path: Path, minor: str, python: str) -> None:
    one, other = (
        RoleOnInstance(tmp_path / "a b", python, minor),
        RoleOnInstance(tmp_path / "c", python, minor),
    )
    seen = []
    for each in (unpacked(one, alpha()), other.make(alpha(), {"worker.py": PROGRAM})):
        done = each.configure().launch()
        assert done.returncode == 0, done.stderr
        seen.append(json.loads(done.stdout.splitlines()[-1]))
        assert each.run("check").returncode == 0
    assert seen[0] == seen[1]
    assert (seen[0]["hooked"], seen[0]["child"], seen[0]["command"]) == (True, "True", 3)
    assert not (one.approot / ".cloudrole" / "site-packages").exists()


def test_files_are_those_that_configure_would_have_written(role: RoleOnInstance, tmp_path: Path) -> None:
    """All but commands, which name their interpreter there, the RECORDs that list them, and compiled modules."""
    unpacked(role, alpha())
    installed = RoleOnInstance(tmp_path / "other").make(alpha()).configure()
    differ = {
        path
        for path, digest in (tree_digest(role.lib).items() ^ tree_digest(installed.site_packages).items())
        if "__pycache__" not in path
    }
    assert differ == {".cloudrole.json", "alpha-1.0.dist-info/RECORD", "bin/alpha"}


def test_second_configure_looks_at_nothing(role: RoleOnInstance) -> None:
    unpacked(role, alpha()).configure()
    (role.lib / "alpha" / "cli.py").write_text("changed, which only check would see")
    role.configure()
    assert [e["changed"] for e in role.events("configure.sh") if e["event"] == "installed"] == [True, False]
    done = role.run("check")
    assert done.returncode == 110
    assert "alpha/cli.py: is not what was installed; deploy the package again" in done.stdout


def test_launch_before_configure_is_refused(role: RoleOnInstance) -> None:
    assert unpacked(role, alpha()).launch().returncode == 106


@pytest.mark.parametrize("fault", ["changed", "missing", "record", "marker", "forgery"])
def test_damage_on_the_way_is_told(role: RoleOnInstance, fault: str) -> None:
    unpacked(role, alpha())
    module = role.lib / "alpha" / "cli.py"
    if fault == "changed":
        module.write_text("changed")
    elif fault == "missing":
        module.unlink()
    elif fault == "forgery":
        (role.lib / ".cloudrole.json").write_text('{"schema": 1, "records": {}, "executables": []}')
    elif fault == "record":
        (role.lib / "alpha-1.0.dist-info" / "RECORD").unlink()
    else:
        (role.lib / ".cloudrole.json").unlink()
    done = role.run("configure")
    assert done.returncode == 103
    last = role.log("configure.sh").splitlines()[-1]
    assert "deploy the package again" in last
    named = {"changed": "cli.py: is not what was packaged", "missing": "cli.py: is missing"}
    assert named.get(fault, str(role.lib)) in last
    assert role.launch().returncode == 106
    assert (role.lib / "alpha" / "__init__.py").is_file()


def test_new_version_over_the_old_one_leaves_no_stale_module(role: RoleOnInstance) -> None:
    unpacked(role, alpha(old=b"", twice=b"X = 1\n"), "import alpha.old, alpha.twice\n").configure()
    assert role.launch(PYTHONDONTWRITEBYTECODE="").returncode == 0
    before = (role.lib / "alpha" / "twice.py").stat()
    unpacked(
        role, alpha("2.0", twice=b"X = 2\n"), "import alpha.twice\nprint(alpha.twice.X)\nimport alpha.old\n"
    )
    # Same size and date as before: a compiled module that was left would be taken for this one's.
    os.utime(role.lib / "alpha" / "twice.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    done = role.configure().launch()
    assert done.stdout.startswith("2\n")
    assert "No module named 'alpha.old'" in done.stdout
    assert not list(role.lib.glob("alpha-1.0*"))
    assert role.run("check").returncode == 0


def test_packages_deployed_over_others_that_were_never_configured_are_looked_at(role: RoleOnInstance) -> None:
    unpacked(role, alpha()).configure()
    unpacked(role, alpha("2.0", new=b""))
    (role.lib / ".cloudrole.json").unlink()
    unpacked(role, alpha()).configure()
    assert not (role.lib / "alpha" / "new.py").exists()
    assert not list(role.lib.glob("alpha-2.0*"))
    assert role.run("check").returncode == 0


def test_other_users_files_need_no_mode(tmp_path: Path) -> None:
    """As the systemd unit has it: root deploys, and another user configures."""
    minor, python = python_of_another()
    role = for_another(tmp_path, python, minor)
    wheel = make.wheel_bytes("beta", files={"beta-1.0.data/scripts/tool": b"#!/bin/sh\n", "beta.py": b""})
    unpacked(role, {make.wheel_name("beta"): wheel}, "import beta\nprint('ran')\n")
    for command in ("configure", "launch"):
        done = subprocess.run(
            [*ANOTHER, *role.command(command)],
            env={**os.environ, **role.env},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert done.stdout == "ran\n"


def test_wheels_that_an_earlier_version_installed_are_gone(role: RoleOnInstance) -> None:
    role.make(alpha()).configure()
    unpacked(role, alpha("2.0")).configure()
    assert not role.site_packages.exists()
    assert role.launch().returncode == 0
    role.make(alpha("3.0"), {"worker.py": "import alpha\nprint(alpha.VERSION)\n"}).configure()
    assert role.launch().stdout == "3.0\n"


def test_command_finds_the_interpreter_of_configure(role: RoleOnInstance) -> None:
    unpacked(role, alpha()).configure()
    command = role.lib / "bin" / "alpha"
    assert command.stat().st_mode & 0o111
    assert subprocess.run([command], env={"PATH": "/usr/bin:/bin"}, check=False).returncode == 3


ANOTHER = (
    ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if hasattr(os, "geteuid") and os.geteuid() == 0
    else []
)
"""Root may write everywhere, so it becomes another user."""


def python_of_another() -> tuple[str, str]:
    """X.Y and path of a Python that the user of `ANOTHER` can run."""
    code = "import sys; open(sys.executable).close(); print('%d.%d' % sys.version_info[:2])"
    for path in (sys.executable, "/usr/bin/python3", *(path for _, path in PYTHONS)):
        try:
            done = subprocess.run(
                [*ANOTHER, path, "-c", code], capture_output=True, encoding="utf-8", check=False
            )
        except OSError:
            continue
        minor = done.stdout.strip()
        if done.returncode == 0 and minor in dict(PYTHONS):
            return minor, path
    pytest.skip("no Python here can be run by another user than root")


def for_another(tmp_path: Path, python: str, minor: str) -> RoleOnInstance:
    """A role whose home and logs everybody may write."""
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    home, logs = tmp_path / "home", tmp_path / "logs"
    for folder in (home, logs):
        folder.mkdir()
        folder.chmod(0o777)
    env = {"CLOUDROLE_LOG_DIR": str(logs), "CLOUDROLE_HOME": str(home)}
    return RoleOnInstance(tmp_path / "app", python, minor, env=env)


def test_lib_that_may_not_be_written_is_compiled_elsewhere(tmp_path: Path) -> None:
    minor, python = python_of_another()
    role = for_another(tmp_path, python, minor)
    home = tmp_path / "home"
    unpacked(role, alpha(), "import alpha.cli\nprint(alpha.cli.__cached__)\n").configure()
    folders = [role.lib, *(path for path in role.lib.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        env = {**os.environ, **role.env, "PYTHONDONTWRITEBYTECODE": ""}
        done = subprocess.run(
            [*ANOTHER, *role.command("launch")], env=env, capture_output=True, encoding="utf-8", check=False
        )
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(home / "pycache"))
    assert list((home / "pycache").rglob("cli*.pyc"))


def test_stale_file_that_cannot_be_removed_is_named(tmp_path: Path) -> None:
    minor, python = python_of_another()
    role = for_another(tmp_path, python, minor)
    unpacked(role, alpha())
    stale = role.lib / "alpha" / "stale.py"
    stale.write_text("")
    stale.parent.chmod(0o555)
    try:
        done = subprocess.run(
            [*ANOTHER, *role.command("configure")],
            env={**os.environ, **role.env},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    finally:
        stale.parent.chmod(0o755)
    assert done.returncode == 104
    last = done.stderr.splitlines()[-1]
    assert f"{stale}: Permission denied" in last
    assert "into an empty folder" in last


def test_killed_while_it_looks_the_next_run_heals(role: RoleOnInstance) -> None:
    unpacked(role, alpha(), "import alpha\n")
    (role.lib / "alpha" / "stale.py").write_text("")
    for delay in (0.05, 0.1, 0.15, 0.2, 0.25):
        process = subprocess.Popen(role.command("configure"), stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
    role.configure()
    expected = tree_digest(role.lib)
    assert "alpha/stale.py" not in expected
    assert role.launch().returncode == 0
