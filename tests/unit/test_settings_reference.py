"""The reference says what the options say, and the options say what is so."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hatch_cloudrole import toml
from hatch_cloudrole.settings import model
from hatch_cloudrole.settings.options import HATCH, ROLE, SERVICE
from hatch_cloudrole.settings.place import Place, World
from hatch_cloudrole.settings.reference import TABLES, renew
from tests.settings_samples import HOST, PROJECT, WEB, WORKER, parse

if TYPE_CHECKING:
    from hatch_cloudrole.errors import Fault
    from hatch_cloudrole.settings.tables import Option

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
OPTIONS = [(name, option) for name, table in TABLES.items() for option in table.options]
NAMES = [f"{name}.{option.key}" for name, option in OPTIONS]


class Everything:
    """A project in which every path is a file and a folder."""

    def is_file(self, relative: str) -> bool:
        return bool(relative)

    is_dir = is_file


def read(option: Option, written: str) -> tuple[object, list[Fault]]:
    place = Place(World(PROJECT, Everything(), HOST))
    return option.kind.read(toml.loads(f"x = {written}")["x"], place), place.faults


def test_the_page_is_current() -> None:
    """If not: run .ci/reference.py."""
    page = PAGE.read_text(encoding="utf-8")
    assert renew(page) == page


def test_the_page_has_every_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in (*TABLES, "hatch") if f"<!-- begin {name} -->\n" not in page] == []


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    for name in TABLES:
        rows = renew(f"<!-- begin {name} -->\n<!-- end {name} -->").splitlines()[1:-1]
        assert {row.replace(r"\|", "").count("|") for row in rows} == {7}


@pytest.mark.parametrize(("_table", "option"), OPTIONS, ids=NAMES)
def test_every_example_is_accepted(_table: str, option: Option) -> None:
    value, faults = read(option, option.example)
    assert faults == []
    assert value is not None


@pytest.mark.parametrize(("_table", "option"), OPTIONS, ids=NAMES)
def test_every_default_is_accepted_and_differs_from_the_example(_table: str, option: Option) -> None:
    if option.default:
        value, faults = read(option, option.default)
        assert faults == []
        assert value != read(option, option.example)[0]


@pytest.mark.parametrize(("kind", "start"), [("web", WEB), ("worker", WORKER)])
def test_writing_every_default_changes_nothing(kind: str, start: str) -> None:
    service = [option for option in SERVICE.options if option.default]
    role = [option for option in ROLE.options if option.default and option.role in ("", kind)]
    top = "\n".join(f"{option.key} = {option.default}" for option in service)
    inside = "\n".join(f"{option.key} = {option.default}" for option in role)
    assert parse(f"{top}\n[roles.R]\n{start}{inside}") == parse(f"[roles.R]\n{start}")


@pytest.mark.parametrize(
    ("table", "made", "start"),
    [
        ("local-storage", "local-storage.X", ""),
        ("endpoint", "endpoints.X", 'protocol = "tcp"\nport = 80\n'),
        ("startup-task", "startup-tasks", 'command = "a"\n'),
        ("configuration", "configurations.X", ""),
        ("certificate", "certificates.X", f'thumbprint = "{"AB" * 20}"\n'),
    ],
)
def test_writing_every_default_of_an_inner_table_changes_nothing(table: str, made: str, start: str) -> None:
    head = f"[[roles.R.{made}]]" if made == "startup-tasks" else f"[roles.R.{made}]"
    defaults = "\n".join(
        f"{option.key} = {option.default}" for option in TABLES[table].options if option.default
    )
    bare = f"[roles.R]\n{WORKER}{head}\n{start}"
    assert parse(f"{bare}{defaults}") == parse(bare)


@pytest.mark.parametrize(
    ("table", "made", "elsewhere"),
    [
        ("role", model.Role, {"name", "target"}),
        ("service", model.Service, {"name", "version"}),
        ("endpoint", model.Endpoint, {"name"}),
        ("local-storage", model.LocalStorage, {"name"}),
        ("startup-task", model.StartupTask, set()),
        ("configuration", model.Configuration, {"name"}),
        ("certificate", model.Certificate, {"name"}),
        ("network", model.Network, set()),
        ("network-configuration", model.NetworkConfiguration, {"name"}),
        ("probe", model.Probe, {"name"}),
        ("port-range", model.PortRange, set()),
    ],
)
def test_every_field_of_the_model_is_an_option(table: str, made: type, elsewhere: set[str]) -> None:
    known = {option.field for option in TABLES[table].options}
    assert {each.name for each in fields(made)} - elsewhere <= known


def test_no_option_is_listed_twice() -> None:
    for table in TABLES.values():
        keys = [option.key for option in table.options]
        assert len(keys) == len(set(keys))


def test_no_option_of_ours_hides_one_of_hatch() -> None:
    assert {option.key for option in SERVICE.options}.isdisjoint(HATCH)
