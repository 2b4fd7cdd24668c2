"""What the documents say of networks, certificates, probes and endpoints of every type."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from hatch_cloudrole.errors import ProjectError
from hatch_cloudrole.service import deployment_notes, service_configuration
from hatch_cloudrole.service.contract import service_contract
from hatch_cloudrole.service.definition import packaged_csdef, source_csdef
from hatch_cloudrole.service.resources import resource_definition
from hatch_cloudrole.service.role_model import role_model, runtime_setup
from hatch_cloudrole.settings.model import (
    Certificate,
    Configuration,
    Endpoint,
    Network,
    NetworkConfiguration,
    PortRange,
    Probe,
    Role,
    Service,
    StartupTask,
)
from hatch_cloudrole.target import Target

TARGET = Target("3.13.5", "win_amd64")
PRINT, OTHER = "AB" * 20, "cd" * 20
HTTP = Endpoint(name="Http", protocol="http", port=80, probe="Up", idle_timeout_in_minutes=4)
HTTPS = Endpoint(
    name="Https", protocol="https", port=443, certificate="Ssl", load_balancer_distribution="sourceIP"
)
ADMIN = Endpoint(name="Admin", protocol="tcp", port=90, local_port="*", ignore_role_instance_status=True)
INNER = Endpoint(name="inner", protocol="http", type="internal", port=8080)
FREE = Endpoint(name="Free", protocol="any", type="internal")
SOME = Endpoint(
    name="Some",
    protocol="tcp",
    type="internal",
    port_ranges=(PortRange(min=9000, max=9010), PortRange(min=9100, max=9100)),
)
EACH = Endpoint(
    name="Each",
    protocol="tcp",
    type="instance-input",
    local_port=22,
    port_ranges=(PortRange(min=10100, max=10119),),
    idle_timeout_in_minutes=30,
)
PROBES = (
    Probe(
        name="Up", protocol="http", path="/up?a=1&b", port=81, interval_in_seconds=5, timeout_in_seconds=11
    ),
    Probe(name="alive", protocol="tcp"),
)
SSL = Certificate(name="Ssl", thumbprint="{env:PRINT}")
CA = Certificate(name="Ca", thumbprint=PRINT, store_name="CA", permission_level="elevated")
NETWORK = Network(
    virtual_network="{env:VNET}",
    reserved_ip="ip",
    dns_servers=(("inner", "10.0.0.4"),),
    configurations=(NetworkConfiguration(name="Test", virtual_network="test", dns_servers=()),),
)
ENV = {"PRINT": f"\u200e{OTHER}", "VNET": "live"}


def web(name: str = "Web", **changes: Any) -> Role:
    fields: dict[str, Any] = {"server": "fastcgi", "wsgi_handler": "app:app", "endpoints": (HTTPS, HTTP)}
    return Role(name=name, type="web", target=TARGET, **{**fields, **changes})


def worker(name: str = "Worker", **changes: Any) -> Role:
    return Role(name=name, type="worker", target=TARGET, **{"startup_file": "worker.py", **changes})


WEB = web(
    endpoints=(HTTPS, HTTP, INNER, EACH),
    certificates=(SSL, CA),
    subnets=("front",),
    configurations=(Configuration(name="Test", certificates=(("Ssl", OTHER),), subnets=("{env:VNET}", "b")),),
)
WORKER = worker(endpoints=(SOME, FREE, ADMIN), subnets=("back",))


def service(*roles: Role, **changes: Any) -> Service:
    return Service(name="Svc", version="1.0", roles=roles, **changes)


FULL = service(WEB, WORKER, network=NETWORK, probes=PROBES)


def inside(document: bytes, start: str, end: str) -> str:
    """The lines from the one with `start` to the one with `end`, without indentation."""
    lines = [line.strip() for line in document.decode("utf-8-sig").splitlines()]
    first = next(i for i, line in enumerate(lines) if start in line)
    last = next(i for i, line in enumerate(lines[first:], first) if end in line)
    return "\n".join(lines[first : last + 1])


class TestSource:
    def test_probes_stand_before_the_roles_with_every_value(self) -> None:
        root = ET.fromstring(source_csdef(FULL))

        assert root[0].tag.rpartition("}")[2] == "LoadBalancerProbes"
        assert [each.attrib for each in root[0]] == [
            {
                "name": "Up",
                "protocol": "http",
                "port": "81",
                "path": "/up?a=1&b",
                "intervalInSeconds": "5",
                "timeoutInSeconds": "11",
            },
            {"name": "alive", "protocol": "tcp", "intervalInSeconds": "15", "timeoutInSeconds": "31"},
        ]

    def test_the_endpoints_of_a_web_role(self) -> None:
        assert inside(source_csdef(FULL), "<Endpoints>", "</Endpoints>") == (
            "<Endpoints>\n"
            '<InputEndpoint name="Https" protocol="https" port="443" certificate="Ssl"'
            ' loadBalancerDistribution="sourceIP" />\n'
            '<InputEndpoint name="Http" protocol="http" port="80" loadBalancerProbe="Up"'
            ' idleTimeoutInMinutes="4" />\n'
            '<InternalEndpoint name="inner" protocol="http" port="8080" />\n'
            '<InstanceInputEndpoint name="Each" localPort="22" protocol="tcp" idleTimeoutInMinutes="30">\n'
            "<AllocatePublicPortFrom>\n"
            '<FixedPortRange min="10100" max="10119" />\n'
            "</AllocatePublicPortFrom>\n"
            "</InstanceInputEndpoint>\n"
            "</Endpoints>"
        )

    def test_the_endpoints_of_a_worker(self) -> None:
        assert inside(source_csdef(service(WORKER)), "<Endpoints>", "</Endpoints>") == (
            "<Endpoints>\n"
            '<InternalEndpoint name="Some" protocol="tcp">\n'
            '<FixedPortRange min="9000" max="9010" />\n'
            '<FixedPort port="9100" />\n'
            "</InternalEndpoint>\n"
            '<InternalEndpoint name="Free" protocol="any" />\n'
            '<InputEndpoint name="Admin" protocol="tcp" port="90" localPort="*"'
            ' ignoreRoleInstanceStatus="true" />\n'
            "</Endpoints>"
        )

    def test_a_site_is_bound_to_what_speaks_http_inside_and_outside(self) -> None:
        assert inside(source_csdef(FULL), "<Bindings>", "</Bindings>").splitlines()[1:-1] == [
            f'<Binding name="{name}" endpointName="{name}" />' for name in ("Https", "Http", "inner")
        ]

    def test_what_only_an_instance_knows_is_an_xpath_for_program_and_tasks(self) -> None:
        role = worker(
            environment=(("A", "1"), ("B", "2")),
            role_instance_values=(("ID", "/RoleEnvironment/Deployment/@id"), ("a2", "/RoleEnvironment/A2")),
            startup_tasks=(
                StartupTask(
                    command="x",
                    environment=(("A2", "plain"),),
                    role_instance_values=(("b", "/RoleEnvironment/B"),),
                ),
            ),
        )
        root = ET.fromstring(source_csdef(service(role)))

        def variables(element: ET.Element) -> dict[str, str]:
            found = {}
            for each in element.iter():
                if each.tag.endswith("}Variable"):
                    inner = [value.get("xpath", "") for value in each]
                    assert (each.get("value") is None) == bool(inner)
                    found[each.get("name", "")] = inner[0] if inner else each.get("value", "")
            return found

        emulated = {"EMULATED": "/RoleEnvironment/Deployment/@emulated"}
        common = {**emulated, "ID": "/RoleEnvironment/Deployment/@id", "A": "1"}
        [startup] = [each for each in root[0] if each.tag.endswith("}Startup")]
        [runtime] = [each for each in root[0] if each.tag.endswith("}Runtime")]
        everything = {**common, "a2": "/RoleEnvironment/A2", "B": "2"}
        assert variables(startup[0]) == everything
        assert variables(startup[1]) == {**common, "b": "/RoleEnvironment/B", "A2": "plain"}
        assert variables(runtime) == everything
        assert role_model(role).count(b'xpath="/RoleEnvironment/Deployment/@id"') == 3

    def test_emulated_may_be_the_roles_own_business(self) -> None:
        role = worker(role_instance_values=(("emulated", "/RoleEnvironment/Deployment/@id"),))
        assert b"EMULATED" not in source_csdef(service(role))


class TestPackaged:
    def test_probes_are_sorted_and_without_defaults(self) -> None:
        assert inside(packaged_csdef(FULL), "<LoadBalancerProbes>", "</LoadBalancerProbes>") == (
            "<LoadBalancerProbes>\n"
            '<LoadBalancerProbe name="alive" protocol="tcp" />\n'
            '<LoadBalancerProbe name="Up" protocol="http" port="81" path="/up?a=1&amp;b" intervalInSeconds="5"'
            ' timeoutInSeconds="11" />\n'
            "</LoadBalancerProbes>"
        )

    def test_endpoints_stand_by_kind_and_name_with_every_port(self) -> None:
        mixed = worker(endpoints=(EACH, SOME, INNER, FREE, ADMIN, HTTP))
        assert inside(packaged_csdef(service(mixed)), "<Endpoints>", "</Endpoints>") == (
            "<Endpoints>\n"
            '<InputEndpoint name="Admin" protocol="tcp" port="90" localPort="*"'
            ' ignoreRoleInstanceStatus="true" />\n'
            '<InputEndpoint name="Http" protocol="http" port="80" localPort="80" loadBalancerProbe="Up"'
            ' idleTimeoutInMinutes="4" />\n'
            '<InternalEndpoint name="Free" protocol="any" />\n'
            '<InternalEndpoint name="inner" protocol="http">\n'
            '<FixedPortRange min="8080" max="8080" />\n'
            "</InternalEndpoint>\n"
            '<InternalEndpoint name="Some" protocol="tcp">\n'
            '<FixedPortRange min="9000" max="9010" />\n'
            '<FixedPortRange min="9100" max="9100" />\n'
            "</InternalEndpoint>\n"
            '<InstanceInputEndpoint name="Each" localPort="22" protocol="tcp" idleTimeoutInMinutes="30">\n'
            "<AllocatePublicPortFrom>\n"
            '<FixedPortRange min="10100" max="10119" />\n'
            "</AllocatePublicPortFrom>\n"
            "</InstanceInputEndpoint>\n"
            "</Endpoints>"
        )

    def test_certificates_are_sorted_and_who_may_read_them_stands_in_the_manifest(self) -> None:
        assert inside(packaged_csdef(FULL), "<Certificates>", "</Certificates>") == (
            "<Certificates>\n"
            '<Certificate name="Ca" storeLocation="LocalMachine" storeName="CA" />\n'
            '<Certificate name="Ssl" storeLocation="LocalMachine" storeName="My" />\n'
            "</Certificates>"
        )
        assert inside(runtime_setup(WEB), "<RuntimeSetup>", "</RuntimeSetup>") == (
            "<RuntimeSetup>\n"
            '<Operation type="Path" path="base\\x64" />\n'
            '<Operation type="Path" path="base\\x86" />\n'
            "<PermissionLevels>\n"
            '<StoredCert name="Stored0Ca" permissionLevel="elevated" />\n'
            "</PermissionLevels>\n"
            "<AdditionalRoleIdentities>\n"
            '<Identity username="NetworkService" domain="NT AUTHORITY" />\n'
            "</AdditionalRoleIdentities>\n"
            "</RuntimeSetup>"
        )
        assert b"PermissionLevels" not in runtime_setup(web(certificates=(SSL,)))

    def test_no_thumbprint_and_no_network_is_in_a_package(self) -> None:
        for document in (
            packaged_csdef(FULL),
            resource_definition(FULL),
            role_model(WEB),
            runtime_setup(WEB),
        ):
            for secret in (PRINT, OTHER, "env:", '"front"', "10.0.0.4"):
                assert secret.encode() not in document


class TestResources:
    def test_each_kind_of_endpoint_has_its_channel_sorted_by_its_whole_name(self) -> None:
        assert inside(resource_definition(FULL), "<channels>", "</channels>").replace(
            "</toPorts>\n", ""
        ).replace("<toPorts>\n", "") == (
            "<channels>\n"
            '<sFSwitchChannel name="IE:Web:Each">\n'
            '<inPortMoniker name="/Svc/SvcGroup/Web/Each" />\n</sFSwitchChannel>\n'
            '<lBChannel name="LB:Web:Http">\n'
            '<inPortMoniker name="/Svc/SvcGroup/Web/Http" />\n</lBChannel>\n'
            '<lBChannel name="LB:Web:Https">\n'
            '<inPortMoniker name="/Svc/SvcGroup/Web/Https" />\n</lBChannel>\n'
            '<lBChannel name="LB:Worker:Admin">\n'
            '<inPortMoniker name="/Svc/SvcGroup/Worker/Admin" />\n</lBChannel>\n'
            '<sFSwitchChannel name="SW:Web:inner">\n'
            '<inPortMoniker name="/Svc/SvcGroup/Web/inner" />\n</sFSwitchChannel>\n'
            '<sFSwitchChannel name="SW:Worker:Free">\n'
            '<inPortMoniker name="/Svc/SvcGroup/Worker/Free" />\n</sFSwitchChannel>\n'
            '<sFSwitchChannel name="SW:Worker:Some">\n'
            '<inPortMoniker name="/Svc/SvcGroup/Worker/Some" />\n</sFSwitchChannel>\n'
            "</channels>"
        )

    def test_a_role_listens_on_input_and_internal_ports_and_reaches_every_internal_one(self) -> None:
        document = resource_definition(FULL)
        worker_role = document[document.index(b'<role name="Worker"') :]
        out = "".join(
            f'<outPort name="{name}" protocol="{protocol}">\n<outToChannel>\n'
            f'<sFSwitchChannelMoniker name="/Svc/SvcGroup/SW:{name}" />\n</outToChannel>\n</outPort>\n'
            for name, protocol in (("Web:inner", "http"), ("Worker:Free", "any"), ("Worker:Some", "tcp"))
        )
        assert inside(worker_role, "<componentports>", "</componentports>") == (
            "<componentports>\n"
            '<inPort name="Admin" protocol="tcp" />\n'
            '<inPort name="Free" protocol="any" />\n'
            '<inPort name="Some" protocol="tcp" portRanges="9000-9010,9100" />\n'
            f"{out}</componentports>"
        )

    def test_a_role_without_endpoints_reaches_the_internal_ones_of_the_others(self) -> None:
        document = resource_definition(service(worker("A"), worker("B", endpoints=(INNER,))))
        role = document[document.index(b'<role name="A"') : document.index(b'<role name="B"')]
        assert b'<outPort name="B:inner" protocol="http">' in role
        assert b"<inPort " not in role

    def test_without_input_endpoints_nothing_leads_in_from_outside(self) -> None:
        only = service(worker(endpoints=(INNER, EACH)))
        root = ET.fromstring(resource_definition(only))
        tags = {each.tag.rpartition("}")[2] for each in root.iter()}
        assert "channels" in tags
        assert tags.isdisjoint({"implements", "lBChannel"})
        [group] = root[0]
        assert "componentports" not in {each.tag.rpartition("}")[2] for each in group}
        assert b"<interface " not in service_contract(only)

    def test_every_role_knows_endpoints_of_every_kind(self) -> None:
        for name in ("Each", "Http", "Https", "inner", "Admin", "Free", "Some"):
            assert resource_definition(FULL).count(f"&lt;e name=&quot;{name}&quot; /&gt;".encode()) == 2

    def test_the_contract_has_input_endpoints_alone(self) -> None:
        root = ET.fromstring(service_contract(FULL))
        assert [each.get("url") for each in root[0]] == ["http://*:80", "https://*:443", "tcp://*:90"]


class TestConfiguration:
    def test_the_network_stands_after_the_roles_in_the_order_of_the_schema(self) -> None:
        document = service_configuration(FULL, "Cloud", ENV)
        root = ET.fromstring(document)
        assert [each.tag.rpartition("}")[2] for each in root] == ["Role", "Role", "NetworkConfiguration"]
        assert inside(document, "<NetworkConfiguration>", "</NetworkConfiguration>") == (
            "<NetworkConfiguration>\n"
            "<Dns>\n<DnsServers>\n"
            '<DnsServer name="inner" IPAddress="10.0.0.4" />\n'
            "</DnsServers>\n</Dns>\n"
            '<VirtualNetworkSite name="live" />\n'
            "<AddressAssignments>\n"
            '<InstanceAddress roleName="Web">\n<Subnets>\n<Subnet name="front" />\n</Subnets>\n</InstanceAddress>\n'
            '<InstanceAddress roleName="Worker">\n<Subnets>\n<Subnet name="back" />\n</Subnets>\n'
            "</InstanceAddress>\n"
            '<ReservedIPs>\n<ReservedIP name="ip" />\n</ReservedIPs>\n'
            "</AddressAssignments>\n"
            "</NetworkConfiguration>"
        )

    def test_a_configuration_may_be_in_another_network(self) -> None:
        document = service_configuration(FULL, "Test", ENV)
        assert b"DnsServer" not in document
        assert b'<VirtualNetworkSite name="test" />' in document
        assert document.count(b'<Subnet name="live" />') == document.count(b'<Subnet name="b" />') == 1
        assert b'<Subnet name="front" />' not in document
        assert b'<ReservedIP name="ip" />' in document

    def test_every_configuration_has_every_thumbprint_in_upper_case(self) -> None:
        def prints(name: str) -> list[str]:
            element = ET.fromstring(service_configuration(FULL, name, ENV))
            found = [each.attrib for each in element.iter() if each.tag.endswith("}Certificate")]
            assert {each["thumbprintAlgorithm"] for each in found} == {"sha1"}
            return [f"{each['name']} {each['thumbprint']}" for each in found]

        assert prints("Cloud") == prints("Local") == [f"Ssl {OTHER.upper()}", f"Ca {PRINT}"]
        assert prints("Test") == [f"Ssl {OTHER.upper()}", f"Ca {PRINT}"]

    def test_a_service_without_network_says_nothing_of_one(self) -> None:
        assert b"NetworkConfiguration" not in service_configuration(service(worker()), "Cloud", {})

    def test_a_thumbprint_that_is_not_set_is_a_fault(self) -> None:
        with pytest.raises(ProjectError, match="PRINT"):
            service_configuration(FULL, "Cloud", {"VNET": "v"})


class TestNotes:
    def test_a_service_in_a_network_of_a_listed_size_needs_no_note(self) -> None:
        assert list(deployment_notes(FULL)) == []

    def test_a_service_without_network_is_told_that_it_cannot_be_deployed(self) -> None:
        assert list(deployment_notes(service(worker()))) == [
            "The .cscfg files name no virtual network, without which extended support deploys nothing: set "
            "network.virtual-network, and subnets in each role"
        ]

    @pytest.mark.parametrize("size", ["Standard_B2ms", "Standard_D2s_v5", "Standard_A1"])
    def test_a_size_of_another_family_is_named(self, size: str) -> None:
        changed = dataclasses.replace(FULL, roles=(web(vm_size=size),))
        assert list(deployment_notes(changed)) == [
            f"Web: {size} is in no family of sizes that extended support is known to have"
        ]

    @pytest.mark.parametrize(
        "size",
        [
            "Standard_A8m_v2",
            "Standard_D1",
            "Standard_D1_v2",
            "Standard_D2_v3",
            "Standard_E64i_v3",
            "Standard_D2a_v4",
        ],
    )
    def test_sizes_that_azure_lists(self, size: str) -> None:
        assert list(deployment_notes(dataclasses.replace(FULL, roles=(web(vm_size=size),)))) == []

    def test_a_role_behind_a_module_that_no_guest_has_must_install_it(self) -> None:
        bare, installing = (
            web(server="httpplatform", startup_tasks=tasks)
            for tasks in ((), (StartupTask(command=r"bin\module.cmd", elevated=True),))
        )
        assert list(deployment_notes(dataclasses.replace(FULL, roles=(bare, installing)))) == [
            "Web: no guest of Azure has the module HttpPlatformHandler: ship its installer with the role, and run it "
            "in an elevated startup task"
        ]

    def test_a_size_of_one_configuration_is_not_written_anywhere_and_that_is_said(self) -> None:
        role = web(
            configurations=(
                Configuration(name="Test", vm_size="Standard_D2_v3"),
                Configuration(name="Same", vm_size="Standard_A1_v2"),
            )
        )
        assert list(deployment_notes(dataclasses.replace(FULL, roles=(role,)))) == [
            "Web: Standard_D2_v3 of Test is not in the .cscfg, which has no place for it: deploy with "
            "allowModelOverride and name the size there"
        ]
