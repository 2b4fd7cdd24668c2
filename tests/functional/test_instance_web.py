"""Web roles on an instance: the site's web.config, the FastCGI entry, and serving over HTTP."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest
import wheelmaker as make
from rolemaker import RoleOnInstance

from hatch_cloudrole.instance._cloudrole.places import Places
from hatch_cloudrole.instance._cloudrole.settings import read_settings
from hatch_cloudrole.instance._cloudrole.trial import handler_fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs a Linux role")

# A server as small as can be, under the names of those that a package brings.
SERVERS = {
    "waitress": """\
from wsgiref.simple_server import make_server
def serve(app, host, port):
    make_server(host, port, app).serve_forever()
""",
    "uvicorn": """\
import asyncio
from wsgiref.simple_server import make_server
def run(app, host, port):
    def bridge(environ, start):
        parts = []
        async def send(message):
            parts.append(message.get("body", b""))
        async def receive():
            return {"type": "http.request", "body": b""}
        asyncio.run(app({"type": "http", "path": environ["PATH_INFO"]}, receive, send))
        start("200 OK", [])
        return parts
    make_server(host, port, bridge).serve_forever()
""",
    "wfastcgi": "",
}
WSGI = """\
import os, sys
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [repr((environ["PATH_INFO"], os.environ.get("MODE"), os.getcwd(), sys.path[0], sys.path[1])).encode()]
def make_app():
    return app
nothing = None
"""
ASGI = """\
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"asgi " + scope["path"].encode()})
"""
SITE = """\
<?xml version="1.0" encoding="utf-8"?>
<!-- of the project -->
<configuration>
  <system.webServer>
    <handlers>
      <add name="PythonHandler" path="*" verb="*" {handler} resourceType="Unspecified" />
    </handlers>{more}
  </system.webServer>
