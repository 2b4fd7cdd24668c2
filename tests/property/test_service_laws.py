"""Laws of the service documents, for any service that the settings can make."""

from __future__ import annotations

import dataclasses
import uuid
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from hatch_cloudrole.service import package_parts, role_parts, service_configuration, source_csdef
from hatch_cloudrole.service.tasks import site_command
from hatch_cloudrole.settings.model import Endpoint, LocalStorage, Role, Service, StartupTask
from hatch_cloudrole.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

DEFINITION = "{http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition}"
CONFIGURATION = "{http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceConfiguration}"
RDSM = "{http://schemas.microsoft.com/dsltools/RDSM}"

# The rules of the settings: names of roles are plain, other names are what the schema of .csdef takes.
UNWRITABLE = "".join(map(chr, {*range(32), 0xFFFE, 0xFFFF} - {9, 10, 13}))
role_names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,8}(\.[a-z])?", fullmatch=True)
model_names = st.from_regex(r"[A-Za-z_][A-Za-z0-9 _.&-]{0,8}[A-Za-z0-9_\u00e9]", fullmatch=True)
variable_names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=UNWRITABLE), max_size=20)
commands = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=UNWRITABLE), min_size=1, max_size=40
)
quick = settings(max_examples=30, deadline=None)


def unique(names: st.SearchStrategy[str], max_size: int = 4) -> st.SearchStrategy[list[str]]:
    return st.lists(names, max_size=max_size, unique_by=str.lower)


@st.composite
def environments(draw: st.DrawFn) -> tuple[tuple[str, str], ...]:
    return tuple((name, draw(values)) for name in draw(unique(variable_names)))


@st.composite
def endpoints(draw: st.DrawFn) -> tuple[Endpoint, ...]:
    made = []
    for name in draw(unique(model_names)):
        protocol = draw(st.sampled_from(["http", "https", "tcp", "udp"]))
        made.append(
            Endpoint(
                name=name,
                protocol=protocol,  # type: ignore[arg-type]
                port=draw(st.integers(1, 65535)),
                local_port=draw(st.none() | st.integers(1, 65535)),
                certificate=draw(model_names) if protocol == "https" else None,
            )
        )
    return tuple(made)


@st.composite
def roles(draw: st.DrawFn, name: str) -> Role:
    kind = draw(st.sampled_from(["web", "worker"]))
    return Role(
        name=name,
        type=kind,  # type: ignore[arg-type]
        target=Target("3.13.5", draw(st.sampled_from(["win_amd64", "manylinux_2_28_x86_64"]))),
        server=draw(st.sampled_from(["fastcgi", "httpplatform", "direct"])) if kind == "web" else None,
        startup_file="worker.py" if kind == "worker" else "",
        endpoints=draw(endpoints()),
        environment=draw(environments()),
        settings=tuple(
            (setting, draw(values).replace("{", "{{").replace("}", "}}"))
            for setting in draw(unique(model_names))
        ),
        instances=draw(st.integers(0, 1000)),
        local_storage=tuple(
            LocalStorage(name=each, size_mb=draw(st.integers(1, 10**6)), clean_on_recycle=draw(st.booleans()))
            for each in draw(unique(model_names))
        ),
        startup_tasks=tuple(
            StartupTask(command=command, elevated=draw(st.booleans()), environment=draw(environments()))
            for command in draw(st.lists(commands, max_size=2))
        ),
    )


@st.composite
def services(draw: st.DrawFn) -> Service:
    names = draw(st.lists(role_names, min_size=1, max_size=4, unique_by=str.lower))
    return Service(
        name=draw(role_names),
        version="1.0",
        roles=tuple(draw(roles(name)) for name in names),
        os_family=draw(st.integers(4, 8)),
    )


def plain(value: str) -> str:
    return value.replace("{{", "{").replace("}}", "}")


