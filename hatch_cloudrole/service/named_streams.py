"""NamedStreams: what each role asks of the platform, three small documents a role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.service.sdk import PRODUCT_VERSION, TARGET_FRAMEWORK
from hatch_cloudrole.service.xmldoc import child, new, render

if TYPE_CHECKING:
    from hatch_cloudrole.settings.model import Service

__all__ = ["named_streams"]

_OS_FAMILIES = frozenset({5, 6, 7})
"""The guest families that are not retired: Windows Server 2016, 2019 and 2022."""


def named_streams(service: Service, sdk_version: str = PRODUCT_VERSION) -> dict[str, bytes]:
    """Part name -> document, three for each role in the user's order.

    The booleans are in lower case, which every XML reader and .NET's Boolean.Parse take.

    Source: RequiredFeatures of SDK 1.8; the other two as two third-party writers have them.
    """
    parts = {}
    for role in service.roles:
        parts[f"NamedStreams/RequiredFeatures/{role.name}/1.0"] = _required_features()
        parts[f"NamedStreams/SupportedOSes/{role.name}/1.0"] = _supported_systems(service)
        parts[f"NamedStreams/SupportData/{role.name}/1.0"] = _support_data(sdk_version)
    return parts


def _required_features() -> bytes:
    root = new("RequiredFeatures", version="1.0")
    child(root, "Feature", name="NetFx40", version="0")
    return render(root)


def _supported_systems(service: Service) -> bytes:
    root = new("SupportedOsFamilies", version="1.0")
    for family in sorted(_OS_FAMILIES | {service.os_family}):
        child(root, "OsFamily", name=str(family), version="0")
    return render(root)


def _support_data(sdk_version: str) -> bytes:
    root = new("SupportData", version="1.0")
    child(root, "SDKVersion", sdk_version)
    child(root, "TargetFrameworkVersion", TARGET_FRAMEWORK)
    child(root, "HasElevatedEntrypoint", "false")
    # Our own first task configures the machine.
    child(root, "HasElevatedStartupTaskInCsdef", "true")
    child(root, "Imports")
    return render(root)
