"""WSGI as every server of a web role serves it: the cases that FastCGI handlers on IIS have long been judged by.

docs/wsgi-acceptance.md says which of them there are and why some do not apply.
"""

from __future__ import annotations

import http.client
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from websites import SITES, FastCgiSite, Served, Site, System

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.network, pytest.mark.usefixtures("network")]

PROJECT = """
[build-system]
requires = ["hatchling", "hatch-cloudrole"]
build-backend = "hatchling.build"
[project]
name = "acceptance"
version = "1.0"
[tool.hatch.build.targets.cloudrole]
python = "{python}"
platform = "{platform}"
"""
ROLE = """
[tool.hatch.build.targets.cloudrole.roles.{server}]
type = "web"
server = "{server}"
wsgi-handler = "app:app"
dependencies = {dependencies}
endpoints.Http = {{ protocol = "http", port = {port} }}
"""

# What a package for Windows has; the settings refuse these two for Linux, where there is no IIS.
CONFIG = """
<configuration><appSettings><add key="WSGI_HANDLER" value="app.app"/></appSettings><system.webServer>
<handlers><add name="PythonHandler" path="*" verb="*" {handler}/></handlers>{more}
</system.webServer></configuration>
"""
CONFIGS = {
    "fastcgi": CONFIG.format(handler='modules="FastCgiModule" scriptProcessor=""', more=""),
    "httpplatform": CONFIG.format(handler='modules="httpPlatformHandler"', more="<httpPlatform/>"),
}

# wfastcgi looks these up when it is imported, so that it starts nowhere but on Windows.
WINDLL = """
import ctypes

class Function:
    def __call__(self, *args):
        raise OSError("there is no Windows here")

class Library:
    def __getattr__(self, name):
        self.__dict__[name] = Function()
        return self.__dict__[name]

ctypes.windll = Library()
ctypes.windll.kernel32 = Library()
"""

APPCMD = """
import sys
if "list" in sys.argv:
    print('<system.webServer><globalModules><add name="httpPlatformHandler" image="x.dll" /></globalModules></system.webServer>')
"""

HELLO = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello world!"]
"""

WAYS = [
    pytest.param((server, system), id=f"{server}-{system}", marks=[pytest.mark.wine] * (system == "windows"))
    for system in ("linux", "windows")
    for server in SITES
]
# Cases about web.config, which wfastcgi reads itself; and about files that change, which it watches through Windows.
BY_FASTCGI = pytest.mark.parametrize(
    "site", [each for each in WAYS if "fastcgi" in str(each.id)], indirect=True
)
WATCHED = pytest.mark.parametrize(
    "site", [each for each in WAYS if each.id == "fastcgi-windows"], indirect=True
)
_SITES: dict[str, dict[str, Site]] = {}


@pytest.fixture(params=WAYS)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, shared_cache: Path
) -> Site:
    """The site by each server on this host's CPython and on Windows CPython; configured once."""
    server, system = request.param
    if system == "linux" and not sys.platform.startswith("linux"):
        pytest.skip("the package is for Linux")
    wine = request.getfixturevalue("wine") if system == "windows" else None
    if system not in _SITES:
        folder = tmp_path_factory.mktemp(f"{system} sites")
        _SITES[system] = (
            deploy_here(folder, shared_cache) if wine is None else deploy(folder, shared_cache, wine)
        )
    return _SITES[system][server]


def deploy(folder: Path, cache: Path, wine: Path) -> dict[str, Site]:
    """A package for Windows with a role for each server."""
    subprocess.run([str(wine / "wine-start")], stdin=subprocess.DEVNULL, check=True)
    roles = "".join(
        ROLE.format(server=server, dependencies=[], port=port) for port, server in enumerate(SITES, 8080)
    )
    found = built(folder, cache, PROJECT.format(python="3.13", platform="win_amd64") + roles)
    (folder / "appcmd.py").write_text(APPCMD)
    system = System([str(wine / "winpy"), "13"], wine)
    python = system.path(wine.resolve() / "py313" / "python.exe")
    env = {"EMULATED": "true", "CLOUDROLE_APPCMD": f'"{python}" "{system.path(folder / "appcmd.py")}"'}
    sites = {server: kind(found / server / "approot", system) for server, kind in SITES.items()}
    for site in sites.values():
        site.configure(**env)
    return sites


