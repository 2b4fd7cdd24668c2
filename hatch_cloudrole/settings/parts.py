"""The tables inside a role: endpoints, local storages, startup tasks, configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.settings import names
from hatch_cloudrole.settings.env_fields import check
from hatch_cloudrole.settings.kinds import Choice, Flag, MapOf, Text, Whole
from hatch_cloudrole.settings.model import Configuration, Endpoint, LocalStorage, StartupTask
from hatch_cloudrole.settings.tables import Option, TableOf

if TYPE_CHECKING:
    from hatch_cloudrole.settings.tables import Read

__all__ = [
    "CONFIGURATION",
    "ENDPOINT",
    "ENVIRONMENT",
    "INSTANCES",
    "LOCAL_STORAGE",
    "SETTINGS",
    "STARTUP_TASK",
]

ENVIRONMENT = MapOf(names.VARIABLE_NAME, Text())
SETTINGS = MapOf(
    names.MODEL_NAME,
    Text("a string; {env:NAME} and {env:NAME:default} are fields, {{ and }} plain braces", check),
)
INSTANCES = Whole(1)
_PORT = Whole(1, 65535)


def _endpoint(read: Read) -> Endpoint | None:
    protocol, certificate = read.values.get("protocol"), read.place.at("certificate")
    if protocol == "https" and not read.has("certificate"):
        certificate.fault("is missing, accepted: the name of a certificate, which https needs")
    elif protocol not in ("https", None) and read.has("certificate"):
        certificate.fault(
            f'found a certificate for {protocol}, accepted: one for protocol = "https" alone',
            "leave the key out, or change the protocol",
        )
    whole = {"protocol", "port"} <= read.values.keys()
    return Endpoint(name=read.name, **read.values) if whole else None


def _local_storage(read: Read) -> LocalStorage:
    return LocalStorage(name=read.name, **read.values)


def _startup_task(read: Read) -> StartupTask | None:
    return StartupTask(**read.values) if "command" in read.values else None


def _configuration(read: Read) -> Configuration:
    return Configuration(name=read.name, **read.values)


ENDPOINT = TableOf(
    (
        Option(
            "protocol",
            Choice(("http", "https", "tcp", "udp")),
            required=True,
            about="What is spoken there.",
            example='"http"',
        ),
        Option(
            "port",
            _PORT,
            required=True,
            about="The port that the world sees. No two endpoints of a service have the same.",
            example="80",
        ),
        Option(
            "local-port",
            _PORT,
            unset="the same as `port`",
            about="The port on the instance.",
            example="8080",
        ),
        Option(
            "certificate",
            names.CERTIFICATE,
            about="The name of a certificate. `https` needs one, nothing else has one.",
            example='"Shop"',
        ),
    ),
    _endpoint,
    "a table with protocol and port",
)

LOCAL_STORAGE = TableOf(
    (
        Option(
            "size-mb", Whole(1), default="1024", about="The space that is set aside, in MB.", example="2048"
        ),
        Option(
            "clean-on-recycle",
            Flag(),
            default="true",
            about="Whether the folder is emptied when the role restarts.",
            example="false",
        ),
    ),
    _local_storage,
    "a table with size-mb or clean-on-recycle or neither",
)

STARTUP_TASK = TableOf(
    (
        Option(
            "command",
            names.COMMAND,
            required=True,
            about="The command line, as seen from approot. End a batch file with `exit /b 0`.",
            example=r"'bin\install-odbc.cmd'",
        ),
        Option(
            "elevated",
            Flag(),
            default="false",
            about="Whether it runs with administrator's rights.",
            example="true",
        ),
        Option(
            "type",
            Choice(("simple", "foreground", "background")),
            default='"simple"',
            about="`simple` is waited for and must succeed; the other two run beside the role.",
            example='"background"',
        ),
        Option(
            "environment",
            ENVIRONMENT,
            default="{}",
            about="Variables for this task alone.",
            example='{ ODBC = "18" }',
        ),
    ),
    _startup_task,
    "a table with command",
)

CONFIGURATION = TableOf(
    (
        Option("instances", INSTANCES, unset="as in the role", about="How many instances run.", example="1"),
        Option(
            "settings",
            SETTINGS,
            default="{}",
            about="Values that replace those of the role's `settings`; all others stay.",
            example='{ Mode = "test" }',
        ),
        Option(
            "vm-size",
            names.VM_SIZE,
            unset="as in the role",
            about="The size of the instances.",
            example='"Standard_A2_v2"',
        ),
    ),
    _configuration,
    "a table with instances, settings or vm-size",
)
