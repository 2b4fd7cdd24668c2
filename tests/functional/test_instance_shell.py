"""configure.sh and launch.sh: which interpreter they find, obtain, or miss."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rolemaker import RoleOnInstance

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs sh")

SHELLS = [shell for shell in ("sh", "dash", "bash", "busybox") if shutil.which(shell)]
ODD = 'it\'s a "role" 100% $HOME `x` & gr\u00fc\u00df'


@pytest.fixture
def role(tmp_path: Path) -> RoleOnInstance:
    return RoleOnInstance(tmp_path / ODD).make()


def run(
    role: RoleOnInstance, script: str, *, shell: str = "sh", path: str = "/usr/bin:/bin", **env: str
) -> subprocess.CompletedProcess[str]:
    """Run a script with nothing in its environment but PATH and `env`."""
    words = ["busybox", "sh"] if shell == "busybox" else [shell]
    return subprocess.run(
        [*words, str(role.approot / "bin" / script)],
        env={"PATH": path, "LC_ALL": "C.UTF-8", **env},
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def chosen(role: RoleOnInstance) -> tuple[str, str]:
    event = next(each for each in role.events("configure.sh") if each["event"] == "interpreter")
    return event["path"], event["reason"]


def set_role(role: RoleOnInstance, **changed: Any) -> None:
    file = role.approot / "bin" / "role.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))


def python_in(role: RoleOnInstance, place: str) -> None:
    """An interpreter in the role's own folder: a script that starts the real one."""
    role.write(place, f'#!/bin/sh\nexec "{role.python}" "$@"\n'.encode())
    (role.approot / place).chmod(0o755)


@pytest.mark.parametrize("shell", SHELLS)
def test_configure_then_launch(role: RoleOnInstance, shell: str) -> None:
    done = run(role, "configure.sh", shell=shell, PYTHON=role.python)
    assert done.returncode == 0, done.stderr
    assert chosen(role) == (role.python, "the PYTHON variable names it")
    done = run(role, "launch.sh", shell=shell)
    assert (done.returncode, done.stdout) == (0, "hello\n"), done.stderr


def test_exit_code_of_the_program_comes_through(role: RoleOnInstance) -> None:
    role.write("worker.py", b"raise SystemExit(7)\n")
    assert run(role, "launch.sh", PYTHON=role.python).returncode == 7


def test_deployed_path_wins_over_the_variable(role: RoleOnInstance) -> None:
    set_role(role, interpreter=role.python)
    assert run(role, "configure.sh", PYTHON="/gone/python").returncode == 0
    assert chosen(role) == (role.python, "deployed-python-interpreter-path names it")


@pytest.mark.parametrize("script", ["configure.sh", "launch.sh"])
@pytest.mark.parametrize("named", ["interpreter", "PYTHON"])
def test_named_interpreter_that_is_missing_is_a_failure(
    role: RoleOnInstance, script: str, named: str
) -> None:
    if named == "interpreter":
        set_role(role, interpreter="/gone/python")
        done = run(role, script, path=os.environ["PATH"])
    else:
        done = run(role, script, path=os.environ["PATH"], PYTHON="/gone/python")
    assert done.returncode == 111
    assert "/gone/python is missing" in done.stderr
    assert "FAILED with exit code 111: /gone/python is missing" in role.log(script).splitlines()[-1]


def test_python_in_the_package_wins_over_the_path(role: RoleOnInstance) -> None:
    python_in(role, "runtime/python/bin/python3")
    assert run(role, "configure.sh", path=os.environ["PATH"]).returncode == 0
    assert chosen(role)[1] == "it is in the package"


def test_python_on_the_path_has_to_be_of_the_same_version(role: RoleOnInstance, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / f"python{role.minor}").write_text("#!/bin/sh\nexit 1\n")
    (programs / "python3").write_text(f'#!/bin/sh\nexec "{role.python}" "$@"\n')
    for file in programs.iterdir():
        file.chmod(0o755)
    assert run(role, "configure.sh", path=f"{programs}:/usr/bin:/bin").returncode == 0
    assert chosen(role)[1] == "it is on the PATH"
    set_role(role, python="3.8.1")
    done = run(role, "configure.sh", path=f"{programs}:/usr/bin:/bin")
    assert done.returncode == 111
    assert "there is no CPython 3.8.1 on this machine" in done.stderr


def test_launch_before_configure_says_so(role: RoleOnInstance) -> None:
    set_role(role, python="3.8.1")
    done = run(role, "launch.sh")
    assert done.returncode == 111
    assert "configure.sh has to run first" in role.log("launch.sh")


def test_escape_in_a_path_is_left_to_python(role: RoleOnInstance) -> None:
    set_role(role, interpreter="/opt/gr\u00fc\u00df/python")
    done = run(role, "configure.sh")
    assert done.returncode == 113
    assert "name the interpreter with PYTHON" in done.stderr


