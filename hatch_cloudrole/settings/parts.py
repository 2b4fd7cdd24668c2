"""The tables inside a role: local storages, startup tasks, configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.settings import deployment, names
from hatch_cloudrole.settings.env_fields import check
from hatch_cloudrole.settings.kinds import Choice, Flag, MapOf, Text, Whole
from hatch_cloudrole.settings.model import Configuration, LocalStorage, StartupTask
from hatch_cloudrole.settings.tables import Option, TableOf

if TYPE_CHECKING:
    from hatch_cloudrole.settings.tables import Read

__all__ = [
    "CONFIGURATION",
    "ENVIRONMENT",
    "INSTANCES",
    "LOCAL_STORAGE",
    "ROLE_INSTANCE_VALUES",
    "SETTINGS",
    "STARTUP_TASK",
]

ENVIRONMENT = MapOf(names.VARIABLE_NAME, Text())
ROLE_INSTANCE_VALUES = MapOf(names.VARIABLE_NAME, Text("an XPath of the role environment", names.xpath))
SETTINGS = MapOf(
    names.SETTING_NAME,
    Text("a string; {env:NAME} and {env:NAME:default} are fields, {{ and }} plain braces", check),
)
INSTANCES = Whole(1)


def _local_storage(read: Read) -> LocalStorage:
    return LocalStorage(name=read.name, **read.values)


def _startup_task(read: Read) -> StartupTask | None:
    return StartupTask(**read.values) if "command" in read.values else None


def _configuration(read: Read) -> Configuration:
    return Configuration(name=read.name, **read.values)


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
        Option(
            "role-instance-values",
            ROLE_INSTANCE_VALUES,
            default="{}",
            about="Variables for this task alone whose values only an instance knows, by XPath.",
            example='{ CACHE = "/RoleEnvironment/CurrentInstance/LocalResources/LocalResource/@path" }',
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
        Option(
            "certificates",
            MapOf(names.MODEL_NAME, deployment.THUMBPRINT),
            default="{}",
            about="Thumbprints that replace those of the role's `certificates`; all others stay.",
            example='{ Shop = "{env:TEST_THUMBPRINT}" }',
        ),
        Option(
            "subnets",
            deployment.SUBNETS,
            unset="as in the role",
            about="The subnets of the instances.",
            example='["test"]',
        ),
    ),
    _configuration,
    "a table with instances, settings, vm-size, certificates or subnets",
)
