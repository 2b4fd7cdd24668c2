"""From `[tool.hatch.build.targets.cloudrole]` to a `Service`, or to everything that is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from hatch_cloudrole.errors import Fault, ProjectError
from hatch_cloudrole.settings.model import Service
from hatch_cloudrole.settings.names import legal_service_name
from hatch_cloudrole.settings.options import SERVICE
from hatch_cloudrole.settings.place import Place, ProjectFacts, ProjectFiles, World, clashes
from hatch_cloudrole.settings.roles import build_role, check_role, endpoints_of
from hatch_cloudrole.settings.targets import default_python
from hatch_cloudrole.settings.wording import show, toml_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hatch_cloudrole.settings.model import Configuration
    from hatch_cloudrole.settings.tables import Read
    from hatch_cloudrole.target import Target

__all__ = ["ProjectFacts", "ProjectFiles", "parse_service"]

MOST_ROLES = 25
MOST_ENDPOINTS = 25
"""Limits of a cloud service: Azure's documentation of the service definition."""


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
    _check_roles(service)
    _check_ports(roles)
    _check_configuration_names(roles)
    if place.faults:
        faults = sorted(set(place.faults))
        plural = "s" if len(faults) > 1 else ""
        raise ProjectError(f"The settings have {len(faults)} fault{plural}.", faults)
    values = {
        "name": service.values.get("service", legal_service_name(project.name)),
        "roles": tuple(build_role(role, service) for role in roles),
    }
    own = ("os_family", "exclude_newer", "find_links", "index_url", "lock")
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


def _check_roles(service: Read) -> None:
    roles = service.values.get("roles")
    if roles is None:
        return
    if not roles and service.sound("roles"):
        service.place.at("roles").fault(f"found no role, accepted: 1 to {MOST_ROLES} roles")
    if len(roles) > MOST_ROLES:
        service.place.at("roles").fault(f"found {len(roles)} roles, accepted: 1 to {MOST_ROLES} roles")
    count = sum(len(endpoints_of(role)) for role in roles)
    if count > MOST_ENDPOINTS:
        service.place.at("roles").fault(
            f"found {count} endpoints in all roles, accepted: at most {MOST_ENDPOINTS}"
        )


def _check_ports(roles: tuple[Read, ...]) -> None:
    """The service has one address, so a port is one endpoint's."""
    ports = {(role.name, each.name): each.port for role in roles for each in endpoints_of(role)}
    places = {role.name: role.place.at("endpoints") for role in roles}
    given = {role.name for role in roles if role.values.get("endpoints")}
    for (role, name), (other, first) in clashes((port, label) for label, port in ports.items()).items():
        place = places[role].at(name) if role in given else places[role]
        port = ports[role, name]
        what = f"found the port {port}" if role in given else f"found the default endpoint with port {port}"
        taken = toml_key("roles", other, "endpoints", first)
        place.fault(f"{what}, which {taken} has too, accepted: each port once in a service")


def _check_configuration_names(roles: tuple[Read, ...]) -> None:
    """Each name is part of a file name, and some file systems take no notice of case."""
    places: dict[str, list[Place]] = {}
    for role in roles:
        own: tuple[Configuration, ...] = role.values.get("configurations", ())
        for each in own:
            places.setdefault(each.name, []).append(role.place.at("configurations").at(each.name))
    spelled = {"cloud": "Cloud", "local": "Local"}
    for name in sorted(places):
        first = spelled.setdefault(name.lower(), name)
        for place in places[name] if first != name else []:
            place.fault(
                f"the name differs from {show(first)} by case alone, accepted: names that differ otherwise"
            )
