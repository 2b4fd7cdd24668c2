"""role.json and its schema."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hatch_cloudrole.role.role_json import role_json
from hatch_cloudrole.settings.model import Endpoint, LocalStorage, Role
from tests.role_samples import RUNTIME, service, web, wheel, worker

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/role.schema.json").read_text(encoding="utf-8"))
TYPES = {"string": str, "integer": int, "object": dict, "array": list, "null": type(None)}


def conforms(value: Any, schema: dict[str, Any]) -> bool:
    """Whether `value` is valid, by as much of JSON Schema as docs/role.schema.json uses."""
    checks: dict[str, Callable[[Any], bool]] = {
        "type": lambda rule: type(value) is TYPES[rule],
        "const": lambda rule: value == rule,
        "enum": lambda rule: value in rule,
        "anyOf": lambda rule: any(conforms(value, each) for each in rule),
        "pattern": lambda rule: re.search(rule, value) is not None,
        "minLength": lambda rule: len(value) >= rule,
        "minimum": lambda rule: value >= rule,
        "maximum": lambda rule: value <= rule,
        "required": lambda rule: set(rule) <= value.keys(),
        "properties": lambda rule: all(
            conforms(value[key], each) for key, each in rule.items() if key in value
        ),
        "additionalProperties": lambda rule: all(
            conforms(each, rule) if rule else False
            for key, each in value.items()
            if key not in schema.get("properties", {})
        ),
        "items": lambda rule: all(conforms(each, rule) for each in value),
    }
    notes = {"$schema", "title", "description"}
    return all(checks[key](rule) for key, rule in schema.items() if key not in notes)


def document(role: Role, *wheels: Any) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(role_json(service(role), role, wheels, runtime=RUNTIME))
    return data


FULL = web(
    deployed_python_interpreter_path=r"D:\Python313\python.exe",
    wsgi_handler="shop.wsgi:app",
    static=(("/static", "static"),),
    search_paths=(".", "lib"),
    environment=(("LOG_LEVEL", "info"), ("CAF\u00c9", "\u65e5 \U0001f600")),
    local_storage=(LocalStorage(name="Cache"), LocalStorage(name="Blobs")),
    settings=(("ConnectionString", "very secret"),),
)
WORKER = worker(
    startup_file="worker.py",
    arguments=("--queue", "orders & returns"),
    working_directory="run",
    endpoints=(Endpoint(name="Queue", protocol="tcp", port=5000),),
)


@pytest.mark.parametrize("role", [FULL, WORKER, web(endpoints=()), worker(startup_module="orders.worker")])
def test_it_fits_its_schema(role: Role) -> None:
    assert conforms(document(role, wheel("b"), wheel("a")), SCHEMA)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", 2),
        ("type", "batch"),
        ("python", "3.13"),
        ("arguments", "a"),
        ("environment", {"A": 1}),
        ("endpoint", {"name": "Http", "protocol": "udp", "port": 1}),
        ("endpoint", {"name": "Http", "protocol": "http", "port": 0}),
        ("server", "apache"),
        ("wheels", [{"file": "a.whl"}]),
        ("runtime", {"kind": "download"}),
        ("extra", 1),
    ],
)
def test_the_schema_refuses_what_is_not_right(key: str, value: Any) -> None:
    assert not conforms({**document(FULL), key: value}, SCHEMA)


def test_the_schema_and_the_document_have_the_same_keys_in_the_same_order() -> None:
    assert list(document(FULL)) == list(SCHEMA["properties"]) == SCHEMA["required"]


def test_a_web_role_in_full() -> None:
    data = document(FULL)
    assert data["schema"] == 1
    assert (data["role"], data["service"], data["version"], data["type"]) == ("Web", "Shop", "1.2", "web")
    assert (data["python"], data["platform"]) == ("3.13.5", "win_amd64")
    assert data["interpreter"] == r"D:\Python313\python.exe"
    assert data["runtime"] == RUNTIME
    assert (data["server"], data["wsgi_handler"], data["asgi_handler"]) == ("fastcgi", "shop.wsgi:app", "")
    assert data["endpoint"] == {"name": "Http", "protocol": "http", "port": 80}
    assert data["static"] == {"/static": "static"}
    assert data["search_paths"] == [".", "lib"]
    assert data["environment"] == {"LOG_LEVEL": "info", "CAF\u00c9": "\u65e5 \U0001f600"}
    assert data["local_storage"] == ["Cache", "Blobs"]


def test_a_worker_in_full() -> None:
    data = document(WORKER)
    assert (data["startup_file"], data["startup_module"]) == ("worker.py", "")
    assert data["arguments"] == ["--queue", "orders & returns"]
    assert data["working_directory"] == "run"
    assert data["server"] is None
    assert data["endpoint"] is None


def test_it_is_ascii_and_ends_with_a_line_end() -> None:
    data = role_json(service(FULL), FULL, [], runtime=RUNTIME)
    data.decode("ascii")
    assert data.endswith(b"}\n")
    assert b"\r" not in data


def test_values_of_settings_are_not_in_it() -> None:
    assert b"secret" not in role_json(service(FULL), FULL, [], runtime=RUNTIME)
    assert b"ConnectionString" not in role_json(service(FULL), FULL, [], runtime=RUNTIME)


def test_wheels_are_listed_by_file_name() -> None:
    one, two = wheel("zebra", "1.0"), wheel("Ant-Hill", "2.0")
    assert document(FULL, one, two)["wheels"] == [
        {
            "file": each.filename,
            "name": str(each.name),
            "version": str(each.version),
            "sha256": each.content.sha256,
            "size": each.content.size,
        }
        for each in (two, one)
    ]
    assert role_json(service(FULL), FULL, [one, two], runtime=RUNTIME) == role_json(
        service(FULL), FULL, [two, one], runtime=RUNTIME
    )


@pytest.mark.parametrize(
    ("endpoints", "expected"),
    [
        ([("Raw", "tcp", 1, None), ("Http", "http", 80, None), ("Https", "https", 443, None)], ("Http", 80)),
        ([("Https", "https", 443, 8443)], ("Https", 8443)),
        ([("Http", "http", 80, 8080), ("Other", "http", 81, None)], ("Http", 8080)),
    ],
)
def test_the_endpoint_is_the_first_that_speaks_http_by_its_port_on_the_instance(
    endpoints: list[Any], expected: tuple[str, int]
) -> None:
    made = tuple(Endpoint(name=n, protocol=p, port=o, local_port=i) for n, p, o, i in endpoints)
    found = document(web(endpoints=made))["endpoint"]
    assert (found["name"], found["port"]) == expected


def test_a_runtime_that_lacks_a_part_is_a_defect_of_ours() -> None:
    with pytest.raises(KeyError):
        role_json(service(FULL), FULL, [], runtime={"kind": "download"})


def test_a_server_without_iis_may_listen_on_plain_tcp_but_prefers_http() -> None:
    raw = Endpoint(name="Raw", protocol="tcp", port=90, local_port=9090)
    free = Endpoint(name="Free", protocol="http", port=80, local_port="*")
    inner = Endpoint(name="Inner", protocol="http", type="internal", port=8080)
    each = Endpoint(name="Each", protocol="tcp", type="instance-input", local_port=22)

    def found(*endpoints: Endpoint, server: str = "direct") -> dict[str, Any] | None:
        data: dict[str, Any] | None = document(web(server=server, endpoints=endpoints))["endpoint"]
        return data

    assert found(each, free, raw) == {"name": "Raw", "protocol": "tcp", "port": 9090}
    assert found(raw, inner) == {"name": "Inner", "protocol": "http", "port": 8080}
    assert found(raw, server="fastcgi") is None
    assert found(free, server="fastcgi") is None
