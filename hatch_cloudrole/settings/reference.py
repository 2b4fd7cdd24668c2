"""The tables of docs/configuration.md, made from the options."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hatch_cloudrole.settings import deployment, endpoints, parts
from hatch_cloudrole.settings.options import HATCH, ROLE, SERVICE
from hatch_cloudrole.settings.runtime import ARCHIVE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hatch_cloudrole.settings.tables import Option, TableOf

__all__ = ["TABLES", "renew"]

TABLES: Mapping[str, TableOf] = {
    "service": SERVICE,
    "role": ROLE,
    "network": deployment.NETWORK,
    "network-configuration": deployment.NETWORK_CONFIGURATION,
    "probe": endpoints.PROBE,
    "endpoint": endpoints.ENDPOINT,
    "port-range": endpoints.PORT_RANGE,
    "certificate": deployment.CERTIFICATE,
    "local-storage": parts.LOCAL_STORAGE,
    "startup-task": parts.STARTUP_TASK,
    "configuration": parts.CONFIGURATION,
    "archive": ARCHIVE,
}
"""Every table with keys of its own, by the name that the markers have."""

_GENERATED = re.compile(r"(<!-- begin ([\w-]+) -->\n).*?(<!-- end \2 -->)", re.DOTALL)


def renew(page: str) -> str:
    """The page with what stands between each pair of markers made anew.

    :raises KeyError: a marker names nothing that can be made.
    """
    return _GENERATED.sub(lambda match: f"{match[1]}{_part(match[2])}{match[3]}", page)


def _part(name: str) -> str:
    if name == "hatch":
        return ", ".join(f"`{key}`" for key in HATCH) + ".\n"
    rows = [_row(option) for option in TABLES[name].options]
    return "\n".join(
        ["| Key | Type | Default | Meaning | Accepted | Example |", "|---|---|---|---|---|---|", *rows, ""]
    )


def _row(option: Option) -> str:
    default = "**required**" if option.required else f"`{option.default}`" if option.default else option.unset
    about = f"{option.about} {option.role.capitalize()} roles only." if option.role else option.about
    accepted = re.sub(r"([\\`*<>])", r"\\\1", option.kind.accepted)
    cells = [f"`{option.key}`", option.kind.type, default, about, accepted]
    cells.append(f"`{option.key} = {option.example}`")
    # A table takes every | as its own, even one in a code span.
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
