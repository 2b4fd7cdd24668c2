"""The service documents as others see them: checking tools, and another interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hatch_cloudrole.service import service_configuration, source_csdef
from hatch_cloudrole.settings.model import (
    Certificate,
    Configuration,
    Endpoint,
    LocalStorage,
    Role,
    Service,
    StartupTask,
)
from hatch_cloudrole.target import Target

TARGET = Target("3.13.5", "win_amd64")
HTTP = Endpoint(name="Http", protocol="http", port=80)
HTTPS = Endpoint(name="Https", protocol="https", port=443, local_port=8443, certificate="Ssl")
HOSTILE = "\"<a & b>'\r\n\t\u00e9\U0001f40d ]]> --"

WEB = Role(
    name="Web",
    type="web",
    target=TARGET,
    server="fastcgi",
    wsgi_handler="shop.wsgi:app",
    endpoints=(HTTP, Endpoint(name="Feed & Co", protocol="udp", port=53)),
    environment=(("LOG_LEVEL", HOSTILE),),
    settings=(("Mode & \u00e9", HOSTILE), ("Region", "north")),
    local_storage=(LocalStorage(name="Cache", clean_on_recycle=False),),
    startup_tasks=(
        StartupTask(command=r'bin\x.cmd "a b" > log.txt', elevated=True, type="foreground"),
        StartupTask(command="msiexec /i <&>", environment=(("A", ""),)),
    ),
    configurations=(Configuration(name="Staging", instances=3, settings=(("Region", ""),)),),
)
SECURE = Role(
    name="Secure",
    type="web",
    target=TARGET,
    server="httpplatform",
    asgi_handler="a:b",
    endpoints=(HTTPS,),
    certificates=(Certificate(name="Ssl", thumbprint="AB" * 20, permission_level="elevated"),),
)
DIRECT = Role(name="Api", type="web", target=TARGET, server="direct", asgi_handler="a:b", endpoints=(HTTP,))
ORDERS = Role(name="Orders", type="worker", target=TARGET, startup_file="my worker.py", instances=2)
CRON = Role(name="cron_1.x", type="worker", target=TARGET, startup_module="jobs.cron", vm_size="Small")
SERVICES = {
    "web and worker": (ORDERS, WEB),
    "direct": (DIRECT,),
    "two workers": (ORDERS, CRON),
    "https": (SECURE,),
    "all": (CRON, SECURE, ORDERS, WEB),
}
OWN_SCRIPTS = {"Orders": frozenset({"LaunchWorker.ps1", "ConfigureCloudService.ps1"})}


@pytest.fixture
def tools() -> Path:
    folder = os.environ.get("CLOUDROLE_TEST_TOOLS")
    if not folder:
        pytest.skip("CLOUDROLE_TEST_TOOLS does not name the folder of the checking tools")
    return Path(folder)


def written(service: Service, folder: Path) -> list[str]:
    files = {"S.csdef": source_csdef(service), "own.csdef": source_csdef(service, OWN_SCRIPTS)}
    for name in service.configuration_names:
        files[f"S.{name}.cscfg"] = service_configuration(service, name, {})
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return [str(folder / name) for name in files]


@pytest.mark.tools
@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize(
    "command", [[sys.executable, "validate_service_model.py"], ["dotnet-check/dotnet-check", "check"]]
)
def test_microsofts_schemas_accept_every_definition_and_configuration(
    name: str, command: list[str], tools: Path, tmp_path: Path
) -> None:
    files = written(Service(name="Contoso", version="1.0", roles=SERVICES[name]), tmp_path)
    line = [str(tools / word) if (tools / word).is_file() else word for word in command]

    result = subprocess.run([*line, *files], capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count(": valid") == len(files)


def test_the_hash_seed_does_not_change_a_byte() -> None:
    program = f"""\
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import hashlib
from test_service_documents import OWN_SCRIPTS, SERVICES
from hatch_cloudrole.service import package_parts, role_parts, source_csdef
from hatch_cloudrole.settings.model import Service
digest = hashlib.sha256()
for name, roles in SERVICES.items():
    service = Service(name="Contoso", version="1.0", roles=roles)
    parts = dict(package_parts(service), csdef=source_csdef(service, OWN_SCRIPTS))
    for role in roles:
        parts |= {{f"{{role.name}}/{{path}}": data for path, data in role_parts(role, OWN_SCRIPTS).items()}}
    for path, data in parts.items():
        digest.update(path.encode() + data)
print(digest.hexdigest())
"""
    found = set()
    for seed in ("0", "1", "12345"):
        result = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(result.stdout)

    assert len(found) == 1
