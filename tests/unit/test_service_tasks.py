"""Commands and variables of startup tasks and of a worker's program, and RoleModel.xml, which has them all."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from hatch_cloudrole.service.definition import source_csdef
from hatch_cloudrole.service.role_model import role_model, runtime_setup
from hatch_cloudrole.service.tasks import program_command, site_command, startup_tasks
from hatch_cloudrole.settings.model import Endpoint, Role, Service, StartupTask
from hatch_cloudrole.target import Target

NS = "{http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition}"
TARGET = Target("3.13.5", "win_amd64")
ENDPOINTS = (
    Endpoint(name="Http", protocol="http", port=80),
    Endpoint(name="Raw", protocol="udp", port=53),
    Endpoint(name="Https", protocol="https", port=443, certificate="Ssl"),
)
OWN_LAUNCHER = {"Worker": frozenset({"LaunchWorker.ps1"})}


def web(**changes: Any) -> Role:
    fields: dict[str, Any] = {"server": "fastcgi", "wsgi_handler": "app:app", "endpoints": ENDPOINTS}
    return Role(name="Web", type="web", target=TARGET, **{**fields, **changes})


def worker(**changes: Any) -> Role:
    return Role(name="Worker", type="worker", target=TARGET, **{"startup_file": "worker.py", **changes})


def model(role: Role, **own: frozenset[str]) -> ET.Element:
    return ET.fromstring(role_model(role, own))


def found(root: ET.Element, path: str) -> list[ET.Element]:
    return root.findall("/".join(NS + step for step in path.split("/")))


def variables(parent: ET.Element) -> list[tuple[str | None, str | None]]:
    return [(each.get("name"), each.get("value")) for each in found(parent, "Environment/Variable")]


class TestSiteCommand:
    @pytest.mark.parametrize(
        ("command", "adapted"),
        [
            (r"bin\install.cmd", r"..\bin\install.cmd"),
            ("bin/install.cmd /q", r"..\bin/install.cmd /q"),
            ("install.cmd > log.txt", r"..\install.cmd > log.txt"),
            ("INSTALL.BAT", r"..\INSTALL.BAT"),
            (r".\setup.exe /s", r"..\.\setup.exe /s"),
            (r"..\outside.cmd", r"..\..\outside.cmd"),
            (r'"my tools\x.cmd" "a b"', r'"..\my tools\x.cmd" "a b"'),
        ],
    )
    def test_a_file_of_the_role_is_reached_from_the_bin_folder(self, command: str, adapted: str) -> None:
        assert site_command(command) == adapted

    @pytest.mark.parametrize(
        "command",
        [
            r"msiexec /i bin\odbc.msi",
            "setup.exe",
            'cmd /c "cd .. && x.cmd"',
            r"C:\tools\x.cmd",
            r'"C:\Program Files\x.cmd" a',
            r"\\server\share\x.cmd",
            r"%windir%\system32\x.cmd",
            "",
        ],
    )
    def test_a_program_of_windows_and_an_absolute_path_stay(self, command: str) -> None:
        assert site_command(command) == command


class TestStartupTasks:
    def test_ours_comes_first_elevated_and_simple_from_where_the_kind_of_role_starts_tasks(self) -> None:
        task = StartupTask(command=r"bin\x.cmd", type="background")

        in_site = startup_tasks(web(startup_tasks=(task,)))
        in_worker = startup_tasks(worker(startup_tasks=(task,)))

        assert [(each.command, each.elevated, each.type) for each in in_site] == [
            ("ps.cmd ConfigureCloudService.ps1", True, "simple"),
            (r"..\bin\x.cmd", False, "background"),
        ]
        assert [each.command for each in in_worker] == [
            r"bin\ps.cmd ConfigureCloudService.ps1",
            r"bin\x.cmd",
        ]

    def test_a_direct_web_role_starts_its_tasks_as_a_worker_does(self) -> None:
        role = web(server="direct", startup_tasks=(StartupTask(command=r"bin\x.cmd"),))

        assert [each.command for each in startup_tasks(role)] == [
            r"bin\ps.cmd ConfigureCloudService.ps1",
            r"bin\x.cmd",
        ]

    def test_a_task_sees_the_roles_variables_then_its_own_which_win_whatever_their_case(self) -> None:
        task = StartupTask(command="x.cmd", environment=(("mode", "task"), ("Own", "1")))
        role = worker(environment=(("MODE", "role"), ("LOG", "info")), startup_tasks=(task,))

        ours, theirs = startup_tasks(role)

        assert ours.environment == (("MODE", "role"), ("LOG", "info"))
        assert theirs.environment == (("mode", "task"), ("LOG", "info"), ("Own", "1"))


class TestProgram:
    def test_our_launcher_needs_no_arguments(self) -> None:
        assert program_command(worker()) == r"bin\ps.cmd LaunchWorker.ps1"

    @pytest.mark.parametrize(
        ("fields", "arguments"),
        [
            ({"startup_file": "worker.py"}, "worker.py"),
            ({"startup_file": "src/my-worker.py"}, r"src\my-worker.py"),
            ({"startup_file": "my worker & co.py"}, '"my worker & co.py"'),
            ({"startup_file": "caf\u00e9.py"}, '"caf\u00e9.py"'),
            ({"startup_file": "", "startup_module": "orders.worker"}, "-m orders.worker"),
        ],
    )
    def test_a_launcher_of_the_projects_own_is_told_what_to_run(
        self, fields: dict[str, str], arguments: str
    ) -> None:
        assert program_command(worker(**fields), OWN_LAUNCHER) == rf"bin\ps.cmd LaunchWorker.ps1 {arguments}"

    def test_the_launcher_of_another_role_or_another_script_changes_nothing(self) -> None:
        for own in ({"Other": frozenset({"LaunchWorker.ps1"})}, {"Worker": frozenset({"ps.cmd"})}):
            assert program_command(worker(), own) == r"bin\ps.cmd LaunchWorker.ps1"

    def test_windows_does_not_care_about_the_case_of_a_script(self) -> None:
        own = {"Worker": frozenset({"launchworker.ps1"})}

        assert program_command(worker(), own).endswith(" worker.py")

    def test_a_direct_web_role_has_nothing_to_tell_a_launcher(self) -> None:
        own = {"Web": frozenset({"LaunchWorker.ps1"})}

        assert program_command(web(server="direct"), own) == r"bin\ps.cmd LaunchWorker.ps1"

    def test_the_source_definition_says_the_same(self) -> None:
        root = ET.fromstring(
            source_csdef(Service(name="S", version="1", roles=(worker(),)), own_scripts=OWN_LAUNCHER)
        )

        [program] = found(root, "WorkerRole/Runtime/EntryPoint/ProgramEntryPoint")
        assert program.get("commandLine") == r"bin\ps.cmd LaunchWorker.ps1 worker.py"


class TestInterpreter:
    PATH = r"D:\Python 313\python.exe"

    def test_our_scripts_read_it_from_elsewhere(self) -> None:
        [task] = startup_tasks(worker(deployed_python_interpreter_path=self.PATH))

        assert task.environment == ()

    @pytest.mark.parametrize("script", ["ConfigureCloudService.ps1", "LaunchWorker.ps1"])
    def test_a_script_of_the_projects_own_finds_it_in_python(self, script: str) -> None:
        role = worker(deployed_python_interpreter_path=self.PATH)

        root = model(role, Worker=frozenset({script}))

        [task], [runtime] = found(root, "Startup/Task"), found(root, "Runtime")
        assert ("PYTHON", self.PATH) in variables(task)
        assert ("PYTHON", self.PATH) in variables(runtime)

    def test_the_users_own_variable_wins(self) -> None:
        role = worker(deployed_python_interpreter_path=self.PATH, environment=(("PYTHON", "mine"),))

        [task] = startup_tasks(role, OWN_LAUNCHER)

        assert task.environment == (("PYTHON", "mine"),)


class TestRoleModel:
    def test_a_worker_is_this_document(self) -> None:
        assert role_model(worker(environment=(("LOG", "info"),))).decode("utf-8-sig") == (
            '<?xml version="1.0" encoding="utf-8"?>\n'
            '<RoleModel xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
            ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" name="Worker" version="2.9.8699.20"'
            ' xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition">\n'
            "  <Startup>\n"
            '    <Task commandLine="bin\\ps.cmd ConfigureCloudService.ps1" executionContext="elevated"'
            ' relativePath="approot\\">\n'
            "      <Environment>\n"
            '        <Variable name="EMULATED">\n'
            '          <RoleInstanceValue xpath="/RoleEnvironment/Deployment/@emulated" />\n'
            "        </Variable>\n"
            '        <Variable name="LOG" value="info" />\n'
            "      </Environment>\n"
            "    </Task>\n"
            "  </Startup>\n"
            '  <Runtime protocolVersion="2011-03-08">\n'
            "    <Environment>\n"
            '      <Variable name="EMULATED">\n'
            '        <RoleInstanceValue xpath="/RoleEnvironment/Deployment/@emulated" />\n'
            "      </Variable>\n"
            '      <Variable name="LOG" value="info" />\n'
            "    </Environment>\n"
            "    <EntryPoint>\n"
            '      <ProgramEntryPoint commandLine="bin\\ps.cmd LaunchWorker.ps1"'
            ' setReadyOnProcessStart="true" />\n'
            "    </EntryPoint>\n"
            "  </Runtime>\n"
            "  <Properties>\n"
            '    <Property name="TargetFrameworkVersion" value="v4.0" />\n'
            '    <Property name="RoleType" value="Worker" />\n'
            '    <Property name="RoleName" value="Worker" />\n'
            '    <Property name="Configuration" value="Release" />\n'
            '    <Property name="TargetRuntimeVersion" value="v4.0" />\n'
            "  </Properties>\n"
            "</RoleModel>"
        )

    def test_a_site_lies_in_its_folder_and_is_bound_to_http_and_https(self) -> None:
        root = model(web())

        [site] = found(root, "Sites/Site")
        assert site.attrib == {"name": "Web", "physicalDirectory": r"sitesroot\0"}
        assert [each.attrib for each in found(root, "Sites/Site/Bindings/Binding")] == [
            {"name": "Http", "endpointName": "Http"},
            {"name": "Https", "endpointName": "Https"},
        ]

    def test_a_web_role_has_its_parts_in_this_order_and_no_program(self) -> None:
        root = model(web())

        assert [each.tag.removeprefix(NS) for each in root] == ["Startup", "Runtime", "Properties", "Sites"]
        [runtime] = found(root, "Runtime")
        assert (runtime.attrib, list(runtime)) == ({}, [])

    def test_the_environment_of_a_web_role_stands_in_its_runtime(self) -> None:
        [runtime] = found(model(web(environment=(("A", "1"),))), "Runtime")

        assert variables(runtime) == [("EMULATED", None), ("A", "1")]

    @pytest.mark.parametrize(
        ("server", "kind"), [("fastcgi", "Web"), ("httpplatform", "Web"), ("direct", "Worker")]
    )
    def test_a_role_is_of_type_web_when_iis_serves_it(self, server: str, kind: str) -> None:
        properties = {
            each.get("name"): each.get("value")
            for each in found(model(web(server=server)), "Properties/Property")
        }

        assert properties["RoleType"] == kind

    def test_tasks_say_where_they_start_and_leave_out_defaults(self) -> None:
        tasks = (
            StartupTask(command="a.cmd"),
            StartupTask(command="b.cmd", elevated=True, type="foreground"),
        )

        assert [each.attrib for each in found(model(web(startup_tasks=tasks)), "Startup/Task")[1:]] == [
            {"commandLine": r"..\a.cmd", "relativePath": r"approot\bin"},
            {
                "commandLine": r"..\b.cmd",
                "executionContext": "elevated",
                "taskType": "foreground",
                "relativePath": r"approot\bin",
            },
        ]
        assert found(model(worker(startup_tasks=tasks)), "Startup/Task")[1].attrib == {
            "commandLine": "a.cmd",
            "relativePath": "approot\\",
        }

    def test_a_variable_of_the_users_own_replaces_emulated(self) -> None:
        root = model(worker(environment=(("Emulated", "never"),)))

        assert variables(found(root, "Runtime")[0]) == [("Emulated", "never")]
        assert found(root, "Runtime/Environment/Variable/RoleInstanceValue") == []

    def test_hostile_commands_and_variables_read_back_exactly(self) -> None:
        command = "x.cmd \"<a & b>\" '\u00e9' ]]>"
        value = 'line 1\r\nline 2\t"<&>"'
        role = worker(
            startup_tasks=(StartupTask(command=command, environment=(("V", value),)),),
            environment=(("W", value),),
        )

        task = found(model(role), "Startup/Task")[1]

        assert task.get("commandLine") == command
        assert variables(task)[1:] == [("W", value), ("V", value)]

    @pytest.mark.parametrize("platform", ["manylinux_2_28_x86_64", "macosx_11_0_arm64"])
    def test_a_target_other_than_windows_changes_nothing(self, platform: str) -> None:
        foreign = Role(
            name="Worker", type="worker", target=Target("3.13.5", platform), startup_file="worker.py"
        )

        assert role_model(foreign) == role_model(worker())


class TestRuntimeSetup:
    def test_a_worker_has_the_folders_of_the_host_programs(self) -> None:
        assert runtime_setup(worker()).decode("utf-8-sig") == (
            '<?xml version="1.0" encoding="utf-8"?>\n'
            "<RuntimeSetup>\n"
            '  <Operation type="Path" path="base\\x64" />\n'
            '  <Operation type="Path" path="base\\x86" />\n'
            "</RuntimeSetup>"
        )

    @pytest.mark.parametrize(("server", "expected"), [("fastcgi", 1), ("direct", 0)])
    def test_a_site_adds_the_identity_of_iis(self, server: str, expected: int) -> None:
        root = ET.fromstring(runtime_setup(web(server=server)))

        identities = [each.attrib for each in root.findall("AdditionalRoleIdentities/Identity")]
        assert identities == [{"username": "NetworkService", "domain": "NT AUTHORITY"}] * expected
