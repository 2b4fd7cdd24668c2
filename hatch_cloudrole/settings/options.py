"""Every setting there is, one entry each: what may be written, what it means, what goes without saying.

The allowed keys, how each is read, and the reference in docs/configuration.md all come from these tables. A
new setting is an entry here and a field of the same name in the model; a rule that spans several settings
belongs to `roles` or `parse`.
"""

from __future__ import annotations

from hatch_cloudrole.settings import deployment, endpoints, names
from hatch_cloudrole.settings.kinds import Choice, ListOf
from hatch_cloudrole.settings.moments import Moment
from hatch_cloudrole.settings.paths import Outside
from hatch_cloudrole.settings.role_options import ROLE_ONLY
from hatch_cloudrole.settings.runtime import RuntimeSetting
from hatch_cloudrole.settings.tables import Named, Option, Read, TableOf
from hatch_cloudrole.settings.targets import PLATFORM, OsFamily, Python

__all__ = ["HATCH", "ROLE", "SERVICE"]

HATCH = (
    "artifacts",
    "dependencies",
    "dev-mode-dirs",
    "dev-mode-exact",
    "directory",
    "exclude",
    "force-include",
    "hooks",
    "ignore-vcs",
    "include",
    "only-include",
    "only-packages",
    "packages",
    "reproducible",
    "require-runtime-dependencies",
    "require-runtime-features",
    "skip-excluded-dirs",
    "sources",
    "versions",
)
"""Options that every build target of Hatch has. Hatch reads and checks them."""

_SHARED = (
    Option(
        "python",
        Python(),
        unset="the newest that `requires-python` allows and that was a year old when this release came out",
        about="CPython of the instances. X.Y means its newest release.",
        example='"3.13"',
    ),
    Option(
        "platform",
        PLATFORM,
        default='"win_amd64"',
        about="Platform of the instances, as a wheel platform tag. `host` is that of the build host.",
        example='"manylinux_2_28_x86_64"',
    ),
    Option(
        "resolver",
        Choice(("uv", "pip-tools")),
        default='"uv"',
        about="What chooses the versions of the dependencies.",
        example='"pip-tools"',
    ),
    Option(
        "runtime",
        RuntimeSetting(),
        default='"download"',
        about="Where an instance that lacks the interpreter gets it.",
        example='"bundled"',
    ),
    Option(
        "nuget-feed",
        names.URL,
        about='The feed of `runtime = "nuget"`: the service index of a NuGet v3 feed.',
        example='"https://nuget.example.com/v3/index.json"',
    ),
)
"""Options of the service that a role may have for itself."""

_SERVICE = (
    Option(
        "service",
        names.ROLE_NAME,
        unset="the project's name, made legal",
        about="The service's name. The files that are written begin with it.",
        example='"Contoso"',
    ),
    Option(
        "os-family", OsFamily(), default="7", about="The Windows guest family of the .cscfg.", example="6"
    ),
    Option(
        "exclude-newer",
        Moment(),
        about="Resolve as of that moment. A bare date means its end, in UTC.",
        example='"2026-01-31"',
    ),
    Option(
        "find-links",
        ListOf(Outside("folder")),
        default="[]",
        about="Folders with more wheels, from the project or absolute.",
        example='["vendor"]',
    ),
    Option(
        "index-url",
        names.INDEX_URL,
        unset="what pip or uv use on the build host",
        about="The package index.",
        example='"https://packages.example.com/simple"',
    ),
    Option(
        "sdk-runtime",
        Outside("folder"),
        about=r"`runtimes\base` of an installed Azure SDK, whose files Azure boots a role with.",
        example='"vendor/runtimes/base"',
    ),
    Option(
        "seed",
        Outside("file"),
        about=r"A .cspkg of which everything stays but `\approot` and `\sitesroot` of its roles.",
        example='"vendor/shop.cspkg"',
    ),
    Option(
        "network",
        deployment.NETWORK,
        unset="none, and extended support deploys nothing",
        about="The virtual network that the service is deployed into.",
        example='{ virtual-network = "shop-vnet" }',
    ),
    Option(
        "probes",
        Named(names.MODEL_NAME, endpoints.PROBE),
        default="{}",
        about="Load balancer probes by name. Endpoints name them.",
        example='{ Health = { protocol = "http", path = "/healthz" } }',
    ),
    Option(
        "lock",
        Outside("file"),
        about="A PEP 751 lock of another tool: its packages are taken, and nothing is resolved.",
        example='"pylock.toml"',
    ),
)


def _as_read(read: Read) -> Read:
    """A role stays as it was read until the rules that span its settings have been checked."""
    return read


ROLE = TableOf(
    (*ROLE_ONLY, *_SHARED),
    _as_read,
    "a table with type",
    {
        **{option.key: "it belongs to the service, beside roles" for option in _SERVICE},
        "imports": "extended support takes no plugins: add remote desktop and diagnostics as extensions of "
        "the deployment",
    },
)

_ROLES = Option(
    "roles",
    Named(names.ROLE_NAME, ROLE),
    required=True,
    about="The roles by name, 1 to 25.",
    example='{ Web = { type = "web", wsgi-handler = "shop.wsgi:app" } }',
)

SERVICE = TableOf(
    (*_SERVICE, *_SHARED, _ROLES),
    _as_read,
    "a table with roles",
    {option.key: f"it belongs to a role, as in roles.NAME.{option.key}" for option in ROLE_ONLY},
    HATCH,
)
