"""What the user asked for, as frozen values: the service and its roles.

Every default is resolved here, so that whoever reads a value never has to know where it came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from hatch_cloudrole.target import Target

__all__ = [
    "Configuration",
    "Endpoint",
    "LocalStorage",
    "Role",
    "Runtime",
    "Service",
    "StartupTask",
]

RoleType = Literal["web", "worker"]
Server = Literal["fastcgi", "httpplatform", "direct"]
Resolver = Literal["uv", "pip-tools"]
RuntimeKind = Literal["download", "bundled", "installed", "nuget", "path", "url"]
Protocol = Literal["http", "https", "tcp", "udp"]
TaskType = Literal["simple", "foreground", "background"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """An input endpoint. `local_port` is None where it equals `port`; `certificate` names one for https."""

    name: str
    protocol: Protocol
    port: int
    local_port: int | None = None
    certificate: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalStorage:
    """A local storage resource of each instance; `size_mb` in MB as Azure counts them."""

    name: str
    size_mb: int = 1024
    clean_on_recycle: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class StartupTask:
    """A command that runs before the role starts, `command` relative to approot."""

    command: str
    elevated: bool = False
    type: TaskType = "simple"
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Runtime:
    """Where an instance that lacks the interpreter gets it.

    `path`, `url` and `sha256` belong to the kinds "path" and "url" (the user's own archive, bundled),
    `nuget_feed` to "nuget".
    """

    kind: RuntimeKind = "download"
    path: str = ""
    url: str = ""
    sha256: str = ""
    nuget_feed: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """What one service configuration (.cscfg) says differently of a role; None means as in the role."""

    name: str
    instances: int | None = None
    vm_size: str | None = None
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """One role, every default filled in.

    Paths are relative with `/`, `root` to the project (`.` is the project itself), the others to `root`.
    Mappings are tuples of pairs in the user's order. Values of `settings` still hold their `{env:...}`
    fields, because only the service configurations may know what those stand for.
    """

    name: str
    type: RoleType
    target: Target
    root: str = "."
    startup_file: str = ""
    startup_module: str = ""
    arguments: tuple[str, ...] = ()
    wsgi_handler: str = ""
    asgi_handler: str = ""
    server: Server | None = None
    static: tuple[tuple[str, str], ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    search_paths: tuple[str, ...] = ()
    working_directory: str = "."
    deployed_python_interpreter_path: str = ""
    runtime: Runtime = field(default_factory=Runtime)
    resolver: Resolver = "uv"
    requirements: tuple[str, ...] = ()
    """Requirements files below `root`; the default (`requirements.txt` where it exists) is filled in."""
    dependencies: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    dependency_groups: tuple[str, ...] = ()
    project_dependencies: bool = True
    install_project: bool = False
    environment: tuple[tuple[str, str], ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    instances: int = 1
    vm_size: str = "Standard_A1_v2"
    local_storage: tuple[LocalStorage, ...] = ()
    startup_tasks: tuple[StartupTask, ...] = ()
    configurations: tuple[Configuration, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def has_site(self) -> bool:
        """Whether IIS serves this role: a web role whose server is not `direct`."""
        return self.type == "web" and self.server != "direct"


@dataclass(frozen=True, kw_only=True, slots=True)
class Service:
    """The whole service: the project's name and version, and the roles in the user's order."""

    name: str
    version: str
    roles: tuple[Role, ...]
    os_family: int = 7
    exclude_newer: str = ""
    """An RFC 3339 UTC timestamp, or empty."""
    find_links: tuple[str, ...] = ()
    index_url: str = ""
    lock: str = ""
    """A PEP 751 lock of the project's own, from the project or absolute; empty: resolve."""

    @property
    def configuration_names(self) -> tuple[str, ...]:
        """Every service configuration that is written: Cloud, Local, then the user's own, sorted."""
        own = {each.name for role in self.roles for each in role.configurations}
        return ("Cloud", "Local", *sorted(own - {"Cloud", "Local"}))