def deploy_here(folder: Path, cache: Path) -> dict[str, Site]:
    """A package for Linux, whose only role becomes one for each server."""
    python = "{}.{}".format(*sys.version_info)
    project = PROJECT.format(python=python, platform=f"manylinux_2_17_{platform.machine()}")
    found = built(folder, cache, project + ROLE.format(server="direct", dependencies='["wfastcgi"]', port=80))
    (folder / "windll").mkdir()
    (folder / "windll" / "sitecustomize.py").write_text(WINDLL)
    sites = {}
    for server, kind in SITES.items():
        root = folder / "a role" / server
        shutil.copytree(found / "direct", root)
        env = {"PYTHONPATH": str(folder / "windll")} if server == "fastcgi" else {}
        sites[server] = site = kind(root / "approot", System([sys.executable], env=env))
        role_json = site.approot / "bin" / "role.json"
        role_json.write_text(json.dumps({**json.loads(role_json.read_text()), "server": server}))
        if server in CONFIGS:
            (root / "sitesroot" / "0").mkdir(parents=True)
            (root / "sitesroot" / "0" / "web.config").write_text(CONFIGS[server])
            # wfastcgi asks for this spelling, which Windows takes for the same file
            (root / "sitesroot" / "0" / "Web.config").symlink_to("web.config")
        site.configure()
    return sites


