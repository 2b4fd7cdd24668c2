"""Laws of the settings, for any table that TOML can hold."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hatch_cloudrole import toml
from hatch_cloudrole.errors import Fault, ProjectError
from hatch_cloudrole.settings import (
    ProjectFacts,
    as_json,
    expand,
    missing_variables,
    parse_service,
)
from hatch_cloudrole.settings.env_fields import check
from hatch_cloudrole.settings.model import Service
from hatch_cloudrole.settings.options import HATCH
from hatch_cloudrole.settings.paths import Inside
from hatch_cloudrole.settings.place import Place, World
from hatch_cloudrole.settings.reference import TABLES
from tests.settings_samples import FILES, HOST, PROJECT

text = st.text(max_size=12) | st.text(alphabet="{}env:ABx./\\-_ =0", max_size=16)
scalars = (
    st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.datetimes(timezones=st.none() | st.just(dt.timezone.utc))
    | st.times()
    | text
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)


def examples(key: str) -> list[Any]:
    """Values that some table accepts for this key, so that what lies behind them is reached."""
    written = {
        value
        for table in TABLES.values()
        for option in table.options
        if option.key == key
        for value in (option.example, option.default)
        if value
    }
    return [toml.loads(f"x = {value}")["x"] for value in sorted(written)]


def named(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    names = st.sampled_from(["A", "a", "Mode", "Cloud", "local", "x.y"]) | text
    return st.dictionaries(names, inner, max_size=3)


def table(name: str, **inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A table with some of its keys, with values right and wrong."""
    keys = {
        option.key: st.sampled_from(examples(option.key)) | inner.get(option.field, anything) | anything
        for option in TABLES[name].options
    }
    return st.fixed_dictionaries({}, optional=keys).flatmap(
        lambda known: st.dictionaries(text, anything, max_size=1).map(lambda other: {**other, **known})
    )


roles = table(
    "role",
    endpoints=named(table("endpoint", port_ranges=st.lists(table("port-range"), max_size=2))),
    local_storage=named(table("local-storage")),
    startup_tasks=st.lists(table("startup-task"), max_size=2),
    configurations=named(table("configuration", certificates=named(text))),
    certificates=named(table("certificate")),
    subnets=st.lists(text, max_size=2),
    role_instance_values=named(text),
    runtime=table("archive"),
    settings=named(text),
    environment=named(text),
)
services = table(
    "service",
    roles=named(roles),
    runtime=table("archive"),
    network=table("network", configurations=named(table("network-configuration"))),
    probes=named(table("probe")),
)
worker = {"type": "worker", "startup-module": "m"}
web = {"type": "web", "wsgi-handler": "m:app"}
likely = st.builds(
    lambda service, own, extra: {**service, "roles": {"W": {**extra, **own}}},
    st.fixed_dictionaries({}, optional={"os-family": st.sampled_from([5, 6, 7]), "service": text}),
    st.sampled_from([worker, web]),
    st.fixed_dictionaries(
        {},
        optional={
            "settings": named(text),
            "environment": named(text),
            "arguments": st.lists(text, max_size=3),
            "instances": st.integers(1, 9),
            "endpoints": named(table("endpoint", port_ranges=st.lists(table("port-range"), max_size=2))),
            "certificates": named(table("certificate")),
            "configurations": named(table("configuration")),
        },
    ),
)


def parse(table: dict[str, Any], project: ProjectFacts = PROJECT) -> Service:
    return parse_service(table, project=project, files=FILES, host=HOST)


def outcome(table: dict[str, Any]) -> Service | tuple[Fault, ...]:
    try:
        return parse(table)
    except ProjectError as error:
        return error.faults


def backwards(value: Any) -> Any:
    """The same table, the keys of every table in it in reverse order."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(item) for item in value] if isinstance(value, list) else value


@settings(max_examples=200, deadline=None)
@given(services | likely | st.dictionaries(text, anything, max_size=3))
def test_every_table_gives_a_service_or_faults_with_full_keys(table: dict[str, Any]) -> None:
    found = outcome(table)
    if isinstance(found, tuple):
        assert found
        assert len(set(found)) == len(found)
        for fault in found:
            assert fault.where.startswith("tool.hatch.build.targets.cloudrole.")
            assert "accepted" in fault.what
    else:
        assert json.loads(json.dumps(as_json(found))) == as_json(found)


@settings(max_examples=100, deadline=None)
@given(services)
def test_the_order_of_the_keys_changes_no_fault(table: dict[str, Any]) -> None:
    found = outcome(table)
    other = outcome(backwards(table))
    assert isinstance(found, tuple) == isinstance(other, tuple)
    if isinstance(found, tuple):
        assert other == found


@settings(max_examples=100, deadline=None)
@given(likely)
def test_parsing_does_not_change_the_table(table: dict[str, Any]) -> None:
    before = backwards(backwards(table))
    outcome(table)
    assert table == before


@settings(deadline=None)
@given(st.text(), st.sampled_from(["", ">=3.10", "==3.12.*", "junk", ">=4"]), st.text(max_size=9))
def test_any_project_gives_a_legal_service_or_faults(name: str, requires: str, version: str) -> None:
    project = ProjectFacts(name=name, version=version, requires_python=requires)
    try:
        service = parse({"roles": {"R": worker}}, project)
    except ProjectError:
        assert requires in ("junk", ">=4")
    else:
        assert parse({"service": service.name, "roles": {"R": worker}}, project) == service


@given(text)
def test_a_plain_string_survives_when_its_braces_are_doubled(value: str) -> None:
    assert expand(check(value.replace("{", "{{").replace("}", "}}")), {}) == value


@given(st.lists(text.map(lambda value: value.replace("{", "").replace("}", "")), max_size=4), text)
def test_a_template_is_filled_with_what_the_environment_has(parts: list[str], value: str) -> None:
    assert expand(check("{env:A}".join(parts)), {"A": value}) == value.join(parts)


@given(text)
def test_a_variable_is_missing_exactly_when_expanding_fails(value: str) -> None:
    found = outcome({"roles": {"R": {**worker, "settings": {"S": value}}}})
    if isinstance(found, tuple):
        return
    missing = missing_variables(found, {"A": "1"})
    try:
        expand(value, {"A": "1"})
    except ProjectError:
        assert missing
    else:
        assert not missing


class Everything:
    """A project in which every path is a file and a folder."""

    def is_file(self, relative: str) -> bool:
        return bool(relative)

    is_dir = is_file


@given(
    st.lists(st.sampled_from(["..", ".", "", "a", "C:", "b c", "...", "~"]), max_size=6),
    st.sampled_from("/\\"),
)
def test_no_path_leads_out_of_its_folder(parts: list[str], separator: str) -> None:
    place = Place(World(PROJECT, Everything(), HOST)).below("root")
    path = Inside("folder").read(separator.join(parts), place)
    if path is None:
        assert place.faults
    else:
        assert "\\" not in path
        assert ".." not in path.split("/")
        assert not path.startswith(("/", "C:"))
        assert place.path(path) == "root" or place.path(path).startswith("root/")


@given(st.sampled_from(HATCH), anything)
def test_options_of_hatch_may_be_anything(key: str, value: Any) -> None:
    assert isinstance(outcome({key: value, "roles": {"R": worker}}), Service)
