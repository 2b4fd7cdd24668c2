"""ServiceDefinition.rd: the service as the fabric sees it: ports, settings, channels and components."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from hatch_cloudrole.service.contract import outer_ports
from hatch_cloudrole.service.definition import packaged_csdef
from hatch_cloudrole.service.roles import (
    by_name,
    certificates,
    name_key,
    of_type,
    setting_names,
    storages,
    stored_name,
    webs_first,
)
from hatch_cloudrole.service.xmldoc import child, fragment, new, packaged, render

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET

    from hatch_cloudrole.settings.model import Endpoint, Role, Service

__all__ = ["resource_definition"]

_RDSM = "http://schemas.microsoft.com/dsltools/RDSM"
_MODEL_DATA = "urn:azure:m:v1"
_VERSION = {"generation": "1", "functional": "0", "release": "0"}
_CONTRACT = "Microsoft.RedDog.Contract"


def resource_definition(service: Service) -> bytes:
    """ServiceDefinition/ServiceDefinition.rd of a package.

    Identifiers, random in cspack, follow from the service's own values, so that the same service gives the
    same bytes. Lists are sorted by name but for the upgrade domains, which are in the order of the source.

    Source: output of cspack 2.0 to 2.9; `software` as two third-party writers of cloud packages have it. Not
    seen in any output, and so a guess: several ports of one endpoint (`9000-9010,9100`), and the location
    `User` of a certificate in a user's store.

    :raises ProjectError: a value cannot be written as XML.
    """
    return _Model(service).render()


class _Model:
    """One document in the making: what all its parts need is the service, its path and its identity."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.roles = by_name(service.roles)
        self.ports = outer_ports(service)
        self.path = f"/{service.name}/{service.name}Group"
        identity = f"{service.version}\n{packaged_csdef(service).decode('utf-8-sig')}"
        self.id = uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, _RDSM), identity)

    def derived_id(self, *of: str) -> str:
        return str(uuid.uuid5(self.id, "\n".join(of)))

    def render(self) -> bytes:
        name = self.service.name
        root = packaged("serviceModel", _RDSM, name=name, **_VERSION, Id=str(self.id), dslVersion="1.2.0.0")
        group = child(child(root, "groups"), "group", name=f"{name}Group", **_VERSION)
        if self.ports:
            self.add_ports(group)
        self.add_settings(group)
        if any(role.endpoints for role in self.roles):
            self.add_channels(group)
        self.add_maps(group)
        components = child(group, "components")
        for role in self.roles:
            self.add_component(components, role)
        self.add_policies(group)
        if self.ports:
            self.add_implements(root)
        return render(root)

    def add_ports(self, group: ET.Element) -> None:
        ports = child(group, "componentports")
        for name, endpoint in self.ports:
            port = child(ports, "inPort", name=name, protocol=endpoint.protocol)
            child(child(port, "inToChannel"), "lBChannelMoniker", name=f"{self.path}/LB:{name}")

    def settings(self) -> list[tuple[str, str, str]]:
        """Name in the group, kind of thing, and where it is, of every value that a configuration gives."""
        found = []
        for role in self.roles:
            inner = f"{self.path}/{role.name}"
            found += [(f"{role.name}:{name}", "aCS", f"{inner}/{name}") for name in setting_names(role)]
            found.append((f"{role.name}Instances", "sCSPolicyID", f"{inner}Instances"))
            found += [
                (f"Certificate|{role.name}:{each.name}", "certificate", f"{inner}/{each.name}")
                for each in certificates(role)
            ]
        return sorted(found, key=lambda setting: name_key(setting[0]))

    def add_settings(self, group: ET.Element) -> None:
        settings = child(group, "settings")
        for name, kind, _ in self.settings():
            default = "[1,1,1]" if kind == "sCSPolicyID" else ""
            setting = child(settings, "aCS", name=name, defaultValue=default)
            child(child(setting, "maps"), "mapMoniker", name=f"{self.path}/Map{name}")

    def inner_ports(self) -> list[tuple[str, Endpoint]]:
        """Every internal endpoint with its name for the other roles, `Role:Endpoint`, by that name."""
        ports = [
            (f"{role.name}:{each.name}", each) for role in self.roles for each in of_type(role, "internal")
        ]
        return sorted(ports, key=lambda port: name_key(port[0]))

    def add_channels(self, group: ET.Element) -> None:
        kinds = {"input": ("lBChannel", "LB"), "internal": ("sFSwitchChannel", "SW")}
        kinds["instance-input"] = ("sFSwitchChannel", "IE")
        found = []
        for role in self.roles:
            for each in role.endpoints:
                tag, prefix = kinds[each.type]
                found.append(
                    (f"{prefix}:{role.name}:{each.name}", tag, f"{self.path}/{role.name}/{each.name}")
                )
        channels = child(group, "channels")
        for name, tag, place in sorted(found, key=lambda channel: name_key(channel[0])):
            child(child(child(channels, tag, name=name), "toPorts"), "inPortMoniker", name=place)

    def add_maps(self, group: ET.Element) -> None:
        maps = child(group, "maps")
        for name, kind, place in self.settings():
            target = child(maps, "map", name=f"Map{name}", kind="Identity")
            holder = child(target, "certificate" if kind == "certificate" else "setting")
            child(holder, f"{kind}Moniker", name=place)

    def add_component(self, components: ET.Element, role: Role) -> None:
        component = child(components, "groupHascomponents")
        element = child(
            component,
            "role",
            name=role.name,
            **_VERSION,
            software=f"{role.name}_{self.derived_id('software', role.name)}.cssx",
            entryPoint="base\\x64\\WaHostBootstrapper.exe",
            # The space at the end is cspack's.
            parameters=f"base\\x64\\{'WaIISHost' if role.has_site else 'WaWorkerHost'}.exe ",
            memIndex="-1",
            hostingEnvironment="frontendadmin" if role.has_site else "consoleroleadmin",
            hostingEnvironmentVersion="2",
        )
        self.add_role_ports(element, role)
        settings = child(element, "settings")
        for name in setting_names(role):
            child(settings, "aCS", name=name, defaultValue="")
        child(settings, "aCS", name="__ModelData", defaultValue=self.model_data(role))
        self.add_resources(element, role)
        if certificates(role):
            self.add_certificates(element, role)
        policy = child(component, "sCSPolicy")
        for kind, ending in (
            ("ID", "Instances"),
            ("UpdateDomain", "UpgradeDomains"),
            ("FaultDomain", "FaultDomains"),
        ):
            child(policy, f"sCSPolicy{kind}Moniker", name=f"{self.path}/{role.name}{ending}")

    def add_role_ports(self, element: ET.Element, role: Role) -> None:
        """Append what the role listens on, and the way out to every internal endpoint of the service.

        Instance-input endpoints have a channel alone: cspack lists no port of theirs.
        """
        listening = [*of_type(role, "input"), *of_type(role, "internal")]
        inner = self.inner_ports()
        if not listening and not inner:
            return
        ports = child(element, "componentports")
        for endpoint in listening:
            port = child(
                ports,
                "inPort",
                name=endpoint.name,
                protocol=endpoint.protocol,
                portRanges=_port_ranges(endpoint),
            )
            if endpoint.certificate:
                place = f"{self.path}/{role.name}/{endpoint.certificate}"
                child(child(port, "certificate"), "certificateMoniker", name=place)
        for name, endpoint in inner:
            port = child(ports, "outPort", name=name, protocol=endpoint.protocol)
            child(child(port, "outToChannel"), "sFSwitchChannelMoniker", name=f"{self.path}/SW:{name}")

    def model_data(self, role: Role) -> str:
        """All roles and endpoints of the service, as the runtime of `role` reads them."""
        model = new("m", role=role.name, xmlns=_MODEL_DATA)
        for each in self.roles:
            peer = child(model, "r", name=each.name)
            for endpoint in by_name(each.endpoints):
                child(peer, "e", name=endpoint.name)
        return fragment(model)

    def add_resources(self, element: ET.Element, role: Role) -> None:
        resources = child(element, "resourcereferences")
        directories = [
            (each.name, each.size_mb, not each.clean_on_recycle, "Directory") for each in storages(role)
        ]
        for name, size, sticky, kind in (*directories, ("EventStore", 1000, False, "LogStore")):
            child(
                resources,
                "resourceReference",
                name=name,
                defaultAmount=f"[{size},{size},{size}]",
                defaultSticky=str(sticky).lower(),
                kind=kind,
            )

    def add_certificates(self, element: ET.Element, role: Role) -> None:
        stored = child(element, "storedcertificates")
        for index, each in enumerate(certificates(role)):
            certificate = child(
                stored,
                "storedCertificate",
                name=stored_name(index, each),
                certificateStore=each.store_name,
                certificateLocation="System" if each.store_location == "LocalMachine" else "User",
            )
            place = f"{self.path}/{role.name}/{each.name}"
            child(child(certificate, "certificate"), "certificateMoniker", name=place)
        plain = child(element, "certificates")
        for each in certificates(role):
            child(plain, "certificate", name=each.name)

    def add_policies(self, group: ET.Element) -> None:
        policies = child(group, "sCSPolicy")
        for role in webs_first(self.service):
            child(
                policies, "sCSPolicyUpdateDomain", name=f"{role.name}UpgradeDomains", defaultPolicy="[5,5,5]"
            )
        for role in self.roles:
            child(policies, "sCSPolicyFaultDomain", name=f"{role.name}FaultDomains", defaultPolicy="[2,2,2]")
        for role in self.roles:
            child(policies, "sCSPolicyID", name=f"{role.name}Instances", defaultPolicy="[1,1,1]")

    def add_implements(self, root: ET.Element) -> None:
        contract = f"{self.service.name}Contract"
        implementation = child(
            child(root, "implements"),
            "implementation",
            Id=self.derived_id("implementation"),
            ref=f"{_CONTRACT}\\ServiceContract\\{contract}@ServiceDefinition",
        )
        references = child(implementation, "interfacereferences")
        for name, _ in self.ports:
            reference = child(
                references,
                "interfaceReference",
                Id=self.derived_id("interface", name),
                ref=f"{_CONTRACT}\\Interface\\{name}@ServiceDefinition",
            )
            child(child(reference, "inPort"), "inPortMoniker", name=f"{self.path}/{name}")


def _port_ranges(endpoint: Endpoint) -> str | None:
    """The ports that it may listen on; nothing where Azure chooses."""
    if endpoint.instance_port is not None:
        return str(endpoint.instance_port)
    ranges = [
        str(each.min) if each.min == each.max else f"{each.min}-{each.max}" for each in endpoint.port_ranges
    ]
    return ",".join(ranges) or None
