"""Which release of the Azure SDK the documents speak the language of, and what of it is in a package."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFINITION", "PRODUCT_VERSION", "SCHEMA_VERSION", "TARGET_FRAMEWORK", "Sdk"]

PRODUCT_VERSION = "2.9.8699.20"
"""The last SDK; the package manifest, every RoleModel.xml and SupportData say the same number."""

SCHEMA_VERSION = "2015-04.2.6"
"""The last schema of .csdef and .cscfg."""

TARGET_FRAMEWORK = "v4.0"
"""The .NET that the host processes of 2.9 need; our own roles need none."""

DEFINITION = "http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition"
"""The namespace of .csdef and RoleModel.xml."""


@dataclass(frozen=True, slots=True)
class Sdk:
    """The SDK as a package knows it: its version, and its files in each role.

    `files` are paths from the role's root, with `/`, as in `base/x64/msshrtmi.dll`; none without the runtime.
    """

    version: str = PRODUCT_VERSION
    files: frozenset[str] = frozenset()
