"""What the user asked for, as frozen values: the service and its roles.

Every default is resolved here, so that whoever reads a value never has to know where it came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from hatch_cloudrole.target import Target

__all__ = [
    "Certificate",
    "Configuration",
    "Endpoint",
    "LocalStorage",
    "Network",
    "NetworkConfiguration",
    "PortRange",
    "Probe",
    "Role",
    "Runtime",
    "Service",
    "StartupTask",
]

RoleType = Literal["web", "worker"]
Server = Literal["fastcgi", "httpplatform", "direct"]
Resolver = Literal["uv", "pip-tools"]
RuntimeKind = Literal["download", "bundled", "installed", "nuget", "path", "url"]
Protocol = Literal["http", "https", "tcp", "udp", "any"]
EndpointType = Literal["input", "internal", "instance-input"]
Distribution = Literal["sourceIP", "sourceIPProtocol", "none"]
StoreLocation = Literal["LocalMachine", "CurrentUser"]
PermissionLevel = Literal["limitedOrElevated", "elevated"]
WebConfig = Literal["cloud-service", "websites"]
Install = Literal["wheels", "unpacked"]
TaskType = Literal["simple", "foreground", "background"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PortRange:
    """Ports from `min` to `max`, both included."""

    min: int
    max: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """A place where a role is spoken to.

    An `input` endpoint is `port` for the world, `internal` ones are for the other roles of the service, and
    `instance-input` gives each instance a port of its own out of the one range in `port_ranges`.
    `local_port` is None where it equals `port`, and `*` where Azure chooses it. An internal endpoint listens
    on `port`, on one of `port_ranges`, or, with neither, where Azure chooses. `certificate` names one of the
    role's, `probe` one of the service's; None is Azure's own default. Idle time is in minutes.
    """

    name: str
    protocol: Protocol
    port: int | None = None
    type: EndpointType = "input"
    local_port: int | Literal["*"] | None = None
    port_ranges: tuple[PortRange, ...] = ()
    certificate: str | None = None
    probe: str | None = None
    idle_timeout_in_minutes: int | None = None
    load_balancer_distribution: Distribution | None = None
    ignore_role_instance_status: bool = False

    @property
    def public_ports(self) -> tuple[PortRange, ...]:
        """The ports of the service's address that it takes."""
        if self.type == "instance-input":
            return self.port_ranges
        if self.type == "input" and self.port is not None:
            return (PortRange(min=self.port, max=self.port),)
        return ()

    @property
    def instance_port(self) -> int | None:
        """The one port on an instance, None where Azure chooses it."""
        port = self.port if self.local_port is None else self.local_port
        return None if port == "*" else port


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """How the load balancer asks whether an instance may have requests. `port` None is the endpoint's."""

    name: str
    protocol: Literal["http", "tcp"]
    path: str = ""
    port: int | None = None
    interval_in_seconds: int = 15
    timeout_in_seconds: int = 31


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """A certificate that Azure puts into a store of each instance.

    `thumbprint`, which may hold `{env:...}` fields, is the SHA-1 of the certificate in hex.
    """

    name: str
    thumbprint: str
    store_location: StoreLocation = "LocalMachine"
    store_name: str = "My"
    permission_level: PermissionLevel = "limitedOrElevated"


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkConfiguration:
    """What one service configuration says differently of the network; None means as in the service."""

    name: str
    virtual_network: str | None = None
    reserved_ip: str | None = None
    dns_servers: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Network:
    """The virtual network that the service is deployed into; names in it may hold `{env:...}` fields.

    `virtual_network` is a name, or the full ARM id where the network is in another resource group.
    """

    virtual_network: str
    reserved_ip: str = ""
    dns_servers: tuple[tuple[str, str], ...] = ()
    configurations: tuple[NetworkConfiguration, ...] = ()


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
    role_instance_values: tuple[tuple[str, str], ...] = ()
    """Variables by the XPath of what they get on an instance."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Runtime:
    """Where an instance that lacks the interpreter gets it.

    `path`, `url` and `sha256` belong to the kinds "path" and "url" (the user's own archive, bundled),
    `nuget_feed` and `nuget_version` (X.Y or X.Y.Z, as it was asked for) to "nuget".
    """

    kind: RuntimeKind = "download"
    path: str = ""
    url: str = ""
    sha256: str = ""
    nuget_feed: str = ""
    nuget_version: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """What one service configuration (.cscfg) says differently of a role; None means as in the role."""

    name: str
    instances: int | None = None
    vm_size: str | None = None
    settings: tuple[tuple[str, str], ...] = ()
    certificates: tuple[tuple[str, str], ...] = ()
    """Thumbprints by the name of the certificate."""
    subnets: tuple[str, ...] | None = None


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
    web_config: WebConfig = "cloud-service"
    wsgi_log: str = ""
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
    install: Install = "wheels"
    """Whether the instance installs wheels, or the build lays the packages out."""
    environment: tuple[tuple[str, str], ...] = ()
    role_instance_values: tuple[tuple[str, str], ...] = ()
    """Variables by the XPath of what they get on an instance."""
    settings: tuple[tuple[str, str], ...] = ()
    certificates: tuple[Certificate, ...] = ()
    subnets: tuple[str, ...] = ()
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

    @property
    def most_instances(self) -> int:
        """The number of instances in the configuration that has the most of them."""
        return max([self.instances, *(each.instances or 0 for each in self.configurations)])


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
    sdk_runtime: str = ""
    """Where the Azure SDK's runtime lies, absolute or from the project, or empty. So is `seed`, a package."""
    seed: str = ""
    network: Network | None = None
    probes: tuple[Probe, ...] = ()
    lock: str = ""
    """A PEP 751 lock of the project's own, from the project or absolute; empty: resolve."""

    @property
    def configuration_names(self) -> tuple[str, ...]:
        """Every service configuration that is written: Cloud, Local, then the user's own, sorted."""
        own = {each.name for role in self.roles for each in role.configurations}
        own |= {each.name for each in self.network.configurations} if self.network else set()
        return ("Cloud", "Local", *sorted(own - {"Cloud", "Local"}))
