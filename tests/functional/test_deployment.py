"""Services with everything that a deployment takes, built as a user builds them."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import wheelmaker as make

from hatch_cloudrole import toml

if TYPE_CHECKING:
    from tests.functional.conftest import Shop

PROJECTS = Path(__file__).parents[2] / "fixtures" / "projects"
PRINT = "0123456789abcdef0123456789abcdef01234567"
SECRETS = {
    "SHOP_CONN": "amqp://me:hush-conn@queue",
    "SHOP_PRINT": "76543210fedcba9876543210fedcba9876543210",
    "SHOP_VNET": "hush-vnet",
    "SHOP_SUBNET": "hush-subnet",
    "SHOP_IP": "hush-ip",
}
PACKAGES = {
    make.wheel_name("flask", "3.0"): make.wheel_bytes("flask", "3.0"),
    make.wheel_name("waitress", "3.0"): make.wheel_bytes("waitress", "3.0"),
    make.wheel_name("waitress", "2.1"): make.wheel_bytes("waitress", "2.1"),
    make.wheel_name("uvicorn", "0.54"): make.wheel_bytes(
        "uvicorn", "0.54", requires=["httptools; extra == 'standard'"], extras=["standard"]
    ),
    make.wheel_name("uvicorn", "0.30"): make.wheel_bytes(
        "uvicorn", "0.30", requires=["httptools; extra == 'standard'"], extras=["standard"]
    ),
    make.wheel_name("httptools", "0.6"): make.wheel_bytes("httptools", "0.6"),
    "wfastcgi-3.0.tar.gz": make.sdist_bytes("wfastcgi", "3.0"),
}

HEAD = """
[build-system]
requires = ["hatchling", "hatch-cloudrole"]
build-backend = "hatchling.build"

[project]
name = "shop"
version = "1.2"
requires-python = ">=3.10"
dependencies = ["flask"]

[tool.hatch.build.targets.cloudrole]
python = "3.13"
"""

EVERYTHING = (
    HEAD
    + r"""
probes.Up = { protocol = "http", path = "/up?a=1&b=2", port = 81 }
probes.Alive = { protocol = "tcp", interval-in-seconds = 5, timeout-in-seconds = 11 }

[tool.hatch.build.targets.cloudrole.network]
virtual-network = "{env:SHOP_VNET}"
reserved-ip = "{env:SHOP_IP}"
dns-servers = { inner = "10.0.0.4", outer = "10.0.0.5" }
configurations.Local = { virtual-network = "emulated", dns-servers = {} }

[tool.hatch.build.targets.cloudrole.roles.Web]
type = "web"
root = "web"
wsgi-handler = "app:app"
web-config = "websites"
wsgi-log = '%TEMP%\shop & co.log'
static = { "/static" = "static", "/static/deep/er" = "more" }
subnets = ["{env:SHOP_SUBNET}", "second"]
instances = 2
settings = { Conn = "{env:SHOP_CONN}", Mode = "live" }
endpoints.Http = { protocol = "http", port = 80, probe = "Up", idle-timeout-in-minutes = 15 }
endpoints.Https = { protocol = "https", port = 443, certificate = "Shop", local-port = "*" }
endpoints.Inner = { type = "internal", protocol = "http", port = 8080 }
endpoints.Each = { type = "instance-input", protocol = "tcp", local-port = 22, port-ranges = [{ min = 100, max = 102 }] }
certificates.Shop = { thumbprint = "{env:SHOP_PRINT}", permission-level = "elevated" }
certificates.Issuer = { thumbprint = "0123456789abcdef0123456789abcdef01234567", store-name = "CA" }
local-storage.Cache = { size-mb = 10, clean-on-recycle = false }
startup-tasks = [{ command = 'bin\odbc.cmd', elevated = true, role-instance-values = { ID = "/RoleEnvironment/Deployment/@id" } }]
configurations.Staging = { instances = 3, settings = { Mode = "test" }, certificates = { Shop = "0123456789abcdef0123456789abcdef01234567" } }

[tool.hatch.build.targets.cloudrole.roles.Proxy]
type = "web"
root = "web"
wsgi-handler = "app:app"
server = "httpplatform"
static = { "/static" = "static" }
subnets = ["back"]
dependencies = ["waitress<3"]
endpoints.Http = { protocol = "http", port = 8000, load-balancer-distribution = "sourceIPProtocol" }

[tool.hatch.build.targets.cloudrole.roles.Api]
type = "web"
root = "api"
asgi-handler = "main:app"
server = "direct"
subnets = ["back"]
dependencies = ["uvicorn[standard]==0.30"]
endpoints.Raw = { protocol = "tcp", port = 9000, local-port = 9001, ignore-role-instance-status = true, probe = "Alive" }
role-instance-values = { CACHE = "/RoleEnvironment/CurrentInstance/Endpoints/Endpoint[@name='Raw']/@port" }

