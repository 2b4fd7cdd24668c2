"""The settings that roles alone have, one entry each. `options` adds those which the service has too."""

from __future__ import annotations

from hatch_cloudrole.settings import deployment, endpoints, names, parts
from hatch_cloudrole.settings.kinds import Choice, Flag, ListOf, MapOf, Text
from hatch_cloudrole.settings.known import Declared
from hatch_cloudrole.settings.paths import ABSOLUTE, WINDOWS_FILE, Inside
from hatch_cloudrole.settings.tables import Named, Option

__all__ = ["ROLE_ONLY"]

ROLE_ONLY = (
    Option(
        "type",
        Choice(("web", "worker")),
        required=True,
        about="A web role answers HTTP, a worker runs a program.",
        example='"worker"',
    ),
    Option(
        "root",
        Inside("folder"),
        default='"."',
        moves=True,
        about="The folder of the role's own files, from the project. All other paths count from it.",
        example='"orders"',
    ),
    Option(
        "wsgi-handler",
        names.HANDLER,
        role="web",
        about="The WSGI application.",
        example='"shop.wsgi:app"',
    ),
    Option(
        "asgi-handler",
        names.HANDLER,
        role="web",
        about="The ASGI application, instead of `wsgi-handler`. Not with `fastcgi`.",
        example='"shop.make_app()"',
    ),
    Option(
        "server",
        Choice(("fastcgi", "httpplatform", "direct")),
        default='"fastcgi"',
        role="web",
        about="What runs the handler: wfastcgi under IIS; waitress or uvicorn behind IIS; or those alone.",
        example='"direct"',
    ),
    Option(
        "static",
        MapOf(names.URL_PREFIX, Inside("folder")),
        default="{}",
        role="web",
        about="Folders that IIS serves itself, by URL path. Not with `direct`.",
        example='{ "/static" = "static" }',
    ),
    Option(
        "web-config",
        Choice(("cloud-service", "websites")),
        default='"cloud-service"',
        role="web",
        about="How web.config leads requests to the handler. With `websites`, IIS serves each file of the "
        "site that exists, and rewrites all other addresses to `handler.fcgi`. `fastcgi` only.",
        example='"websites"',
    ),
    Option(
        "wsgi-log",
        WINDOWS_FILE,
        role="web",
        about="The file on the instance that wfastcgi writes its log to. `fastcgi` only.",
        example=r"'D:\home\LogFiles\wfastcgi.log'",
    ),
    Option(
        "endpoints",
        Named(names.MODEL_NAME, endpoints.ENDPOINT),
        unset="web: `Http`, http on port 80; worker: none",
        about="What the role listens on, by name.",
        example='{ Http = { protocol = "http", port = 8080 } }',
    ),
    Option(
        "startup-file",
        Inside("file"),
        role="worker",
        about="The program, as a file. A worker has this or `startup-module`.",
        example='"worker.py"',
    ),
    Option(
        "startup-module",
        names.MODULE,
        role="worker",
        about="The program, as `python -m` has it.",
        example='"orders.worker"',
    ),
    Option(
        "arguments",
        ListOf(Text()),
        default="[]",
        role="worker",
        about="Arguments of the program; nothing in them needs quoting.",
        example='["--queue", "orders & returns"]',
    ),
    Option(
        "search-paths",
        ListOf(Inside("folder")),
        default="[]",
        about="Folders that are put on `sys.path`, in this order.",
        example='[".", "lib"]',
    ),
    Option(
        "working-directory",
        Inside("folder"),
        default='"."',
        about="Where the program starts.",
        example='"jobs"',
    ),
    Option(
        "deployed-python-interpreter-path",
        ABSOLUTE,
        about="An interpreter on the instance. It wins over every other.",
        example=r"'D:\Python313\python.exe'",
    ),
    Option(
        "requirements",
        ListOf(Inside("file")),
        unset="`requirements.txt` where `root` has it",
        about="Requirements files.",
        example='["requirements.txt", "more.txt"]',
    ),
    Option(
        "dependencies",
        ListOf(names.REQUIREMENT),
        default="[]",
        about="More requirements of this role.",
        example='["waitress>=3"]',
    ),
    Option(
        "features",
        ListOf(Declared("project.optional-dependencies")),
        default="[]",
        about="Extras of the project whose requirements this role has.",
        example='["orders"]',
    ),
    Option(
        "dependency-groups",
        ListOf(Declared("dependency-groups")),
        default="[]",
        about="Dependency groups of the project whose requirements this role has.",
        example='["reports"]',
    ),
    Option(
        "project-dependencies",
        Flag(),
        default="true",
        about="Whether `[project.dependencies]` belong to this role.",
        example="false",
    ),
    Option(
        "install-project",
        Flag(),
        default="false",
        about="Whether the project's own wheel is installed for this role.",
        example="true",
    ),
    Option(
        "install",
        Choice(("wheels", "unpacked")),
        default='"wheels"',
        about="How the packages travel: as wheels, which the instance installs, or laid out in `lib`, where "
        "it uses them as they are. That .cspkg is larger, and its role configured sooner.",
        example='"unpacked"',
    ),
    Option(
        "environment",
        parts.ENVIRONMENT,
        default="{}",
        about="Environment variables of the startup tasks and the program.",
        example='{ LOG_LEVEL = "info" }',
    ),
    Option(
        "role-instance-values",
        parts.ROLE_INSTANCE_VALUES,
        default="{}",
        about="Environment variables whose values only an instance knows (of settings, endpoints, folders), "
        "by XPath. Under IIS the startup tasks get them, and the program does not.",
        example='{ DEPLOYMENT = "/RoleEnvironment/Deployment/@id" }',
    ),
    Option(
        "settings",
        parts.SETTINGS,
        default="{}",
        about="ConfigurationSettings: the names go into the .csdef, the values into each .cscfg.",
        example='{ Mode = "live", Conn = "{env:CONN}" }',
    ),
    Option(
        "certificates",
        Named(names.MODEL_NAME, deployment.CERTIFICATE),
        default="{}",
        about="Certificates that Azure installs on the instances, by name.",
        example='{ Shop = { thumbprint = "{env:SHOP_THUMBPRINT}" } }',
    ),
    Option(
        "subnets",
        deployment.SUBNETS,
        default="[]",
        about="The subnets of `network` that the instances are in. With a network each role needs one.",
        example='["front"]',
    ),
    Option("instances", parts.INSTANCES, default="1", about="How many instances run.", example="2"),
    Option(
        "vm-size",
        names.VM_SIZE,
        default='"Standard_A1_v2"',
        about="The size of the instances.",
        example='"Standard_D2_v3"',
    ),
    Option(
        "local-storage",
        Named(names.MODEL_NAME, parts.LOCAL_STORAGE),
        default="{}",
        about="Local storage resources by name. `DiagnosticStore`, which always exists, may be one.",
        example="{ Cache = { size-mb = 2048 } }",
    ),
    Option(
        "startup-tasks",
        ListOf(parts.STARTUP_TASK),
        default="[]",
        about="Commands that run before the program, in this order.",
        example=r"[{ command = 'bin\install-odbc.cmd', elevated = true }]",
    ),
    Option(
        "configurations",
        Named(names.CONFIGURATION_NAME, parts.CONFIGURATION),
        default="{}",
        about="Service configurations by name, a .cscfg each. `Cloud` and `Local` are always written.",
        example="{ Staging = { instances = 1 } }",
    ),
    Option(
        "include",
        ListOf(names.PATTERN),
        default="[]",
        about="Of what is below `root`, take only this.",
        example='["*.py"]',
    ),
    Option(
        "exclude",
        ListOf(names.PATTERN),
        default="[]",
        about="Of what is below `root`, leave this out. Wins over `include`.",
        example='["*.psd"]',
    ),
)
