"""The service configurations (.cscfg): instance counts and the values of settings, one file for each name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.service.network import add_network
from hatch_cloudrole.service.sdk import SCHEMA_VERSION
from hatch_cloudrole.service.xmldoc import child, new, render
from hatch_cloudrole.settings.model import Configuration

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET
    from collections.abc import Mapping

    from hatch_cloudrole.settings.model import Role, Service

__all__ = ["service_configuration"]

_CONFIGURATION = "http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration"


def service_configuration(service: Service, name: str, env: Mapping[str, str]) -> bytes:
    """The .cscfg of the configuration `name`, in the user's order; `env` fills the `{env:...}` fields.

    Every setting and every certificate of a role has a value: the one that this configuration gives it, or
    else the role's. The format has no place for a VM size: what a configuration says of that is not in here.

    Source: the published XML schema of service configurations.

    :raises ProjectError: a field cannot be filled, or a value cannot be written as XML.
    :raises ValueError: what fills a field does not fit; `settings.unfit_values` says so beforehand.
    """
    root = new(
        "ServiceConfiguration",
        serviceName=service.name,
        xmlns=_CONFIGURATION,
        osFamily=str(service.os_family),
        osVersion="*",
        schemaVersion=SCHEMA_VERSION,
    )
    for role in service.roles:
        _add_role(root, role, name, env)
    add_network(root, service, name, env)
    return render(root)


def _add_role(root: ET.Element, role: Role, name: str, env: Mapping[str, str]) -> None:
    from hatch_cloudrole.settings.deployment import thumbprint
    from hatch_cloudrole.settings.env_fields import expand

    differing = next((each for each in role.configurations if each.name == name), Configuration(name=name))
    element = child(root, "Role", name=role.name)
    count = role.instances if differing.instances is None else differing.instances
    child(element, "Instances", count=str(count))
    if role.settings:
        values = dict(differing.settings)
        settings = child(element, "ConfigurationSettings")
        for setting, value in role.settings:
            child(settings, "Setting", name=setting, value=expand(values.get(setting, value), env))
    if role.certificates:
        prints = dict(differing.certificates)
        certificates = child(element, "Certificates")
        for each in role.certificates:
            digits = thumbprint(expand(prints.get(each.name, each.thumbprint), env))
            child(certificates, "Certificate", name=each.name, thumbprint=digits, thumbprintAlgorithm="sha1")