</configuration>
"""
FASTCGI = SITE.format(handler='modules="FastCgiModule" scriptProcessor="%FASTCGIHANDLER%"', more="")
PLATFORM = SITE.format(
    handler='modules="httpPlatformHandler"',
    more='<httpPlatform processPath="python" arguments="x" startupTimeLimit="60" />',
)


def servers() -> dict[str, bytes]:
    return {
        make.wheel_name(name): make.wheel_bytes(name, files={f"{name}.py": text.encode()})
        for name, text in SERVERS.items()
    }


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def running(role: RoleOnInstance, command: str, port: int, **env: str) -> Iterator[str]:
    """What the role answers to one request; it is ended afterwards."""
    all_env = {"PATH": "/usr/bin:/bin", **env}
    process = subprocess.Popen(
        role.command(command), env=all_env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        end = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/some/path", timeout=5) as answer:
                    text = answer.read().decode()
                break
            except (urllib.error.URLError, ConnectionError):
                if process.poll() is not None or time.monotonic() > end:
                    process.kill()
                    raise AssertionError(process.communicate()[1].decode()) from None
                time.sleep(0.1)
        yield text
    finally:
        process.terminate()
        process.communicate()


@pytest.mark.parametrize("handler", ["app:app", "app.app", "app.make_app()", "app:make_app()"])
def test_behind_iis_serves_on_the_port_that_iis_names(tmp_path: Path, handler: str) -> None:
    role = RoleOnInstance(tmp_path / "approot").make(
        servers(),
        {"app.py": WSGI, "lib/x": ""},
        type="web",
        server="httpplatform",
        wsgi_handler=handler,
        startup_file="",
        search_paths=["lib"],
        environment={"MODE": "a & b"},
    )
    role.write("web.config", PLATFORM.encode())
    role.configure()
    port = free_port()
    root = role.approot
    with running(role, "serve", port, HTTP_PLATFORM_PORT=str(port)) as answer:
        assert answer == repr(("/some/path", "a & b", str(root), str(root), str(root / "lib")))


def test_without_iis_launch_serves_on_the_endpoint(tmp_path: Path) -> None:
    port = free_port()
    role = RoleOnInstance(tmp_path).make(
        servers(),
        {"app.py": ASGI},
        type="web",
        server="direct",
        asgi_handler="app:app",
        startup_file="",
        endpoint={"name": "Http", "protocol": "http", "port": port},
    )
    role.configure()
    with running(role, "launch", port) as answer:
        assert answer == "asgi /some/path"
    assert role.events("launch.sh")[-1]["event"] == "exited"


@pytest.mark.parametrize(
    ("handler", "app", "said"),
    [
        ("shop:app", "", "there is no module 'shop'"),
        ("app:aplication", "application = print", "app has no 'aplication'; did you mean 'application'?"),
        ("app:nothing", WSGI, "app.nothing is None, not an application"),
        ("app:make_app", WSGI, "app.make_app makes the application; write app:make_app()"),
        ("app:app()", WSGI, "app.app is the application already; leave () away"),
        (
            "app:app",
            "import gone_module",
            "importing 'app' raised ModuleNotFoundError: No module named 'gone_module'",
        ),
        ("app:app", "raise ValueError('at import')", "importing 'app' raised ValueError: at import"),
        ("app:app", "def app(:", "importing 'app' raised SyntaxError"),
    ],
)
def test_faults_of_the_handler_are_told_apart(tmp_path: Path, handler: str, app: str, said: str) -> None:
    role = RoleOnInstance(tmp_path).make(
        servers(), {"app.py": app}, type="web", server="direct", wsgi_handler=handler, startup_file=""
    )
    role.configure()
    done = role.run("serve", env={"CLOUDROLE_PORT": str(free_port())})
    assert done.returncode == 108, done.stderr
    last = role.log("serve").splitlines()[-1]
    assert "FAILED with exit code 108" in last
    assert said in last
    if "raised" in said:
        assert "Traceback (most recent call last):" in role.log("serve")
        assert str(tmp_path / "app.py") in role.log("serve")


@pytest.mark.parametrize("server", ["direct", "httpplatform", "fastcgi"])
@pytest.mark.parametrize(
    ("app", "fault"),
    [
        (WSGI, ""),
        ("", "app has no 'app'"),
        ("def app(): ...\n", "app.app makes the application; write app.app()"),
        ("print('said')\nraise ValueError('at import')\n", "importing 'app' raised ValueError: at import"),
        ("import os\nos._exit(3)\n", "loading the handler of role Orders ended Python with exit code 3"),
        (
            "import threading, time\nthreading.Thread(target=time.sleep, args=[999]).start()\napp = print\n",
            "",
        ),
    ],
)
def test_check_tells_what_is_wrong_with_the_handler(
    tmp_path: Path, server: str, app: str, fault: str
) -> None:
    role = web_role(tmp_path, FASTCGI, server)
    for place in ("app.py", "../sitesroot/0/app.py"):
        role.write(place, app.encode())
    role.write(
        "bin/role.json", (role.approot / "bin" / "role.json").read_bytes().replace(b"app:app", b"app.app")
    )
    role.configure()
    before = {path for path in tmp_path.rglob("*") if "logs" not in path.parts}
    done = role.run("check")
    assert done.returncode == (110 if fault else 0), done.stdout
    assert fault in done.stdout
    assert len(done.stdout.splitlines()) == (1 if fault else 0)
    assert ("Traceback" in role.log("check")) == ("raised" in fault)
    assert {path for path in tmp_path.rglob("*") if "logs" not in path.parts} == before


def test_check_loads_the_handler_that_web_config_names(tmp_path: Path) -> None:
    """As wfastcgi does: with the settings, the folder and the search path of the site."""
    settings = '<appSettings><add key=" WSGI_HANDLER " value="mine.app"/><add key="PYTHONPATH" value="%HERE%/li b;x"/>'
    settings += f'<add key="HERE" value="{tmp_path}"/></appSettings>'
    config = FASTCGI.replace("<configuration>", f"<configuration>{settings}")
    role = web_role(tmp_path, config)
    (tmp_path / "li b").mkdir()
    (tmp_path / "li b" / "mine.py").write_text(
        "import os\napp = print if os.path.exists('web.config') else None\n"
    )
    role.configure()
    done = role.run("check")
    assert (done.returncode, done.stdout) == (0, "")
    config = (tmp_path / "deploy ment" / "sitesroot" / "0" / "web.config").read_text()
    role.write("../sitesroot/0/web.config", config.replace("mine.app", "mine:app").encode())
    assert "handler 'mine:app': wfastcgi knows dots alone; write mine.app" in role.run("check").stdout
    role.write("../sitesroot/0/web.config", config.replace("mine.app", "yours.app").encode())
    assert "handler 'yours.app': there is no module 'yours'" in role.run("check").stdout


def test_check_does_not_wait_for_ever(tmp_path: Path) -> None:
    role = web_role(tmp_path, FASTCGI, "direct")
    role.write("app.py", b"import time\ntime.sleep(600)\n")
    role.configure()
    settings, places = read_settings(role.approot / "bin" / "role.json"), Places.of(role.approot, {})
    begin = time.monotonic()
    fault = handler_fault(settings, places, role.python, longest=1)
    assert fault == "the handler of role Orders has not loaded within 1 s"
    assert time.monotonic() - begin < 30


def test_missing_server_is_told_by_check(tmp_path: Path) -> None:
    role = web_role(tmp_path, FASTCGI)
    role.make({}, {"app.py": WSGI}, type="web", server="fastcgi", wsgi_handler="app:app", startup_file="")
    role.configure()
    assert "wfastcgi, which serves role Orders, is not among its packages" in role.run("check").stdout


def appcmd_that_lists(tmp_path: Path, section: str) -> dict[str, str]:
    standin = tmp_path / "lists.py"
    standin.write_text(f"print({section!r})\n")
    program = f'"{sys.executable}" "{standin}"'
    return {"CLOUDROLE_APPCMD": program, "CLOUDROLE_DISM": program}


def test_module_of_httpplatform_is_missed_but_may_still_come(tmp_path: Path) -> None:
    """What installs it is a startup task of the project's own, and those run after ours."""
    role = web_role(tmp_path, PLATFORM, "httpplatform")
    without = appcmd_that_lists(
        tmp_path, '<globalModules><add name="FastCgiModule" image="x" /></globalModules>'
    )
    role.configure(**without)
    said = "IIS has no module httpPlatformHandler"
    assert f"warning: {said}" in role.log("configure.sh")
    done = role.run("check", env=without)
    assert (done.returncode, said in done.stdout) == (110, True)
    found = appcmd_that_lists(
        tmp_path, '<globalModules><add image="x" name="HttpPlatformHandler" /></globalModules>'
    )
    role.configure(**found)
    assert "IIS has the module" in role.log("configure.sh").splitlines()[-2]
    assert role.run("check", env=found).returncode == 0
    fails = {**found, "CLOUDROLE_APPCMD": appcmd(tmp_path, 5)}
    role.configure(**fails)
    assert "appcmd could not list globalModules: exit code 5" in role.run("check", env=fails).stdout


