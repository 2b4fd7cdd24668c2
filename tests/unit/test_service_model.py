"""What the fabric reads: the resource definition, the contract, the named streams, and all parts by name."""

from __future__ import annotations

import dataclasses
import uuid
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from hatch_cloudrole.service import PRODUCT_VERSION, package_parts, role_parts
from hatch_cloudrole.service.contract import service_contract
from hatch_cloudrole.service.named_streams import named_streams
from hatch_cloudrole.service.resources import resource_definition
from hatch_cloudrole.settings.model import Certificate, Endpoint, LocalStorage, Role, Service
from hatch_cloudrole.target import Target

RDSM = "{http://schemas.microsoft.com/dsltools/RDSM}"
TARGET = Target("3.13.5", "win_amd64")
HTTP = Endpoint(name="Http", protocol="http", port=80)
HTTPS = Endpoint(name="Https", protocol="https", port=443, local_port=8443, certificate="Ssl")
SSL = Certificate(name="Ssl", thumbprint="AB" * 20)
API = Certificate(name="Api", thumbprint="CD" * 20, store_location="CurrentUser", permission_level="elevated")
UDP = Endpoint(name="feed", protocol="udp", port=53)


def web(name: str = "Web", **changes: Any) -> Role:
    fields: dict[str, Any] = {"server": "fastcgi", "wsgi_handler": "app:app", "endpoints": (HTTP,)}
    return Role(name=name, type="web", target=TARGET, **{**fields, **changes})


def worker(name: str = "Worker", **changes: Any) -> Role:
    return Role(name=name, type="worker", target=TARGET, **{"startup_file": "worker.py", **changes})


def service(*roles: Role, name: str = "Svc", **changes: Any) -> Service:
    return Service(name=name, version="1.0", roles=roles, **changes)


def resources(*roles: Role) -> ET.Element:
    return ET.fromstring(resource_definition(service(*roles)))


def found(root: ET.Element, path: str) -> list[ET.Element]:
    return root.findall("/".join(step if step == "*" else RDSM + step for step in path.split("/")))


def names(root: ET.Element, path: str) -> list[str | None]:
    return [each.get("name") for each in found(root, path)]


def tags(element: ET.Element) -> list[str]:
    return [each.tag.removeprefix(RDSM) for each in element]