def test_setting_of_the_same_name_in_the_environment_does_not_mislead(role: RoleOnInstance) -> None:
    set_role(
        role, environment={"interpreter": "/gone", "python": "2.7.1"}, arguments=['"interpreter": "/gone"']
    )
    assert run(role, "configure.sh", path=f"{Path(role.python).parent}:/usr/bin:/bin").returncode == 0


def archive(role: RoleOnInstance) -> bytes:
    """A build of CPython as it is published, as far as the scripts care."""
    data = f'#!/bin/sh\nexec "{role.python}" "$@"\n'.encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        info = tarfile.TarInfo("python/bin/python3")
        info.size, info.mode = len(data), 0o755
        tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@contextmanager
def mirror(folder: Path) -> Iterator[str]:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def downloadable(role: RoleOnInstance, data: bytes) -> None:
    runtime = {
        "kind": "download",
        "version": "3.99.1",
        "url": "http://127.0.0.1:9/builds/cpython.tar.gz",
        "sha256": hashlib.sha256(data).hexdigest(),
        "path": "",
    }
    set_role(role, runtime=runtime)


def bare_path(tmp_path: Path) -> str:
    """The programs that a small machine has, and no Python."""
    folder = tmp_path / "bare"
    folder.mkdir()
    for name in (
        "awk",
        "cat",
        "cp",
        "curl",
        "cut",
        "date",
        "dirname",
        "env",
        "gzip",
        "mkdir",
        "mktemp",
        "mv",
        "rm",
        "sha256sum",
        "sh",
        "tar",
        "tr",
    ):
        if found := shutil.which(name, path="/usr/bin:/bin"):
            (folder / name).symlink_to(found)
    return str(folder)


@pytest.mark.skipif(not shutil.which("curl", path="/usr/bin:/bin"), reason="needs curl")
def test_pinned_build_is_downloaded_once(role: RoleOnInstance, tmp_path: Path) -> None:
    data = archive(role)
    downloadable(role, data)
    served = tmp_path / "served"
    served.mkdir()
    (served / "cpython.tar.gz").write_bytes(data)
    path = bare_path(tmp_path)
    with mirror(served) as address:
        done = run(role, "configure.sh", path=path, CLOUDROLE_RUNTIME_URL=address)
    assert done.returncode == 0, done.stderr
    assert chosen(role)[1] == "it was obtained"
    done = run(role, "configure.sh", path=path)
    assert done.returncode == 0, done.stderr
    assert role.events("configure.sh")[-3]["reason"] == "it was obtained before"
    assert not list((role.approot / ".cloudrole").glob("get.*"))


def test_mirror_may_be_a_file(role: RoleOnInstance, tmp_path: Path) -> None:
    data = archive(role)
    downloadable(role, data)
    (tmp_path / "my build.tar.gz").write_bytes(data)
    done = run(
        role,
        "configure.sh",
        path=bare_path(tmp_path),
        CLOUDROLE_RUNTIME_URL=str(tmp_path / "my build.tar.gz"),
    )
    assert done.returncode == 0, done.stderr


def test_half_a_build_in_its_place_gives_way(role: RoleOnInstance, tmp_path: Path) -> None:
    data = archive(role)
    downloadable(role, data)
    file = tmp_path / "build.tar.gz"
    file.write_bytes(data)
    half = json.loads((role.approot / "bin" / "role.json").read_text())["python"]
    (role.approot / ".cloudrole" / f"python-{half}" / "python").mkdir(parents=True)
    done = run(role, "configure.sh", path=bare_path(tmp_path), CLOUDROLE_RUNTIME_URL=str(file))
    assert done.returncode == 0, done.stderr
    assert not list((role.approot / ".cloudrole").glob("get.*"))


def test_archive_without_python_is_told(role: RoleOnInstance, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo("readme"), io.BytesIO())
    downloadable(role, buffer.getvalue())
    file = tmp_path / "build.tar.gz"
    file.write_bytes(buffer.getvalue())
    done = run(role, "configure.sh", path=bare_path(tmp_path), CLOUDROLE_RUNTIME_URL=str(file))
    assert done.returncode == 112
    assert "there is no bin/python3 in it" in done.stderr
    assert not list((role.approot / ".cloudrole").glob("*"))


@pytest.mark.skipif(not shutil.which("curl", path="/usr/bin:/bin"), reason="needs curl")
def test_server_that_comes_up_late_is_asked_again(role: RoleOnInstance, tmp_path: Path) -> None:
    data = archive(role)
    downloadable(role, data)
    served = tmp_path / "served"
    served.mkdir()
    (served / "cpython.tar.gz").write_bytes(data)
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(served))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    servers: list[http.server.ThreadingHTTPServer] = []

    def come_up() -> None:
        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", port), handler))
        servers[0].serve_forever()

    timer = threading.Timer(1.5, come_up)
    timer.daemon = True
    timer.start()
    address = f"http://127.0.0.1:{port}/"
    done = run(role, "configure.sh", path=bare_path(tmp_path), CLOUDROLE_RUNTIME_URL=address)
    servers[0].shutdown()
    servers[0].server_close()
    assert done.returncode == 0, done.stderr


