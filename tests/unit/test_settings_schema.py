"""The JSON schema of the settings: current, never stricter than the build, and strict about shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hatch_cloudrole import toml
from hatch_cloudrole.cli.main import run
from hatch_cloudrole.schema import FILE, get_schema, read_schema
from hatch_cloudrole.settings.options import HATCH, ROLE, SERVICE
from hatch_cloudrole.settings.reference import TABLES
from hatch_cloudrole.settings.schema import render_schema
from tests.settings_samples import WEB, WORKER, faults

VALIDATOR = jsonschema.Draft7Validator(read_schema())
PROJECTS = Path(__file__).parents[2] / "fixtures" / "projects"
KINDS: dict[str, Any] = {
    "string": "text",
    "integer": 7,
    "float": 1.5,
    "boolean": True,
    "array": [["nested"]],
    "table": {"a": {"b": {"c": 1}}},
}
TOML_TYPES = {"table of tables": "table"}


def accepts(table: dict[str, Any]) -> bool:
    document = {"tool": {"hatch": {"build": {"targets": {"cloudrole": table}}}}}
    return bool(VALIDATOR.is_valid(document))


def at(place: str, key: str, value: Any) -> dict[str, Any]:
    """Settings with `value` at `key` of one of the tables, and nothing else that could be wrong."""
    role: dict[str, Any] = {"type": "worker", "startup-module": "m"}
    table: dict[str, Any] = {"roles": {"R": role}}
    if place == "service":
        table[key] = value
    elif place == "role":
        option = next(option for option in ROLE.options if option.key == key)
        if option.role == "web":
            role.clear()
            role["type"] = "web"
        role[key] = value
    elif place in ("network", "network-configuration", "probe"):
        network: dict[str, Any] = {"virtual-network": "v"}
        if place == "probe":
            table["probes"] = {"X": {"protocol": "tcp", key: value}}
        else:
            table["network"] = network
            holder_of = (
                network
                if place == "network"
                else network.setdefault("configurations", {}).setdefault("X", {})
            )
            holder_of[key] = value
    else:
        holders: dict[str, tuple[str, dict[str, Any]]] = {
            "endpoint": ("endpoints", {"protocol": "tcp", "port": 80}),
            "local-storage": ("local-storage", {}),
            "startup-task": ("startup-tasks", {"command": "a"}),
            "configuration": ("configurations", {}),
            "archive": ("runtime", {"sha256": "ab" * 32}),
            "certificate": ("certificates", {"thumbprint": "ab" * 20}),
            "port-range": ("endpoints", {"min": 1, "max": 2}),
        }
        holder, base = holders[place]
        inner = {**base, key: value}
        if place == "port-range":
            inner = {"type": "internal", "protocol": "tcp", "port-ranges": [inner]}
        role[holder] = {"startup-tasks": [inner], "runtime": inner}.get(holder, {"X": inner})
    return table


OPTIONS = [(name, option) for name, table in TABLES.items() for option in table.options]
NAMES = [f"{name}.{option.key}" for name, option in OPTIONS]


def test_the_file_is_current() -> None:
    """If not: run .ci/reference.py."""
    assert FILE.read_text(encoding="utf-8") == render_schema()


def test_the_file_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(read_schema())


@pytest.mark.parametrize(("place", "option"), OPTIONS, ids=NAMES)
def test_every_example_and_every_default_is_accepted(place: str, option: Any) -> None:
    for written in filter(None, (option.example, option.default)):
        assert accepts(at(place, option.key, toml.loads(f"x = {written}")["x"])), written


@pytest.mark.parametrize(("place", "option"), OPTIONS, ids=NAMES)
def test_a_value_of_another_toml_type_is_refused(place: str, option: Any) -> None:
    words = {TOML_TYPES.get(word, word) for word in option.kind.type.split(" or ")}
    wrong = set(KINDS) - words if words <= set(KINDS) else set()
    assert wrong or "date" in words
    for kind in wrong:
        assert not accepts(at(place, option.key, KINDS[kind])), kind


@pytest.mark.parametrize("place", sorted(TABLES))
def test_an_unknown_key_is_refused_in_every_table(place: str) -> None:
    assert not accepts(
        at(place, "unheard-of", 1) if place != "role" else {"roles": {"R": {"type": "web", "x": 1}}}
    )


def tables_in(value: Any) -> list[dict[str, Any]]:
    """Every table in a value, at whatever depth."""
    if isinstance(value, dict):
        return [value, *(each for inner in value.values() for each in tables_in(inner))]
    return [each for inner in value for each in tables_in(inner)] if isinstance(value, list) else []


@pytest.mark.parametrize("place", sorted(TABLES))
def test_what_is_required_is_required(place: str) -> None:
    required = [option for option in TABLES[place].options if option.required]
    for missing in required:
        if place == "service":
            table: dict[str, Any] = {}
        elif place == "role":
            table = {"roles": {"R": {"startup-module": "m"}}}
        else:
            other = next(option for option in TABLES[place].options if option is not missing)
            table = at(place, other.key, toml.loads(f"x = {other.example}")["x"])
            assert accepts(table), other.key
            [role] = table["roles"].values()
            holders = [value for key, value in role.items() if key not in {"type", "startup-module"}]
            for each in tables_in([holders, table.get("network"), table.get("probes")]):
                if set(each) & {option.key for option in TABLES[place].options}:
                    each.pop(missing.key, None)
        assert not accepts(table), missing.key


def test_options_of_hatch_are_hatchs_business() -> None:
    for key in HATCH:
        assert accepts({"roles": {"R": {"type": "worker"}}, key: ["whatever"]})


def test_a_key_of_the_other_type_of_role_is_refused() -> None:
    assert not accepts({"roles": {"R": {"type": "worker", "static": {}}}})
    assert not accepts({"roles": {"R": {"type": "web", "startup-module": "m"}}})
    assert accepts({"roles": {"R": {"type": "web", "static": {}}}})


SAMPLES = {
    "worker": f"[roles.R]\n{WORKER}",
    "web": f"[roles.R]\n{WEB}",
    "dates": f"exclude-newer = 2026-01-31\n[roles.R]\n{WORKER}",
    "a role's target": f'python = "3.12"\n[roles.R]\n{WORKER}platform = "host"\nruntime = "bundled"',
}


@pytest.mark.parametrize("name", SAMPLES)
def test_what_the_build_accepts_the_schema_accepts(name: str) -> None:
    assert faults(SAMPLES[name]) == []
    assert accepts(toml.loads(SAMPLES[name]))


def test_of_the_bad_settings_the_schema_refuses_none_that_is_good() -> None:
    """Whatever the schema refuses, the build refuses: told by every sample of a fault, and many are refused."""
    from tests.unit.test_settings_faults import BAD

    refused = [case for case, (text, _) in BAD.items() if not accepts(toml.loads(text))]
    assert all(faults(BAD[case][0]) for case in refused)
    assert {"python is a float", "a role's key in the service", "a service's key in a role"} <= set(refused)


@pytest.mark.parametrize("project", sorted(path.parent.name for path in PROJECTS.glob("*/pyproject.toml")))
def test_the_examples_are_accepted_but_for_the_one_with_an_unknown_key(project: str) -> None:
    document = toml.loads((PROJECTS / project / "pyproject.toml").read_text(encoding="utf-8"))
    assert VALIDATOR.is_valid(document) == (project != "faulty-unknown-key")


def test_other_tables_are_left_alone() -> None:
    assert VALIDATOR.is_valid({"project": 1, "tool": {"x": 1, "hatch": {"build": {"targets": {"wheel": 7}}}}})


def test_validate_pyproject_gets_the_part_of_hatch() -> None:
    schema = get_schema("hatch")
    validator = jsonschema.Draft7Validator(schema)
    assert validator.is_valid({"build": {"targets": {"cloudrole": {"roles": {"R": {"type": "worker"}}}}}})
    assert not validator.is_valid({"build": {"targets": {"cloudrole": {"rolls": {}}}}})
    assert schema["$id"] != read_schema()["$id"]
    with pytest.raises(ValueError, match=r"\[tool\.black\]"):
        get_schema("black")


def test_the_command_prints_the_schema_or_where_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == read_schema()
    assert run(["schema", "--file"]) == 0
    assert Path(capsys.readouterr().out.strip()) == FILE


def test_every_option_has_a_description() -> None:
    properties = read_schema()
    for key in ("tool", "hatch", "build", "targets", "cloudrole"):
        properties = properties["properties"][key]
    for option in SERVICE.options:
        assert properties["properties"][option.key]["description"]
