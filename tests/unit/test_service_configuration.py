"""The service configurations: one .cscfg for each name."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from hatch_cloudrole.errors import ProjectError
from hatch_cloudrole.service.configuration import service_configuration
from hatch_cloudrole.settings.model import Configuration, Role, Service
from hatch_cloudrole.target import Target

NS = "{http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration}"


def worker(name: str = "Worker", **changes: Any) -> Role:
    return Role(
        name=name, type="worker", target=Target("3.13.5", "win_amd64"), startup_file="w.py", **changes
    )


def configured(*roles: Role, name: str = "Cloud", env: dict[str, str] | None = None) -> ET.Element:
    return ET.fromstring(
        service_configuration(Service(name="Contoso", version="1", roles=roles), name, env or {})
    )


def settings(root: ET.Element) -> list[tuple[str | None, str | None]]:
    found = root.findall(f"{NS}Role/{NS}ConfigurationSettings/{NS}Setting")
    return [(each.get("name"), each.get("value")) for each in found]


def counts(root: ET.Element) -> list[tuple[str | None, str]]:
    return [(role.get("name"), role[0].attrib["count"]) for role in root]


def test_a_service_is_this_document() -> None:
    service = Service(
        name="Contoso",
        version="1",
        os_family=6,
        roles=(worker(instances=2, settings=(("Mode", "live"),)), worker("Other")),
    )

    assert service_configuration(service, "Cloud", {}).decode("utf-8-sig") == (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<ServiceConfiguration serviceName="Contoso"'
        ' xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration"'
        ' osFamily="6" osVersion="*" schemaVersion="2015-04.2.6">\n'
        '  <Role name="Worker">\n'
        '    <Instances count="2" />\n'
        "    <ConfigurationSettings>\n"
        '      <Setting name="Mode" value="live" />\n'
        "    </ConfigurationSettings>\n"
        "  </Role>\n"
        '  <Role name="Other">\n'
        '    <Instances count="1" />\n'
        "  </Role>\n"
        "</ServiceConfiguration>"
    )


def test_a_configuration_replaces_only_what_it_says_and_only_under_its_own_name() -> None:
    role = worker(
        instances=4,
        settings=(("Mode", "live"), ("Region", "north")),
        configurations=(
            Configuration(name="Staging", instances=1, settings=(("Region", "test"),)),
            Configuration(name="Local", settings=(("Mode", ""),)),
        ),
    )

    staging, local, cloud = (configured(role, name=name) for name in ("Staging", "Local", "Cloud"))

    assert (counts(staging), settings(staging)) == (
        [("Worker", "1")],
        [("Mode", "live"), ("Region", "test")],
    )
    assert (counts(local), settings(local)) == ([("Worker", "4")], [("Mode", ""), ("Region", "north")])
    assert (counts(cloud), settings(cloud)) == ([("Worker", "4")], [("Mode", "live"), ("Region", "north")])


def test_a_role_without_the_configuration_of_another_keeps_its_values() -> None:
    configurations = (Configuration(name="Staging", instances=9),)

    root = configured(worker("A", configurations=configurations), worker("B", instances=3), name="Staging")

    assert counts(root) == [("A", "9"), ("B", "3")]


def test_settings_and_roles_stand_in_the_users_order() -> None:
    root = configured(worker("B", settings=(("z", "1"), ("a", "2"))), worker("A"))

    assert [name for name, _ in settings(root)] == ["z", "a"]
    assert [name for name, _ in counts(root)] == ["B", "A"]


def test_fields_are_filled_from_the_environment_in_the_value_that_counts() -> None:
    role = worker(
        settings=(("Conn", "{env:LIVE}"), ("Key", "{env:KEY:none}")),
        configurations=(Configuration(name="Local", settings=(("Conn", "{env:TEST}"),)),),
    )

    assert settings(configured(role, env={"LIVE": "live"})) == [("Conn", "live"), ("Key", "none")]
    # The variable of the value that was replaced is not asked for.
    assert settings(configured(role, name="Local", env={"TEST": "t", "KEY": "k"})) == [
        ("Conn", "t"),
        ("Key", "k"),
    ]


def test_a_field_that_cannot_be_filled_is_a_fault() -> None:
    with pytest.raises(ProjectError, match="CLOUDROLE_UNSET"):
        configured(worker(settings=(("Conn", "{env:CLOUDROLE_UNSET}"),)))


def test_a_hostile_value_of_the_environment_reads_back_exactly() -> None:
    value = "Endpoint=sb://x/;Key=\"<a&b>'\r\n\t\u00e9\U0001f40d ]]> -->"

    root = configured(worker(settings=(("Conn", "{env:C}"),)), env={"C": value})

    assert settings(root) == [("Conn", value)]


def test_a_value_of_the_environment_that_xml_cannot_hold_is_named_and_not_shown() -> None:
    with pytest.raises(ProjectError) as caught:
        configured(worker(settings=(("Conn", "{env:C}"),)), env={"C": "s3cret\udcff"})

    assert "Role[Worker]/ConfigurationSettings/Setting[Conn]" in str(caught.value)
    assert "s3cret" not in str(caught.value)
