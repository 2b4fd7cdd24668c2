"""`role.py configure` with real interpreters: what it installs, and that it is whole or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import wheelmaker as make
from rolemaker import RoleOnInstance, host_pythons, tree_digest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs a Linux role")

PYTHONS = host_pythons()


def alpha(version: str = "1.0", files: dict[str, str] | None = None) -> dict[str, bytes]:
    data = make.wheel_bytes(
        "alpha",
        version,
        files={
            "alpha/__init__.py": f"VERSION = {version!r}\n".encode(),
            "alpha/cli.py": b"import sys\ndef main():\n    print('alpha', sys.argv)\n    return 3\n",
            **{path: text.encode() for path, text in (files or {}).items()},
        },
        entry_points="[console_scripts]\nalpha = alpha.cli:main\n",
    )
    return {make.wheel_name("alpha", version): data}


@pytest.fixture
def role(tmp_path: Path) -> RoleOnInstance:
    return RoleOnInstance(tmp_path / "app root")


@pytest.mark.parametrize(("minor", "python"), PYTHONS, ids=[minor for minor, _ in PYTHONS])
def test_installs_and_starts_on_every_python(tmp_path: Path, minor: str, python: str) -> None:
    role = RoleOnInstance(tmp_path, python, minor)
    role.make(alpha(), {"worker.py": "import alpha\nprint(alpha.VERSION)\n"}).configure()
    done = role.launch()
    assert (done.returncode, done.stdout) == (0, "1.0\n")


def test_second_run_with_nothing_changed_installs_nothing(role: RoleOnInstance) -> None:
    role.make(alpha()).configure()
    before = {path: path.stat().st_mtime_ns for path in role.site_packages.rglob("*")}
    role.configure()
    assert {path: path.stat().st_mtime_ns for path in role.site_packages.rglob("*")} == before
    assert [e["changed"] for e in role.events("configure.sh") if e["event"] == "installed"] == [True, False]


def test_new_version_leaves_no_stale_module(role: RoleOnInstance) -> None:
    role.make(alpha("1.0", {"alpha/old.py": ""})).configure()
    assert (role.site_packages / "alpha/old.py").is_file()
    role.make(alpha("2.0", {"alpha/new.py": ""})).configure()
    assert (role.site_packages / "alpha/new.py").is_file()
    assert not (role.site_packages / "alpha/old.py").exists()
    assert not list(role.site_packages.glob("alpha-1.0*"))


def test_own_module_of_the_same_date_and_size_is_the_new_one(role: RoleOnInstance) -> None:
    files = {"worker.py": "import own\nprint(own.Y)\n", "own.py": "Y = 1\n"}
    for number in (1, 2):
        role.make(files={**files, "own.py": f"Y = {number}\n"})
        os.utime(role.approot / "own.py", (10**9, 10**9))
        assert role.configure().launch(PYTHONDONTWRITEBYTECODE="").stdout == f"{number}\n"
    assert list(role.approot.glob("__pycache__/own.*.pyc"))


def test_entry_point_is_a_command_that_works_from_site_packages(role: RoleOnInstance) -> None:
    role.make(alpha()).configure()
    command = str(role.site_packages / "bin" / "alpha")
    done = subprocess.run([command, "a b", "ü"], capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout) == (3, "alpha ['alpha', 'a b', 'ü']\n")


def test_program_finds_the_commands_on_its_path(role: RoleOnInstance) -> None:
    program = "import subprocess, sys\nsys.exit(subprocess.run(['alpha']).returncode)\n"
    role.make(alpha(), {"worker.py": program}).configure()
    assert role.launch().returncode == 3


def test_schemes_of_a_wheel_go_where_target_installs_have_them(role: RoleOnInstance) -> None:
    files = {
        "beta-1.0.data/purelib/beta.py": b"B = 1\n",
        "beta-1.0.data/platlib/beta_c.py": b"C = 1\n",
        "beta-1.0.data/data/share/beta/x.txt": b"x",
        "beta-1.0.data/headers/beta.h": b"//",
        "beta-1.0.data/scripts/tool": b"#!python\nimport beta, sys\nsys.exit(beta.B)\n",
        "beta-1.0.data/scripts/tool.sh": b"#!/bin/sh\nexit 5\n",
    }
    role.make({make.wheel_name("beta"): make.wheel_bytes("beta", files=files)}).configure()
    found = {
        path for path in tree_digest(role.site_packages) if ".dist-info" not in path and "cache" not in path
    }
    assert found == {
        ".cloudrole.json",
        "beta.py",
        "beta_c.py",
        "share/beta/x.txt",
        "include/beta/beta.h",
        "bin/tool",
        "bin/tool.sh",
    }
    env = {**os.environ, "PYTHONPATH": str(role.site_packages)}
    assert subprocess.run([role.site_packages / "bin/tool"], env=env, check=False).returncode == 1
    assert subprocess.run([role.site_packages / "bin/tool.sh"], check=False).returncode == 5


def test_metadata_tells_who_installed_and_what(role: RoleOnInstance) -> None:
    role.make(
        alpha(),
        {"worker.py": "from importlib.metadata import *\nprint(version('alpha'), len(files('alpha')))\n"},
    )
    role.configure()
    info = role.site_packages / "alpha-1.0.dist-info"
    assert (info / "INSTALLER").read_text() == "hatch-cloudrole\n"
    assert role.launch().stdout == "1.0 8\n"
    assert role.run("check").returncode == 0


def test_modules_are_compiled_for_the_place_they_end_up_in(role: RoleOnInstance) -> None:
    program = "import alpha\nprint(alpha.__cached__, alpha.f.__code__.co_filename)\n"
    role.make(alpha(files={"alpha/__init__.py": "def f(): ...\n"}), {"worker.py": program}).configure()
    cached, shown = role.launch().stdout.split(".pyc ")
    assert Path(cached + ".pyc").is_file()
    assert shown.strip() == str(role.site_packages / "alpha/__init__.py")


def test_source_that_does_not_compile_is_installed_as_it_is(role: RoleOnInstance) -> None:
    role.make(alpha(files={"alpha/two.py": "print 'two'\n"})).configure()
    assert (role.site_packages / "alpha/two.py").read_text() == "print 'two'\n"


def test_corrupted_wheel_is_refused_and_the_old_packages_stay(role: RoleOnInstance) -> None:
    role.make(alpha("1.0")).configure()
    before = tree_digest(role.site_packages)
    role.make(alpha("2.0"))
    wheel = role.approot / "wheels" / make.wheel_name("alpha", "2.0")
    wheel.write_bytes(wheel.read_bytes()[:-1] + b"x")
    done = role.run("configure")
    assert done.returncode == 103
    assert "FAILED with exit code 103" in role.log("configure.sh").splitlines()[-1]
    assert "is corrupted" in role.log("configure.sh").splitlines()[-1]
    assert tree_digest(role.site_packages) == before
    assert role.launch().returncode == 106  # but what is launched is what was packaged, or nothing
    assert role.run("check").returncode == 110


def test_missing_wheel_is_named(role: RoleOnInstance) -> None:
    role.make(alpha())
    next((role.approot / "wheels").iterdir()).unlink()
    done = role.run("configure")
    assert done.returncode == 103
    assert "alpha-1.0-py3-none-any.whl: is missing" in done.stderr


def test_wheel_of_two_packages_with_one_file_is_told_and_the_later_wins(role: RoleOnInstance) -> None:
    wheels = {
        make.wheel_name(name): make.wheel_bytes(name, files={"shared.py": f"N = {name!r}\n".encode()})
        for name in ("one", "two")
    }
    role.make(wheels, {"worker.py": "import shared\nprint(shared.N)\n"}).configure()
    assert "shared.py is in one-1.0" in role.log("configure.sh")
    assert role.launch().stdout == "two\n"
    assert role.run("check").returncode == 0


@pytest.mark.parametrize(
    ("minor", "platform", "reason"),
    [
        ("3.7", None, "is Python"),
        (None, "win_amd64", "is built for"),
        (None, "manylinux_2_39_ppc64le", "machine"),
    ],
)
def test_interpreter_that_does_not_fit_is_refused(
    role: RoleOnInstance, minor: str | None, platform: str | None, reason: str
) -> None:
    changed = {**({"python": f"{minor}.1"} if minor else {}), **({"platform": platform} if platform else {})}
    done = role.make(alpha(), None, **changed).run("configure")
    assert done.returncode == 102
    assert reason in role.log("configure.sh").splitlines()[-1]


@pytest.mark.parametrize("name", ["python2.7", "python3.6", "python3.8"])
def test_python_that_is_too_old_is_told_in_the_log(role: RoleOnInstance, name: str) -> None:
    python = shutil.which(name)
    if python is None or subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip(f"no {name} here")
    role.make().python = python
    assert role.run("configure").returncode == 102
    assert "but role.py needs CPython 3.9 or later" in role.log("configure.sh").splitlines()[-1]


def test_settings_of_another_release_are_refused(role: RoleOnInstance) -> None:
    assert role.make(schema=2).run("configure").returncode == 101


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root can run something as another user"
)
def test_folder_that_may_not_be_written_is_named() -> None:
    python = "/usr/bin/python3"
    if not Path(python).exists():
        pytest.skip("no interpreter that every user may start")
    command = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    minor = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        role = RoleOnInstance(Path(folder), python, minor).make(alpha())
        done = subprocess.run(
            role.command("configure"),
            user=65534,
            group=65534,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    assert done.returncode == 104, done.stderr
    assert ".cloudrole: may not be written" in done.stderr.splitlines()[-1]


def test_home_may_lie_elsewhere(role: RoleOnInstance, tmp_path: Path) -> None:
    home = tmp_path / "local storage"
    role.env["CLOUDROLE_HOME"] = str(home)
    role.make(alpha(), {"worker.py": "import alpha\nprint(alpha.__file__)\n"}).configure()
    assert not (role.approot / ".cloudrole").exists()
    assert role.launch().stdout == f"{home}/site-packages/alpha/__init__.py\n"


def test_what_was_deployed_is_not_touched(role: RoleOnInstance) -> None:
    role.make(alpha())
    before = tree_digest(role.approot)
    role.configure()
    role.launch()
    after = tree_digest(role.approot)
    new = {path.split("/")[0] for path in set(after) - set(before)}
    assert new == {".cloudrole", "logs"}
    assert before.items() <= after.items()


def test_role_without_wheels_needs_no_configure(role: RoleOnInstance) -> None:
    assert role.make().launch().stdout == "hello\n"


def test_check_finds_what_was_changed_since(role: RoleOnInstance) -> None:
    role.make(alpha()).configure()
    (role.site_packages / "alpha/cli.py").write_text("changed")
    done = role.run("check")
    assert done.returncode == 110
    assert done.stdout.splitlines() == [
        f"{role.site_packages}/alpha/cli.py: is not what was installed; remove site-packages and run configure"
    ]
