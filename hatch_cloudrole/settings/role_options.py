"""The settings that roles alone have, one entry each. `options` adds those which the service has too."""

from __future__ import annotations

from hatch_cloudrole.settings import names, parts
from hatch_cloudrole.settings.kinds import Choice, Flag, ListOf, MapOf, Text
from hatch_cloudrole.settings.known import Declared
from hatch_cloudrole.settings.paths import ABSOLUTE, Inside
from hatch_cloudrole.settings.tables import Named, Option

__all__ = ["ROLE_ONLY"]

ROLE_ONLY = (
    Option(
        "type",
        Choice(("web", "worker")),
        required=True,
        about="A web role answers HTTP, a worker runs a program.",
    ),
    Option(
        "root",
        Inside("folder"),
        default='"."',
        moves=True,
        about="The folder of the role's own files, from the project. All other paths count from it.",
    ),
    Option(
        "wsgi-handler",
        names.HANDLER,
        role="web",
        about="The WSGI application.",
    ),
    Option(
        "asgi-handler",
        names.HANDLER,
        role="web",
        about="The ASGI application, instead of `wsgi-handler`. Not with `fastcgi`.",
    ),
    Option(
        "server",
        Choice(("fastcgi", "httpplatform", "direct")),
        default='"fastcgi"',
        role="web",
        about="What runs the handler: wfastcgi under IIS; waitress or uvicorn behind IIS; or those alone.",
    ),
    Option(
        "static",
        MapOf(names.URL_PREFIX, Inside("folder")),
        default="{}",
        role="web",
        about="Folders that IIS serves itself, by URL path. Not with `direct`.",
    ),
    Option(
        "endpoints",
        Named(names.MODEL_NAME, parts.ENDPOINT),
        unset="web: `Http`, http on port 80; worker: none",
        about="Input endpoints by name.",
    ),
    Option(
        "startup-file",
        Inside("file"),
        role="worker",
        about="The program, as a file. A worker has this or `startup-module`.",
    ),
    Option(
        "startup-module",
        names.MODULE,
        role="worker",
        about="The program, as `python -m` has it.",
    ),
    Option(
        "arguments",
        ListOf(Text()),
        default="[]",
        role="worker",
        about="Arguments of the program; nothing in them needs quoting.",
    ),
    Option(
        "search-paths",
        ListOf(Inside("folder")),
        default="[]",
        about="Folders that are put on `sys.path`, in this order.",
    ),
    Option(
        "working-directory",
        Inside("folder"),
        default='"."',
        about="Where the program starts.",
    ),
    Option(
        "deployed-python-interpreter-path",
        ABSOLUTE,
        about="An interpreter on the instance. It wins over every other.",
    ),
    Option(
        "requirements",
        ListOf(Inside("file")),
        unset="`requirements.txt` where `root` has it",
        about="Requirements files.",
    ),
    Option(
        "dependencies",
        ListOf(names.REQUIREMENT),
        default="[]",
        about="More requirements of this role.",
    ),
    Option(
        "features",
        ListOf(Declared("project.optional-dependencies")),
        default="[]",
        about="Extras of the project whose requirements this role has.",
    ),
    Option(
        "dependency-groups",
        ListOf(Declared("dependency-groups")),
        default="[]",
        about="Dependency groups of the project whose requirements this role has.",
    ),
    Option(
        "project-dependencies",
        Flag(),
        default="true",
        about="Whether `[project.dependencies]` belong to this role.",
    ),
    Option(
        "install-project",
        Flag(),
        default="false",
        about="Whether the project's own wheel is installed for this role.",
    ),
    Option(
        "environment",
        parts.ENVIRONMENT,
        default="{}",
        about="Environment variables of the startup tasks and the program.",
    ),
    Option(
        "settings",
        parts.SETTINGS,
        default="{}",
        about="ConfigurationSettings: the names go into the .csdef, the values into each .cscfg.",
    ),
    Option("instances", parts.INSTANCES, default="1", about="How many instances run."),
    Option("vm-size", names.VM_SIZE, default='"Standard_A1_v2"', about="The size of the instances."),
    Option(
        "local-storage",
        Named(names.MODEL_NAME, parts.LOCAL_STORAGE),
        default="{}",
        about="Local storage resources by name. `DiagnosticStore`, which always exists, may be one.",
    ),
    Option(
        "startup-tasks",
        ListOf(parts.STARTUP_TASK),
        default="[]",
        about="Commands that run before the program, in this order.",
    ),
    Option(
        "configurations",
        Named(names.CONFIGURATION_NAME, parts.CONFIGURATION),
        default="{}",
        about="Service configurations by name, a .cscfg each. `Cloud` and `Local` are always written.",
    ),
    Option(
        "include",
        ListOf(names.PATTERN),
        default="[]",
        about="Of what is below `root`, take only this.",
    ),
    Option(
        "exclude",
        ListOf(names.PATTERN),
        default="[]",
        about="Of what is below `root`, leave this out. Wins over `include`.",
    ),
)