def web_role(tmp_path: Path, config: str, server: str = "fastcgi") -> RoleOnInstance:
    role = RoleOnInstance(tmp_path / "deploy ment" / "approot")
    role.make(servers(), {"app.py": WSGI}, type="web", server=server, wsgi_handler="app:app", startup_file="")
    role.write("../sitesroot/0/app.py", WSGI.encode())
    role.write("../sitesroot/0/web.config", config.encode())
    return role


def test_fastcgi_handler_names_interpreter_and_wrapper(tmp_path: Path) -> None:
    role = web_role(tmp_path, FASTCGI).configure()
    site = tmp_path / "deploy ment" / "sitesroot" / "0"
    text = (site / "web.config").read_text()
    wrapper = role.approot / "bin" / "_cloudrole" / "wfastcgi.py"
    assert f'scriptProcessor="{role.python}|&quot;{wrapper}&quot;"' in text
    assert "<!-- of the project -->" in text
    assert (site / "web.config.bak").read_text() == FASTCGI
    role.configure()
    assert (site / "web.config").read_text() == text
    assert (site / "web.config.bak").read_text() == FASTCGI
    assert [event["changed"] for event in role.events("configure.sh") if event["event"] == "site"] == [
        True,
        False,
    ]
    assert role.run("check").returncode == 0


def test_http_platform_starts_serve(tmp_path: Path) -> None:
    role = web_role(tmp_path, PLATFORM, "httpplatform").configure()
    text = (tmp_path / "deploy ment" / "sitesroot" / "0" / "web.config").read_text()
    assert f'processPath="{role.python}"' in text
    assert f'arguments="&quot;{role.approot}/bin/role.py&quot; serve"' in text
    assert 'startupTimeLimit="60"' in text


@pytest.mark.parametrize(
    ("emulated", "used"), [("true", "emulator"), ("TRUE", "emulator"), ("false", "cloud"), ("", "cloud")]
)
def test_config_for_the_place_is_used(tmp_path: Path, emulated: str, used: str) -> None:
    role = web_role(tmp_path, FASTCGI)
    for place in ("emulator", "cloud"):
        role.write(f"../sitesroot/0/web.{place}.config", FASTCGI.replace("of the project", place).encode())
    role.configure(EMULATED=emulated)
    assert f"<!-- {used} -->" in (tmp_path / "deploy ment" / "sitesroot" / "0" / "web.config").read_text()


