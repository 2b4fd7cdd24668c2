"""The .csdef that a user keeps, and the expanded one of a package."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from hatch_cloudrole.errors import ProjectError
from hatch_cloudrole.service.definition import packaged_csdef, source_csdef
from hatch_cloudrole.settings.model import Certificate, Endpoint, LocalStorage, Role, Service, StartupTask
from hatch_cloudrole.target import Target

NS = "{http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition}"
TARGET = Target("3.13.5", "win_amd64")
HTTP = Endpoint(name="Http", protocol="http", port=80)
HTTPS = Endpoint(name="Https", protocol="https", port=443, local_port=8443, certificate="Ssl")
SSL = Certificate(name="Ssl", thumbprint="AB" * 20)
API = Certificate(
    name="Api",
    thumbprint="CD" * 20,
    store_location="CurrentUser",
    store_name="CA",
    permission_level="elevated",
)
TCP = Endpoint(name="Feed", protocol="tcp", port=9000)


def web(name: str = "Web", **changes: Any) -> Role:
    fields: dict[str, Any] = {"server": "fastcgi", "wsgi_handler": "app:app", "endpoints": (HTTP,)}
    return Role(name=name, type="web", target=TARGET, **{**fields, **changes})


def worker(name: str = "Worker", **changes: Any) -> Role:
    return Role(name=name, type="worker", target=TARGET, **{"startup_file": "worker.py", **changes})


def service(*roles: Role, name: str = "Contoso") -> Service:
    return Service(name=name, version="1.0", roles=roles)


def source(*roles: Role) -> ET.Element:
    return ET.fromstring(source_csdef(service(*roles)))


def expanded(*roles: Role) -> ET.Element:
    return ET.fromstring(packaged_csdef(service(*roles)))


def tags(element: ET.Element) -> list[str]:
    return [each.tag.removeprefix(NS) for each in element]


def items(root: ET.Element, path: str) -> list[dict[str, str]]:
    """The attributes of each element at `path`, which is written without namespaces."""
    return [each.attrib for each in root.findall("/".join(NS + step for step in path.split("/")))]


class TestSource:
    def test_a_worker_is_this_document(self) -> None:
        role = worker(
            environment=(("LOG_LEVEL", "info"),),
            settings=(("Mode", "live"),),
            local_storage=(LocalStorage(name="Cache", size_mb=1024),),
            endpoints=(TCP,),
        )

        assert source_csdef(service(role)).decode("utf-8-sig") == (
            '<?xml version="1.0" encoding="utf-8"?>\n'
            '<ServiceDefinition name="Contoso"'
            ' xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition"'
            ' schemaVersion="2015-04.2.6">\n'
            '  <WorkerRole name="Worker" vmsize="Standard_A1_v2">\n'
            "    <Startup>\n"
            '      <Task commandLine="bin\\ps.cmd ConfigureCloudService.ps1" executionContext="elevated"'
            ' taskType="simple">\n'
            "        <Environment>\n"
            '          <Variable name="EMULATED">\n'
            '            <RoleInstanceValue xpath="/RoleEnvironment/Deployment/@emulated" />\n'
            "          </Variable>\n"
            '          <Variable name="LOG_LEVEL" value="info" />\n'
            "        </Environment>\n"
            "      </Task>\n"
            "    </Startup>\n"
            "    <Runtime>\n"
            "      <Environment>\n"
            '        <Variable name="EMULATED">\n'
            '          <RoleInstanceValue xpath="/RoleEnvironment/Deployment/@emulated" />\n'
            "        </Variable>\n"
            '        <Variable name="LOG_LEVEL" value="info" />\n'
            "      </Environment>\n"
            "      <EntryPoint>\n"
            '        <ProgramEntryPoint commandLine="bin\\ps.cmd LaunchWorker.ps1"'
            ' setReadyOnProcessStart="true" />\n'
            "      </EntryPoint>\n"
            "    </Runtime>\n"
            "    <ConfigurationSettings>\n"
            '      <Setting name="Mode" />\n'
            "    </ConfigurationSettings>\n"
            "    <Endpoints>\n"
            '      <InputEndpoint name="Feed" protocol="tcp" port="9000" />\n'
            "    </Endpoints>\n"
            "    <LocalResources>\n"
            '      <LocalStorage name="Cache" sizeInMB="1024" cleanOnRoleRecycle="true" />\n'
            "    </LocalResources>\n"
            "  </WorkerRole>\n"
            "</ServiceDefinition>"
        )

    def test_roles_stand_in_the_users_order(self) -> None:
        root = source(worker("B"), web("Z"), worker("A"))

        assert [(each.tag.removeprefix(NS), each.get("name")) for each in root] == [
            ("WorkerRole", "B"),
            ("WebRole", "Z"),
            ("WorkerRole", "A"),
        ]

    def test_a_web_role_has_one_site_bound_to_its_http_and_https_endpoints_only(self) -> None:
        root = source(web(endpoints=(HTTPS, TCP, HTTP)))

        assert items(root, "WebRole/Sites/Site") == [{"name": "Web"}]
        assert items(root, "WebRole/Sites/Site/Bindings/Binding") == [
            {"name": "Https", "endpointName": "Https"},
            {"name": "Http", "endpointName": "Http"},
        ]

    def test_a_web_role_without_environment_has_no_runtime(self) -> None:
        assert "Runtime" not in tags(source(web())[0])

    def test_the_environment_of_a_web_role_stands_in_its_runtime_without_an_entry_point(self) -> None:
        root = source(web(environment=(("A", "1"),)))

        assert [each["name"] for each in items(root, "WebRole/Runtime/Environment/Variable")] == [
            "EMULATED",
            "A",
        ]
        assert items(root, "WebRole/Runtime/EntryPoint") == []

    def test_a_direct_web_role_is_a_worker_with_its_endpoints(self) -> None:
        root = source(web(server="direct", endpoints=(HTTP, HTTPS)))

        assert tags(root) == ["WorkerRole"]
        assert items(root, "WorkerRole/Sites") == []
        assert [each["name"] for each in items(root, "WorkerRole/Endpoints/InputEndpoint")] == [
            "Http",
            "Https",
        ]
        assert items(root, "WorkerRole/Runtime/EntryPoint/ProgramEntryPoint") == [
            {"commandLine": r"bin\ps.cmd LaunchWorker.ps1", "setReadyOnProcessStart": "true"}
        ]

    def test_an_endpoint_says_what_the_user_said(self) -> None:
        assert items(source(web(endpoints=(HTTP, HTTPS))), "WebRole/Endpoints/InputEndpoint") == [
            {"name": "Http", "protocol": "http", "port": "80"},
            {
                "name": "Https",
                "protocol": "https",
                "port": "443",
                "certificate": "Ssl",
                "localPort": "8443",
            },
        ]

    def test_certificates_are_declared_in_the_users_order_without_their_thumbprints(self) -> None:
        root = source(web(endpoints=(HTTPS,), certificates=(SSL, API)))

        names = ("name", "storeLocation", "storeName", "permissionLevel")
        assert items(root, "WebRole/Certificates/Certificate") == [
            dict(zip(names, ("Ssl", "LocalMachine", "My", "limitedOrElevated"), strict=True)),
            dict(zip(names, ("Api", "CurrentUser", "CA", "elevated"), strict=True)),
        ]

    def test_settings_are_names_alone_in_the_users_order(self) -> None:
        root = source(worker(settings=(("b", "secret"), ("a", "{env:X}"))))

        assert items(root, "WorkerRole/ConfigurationSettings/Setting") == [{"name": "b"}, {"name": "a"}]

    def test_the_vm_size_is_written_even_when_it_is_the_formats_default(self) -> None:
        assert source(worker(vm_size="Small"))[0].get("vmsize") == "Small"

    def test_local_storage_is_written_in_full_and_nothing_is_added(self) -> None:
        storage = (LocalStorage(name="Cache", size_mb=1000, clean_on_recycle=False),)

        assert items(source(worker(local_storage=storage)), "WorkerRole/LocalResources/LocalStorage") == [
            {"name": "Cache", "sizeInMB": "1000", "cleanOnRoleRecycle": "false"}
        ]

    def test_what_a_role_does_not_have_is_absent(self) -> None:
        assert tags(source(worker())[0]) == ["Startup", "Runtime"]

    def test_commands_that_are_too_long_are_all_reported_with_their_keys(self) -> None:
        # 254 characters are legal, and too many only with what a web role needs in front.
        long = StartupTask(command=rf"bin\{'x' * 246}.cmd")
        roles = (
            web(startup_tasks=(StartupTask(command="a.cmd"), long)),
            worker("Big", startup_file="y" * 300),
        )

        with pytest.raises(ProjectError) as caught:
            source_csdef(service(*roles), {"Big": frozenset({"LaunchWorker.ps1"})})

        assert [fault.where for fault in caught.value.faults] == [
            "tool.hatch.build.targets.cloudrole.roles.Web.startup-tasks[1].command",
            "tool.hatch.build.targets.cloudrole.roles.Big.startup-file",
        ]
        assert "257" in caught.value.faults[0].what

    def test_the_longest_command_is_accepted(self) -> None:
        task = StartupTask(command=rf"bin\{'x' * 245}.cmd")

        root = source(web(startup_tasks=(task,)))

        assert len(items(root, "WebRole/Startup/Task")[1]["commandLine"]) == 256


class TestPackaged:
    def test_a_service_is_this_document(self) -> None:
        roles = (
            worker(vm_size="Small"),
            web(endpoints=(HTTPS, HTTP), certificates=(SSL,), settings=(("b", "1"), ("A", "2"))),
        )

        assert packaged_csdef(service(*roles)).decode("utf-8-sig") == (
            '<?xml version="1.0" encoding="utf-8"?>\n'
            '<ServiceDefinition xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
            ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" name="Contoso" schemaVersion="2015-04.2.6"'
            ' xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition">\n'
            '  <WebRole name="Web" vmsize="Standard_A1_v2">\n'
            "    <LocalResources>\n"
            '      <LocalStorage name="DiagnosticStore" sizeInMB="4096" cleanOnRoleRecycle="false" />\n'
            "    </LocalResources>\n"
            "    <ConfigurationSettings>\n"
            '      <Setting name="A" />\n'
            '      <Setting name="b" />\n'
            "    </ConfigurationSettings>\n"
            "    <Endpoints>\n"
            '      <InputEndpoint name="Http" protocol="http" port="80" localPort="80" />\n'
            '      <InputEndpoint name="Https" protocol="https" port="443" certificate="Ssl"'
            ' localPort="8443" />\n'
            "    </Endpoints>\n"
            "    <Certificates>\n"
            '      <Certificate name="Ssl" storeLocation="LocalMachine" storeName="My" />\n'
            "    </Certificates>\n"
            "  </WebRole>\n"
            '  <WorkerRole name="Worker">\n'
            "    <LocalResources>\n"
            '      <LocalStorage name="DiagnosticStore" sizeInMB="4096" cleanOnRoleRecycle="false" />\n'
            "    </LocalResources>\n"
            "    <ConfigurationSettings />\n"
            "    <Endpoints />\n"
            "    <Certificates />\n"
            "  </WorkerRole>\n"
            "</ServiceDefinition>"
        )

    def test_web_roles_come_first_and_each_kind_is_sorted_by_name(self) -> None:
        root = expanded(worker("b"), web("Z"), worker("A"), web("y"), web("D", server="direct"))

        assert [(each.tag.removeprefix(NS), each.get("name")) for each in root] == [
            ("WebRole", "y"),
            ("WebRole", "Z"),
            ("WorkerRole", "A"),
            ("WorkerRole", "b"),
            ("WorkerRole", "D"),
        ]

    def test_names_are_sorted_without_regard_to_case(self) -> None:
        names = ("Sql", "realm", "Blob", "serviceKey")

        root = expanded(worker(settings=tuple((name, "") for name in names)))

        assert [each["name"] for each in items(root, "WorkerRole/ConfigurationSettings/Setting")] == [
            "Blob",
            "realm",
            "serviceKey",
            "Sql",
        ]

    @pytest.mark.parametrize(
        ("size", "clean", "attributes"),
        [
            (1000, True, {}),
            (1000, False, {"cleanOnRoleRecycle": "false"}),
            (1024, True, {"sizeInMB": "1024"}),
            (1, False, {"sizeInMB": "1", "cleanOnRoleRecycle": "false"}),
        ],
    )
    def test_local_storage_is_written_without_its_defaults(
        self, size: int, clean: bool, attributes: dict[str, str]
    ) -> None:
        storage = (LocalStorage(name="Cache", size_mb=size, clean_on_recycle=clean),)

        found = items(expanded(worker(local_storage=storage)), "WorkerRole/LocalResources/LocalStorage")

        assert found[0] == {"name": "Cache", **attributes}
        assert [each["name"] for each in found] == ["Cache", "DiagnosticStore"]

    @pytest.mark.parametrize("name", ["DiagnosticStore", "diagnosticstore"])
    def test_a_diagnostic_store_of_the_users_own_keeps_its_size(self, name: str) -> None:
        storage = (LocalStorage(name=name, size_mb=20000, clean_on_recycle=False),)

        assert items(expanded(worker(local_storage=storage)), "WorkerRole/LocalResources/LocalStorage") == [
            {"name": name, "sizeInMB": "20000", "cleanOnRoleRecycle": "false"}
        ]

    @pytest.mark.parametrize(
        ("size", "written"), [("Small", None), ("Medium", "Medium"), ("Standard_A1_v2", "Standard_A1_v2")]
    )
    def test_only_the_default_vm_size_is_left_out(self, size: str, written: str | None) -> None:
        assert expanded(worker(vm_size=size))[0].get("vmsize") == written

    def test_what_runs_is_not_in_it(self) -> None:
        assert tags(expanded(web(environment=(("A", "1"),)))[0]) == [
            "LocalResources",
            "ConfigurationSettings",
            "Endpoints",
            "Certificates",
        ]
