"""The instance side on real Windows CPython under Wine: no other test here runs a line of Windows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path, PureWindowsPath

import pytest
import wheelmaker as make
from rolemaker import RoleOnInstance, tree_digest

WINE = os.environ.get("CLOUDROLE_TEST_WINE", "")
pytestmark = [
    pytest.mark.wine,
    pytest.mark.skipif(not WINE, reason="CLOUDROLE_TEST_WINE names no folder with Wine and Windows CPython"),
]
PYTHON = "13"
ODD = [
    "two words",
    'say "hi"',
    "%PATH% 100%",
    "a&b|c>d<e^f!g",
    "$(whoami) `id` $HOME",
    "\\",
    "ends with \\",
    "gr\u00fc\u00df",
    "",
    "*.py",
    "x" * 200,
]
TELL = "import json, os, sys\nprint(json.dumps([sys.argv[1:], os.environ['ODD'], os.getcwd(), sys.path]))\n"


def windows_path(path: Path) -> str:
    """How Wine shows a path of this machine."""
    return str(PureWindowsPath("Z:/", *path.parts[1:]))


class WineRole(RoleOnInstance):
    """A role on Windows CPython."""

    def command(self, *arguments: str) -> list[str]:
        return [f"{WINE}/winpy", PYTHON, windows_path(self.approot / "bin" / "role.py"), *arguments]


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    subprocess.run([f"{WINE}/wine-start"], stdin=subprocess.DEVNULL, check=True)


@pytest.fixture
def role(tmp_path: Path) -> WineRole:
    return WineRole(tmp_path / "app root", minor=f"3.{PYTHON}", platform="win_amd64")


def alpha(version: str = "1.0") -> dict[str, bytes]:
    files = {
        "alpha/__init__.py": f"VERSION = {version!r}\nHOOKED = False\n".encode(),
        "alpha/cli.py": b"import sys\ndef main():\n    print('alpha', sys.argv)\n    return 3\n",
        "alpha.pth": b"import alpha; alpha.HOOKED = True\nalpha_extra\n",
        "alpha_extra/beta.py": b"B = 1\n",
        f"alpha_{version}/only.py": b"",
    }
    points = "[console_scripts]\nalpha = alpha.cli:main\n"
    wheel = make.wheel_bytes("alpha", version, files=files, entry_points=points)
    return {make.wheel_name("alpha", version): wheel}


def test_packages_arguments_and_folders_reach_the_program(role: WineRole) -> None:
    program = TELL + (
        "import alpha, beta, subprocess, multiprocessing\n"
        "print(alpha.HOOKED, beta.B)\n"
        "print(subprocess.run([sys.executable, '-c', 'import alpha, beta; print(alpha.HOOKED)'],"
        " stdout=subprocess.PIPE).stdout)\n"
        "sys.exit(7)\n"
    )
    files = {"worker.py": program, "lib;one/x": "", "work & play/x": ""}
    role.make(
        alpha(),
        files,
        arguments=ODD,
        environment={"ODD": "".join(ODD)},
        search_paths=["lib;one"],
        working_directory="work & play",
    ).configure()
    done = role.launch()
    assert done.returncode == 7, done.stderr
    first, second, third = done.stdout.splitlines()
    arguments, value, cwd, path = json.loads(first)
    assert arguments == ODD
    assert value == "".join(ODD)
    assert cwd == windows_path(role.approot / "work & play")
    assert path[:2] == [windows_path(role.approot), windows_path(role.approot / "lib;one")]
    assert second == "True 1"
    assert third == r"b'True\r\n'"


def test_second_run_does_nothing_and_a_new_version_leaves_nothing_behind(role: WineRole) -> None:
    role.make(alpha()).configure()
    before = tree_digest(role.site_packages)
    role.configure()
    assert tree_digest(role.site_packages) == before
    role.make(alpha("2.0")).configure()
    installed = [e["changed"] for e in role.events("ConfigureCloudService.ps1") if e["event"] == "installed"]
    assert installed == [True, False, True]
    assert not (role.site_packages / "alpha_1.0").exists()
    assert role.run("check").returncode == 0


def test_packages_are_not_replaced_by_what_is_refused(role: WineRole) -> None:
    role.make(alpha()).configure()
    before = tree_digest(role.site_packages)
    role.make(alpha("2.0"))
    (role.approot / "wheels" / make.wheel_name("alpha", "2.0")).write_bytes(b"no wheel")
    done = role.run("configure")
    assert done.returncode == 103
    assert tree_digest(role.site_packages) == before


def test_command_of_a_package_is_a_batch_file(role: WineRole) -> None:
    role.make(alpha()).configure()
    script = role.site_packages / "bin" / "alpha.cmd"
    done = subprocess.run(
        [f"{WINE}/wine", windows_path(script), "one", "two words"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (3, "alpha ['alpha', 'one', 'two words']")


def test_crash_of_the_program_is_its_exit_code(role: WineRole) -> None:
    """Codes beyond 31 bits come through; Wine shows the last eight of them."""
    role.make(files={"worker.py": "import ctypes\nctypes.windll.kernel32.ExitProcess(0xC0000005)\n"})
    assert role.launch().returncode == 5
    assert role.events("LaunchWorker.ps1")[-1]["code"] == 0xC0000005 - (1 << 32)


def test_killed_launch_takes_the_program_with_it(role: WineRole, tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    program = f"import time\nwhile True:\n    open({windows_path(beat)!r}, 'w').write(str(time.time()))\n    time.sleep(0.1)\n"
    role.make(files={"worker.py": program})
    killer = (
        "import os, subprocess, sys, time\n"
        f"process = subprocess.Popen([sys.executable, {windows_path(role.approot / 'bin' / 'role.py')!r}, 'launch'],"
        " stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        f"while not os.path.exists({windows_path(beat)!r}): time.sleep(0.05)\n"
        "process.kill()\n"
        "process.wait()\n"
    )
    command = [f"{WINE}/winpy", PYTHON, "-c", killer]
    subprocess.run(command, stdin=subprocess.DEVNULL, check=True, timeout=60)
    time.sleep(1)
    last = beat.stat().st_mtime_ns
    time.sleep(1)
    assert beat.stat().st_mtime_ns == last, "the program outlived the process that started it"


def test_embeddable_distribution_is_a_python_like_any_other(tmp_path: Path) -> None:
    """Its ._pth file keeps it from reading PYTHONPATH; a copy without that file runs the program."""
    plain = Path(WINE).resolve() / f"py3{PYTHON}"
    embedded = tmp_path / "embed ded"
    shutil.copytree(plain, embedded, ignore=shutil.ignore_patterns("Scripts", "ensurepip", "pip*", "test"))
    (embedded / f"python3{PYTHON}._pth").write_text("Lib\nDLLs\n.\n")

    class EmbeddedRole(WineRole):
        def command(self, *arguments: str) -> list[str]:
            role_py = windows_path(self.approot / "bin" / "role.py")
            return [f"{WINE}/wine", windows_path(embedded / "python.exe"), role_py, *arguments]

    program = (
        "import alpha, beta, subprocess, sys\n"
        "child = 'import alpha, beta; print(alpha.HOOKED)'\n"
        "print(alpha.HOOKED, subprocess.run([sys.executable, '-c', child], stdout=subprocess.PIPE).stdout)\n"
    )
    role = EmbeddedRole(tmp_path / "app", minor=f"3.{PYTHON}", platform="win_amd64")
    role.make(alpha(), {"worker.py": program})
    assert role.launch().returncode == 106
    role.configure()
    copied = (role.approot / ".cloudrole" / "python" / "python.exe").stat().st_mtime_ns
    done = role.configure().launch()
    assert done.stdout.split() == ["True", r"b'True\r\n'"], done.stderr
    assert (role.approot / ".cloudrole" / "python" / "python.exe").stat().st_mtime_ns == copied
    assert role.run("check").returncode == 0
    assert not list((role.approot / ".cloudrole").glob("new.*"))


class PsCmd:
    """ps.cmd in a folder with a space, and a stand-in for PowerShell that writes down how it was called."""

    def __init__(self, folder: Path) -> None:
        self.role = WineRole(folder / "app & root", minor=f"3.{PYTHON}", platform="win_amd64").make()
        self.folder = folder
        self.called = folder / "called.json"
        tell = (
            "import json, os, sys\n"
            "keep = ('CLOUDROLE_LOG_DIR', 'CLOUDROLE_BOOT_LOG')\n"
            f"with open({windows_path(self.called)!r}, 'w') as file:\n"
            "    json.dump([sys.argv[1:], os.getcwd(), {name: os.environ.get(name) for name in keep}], file)\n"
            "print('said by the stand-in')\n"
            "sys.exit(int(os.environ['STANDIN_CODE']))\n"
        )
        (folder / "tell.py").write_text(tell)
        standin = folder / "power shell.cmd"
        python = windows_path(Path(WINE).resolve() / f"py3{PYTHON}" / "python.exe")
        standin.write_text(f'@"{python}" "{windows_path(folder / "tell.py")}" %*\r\n', newline="")
        self.env = {"CLOUDROLE_POWERSHELL": windows_path(standin)}

    def run(self, *arguments: str, code: int = 0, **env: str) -> int:
        command = [f"{WINE}/wine", windows_path(self.role.approot / "bin" / "ps.cmd"), *arguments]
        all_env = {**os.environ, **self.env, "STANDIN_CODE": str(code), **env}
        done = subprocess.run(
            command, env=all_env, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        return done.returncode


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_ps_cmd_forwards_the_exit_code(tmp_path: Path, code: int) -> None:
    assert PsCmd(tmp_path).run("ConfigureCloudService.ps1", code=code) == code


def test_ps_cmd_starts_powershell_as_promised(tmp_path: Path) -> None:
    ps = PsCmd(tmp_path)
    assert ps.run("LaunchWorker.ps1", "two words", DiagnosticStore=windows_path(tmp_path / "store x")) == 0
    arguments, cwd, env = json.loads(ps.called.read_text())
    assert arguments == [
        "-NoProfile",
        "-NonInteractive",
        "-ExecutionPolicy",
        "Bypass",
        "-File",
        "LaunchWorker.ps1",
        "two words",
    ]
    assert cwd == windows_path(ps.role.approot / "bin")
    logs = tmp_path / "store x" / "LogFiles"
    assert env["CLOUDROLE_LOG_DIR"] == windows_path(logs)
    assert env["CLOUDROLE_BOOT_LOG"] == windows_path(logs / "LaunchWorker.ps1.boot.log")
    assert "said by the stand-in" in (logs / "LaunchWorker.ps1.boot.log").read_text()


def test_ps_cmd_logs_beside_the_role_where_the_instance_names_no_place(tmp_path: Path) -> None:
    ps = PsCmd(tmp_path)
    ps.run("LaunchWorker.ps1")
    ps.run("LaunchWorker.ps1")
    assert sorted(path.name for path in (ps.role.approot / "logs").iterdir()) == [
        "LaunchWorker.ps1.boot.log",
        "LaunchWorker.ps1.boot.log.1",
    ]


def test_ps_cmd_runs_where_no_log_can_be_written(tmp_path: Path) -> None:
    ps = PsCmd(tmp_path)
    (tmp_path / "file").write_text("")
    assert ps.run("LaunchWorker.ps1", code=3, CLOUDROLE_LOG_DIR=windows_path(tmp_path / "file")) == 3
    _, _, env = json.loads(ps.called.read_text())
    assert "file" not in env["CLOUDROLE_BOOT_LOG"]


def test_ps_cmd_without_a_script_says_so(tmp_path: Path) -> None:
    assert PsCmd(tmp_path).run() == 2


SITE = (
    '<configuration><!-- kept --><system.webServer><handlers><add name="PythonHandler" path="*" verb="*" '
    '{handler} resourceType="Unspecified"/></handlers>{more}</system.webServer></configuration>'
)
FASTCGI = SITE.format(handler='modules="FastCgiModule" scriptProcessor="%FASTCGIHANDLER%"', more="")
PLATFORM = SITE.format(handler='modules="httpPlatformHandler"', more='<httpPlatform processPath="%PYTHON%"/>')
# Stands in for dism and appcmd: writes down how it was called, and knows what IIS would know.
STANDIN = """
import json, os, sys
from xml.sax.saxutils import quoteattr

