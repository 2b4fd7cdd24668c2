"""servicedefinition.rdsc: the addresses that a service offers to the outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.service.roles import name_key, of_type
from hatch_cloudrole.service.xmldoc import child, packaged, render

if TYPE_CHECKING:
    from hatch_cloudrole.settings.model import Endpoint, Service

__all__ = ["outer_ports", "service_contract"]

_CONTRACTS = "http://schemas.microsoft.com/dsltools/Contracts"


def outer_ports(service: Service) -> list[tuple[str, Endpoint]]:
    """Every input endpoint of the service with its name for the outside, `Role:Endpoint`, by that name."""
    ports = [(f"{role.name}:{each.name}", each) for role in service.roles for each in of_type(role, "input")]
    return sorted(ports, key=lambda port: name_key(port[0]))


def service_contract(service: Service) -> bytes:
    """The service contract; with an empty list when there is no input endpoint.

    Source: output of cspack 2.0 to 2.9.

    :raises ProjectError: a value cannot be written as XML.
    """
    root = packaged("serviceContract", _CONTRACTS, dslVersion="1.0.0.0", name=f"{service.name}Contract")
    elements = child(root, "elements")
    for name, endpoint in outer_ports(service):
        child(elements, "interface", name=name, url=f"{endpoint.protocol}://*:{endpoint.port}")
    return render(root)
