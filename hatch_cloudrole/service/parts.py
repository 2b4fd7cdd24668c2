"""The service documents of a package by their names: those of the service, and those of each role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.service.contract import service_contract
from hatch_cloudrole.service.definition import packaged_csdef
from hatch_cloudrole.service.named_streams import named_streams
from hatch_cloudrole.service.resources import resource_definition
from hatch_cloudrole.service.role_model import role_model, runtime_setup
from hatch_cloudrole.service.sdk import Sdk
from hatch_cloudrole.service.tasks import NO_OWN_SCRIPTS

if TYPE_CHECKING:
    from hatch_cloudrole.service.tasks import OwnScripts
    from hatch_cloudrole.settings.model import Role, Service

__all__ = ["package_parts", "role_parts"]

_PLAIN = Sdk()


def package_parts(service: Service, sdk: Sdk = _PLAIN) -> dict[str, bytes]:
    """Part name -> document, of everything in a package that is in no role's layout.

    The names are those that Microsoft's extractor asks for, the case of the third included.

    :raises ProjectError: a value cannot be written as XML.
    """
    return {
        "ServiceDefinition/ServiceDefinition.csdef": packaged_csdef(service),
        "ServiceDefinition/ServiceDefinition.rd": resource_definition(service),
        "ServiceDefinition/servicedefinition.rdsc": service_contract(service),
        **named_streams(service, sdk.version),
    }


def role_parts(role: Role, own_scripts: OwnScripts = NO_OWN_SCRIPTS, sdk: Sdk = _PLAIN) -> dict[str, bytes]:
    """File name in the root of the role's layout -> document.

    There is no `__entrypoint.txt`: that names a .NET assembly, and our roles start a program or a site.

    :raises ProjectError: a value cannot be written as XML.
    """
    return {
        "RoleModel.xml": role_model(role, own_scripts, sdk.version),
        "RuntimeSetup.Manifest": runtime_setup(role, sdk.files),
    }
