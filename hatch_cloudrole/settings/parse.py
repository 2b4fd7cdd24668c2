"""From `[tool.hatch.build.targets.cloudrole]` to a `Service`, or to everything that is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from hatch_cloudrole.errors import Fault, ProjectError
from hatch_cloudrole.settings.model import Service
from hatch_cloudrole.settings.names import legal_service_name
from hatch_cloudrole.settings.options import SERVICE
from hatch_cloudrole.settings.place import Place, ProjectFacts, ProjectFiles, World
from hatch_cloudrole.settings.roles import build_role, check_role
from hatch_cloudrole.settings.service_rules import check_service
from hatch_cloudrole.settings.targets import default_python
from hatch_cloudrole.settings.wording import show, toml_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hatch_cloudrole.settings.tables import Read
    from hatch_cloudrole.target import Target

__all__ = ["ProjectFacts", "ProjectFiles", "parse_service"]


def parse_service(
    table: Mapping[str, Any], *, project: ProjectFacts, files: ProjectFiles, host: Target
) -> Service:
    """Read and check the settings.

    `host` is the target that `platform = "host"` stands for; its Python does not count.

    :raises ProjectError: with every fault of the whole table, sorted by key.
    """
    place = Place(World(project, files, host))
    service: Read = SERVICE.read(dict(table), place)
    roles: tuple[Read, ...] = service.values.get("roles", ())
    for role in roles:
        check_role(role, service)
    _check_python(service, roles)
    check_service(service, roles)
    _check_seed(service)
    if place.faults:
        faults = sorted(set(place.faults))
        plural = "s" if len(faults) > 1 else ""
        raise ProjectError(f"The settings have {len(faults)} fault{plural}.", faults)
    values = {
        "name": service.values.get("service", legal_service_name(project.name)),
        "roles": tuple(build_role(role, service) for role in roles),
    }
    own = (
        "os_family",
        "exclude_newer",
        "find_links",
        "index_url",
        "lock",
        "sdk_runtime",
        "seed",
        "network",
        "probes",
    )
    values |= {name: service.values[name] for name in own if name in service.values}
    return Service(version=project.version, **values)


def _check_python(service: Read, roles: tuple[Read, ...]) -> None:
    requires = service.place.world.project.requires_python
    try:
        SpecifierSet(requires)
    except InvalidSpecifier:
        service.place.faults.append(
            Fault(
                toml_key("project", "requires-python"),
                f'found {show(requires)}, accepted: a version specifier as in ">=3.10"',
            )
        )
        return
    unsaid = not service.has("python") and not all(role.has("python") for role in roles)
    if unsaid and default_python(requires) is None:
        service.place.at("python").fault(
            f"is missing, accepted: a CPython that requires-python = {show(requires)} of the project allows",
            "there is no default, because the newest release of no supported X.Y is allowed",
        )


def _check_seed(service: Read) -> None:
    if service.has("seed") and service.has("sdk-runtime"):
        service.place.at("seed").fault(
            "found with sdk-runtime, accepted: at most one of the two", "a seed has the SDK's files already"
        )
