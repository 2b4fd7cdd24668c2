"""The rules that span several roles: how many there are, who has which port, what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.settings.roles import endpoints_of
from hatch_cloudrole.settings.wording import did_you_mean, one_of, show, toml_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hatch_cloudrole.settings.model import Configuration, Endpoint, Network, PortRange, Probe
    from hatch_cloudrole.settings.place import Place
    from hatch_cloudrole.settings.tables import Read

__all__ = ["check_service"]

MOST_ROLES = 25
MOST_ENDPOINTS = 25
"""Limits of a cloud service: Azure's documentation of the service definition."""


def check_service(service: Read, roles: Sequence[Read]) -> None:
    """Report what is wrong with roles that are right one by one."""
    _check_counts(service)
    _check_ports(roles)
    _check_probes(service, roles)
    _check_subnets(service, roles)
    _check_configuration_names(service, roles)


def _check_counts(service: Read) -> None:
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


def _check_ports(roles: Sequence[Read]) -> None:
    """The service has one address, so a port of it is one endpoint's."""
    taken: list[tuple[str, str, PortRange]] = []
    for role in sorted(roles, key=lambda role: role.name):
        endpoints = role.place.at("endpoints")
        for each in sorted(endpoints_of(role), key=lambda endpoint: endpoint.name):
            place = endpoints.at(each.name) if role.values.get("endpoints") else endpoints
            for ports in each.public_ports:
                for other, name, range_ in taken:
                    if ports.min <= range_.max and range_.min <= ports.max:
                        whose = toml_key("roles", other, "endpoints", name)
                        _report_ports(place, each, role, ports, whose)
                        break
                taken.append((role.name, each.name, ports))


def _report_ports(place: Place, endpoint: Endpoint, role: Read, ports: PortRange, whose: str) -> None:
    if endpoint.type == "instance-input":
        found = f"found the ports {ports.min} to {ports.max}, of which {whose} has some too"
    elif role.values.get("endpoints"):
        found = f"found the port {ports.min}, which {whose} has too"
    else:
        found = f"found the default endpoint with port {ports.min}, which {whose} has too"
    place.fault(f"{found}, accepted: each port once in a service")


def _check_probes(service: Read, roles: Sequence[Read]) -> None:
    if not service.sound("probes"):
        return
    probes: tuple[Probe, ...] = service.values.get("probes", ())
    known = [probe.name for probe in probes]
    accepted = one_of([show(name) for name in known]) if known else "none, as there are no probes"
    for role in roles:
        for each in endpoints_of(role):
            if each.probe and each.probe not in known:
                role.place.at("endpoints").at(each.name).at("probe").fault(
                    f"found {show(each.probe)}, accepted: {accepted}",
                    did_you_mean(each.probe, known) or f"add it to probes, as in probes.{each.probe}",
                )


def _check_subnets(service: Read, roles: Sequence[Read]) -> None:
    """Extended support wants to know for each role where in the network it is, and nothing without one."""
    for role in roles:
        subnets, place = role.values.get("subnets", ()), role.place.at("subnets")
        own: tuple[Configuration, ...] = role.values.get("configurations", ())
        if service.has("network"):
            if not subnets and role.sound("subnets"):
                found = "found none" if role.has("subnets") else "is missing"
                place.fault(f"{found}, accepted: at least one subnet for each role when there is a network")
            for each in own:
                if each.subnets == ():
                    where = role.place.at("configurations").at(each.name).at("subnets")
                    where.fault("found none, accepted: at least one subnet", "leave the key out")
        else:
            used = [place] if subnets else []
            used += [
                role.place.at("configurations").at(each.name).at("subnets") for each in own if each.subnets
            ]
            for where in used:
                where.fault(
                    "found without network, accepted: subnets of network.virtual-network",
                    'add network = { virtual-network = "..." } beside roles',
                )


def _check_configuration_names(service: Read, roles: Sequence[Read]) -> None:
    """Each name is part of a file name, and some file systems take no notice of case."""
    places: dict[str, list[Place]] = {}
    for role in roles:
        own: tuple[Configuration, ...] = role.values.get("configurations", ())
        for each in own:
            places.setdefault(each.name, []).append(role.place.at("configurations").at(each.name))
    network: Network | None = service.values.get("network")
    for other in network.configurations if network else ():
        place = service.place.at("network").at("configurations").at(other.name)
        places.setdefault(other.name, []).append(place)
    spelled = {"cloud": "Cloud", "local": "Local"}
    for name in sorted(places):
        first = spelled.setdefault(name.lower(), name)
        for place in places[name] if first != name else []:
            place.fault(
                f"the name differs from {show(first)} by case alone, accepted: names that differ otherwise"
            )