def test_variables_for_another_python_do_not_reach_this_one(role: RoleOnInstance, tmp_path: Path) -> None:
    (tmp_path / "csv.py").write_text("raise SystemExit('shadowed')\n")
    for script in ("configure.sh", "launch.sh"):
        done = run(role, script, PYTHON=role.python, PYTHONHOME="/gone", PYTHONPATH=str(tmp_path / "none"))
        assert done.returncode == 0, done.stderr
    done = run(role, "configure.sh", PYTHON=role.python, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    library = Path(os.__file__).parent
    done = run(role, "configure.sh", PYTHON=role.python, PYTHONPATH=f"{library}:{library}/lib-dynload")
    assert done.returncode == 0, done.stderr


def test_python_on_the_path_has_to_be_of_the_same_architecture(role: RoleOnInstance) -> None:
    set_role(role, platform="manylinux_2_17_s390x")
    done = run(role, "configure.sh", path=f"{Path(role.python).parent}:/usr/bin:/bin")
    assert done.returncode == 111, done.stderr


@pytest.mark.parametrize("fault", ["other", "missing"])
def test_build_that_is_not_the_pinned_one_is_refused(
    role: RoleOnInstance, tmp_path: Path, fault: str
) -> None:
    downloadable(role, archive(role))
    file = tmp_path / "build.tar.gz"
    if fault == "other":
        file.write_bytes(b"something else")
    done = run(role, "configure.sh", path=bare_path(tmp_path), CLOUDROLE_RUNTIME_URL=str(file))
    assert done.returncode == 112
    assert "could not be obtained" in role.log("configure.sh").splitlines()[-1]
    assert not list((role.approot / ".cloudrole").glob("*"))


@pytest.mark.parametrize("name", ["cpython-1%2B2.tar.gz", "plain.tar.gz"])
def test_mirror_may_be_a_folder(role: RoleOnInstance, tmp_path: Path, name: str) -> None:
    """An address may write the name otherwise than a file system does."""
    data = archive(role)
    downloadable(role, data)
    runtime = json.loads((role.approot / "bin" / "role.json").read_text())["runtime"]
    set_role(role, runtime={**runtime, "url": f"http://127.0.0.1:9/{name}"})
    (tmp_path / name.replace("%2B", "+")).write_bytes(data)
    path = bare_path(tmp_path)
    sed = shutil.which("sed", path="/usr/bin:/bin")
    assert sed
    Path(path, "sed").symlink_to(sed)
    done = run(role, "configure.sh", path=path, CLOUDROLE_RUNTIME_URL=str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_what_a_killed_run_has_left_goes_once_it_is_old(role: RoleOnInstance) -> None:
    role.write(".cloudrole/get.old/archive", b"")
    role.write(".cloudrole/get.new/archive", b"")
    os.utime(role.approot / ".cloudrole" / "get.old", (1, 1))
    assert run(role, "configure.sh", PYTHON=role.python).returncode == 0
    assert [path.name for path in (role.approot / ".cloudrole").glob("get.*")] == ["get.new"]


@pytest.mark.parametrize("script", ["configure.sh", "launch.sh"])
@pytest.mark.parametrize("shell", SHELLS)
def test_shared_part_that_is_missing_is_told(role: RoleOnInstance, script: str, shell: str) -> None:
    (role.approot / "bin" / "_cloudrole" / "interpreter.sh").unlink()
    done = run(role, script, shell=shell, PYTHON=role.python)
    assert done.returncode == 113
    line = role.log(script).splitlines()[-1]
    assert line in done.stderr
    assert "interpreter.sh cannot be read; deploy the package again" in line


@pytest.mark.skipif(not shutil.which("curl", path="/usr/bin:/bin"), reason="needs curl")
def test_secrets_in_the_address_of_a_mirror_are_not_told(role: RoleOnInstance, tmp_path: Path) -> None:
    downloadable(role, b"x")
    with mirror(tmp_path) as address:
        secret = address.replace("http://", "http://me:hush@") + "gone.tar.gz?sig=hush"
        done = run(role, "configure.sh", path=bare_path(tmp_path), CLOUDROLE_RUNTIME_URL=secret)
    assert done.returncode == 112
    assert f"from {address}gone.tar.gz" in role.log("configure.sh")
    assert "hush" not in role.log("configure.sh") + done.stderr + done.stdout
