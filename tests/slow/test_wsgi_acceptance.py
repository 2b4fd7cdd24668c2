"""WSGI as `server = "direct"` serves it: the cases that FastCGI handlers on IIS have long been judged by.

docs/wsgi-acceptance.md says which of them there are and why some do not apply.
"""

from __future__ import annotations

import http.client
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
[tool.hatch.build.targets.cloudrole.roles.Web]
type = "web"
server = "direct"
wsgi-handler = "app:app"
"""

HELLO = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello world!"]
"""


@dataclass
class Site:
    """A configured web role, whose application is exchanged from case to case."""

    approot: Path
    python: list[str]
    wine: Path | None = None

    def path(self, path: Path) -> str:
        """As the interpreter spells it."""
        return str(PureWindowsPath("Z:/", *path.parts[1:])) if self.wine else str(path)

    def command(self, word: str) -> list[str]:
        return [*self.python, self.path(self.approot / "bin" / "role.py"), word]

    def write(self, app: str, handler: str = "app:app", **changes: Any) -> None:
        (self.approot / "app.py").write_text(app)
        path = self.approot / "bin" / "role.json"
        settings = json.loads(path.read_text())
        path.write_text(json.dumps({**settings, "wsgi_handler": handler, "search_paths": [], **changes}))

    def start(self, port: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command("serve"),
            env={**os.environ, "CLOUDROLE_PORT": str(port), "CLOUDROLE_ADDRESS": "127.0.0.1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )

    @contextmanager
    def serving(self) -> Iterator[Served]:
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            port = int(listening.getsockname()[1])
        process = self.start(port)
        served = Served(port)
        try:
            end = time.monotonic() + 60
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    assert process.poll() is None, process.communicate()[0]
                    assert time.monotonic() < end, "nobody listens"
                    time.sleep(0.05)
            yield served
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            served.said = process.communicate(timeout=60)[0]

    def refused(self) -> str:
        """What is said where the handler cannot be loaded."""
        process = self.start(9)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 108, said
        return said


@dataclass
class Served:
    """Where a site answers; `said` is what its process wrote, known once it has ended."""

    port: int
    said: str = ""

    def ask(
        self, path: str = "/", body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET" if body is None else "POST", path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()


_SITES: dict[str, Site] = {}


@pytest.fixture(params=["here", pytest.param("windows", marks=pytest.mark.wine)])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, shared_cache: Path
) -> Site:
    """The site on this host's CPython, and on Windows CPython; each is built and configured once."""
    system = str(request.param)
    if system == "here" and not sys.platform.startswith("linux"):
        pytest.skip("the package is for Linux")
    wine = request.getfixturevalue("wine") if system == "windows" else None
    if system not in _SITES:
        folder = tmp_path_factory.mktemp("site")
        _SITES[system] = deploy(folder, shared_cache, wine)
    return _SITES[system]


def deploy(folder: Path, cache: Path, wine: Path | None) -> Site:
    """Build as a user would, extract and configure."""
    root = folder / "project"
    root.mkdir()
    python = "3.13" if wine else "{}.{}".format(*sys.version_info)
    target = "win_amd64" if wine else f"manylinux_2_17_{platform.machine()}"
    (root / "pyproject.toml").write_text(PROJECT.format(python=python, platform=target))
    (root / "app.py").write_text(HELLO)
    env = {**os.environ, "HATCH_CLOUDROLE_CACHE_DIR": str(cache)}
    cloudrole = [sys.executable, "-m", "hatch_cloudrole"]
    done = subprocess.run([*cloudrole, "build", str(root), "-q"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    package = next((root / "dist").glob("*.cspkg"))
    subprocess.run([*cloudrole, "extract", "-q", str(package), str(folder / "out")], env=env, check=True)
    if wine:
        subprocess.run([str(wine / "wine-start")], stdin=subprocess.DEVNULL, check=True)
    site = Site(
        folder / "out" / "Roles" / "Web" / "approot",
        [str(wine / "winpy"), "13"] if wine else [sys.executable],
        wine,
    )
    done = subprocess.run(site.command("configure"), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return site


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


def test_b18_changed_file_changes_nothing_while_it_runs(site: Site) -> None:
    site.write(HELLO)
    with site.serving() as at:
        assert at.ask()[1] == b"hello world!"
        site.write(HELLO.replace("hello", "goodbye"))
        assert at.ask()[1] == b"hello world!"
    with site.serving() as at:
        assert at.ask()[1] == b"goodbye world!"


STREAMING = """
import threading
go_on = threading.Event()

def app(environ, start_response):
    start_response("200 OK", [])
    if environ["PATH_INFO"] == "/fob":
        go_on.set()
        return [b"set"]
    return parts()

def parts():
    yield b"Hello world!\\n"
    yield b"goodbye world!\\n" if go_on.wait(20) else b"waited in vain\\n"
"""


def test_b21_first_part_arrives_before_the_last_is_made(site: Site) -> None:
    site.write(STREAMING)
    with site.serving() as at:
        connection = http.client.HTTPConnection("127.0.0.1", at.port, timeout=30)
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert answer.readline() == b"Hello world!\n"
        assert at.ask("/fob")[1] == b"set"
        assert answer.read() == b"goodbye world!\n"
        connection.close()


def test_b29_answer_that_fails_on_the_way_is_cut_short(site: Site) -> None:
    """The status is out by then, so that the client can only be told by the end that is missing."""
    site.write(
        "def app(environ, start_response):\n    start_response('200 OK', [('Content-Length', '100')])\n"
        "    yield b'part'\n    raise ValueError('failed on the way')\n"
    )
    with site.serving() as at, pytest.raises((http.client.IncompleteRead, ConnectionError)):
        at.ask("/test_2")
    assert "failed on the way" in at.said


@pytest.mark.parametrize(
    ("app", "said"),
    [
        (
            "def app(environ, start_response):\n    start_response('200 OK', [])\n    start_response('200 OK', [])\n"
            "    return [b'x']\n",
            "start_response called a second time",
        ),
        (
            "def app(environ, start_response):\n    yield b'x'\n    start_response('200 OK', [])\n",
            "start_response was not called before",
        ),
        ("def app(environ, start_response):\n    raise ValueError('in app')\n", "ValueError: in app"),
    ],
    ids=["B30 begun twice", "B31 never begun", "raises"],
)
def test_b30_b31_broken_application_answers_500_and_the_log_says_why(site: Site, app: str, said: str) -> None:
    site.write(app)
    with site.serving() as at:
        assert at.ask("/test_3")[0] == 500
        assert at.ask("/test_3")[0] == 500, "the next request is answered too"
    assert said in at.said


@pytest.mark.parametrize(
    ("app", "handler", "said"),
    [
        (HELLO, "app.does_not_exist", "app has no 'does_not_exist'"),
        (HELLO, "gone.does_not_exist", "there is no module 'gone'"),
        ("raise Exception('handler file is raising')\n", "app.app", "Exception: handler file is raising"),
        ("raise Exception('imported')\n", "app", "names a module only; write app:app or app.app"),
        ("app = None\n", "app.app", "app.app is None"),
        (
            "import sys\nprint('to out', flush=True)\nprint('to err', file=sys.stderr)\nraise Exception('end')\n",
            "app.app",
            "Exception: end",
        ),
    ],
    ids=["B5 attribute", "B6 module", "B7 raises", "B8 bare module", "B10 None", "B11 prints"],
)
def test_handler_that_cannot_be_loaded_is_told_at_the_start(
    site: Site, app: str, handler: str, said: str
) -> None:
    site.write(app, handler)
    text = site.refused()
    assert said in text
    if "to out" in app:
        assert "to out" in text
        assert "to err" in text