class TestResources:
    def test_a_worker_without_anything_is_this_document(self) -> None:
        text = resource_definition(service(worker())).decode("utf-8-sig")
        root = ET.fromstring(text)
        [role] = found(root, "groups/group/components/groupHascomponents/role")
        own, software = root.get("Id", ""), role.get("software", "")

        assert text.replace(own, "ID").replace(software, "SOFTWARE") == (
            '<?xml version="1.0" encoding="utf-8"?>\n'
            '<serviceModel xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
            ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" name="Svc" generation="1" functional="0"'
            ' release="0" Id="ID" dslVersion="1.2.0.0"'
            ' xmlns="http://schemas.microsoft.com/dsltools/RDSM">\n'
            "  <groups>\n"
            '    <group name="SvcGroup" generation="1" functional="0" release="0">\n'
            "      <settings>\n"
            '        <aCS name="WorkerInstances" defaultValue="[1,1,1]">\n'
            "          <maps>\n"
            '            <mapMoniker name="/Svc/SvcGroup/MapWorkerInstances" />\n'
            "          </maps>\n"
            "        </aCS>\n"
            "      </settings>\n"
            "      <maps>\n"
            '        <map name="MapWorkerInstances" kind="Identity">\n'
            "          <setting>\n"
            '            <sCSPolicyIDMoniker name="/Svc/SvcGroup/WorkerInstances" />\n'
            "          </setting>\n"
            "        </map>\n"
            "      </maps>\n"
            "      <components>\n"
            "        <groupHascomponents>\n"
            '          <role name="Worker" generation="1" functional="0" release="0" software="SOFTWARE"'
            ' entryPoint="base\\x64\\WaHostBootstrapper.exe" parameters="base\\x64\\WaWorkerHost.exe "'
            ' memIndex="-1" hostingEnvironment="consoleroleadmin" hostingEnvironmentVersion="2">\n'
            "            <settings>\n"
            '              <aCS name="__ModelData" defaultValue="&lt;m role=&quot;Worker&quot;'
            ' xmlns=&quot;urn:azure:m:v1&quot;&gt;&lt;r name=&quot;Worker&quot; /&gt;&lt;/m&gt;" />\n'
            "            </settings>\n"
            "            <resourcereferences>\n"
            '              <resourceReference name="DiagnosticStore" defaultAmount="[4096,4096,4096]"'
            ' defaultSticky="true" kind="Directory" />\n'
            '              <resourceReference name="EventStore" defaultAmount="[1000,1000,1000]"'
            ' defaultSticky="false" kind="LogStore" />\n'
            "            </resourcereferences>\n"
            "          </role>\n"
            "          <sCSPolicy>\n"
            '            <sCSPolicyIDMoniker name="/Svc/SvcGroup/WorkerInstances" />\n'
            '            <sCSPolicyUpdateDomainMoniker name="/Svc/SvcGroup/WorkerUpgradeDomains" />\n'
            '            <sCSPolicyFaultDomainMoniker name="/Svc/SvcGroup/WorkerFaultDomains" />\n'
            "          </sCSPolicy>\n"
            "        </groupHascomponents>\n"
            "      </components>\n"
            "      <sCSPolicy>\n"
            '        <sCSPolicyUpdateDomain name="WorkerUpgradeDomains" defaultPolicy="[5,5,5]" />\n'
            '        <sCSPolicyFaultDomain name="WorkerFaultDomains" defaultPolicy="[2,2,2]" />\n'
            '        <sCSPolicyID name="WorkerInstances" defaultPolicy="[1,1,1]" />\n'
            "      </sCSPolicy>\n"
            "    </group>\n"
            "  </groups>\n"
            "</serviceModel>"
        )
        assert str(uuid.UUID(own)) == own
        assert software.startswith("Worker_")
        assert str(uuid.UUID(software[7:].removesuffix(".cssx"))) + ".cssx" == software[7:]

    def test_endpoints_add_ports_channels_and_the_contract_in_their_places(self) -> None:
        root = resources(web())

        assert tags(root) == ["groups", "implements"]
        assert tags(found(root, "groups/group")[0]) == [
            "componentports",
            "settings",
            "channels",
            "maps",
            "components",
            "sCSPolicy",
        ]

    def test_each_endpoint_is_led_from_outside_through_a_channel_to_its_role(self) -> None:
        root = resources(web("Web", endpoints=(UDP, HTTP)), worker("Api", endpoints=(HTTP,)))

        assert [each.attrib for each in found(root, "groups/group/componentports/inPort")] == [
            {"name": "Api:Http", "protocol": "http"},
            {"name": "Web:feed", "protocol": "udp"},
            {"name": "Web:Http", "protocol": "http"},
        ]
        assert names(root, "groups/group/componentports/inPort/inToChannel/lBChannelMoniker") == [
            "/Svc/SvcGroup/LB:Api:Http",
            "/Svc/SvcGroup/LB:Web:feed",
            "/Svc/SvcGroup/LB:Web:Http",
        ]
        assert names(root, "groups/group/channels/lBChannel") == ["LB:Api:Http", "LB:Web:feed", "LB:Web:Http"]
        assert names(root, "groups/group/channels/lBChannel/toPorts/inPortMoniker") == [
            "/Svc/SvcGroup/Api/Http",
            "/Svc/SvcGroup/Web/feed",
            "/Svc/SvcGroup/Web/Http",
        ]

    def test_the_contract_has_an_interface_for_each_endpoint(self) -> None:
        root = resources(web(endpoints=(HTTPS, HTTP)))

        [implementation] = found(root, "implements/implementation")
        references = found(implementation, "interfacereferences/interfaceReference")
        assert (
            implementation.get("ref")
            == r"Microsoft.RedDog.Contract\ServiceContract\SvcContract@ServiceDefinition"
        )
        assert [each.get("ref") for each in references] == [
            r"Microsoft.RedDog.Contract\Interface\Web:Http@ServiceDefinition",
            r"Microsoft.RedDog.Contract\Interface\Web:Https@ServiceDefinition",
        ]
        assert names(implementation, "interfacereferences/interfaceReference/inPort/inPortMoniker") == [
            "/Svc/SvcGroup/Web:Http",
            "/Svc/SvcGroup/Web:Https",
        ]

    def test_a_role_listens_on_its_local_ports_and_an_https_port_knows_its_certificate(self) -> None:
        [role] = found(
            resources(web(endpoints=(HTTPS, HTTP))), "groups/group/components/groupHascomponents/role"
        )

        assert [each.attrib for each in found(role, "componentports/inPort")] == [
            {"name": "Http", "protocol": "http", "portRanges": "80"},
            {"name": "Https", "protocol": "https", "portRanges": "8443"},
        ]
        assert names(role, "componentports/inPort/certificate/certificateMoniker") == [
            "/Svc/SvcGroup/Web/Ssl"
        ]

    def test_settings_instances_and_certificates_are_one_sorted_list_mapped_to_their_places(self) -> None:
        root = resources(
            worker("Cron", settings=(("realm", "x"), ("Blob", "y"))),
            web("Api", endpoints=(HTTPS,), certificates=(SSL,)),
        )

        found_names = [
            "ApiInstances",
            "Certificate|Api:Ssl",
            "Cron:Blob",
            "Cron:realm",
            "CronInstances",
        ]
        assert [
            (each.get("name"), each.get("defaultValue")) for each in found(root, "groups/group/settings/aCS")
        ] == [(name, "[1,1,1]" if name.endswith("Instances") else "") for name in found_names]
        assert names(root, "groups/group/settings/aCS/maps/mapMoniker") == [
            f"/Svc/SvcGroup/Map{name}" for name in found_names
        ]
        maps = found(root, "groups/group/maps/map")
        assert [(each.get("name"), *tags(each), *tags(each[0]), each[0][0].get("name")) for each in maps] == [
            ("MapApiInstances", "setting", "sCSPolicyIDMoniker", "/Svc/SvcGroup/ApiInstances"),
            ("MapCertificate|Api:Ssl", "certificate", "certificateMoniker", "/Svc/SvcGroup/Api/Ssl"),
            ("MapCron:Blob", "setting", "aCSMoniker", "/Svc/SvcGroup/Cron/Blob"),
            ("MapCron:realm", "setting", "aCSMoniker", "/Svc/SvcGroup/Cron/realm"),
            ("MapCronInstances", "setting", "sCSPolicyIDMoniker", "/Svc/SvcGroup/CronInstances"),
        ]

    def test_a_role_with_certificates_stores_them_where_they_belong(self) -> None:
        [role] = found(
            resources(web(endpoints=(HTTPS,), certificates=(SSL, API))),
            "groups/group/components/groupHascomponents/role",
        )

        assert tags(role) == [
            "componentports",
            "settings",
            "resourcereferences",
            "storedcertificates",
            "certificates",
        ]
        assert [each.attrib for each in found(role, "storedcertificates/storedCertificate")] == [
            {"name": "Stored0Api", "certificateStore": "My", "certificateLocation": "User"},
            {"name": "Stored1Ssl", "certificateStore": "My", "certificateLocation": "System"},
        ]
        assert names(role, "storedcertificates/storedCertificate/certificate/certificateMoniker") == [
            "/Svc/SvcGroup/Web/Api",
            "/Svc/SvcGroup/Web/Ssl",
        ]
        assert names(role, "certificates/certificate") == ["Api", "Ssl"]

    @pytest.mark.parametrize(
        ("server", "host", "environment"),
        [("fastcgi", "WaIISHost", "frontendadmin"), ("direct", "WaWorkerHost", "consoleroleadmin")],
    )
    def test_iis_hosts_only_roles_with_a_site(self, server: str, host: str, environment: str) -> None:
        [role] = found(resources(web(server=server)), "groups/group/components/groupHascomponents/role")

        assert role.get("parameters") == rf"base\x64\{host}.exe "
        assert role.get("hostingEnvironment") == environment

    def test_storage_is_sorted_with_the_diagnostic_store_and_the_event_store_last(self) -> None:
        storage = (
            LocalStorage(name="Zeta", size_mb=10, clean_on_recycle=True),
            LocalStorage(name="cache", size_mb=20, clean_on_recycle=False),
        )
        [role] = found(
            resources(worker(local_storage=storage)), "groups/group/components/groupHascomponents/role"
        )

        references = found(role, "resourcereferences/resourceReference")
        assert [(r.get("name"), r.get("defaultAmount"), r.get("defaultSticky")) for r in references] == [
            ("cache", "[20,20,20]", "true"),
            ("DiagnosticStore", "[4096,4096,4096]", "true"),
            ("Zeta", "[10,10,10]", "false"),
            ("EventStore", "[1000,1000,1000]", "false"),
        ]

    def test_every_role_knows_all_roles_and_endpoints(self) -> None:
        root = resources(worker("b", settings=(("S", ""),)), web("A", endpoints=(UDP, HTTP)))

        for role in found(root, "groups/group/components/groupHascomponents/role"):
            data = found(role, "settings/aCS")[-1]
            model = ET.fromstring(data.get("defaultValue", ""))
            assert data.get("name") == "__ModelData"
            assert model.tag == "{urn:azure:m:v1}m"
            assert model.get("role") == role.get("name")
            assert [(each.get("name"), [e.get("name") for e in each]) for each in model] == [
                ("A", ["feed", "Http"]),
                ("b", []),
            ]

    def test_components_are_sorted_and_upgrade_domains_keep_the_users_order_after_the_sites(self) -> None:
        root = resources(worker("d"), worker("C"), web("Z"), web("Y"))

        assert names(root, "groups/group/components/groupHascomponents/role") == ["C", "d", "Y", "Z"]
        policies = [
            (each.tag.removeprefix(f"{RDSM}sCSPolicy"), each.get("name"))
            for each in found(root, "groups/group/sCSPolicy")[0]
        ]
        assert policies == [
            *(("UpdateDomain", f"{name}UpgradeDomains") for name in ("Z", "Y", "d", "C")),
            *(("FaultDomain", f"{name}FaultDomains") for name in ("C", "d", "Y", "Z")),
            *(("ID", f"{name}Instances") for name in ("C", "d", "Y", "Z")),
        ]

    def test_every_moniker_leads_to_something_in_the_document(self) -> None:
        root = resources(
            web(endpoints=(HTTPS, HTTP), certificates=(SSL,), settings=(("Mode", ""),)),
            worker(endpoints=(UDP,), settings=(("X", ""),)),
        )
        [group] = found(root, "groups/group")
        places = {
            f"/Svc/SvcGroup/{name}"
            for path in ("componentports/inPort", "channels/lBChannel", "maps/map", "sCSPolicy/*")
            for name in names(group, path)
        }
        for role in found(group, "components/groupHascomponents/role"):
            for path in ("componentports/inPort", "settings/aCS", "certificates/certificate"):
                places |= {f"/Svc/SvcGroup/{role.get('name')}/{name}" for name in names(role, path)}

        monikers = [each.get("name") for each in root.iter() if each.tag.endswith("Moniker")]

        assert len(monikers) > 20
        assert [name for name in monikers if name not in places] == []

    def test_identifiers_differ_within_a_document_and_follow_from_the_service(self) -> None:
        def ids(value: Service) -> list[str]:
            root = ET.fromstring(resource_definition(value))
            return [text for each in root.iter() for text in (each.get("Id"), each.get("software")) if text]

        one = service(web(endpoints=(HTTP, HTTPS)), worker())
        newer = dataclasses.replace(one, version="1.1")
        renamed = dataclasses.replace(one, name="Other")

        assert len(set(ids(one))) == len(ids(one)) == 6
        assert ids(one) == ids(dataclasses.replace(one))
        assert not set(ids(one)) & set(ids(newer))
        assert not set(ids(one)) & set(ids(renamed))


