"""What lies in the root of each role: RoleModel.xml (how an instance starts) and RuntimeSetup.Manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.service.definition import add_sites
from hatch_cloudrole.service.roles import certificates, stored_name
from hatch_cloudrole.service.sdk import DEFINITION, PRODUCT_VERSION, TARGET_FRAMEWORK
from hatch_cloudrole.service.tasks import NO_OWN_SCRIPTS, add_runtime, add_startup
from hatch_cloudrole.service.xmldoc import child, new, packaged, render

if TYPE_CHECKING:
    from collections.abc import Collection

    from hatch_cloudrole.service.tasks import OwnScripts
    from hatch_cloudrole.settings.model import Role

__all__ = ["role_model", "runtime_setup"]

_SITE_FOLDER = "sitesroot\\0"
_TARGET_RUNTIME = "v4.0"
_GLOBAL = (
    "base/x64/msshrtmi.dll",
    "base/x86/msshrtmi.dll",
    "base/Microsoft.WindowsAzure.ServiceRuntime.dll",
    "base/policy.1.0.Microsoft.WindowsAzure.ServiceRuntime.dll",
    "storage/cloud/x64/mswacdmi.dll",
)


def role_model(
    role: Role, own_scripts: OwnScripts = NO_OWN_SCRIPTS, sdk_version: str = PRODUCT_VERSION
) -> bytes:
    """RoleModel.xml: tasks, program, properties and site of one role.

    The properties are those that readers ask for: Python Tools' scripts take RoleType and Configuration from
    here, and the folder of the site, which is relative to the root of the role's drive.

    Source: output of cspack 1.8 (program entry point), 2.7 and 2.9.

    :raises ProjectError: a value cannot be written as XML.
    """
    root = packaged("RoleModel", DEFINITION, name=role.name, version=sdk_version)
    add_startup(root, role, own_scripts, packaged=True)
    add_runtime(root, role, own_scripts, packaged=True)
    properties = child(root, "Properties")
    for name, value in (
        ("TargetFrameworkVersion", TARGET_FRAMEWORK),
        ("RoleType", "Web" if role.has_site else "Worker"),
        ("RoleName", role.name),
        ("Configuration", "Release"),
        ("TargetRuntimeVersion", _TARGET_RUNTIME),
    ):
        child(properties, "Property", name=name, value=value)
    if role.has_site:
        add_sites(root, role, _SITE_FOLDER)
    return render(root)


def runtime_setup(role: Role, sdk_files: Collection[str] = ()) -> bytes:
    """RuntimeSetup.Manifest: folders of the SDK's programs, keys for few, and the identity that IIS adds.

    `sdk_files` are those of the SDK that the role has; the .NET assemblies among them that every process must
    find go to the global assembly cache. Certificates that only elevated processes may read are named with
    their number among all of the role, as in the resource definition.

    Source: output of cspack 1.8 (for the cloud) and 2.7 to 2.9 (for the emulator).
    """
    root = new("RuntimeSetup")
    for file in _GLOBAL:
        if file in sdk_files:
            child(root, "Operation", type="Gac", path=file.replace("/", "\\"))
    for folder in ("base\\x64", "base\\x86"):
        child(root, "Operation", type="Path", path=folder)
    elevated = [
        stored_name(index, each)
        for index, each in enumerate(certificates(role))
        if each.permission_level == "elevated"
    ]
    if elevated:
        levels = child(root, "PermissionLevels")
        for name in elevated:
            child(levels, "StoredCert", name=name, permissionLevel="elevated")
    if role.has_site:
        identities = child(root, "AdditionalRoleIdentities")
        child(identities, "Identity", username="NetworkService", domain="NT AUTHORITY")
    return render(root)
