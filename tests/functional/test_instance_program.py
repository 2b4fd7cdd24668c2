"""What docs/instance.md promises a role's program and its child processes, statement by statement."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import wheelmaker as make
from rolemaker import RoleOnInstance, host_pythons

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs a Linux role")

PYTHONS = host_pythons()
EACH = pytest.mark.parametrize(("minor", "python"), PYTHONS, ids=[minor for minor, _ in PYTHONS])
ALPHA = {
    "alpha/__init__.py": b"",
    "alpha/tests/test_alpha.py": b"ran = True\n",
    "alpha/core.py": b"def fail():\n    raise LookupError('deep inside')\n",
}


def alpha() -> dict[str, bytes]:
    return {make.wheel_name("alpha"): make.wheel_bytes("alpha", files=ALPHA)}


def configured(root: Path, python: str, minor: str, program: str, **changed: object) -> RoleOnInstance:
    files = {"worker.py": program, "app/__init__.py": "", "app/main.py": program, "lib/lib.py": "L = 1\n"}
    return RoleOnInstance(root, python, minor).make(alpha(), files, **changed).configure()


def told(role: RoleOnInstance, **env: str) -> object:
    done = role.launch(**env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@EACH
@pytest.mark.parametrize("how", ["file", "module"])
def test_sys_path_is_what_is_promised_and_nothing_else(
    tmp_path: Path, minor: str, python: str, how: str
) -> None:
    program = "import json, sys\nprint(json.dumps(sys.path))\n"
    changed = {"startup_file": "", "startup_module": "app.main"} if how == "module" else {}
    role = configured(tmp_path / "r", python, minor, program, search_paths=["lib", "app"], **changed)
    before = str(tmp_path / "before us")
    path = told(role, PYTHONPATH=before)
    plain = [python, "-c", "import json, sys; print(json.dumps(sys.path[1:]))"]
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    env["PYTHONNOUSERSITE"] = "1"
    own = json.loads(subprocess.run(plain, env=env, capture_output=True, check=True).stdout)
    dynload = next(index for index, each in enumerate(own) if each.endswith("lib-dynload"))
    assert path == [
        str(role.approot),
        *(str(role.approot / each) for each in ("lib", "app")),
        before,
        *own[: dynload + 1],
        str(role.site_packages),
        *own[dynload + 1 :],
    ]


@EACH
@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_multiprocessing_has_packages_and_search_paths(
    tmp_path: Path, minor: str, python: str, method: str
) -> None:
    program = f"""\
import concurrent.futures, json, multiprocessing, sys

def look(number):
    import alpha.core, lib
    return [number, lib.L, sys.flags.isolated]

if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
        print(json.dumps(list(pool.map(look, range(3)))))
"""
    role = configured(tmp_path, python, minor, program, search_paths=["lib"])
    assert told(role) == [[0, 1, 0], [1, 1, 0], [2, 1, 0]]


@EACH
def test_child_with_e_i_or_s_has_declined_and_grandchildren_have_not(
    tmp_path: Path, minor: str, python: str
) -> None:
    program = """\
import json, subprocess, sys
LOOK = '''
import sys
try:
    import alpha, lib
    print("has them")
except ImportError as error:
    print(error.name)
'''
AGAIN = "import subprocess, sys; subprocess.run([sys.executable, '-c', " + repr(LOOK) + "])"

def run(*words):
    return subprocess.run([sys.executable, *words], stdout=subprocess.PIPE).stdout.decode().strip()

print(json.dumps([*(run(option, "-c", LOOK) for option in ("-u", "-E", "-I", "-S")), run("-I", "-c", AGAIN)]))
"""
    role = configured(tmp_path, python, minor, program, search_paths=["lib"])
    assert told(role) == ["has them", "alpha", "alpha", "alpha", "has them"]


def test_virtual_environment_that_the_program_makes_has_the_packages_too(tmp_path: Path) -> None:
    program = """\
import json, subprocess, sys
subprocess.run([sys.executable, "-m", "venv", "--without-pip", "environment"], check=True)
look = "import alpha, json, sys; print(json.dumps([alpha.__file__, sys.prefix]))"
print(subprocess.run(["environment/bin/python", "-c", look], stdout=subprocess.PIPE).stdout.decode())
"""
    role = configured(tmp_path, PYTHONS[-1][1], PYTHONS[-1][0], program)
    done = role.launch()
    place, prefix = json.loads(done.stdout)
    assert place == str(role.site_packages / "alpha" / "__init__.py")
    assert prefix == str(role.approot / "environment")


def test_own_variables_win_and_the_others_are_kept(tmp_path: Path) -> None:
    names = ["OWN", "OTHER", "PYTHONIOENCODING", "PYTHONUNBUFFERED", "PYTHONNOUSERSITE"]
    program = (
        f"import json, os\nprint(json.dumps([os.environ.get(name) for name in {names}]))\n"
        "import sys, site\n"
        "assert site.ENABLE_USER_SITE is False\n"
    )
    role = configured(tmp_path, *reversed(PYTHONS[0]), program, environment={"OWN": "role's", "EMPTY": ""})
    assert told(role, OWN="instance's", OTHER="kept") == ["role's", "kept", "utf-8", "1", "1"]


def test_role_decides_how_its_output_is_written(tmp_path: Path) -> None:
    program = "import sys\nprint('gr\\u00fc\\u00df', sys.stdout.encoding, sys.stdout.line_buffering)\n"
    environment = {"PYTHONIOENCODING": "latin-1", "PYTHONUNBUFFERED": ""}
    role = configured(tmp_path, *reversed(PYTHONS[0]), program, environment=environment)
    role.launch(CLOUDROLE_BOOT_LOG="x")
    log = (role.approot / "logs" / "launch.sh.log").read_bytes()
    assert "gr\u00fc\u00df iso8859-1 False\n".encode("latin-1") in log


@EACH
def test_modules_are_compiled_but_for_tests_which_work_all_the_same(
    tmp_path: Path, minor: str, python: str
) -> None:
    role = configured(
        tmp_path, python, minor, "import json, alpha.tests.test_alpha as t\nprint(json.dumps(t.ran))\n"
    )
    tag = f"cpython-{minor.replace('.', '')}"
    compiled = {path.relative_to(role.site_packages).as_posix() for path in role.site_packages.rglob("*.pyc")}
    assert compiled == {f"alpha/__pycache__/{name}.{tag}.pyc" for name in ("__init__", "core")}
    assert told(role) is True


def test_traceback_names_the_file_where_it_lies_after_approot_was_moved(tmp_path: Path) -> None:
    program = "import alpha.core\nalpha.core.fail()\n"
    role = configured(tmp_path / "first", *reversed(PYTHONS[0]), program)
    role.approot.rename(tmp_path / "second")
    role.approot = tmp_path / "second"
    assert role.launch().returncode == 1
    assert f'File "{role.site_packages}/alpha/core.py", line 2, in fail' in role.log("launch.sh")
