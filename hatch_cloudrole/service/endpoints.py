"""Endpoints and load balancer probes of a service definition, as a user keeps it and a package has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.service.roles import by_name, of_type
from hatch_cloudrole.service.xmldoc import child

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET

    from hatch_cloudrole.settings.model import Endpoint, PortRange, Role, Service

__all__ = ["add_packaged_endpoints", "add_packaged_probes", "add_source_endpoints", "add_source_probes"]

_INTERVAL = 15
_TIMEOUT = 31
"""What the schema takes for a probe that does not say."""


def add_source_endpoints(parent: ET.Element, role: Role) -> None:
    """Append `Endpoints`, when there are any, in the user's order."""
    if not role.endpoints:
        return
    endpoints = child(parent, "Endpoints")
    for each in role.endpoints:
        if each.type == "internal":
            internal = child(
                endpoints,
                "InternalEndpoint",
                name=each.name,
                protocol=each.protocol,
                port=None if each.port is None else str(each.port),
            )
            for ports in each.port_ranges:
                if ports.min == ports.max:
                    child(internal, "FixedPort", port=str(ports.min))
                else:
                    _add_range(internal, ports)
        elif each.type == "instance-input":
            _add_instance_input(endpoints, each)
        else:
            local = None if each.local_port is None else str(each.local_port)
            _add_input(endpoints, each, local)


def add_packaged_endpoints(parent: ET.Element, role: Role) -> None:
    """Append `Endpoints`: input, internal, instance-input, each kind by name and with every port explicit."""
    endpoints = child(parent, "Endpoints")
    for each in of_type(role, "input"):
        _add_input(endpoints, each, str(each.local_port or each.port))
    for each in of_type(role, "internal"):
        internal = child(endpoints, "InternalEndpoint", name=each.name, protocol=each.protocol)
        if each.port is not None:
            child(internal, "FixedPortRange", min=str(each.port), max=str(each.port))
        for ports in each.port_ranges:
            _add_range(internal, ports)
    for each in of_type(role, "instance-input"):
        _add_instance_input(endpoints, each)


def _add_input(parent: ET.Element, endpoint: Endpoint, local_port: str | None) -> None:
    idle = endpoint.idle_timeout_in_minutes
    child(
        parent,
        "InputEndpoint",
        name=endpoint.name,
        protocol=endpoint.protocol,
        port=str(endpoint.port),
        certificate=endpoint.certificate,
        localPort=local_port,
        ignoreRoleInstanceStatus="true" if endpoint.ignore_role_instance_status else None,
        loadBalancerProbe=endpoint.probe,
        idleTimeoutInMinutes=None if idle is None else str(idle),
        loadBalancerDistribution=endpoint.load_balancer_distribution,
    )


def _add_instance_input(parent: ET.Element, endpoint: Endpoint) -> None:
    idle = endpoint.idle_timeout_in_minutes
    element = child(
        parent,
        "InstanceInputEndpoint",
        name=endpoint.name,
        localPort=str(endpoint.local_port),
        protocol=endpoint.protocol,
        idleTimeoutInMinutes=None if idle is None else str(idle),
    )
    allocate = child(element, "AllocatePublicPortFrom")
    for ports in endpoint.port_ranges:
        _add_range(allocate, ports)


def _add_range(parent: ET.Element, ports: PortRange) -> None:
    child(parent, "FixedPortRange", min=str(ports.min), max=str(ports.max))


def add_source_probes(root: ET.Element, service: Service) -> None:
    """Append `LoadBalancerProbes`, when there are any, in the user's order and with every value."""
    if service.probes:
        probes = child(root, "LoadBalancerProbes")
        for each in service.probes:
            child(
                probes,
                "LoadBalancerProbe",
                name=each.name,
                protocol=each.protocol,
                port=None if each.port is None else str(each.port),
                path=each.path or None,
                intervalInSeconds=str(each.interval_in_seconds),
                timeoutInSeconds=str(each.timeout_in_seconds),
            )


def add_packaged_probes(root: ET.Element, service: Service) -> None:
    """The same by name, and without what is as the schema has it anyway, like all that cspack writes."""
    if service.probes:
        probes = child(root, "LoadBalancerProbes")
        for each in by_name(service.probes):
            interval, timeout = each.interval_in_seconds, each.timeout_in_seconds
            child(
                probes,
                "LoadBalancerProbe",
                name=each.name,
                protocol=each.protocol,
                port=None if each.port is None else str(each.port),
                path=each.path or None,
                intervalInSeconds=None if interval == _INTERVAL else str(interval),
                timeoutInSeconds=None if timeout == _TIMEOUT else str(timeout),
            )