def documents(service: Service) -> Iterator[tuple[str, bytes]]:
    yield "csdef", source_csdef(service)
    for name in service.configuration_names:
        yield name, service_configuration(service, name, {})
    yield from package_parts(service).items()
    for role in service.roles:
        for name, data in role_parts(role).items():
            yield f"{role.name}/{name}", data


@quick
@given(services())
def test_every_document_is_well_formed_and_the_same_a_second_time(service: Service) -> None:
    again = dict(documents(dataclasses.replace(service)))
    for name, data in documents(service):
        ET.fromstring(data.decode("utf-8-sig"))
        assert again[name] == data


@quick
@given(services())
def test_values_read_back_exactly(service: Service) -> None:
    source = ET.fromstring(source_csdef(service))
    configuration = ET.fromstring(service_configuration(service, "Cloud", {}))

    assert [each.get("name") for each in source] == [role.name for role in service.roles]
    for role, defined, configured in zip(service.roles, source, configuration, strict=True):
        found_settings = {
            each.get("name"): each.get("value")
            for each in configured.findall(f"{CONFIGURATION}ConfigurationSettings/{CONFIGURATION}Setting")
        }
        assert found_settings == {name: plain(value) for name, value in role.settings}

        for task, element in zip(
            role.startup_tasks, defined.findall(f"{DEFINITION}Startup/{DEFINITION}Task")[1:], strict=True
        ):
            command = site_command(task.command) if role.has_site else task.command
            assert element.get("commandLine") == command
            found = {
                each.get("name"): each.get("value")
                for each in element.findall(f"{DEFINITION}Environment/{DEFINITION}Variable")
            }
            assert found.items() >= dict(task.environment).items()

        ports = defined.findall(f"{DEFINITION}Endpoints/{DEFINITION}InputEndpoint")
        assert [(each.get("name"), each.get("port"), each.get("certificate")) for each in ports] == [
            (each.name, str(each.port), each.certificate) for each in role.endpoints
        ]


@quick
@given(services(), st.randoms(use_true_random=False))
def test_the_order_of_what_a_packaged_document_sorts_never_changes_its_bytes(
    service: Service, random: Random
) -> None:
    def shuffled(role: Role) -> Role:
        return dataclasses.replace(
            role,
            settings=tuple(random.sample(role.settings, len(role.settings))),
            endpoints=tuple(random.sample(role.endpoints, len(role.endpoints))),
            local_storage=tuple(random.sample(role.local_storage, len(role.local_storage))),
        )

    other = dataclasses.replace(service, roles=tuple(shuffled(role) for role in service.roles))

    assert package_parts(other) == package_parts(service)


@quick
@given(services(), st.randoms(use_true_random=False))
def test_the_order_of_roles_changes_nothing_in_a_package_but_the_upgrade_domains(
    service: Service, random: Random
) -> None:
    order = tuple(random.sample(service.roles, len(service.roles)))
    parts, others = package_parts(service), package_parts(dataclasses.replace(service, roles=order))
    resources = "ServiceDefinition/ServiceDefinition.rd"

    def without_domains(data: bytes) -> list[bytes]:
        return [line for line in data.splitlines() if b"<sCSPolicyUpdateDomain " not in line]

    assert without_domains(parts.pop(resources)) == without_domains(others.pop(resources))
    assert parts == others


@quick
@given(services())
def test_every_identifier_is_a_uuid_of_its_own(service: Service) -> None:
    root = ET.fromstring(package_parts(service)["ServiceDefinition/ServiceDefinition.rd"])
    ids = [value for each in root.iter() if (value := each.get("Id"))]
    software = [each.get("software", "").removesuffix(".cssx") for each in root.iter(f"{RDSM}role")]
    ids += [name.rpartition("_")[2] for name in software]

    assert [str(uuid.UUID(each)) for each in ids] == ids
    assert len(set(ids)) == len(ids)


@given(commands)
def test_a_command_is_only_ever_adapted_by_three_characters_in_front_of_its_first_word(command: str) -> None:
    adapted = site_command(command)

    assert adapted in {command, f"..\\{command}", f'"..\\{command[1:]}'}
