"""The example projects built for this machine's Linux, then configured and launched where there is no network.

A network namespace of its own has no route anywhere, and PATH names no folder that exists, so neither a compiler
nor pip can be found. What runs inside proves first that a connection to the outside fails at once.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "fixtures" / "projects"
UNSHARE = ["/usr/bin/unshare", "--user", "--map-root-user", "--net"]
pytestmark = [
    pytest.mark.network,
    pytest.mark.usefixtures("network", "alone"),
    pytest.mark.skipif(sys.platform != "linux", reason="runs Linux roles"),
    pytest.mark.skipif(sys.version_info < (3, 11), reason="the examples require Python 3.11"),
]

# Runs inside: argv[1] is a list of [approot, commands, environment, paths to ask for by HTTP]; prints what came.
INSIDE = r"""
import errno, fcntl, json, os, shutil, socket, struct, subprocess, sys, time, urllib.request

def outside(address):
    begin = time.monotonic()
    try:
        socket.create_connection((address, 443), 20).close()
    except OSError as error:
        return [errno.errorcode[error.errno], time.monotonic() - begin]
    return ["connected", 0]

def start_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        flags = struct.pack("16sH14s", b"lo", 1, b"")
        fcntl.ioctl(control, 0x8914, flags)

def get(port, path, program):
    while True:
        try:
            with urllib.request.urlopen(f"http://localhost:{port}{path}", timeout=30) as response:
                return [response.status, response.read().decode()]
        except urllib.error.HTTPError as error:
            return [error.code, error.read().decode()]
        except OSError as error:
            if program.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.1)

told = {"outside": outside("192.0.2.1"), "found": [shutil.which(each) for each in ("cc", "gcc", "pip", "sh")]}
start_loopback()
told["roles"] = []
for approot, env, paths in json.loads(sys.argv[1]):
    one = {}
    role_py = os.path.join(approot, "bin", "role.py")
    env = {**os.environ, **env}
    for command in ("configure", "launch"):
        program = subprocess.Popen(
            [sys.executable, role_py, command],
            env=env, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        if command == "launch" and paths:
            end = time.monotonic() + 60
            try:
                one["pages"] = [get(env["CLOUDROLE_PORT"], path, program) for path in paths]
            finally:
                program.terminate()
        said = program.communicate()[0].decode()
        one[command] = [program.returncode, said]
    told["roles"].append(one)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def alone() -> None:
    """A network namespace for whoever asks."""
    try:
        done = subprocess.run([*UNSHARE, "true"], capture_output=True, check=False)
    except OSError:
        pytest.skip("no unshare")
    if done.returncode != 0:
        pytest.skip("this machine allows no network namespaces")


def build(name: str, tmp_path: Path, cache: Path, changes: dict[str, str]) -> Path:
    """Build the example for this machine and extract it; `changes` are texts of its settings to replace."""
    root = tmp_path / "project"
    shutil.copytree(EXAMPLES / name, root, ignore=shutil.ignore_patterns("dist"))
    text = (root / "pyproject.toml").read_text()
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    text, count = re.subn(r'(?m)^python = "3\.\d+"$', f'python = "3.{sys.version_info[1]}"', text)
    text, number = re.subn(
        r'(?m)^platform = "win_amd64"$', f'platform = "manylinux_2_28_{platform.machine()}"', text
    )
    assert (count, number) == (1, 1)
    (root / "pyproject.toml").write_text(text)
    env = {**os.environ, "HATCH_CLOUDROLE_CACHE_DIR": str(cache)}
    cloudrole = [sys.executable, "-m", "hatch_cloudrole"]
    done = subprocess.run([*cloudrole, "build", str(root), "-q"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    package = next((root / "dist").glob("*.cspkg"))
    out = tmp_path / "on instance"
    subprocess.run([*cloudrole, "extract", "-q", str(package), str(out)], env=env, check=True)
    return out / "Roles"


def run_alone(*roles: tuple[Path, dict[str, str], list[str]]) -> list[dict[str, Any]]:
    """Configure and launch roles one after another; each has to succeed, and the web roles to be asked."""
    request = json.dumps([[str(approot), env, paths] for approot, env, paths in roles])
    done = subprocess.run(
        [*UNSHARE, sys.executable, "-c", INSIDE, request],
        env={"PATH": "/nowhere", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    reason, seconds = told["outside"]
    assert reason == "ENETUNREACH"
    assert seconds < 1
    assert told["found"] == [None] * 4
    for one, (_, _, paths) in zip(told["roles"], roles, strict=True):
        assert one["configure"][0] == 0, one["configure"][1]
        assert one["launch"][0] == (128 + 15 if paths else 0), one["launch"][1]
    return told["roles"]


def printed(role: dict[str, Any]) -> str:
    """The last line of the program, in front of what launch says of its end."""
    return role["launch"][1].splitlines()[-2]


def test_src_layout(tmp_path: Path, shared_cache: Path) -> None:
    roles = build("src-layout", tmp_path, shared_cache, {})
    (count,) = run_alone((roles / "Count" / "approot", {}, []))
    assert printed(count) == "1,234 things on 2 shelves"


def test_data_worker(tmp_path: Path, shared_cache: Path) -> None:
    roles = build("data-worker", tmp_path, shared_cache, {})
    (data,) = run_alone((roles / "Data" / "approot", {}, []))
    result = json.loads(printed(data))
    assert result["right"] is True
    assert result["total"] == 1040


def test_guestbook(tmp_path: Path, shared_cache: Path) -> None:
    changes = {
        'static = { "/static" = "static" }': 'server = "direct"',
        '["--every", "60"]': '["--once"]',
    }
    roles = build("guestbook", tmp_path, shared_cache, changes)
    data = {"GUESTBOOK_DATA": str(tmp_path / "entries")}
    web, worker = run_alone(
        (roles / "Web" / "approot", {"CLOUDROLE_PORT": "8080", **data}, ["/", "/entries.json", "/none"]),
        (roles / "Worker" / "approot", data, []),
    )
    page, entries, missing = web["pages"]
    assert page[0] == 200
    assert "Friends &amp; guests" in page[1]
    assert [entries[0], json.loads(entries[1])] == [200, []]
    assert missing[0] == 404
    assert json.loads(printed(worker)) == {"entries": 0}


def test_django_site(tmp_path: Path, shared_cache: Path) -> None:
    changes = {'static = { "/static" = "static" }': 'server = "direct"'}
    roles = build("django-site", tmp_path, shared_cache, changes)
    (web,) = run_alone((roles / "Web" / "approot", {"CLOUDROLE_PORT": "8080"}, ["/", "/goods/none/"]))
    page, missing = web["pages"]
    assert page[0] == 200
    assert "<html" in page[1]
    assert missing[0] == 404


def test_fastapi_direct(tmp_path: Path, shared_cache: Path) -> None:
    roles = build("fastapi-direct", tmp_path, shared_cache, {})
    paths = ["/healthz", "/convert?value=1&from=ft&to=m"]
    (api,) = run_alone((roles / "Api" / "approot", {"CLOUDROLE_PORT": "8080"}, paths))
    health, length = api["pages"]
    assert [health[0], json.loads(health[1])] == [200, {"status": "ok", "instance": "here"}]
    assert [length[0], json.loads(length[1])["unit"]] == [200, "m"]