def built(folder: Path, cache: Path, settings: str) -> Path:
    """Build as a user would and extract; gives the folder of the roles."""
    root = folder / "project"
    root.mkdir()
    (root / "pyproject.toml").write_text(settings)
    (root / "app.py").write_text(HELLO)
    env = {**os.environ, "HATCH_CLOUDROLE_CACHE_DIR": str(cache)}
    cloudrole = [sys.executable, "-m", "hatch_cloudrole"]
    done = subprocess.run([*cloudrole, "build", str(root), "-q"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    package = next((root / "dist").glob("*.cspkg"))
    subprocess.run([*cloudrole, "extract", "-q", str(package), str(folder / "out")], env=env, check=True)
    return folder / "out" / "Roles"


PATTERN = "".join(chr(33 + number) for number in range(61))

ANSWERS: dict[str, tuple[str, str, Callable[[Served], object], object]] = {
    "B3 hello world": (HELLO, "app:app", lambda at: at.ask()[:2], (200, b"hello world!")),
    "A3 large response": (
        f"def app(environ, start_response):\n    start_response('200 OK', [])\n    return [{PATTERN!r}.encode()] * 3000\n",
        "app:app",
        lambda at: at.ask("/large_response")[:2],
        (200, PATTERN.encode() * 3000),
    ),
    "A5 parts and a header of its own": (
        "def app(environ, start_response):\n    start_response('200 OK', [('Custom-Header', '42')])\n"
        "    return [b'<html>', b'<body>', b'hello world', b'</body>', b'</html>']\n",
        "app.app",
        lambda at: (at.ask()[1], at.ask()[2]["Custom-Header"]),
        (b"<html><body>hello world</body></html>", "42"),
    ),
    "A6 factory": (
        HELLO + "def make():\n    return app\n",
        "app.make()",
        lambda at: at.ask()[:2],
        (200, b"hello world!"),
    ),
    "A7 error page of its own": (
        "def app(environ, start_response):\n    start_response('404 Not Found', [])\n    return [b'Sorry folks']\n",
        "app:app",
        lambda at: at.ask()[:2],
        (404, b"Sorry folks"),
    ),
    "B4 object that is called": (
        "class App:\n    def __call__(self, environ, start_response):\n"
        "        start_response('200 OK', [])\n        return [b'hello world!']\n",
        "app:App()",
        lambda at: at.ask()[:2],
        (200, b"hello world!"),
    ),
    "B12 environment": (
        "def app(environ, start_response):\n    start_response('200 OK', [])\n"
        "    return [repr([environ[key] for key in ('QUERY_STRING', 'PATH_INFO', 'SCRIPT_NAME')]).encode()]\n",
        "app:app",
        lambda at: at.ask("/fob/oar/baz?quox=100")[1],
        b"['quox=100', '/fob/oar/baz', '']",
    ),
    "B22 query": (
        "from urllib.parse import parse_qsl\ndef app(environ, start_response):\n    start_response('200 OK', [])\n"
        "    return [repr(parse_qsl(environ['QUERY_STRING'])).encode()]\n",
        "app:app",
        lambda at: at.ask("/?fob=42&oar=gr%C3%BC%C3%9F")[1].decode(),
        "[('fob', '42'), ('oar', 'gr\u00fc\u00df')]",
    ),
    "B23 form": (
        "from urllib.parse import parse_qsl\ndef app(environ, start_response):\n    start_response('200 OK', [])\n"
        "    data = environ['wsgi.input'].read(int(environ['CONTENT_LENGTH']))\n"
        "    return [repr(parse_qsl(data.decode())).encode()]\n",
        "app:app",
        lambda at: at.ask("/", b"fob=42&oar=100")[1],
        b"[('fob', '42'), ('oar', '100')]",
    ),
    "B24 path": (
        "def app(environ, start_response):\n    start_response('200 OK', [])\n"
        "    return [environ['PATH_INFO'].encode('latin-1')]\n",
        "app:app",
        lambda at: at.ask("/fob/gr%C3%BC%C3%9F/a%20b")[1].decode(),
        "/fob/gr\u00fc\u00df/a b",
    ),
    "B28 answer begun anew before any of it": (
        "import sys\ndef app(environ, start_response):\n    start_response('200 OK', [])\n    try:\n        raise ValueError\n"
        "    except ValueError:\n        start_response('500 Error', [], sys.exc_info())\n    return [b'500 Error']\n",
        "app:app",
        lambda at: at.ask("/test_1")[:2],
        (500, b"500 Error"),
    ),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_answer(site: Site, case: str) -> None:
    app, handler, ask, expected = ANSWERS[case]
    site.write(app, handler)
    with site.serving() as at:
        assert ask(at) == expected


def test_a4_many_at_once(site: Site) -> None:
    """12 clients with 50 requests each get 600 right answers."""
    site.write(HELLO)
    with site.serving() as at, ThreadPoolExecutor(12) as pool:
        answers = Counter(pool.map(lambda _: at.ask()[:2], range(600)))
    assert answers == {(200, b"hello world!"): 600}


def test_b14_search_paths(site: Site) -> None:
    folder = site.approot / "second; place"
    folder.mkdir(exist_ok=True)
    (folder / "othermod.py").write_text("TEXT = b'hello world!'\n")
    app = HELLO.replace('b"hello world!"', "othermod.TEXT")
    site.write(f"import othermod\n{app}", search_paths=["none", "second; place"])
    with site.serving() as at:
        assert at.ask()[:2] == (200, b"hello world!")


@BY_FASTCGI
def test_b14_variables_in_pythonpath_of_web_config(site: FastCgiSite) -> None:
    """As a project's own web.config has it; `configure` adds to it, and takes nothing away."""
    folder = site.site / "second place"
    folder.mkdir(exist_ok=True)
    (folder / "othermod.py").write_text("TEXT = b'hello world!'\n")
    app = HELLO.replace('b"hello world!"', "othermod.TEXT")
    site.write(f"import othermod\n{app}")
    variables = {"SITELOCATION": ".", "OTHERLOCATION": site.system.path(folder)}
    site.set(WSGI_HANDLER="app.app", PYTHONPATH="%SITELOCATION%;%OTHERLOCATION%", **variables)
    Site.configure(site, EMULATED="true", CLOUDROLE_APPCMD="cmd /c exit 0 &" if site.system.wine else "")
    assert "startup;%SITELOCATION%;" in site.config.read_text()
    with site.serving() as at:
        assert at.ask()[:2] == (200, b"hello world!")


def wait_for(at: Served, text: bytes, change: Callable[[], object], seconds: float = 20) -> None:
    """Make a change and ask until the answer is `text`; what is asked while a process ends may fail.

    The change is made again each second, because a process may answer before it begins to watch.
    """
    end = time.monotonic() + seconds
    again = 0.0
    while True:
        if time.monotonic() >= again:
            change()
            again = time.monotonic() + 1
        time.sleep(0.1)
        answer = at.ask()[1]
        if answer == text:
            return
        assert time.monotonic() < end, answer


@WATCHED
def test_b15_changed_file_and_changed_handler(site: FastCgiSite) -> None:
    site.write(HELLO)
    (site.site / "app2.py").write_text(HELLO.replace("hello", "app2"))
    with site.serving() as at:
        assert at.ask()[1] == b"hello world!"
        goodbye = HELLO.replace("hello", "goodbye")
        wait_for(at, b"goodbye world!", lambda: (site.site / "app.py").write_text(goodbye))
        wait_for(at, b"app2 world!", lambda: site.set(WSGI_HANDLER="app2.app"))


@WATCHED
def test_b16_changed_file_of_a_package(site: FastCgiSite) -> None:
    """Of one that is made after the process has begun: Wine watches folders that it has seen coming."""
    package = site.site / "shop"
    shutil.rmtree(package, ignore_errors=True)
    site.write(
        "def app(environ, start_response):\n    try:\n        from shop import app\n    except ImportError:\n"
        "        start_response('200 OK', [])\n        return [b'none']\n    return app(environ, start_response)\n"
    )
    with site.serving() as at:
        assert at.ask()[1] == b"none"
        package.mkdir()
        time.sleep(0.3)
        module = package / "__init__.py"
        wait_for(at, b"hello world!", lambda: module.write_text(HELLO))
        wait_for(at, b"goodbye world!", lambda: module.write_text(HELLO.replace("hello", "goodbye")))


@WATCHED
def test_b17_changed_file_of_a_name_that_the_site_says(site: FastCgiSite) -> None:
    data = site.site / "app.data"
    data.write_text("hello world!")
    app = HELLO.replace('b"hello world!"', "TEXT")
    site.write(f"TEXT = open({site.system.path(data)!r}, 'rb').read()\n{app}")
    site.set(WSGI_HANDLER="app.app", WSGI_RESTART_FILE_REGEX=r".*\.data$")
    with site.serving() as at:
        assert at.ask()[1] == b"hello world!"
        wait_for(at, b"goodbye world!", lambda: data.write_text("goodbye world!"))


def test_b18_changed_file_changes_nothing_while_it_runs(site: Site) -> None:
    site.write(HELLO)
    if isinstance(site, FastCgiSite):
        site.set(WSGI_HANDLER="app.app", WSGI_RESTART_FILE_REGEX="")
    with site.serving() as at:
        assert at.ask()[1] == b"hello world!"
        (site.code / "app.py").write_text(HELLO.replace("hello", "goodbye"))
        time.sleep(0.5)
        assert at.ask()[1] == b"hello world!"
    with site.serving() as at:
        assert at.ask()[1] == b"goodbye world!"


# Through a file: the two requests may be answered by two processes.
STREAMING = """
import os, time
go_on = os.path.join(os.path.dirname(os.path.abspath(__file__)), "go on")

def app(environ, start_response):
    start_response("200 OK", [])
    if environ["PATH_INFO"] == "/fob":
        open(go_on, "w").close()
        return [b"set"]
    return parts()

def parts():
    yield b"Hello world!\\n"
    end = time.monotonic() + 20
    while not os.path.exists(go_on) and time.monotonic() < end:
        time.sleep(0.05)
    yield b"goodbye world!\\n" if os.path.exists(go_on) else b"waited in vain\\n"
"""


def test_b21_first_part_arrives_before_the_last_is_made(site: Site) -> None:
    site.write(STREAMING)
    (site.code / "go on").unlink(missing_ok=True)
    with site.serving(hold_back=False) as at:
        connection = http.client.HTTPConnection("127.0.0.1", at.port, timeout=30)
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert answer.readline() == b"Hello world!\n"
        assert at.ask("/fob")[1] == b"set"
        assert answer.read() == b"goodbye world!\n"
        connection.close()


FAILS_ON_THE_WAY = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "100")])
    yield b"part"
    raise ValueError("failed on the way")
