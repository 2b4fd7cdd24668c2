"""A package as a value: the contents outside every role, and each role's files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hatch_cloudrole.content import Content

__all__ = ["DEFINITION_PARTS", "STREAMS", "Package"]

DEFINITION_PARTS = (
    "ServiceDefinition/ServiceDefinition.csdef",
    "ServiceDefinition/ServiceDefinition.rd",
    "ServiceDefinition/servicedefinition.rdsc",
)
"""The service's documents, under the names that readers ask for; the case of the third is no slip."""

STREAMS = ("RequiredFeatures", "SupportedOSes", "SupportData")
"""What each role has as `NamedStreams/<stream>/<role>/1.0`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """Everything a Cloud Service package holds.

    `product_version` is the version of the SDK whose format the role documents have, four numbers. `parts`
    are the contents outside every role, by part name (`ServiceDefinition/ServiceDefinition.csdef`). `layouts`
    are the files of each role, by role name and path relative to the role's root with `/`
    (`approot/bin/role.py`, `RoleModel.xml`). `timestamp` is when every file was created and modified; it must
    know its offset and is kept in UTC.
    """

    product_version: str
    parts: Mapping[str, Content]
    layouts: Mapping[str, Mapping[str, Content]]
    timestamp: datetime

    def __post_init__(self) -> None:
        if self.timestamp.tzinfo is None:
            raise ValueError("a package's timestamp must know its offset from UTC")
        object.__setattr__(self, "timestamp", self.timestamp.astimezone(timezone.utc))
