"""What `cloudrole diff` says of two packages."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
from packagemaker import Planted, of, part_of, sample_package

from hatch_cloudrole.cli.main import run
from hatch_cloudrole.package import write_package
from hatch_cloudrole.package.compare import Change, WheelChange, compare

if TYPE_CHECKING:
    from hatch_cloudrole.package import Package

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/diff.schema.json").read_text(encoding="utf-8"))
WHEEL = "approot/wheels/{}-py3-none-any.whl"


def changed() -> tuple[Package, Package]:
    """One of each kind of change in the role Web, and none in the other."""
    old = sample_package(
        files={
            "Web": {
                "approot/old.txt": of("gone"),
                "approot/app.py": of("1"),
                WHEEL.format("Flask_Admin-1.0"): of("a"),
                WHEEL.format("gone-2.0"): of("b"),
                WHEEL.format("rebuilt-3.0"): of("c"),
            }
        }
    )
    new = sample_package(
        files={
            "Web": {
                "approot/new.txt": of("come"),
                "approot/app.py": of("two"),
                WHEEL.format("Flask_Admin-1.1"): of("a"),
                WHEEL.format("come-2.0"): of("b"),
                WHEEL.format("rebuilt-3.0"): of("d"),
            }
        },
        parts={"ServiceDefinition/ServiceDefinition.rd": of("<serviceModel x='1'/>")},
    )
    return old, new


def test_a_package_is_the_same_as_itself_written_at_another_time() -> None:
    package = sample_package()
    assert compare(package, replace(package, timestamp=package.timestamp.replace(year=1999))).is_empty


def test_every_kind_of_change_is_found() -> None:
    comparison = compare(*changed())
    orders, web = comparison.roles
    assert (orders.name, orders.kind, orders.files, orders.wheels) == ("Orders", "same", (), ())
    assert web.kind == "changed"
    assert web.wheels == (
        WheelChange("come", "", "2.0"),
        WheelChange("flask-admin", "1.0", "1.1"),
        WheelChange("gone", "2.0", ""),
        WheelChange("rebuilt", "3.0", "3.0"),
    )
    others = [each for each in web.files if "wheels" not in each.path]
    assert others == [
        Change("approot/app.py", 1, 3),
        Change("approot/new.txt", None, 4),
        Change("approot/old.txt", 4, None),
    ]
    assert web.after - web.before == 2
    assert [each.path for each in comparison.documents] == ["ServiceDefinition/ServiceDefinition.rd"]
    assert not comparison.is_empty


def test_a_role_may_come_and_go() -> None:
    whole = sample_package()
    old, new = (replace(whole, layouts={role: whole.layouts[role]}) for role in ("Orders", "Web"))
    assert [(role.name, role.kind) for role in compare(old, new).roles] == [
        ("Orders", "removed"),
        ("Web", "added"),
    ]


def test_bytes_of_the_same_length_are_told_apart() -> None:
    old = sample_package(files={"Web": {"approot/a": of("1")}})
    new = sample_package(files={"Web": {"approot/a": of("2")}})
    assert compare(old, new).roles[1].files == (Change("approot/a", 1, 1),)


@pytest.fixture
def paths(tmp_path: Path) -> tuple[str, str]:
    old, new = changed()
    write_package(old, tmp_path / "old.cspkg")
    write_package(replace(new, product_version="2.9.6496.3"), tmp_path / "new.cspkg")
    return str(tmp_path / "old.cspkg"), str(tmp_path / "new.cspkg")


def test_people_see_versions_first_and_each_wheel_once(
    paths: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["diff", *paths]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Product version: 2.9.8699.20 -> 2.9.6496.3"
    assert lines[lines.index("Service documents") + 1].startswith(
        "  ~ ServiceDefinition/ServiceDefinition.rd"
    )
    web = lines[next(number for number, line in enumerate(lines) if line.startswith("Role Web:")) :]
    assert web[0].endswith("(+2 B)")
    assert web[1:] == [
        "  + wheel come 2.0",
        "  ~ wheel flask-admin 1.0 -> 1.1",
        "  - wheel gone 2.0",
        "  ~ wheel rebuilt 3.0, another file",
        "  ~ approot/app.py  3 B (+2 B)",
        "  + approot/new.txt  4 B",
        "  - approot/old.txt  4 B",
    ]


def test_machines_see_all_of_it_in_the_documented_form(
    paths: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["diff", *paths, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    web = document["roles"][1]
    assert web["wheels"]["changed"][0] == {"name": "flask-admin", "from": "1.0", "to": "1.1"}
    assert {"path": "approot/new.txt", "size": 4} in web["files"]["added"]
    assert {"path": WHEEL.format("gone-2.0"), "size": 1} in web["files"]["removed"]
    assert document["same"] is False


def test_the_same_twice_is_said_in_one_line(
    paths: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["diff", paths[0], paths[0]]) == 0
    assert capsys.readouterr().out == "The two hold the same\n"


def test_what_is_no_package_is_refused(
    paths: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.zip").write_bytes(b"no")
    assert run(["diff", paths[0], str(tmp_path / "x.zip")]) == 5
    assert "is no zip file" in capsys.readouterr().err


def test_no_content_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged content is `verify`'s to find: the manifest says what there is."""
    path = tmp_path / "p.cspkg"
    planted = Planted.sound(path)
    planted.change(part_of(of("@echo off\r\n")), lambda data: data[::-1])
    planted.write(path)
    assert run(["diff", str(path), str(path)]) == 0
    assert "the same" in capsys.readouterr().out
