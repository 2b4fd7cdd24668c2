"""The service definition: the .csdef that a user keeps, and the expanded one inside a package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.errors import ProjectError
from hatch_cloudrole.service.endpoints import (
    add_packaged_endpoints,
    add_packaged_probes,
    add_source_endpoints,
    add_source_probes,
)
from hatch_cloudrole.service.roles import by_name, certificates, element_name, setting_names, storages
from hatch_cloudrole.service.sdk import DEFINITION, SCHEMA_VERSION
from hatch_cloudrole.service.tasks import NO_OWN_SCRIPTS, add_runtime, add_startup, command_faults
from hatch_cloudrole.service.xmldoc import child, new, packaged, render

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET

    from hatch_cloudrole.service.tasks import OwnScripts
    from hatch_cloudrole.settings.model import Role, Service

__all__ = ["add_sites", "packaged_csdef", "source_csdef"]

_DEFAULT_VM_SIZE = "Small"
_DEFAULT_SIZE_MB = 1000


def source_csdef(service: Service, own_scripts: OwnScripts = NO_OWN_SCRIPTS) -> bytes:
    """ServiceDefinition.csdef for a deployment, in the user's order and with every value in full.

    A web role whose server is `direct` is a WorkerRole with the same endpoints. Sites have no
    physicalDirectory: that is a path of the machine that runs cspack, which `/sites` gives. `own_scripts`
    names, for each role, the scripts in `bin` that the project has itself.

    Source: the published XML schema of service definitions.

    :raises ProjectError: a command is too long for the format, or a value cannot be written as XML.
    """
    faults = tuple(command_faults(service.roles, own_scripts))
    if faults:
        raise ProjectError("Some commands do not fit into a service definition", faults)
    root = new("ServiceDefinition", name=service.name, xmlns=DEFINITION, schemaVersion=SCHEMA_VERSION)
    add_source_probes(root, service)
    for role in service.roles:
        _add_source_role(root, role, own_scripts)
    return render(root)


def _add_source_role(root: ET.Element, role: Role, own_scripts: OwnScripts) -> None:
    element = child(root, element_name(role), name=role.name, vmsize=role.vm_size)
    if role.has_site:
        add_sites(element, role)
    add_startup(element, role, own_scripts, packaged=False)
    add_runtime(element, role, own_scripts, packaged=False)
    if role.settings:
        settings = child(element, "ConfigurationSettings")
        for name, _ in role.settings:
            child(settings, "Setting", name=name)
    add_source_endpoints(element, role)
    if role.local_storage:
        resources = child(element, "LocalResources")
        for storage in role.local_storage:
            child(
                resources,
                "LocalStorage",
                name=storage.name,
                sizeInMB=str(storage.size_mb),
                cleanOnRoleRecycle=str(storage.clean_on_recycle).lower(),
            )
    if role.certificates:
        stores = child(element, "Certificates")
        for each in role.certificates:
            child(
                stores,
                "Certificate",
                name=each.name,
                storeLocation=each.store_location,
                storeName=each.store_name,
                permissionLevel=each.permission_level,
            )


def add_sites(parent: ET.Element, role: Role, physical_directory: str | None = None) -> None:
    """Append the one site of a web role, bound to its http and https endpoints, internal ones included."""
    site = child(child(parent, "Sites"), "Site", name="Web", physicalDirectory=physical_directory)
    bindings = child(site, "Bindings")
    for endpoint in role.endpoints:
        if endpoint.protocol in {"http", "https"}:  # instance-input endpoints have neither
            child(bindings, "Binding", name=endpoint.name, endpointName=endpoint.name)


def packaged_csdef(service: Service) -> bytes:
    """ServiceDefinition/ServiceDefinition.csdef of a package, as cspack expands it.

    Each role has four lists, present even when empty and sorted by name, as the roles are, those with a site
    first; ports are explicit, attributes with their default value absent. Sites, Startup and Runtime stand in
    RoleModel.xml instead, which is why the schema of source definitions refuses this document.

    Source: output of cspack 2.0 to 2.9.

    :raises ProjectError: a value cannot be written as XML.
    """
    root = packaged("ServiceDefinition", DEFINITION, name=service.name, schemaVersion=SCHEMA_VERSION)
    add_packaged_probes(root, service)
    for role in sorted(by_name(service.roles), key=lambda role: not role.has_site):
        _add_packaged_role(root, role)
    return render(root)


def _add_packaged_role(root: ET.Element, role: Role) -> None:
    vm_size = None if role.vm_size == _DEFAULT_VM_SIZE else role.vm_size
    element = child(root, element_name(role), name=role.name, vmsize=vm_size)
    resources = child(element, "LocalResources")
    for storage in storages(role):
        child(
            resources,
            "LocalStorage",
            name=storage.name,
            sizeInMB=None if storage.size_mb == _DEFAULT_SIZE_MB else str(storage.size_mb),
            cleanOnRoleRecycle=None if storage.clean_on_recycle else "false",
        )
    settings = child(element, "ConfigurationSettings")
    for name in setting_names(role):
        child(settings, "Setting", name=name)
    add_packaged_endpoints(element, role)
    stores = child(element, "Certificates")
    for each in certificates(role):
        # Who may read the key stands in RuntimeSetup.Manifest.
        location, store = each.store_location, each.store_name
        child(stores, "Certificate", name=each.name, storeLocation=location, storeName=store)
