"""`role.py launch` with real interpreters: what reaches the program, and what comes back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import wheelmaker as make
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rolemaker import RoleOnInstance, host_pythons

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs a Linux role")

PYTHONS = host_pythons()
ODD = [
    "two words",
    'say "hi"',
    "it's",
    "%PATH%",
    "a&b|c>d<e^f!g",
    "$(whoami) `id` $HOME",
    "\\",
    "ends with \\",
    "gr\u00fc\u00df \u65e5\u672c \U0001f40d",
    "",
    "*.py",
    "x" * 200,
    "tab\tand\nline",
    "--help",
    "-c",
]
TELL = """\
import json, os, sys
print(json.dumps([sys.argv[1:], os.environ.get("ODD"), os.getcwd(), sys.path, sys.argv[0]]))
"""
PTH = {
    "alpha/__init__.py": b"HOOKED = False\n",
    "alpha.pth": b"import alpha; alpha.HOOKED = True\nalpha_extra\n",
    "alpha_extra/beta.py": b"B = 1\n",
}


def alpha() -> dict[str, bytes]:
    return {make.wheel_name("alpha"): make.wheel_bytes("alpha", files=PTH)}


@pytest.mark.parametrize(("minor", "python"), PYTHONS, ids=[minor for minor, _ in PYTHONS])
def test_arguments_environment_and_folders_arrive_unchanged(tmp_path: Path, minor: str, python: str) -> None:
    root = tmp_path / 'it\'s a "role" 100% $HOME `x` & gr\u00fc\u00df'
    role = RoleOnInstance(root, python, minor)
    odd = "".join(ODD)
    folder = "work & play"
    paths = ["lib one", "lib;two", "lib:three", "100%20"]
    files = {"worker.py": TELL, f"{folder}/x": "", **{f"{path}/x": "" for path in paths}}
    role.make(
        alpha(), files, arguments=ODD, environment={"ODD": odd}, working_directory=folder, search_paths=paths
    ).configure()
    done = role.launch()
    assert done.returncode == 0, done.stderr
    arguments, value, cwd, path, program = json.loads(done.stdout)
    assert arguments == ODD
    assert value == odd
    assert cwd == str(root / folder)
    assert program == str(root / "worker.py")
    assert path[:5] == [str(root), *(str(root / each) for each in paths)]
    assert path.index(str(role.site_packages)) > next(
        i for i, each in enumerate(path) if each.endswith("lib-dynload")
    )


@pytest.mark.parametrize(("minor", "python"), PYTHONS, ids=[minor for minor, _ in PYTHONS])
def test_child_processes_have_the_packages_and_no_trace_of_us(
    tmp_path: Path, minor: str, python: str
) -> None:
    program = """\
import json, multiprocessing, subprocess, sys
import alpha, beta

def look(_):
    import alpha, beta, lib
    ours = [name for name in sys.modules if "cloudrole" in name]
    ours += [path for path in sys.path if path.endswith("bin") or "startup" in path]
    return [alpha.HOOKED, beta.B, lib.L, ours]

if __name__ == "__main__":
    child = "import worker, json; print(json.dumps(worker.look(0)))"
    print(json.dumps([
        look(0),
        json.loads(subprocess.run([sys.executable, "-c", child], stdout=subprocess.PIPE).stdout),
        multiprocessing.get_context("spawn").Pool(1).map(look, [0])[0],
    ]))
"""
    role = RoleOnInstance(tmp_path, python, minor)
    role.make(alpha(), {"worker.py": program, "lib/lib.py": "L = 2\n"}, search_paths=["lib"]).configure()
    done = role.launch()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [[True, 1, 2, []]] * 3


def test_packages_come_before_the_interpreters_own(tmp_path: Path) -> None:
    """What was pinned is what runs, even where the machine's Python has another version."""
    wheels = {make.wheel_name("pytest"): make.wheel_bytes("pytest", files={"pytest.py": b"OURS = 1\n"})}
    role = (
        RoleOnInstance(tmp_path)
        .make(wheels, {"worker.py": "import pytest\nprint(pytest.OURS)\n"})
        .configure()
    )
    assert role.launch().stdout == "1\n"


def test_sitecustomize_of_the_interpreter_still_runs(tmp_path: Path) -> None:
    """A file of that name that was there before us is not lost."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "sitecustomize.py").write_text("import builtins\nbuiltins.BEFORE_US = 1\n")
    role = RoleOnInstance(tmp_path / "app").make(
        alpha(), {"worker.py": "import alpha\nprint(BEFORE_US, alpha.HOOKED)\n"}
    )
    role.configure()
    assert role.launch(PYTHONPATH=str(other)).stdout == "1 True\n"


def test_module_is_started_as_python_does(tmp_path: Path) -> None:
    files = {
        "orders/__init__.py": "",
        "orders/worker.py": "import sys\nprint(__name__, __spec__.name, sys.argv[1:])\n",
    }
    role = RoleOnInstance(tmp_path).make(
        files=files, startup_file="", startup_module="orders.worker", arguments=["a b"]
    )
    assert role.launch().stdout == "__main__ orders.worker ['a b']\n"


@pytest.mark.parametrize("code", [0, 1, 3, 70, 255])
def test_exit_code_is_the_programs(tmp_path: Path, code: int) -> None:
    role = RoleOnInstance(tmp_path).make(files={"worker.py": f"import sys\nsys.exit({code})\n"})
    assert role.launch().returncode == code
    assert role.events("launch.sh")[-1]["code"] == code


def test_failing_program_leaves_its_traceback_in_the_log(tmp_path: Path) -> None:
    role = RoleOnInstance(tmp_path).make(files={"worker.py": "raise RuntimeError('no queue')\n"})
    assert role.launch().returncode == 1
    lines = role.log("launch.sh").splitlines()
    assert "RuntimeError: no queue" in lines
    assert lines[-1].endswith("ended with exit code 1; what it wrote stands above")


def test_death_by_signal_is_told(tmp_path: Path) -> None:
    role = RoleOnInstance(tmp_path).make(files={"worker.py": "import os\nos.kill(os.getpid(), 9)\n"})
    assert role.launch().returncode == 128 + 9


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signal_reaches_the_program_which_ends_as_it_likes(tmp_path: Path, number: signal.Signals) -> None:
    program = f"""\