[tool.hatch.build.targets.cloudrole.roles.Jobs]
type = "worker"
root = "jobs"
startup-file = "jobs.py"
subnets = ["back"]
endpoints.Some = { type = "internal", protocol = "tcp", port-ranges = [{ min = 7000, max = 7010 }, { min = 7100, max = 7100 }] }
endpoints.Any = { type = "internal", protocol = "any" }
"""
)

FILES = {
    "web/app.py": "app = None\n",
    "web/static/site.css": "p {}\n",
    "web/static/app.webmanifest": "{}\n",
    "web/more/x.txt": "x\n",
    "web/bin/odbc.cmd": "exit /b 0\r\n",
    "api/main.py": "app = None\n",
    "jobs/jobs.py": "print('hello')\n",
}


@pytest.fixture(scope="session")
def index_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    make.write_index(folder, PACKAGES)
    return folder


@pytest.fixture
def everything(shop: Shop, index: make.IndexServer, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A service with everything on, ready to be built."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    return write(shop, EVERYTHING, **FILES)


def write(shop: Shop, settings: str, **files: str) -> Shop:
    for path, data in {"pyproject.toml": settings, **files}.items():
        (shop.root / path).parent.mkdir(parents=True, exist_ok=True)
        (shop.root / path).write_text(data, newline="")
    return shop


def roots(shop: Shop) -> tuple[Path, Path]:
    """The folder that the package is extracted into, and its roles."""
    folder = shop.root / "extracted"
    assert shop.run("extract", str(shop.package), str(folder)).code == 0
    return folder, folder / "Roles"


def wheels(roles: Path, role: str) -> list[str]:
    return sorted(path.name.rsplit("-", 3)[0] for path in (roles / role / "approot" / "wheels").iterdir())


def test_everything_at_once_is_built_and_verified(everything: Shop) -> None:
    built = everything.build()
    assert built.code == 0, built.err
    assert everything.run("verify", str(everything.package)).code == 0
    assert [name for name in everything.artifacts() if name.endswith(".cscfg")] == [
        "shop-1.2.Cloud.cscfg",
        "shop-1.2.Local.cscfg",
        "shop-1.2.Staging.cscfg",
    ]
    assert "virtual network" not in built.err + built.out
    assert 'with web-config = "websites" IIS serves' not in built.err + built.out


def test_values_from_the_environment_are_in_the_configurations_and_nowhere_else(everything: Shop) -> None:
    built = everything.build()
    checked = everything.run("check", str(everything.root), "--json")
    dist = everything.root / "dist"
    cloud = (dist / "shop-1.2.Cloud.cscfg").read_text("utf-8-sig")
    shown = built.out + built.err + checked.out + checked.err
    for value in (*SECRETS.values(), SECRETS["SHOP_PRINT"].upper()):
        if value != SECRETS["SHOP_PRINT"]:  # written in upper case
            assert value in cloud
        assert value not in shown
        for path in dist.iterdir():
            if path.suffix == ".cspkg":
                with zipfile.ZipFile(path) as package:
                    assert not [name for name in package.namelist() if value.encode() in package.read(name)]
            elif path.suffix != ".cscfg":
                assert value.encode() not in path.read_bytes()
    store = everything.root.parent / "cache"
    assert not [path for path in store.rglob("*") if path.is_file() and b"hush-" in path.read_bytes()]


def test_a_value_of_the_environment_that_does_not_fit_stops_the_build(
    everything: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PRINT", "hush-print")
    monkeypatch.delenv("SHOP_CONN")
    built = everything.build()
    assert built.code == 2
    assert "roles.Web.certificates.Shop.thumbprint: what the environment gives for" in built.err
    assert "the environment variable SHOP_CONN is not set" in built.err
    assert "hush" not in built.out + built.err
    assert everything.artifacts() == []


def test_a_server_that_the_project_asks_for_is_the_one_that_it_gets(everything: Shop) -> None:
    assert everything.build().code == 0
    _, roles = roots(everything)
    assert wheels(roles, "Api") == ["flask-3.0", "httptools-0.6", "uvicorn-0.30"]
    assert wheels(roles, "Proxy") == ["flask-3.0", "waitress-2.1"]
    assert wheels(roles, "Web") == ["flask-3.0", "wfastcgi-3.0"]
    assert wheels(roles, "Jobs") == ["flask-3.0"]


@pytest.mark.parametrize(
    ("server", "handler", "expected"),
    [
        ("httpplatform", 'wsgi-handler = "app:app"', "waitress-3.0"),
        ("httpplatform", 'asgi-handler = "app:app"', "uvicorn-0.54"),
        ("direct", 'wsgi-handler = "app:app"', "waitress-3.0"),
        ("direct", 'asgi-handler = "app:app"', "uvicorn-0.54"),
    ],
)
def test_a_server_that_nobody_asked_for_is_added(
    server: str, handler: str, expected: str, shop: Shop, index: make.IndexServer
) -> None:
    role = f'[tool.hatch.build.targets.cloudrole.roles.Web]\ntype = "web"\nroot = "web"\nserver = "{server}"\n{handler}'
    assert write(shop, f"{HEAD}{role}\n", **FILES).build().code == 0
    _, roles = roots(shop)
    assert wheels(roles, "Web") == sorted(["flask-3.0", expected])
    assert (roles / "Web" / "sitesroot").is_dir() == (server != "direct")


def test_the_sites_of_both_servers_under_iis(everything: Shop) -> None:
    assert everything.build().code == 0
    _, roles = roots(everything)
    web, proxy = (roles / name / "sitesroot" / "0" for name in ("Web", "Proxy"))
    assert (web / "handler.fcgi").read_bytes() == b""
    assert (web / "static" / "deep" / "er" / "x.txt").read_bytes() == b"x\n"
    config = ET.parse(web / "web.config").getroot()
    settings = {each.attrib["key"]: each.attrib["value"] for each in config.iterfind("appSettings/add")}
    assert settings == {"WSGI_HANDLER": "app.app", "pythonpath": ".", "WSGI_LOG": r"%TEMP%\shop & co.log"}
    config = ET.parse(proxy / "web.config").getroot()
    assert [each.get("modules") for each in config.iterfind("system.webServer/handlers/add")] == [
        "httpPlatformHandler"
    ]
    (location,) = config.iterfind("location")
    assert location.get("path") == "static"
    assert [each.get("name") for each in location.iter("remove") if each.get("name")] == ["PythonHandler"]
    assert [each.get("fileExtension") for each in location.iter("mimeMap")] == [".webmanifest"]
    assert not (proxy / "handler.fcgi").exists()


OWN = '<configuration><system.webServer><handlers><add name="PythonHandler" /></handlers></system.webServer></configuration>'


def test_every_web_config_of_the_projects_own_goes_into_the_site(shop: Shop, index: make.IndexServer) -> None:
    role = """[tool.hatch.build.targets.cloudrole.roles.Web]