class TestContract:
    def test_interfaces_have_the_public_address_sorted_by_name(self) -> None:
        assert service_contract(
            service(web(endpoints=(HTTPS, UDP)), worker("api", endpoints=(HTTP,)))
        ).decode("utf-8-sig") == (
            '<?xml version="1.0" encoding="utf-8"?>\n'
            '<serviceContract xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
            ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" dslVersion="1.0.0.0" name="SvcContract"'
            ' xmlns="http://schemas.microsoft.com/dsltools/Contracts">\n'
            "  <elements>\n"
            '    <interface name="api:Http" url="http://*:80" />\n'
            '    <interface name="Web:feed" url="udp://*:53" />\n'
            '    <interface name="Web:Https" url="https://*:443" />\n'
            "  </elements>\n"
            "</serviceContract>"
        )

    def test_a_service_without_endpoints_has_an_empty_list(self) -> None:
        root = ET.fromstring(service_contract(service(worker())))

        assert [(each.tag, len(each)) for each in root] == [
            ("{http://schemas.microsoft.com/dsltools/Contracts}elements", 0)
        ]


class TestNamedStreams:
    def test_each_role_has_three(self) -> None:
        assert list(named_streams(service(web("A.b"), worker("C")))) == [
            "NamedStreams/RequiredFeatures/A.b/1.0",
            "NamedStreams/SupportedOSes/A.b/1.0",
            "NamedStreams/SupportData/A.b/1.0",
            "NamedStreams/RequiredFeatures/C/1.0",
            "NamedStreams/SupportedOSes/C/1.0",
            "NamedStreams/SupportData/C/1.0",
        ]

    def test_required_features_and_target_framework_agree(self) -> None:
        parts = named_streams(service(worker()))
        features = ET.fromstring(parts["NamedStreams/RequiredFeatures/Worker/1.0"])
        support = ET.fromstring(parts["NamedStreams/SupportData/Worker/1.0"])

        assert (features.tag, features.attrib) == ("RequiredFeatures", {"version": "1.0"})
        assert [each.attrib for each in features] == [{"name": "NetFx40", "version": "0"}]
        assert support.findtext("TargetFrameworkVersion") == "v4.0"

    @pytest.mark.parametrize(("os_family", "families"), [(7, "567"), (5, "567"), (4, "4567"), (8, "5678")])
    def test_the_family_of_the_configuration_is_always_supported(self, os_family: int, families: str) -> None:
        parts = named_streams(service(worker(), os_family=os_family))
        root = ET.fromstring(parts["NamedStreams/SupportedOSes/Worker/1.0"])

        assert (root.tag, root.attrib) == ("SupportedOsFamilies", {"version": "1.0"})
        assert [(each.tag, each.get("name"), each.get("version")) for each in root] == [
            ("OsFamily", family, "0") for family in families
        ]

    def test_support_data_says_which_sdk_and_that_a_task_is_elevated(self) -> None:
        root = ET.fromstring(named_streams(service(web()))["NamedStreams/SupportData/Web/1.0"])

        assert (root.tag, root.attrib) == ("SupportData", {"version": "1.0"})
        assert [(each.tag, each.text) for each in root] == [
            ("SDKVersion", "2.9.8699.20"),
            ("TargetFrameworkVersion", "v4.0"),
            ("HasElevatedEntrypoint", "false"),
            ("HasElevatedStartupTaskInCsdef", "true"),
            ("Imports", None),
        ]