folder = os.path.dirname(os.path.abspath(__file__))
said = " ".join(sys.argv[1:])
with open(os.path.join(folder, "calls.txt"), "a") as file:
    file.write(json.dumps(sys.argv[1:]) + chr(10))
registered = os.path.join(folder, "registered.json")
if "/-[" in said and not os.path.exists(registered):
    sys.exit("ERROR ( message:Cannot find requested collection element. )")
if "/-[" in said:
    os.unlink(registered)
if "/+[" in said:
    entry = next(word for word in sys.argv if word.startswith("/+["))
    values = [part.split("'")[0] for part in entry.split("='")[1:]]
    with open(registered, "w") as file:
        json.dump(values[:2], file)
if "globalModules" in said:
    names = ["UriCacheModule", "FastCgiModule"] + ["httpPlatformHandler"] * os.path.exists(os.path.join(folder, "module"))
    print("<system.webServer>\\n  <globalModules>")
    for name in names:
        print(f'    <add name="{name}" image="%windir%\\\\System32\\\\inetsrv\\\\x.dll" />')
    print("  </globalModules>\\n</system.webServer>")
if "list" in sys.argv and "fastCgi" in said and os.path.exists(registered):
    python, arguments = json.load(open(registered))
    print(f"<system.webServer><fastCgi><application fullPath={quoteattr(python)}")
    quoted = arguments.replace('"', "&quot;")
    print(f' arguments="{quoted}" signalBeforeTerminateSeconds="30"></application></fastCgi></system.webServer>')