type = "web"
root = "web"
wsgi-handler = "app:app"
"""

    names = ("web.config", "web.cloud.config", "web.emulator.config")
    own = {f"web/{name}": f"{OWN}<!-- {name} -->" for name in names}
    built = write(shop, f"{HEAD}{role}", **FILES, **own).build()
    assert built.code == 0
    folder, roles = roots(shop)
    for name in names:
        assert (roles / "Web" / "sitesroot" / "0" / name).read_text().endswith(f"<!-- {name} -->")
        assert f"Web: {name} is the project's own" in built.err
    assert folder.is_dir()


def test_a_service_without_network_is_built_and_told_what_it_lacks(
    shop: Shop, index: make.IndexServer
) -> None:
    role = '[tool.hatch.build.targets.cloudrole.roles.J]\ntype = "worker"\nroot = "jobs"\nstartup-file = "jobs.py"\n'
    built = write(shop, f"{HEAD}{role}", **FILES).build()
    assert built.code == 0
    assert (
        "The .cscfg files name no virtual network, without which extended support deploys nothing: set "
        "network.virtual-network, and subnets in each role"
    ) in " ".join(built.err.split())


@pytest.fixture
def tools() -> Path:
    folder = os.environ.get("CLOUDROLE_TEST_TOOLS")
    if not folder:
        pytest.skip("CLOUDROLE_TEST_TOOLS does not name the folder of the checking tools")
    return Path(folder)


CHECKERS = [[sys.executable, "validate_service_model.py"], ["dotnet-check/dotnet-check", "check"]]


@pytest.mark.tools
@pytest.mark.parametrize("command", CHECKERS, ids=["lxml", "dotnet"])
def test_microsofts_schemas_and_libraries_accept_everything(
    command: list[str], everything: Shop, tools: Path
) -> None:
    assert everything.build().code == 0
    dist = everything.root / "dist"
    files = sorted(str(path) for path in dist.iterdir() if path.suffix in (".csdef", ".cscfg", ".cspkg"))
    line = [str(tools / word) if (tools / word).is_file() else word for word in command]
    result = subprocess.run([*line, *files], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count(": valid") == len(files) == 5


@pytest.mark.parametrize("name", ["django-site", "fastapi-direct"])
def test_the_examples_of_a_deployment_have_a_network_and_what_they_promise(name: str) -> None:
    table = toml.load(PROJECTS / name / "pyproject.toml")["tool"]["hatch"]["build"]["targets"]["cloudrole"]
    assert table["network"]["virtual-network"]
    assert all(role["subnets"] for role in table["roles"].values())
