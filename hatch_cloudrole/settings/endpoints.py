"""The tables of what a role listens on, and of what the load balancer asks it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hatch_cloudrole.settings import names
from hatch_cloudrole.settings.kinds import Choice, Flag, ListOf, Text, Whole
from hatch_cloudrole.settings.model import Endpoint, PortRange, Probe
from hatch_cloudrole.settings.tables import Option, TableOf
from hatch_cloudrole.settings.wording import one_of, show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hatch_cloudrole.settings.place import Place
    from hatch_cloudrole.settings.tables import Read

__all__ = ["ENDPOINT", "PORT_RANGE", "PROBE"]

_PORT = Whole(1, 65535)

_TYPES: Mapping[str, tuple[str, ...]] = {
    "port": ("input", "internal"),
    "local-port": ("input", "instance-input"),
    "port-ranges": ("internal", "instance-input"),
    "certificate": ("input",),
    "probe": ("input",),
    "idle-timeout-in-minutes": ("input", "instance-input"),
    "load-balancer-distribution": ("input",),
    "ignore-role-instance-status": ("input",),
}
"""Which types of endpoint have a key; the others are for all."""
_PROTOCOLS: Mapping[str, tuple[str, ...]] = {
    "input": ("http", "https", "tcp", "udp"),
    "internal": ("http", "tcp", "udp", "any"),
    "instance-input": ("tcp", "udp"),
}


class _LocalPort:
    """A port, or `*` for one that Azure chooses."""

    type = "integer or string"
    accepted = f'{_PORT.accepted}, or "*"'

    def read(self, value: Any, place: Place) -> int | str | None:
        if value == "*":
            return "*"
        if isinstance(value, int) and not isinstance(value, bool) and _PORT.low <= value <= _PORT.high:
            return value
        digits = isinstance(value, str) and re.fullmatch(r"[0-9]+", value)
        place.refuse(value, self.accepted, "write it without quotes" if digits else "")
        return None


def _port_range(read: Read) -> PortRange | None:
    low, high = read.values.get("min"), read.values.get("max")
    if low is None or high is None:
        return None
    if low > high:
        read.place.at("max").fault(f"found {show(high)}, accepted: {show(low)}, the min, or more")
        return None
    return PortRange(min=low, max=high)


PORT_RANGE = TableOf(
    (
        Option("min", _PORT, required=True, about="The first port.", example="10100"),
        Option("max", _PORT, required=True, about="The last port.", example="10119"),
    ),
    _port_range,
    "a table with min and max",
)


def _endpoint(read: Read) -> Endpoint | None:
    before = len(read.place.faults)
    kind = read.values.get("type", "input")
    if not read.sound("type"):
        return None
    _check_keys(read, kind)
    protocol = read.values.get("protocol")
    if protocol and protocol not in _PROTOCOLS[kind]:
        accepted = one_of([show(each) for each in _PROTOCOLS[kind]])
        remedy = 'use "tcp" for http and https' if kind == "instance-input" else ""
        read.place.at("protocol").fault(
            f"found {show(protocol)} for {_article(kind)} endpoint, accepted: {accepted}", remedy
        )
    elif protocol:
        _check_certificate(read, protocol)
    if len(read.place.faults) > before or not read.faulty.isdisjoint(_ESSENTIAL):
        return None
    return Endpoint(name=read.name, **read.values)


_ESSENTIAL = ("protocol", "port", "local-port", "port-ranges")


def _article(kind: str) -> str:
    return f"an {kind}"


def _check_keys(read: Read, kind: str) -> None:
    """Report keys that this type of endpoint has not, and those that it must have."""
    for key, types in _TYPES.items():
        # An empty list and a plain false say what goes without saying.
        if read.values.get(key.replace("-", "_")) and kind not in types:
            read.place.at(key).fault(
                f"found in {_article(kind)} endpoint, accepted: in {one_of(types)} endpoints alone"
            )
    if kind == "input" and not read.has("port"):
        read.place.at("port").fault(f"is missing, accepted: {_PORT.accepted}")
    if kind == "internal" and read.has("port") and read.values.get("port_ranges"):
        read.place.fault("found both port and port-ranges, accepted: one of them or neither")
    if kind != "instance-input":
        return
    if not read.has("local-port"):
        read.place.at("local-port").fault(f"is missing, accepted: {_PORT.accepted}")
    elif read.values.get("local_port") == "*":
        read.place.at("local-port").fault(
            f'found "*" in an instance-input endpoint, accepted: {_PORT.accepted}'
        )
    if not read.has("port-ranges"):
        read.place.at("port-ranges").fault("is missing, accepted: one range, with a port for each instance")
    elif read.sound("port-ranges") and (count := len(read.values["port_ranges"])) != 1:
        read.place.at("port-ranges").fault(
            f"found {count} ranges in an instance-input endpoint, accepted: one"
        )


def _check_certificate(read: Read, protocol: str) -> None:
    certificate = read.place.at("certificate")
    if protocol == "https" and not read.has("certificate"):
        certificate.fault("is missing, accepted: the name of a certificate, which https needs")
    elif protocol != "https" and read.has("certificate") and read.values.get("type", "input") == "input":
        certificate.fault(
            f'found a certificate for {protocol}, accepted: one for protocol = "https" alone',
            "leave the key out, or change the protocol",
        )


ENDPOINT = TableOf(
    (
        Option(
            "type",
            Choice(("input", "internal", "instance-input")),
            default='"input"',
            about="`input` is for the world, `internal` for the other roles; `instance-input` gives each "
            "instance a port of its own.",
            example='"internal"',
        ),
        Option(
            "protocol",
            Choice(("http", "https", "tcp", "udp", "any")),
            required=True,
            about="What is spoken there. `any` is for internal endpoints, which have no `https`; "
            "`instance-input` has `tcp` and `udp`.",
            example='"http"',
        ),
        Option(
            "port",
            _PORT,
            unset="internal: one that Azure chooses",
            about="The port that the world sees; of an internal endpoint, the one that it listens on. "
            "`input` needs it. No two endpoints of a service have the same public port.",
            example="80",
        ),
        Option(
            "local-port",
            _LocalPort(),
            unset="the same as `port`",
            about='The port on the instance, which `instance-input` needs. `"*"` leaves it to Azure.',
            example="8080",
        ),
        Option(
            "port-ranges",
            ListOf(PORT_RANGE),
            default="[]",
            about="Ports of an internal endpoint; or the one range of public ports of `instance-input`.",
            example="[{ min = 10100, max = 10119 }]",
        ),
        Option(
            "certificate",
            names.CERTIFICATE,
            about="The name of one of the role's `certificates`. `https` needs one, nothing else has one.",
            example='"Shop"',
        ),
        Option(
            "probe",
            names.MODEL_NAME,
            unset="Azure asks the guest agent",
            about="The name of one of the service's `probes`.",
            example='"Health"',
        ),
        Option(
            "idle-timeout-in-minutes",
            Whole(4, 30),
            unset="Azure's own, 4",
            about="When the load balancer gives up a silent TCP connection.",
            example="15",
        ),
        Option(
            "load-balancer-distribution",
            Choice(("sourceIP", "sourceIPProtocol", "none")),
            unset="Azure's own, none",
            about="By what the load balancer keeps a client on one instance.",
            example='"sourceIP"',
        ),
        Option(
            "ignore-role-instance-status",
            Flag(),
            default="false",
            about="Whether requests come even while the instance is not ready.",
            example="true",
        ),
    ),
    _endpoint,
    "a table with protocol and port",
)


def _probe(read: Read) -> Probe | None:
    protocol, path = read.values.get("protocol"), read.place.at("path")
    if protocol == "http" and not read.has("path"):
        path.fault('is missing, accepted: a path such as "/healthz", which http needs')
    elif protocol == "tcp" and read.has("path"):
        path.fault('found with protocol = "tcp", accepted: with protocol = "http" alone')
    return Probe(name=read.name, **read.values) if protocol else None


PROBE = TableOf(
    (
        Option(
            "protocol",
            Choice(("http", "tcp")),
            required=True,
            about="`http` wants an answer with status 200, `tcp` a connection.",
            example='"http"',
        ),
        Option(
            "path",
            Text("a path that begins with /", names.probe_path),
            about="What is asked for. `http` needs it, `tcp` has none.",
            example='"/healthz"',
        ),
        Option("port", _PORT, unset="that of the endpoint", about="The port that is asked.", example="8081"),
        Option(
            "interval-in-seconds",
            Whole(5),
            default="15",
            about="How often an instance is asked.",
            example="10",
        ),
        Option(
            "timeout-in-seconds",
            Whole(11),
            default="31",
            about="After how long a silent instance gets no more requests.",
            example="21",
        ),
    ),
    _probe,
    "a table with protocol",
)