"""


class WineSite:
    """A role with a site, whose dism and appcmd are stand-ins."""

    def __init__(self, folder: Path, server: str, config: str) -> None:
        self.folder = folder
        (folder / "stand in.py").write_text(STANDIN)
        python = windows_path(Path(WINE).resolve() / f"py3{PYTHON}" / "python.exe")
        program = f'"{python}" "{windows_path(folder / "stand in.py")}"'
        self.role = WineRole(folder / "a b" / "approot", minor=f"3.{PYTHON}", platform="win_amd64")
        self.role.env = {"CLOUDROLE_APPCMD": f"{program} appcmd", "CLOUDROLE_DISM": f"{program} dism"}
        app = "def app(environ, start_response): ...\n"
        wheels = {
            make.wheel_name(name): make.wheel_bytes(name, files={f"{name}.py": b""})
            for name in ("wfastcgi", "waitress")
        }
        self.role.make(
            wheels, {"app.py": app}, type="web", server=server, wsgi_handler="app:app", startup_file=""
        )
        self.config = folder / "a b" / "sitesroot" / "0" / "web.config"
        self.config.parent.mkdir(parents=True)
        self.config.write_text(config)
        (self.config.parent / "app.py").write_text(app)

    def calls(self) -> list[list[str]]:
        """How the stand-ins were called since this was asked last."""
        file = self.folder / "calls.txt"
        text = file.read_text() if file.is_file() else ""
        file.unlink(missing_ok=True)
        return [json.loads(line) for line in text.splitlines()]


DISM = ["dism", "/Online", "/NoRestart", "/Quiet", "/Enable-Feature", "/All"]
IIS = ["/FeatureName:IIS-WebServerRole", "/FeatureName:IIS-WebServer"]


def test_site_is_registered_with_iis_as_often_as_it_is_configured(tmp_path: Path) -> None:
    site = WineSite(tmp_path, "fastcgi", FASTCGI)
    role = site.role
    role.configure()
    first = site.config.read_text()
    executable = role.events("ConfigureCloudService.ps1")[1]["path"]
    wrapper = windows_path(role.approot / "bin" / "_cloudrole" / "wfastcgi.py")
    assert f'scriptProcessor="{executable}|&quot;{wrapper}&quot;"' in first
    assert "<!-- kept -->" in first
    assert site.config.with_name("web.config.bak").read_text() == FASTCGI
    entry = f"fullPath='{executable}',arguments='\"{wrapper}\"'"
    section = "-section:system.webServer/fastCgi"
    once = [
        [*DISM, *IIS, "/FeatureName:IIS-CGI"],
        ["appcmd", "set", "config", section, f"/-[{entry}]", "/commit:apphost"],
        ["appcmd", "set", "config", section, f"/+[{entry},signalBeforeTerminateSeconds='30']", "/commit:apphost"],
    ]  # fmt: skip
    assert site.calls() == once
    role.configure()
    assert site.config.read_text() == first
    assert site.calls() == once
    role.configure(EMULATED="true")
    assert site.calls() == once[1:]
    assert role.run("check").returncode == 0
    assert site.calls() == [["appcmd", "list", "config", section]]
    (tmp_path / "registered.json").unlink()
    done = role.run("check")
    assert done.returncode == 110
    assert "as a FastCGI application; run configure" in done.stdout


def test_module_of_httpplatform_is_asked_for(tmp_path: Path) -> None:
    site = WineSite(tmp_path, "httpplatform", PLATFORM)
    role = site.role
    said = "IIS has no module httpPlatformHandler"
    listed = ["appcmd", "list", "config", "-section:system.webServer/globalModules"]
    role.configure()
    warning = next(line for line in role.log("ConfigureCloudService.ps1").splitlines() if "warning" in line)
    assert said in warning
    assert "run it with msiexec /quiet in an elevated startup task" in warning
    assert site.calls() == [[*DISM, *IIS], listed]
    assert said in role.run("check").stdout
    (tmp_path / "module").write_text("")
    site.calls()
    role.configure()
    role.configure(EMULATED="true")
    assert site.calls() == [[*DISM, *IIS], listed, listed]
    assert role.run("check").returncode == 0
