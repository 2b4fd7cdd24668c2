"""Packages built here for Windows, configured and run by real Windows CPython under Wine, without network."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

FIXTURES = Path(__file__).parents[2] / "fixtures"
EXAMPLES = FIXTURES / "projects"
CLIENT = FIXTURES / "fastcgi_pipe.py"
pytestmark = [pytest.mark.network, pytest.mark.wine, pytest.mark.usefixtures("network", "wine")]

# A network namespace would not keep Windows programs in: all sockets belong to the one Wine server. So every
# Python process refuses to connect outside, or to ask for an address there.
NO_NETWORK = """\
import importlib.machinery
import os
import sys

INSIDE = (None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0", "::", b"127.0.0.1", b"localhost")

def refuse(event, args):
    if event == "socket.connect":
        host = args[1][0] if isinstance(args[1], tuple) else ""
    elif event == "socket.getaddrinfo":
        host = args[0]
    else:
        return
    if host not in INSIDE:
        raise OSError(f"there is no network here, but {host} was wanted")

sys.addaudithook(refuse)
here = os.path.normcase(os.path.dirname(os.path.abspath(__file__)))
rest = [path for path in sys.path if os.path.normcase(os.path.abspath(path)) != here]
spec = importlib.machinery.PathFinder.find_spec("sitecustomize", rest)
if spec is not None:
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
"""

PYWIN32 = """
[build-system]
requires = ["hatchling", "hatch-cloudrole"]
build-backend = "hatchling.build"
[project]
name = "services"
version = "1.0"
dependencies = ["pywin32>=308"]
[tool.hatch.build.targets.cloudrole]
python = "3.11"
platform = "win_amd64"
[tool.hatch.build.targets.cloudrole.roles.Services]
type = "worker"
startup-file = "worker.py"
arguments = ["two words", "100%"]
"""

PYWIN32_WORKER = """
import json, subprocess, sys
import pythoncom, pywintypes, servicemanager, win32api, win32con, win32event, win32service

event = win32event.CreateEvent(None, True, False, None)
win32event.SetEvent(event)
child = "import win32api; print(win32api.GetCurrentProcessId() > 0)"
answer = subprocess.run([sys.executable, "-c", child], stdout=subprocess.PIPE, text=True).stdout.strip()
print(json.dumps({
    "waited": win32event.WaitForSingleObject(event, 0) == win32event.WAIT_OBJECT_0,
    "guid": str(pywintypes.IID("{00000000-0000-0000-C000-000000000046}")) == str(pythoncom.IID_IUnknown),
    "process": win32api.GetCurrentProcessId() > 0,
    "child": answer,
    "arguments": sys.argv[1:],
    "python": "%d.%d" % sys.version_info[:2],
}))
"""


def windows_path(path: Path) -> str:
    """How Wine shows a path of this machine."""
    return str(PureWindowsPath("Z:/", *path.parts[1:]))


@dataclass
class Instance:
    """The approot of a role, and the Windows CPython 3.`minor` that it is for, without network."""

    approot: Path
    wine: Path
    minor: int

    def start(self, command: str, **env: str) -> subprocess.Popen[str]:
        return self.python(windows_path(self.approot / "bin" / "role.py"), command, **env)

    def python(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        guard = self.approot.parents[2] / "no network"
        guard.mkdir(exist_ok=True)
        (guard / "sitecustomize.py").write_text(NO_NETWORK)
        return subprocess.Popen(
            [str(self.wine / "winpy"), str(self.minor), *arguments],
            env={**os.environ, "PYTHONPATH": windows_path(guard), **env},
            cwd=self.approot,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )

    def run(self, command: str, **env: str) -> str:
        """What the command prints; it has to succeed."""
        process = self.start(command, **env)
        out, err = process.communicate(timeout=200)
        assert process.returncode == 0, f"{command}: {out}\n{err}"
        return out

    def events(self, name: str) -> list[dict[str, Any]]:
        path = self.approot / "logs" / f"{name}.events.jsonl"
        return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]

    def program(self) -> int:
        """The process that `launch` has started, once it has; a number of Windows'."""
        launched = [each for each in self.events("LaunchWorker.ps1") if each["event"] == "launched"]
        return int(launched[-1]["program"])


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    folder = os.environ.get("CLOUDROLE_TEST_WINE", "")
    if folder:
        subprocess.run([f"{folder}/wine-start"], stdin=subprocess.DEVNULL, check=True)


def roles_of(root: Path, cache: Path, folder: Path) -> Path:
    """Build the project `root` as a user would and extract its package; gives the folder of its roles."""
    env = {**os.environ, "HATCH_CLOUDROLE_CACHE_DIR": str(cache)}
    cloudrole = [sys.executable, "-m", "hatch_cloudrole"]
    done = subprocess.run([*cloudrole, "build", str(root), "-q"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    package = next((root / "dist").glob("*.cspkg"))
    subprocess.run([*cloudrole, "extract", "-q", str(package), str(folder)], env=env, check=True)
    return folder / "Roles"


def copy_example(name: str, root: Path, changes: dict[str, str] | None = None) -> Path:
    """The example with each text replaced by another, which has to be there."""
    shutil.copytree(EXAMPLES / name, root, ignore=shutil.ignore_patterns("dist"))
    settings = (root / "pyproject.toml").read_text()
    for old, new in (changes or {}).items():
        assert old in settings
        settings = settings.replace(old, new)
    (root / "pyproject.toml").write_text(settings)
    return root


@pytest.mark.parametrize("install", ["wheels", "unpacked"])
def test_data_worker_computes_with_its_compiled_packages(
    tmp_path: Path, shared_cache: Path, wine: Path, install: str
) -> None:
    startup = 'startup-file = "worker.py"'
    changes = {startup: f'{startup}\ninstall = "{install}"'}
    root = copy_example("data-worker", tmp_path / "project", changes)
    role = Instance(roles_of(root, shared_cache, tmp_path / "on instance") / "Data" / "approot", wine, 13)
    role.run("configure")
    result = json.loads(role.run("launch").splitlines()[-1])
    assert result["right"] is True
    assert (result["total"], result["slope"], result["intercept"]) == (1040, 40, 160)
    assert result["versions"]["python"].startswith("3.13.")
    installed = [each["changed"] for each in role.events("ConfigureCloudService.ps1") if "changed" in each]
    role.run("configure")
    role.run("check")
    assert installed == [True]
    assert role.events("ConfigureCloudService.ps1")[-2]["changed"] is False


def test_data_worker_computes_on_the_other_pythons(
    tmp_path: Path, shared_cache: Path, wine: Path, windows_minor: int
) -> None:
    changes = {'python = "3.13"': f'python = "3.{windows_minor}"'}
    root = copy_example("data-worker", tmp_path / "project", changes)
    approot = roles_of(root, shared_cache, tmp_path / "on instance") / "Data" / "approot"
    role = Instance(approot, wine, windows_minor)
    role.run("configure")
    result = json.loads(role.run("launch").splitlines()[-1])
    assert result["right"] is True
    assert result["versions"]["python"].startswith(f"3.{windows_minor}.")
    # What was imported is compiled for this very version, not for the stable interface of all.
    compiled = [path.name for path in (approot / ".cloudrole" / "site-packages").rglob("*.pyd")]
    assert any(name.endswith(f".cp3{windows_minor}-win_amd64.pyd") for name in compiled)


def test_src_layout_runs_out_of_its_own_wheel(tmp_path: Path, shared_cache: Path, wine: Path) -> None:
    root = copy_example("src-layout", tmp_path / "project")
    role = Instance(roles_of(root, shared_cache, tmp_path / "on instance") / "Count" / "approot", wine, 13)
    role.run("configure")
    assert not (role.approot / "src").exists()
    assert role.run("launch").splitlines()[-1] == "1,234 things on 2 shelves"
    # The project's own command is installed too, and cmd finds it.
    command = role.approot / ".cloudrole" / "site-packages" / "bin" / "inventory.cmd"
    done = subprocess.run(
        [str(wine / "wine"), windows_path(command), "left=7", "right=x"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
    )
    assert (done.returncode, done.stderr.strip()) == (2, "'right=x' is not NAME=NUMBER")


def test_pywin32_and_its_pth_file_work_on_another_python(
    tmp_path: Path, shared_cache: Path, wine: Path
) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (root / "pyproject.toml").write_text(PYWIN32)
    (root / "worker.py").write_text(PYWIN32_WORKER)
    role = Instance(roles_of(root, shared_cache, tmp_path / "on instance") / "Services" / "approot", wine, 11)
    role.run("configure")
    assert json.loads(role.run("launch").splitlines()[-1]) == {
        "waited": True,
        "guid": True,
        "process": True,
        "child": "True",
        "arguments": ["two words", "100%"],
        "python": "3.11",
    }
    wrong = Instance(role.approot, wine, 13).start("configure")
    _, err = wrong.communicate(timeout=60)
    assert wrong.returncode == 102, err


@contextmanager
def serving(role: Instance, port: int, **env: str) -> Iterator[str]:
    """Launch the web role, wait until its port answers, and end the program itself at the end."""
    process = role.start("launch", CLOUDROLE_PORT=str(port), CLOUDROLE_ADDRESS="127.0.0.1", **env)
    try:
        end = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < end, "nobody listens"
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        kill = ["wine", "taskkill", "/F", "/PID", str(role.program())]
        subprocess.run([str(role.wine / kill[0]), *kill[1:]], stdin=subprocess.DEVNULL, capture_output=True)
        process.communicate(timeout=60)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def test_guestbook_is_signed_over_http_and_its_worker_counts(
    tmp_path: Path, shared_cache: Path, wine: Path
) -> None:
    changes = {
        'static = { "/static" = "static" }': 'server = "direct"',
        '["--every", "60"]': '["--once"]',
    }
    root = copy_example("guestbook", tmp_path / "project", changes)
    roles = roles_of(root, shared_cache, tmp_path / "on instance")
    web = Instance(roles / "Web" / "approot", wine, 13)
    worker = Instance(roles / "Worker" / "approot", wine, 13)
    web.run("configure")
    data = {"GUESTBOOK_DATA": windows_path(tmp_path / "entries")}
    with serving(web, free_port(), **data) as address:
        form = urllib.parse.urlencode({"name": "Gr\u00fc\u00dfe & Co", "text": "was <here>"}).encode()
        with urllib.request.urlopen(f"{address}/entries", form, timeout=30) as response:
            page = response.read().decode()
        with urllib.request.urlopen(f"{address}/static/style.css", timeout=30) as response:
            assert response.headers.get_content_type() == "text/css"
        with urllib.request.urlopen(f"{address}/entries.json", timeout=30) as response:
            entries = json.load(response)
    assert "Friends &amp; guests" in page
    assert "was &lt;here&gt;" in page
    assert [(each["name"], each["text"]) for each in entries] == [("Gr\u00fc\u00dfe & Co", "was <here>")]
    worker.run("configure")
    counted = json.loads(worker.run("launch", **data).splitlines()[-1])
    assert (counted["entries"], counted["last"]) == (1, "Gr\u00fc\u00dfe & Co")


def test_guestbook_answers_as_iis_asks_through_fastcgi(
    tmp_path: Path, shared_cache: Path, wine: Path
) -> None:
    """As shipped: the command line that web.config has for IIS, on a named pipe as IIS starts it."""
    root = copy_example("guestbook", tmp_path / "project")
    role = Instance(roles_of(root, shared_cache, tmp_path / "on instance") / "Web" / "approot", wine, 13)
    role.run("configure", EMULATED="true", CLOUDROLE_APPCMD="cmd /c exit 0 &")
    site = role.approot.parent / "sitesroot" / "0"
    handlers = ET.parse(site / "web.config").iter("add")
    processor = next(each.get("scriptProcessor") for each in handlers if each.get("name") == "PythonHandler")
    assert processor is not None
    data = {"GUESTBOOK_DATA": windows_path(tmp_path / "entries")}
    client = windows_path(CLIENT)
    process = role.python(client, windows_path(site), processor, "/entries.json", "/", "/none", **data)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    entries, page, missing = json.loads(out)
    assert (entries["status"], json.loads(entries["body"])) == (200, [])
    assert page["status"] == 200
    assert "Friends &amp; guests" in page["body"]
    assert missing["status"] == 404