"""


def test_b29_answer_that_fails_on_the_way_is_cut_short(site: Site) -> None:
    """The status is out by then, so that the client can only be told by the end that is missing."""
    site.write(FAILS_ON_THE_WAY)
    with site.serving(hold_back=False) as at, pytest.raises((http.client.IncompleteRead, ConnectionError)):
        at.ask("/test_2")
    assert "failed on the way" in at.said


@BY_FASTCGI
def test_b29_answer_that_is_held_back_becomes_an_error(site: FastCgiSite) -> None:
    site.write(FAILS_ON_THE_WAY)
    with site.serving() as at:
        status, page, _ = at.ask("/test_2")
    assert (status, b"ValueError: failed on the way" in page) == (500, True)


@pytest.mark.parametrize(
    ("app", "in_log", "on_page"),
    [
        (
            "def app(environ, start_response):\n    start_response('200 OK', [])\n    start_response('200 OK', [])\n"
            "    return [b'x']\n",
            "start_response called a second time",
            b"start_response has already been called",
        ),
        (
            "def app(environ, start_response):\n    yield b'x'\n    start_response('200 OK', [])\n",
            "start_response was not called before",
            b"start_response has not yet been called",
        ),
        (
            "def app(environ, start_response):\n    raise ValueError('in app')\n",
            "ValueError: in app",
            b"ValueError: in app",
        ),
    ],
    ids=["B30 begun twice", "B31 never begun", "raises"],
)
def test_b30_b31_broken_application_answers_500(site: Site, app: str, in_log: str, on_page: bytes) -> None:
    """waitress tells the log why, and wfastcgi the page."""
    site.write(app)
    with site.serving() as at:
        answers = [at.ask("/test_3")[:2] for _ in range(2)]
    assert [status for status, _ in answers] == [500, 500], "the next request is answered too"
    if isinstance(site, FastCgiSite):
        assert on_page in answers[1][1]
    else:
        assert in_log in at.said


# Handler, what is said of it by whatever serves it, and wfastcgi's own words, on which its users rely.
FAULTS = {
    "B5 attribute": (HELLO, "app.does_not_exist", "app has no 'does_not_exist'", "'does_not_exist'"),
    "B6 module": (
        HELLO,
        "gone.does_not_exist",
        "there is no module 'gone'",
        '"gone.does_not_exist" could not be imported',
    ),
    "B7 raises": (
        "raise Exception('handler file is raising')\n",
        "app.app",
        "Exception: handler file is raising",
        "Exception: handler file is raising",
    ),
    "imports what is not there": (
        "import gone_module\n",
        "app.app",
        "importing 'app' raised ModuleNotFoundError: No module named 'gone_module'",
        '"app.app" could not be imported',
    ),
    "B8 bare module": (
        "raise Exception('imported')\n",
        "app",
        "names a module only; write app:app or app.app",
        '"app" could not be imported',
    ),
    "B10 None": ("app = None\n", "app.app", "app.app is None", '"app.app" could not be imported'),
    "called": (HELLO, "app.app()", "app.app is the application already; leave () away", "TypeError"),
    "B11 prints": (
        "import sys\nprint('to out', flush=True)\nprint('to err', file=sys.stderr)\nraise Exception('end')\n",
        "app.app",
        "Exception: end",
        "Exception: end",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_handler_that_cannot_be_loaded_is_told(site: Site, case: str) -> None:
    app, handler, fault, on_page = FAULTS[case]
    site.write(app, handler)
    refused = site.refused()
    assert fault in refused.log.splitlines()[-1]
    assert ("Traceback" in refused.log) == ("raised" in refused.log.splitlines()[-1])
    if isinstance(site, FastCgiSite):
        assert on_page in refused.said
    if case == "B11 prints":
        assert "to out" in refused.said
        assert "to err" in refused.said
    if case == "B8 bare module":
        assert "Exception: imported" not in refused.said


@BY_FASTCGI
def test_b9_no_handler(site: FastCgiSite) -> None:
    site.write(HELLO, wsgi_handler="")
    site.set(WSGI_HANDLER=None)
    refused = site.refused()
    assert "there is no handler" in refused.log.splitlines()[-1]
    assert "WSGI_HANDLER env var must be set" in refused.said


@BY_FASTCGI
def test_handler_of_the_role_serves_a_site_that_names_none(site: FastCgiSite) -> None:
    site.write(HELLO)
    site.set(WSGI_HANDLER=None)
    with site.serving() as at:
        assert at.ask()[:2] == (200, b"hello world!")


@BY_FASTCGI
def test_maker_that_is_not_called_is_told(site: FastCgiSite) -> None:
    """wfastcgi takes it, and every request fails; here the reason is known before the first."""
    site.write(f"{HELLO}\ndef make():\n    return app\n", "app.make")
    refused = site.refused()
    assert "it makes the application; write app.make()" in refused.log.splitlines()[-1]
    assert "TypeError" in refused.said


@pytest.mark.parametrize("site", [each for each in WAYS if each.id == "fastcgi-linux"], indirect=True)
def test_wfastcgi_starts_on_windows_alone(site: FastCgiSite) -> None:
    """Why it has a stand-in for what it looks up there."""
    site.write(HELLO)
    plain = FastCgiSite(site.approot, System(site.system.python))
    with plain.serving() as at:
        assert at.ask()[0] == 500
    assert "module 'ctypes' has no attribute 'windll'" in at.said
