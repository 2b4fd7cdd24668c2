"""Our documents for a service that cspack 2.7 has packaged, beside its own: the same, byte for byte."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from hatch_cloudrole.service import package_parts, role_parts
from hatch_cloudrole.settings.model import Certificate, Endpoint, LocalStorage, PortRange, Role, Service
from hatch_cloudrole.target import Target

TOOLS = os.environ.get("CLOUDROLE_TEST_TOOLS", "")
pytestmark = [
    pytest.mark.tools,
    pytest.mark.skipif(
        not TOOLS, reason="CLOUDROLE_TEST_TOOLS does not name the folder of the checking tools"
    ),
]

TARGET = Target("3.13.5", "win_amd64")
PLUGINS = "Microsoft.WindowsAzure.Plugins."
CERTIFICATES = tuple(
    Certificate(name=PLUGINS + name, thumbprint="0" * 40, permission_level="elevated")
    for name in ("RemoteDebugger.TransportValidation", "RemoteAccess.PasswordEncryption")
)
REMOTE = (
    *(
        f"RemoteAccess.{name}"
        for name in ("AccountEncryptedPassword", "AccountExpiration", "AccountUsername")
    ),
    "RemoteAccess.Enabled",
    *(f"RemoteDebugger.{name}" for name in ("ClientThumbprint", "Connector.Enabled", "Connector.Version")),
    "RemoteDebugger.ServerThumbprint",
)
CACHING = (
    *(
        f"Caching.{name}"
        for name in ("CacheSizePercentage", "ConfigStoreConnectionString", "DiagnosticLevel")
    ),
    "Caching.NamedCaches",
    "Diagnostics.ConnectionString",
    "RemoteForwarder.Enabled",
)
RDP = Endpoint(name=f"{PLUGINS}RemoteAccess.Rdp", protocol="tcp", type="internal", port=3389)


def settings(*names: str) -> tuple[tuple[str, str], ...]:
    return tuple((PLUGINS + name, "") for name in names)


def debugger(first: int) -> tuple[Endpoint, ...]:
    return tuple(
        Endpoint(
            name=f"{PLUGINS}RemoteDebugger.{name}",
            protocol="tcp",
            type="instance-input",
            local_port=port,
            port_ranges=(PortRange(min=port + first, max=port + first + 24),),
        )
        for name, port in (("Connector", 30398), ("Forwarder", 31398), ("FileUpload", 32398))
    )


WEB = Role(
    name="PhotoCloud",
    type="web",
    target=TARGET,
    server="fastcgi",
    wsgi_handler="app:app",
    vm_size="Medium",
    settings=settings(*REMOTE),
    certificates=CERTIFICATES,
    local_storage=(LocalStorage(name="LocalStorage1", size_mb=1000, clean_on_recycle=False),),
    endpoints=(
        Endpoint(name="Endpoint1", protocol="http", port=80),
        Endpoint(name=f"{PLUGINS}WebDeploy.InputEndpoint", protocol="tcp", port=8172, local_port=8172),
        RDP,
        *debugger(2),
    ),
)
WORKER = Role(
    name="CacheWorkerRole1",
    type="worker",
    target=TARGET,
    vm_size="Small",
    settings=settings(*REMOTE, *CACHING),
    certificates=CERTIFICATES,
    local_storage=(LocalStorage(name="DiagnosticStore", size_mb=20000, clean_on_recycle=False),),
    endpoints=(
        *debugger(27),
        RDP,
        Endpoint(
            name=f"{PLUGINS}RemoteForwarder.RdpInput",
            protocol="tcp",
            port=3389,
            local_port="*",
            ignore_role_instance_status=True,
        ),
        *(
            Endpoint(name=f"{PLUGINS}Caching.cache{name}", protocol="tcp", type="internal")
            for name in (
                "SocketPort",
                "ArbitrationPort",
                "ClusterPort",
                "ReplicationPort",
                "ServicePortInternal",
            )
        ),
    ),
)
SERVICE = Service(name="PhotoSharingCloud", version="1.0", roles=(WEB, WORKER))


def lines(document: bytes) -> list[str]:
    """What does not differ from one run of cspack to the next, nor with the place of its output."""
    text = document.decode("utf-8-sig").replace("\r\n", "\n")
    return re.sub(r' Id="[^"]*"| software="[^"]*"', "", text).splitlines()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("ServiceDefinition.csdef", "ServiceDefinition.csdef"),
        ("ServiceDefinition.rd", "ServiceDefinition.rd"),
        ("servicedefinition.rdsc", "ServiceDefinition.rdsc"),
    ],
)
def test_the_documents_of_the_service(ours: str, theirs: str) -> None:
    sample = Path(TOOLS).parent / "data" / "cspkg" / "csx_sdk27_photosharing" / theirs
    assert lines(package_parts(SERVICE)[f"ServiceDefinition/{ours}"]) == lines(sample.read_bytes())


@pytest.mark.parametrize("role", [WEB, WORKER], ids=["web", "worker"])
def test_who_may_read_which_certificate(role: Role) -> None:
    folder = Path(TOOLS).parent / "data" / "cspkg" / "csx_sdk27_photosharing" / "roles" / role.name
    sample = (folder / "RuntimeSetup.Manifest").read_bytes()
    assert lines(role_parts(role)["RuntimeSetup.Manifest"]) == lines(sample)
