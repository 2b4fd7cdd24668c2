"""Laws of the service documents, for any service that the settings can make."""

from __future__ import annotations

import dataclasses
import uuid
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hatch_cloudrole.service import package_parts, role_parts, service_configuration, source_csdef
from hatch_cloudrole.service.tasks import site_command
from hatch_cloudrole.settings.model import (
    Certificate,
    Configuration,
    Endpoint,
    LocalStorage,
    Network,
    NetworkConfiguration,
    PortRange,
    Probe,
    Role,
    Service,
    StartupTask,
)
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


ports = st.integers(1, 65535)
port_ranges = st.tuples(ports, ports).map(lambda pair: PortRange(min=min(pair), max=max(pair)))
hex_digits = st.text("0123456789abcdefABCDEF", min_size=40, max_size=40)
azure_names = st.from_regex(r"[A-Za-z][A-Za-z0-9._-]{0,6}[A-Za-z0-9_]", fullmatch=True)


@st.composite
def endpoints(
    draw: st.DrawFn, certificates: tuple[Certificate, ...], probes: list[str]
) -> tuple[Endpoint, ...]:
    made = []
    for name in draw(unique(model_names)):
        kind = draw(st.sampled_from(["input", "internal", "instance-input"]))
        if kind == "internal":
            protocol = draw(st.sampled_from(["http", "tcp", "udp", "any"]))
            many = draw(st.lists(port_ranges, max_size=2))
            port = None if many else draw(st.none() | ports)
            fields: dict[str, Any] = {"port": port, "port_ranges": tuple(many)}
        elif kind == "instance-input":
            protocol = draw(st.sampled_from(["tcp", "udp"]))
            fields = {"local_port": draw(ports), "port_ranges": (draw(port_ranges),)}
        else:
            secure = ["https"] if certificates else []
            protocol = draw(st.sampled_from(["http", "tcp", "udp", *secure]))
            fields = {
                "port": draw(ports),
                "local_port": draw(st.none() | st.just("*") | ports),
                "certificate": draw(st.sampled_from(certificates)).name if protocol == "https" else None,
                "probe": draw(st.sampled_from([None, *probes])),
                "idle_timeout_in_minutes": draw(st.none() | st.integers(4, 30)),
                "load_balancer_distribution": draw(st.none() | st.sampled_from(["sourceIP", "none"])),
                "ignore_role_instance_status": draw(st.booleans()),
            }
        made.append(Endpoint(name=name, type=kind, protocol=protocol, **fields))  # type: ignore[arg-type]
    return tuple(made)


@st.composite
def certificates(draw: st.DrawFn) -> tuple[Certificate, ...]:
    return tuple(
        Certificate(
            name=name,
            thumbprint=draw(hex_digits),
            store_location=draw(st.sampled_from(["LocalMachine", "CurrentUser"])),
            store_name=draw(model_names),
            permission_level=draw(st.sampled_from(["limitedOrElevated", "elevated"])),
        )
        for name in draw(unique(model_names, 2))
    )


@st.composite
def networks(draw: st.DrawFn) -> Network:
    return Network(
        virtual_network=draw(azure_names),
        reserved_ip=draw(st.just("") | azure_names),
        dns_servers=tuple((name, "10.0.0.4") for name in draw(unique(model_names, 2))),
        configurations=tuple(
            NetworkConfiguration(name=name, virtual_network=draw(st.none() | azure_names))
            for name in draw(st.lists(st.sampled_from(["Cloud", "Test"]), max_size=2, unique=True))
        ),
    )


@st.composite
def roles(draw: st.DrawFn, name: str, probes: list[str]) -> Role:
    kind = draw(st.sampled_from(["web", "worker"]))
    own = draw(certificates())
    return Role(
        name=name,
        type=kind,  # type: ignore[arg-type]
        target=Target("3.13.5", draw(st.sampled_from(["win_amd64", "manylinux_2_28_x86_64"]))),
        server=draw(st.sampled_from(["fastcgi", "httpplatform", "direct"])) if kind == "web" else None,
        startup_file="worker.py" if kind == "worker" else "",
        endpoints=draw(endpoints(own, probes)),
        certificates=own,
        subnets=tuple(draw(st.lists(azure_names, min_size=1, max_size=2))),
        role_instance_values=tuple(
            (each, "/RoleEnvironment/<&>") for each in draw(unique(variable_names, 2))
        ),
        configurations=draw(
            st.just(())
            | st.builds(
                lambda prints: (Configuration(name="Test", certificates=tuple(prints)),),
                st.lists(st.tuples(st.sampled_from([each.name for each in own]), hex_digits), max_size=1)
                if own
                else st.just([]),
            )
        ),
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
    probes = draw(unique(model_names, 2))
    return Service(
        name=draw(role_names),
        version="1.0",
        network=draw(st.none() | networks()),
        probes=tuple(
            Probe(name=name, protocol="tcp", interval_in_seconds=draw(st.integers(5, 99))) for name in probes
        ),
        roles=tuple(draw(roles(name, probes)) for name in names),
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
    source = [
        each for each in ET.fromstring(source_csdef(service)) if each.tag != f"{DEFINITION}LoadBalancerProbes"
    ]
    network = f"{CONFIGURATION}NetworkConfiguration"
    configuration = [
        each for each in ET.fromstring(service_configuration(service, "Cloud", {})) if each.tag != network
    ]

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

        found_ports = [each for part in defined.findall(f"{DEFINITION}Endpoints") for each in part]
        assert [
            (each.get("name"), each.get("protocol"), each.get("port"), each.get("certificate"))
            for each in found_ports
        ] == [
            (each.name, each.protocol, None if each.port is None else str(each.port), each.certificate)
            for each in role.endpoints
        ]
        stored = configured.findall(f"{CONFIGURATION}Certificates/{CONFIGURATION}Certificate")
        assert [(each.get("name"), each.get("thumbprint")) for each in stored] == [
            (each.name, each.thumbprint.upper()) for each in role.certificates
        ]


@quick
@given(services())
def test_definition_and_configurations_are_of_one_model(service: Service) -> None:
    """The same roles, settings and certificates in each, as a deployment demands."""
    source = ET.fromstring(source_csdef(service))
    packaged = ET.fromstring(package_parts(service)["ServiceDefinition/ServiceDefinition.csdef"])

    def names(root: ET.Element, path: str) -> dict[str | None, list[str]]:
        namespace = root.tag.partition("}")[0] + "}"
        steps = "/".join(namespace + step for step in path.split("/"))
        roles = [each for each in root if each.tag.removesuffix("Role") != each.tag]
        return {
            each.get("name"): sorted(str(item.get("name")) for item in each.findall(steps)) for each in roles
        }

    for path in ("ConfigurationSettings/Setting", "Certificates/Certificate"):
        expected = names(source, path)
        assert names(packaged, path) == expected
        for name in service.configuration_names:
            configuration = ET.fromstring(service_configuration(service, name, {}))
            assert names(configuration, path) == expected
            network = configuration.find(f"{CONFIGURATION}NetworkConfiguration")
            assert (network is None) == (service.network is None)
            if network is not None:
                addresses = network.iter(f"{CONFIGURATION}InstanceAddress")
                assert [each.get("roleName") for each in addresses] == [role.name for role in service.roles]


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
            certificates=tuple(random.sample(role.certificates, len(role.certificates))),
            local_storage=tuple(random.sample(role.local_storage, len(role.local_storage))),
        )

    probes = tuple(random.sample(service.probes, len(service.probes)))
    other = dataclasses.replace(service, probes=probes, roles=tuple(map(shuffled, service.roles)))

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
