"""Where a service is deployed into and what Azure brings to it: virtual network, subnets, certificates.

Source of the rules: the XML schema of service configurations, and Azure's documentation of its network
configuration for extended support; names of networks and subnets as Azure Resource Manager has them.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hatch_cloudrole.settings import names
from hatch_cloudrole.settings.env_fields import check, expand, has_fields
from hatch_cloudrole.settings.kinds import Choice, ListOf, MapOf, Text
from hatch_cloudrole.settings.model import Certificate, Network, NetworkConfiguration
from hatch_cloudrole.settings.tables import Named, Option, TableOf

if TYPE_CHECKING:
    from collections.abc import Callable

    from hatch_cloudrole.settings.place import Place
    from hatch_cloudrole.settings.tables import Read

__all__ = [
    "CERTIFICATE",
    "NETWORK",
    "NETWORK_CONFIGURATION",
    "RESERVED_IP",
    "SUBNET",
    "SUBNETS",
    "THUMBPRINT",
    "VIRTUAL_NETWORK",
    "reserved_ip",
    "subnet",
    "thumbprint",
    "virtual_network",
]

_SHA1_DIGITS = 40
_SHA256_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Filled:
    """A string that may hold fields of the environment; `rule` is for what it is once they are filled.

    Without fields it is checked at once, and read as `rule` gives it.
    """

    accepted: str
    rule: Callable[[str], str]
    type: str = "string"

    def read(self, value: Any, place: Place) -> str | None:
        text: str | None = Text(self.accepted, self._parse).read(value, place)
        return text

    def _parse(self, text: str) -> str:
        return text if has_fields(check(text)) else self.rule(expand(text, {}))


def thumbprint(text: str) -> str:
    """SHA-1 as Windows shows it: 40 hex digits in upper case.

    Blanks, colons and the invisible mark that the certificate dialog of Windows puts in front are dropped.

    :raises ValueError: it is none; the text is the remedy.
    """
    digits = re.sub(r"[\s:\u200e\u200f]", "", text)
    if not re.fullmatch(r"[0-9A-Fa-f]+", digits):
        raise ValueError
    if len(digits) == _SHA256_DIGITS:
        raise ValueError(
            "that is a SHA-256; take the SHA-1 of the certificate, which Windows calls thumbprint"
        )
    if len(digits) != _SHA1_DIGITS:
        raise ValueError(f"it has {len(digits)} digits")
    return digits.upper()


_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,78}[A-Za-z0-9_])?"
_ID = re.compile(
    rf"/subscriptions/[^/\s]+/resourceGroups/[^/\s]+/providers/Microsoft\.Network/virtualNetworks/{_NAME}",
    re.IGNORECASE,
)


def virtual_network(text: str) -> str:
    """A virtual network by name or by its full ARM id.

    :raises ValueError: it is neither; the text is the remedy where there is one.
    """
    if text.startswith("/"):
        if not _ID.fullmatch(text):
            raise ValueError(
                "write the id as /subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.Network/"
                "virtualNetworks/NAME"
            )
    elif not re.fullmatch(_NAME, text):
        raise ValueError
    return text


def _resource_name(text: str) -> str:
    if text.startswith("/"):
        raise ValueError("write the name alone, the last part of the id")
    if not re.fullmatch(_NAME, text):
        raise ValueError
    return text


def subnet(text: str) -> str:
    """The name of a subnet.

    :raises ValueError: it is none.
    """
    return _resource_name(text)


def reserved_ip(text: str) -> str:
    """The name of a public IP address, which the schema wants to begin with a letter or `_`.

    :raises ValueError: it is none.
    """
    if text[:1].isdigit():
        raise ValueError("Azure's schema has no reserved IP whose name begins with a digit")
    return _resource_name(text)


def _ipv4(text: str) -> str:
    return str(ipaddress.IPv4Address(text)) if re.fullmatch(r"[0-9.]+", text) else _refuse()


def _refuse() -> str:
    raise ValueError


_FIELDS = "; {env:NAME} stands for a variable"
_SIMPLE = "letters, digits, . _ and -, as Azure names it"
THUMBPRINT = Filled(f"the SHA-1 of a certificate, 40 hexadecimal digits{_FIELDS}", thumbprint)
VIRTUAL_NETWORK = Filled(f"the name or the full ARM id of a virtual network{_FIELDS}", virtual_network)
SUBNET = Filled(f"the name of a subnet: {_SIMPLE}{_FIELDS}", subnet)
RESERVED_IP = Filled(f"the name of a static public IP address: {_SIMPLE}{_FIELDS}", reserved_ip)
SUBNETS = ListOf(SUBNET)
_DNS_SERVERS = MapOf(names.MODEL_NAME, Text("an IPv4 address", _ipv4))


def _certificate(read: Read) -> Certificate | None:
    return Certificate(name=read.name, **read.values) if "thumbprint" in read.values else None


CERTIFICATE = TableOf(
    (
        Option(
            "thumbprint",
            THUMBPRINT,
            required=True,
            about="The SHA-1 of the certificate, which the Key Vault has. A configuration may have another.",
            example='"{env:SHOP_THUMBPRINT}"',
        ),
        Option(
            "store-location",
            Choice(("LocalMachine", "CurrentUser")),
            default='"LocalMachine"',
            about="Whose store it goes into.",
            example='"CurrentUser"',
        ),
        Option(
            "store-name",
            Text(
                "My, Root, CA, Trust, Disallowed, TrustedPeople, TrustedPublisher, AuthRoot, AddressBook, or "
                "a name of your own of 1 to 256 characters",
                names.store_name,
            ),
            default='"My"',
            about="The store. `My` is for what the role itself shows, `CA` for intermediate certificates.",
            example='"CA"',
        ),
        Option(
            "permission-level",
            Choice(("limitedOrElevated", "elevated")),
            default='"limitedOrElevated"',
            about="Which processes may read the private key.",
            example='"elevated"',
        ),
    ),
    _certificate,
    "a table with thumbprint",
)


def _network(read: Read) -> Network | None:
    return Network(**read.values) if "virtual_network" in read.values else None


def _network_configuration(read: Read) -> NetworkConfiguration:
    return NetworkConfiguration(name=read.name, **read.values)


def _options(*, required: bool) -> tuple[Option, ...]:
    unset = "none" if required else "as in `network`"
    return (
        Option(
            "virtual-network",
            VIRTUAL_NETWORK,
            required=required,
            unset=unset,
            about="The virtual network: its name, or its full ARM id where it is in another resource group.",
            example='"shop-vnet"',
        ),
        Option(
            "reserved-ip",
            RESERVED_IP,
            unset=unset,
            about="The public IP address of the service. Its allocation is static, its SKU Basic.",
            example='"shop-ip"',
        ),
        Option(
            "dns-servers",
            _DNS_SERVERS,
            default="{}" if required else "",
            unset=unset,
            about="DNS servers by name. Without any, the network's own serve.",
            example='{ inner = "10.0.0.4" }',
        ),
    )


NETWORK_CONFIGURATION = TableOf(
    _options(required=False),
    _network_configuration,
    "a table with virtual-network, reserved-ip or dns-servers",
)

NETWORK = TableOf(
    (
        *_options(required=True),
        Option(
            "configurations",
            Named(names.CONFIGURATION_NAME, NETWORK_CONFIGURATION),
            default="{}",
            about="What differs by service configuration.",
            example='{ Staging = { virtual-network = "test-vnet" } }',
        ),
    ),
    _network,
    "a table with virtual-network",
)
