"""NetworkConfiguration of a service configuration: where in which virtual network the roles are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.service.xmldoc import child
from hatch_cloudrole.settings.model import NetworkConfiguration

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET
    from collections.abc import Mapping

    from hatch_cloudrole.settings.model import Role, Service

__all__ = ["add_network"]


def add_network(root: ET.Element, service: Service, name: str, env: Mapping[str, str]) -> None:
    """Append what the configuration `name` says of the network, when the service is in one.

    Source: the published XML schema, whose order it has: Dns, VirtualNetworkSite, AddressAssignments. (The
    example in Azure's documentation puts other elements first, which the schema refuses.)

    :raises ProjectError: a field cannot be filled.
    """
    from hatch_cloudrole.settings.env_fields import expand

    network = service.network
    if network is None:
        return
    own = next(
        (each for each in network.configurations if each.name == name), NetworkConfiguration(name=name)
    )
    element = child(root, "NetworkConfiguration")
    servers = network.dns_servers if own.dns_servers is None else own.dns_servers
    if servers:
        parent = child(child(element, "Dns"), "DnsServers")
        for server, address in servers:
            child(parent, "DnsServer", name=server, IPAddress=address)
    virtual_network = own.virtual_network or network.virtual_network
    child(element, "VirtualNetworkSite", name=expand(virtual_network, env))
    assignments = child(element, "AddressAssignments")
    for role in service.roles:
        subnets = child(child(assignments, "InstanceAddress", roleName=role.name), "Subnets")
        for subnet in _subnets(role, name):
            child(subnets, "Subnet", name=expand(subnet, env))
    if reserved := own.reserved_ip or network.reserved_ip:
        child(child(assignments, "ReservedIPs"), "ReservedIP", name=expand(reserved, env))


def _subnets(role: Role, name: str) -> tuple[str, ...]:
    own = next((each.subnets for each in role.configurations if each.name == name), None)
    return role.subnets if own is None else own