def test_role_model_says_where_the_site_is(tmp_path: Path) -> None:
    role = web_role(tmp_path, FASTCGI)
    ns = "http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition"
    model = f'<RoleModel xmlns="{ns}"><Sites><Site name="Web" physicalDirectory="sitesroot\\7"/></Sites></RoleModel>'
    role.write("../RoleModel.xml", model.encode())
    role.write("../sitesroot/7/web.config", FASTCGI.encode())
    role.configure()
    assert (tmp_path / "deploy ment" / "sitesroot" / "0" / "web.config").read_text() == FASTCGI
    assert role.python in (tmp_path / "deploy ment" / "sitesroot" / "7" / "web.config").read_text()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("<configuration/>", "has no handler named PythonHandler"),
        ("<configuration", "is not XML"),
    ],
)
def test_config_that_cannot_work_is_refused(tmp_path: Path, config: str, said: str) -> None:
    role = web_role(tmp_path, config)
    assert role.run("configure").returncode == 105
    assert said in role.log("configure.sh").splitlines()[-1]


def test_missing_config_is_told(tmp_path: Path) -> None:
    role = web_role(tmp_path, FASTCGI)
    (role.approot.parent / "sitesroot" / "0" / "web.config").unlink()
    assert role.run("configure").returncode == 105
    assert "web.config: is missing" in role.log("configure.sh").splitlines()[-1]


def appcmd(tmp_path: Path, code: int) -> str:
    standin = tmp_path / "app cmd.py"
    standin.write_text(f"import sys\nprint('ERROR ( message:no such section )')\nsys.exit({code})\n")
    return f'"{sys.executable}" "{standin}"'


def test_failing_appcmd_is_a_failure(tmp_path: Path) -> None:
    role = web_role(tmp_path, FASTCGI)
    done = role.run("configure", env={"CLOUDROLE_APPCMD": appcmd(tmp_path, 50), "EMULATED": "true"})
    assert done.returncode == 105
    last = role.log("configure.sh").splitlines()[-1]
    assert "exit code 50: ERROR ( message:no such section )" in last


def test_failing_dism_is_a_failure(tmp_path: Path) -> None:
    role = web_role(tmp_path, FASTCGI)
    env = {"CLOUDROLE_APPCMD": appcmd(tmp_path, 0), "CLOUDROLE_DISM": appcmd(tmp_path, 87)}
    assert role.run("configure", env=env).returncode == 105
    assert "dism could not enable" in role.log("configure.sh").splitlines()[-1]


def test_fastcgi_process_has_packages_and_environment(tmp_path: Path) -> None:
    """What IIS starts, without IIS: a wfastcgi that tells what it was given."""
    tell = b"""\
if __name__ == '__main__':
    import json, os, sys, alpha
    sys.path[0] = '.'
    import tokenize
    ours = [path for path in sys.path if path.endswith('bin') or '_cloudrole' in path]
    print(json.dumps([alpha.HOOKED, os.environ['MODE'], sys.argv, ours, sys.path[1]]))
"""
    wheels = {
        make.wheel_name("wfastcgi", "3.0"): make.wheel_bytes("wfastcgi", "3.0", files={"wfastcgi.py": tell}),
        make.wheel_name("alpha"): make.wheel_bytes(
            "alpha", files={"alpha.py": b"HOOKED = 0\n", "alpha.pth": b"import alpha; alpha.HOOKED = 1\n"}
        ),
    }
    role = RoleOnInstance(tmp_path / "a b").make(
        wheels,
        environment={"MODE": "live"},
        search_paths=["lib"],
        type="web",
        server="fastcgi",
        startup_file="",
    )
    role.write("web.config", FASTCGI.encode())
    role.configure()
    wrapper = str(role.approot / "bin" / "_cloudrole" / "wfastcgi.py")
    done = subprocess.run([role.python, wrapper], capture_output=True, encoding="utf-8", cwd="/", check=False)
    assert done.returncode == 0, done.stderr
    hooked, mode, argv, ours, first = json.loads(done.stdout)
    assert (hooked, mode, ours, first) == (1, "live", [], str(role.approot / "lib"))
    assert argv == [str(role.site_packages / "wfastcgi.py")]