import signal, sys, time
signal.signal({int(number)}, lambda *_: sys.exit(42))
print("ready")
while True:
    time.sleep(0.05)
"""
    role = RoleOnInstance(tmp_path).make(files={"worker.py": program})
    with subprocess.Popen(
        role.command("launch"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.wait(30) == 42


def test_killed_launch_takes_the_program_with_it(tmp_path: Path) -> None:
    program = "import os, time\nprint(os.getpid())\nwhile True: time.sleep(0.05)\n"
    role = RoleOnInstance(tmp_path).make(files={"worker.py": program})
    with subprocess.Popen(
        role.command("launch"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        program_id = int(process.stdout.readline())
        process.kill()
    end = time.monotonic() + 20
    while Path(f"/proc/{program_id}").exists():
        assert time.monotonic() < end, "the program outlived the process that started it"
        time.sleep(0.05)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    arguments=st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))),
    value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
)
def test_any_argument_and_value_arrives(tmp_path: Path, arguments: list[str], value: str) -> None:
    role = RoleOnInstance(tmp_path).make(
        files={"worker.py": TELL}, arguments=arguments, environment={"ODD": value}
    )
    done = role.launch()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[:2] == [arguments, value]


def without_network() -> list[str]:
    """The words that start a program where there is no network, not even the own machine's."""
    words = ["unshare", "--user", "--map-root-user", "--net"]
    try:
        done = subprocess.run([*words, "true"], capture_output=True, check=False)
    except OSError:
        pytest.skip("no unshare")
    if done.returncode != 0:
        pytest.skip("this machine allows no network namespaces")
    return words


def test_neither_network_nor_path_is_needed(tmp_path: Path) -> None:
    alone = without_network()
    program = """\
import alpha, socket
try:
    socket.create_connection(("127.0.0.1", 80), 2)
except OSError as error:
    print("no network:", alpha.HOOKED)
"""
    role = RoleOnInstance(tmp_path).make(alpha(), {"worker.py": program})
    for command in ("configure", "launch"):
        done = subprocess.run(
            [*alone, *role.command(command)],
            env={"PATH": "/nowhere", "LC_ALL": "C"},
            executable="/usr/bin/unshare",
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert done.stdout == "no network: True\n"


def test_output_is_logged_as_it_is_written(tmp_path: Path) -> None:
    """Neither lines nor bytes wait for the end of the program."""
    program = "import sys, time\nprint('gr\u00fc\u00df')\nsys.stdout.buffer.write(b'\\xff\\n')\nwhile True: time.sleep(0.05)\n"
    role = RoleOnInstance(tmp_path).make(files={"worker.py": program})
    with subprocess.Popen(
        role.command("launch"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        log = tmp_path / "logs" / "launch.sh.log"
        end = time.monotonic() + 20
        while time.monotonic() < end and not (
            log.exists() and log.read_bytes().endswith("gr\u00fc\u00df\n".encode() + b"\xff\n")
        ):
            time.sleep(0.05)
        process.terminate()
        process.wait(30)
    assert "gr\u00fc\u00df\n".encode() + b"\xff\n" in log.read_bytes()


def test_output_is_not_repeated_where_it_would_go_to_the_boot_log(tmp_path: Path) -> None:
    role = RoleOnInstance(tmp_path).make()
    assert role.launch(CLOUDROLE_BOOT_LOG="x").stdout == ""
    assert "hello\n" in role.log("launch.sh")


def test_child_that_outlives_the_program_does_not_hold_it_up(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    )
    role = RoleOnInstance(tmp_path).make(files={"worker.py": program})
    begin = time.monotonic()
    process = subprocess.Popen(
        role.command("launch"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    assert process.wait(30) == 0
    assert time.monotonic() - begin < 20
    os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"startup_file": "gone.py"}, "gone.py: is the startup file of role Orders, but is not there"),
        ({"startup_file": ""}, "nothing to launch"),
        ({"working_directory": "gone"}, "gone: is the working directory"),
    ],
)
def test_program_that_cannot_be_started_is_told(tmp_path: Path, changed: dict[str, str], said: str) -> None:
    role = RoleOnInstance(tmp_path).make(None, None, **changed)
    assert role.launch().returncode == 107
    assert said in role.log("launch.sh").splitlines()[-1]
    assert said in role.run("check").stdout
