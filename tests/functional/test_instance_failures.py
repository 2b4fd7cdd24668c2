"""What goes wrong on an instance at night: each leaves its exit code, and a last line of the log that helps."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import wheelmaker as make
from rolemaker import RoleOnInstance, host_pythons, tree_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs a Linux role")

OTHERS = [(minor, python) for minor, python in host_pythons() if python != sys.executable]
AS_ROOT = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root can mount a disk or become another user"
)


WORKER = {"worker.py": "import alpha\nprint(alpha.VERSION)\n"}


def alpha(version: str = "1.0") -> dict[str, bytes]:
    files = {"alpha/__init__.py": f"VERSION = {version!r}\n".encode()}
    return {make.wheel_name("alpha", version): make.wheel_bytes("alpha", version, files=files)}


@pytest.fixture
def role(tmp_path: Path) -> RoleOnInstance:
    return RoleOnInstance(tmp_path / "app").make(alpha(), WORKER)


def last_line(role: RoleOnInstance, script: str) -> str:
    return role.log(script).splitlines()[-1]


def set_role(role: RoleOnInstance, **changed: Any) -> None:
    file = role.approot / "bin" / "role.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))


@pytest.mark.parametrize(
    ("program", "code", "said"),
    [
        ("raise RuntimeError('no queue')", 1, "ended with exit code 1; what it wrote stands above"),
        ("import os; os.kill(os.getpid(), 11)", 139, "ended with exit code 139 (signal 11, SIGSEGV)"),
        ("import sys; sys.stdout.write('dying'); sys.exit(3)", 3, "ended with exit code 3; "),
        ("", 0, "ended with exit code 0"),
    ],
)
def test_end_of_the_program_is_a_line_of_its_own(
    role: RoleOnInstance, program: str, code: int, said: str
) -> None:
    role.write("worker.py", f"{program}\n".encode())
    assert role.configure().launch().returncode == code
    assert last_line(role, "launch.sh").startswith("20")
    assert said in last_line(role, "launch.sh")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"schema": 1, "role": "Ord', "is not JSON"),
        (b"", "is not JSON"),
        (b"\xff\xfe\0", "is not JSON"),
        (b"[]", "holds a list, not an object"),
        (b'{"schema": 1}', "role is None, not a text"),
        (None, "cannot be read"),
    ],
)
def test_damaged_role_json_is_told(role: RoleOnInstance, data: bytes | None, said: str) -> None:
    file = role.approot / "bin" / "role.json"
    file.unlink()
    if data is not None:
        file.write_bytes(data)
    for command, script in (("configure", "configure.sh"), ("launch", "launch.sh")):
        assert role.run(command).returncode == 101
        assert f"FAILED with exit code 101: {file}: {said}" in last_line(role, script)
        assert last_line(role, script).endswith(("deploy the package again", "deploy one package whole"))


@pytest.mark.parametrize("fault", ["missing", "damaged"])
def test_damaged_role_py_is_told(role: RoleOnInstance, fault: str) -> None:
    """Half a deployment: the log says so, even where nothing of ours can write it."""
    file = role.approot / "bin" / "_cloudrole" / "log.py"
    if fault == "missing":
        file.unlink()
    else:
        file.write_text("def (")
    assert role.run("launch").returncode == 101
    assert "FAILED with exit code 101: " in last_line(role, "launch.sh")
    assert str(role.approot / "bin" / "_cloudrole") in last_line(role, "launch.sh")
    assert last_line(role, "launch.sh").endswith("deploy the package again")


def test_packages_that_are_gone_are_told_and_made_again(role: RoleOnInstance) -> None:
    role.configure()
    shutil.rmtree(role.site_packages)
    assert role.launch().returncode == 106
    assert last_line(role, "launch.sh").endswith("run configure first")
    assert role.configure().launch().stdout == "1.0\n"
    shutil.rmtree(role.site_packages)
    role.site_packages.write_text("a file in its place")
    assert role.configure().launch().stdout == "1.0\n"


@pytest.mark.skipif(not OTHERS, reason="needs a second CPython on the PATH")
def test_other_interpreter_is_refused_until_it_is_configured(role: RoleOnInstance) -> None:
    """Packages of one version are not started with another, whose compiled modules would not load."""
    minor, python = OTHERS[-1]
    role.configure()
    other = RoleOnInstance(role.approot, python, minor)
    assert other.launch().returncode == 106
    said = last_line(role, "launch.sh")
    assert f"{python}: is Python {minor}, but the role is for {role.minor}; run configure first" in said
    assert other.run("configure").returncode == 102
    assert role.launch().stdout == "1.0\n"
    set_role(role, python=f"{minor}.0")  # a new package of the same wheels, for the other version
    assert role.launch().returncode == 106
    assert f"is Python {role.minor}, but the role is for {minor}" in last_line(role, "launch.sh")
    assert other.configure().launch().stdout == "1.0\n"
    compiled = [path.name for path in (role.site_packages / "alpha" / "__pycache__").iterdir()]
    assert compiled == [f"__init__.cpython-{minor.replace('.', '')}.pyc"]


@pytest.mark.skipif(not OTHERS, reason="needs a second CPython on the PATH")
def test_role_without_packages_is_not_started_with_another_python(role: RoleOnInstance) -> None:
    minor, python = OTHERS[-1]
    role.make({}, {"worker.py": "print('ran')\n"})
    assert role.launch().stdout == "ran\n"
    assert RoleOnInstance(role.approot, python, minor).launch().returncode == 106


def test_approot_may_be_moved(role: RoleOnInstance, tmp_path: Path) -> None:
    """Nothing that was installed holds the place where it was."""
    program = "import alpha\nprint(alpha.__file__)\nalpha.fail()\n"
    files = {"alpha/__init__.py": b"def fail():\n    raise RuntimeError\n"}
    wheel = make.wheel_bytes(
        "alpha", files=files, entry_points="[console_scripts]\nalpha = alpha:__name__.upper\n"
    )
    role.make({make.wheel_name("alpha"): wheel}, {"worker.py": program}).configure()
    role.approot.rename(tmp_path / "moved")
    role.approot = tmp_path / "moved"
    done = role.launch()
    assert done.stdout.splitlines()[0] == str(role.site_packages / "alpha" / "__init__.py")
    assert (
        str(tmp_path / "app") not in role.log("launch.sh").partition("RuntimeError")[0].split("moved", 1)[1]
    )
    assert role.run("check").returncode == 0
    role.configure()
    assert [e["changed"] for e in role.events("configure.sh") if e["event"] == "installed"] == [True, False]


def test_approot_with_its_interpreter_may_be_moved_and_is_configured_again(
    role: RoleOnInstance, tmp_path: Path
) -> None:
    real = role.python

    def inside() -> None:
        role.python = str(role.approot / "runtime" / "python3")

    (role.approot / "runtime").mkdir()
    (role.approot / "runtime" / "python3").symlink_to(real)
    inside()
    assert role.configure().launch().stdout == "1.0\n"
    role.approot.rename(tmp_path / "moved")
    role.approot = tmp_path / "moved"
    inside()
    assert role.launch().returncode == 106
    assert role.configure().launch().stdout == "1.0\n"


def test_another_home_is_configured_for_itself(role: RoleOnInstance) -> None:
    role.configure()
    assert role.launch(CLOUDROLE_HOME="other").returncode == 106
    role.configure(CLOUDROLE_HOME="other")
    assert role.launch(CLOUDROLE_HOME="other").stdout == "1.0\n"
    assert role.launch().stdout == "1.0\n"


@pytest.mark.parametrize("place", ["file", "missing drive"])
def test_home_that_cannot_be_made_is_told(role: RoleOnInstance, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    home = {"file": str(tmp_path / "file"), "missing drive": "/proc/gone"}[place]
    assert role.run("configure", env={"CLOUDROLE_HOME": home}).returncode == 104
    assert last_line(role, "configure.sh").endswith("choose another place with CLOUDROLE_HOME")
    assert home in last_line(role, "configure.sh")
    assert role.launch(CLOUDROLE_HOME=home).returncode == 106


def test_log_that_cannot_be_written_stops_nothing_and_is_told(role: RoleOnInstance) -> None:
    (role.approot / "logs").write_text("a file in its place")
    done = role.run("configure")
    assert done.returncode == 0
    assert "configure.sh.log: cannot be written" in done.stderr
    assert role.launch().stdout == "1.0\n"


def test_launch_while_packages_are_installed_has_them_whole_or_says_so(role: RoleOnInstance) -> None:
    files = {f"beta/m{number}.py": b"x = 1\n" * 300 for number in range(300)}
    wheels = {**alpha(), make.wheel_name("beta"): make.wheel_bytes("beta", files=files)}
    role.make(wheels, WORKER)
    process = subprocess.Popen(role.command("configure"), stderr=subprocess.DEVNULL)
    codes = []
    while process.poll() is None:
        done = role.launch()
        codes.append(done.returncode)
        assert (done.returncode, done.stdout) in {(106, ""), (0, "1.0\n")}
    assert process.returncode == 0
    assert 106 in codes, "configure was done before the first launch, so nothing was shown"
    assert role.launch().stdout == "1.0\n"


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=False
    )
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@AS_ROOT
def test_full_disk_with_the_logs_on_it_is_told_where_there_is_room(
    role: RoleOnInstance, tmp_path: Path
) -> None:
    big = {"beta/__init__.py": os.urandom(600_000).hex().encode()}
    role.make({make.wheel_name("beta"): make.wheel_bytes("beta", files=big)})
    with small_disk(tmp_path / "disk", "300k") as disk:
        logs = disk / "logs"
        done = role.run("configure", env={"CLOUDROLE_HOME": str(disk), "CLOUDROLE_LOG_DIR": str(logs)})
        assert done.returncode == 104
        line = (logs / "configure.sh.log").read_text().splitlines()[-1]
        assert f"{disk}: the disk is full" in line
        assert line.endswith("choose another place with CLOUDROLE_HOME")
        assert sorted(path.name for path in disk.iterdir()) == ["lock", "logs"]


@AS_ROOT
def test_program_runs_on_where_its_log_finds_no_room(role: RoleOnInstance, tmp_path: Path) -> None:
    role.make(
        {}, {"worker.py": "for _ in range(3000): print('x' * 100)\nprint('end')\nraise SystemExit(3)\n"}
    )
    with small_disk(tmp_path / "disk", "60k") as disk:
        done = role.launch(CLOUDROLE_LOG_DIR=str(disk / "logs"))
        assert done.returncode == 3
        assert done.stdout.endswith("\nend\n")
        assert "ended with exit code 3" in done.stderr.splitlines()[-1]
        (disk / "logs" / "launch.sh.events.jsonl").unlink()  # somebody makes room
        assert role.launch(CLOUDROLE_LOG_DIR=str(disk / "logs")).returncode == 3
        lines = (disk / "logs" / "launch.sh.log").read_text().splitlines()
        assert any(line.startswith("20") and "==== launch" in line for line in lines[5:])


@contextmanager
def owned_by_nobody() -> Iterator[RoleOnInstance]:
    """A role whose interpreter and folders every user may read, in a place that each may reach."""
    python = "/usr/bin/python3"
    if not Path(python).exists():
        pytest.skip("no interpreter that every user may start")
    command = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    minor = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        role = RoleOnInstance(Path(folder) / "app", python, minor)
        yield role.make(alpha(), WORKER)


def as_nobody(role: RoleOnInstance, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        role.command(command),
        user=65534,
        group=65534,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@AS_ROOT
def test_another_user_launches_what_root_has_configured_but_cannot_change_it() -> None:
    with owned_by_nobody() as role:
        role.configure()
        before = tree_digest(role.site_packages)
        done = as_nobody(role, "launch")
        assert (done.returncode, done.stdout) == (0, "1.0\n")
        role.make(alpha("2.0"), WORKER)
        done = as_nobody(role, "configure")
        assert done.returncode == 104
        assert "may not be written by this user" in done.stderr.splitlines()[-1]
        assert "configure.sh.log: cannot be written" in done.stderr
        assert tree_digest(role.site_packages) == before


@AS_ROOT
def test_wheel_that_may_not_be_read_is_told_as_that() -> None:
    with owned_by_nobody() as role:
        for folder in ("logs", ".cloudrole"):
            (role.approot / folder).mkdir()
            (role.approot / folder).chmod(0o777)
        wheel = next((role.approot / "wheels").iterdir())
        wheel.chmod(0o600)
        assert as_nobody(role, "configure").returncode == 103
        assert f"{wheel}: cannot be read (Permission denied); deploy" in last_line(role, "configure.sh")


@AS_ROOT
def test_packages_of_another_user_are_not_replaced_and_the_next_run_of_root_heals() -> None:
    with owned_by_nobody() as role:
        role.configure()
        for folder in (role.approot / "logs", role.approot / ".cloudrole"):
            shutil.chown(folder, 65534, 65534)
        (role.approot / ".cloudrole" / "lock").chmod(0o666)
        (role.approot / "logs" / "configure.sh.log").chmod(0o666)
        role.make(alpha("2.0"), WORKER)
        assert as_nobody(role, "configure").returncode == 104
        assert f"{role.site_packages}: may not be written by this user" in last_line(role, "configure.sh")
        assert role.configure().launch().stdout == "2.0\n"
        assert sorted(path.name for path in (role.approot / ".cloudrole").iterdir()) == [
            "lock",
            "python.txt",
            "site-packages",
        ]


@pytest.mark.parametrize("now", ["@1971-01-01 00:00:00", "@2037-01-01 00:00:00"])
def test_clock_that_jumps_harms_nothing(role: RoleOnInstance, now: str) -> None:
    if shutil.which("faketime") is None:
        pytest.skip("no faketime")
    role.configure()
    expected = tree_digest(role.site_packages)
    shutil.rmtree(role.site_packages)
    command = ["faketime", "-f", now, *role.command("configure")]
    subprocess.run(command, capture_output=True, check=True)
    assert tree_digest(role.site_packages) == expected
    subprocess.run(command, capture_output=True, check=True)
    assert role.configure().launch().stdout == "1.0\n"
    changed = [e["changed"] for e in role.events("configure.sh") if e["event"] == "installed"]
    assert changed == [True, True, False, False]


def test_folder_that_pythonpath_cannot_name_is_told(tmp_path: Path) -> None:
    """A separator of search paths in the way to approot would leave the program without its packages."""
    role = RoleOnInstance(tmp_path / "one:two" / "app").make(alpha(), WORKER)
    assert role.run("configure").returncode == 107
    said = f"{role.approot}: holds ':', which separates search paths; deploy into another folder"
    assert said in last_line(role, "configure.sh")
    assert role.launch().returncode == 107
    assert said in last_line(role, "launch.sh")
