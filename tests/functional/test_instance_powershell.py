"""ConfigureCloudService.ps1 and LaunchWorker.ps1, executed: which interpreter they find, obtain, or miss.

Everything they find is a stand-in that starts the Python of the tests, so they run on every system that has a
PowerShell. What the stand-ins do is tested where there is none, too.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rolemaker import HOST_PLATFORM, RoleOnInstance
from standins import Server, nupkg, python_in, registry, serving, tar_gz, zipped

import hatch_cloudrole.instance

if TYPE_CHECKING:
    from collections.abc import Iterator

SHELLS = [shell for shell in ("powershell", "pwsh", "pwsh, legacy") if shutil.which(shell.split(",")[0])]
EXPECTED = os.environ.get("CLOUDROLE_TEST_POWERSHELL", "").split()
needs_powershell = pytest.mark.skipif(not SHELLS, reason="neither powershell nor pwsh is on the PATH")
each_shell = pytest.mark.parametrize("shell", SHELLS or ["none"])
SCRIPTS = ("ConfigureCloudService.ps1", "LaunchWorker.ps1")
CONFIGURE, LAUNCH = SCRIPTS
ODD = "it's 100% $HOME & gr\u00fc\u00df (x), {y}"
WORKER = "import os\nprint('because', os.environ.get('CLOUDROLE_INTERPRETER_REASON'))\n"


@pytest.fixture
def role(tmp_path: Path) -> RoleOnInstance:
    return RoleOnInstance(tmp_path / ODD).make(files={"worker.py": WORKER})


def environment(role: RoleOnInstance, **env: str) -> dict[str, str]:
    """This host's, without what would decide for the scripts; no interpreter is installed."""
    ours = ("CLOUDROLE_", "PYTHON", "DIAGNOSTICSTORE", "PSMODULEPATH", "EMULATED", "HTTP_PROXY", "ALL_PROXY")
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(ours)}
    nothing = role.approot.with_name("nothing is installed")
    return {
        **kept,
        "POWERSHELL_TELEMETRY_OPTOUT": "1",
        "POWERSHELL_UPDATECHECK": "Off",
        "CLOUDROLE_REGISTRY": str(nothing),
        **env,
    }