class TestParts:
    def test_a_package_has_these_parts(self) -> None:
        assert list(package_parts(service(worker()))) == [
            "ServiceDefinition/ServiceDefinition.csdef",
            "ServiceDefinition/ServiceDefinition.rd",
            "ServiceDefinition/servicedefinition.rdsc",
            "NamedStreams/RequiredFeatures/Worker/1.0",
            "NamedStreams/SupportedOSes/Worker/1.0",
            "NamedStreams/SupportData/Worker/1.0",
        ]

    def test_a_role_has_these_parts_of_the_same_product(self) -> None:
        parts = role_parts(worker(), {"Worker": frozenset({"LaunchWorker.ps1"})})

        assert list(parts) == ["RoleModel.xml", "RuntimeSetup.Manifest"]
        assert ET.fromstring(parts["RoleModel.xml"]).get("version") == PRODUCT_VERSION == "2.9.8699.20"
        assert b"LaunchWorker.ps1 worker.py" in parts["RoleModel.xml"]

    def test_every_part_begins_with_a_byte_order_mark_and_is_xml(self) -> None:
        role = web(settings=(('quo"te & <b> \u00e9', ""),))
        for name, data in {**package_parts(service(role)), **role_parts(role)}.items():
            assert data.startswith(b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\n<'), name
            ET.fromstring(data)
