"""Values of the settings that may come from the environment, and what is wrong with them on a build host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hatch_cloudrole.errors import Fault
from hatch_cloudrole.settings import deployment
from hatch_cloudrole.settings.env_fields import expand, missing, missing_fault
from hatch_cloudrole.settings.kinds import as_is
from hatch_cloudrole.settings.place import TABLE
from hatch_cloudrole.settings.wording import show, toml_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from hatch_cloudrole.settings.model import Network, Role, Service

__all__ = ["missing_variables", "unfit_values"]


@dataclass(frozen=True, slots=True)
class _Template:
    """A value as the user wrote it, its key below the table, and the rule that it obeys once filled."""

    key: tuple[str | int, ...]
    value: str
    rule: Callable[[str], Any] = as_is
    accepted: str = "any value"


def missing_variables(service: Service, env: Mapping[str, str]) -> list[Fault]:
    """One fault for each value and variable that `env` lacks and that has no default."""
    return [
        missing_fault(name, toml_key(*TABLE, *each.key), each.accepted)
        for each in _templates(service)
        for name in missing(each.value, env)
    ]


def unfit_values(service: Service, env: Mapping[str, str]) -> list[Fault]:
    """One fault for each value that `env` fills with what cannot stand there.

    What it is filled with is not shown: it may be a secret.
    """
    faults = []
    for each in _templates(service):
        if missing(each.value, env):
            continue
        try:
            each.rule(expand(each.value, env))
        except ValueError as refusal:
            what = (
                f"what the environment gives for {show(each.value)} does not fit, accepted: {each.accepted}"
            )
            faults.append(Fault(toml_key(*TABLE, *each.key), what, str(refusal)))
    return faults


def _templates(service: Service) -> Iterator[_Template]:
    for role in service.roles:
        yield from _of_role(role)
    if service.network:
        yield from _of_network(service.network)


def _of_role(role: Role) -> Iterator[_Template]:
    key = ("roles", role.name)
    for name, value in role.settings:
        yield _Template((*key, "settings", name), value)
    for certificate in role.certificates:
        yield _thumbprint((*key, "certificates", certificate.name, "thumbprint"), certificate.thumbprint)
    yield from _subnets(key, role.subnets)
    for each in role.configurations:
        inner = (*key, "configurations", each.name)
        for name, value in each.settings:
            yield _Template((*inner, "settings", name), value)
        for name, value in each.certificates:
            yield _thumbprint((*inner, "certificates", name), value)
        yield from _subnets(inner, each.subnets or ())


def _thumbprint(key: tuple[str | int, ...], value: str) -> _Template:
    return _Template(key, value, deployment.thumbprint, deployment.THUMBPRINT.accepted)


def _subnets(key: tuple[str | int, ...], subnets: tuple[str, ...]) -> Iterator[_Template]:
    for number, value in enumerate(subnets):
        yield _Template((*key, "subnets", number), value, deployment.subnet, deployment.SUBNET.accepted)


def _of_network(network: Network) -> Iterator[_Template]:
    values: list[tuple[tuple[str, ...], str, str]] = [
        (("network",), network.virtual_network, network.reserved_ip)
    ]
    for each in network.configurations:
        inner = ("network", "configurations", each.name)
        values.append((inner, each.virtual_network or "", each.reserved_ip or ""))
    for key, virtual_network, reserved_ip in values:
        if virtual_network:
            yield _Template(
                (*key, "virtual-network"),
                virtual_network,
                deployment.virtual_network,
                deployment.VIRTUAL_NETWORK.accepted,
            )
        if reserved_ip:
            yield _Template(
                (*key, "reserved-ip"), reserved_ip, deployment.reserved_ip, deployment.RESERVED_IP.accepted
            )