def run(role: RoleOnInstance, script: str, shell: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a script as ps.cmd does, or with arguments passed on as Windows PowerShell passes them."""
    path = str(role.approot / "bin" / script)
    program = shutil.which(shell.split(",", maxsplit=1)[0])
    assert program
    command = [program, "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass"]
    if shell.endswith("legacy"):
        text = "$PSNativeCommandArgumentPassing = 'Legacy'; & $env:SCRIPT_TO_RUN; exit $LASTEXITCODE"
        command += ["-Command", text]
    else:
        command += ["-File", path]
    return subprocess.run(
        command,
        env=environment(role, SCRIPT_TO_RUN=path, **env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        timeout=300,
    )


def reason(role: RoleOnInstance) -> str:
    """Why the last `configure` ran with the interpreter that it ran with."""
    script = CONFIGURE if sys.platform == "win32" else "configure.sh"
    events = [each for each in role.events(script) if each["event"] == "interpreter"]
    return str(events[-1]["reason"])


def last_line(role: RoleOnInstance, script: str) -> str:
    return role.log(script).splitlines()[-1]


def set_role(role: RoleOnInstance, **changed: Any) -> None:
    file = role.approot / "bin" / "role.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))


def obtainable(role: RoleOnInstance, data: bytes, name: str, *, address: str = "http://127.0.0.1:9") -> None:
    """role.json with this archive for the instance to download."""
    digest = hashlib.sha256(data).hexdigest()
    pinned = {"version": "3.99.1", "url": f"{address}/builds/{name}", "sha256": digest, "path": ""}
    set_role(role, runtime={"kind": "download", **pinned})


def broken_in(folder: Path) -> Path:
    """A program that no system can start. PowerShell would open what may not be executed as a document."""
    folder.mkdir(exist_ok=True)
    (folder / "python.exe").write_bytes(b"\x00 nothing that starts")
    (folder / "python.exe").chmod(0o755)
    return folder / "python.exe"


def left(role: RoleOnInstance) -> list[str]:
    """What lies where `configure` puts what it makes."""
    home = role.approot / ".cloudrole"
    return sorted(path.name for path in home.iterdir()) if home.is_dir() else []


@needs_powershell
@each_shell
def test_interpreters_are_taken_in_their_order(role: RoleOnInstance, tmp_path: Path, shell: str) -> None:
    """Every kind is there; each is taken away once it was chosen."""
    obtainable(role, b"", "python.zip")
    named, variable = python_in(tmp_path / "named"), python_in(tmp_path / "vari able")
    set_role(role, interpreter=str(named))
    inside = python_in(role.approot / "runtime" / "python")
    nuget = python_in(role.approot / "bin" / "python.3.13.1" / "tools")
    python_in(role.approot / ".cloudrole" / "python-3.99.1")
    with registry(tmp_path / "registry") as keys:
        keys.set("PythonCore/tag", "SysVersion", role.minor)
        keys.set("PythonCore/tag/InstallPath", "ExecutablePath", str(python_in(tmp_path / "installed")))
        env = {"CLOUDROLE_REGISTRY": keys.address, "PYTHON": f'"{variable}"'}

        def chosen() -> str:
            done = run(role, CONFIGURE, shell, **env)
            assert done.returncode == 0, done.stderr
            return reason(role)

        assert chosen() == "deployed-python-interpreter-path names it"
        set_role(role, interpreter="")
        assert chosen() == "the PYTHON variable names it"
        del env["PYTHON"]
        assert chosen() == "it is in the package"
        inside.unlink()
        assert chosen() == "a NuGet package in bin has it"
        nuget.unlink()
        assert chosen() == "it is installed"
        del env["CLOUDROLE_REGISTRY"]
        assert chosen() == "it was obtained before"


@needs_powershell
@each_shell
def test_launch_takes_what_configure_took(role: RoleOnInstance, tmp_path: Path, shell: str) -> None:
    python = str(python_in(tmp_path / "here"))
    done = run(role, CONFIGURE, shell, PYTHON=python)
    assert done.returncode == 0, done.stderr
    done = run(role, LAUNCH, shell)
    assert done.returncode == 0, done.stderr
    assert "because configure used it" in done.stdout
    done = run(role, LAUNCH, shell, PYTHON=python)
    assert "because the PYTHON variable names it" in done.stdout


@needs_powershell
@each_shell
@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("named", ["interpreter", "PYTHON"])
def test_named_interpreter_that_is_missing_is_a_failure(
    role: RoleOnInstance, tmp_path: Path, script: str, named: str, shell: str
) -> None:
    python_in(role.approot / "runtime")
    gone = str(tmp_path / "gone" / "python.exe")
    if named == "interpreter":
        set_role(role, interpreter=gone)
        done = run(role, script, shell)
    else:
        done = run(role, script, shell, PYTHON=gone)
    assert done.returncode == 111
    assert f"{gone} is missing" in last_line(role, script)


@needs_powershell
@each_shell
@pytest.mark.parametrize("text", ["|", 'x" y', "relative/python.exe", "%GONE%\\python.exe", "*"])
def test_variable_that_can_be_no_path_is_told_as_missing(role: RoleOnInstance, text: str, shell: str) -> None:
    done = run(role, CONFIGURE, shell, PYTHON=text)
    assert done.returncode == 111
    assert "is missing, but the PYTHON variable names it" in last_line(role, CONFIGURE)


@needs_powershell
@each_shell
def test_variables_in_a_name_are_replaced(role: RoleOnInstance, tmp_path: Path, shell: str) -> None:
    python_in(tmp_path / "rolled out")
    name = str(tmp_path / "%PLACE% out" / "python.exe")
    done = run(role, CONFIGURE, shell, PYTHON=name, PLACE="rolled")
    assert done.returncode == 0, done.stderr


@needs_powershell
@each_shell
def test_installed_interpreters_are_tried_until_one_fits(
    role: RoleOnInstance, tmp_path: Path, shell: str
) -> None:
    """python.org's go first; what is of another version, gone, or does not start is passed over."""
    good = str(python_in(tmp_path / "good"))
    broken = broken_in(tmp_path / "broken")
    with registry(tmp_path / "registry") as keys:
        keys.set("Another/1", "DisplayName", "has no InstallPath")
        keys.set("Another/2/InstallPath", "", str(tmp_path / "gone"))
        keys.set("PythonCore/1/InstallPath", "ExecutablePath", str(broken))
        keys.set("PythonCore/2/InstallPath", "", str(Path(good).parent))
        keys.set("PythonCore/2", "SysVersion", "3.8")
        place = {"CLOUDROLE_REGISTRY": keys.address}
        done = run(role, CONFIGURE, shell, **place)
        assert done.returncode == 111, done.stderr
        assert "runtime = 'installed' obtains none" in last_line(role, CONFIGURE)
        keys.set("PythonCore/2", "SysVersion", role.minor)
        done = run(role, CONFIGURE, shell, **place)
        assert done.returncode == 0, done.stderr
        assert reason(role) == "it is installed"


@needs_powershell
@each_shell
def test_nothing_at_all_says_what_to_do(role: RoleOnInstance, shell: str) -> None:
    assert run(role, CONFIGURE, shell).returncode == 111
    assert "install it, or set PYTHON to its path" in last_line(role, CONFIGURE)
    assert run(role, LAUNCH, shell).returncode == 111
    assert "ConfigureCloudService.ps1 has to run first" in last_line(role, LAUNCH)


ARCHIVES = {"cpython-3.99.1%2B1-x.tar.gz": tar_gz, "python.3.99.1.nupkg": nupkg, "python.ZIP?v=1": zipped}


@needs_powershell
@each_shell
@pytest.mark.parametrize("name", ARCHIVES)
def test_pinned_build_is_downloaded_once(role: RoleOnInstance, name: str, shell: str) -> None:
    data = ARCHIVES[name]()
    with serving(Server(data)) as server:
        obtainable(role, data, name, address=server.address)
        done = run(role, CONFIGURE, shell)
        assert done.returncode == 0, done.stderr
        assert reason(role) == "it was obtained"
        done = run(role, CONFIGURE, shell)
        assert done.returncode == 0, done.stderr
        assert reason(role) == "it was obtained before"
        assert server.asked == [f"/builds/{name}"]
    assert not [each for each in left(role) if each.startswith("get.")]
    assert "because configure used it" in run(role, LAUNCH, shell).stdout


@needs_powershell
@each_shell
@pytest.mark.parametrize("fault", [503, 0])
def test_fault_that_passes_is_tried_again(role: RoleOnInstance, fault: int, shell: str) -> None:
    """A busy server, or a connection that breaks in the middle."""
    data = zipped()
    with serving(Server(data, before=[fault])) as server:
        obtainable(role, data, "python.zip", address=server.address)
        done = run(role, CONFIGURE, shell)
        assert done.returncode == 0, done.stderr
        assert len(server.asked) == 2


@needs_powershell
@each_shell
def test_file_that_is_not_there_is_not_asked_for_again(role: RoleOnInstance, shell: str) -> None:
    with serving(Server(b"", before=[404])) as server:
        obtainable(role, b"x", "python.zip", address=server.address)
        assert run(role, CONFIGURE, shell).returncode == 112
        assert len(server.asked) == 1
    assert f"{server.address}/builds/python.zip could not be downloaded" in last_line(role, CONFIGURE)
    assert left(role) == []


@needs_powershell
@each_shell
def test_secrets_in_the_address_of_a_mirror_are_not_told(role: RoleOnInstance, shell: str) -> None:
    obtainable(role, b"x", "python.zip")
    with serving(Server(b"", before=[404])) as server:
        secret = server.address.replace("http://", "http://me:hush@") + "/gone.zip?sig=hush"
        done = run(role, CONFIGURE, shell, CLOUDROLE_RUNTIME_URL=secret)
    assert done.returncode == 112
    assert f"{server.address}/gone.zip could not be downloaded" in last_line(role, CONFIGURE)
    assert "hush" not in last_line(role, CONFIGURE) + done.stderr + done.stdout


@needs_powershell
@each_shell
def test_build_that_is_not_the_pinned_one_is_refused(role: RoleOnInstance, shell: str) -> None:
    data = zipped()
    with serving(Server(data)) as server:
        obtainable(role, b"another", "python.zip", address=server.address)
        assert run(role, CONFIGURE, shell).returncode == 112
    assert f"is {hashlib.sha256(data).hexdigest()}, but role.json has" in last_line(role, CONFIGURE)
    assert left(role) == []


@needs_powershell
@each_shell
@pytest.mark.parametrize("name", ["python.zip", "python.tar.gz"])
def test_build_that_cannot_be_unpacked_leaves_nothing(role: RoleOnInstance, name: str, shell: str) -> None:
    with serving(Server(b"no archive")) as server:
        obtainable(role, b"no archive", name, address=server.address)
        assert run(role, CONFIGURE, shell).returncode == 112
    assert "it could not be obtained: " in last_line(role, CONFIGURE)
    assert left(role) == []


@needs_powershell
@each_shell
@pytest.mark.parametrize("kind", ["address", "folder's address", "folder", "file"])
def test_mirror_is_an_address_a_folder_or_a_file(
    role: RoleOnInstance, tmp_path: Path, kind: str, shell: str
) -> None:
    data = tar_gz()
    obtainable(role, data, "cpython-3.99.1%2B1-x.tar.gz")
    folder = tmp_path / "mir ror"
    folder.mkdir()
    (folder / "cpython-3.99.1+1-x.tar.gz").write_bytes(data)
    with serving(Server(data)) as server:
        mirrors = {
            "address": f"{server.address}/one.tar.gz",
            "folder's address": f"{server.address}/all/",
            "folder": str(folder),
            "file": str(folder / "cpython-3.99.1+1-x.tar.gz"),
        }
        done = run(role, CONFIGURE, shell, CLOUDROLE_RUNTIME_URL=mirrors[kind])
        assert done.returncode == 0, done.stderr
        asked = {"address": ["/one.tar.gz"], "folder's address": ["/all/cpython-3.99.1%2B1-x.tar.gz"]}
        assert server.asked == asked.get(kind, [])


@needs_powershell
@each_shell
def test_mirror_that_is_missing_says_so(role: RoleOnInstance, tmp_path: Path, shell: str) -> None:
    obtainable(role, b"x", "python.zip")
    gone = str(tmp_path / "gone.zip")
    assert run(role, CONFIGURE, shell, CLOUDROLE_RUNTIME_URL=gone).returncode == 112
    assert f"{gone} is missing" in last_line(role, CONFIGURE)


@needs_powershell
@each_shell
def test_build_in_the_package_is_unpacked_where_a_half_one_lies(role: RoleOnInstance, shell: str) -> None:
    """Neither what a killed run has left nor a folder without an interpreter is in the way."""
    data = nupkg()
    role.write("runtime/python.nupkg", data)
    digest = hashlib.sha256(data).hexdigest()
    bundled = {"version": "3.99.1", "url": "", "sha256": digest, "path": "runtime/python.nupkg"}
    set_role(role, runtime={"kind": "bundled", **bundled})
    role.write(".cloudrole/python-3.99.1/tools/only.txt", b"")
    role.write(".cloudrole/get.0123/archive", b"")
    os.utime(role.approot / ".cloudrole" / "get.0123", (1, 1))
    done = run(role, CONFIGURE, shell)
    assert done.returncode == 0, done.stderr
    assert not [each for each in left(role) if each.startswith("get.")]
    assert not (role.approot / ".cloudrole" / "python-3.99.1" / "tools" / "only.txt").exists()


@needs_powershell
@each_shell
@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_exit_code_of_the_program_comes_through(
    role: RoleOnInstance, tmp_path: Path, code: int, shell: str
) -> None:
    role.write("worker.py", f"raise SystemExit({code})\n".encode())
    python = str(python_in(tmp_path / "here"))
    assert run(role, CONFIGURE, shell, PYTHON=python).returncode == 0
    assert run(role, LAUNCH, shell).returncode == code


@needs_powershell
@each_shell
def test_exit_code_of_role_py_comes_through(role: RoleOnInstance, tmp_path: Path, shell: str) -> None:
    wheel = {"file": "a-1-py3-none-any.whl", "name": "a", "version": "1", "sha256": "0" * 64, "size": 1}
    set_role(role, wheels=[wheel])
    assert run(role, CONFIGURE, shell, PYTHON=str(python_in(tmp_path / "here"))).returncode == 103


@needs_powershell
@each_shell
@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("text", ["", "{", "null", "[]", '{"python": "3.13.1"}', None])
def test_role_json_that_is_damaged_is_told(
    role: RoleOnInstance, script: str, text: str | None, shell: str
) -> None:
    python_in(role.approot / "runtime")
    file = role.approot / "bin" / "role.json"
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    assert run(role, script, shell).returncode == 113
    line = last_line(role, script)
    assert "FAILED with exit code 113" in line
    assert line.endswith("deploy the package again")


@needs_powershell
@each_shell
@pytest.mark.parametrize("script", SCRIPTS)
def test_interpreter_that_does_not_start_is_told(
    role: RoleOnInstance, tmp_path: Path, script: str, shell: str
) -> None:
    broken = broken_in(tmp_path)
    assert run(role, script, shell, PYTHON=str(broken)).returncode == 113
    assert "FAILED with exit code 113" in last_line(role, script)


@needs_powershell
@each_shell
@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("damage", ["missing", "cut off"])
def test_shared_part_that_is_missing_is_told(
    role: RoleOnInstance, tmp_path: Path, script: str, damage: str, shell: str
) -> None:
    shared = role.approot / "bin" / "_cloudrole" / "interpreter.ps1"
    if damage == "missing":
        shared.unlink()
    else:
        shared.write_bytes(shared.read_bytes()[:700] + b"\nfunction {")
    (tmp_path / "logs").mkdir()
    done = run(role, script, shell, CLOUDROLE_LOG_DIR=str(tmp_path / "logs"))
    assert done.returncode == 113
    text = (tmp_path / "logs" / f"{script}.log").read_text(encoding="utf-8")
    assert f"{script} FAILED with exit code 113" in text
    assert "interpreter.ps1 cannot be used" in text


@needs_powershell
@pytest.mark.parametrize("shell", [shell for shell in SHELLS if shell == "pwsh"] or ["none"])
def test_brackets_in_the_folder_are_no_pattern(tmp_path: Path, shell: str) -> None:
    if shell == "none":
        pytest.skip("pwsh is not on the PATH")
    role = RoleOnInstance(tmp_path / "app[1]root").make(files={"worker.py": WORKER})
    data = tar_gz()
    with serving(Server(data)) as server:
        obtainable(role, data, "python.tar.gz", address=server.address)
        done = run(role, CONFIGURE, shell)
    assert done.returncode == 0, done.stderr
    assert "because configure used it" in run(role, LAUNCH, shell).stdout


@needs_powershell
@each_shell
@pytest.mark.skipif(sys.platform != "win32", reason="ps.cmd needs cmd.exe")
def test_ps_cmd_runs_the_real_thing(tmp_path: Path, shell: str) -> None:
    if shell.endswith("legacy"):
        pytest.skip("ps.cmd starts a program")
    role = RoleOnInstance(tmp_path / "app root").make(files={"worker.py": "raise SystemExit(3)\n"})
    program = shutil.which(shell)
    assert program
    env = environment(role, CLOUDROLE_POWERSHELL=program, PYTHON=str(python_in(tmp_path / "here")))
    codes = [
        subprocess.run(
            [str(role.approot / "bin" / "ps.cmd"), script],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=300,
        ).returncode
        for script in SCRIPTS
    ]
    assert codes == [0, 3]
    assert (role.approot / "logs" / f"{LAUNCH}.boot.log").is_file()


@pytest.mark.skipif(not EXPECTED, reason="CLOUDROLE_TEST_POWERSHELL names no PowerShell that has to be here")
def test_every_powershell_that_has_to_be_here_is_here() -> None:
    """Where they must run, the tests above are not to be skipped unnoticed."""
    assert set(EXPECTED) <= set(SHELLS)


# What the tests above stand on, tested on every machine.


def test_question_that_powershell_puts_to_an_interpreter_is_answered(tmp_path: Path) -> None:
    """The Python in interpreter.ps1, taken out of it, run by a real one and by a stand-in."""
    folder = Path(hatch_cloudrole.instance.__file__).parent
    text = (folder / "_cloudrole" / "interpreter.ps1").read_text()
    found = re.search(r'\$code = ((?:"[^"]*"(?: \+\s+)?)+)', text)
    assert found
    code = "".join(re.findall(r'"([^"]*)"', found[1]))
    assert "$(Get-Minor)" in code
    assert "$($Role.platform)" in code

    def fits(python: Path, minor: str, platform: str) -> bool:
        asked = code.replace("$(Get-Minor)", minor).replace("$($Role.platform)", platform)
        done = subprocess.run([python, "-I", "-c", asked], stdin=subprocess.DEVNULL, capture_output=True)
        return done.returncode == 0

    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    stand_in = python_in(tmp_path / "two words")
    assert fits(stand_in, minor, HOST_PLATFORM)
    assert not fits(stand_in, "3.8", HOST_PLATFORM)
    assert not fits(stand_in, minor, "win_other")
    if sys.platform == "win32":
        assert fits(Path(sys.executable), minor, HOST_PLATFORM)


def test_stand_in_runs_role_py_with_the_reason_of_the_script(role: RoleOnInstance, tmp_path: Path) -> None:
    role.python = str(python_in(tmp_path / "two words"))
    role.configure(CLOUDROLE_INTERPRETER_REASON="it is a test")
    assert reason(role) == "it is a test"
    assert "because it is a test" in role.launch(CLOUDROLE_INTERPRETER_REASON="it is a test").stdout


@pytest.mark.parametrize("data", [tar_gz, nupkg, zipped])
def test_archives_unpack_to_an_interpreter_that_starts(tmp_path: Path, data: Any) -> None:
    (tmp_path / "archive").write_bytes(data())
    if data is tar_gz:
        shutil.unpack_archive(tmp_path / "archive", tmp_path / "new", "gztar", filter="data")
    else:
        shutil.unpack_archive(tmp_path / "archive", tmp_path / "new", "zip")
    [python] = (tmp_path / "new").rglob("python.exe")
    python.chmod(0o755)
    done = subprocess.run([python, "-c", "print(7)"], capture_output=True, text=True, check=True)
    assert done.stdout == "7\n"


@pytest.fixture
def busy() -> Iterator[Server]:
    with serving(Server(b"0123456789", before=[503, 0])) as server:
        yield server


def test_server_fails_as_it_is_told_and_then_serves(busy: Server) -> None:
    def get() -> bytes:
        with urllib.request.urlopen(f"{busy.address}/a") as answer:
            data: bytes = answer.read()
            return data

    with pytest.raises(urllib.error.HTTPError, match="503"):
        get()
    with pytest.raises(Exception, match="5 bytes read, 5 more expected"):
        get()
    assert get() == b"0123456789"
    assert busy.asked == ["/a"] * 3


def test_registry_holds_what_it_is_told(tmp_path: Path) -> None:
    with registry(tmp_path / "keys") as keys:
        keys.set("PythonCore/3.13/InstallPath", "", "C:\\Python")
        keys.set("PythonCore/3.13", "SysVersion", "3.13")
        if sys.platform == "win32":
            assert len(keys.keys) == 3
        else:
            assert (tmp_path / "keys/PythonCore/3.13/InstallPath/(default)").read_text() == "C:\\Python"
            assert (tmp_path / "keys/PythonCore/3.13/SysVersion").read_text() == "3.13"
