"""Packages laid out at build time: what goes where, and what stops it."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
import wheelmaker as make
from rolemaker import pinned_wheels

from hatch_cloudrole.content import Content
from hatch_cloudrole.errors import ProjectError, WheelError
from hatch_cloudrole.package.compare import compare
from hatch_cloudrole.package.model import Package
from hatch_cloudrole.role.unpacked import unpack_wheels
from hatch_cloudrole.role.verify import wheelhouse_faults
from tests.role_samples import LINUX, WINDOWS, contents, tree, web, worker

if TYPE_CHECKING:
    from hatch_cloudrole.target import Target

ALPHA = make.wheel_bytes(
    "alpha",
    files={
        "alpha/__init__.py": b"A = 1\n",
        "alpha-1.0.data/scripts/tool": b"#!python\nimport alpha\n",
        "alpha-1.0.data/scripts/tool.sh": b"#!/bin/sh\n",
        "alpha-1.0.data/data/share/x.txt": b"x",
    },
    entry_points="[console_scripts]\nalpha = alpha:main\n",
)
MOMENT = datetime(2026, 1, 1, tzinfo=timezone.utc)
WHEELS = {make.wheel_name("alpha"): ALPHA, make.wheel_name("beta"): make.wheel_bytes("beta")}
INSTALLED = {
    "lib/.cloudrole.json",
    "lib/alpha/__init__.py",
    "lib/share/x.txt",
    "lib/alpha-1.0.dist-info/INSTALLER",
    "lib/alpha-1.0.dist-info/METADATA",
    "lib/alpha-1.0.dist-info/RECORD",
    "lib/alpha-1.0.dist-info/WHEEL",
    "lib/alpha-1.0.dist-info/entry_points.txt",
    "lib/bin/tool.sh",
    "lib/beta/__init__.py",
    "lib/beta-1.0.dist-info/INSTALLER",
    "lib/beta-1.0.dist-info/METADATA",
    "lib/beta-1.0.dist-info/RECORD",
    "lib/beta-1.0.dist-info/WHEEL",
}


@pytest.mark.parametrize(
    ("target", "commands"),
    [
        (LINUX, {"tool", "alpha"}),
        (WINDOWS, {"tool.cmd", "tool-script.py", "alpha.cmd", "alpha-script.py"}),
    ],
)
def test_everything_lies_where_an_installer_would_put_it(target: Target, commands: set[str]) -> None:
    files = unpack_wheels(pinned_wheels(WHEELS), target).files
    assert set(files) == INSTALLED | {f"lib/bin/{name}" for name in commands}
    for content in files.values():
        data = content.read()
        again = Content.of_bytes(data)
        assert (content.size, content.sha256, content.crc32) == (again.size, again.sha256, again.crc32)


def test_order_of_the_wheels_changes_nothing() -> None:
    wheels = pinned_wheels(WHEELS)
    one, other = unpack_wheels(wheels, LINUX).files, unpack_wheels(wheels[::-1], LINUX).files
    assert list(one.items()) == list(other.items())


def test_marker_names_the_programs() -> None:
    marker = json.loads(unpack_wheels(pinned_wheels(WHEELS), LINUX).files["lib/.cloudrole.json"].read())
    assert marker["executables"] == ["bin/alpha", "bin/tool", "bin/tool.sh"]
    assert sorted(marker["records"]) == ["alpha-1.0.dist-info/RECORD", "beta-1.0.dist-info/RECORD"]


def test_file_of_two_packages_is_told_and_the_later_one_is_used() -> None:
    wheels = {
        make.wheel_name(name): make.wheel_bytes(name, files={"shared.py": name.encode()}) for name in "ab"
    }
    laid_out = unpack_wheels(pinned_wheels(wheels), LINUX)
    assert laid_out.files["lib/shared.py"].read() == b"b"
    assert laid_out.notes == (
        "shared.py is in a-1.0-py3-none-any.whl and in b-1.0-py3-none-any.whl; the latter is used",
    )
    assert b"shared.py" not in laid_out.files["lib/a-1.0.dist-info/RECORD"].read()


def test_what_windows_takes_for_one_file_is_one() -> None:
    wheels = {
        make.wheel_name("a"): make.wheel_bytes("a", files={"Shared.py": b"a"}),
        make.wheel_name("b"): make.wheel_bytes("b", files={"shared.py": b"b"}),
    }
    assert "lib/Shared.py" not in unpack_wheels(pinned_wheels(wheels), WINDOWS).files
    assert "lib/Shared.py" in unpack_wheels(pinned_wheels(wheels), LINUX).files


def test_wheels_that_no_instance_would_install_are_refused_all_at_once() -> None:
    wheels = {
        make.wheel_name("a"): make.wheel_bytes("a", files={"../out.py": b""}),
        make.wheel_name("b"): make.wheel_bytes("b", record=b""),
        make.wheel_name("c"): make.wheel_bytes("c"),
    }
    with pytest.raises(WheelError) as caught:
        unpack_wheels(pinned_wheels(wheels), LINUX)
    assert [(fault.where, fault.what) for fault in caught.value.faults] == [
        ("a-1.0-py3-none-any.whl", "refused: '../out.py' does not stay inside site-packages"),
        ("b-1.0-py3-none-any.whl", "refused: b-1.0.dist-info/METADATA has no hash in RECORD"),
    ]


def test_wheel_that_was_damaged_since_is_an_error_of_the_wheel() -> None:
    data = bytearray(make.wheel_bytes("a", files={"a.py": b"x" * 5000}))
    wheels = pinned_wheels({make.wheel_name("a"): bytes(data)})
    start = data.index(b"a.py") + 8
    data[start : start + 4] = b"\xff\xff\xff\xff"
    object.__setattr__(wheels[0].content, "opener", Content.of_bytes(bytes(data)).opener)
    content = unpack_wheels(wheels, LINUX).files["lib/a.py"]
    with pytest.raises(WheelError, match="damaged"):
        content.read()


def test_role_has_its_packages_in_lib_and_no_wheels() -> None:
    made = tree(
        web(install="unpacked"), contents("app.py", "libs/x.py"), tuple(pinned_wheels(WHEELS)), pylock=b""
    )
    below = {path for path in made.files if path.startswith("approot/lib/")}
    assert {f"approot/{path}" for path in INSTALLED} < below
    assert not [path for path in made.files if "wheels/" in path]
    assert not [path for path in made.files if path.startswith("sitesroot/0/lib/")]
    role = json.loads(made.files["approot/bin/role.json"].read())
    assert (role["install"], len(role["wheels"])) == ("unpacked", 2)


@pytest.mark.parametrize("own", ["lib/mine.py", "Lib/mine.py"])
def test_files_of_the_role_and_packages_do_not_share_a_folder(own: str) -> None:
    with pytest.raises(ProjectError) as caught:
        tree(worker(install="unpacked"), contents("worker.py", own))
    where = "tool.hatch.build.targets.cloudrole.roles.Orders.install"
    assert [own in fault.what for fault in caught.value.faults if fault.where == where] == [True]
    tree(worker(install="wheels"), contents("worker.py", own))


def test_path_that_windows_cannot_hold_leads_to_the_other_way_of_installing() -> None:
    wheels = {make.wheel_name("a"): make.wheel_bytes("a", files={"a/aux.py": b""})}
    with pytest.raises(ProjectError) as caught:
        tree(worker(install="unpacked"), contents("worker.py"), tuple(pinned_wheels(wheels)))
    (fault,) = caught.value.faults
    assert fault.where == "lib/a/aux.py (role Orders)"
    assert 'install = "wheels"' in fault.remedy


def layout(changed: dict[str, bytes | None] | None = None) -> dict[str, Content]:
    """The files of a role of which some are others, or missing."""
    made = tree(worker(install="unpacked"), contents("worker.py"), tuple(pinned_wheels(WHEELS)))
    files = dict(made.files)
    for name, data in (changed or {}).items():
        if data is None:
            del files[f"approot/{name}"]
        else:
            files[f"approot/{name}"] = Content.of_bytes(data)
    return files


def test_package_as_it_was_built_is_valid() -> None:
    assert wheelhouse_faults("R", layout()) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"lib/share/x.txt": b"y"}, ["Roles/R: approot/lib/share/x.txt: is not what its RECORD says"]),
        ({"lib/share/x.txt": None}, ["approot/lib/share/x.txt: is listed in a RECORD, but is not there"]),
        ({"lib/more.py": b""}, ["approot/lib/more.py: is listed in no RECORD"]),
        ({"wheels/a-1-py3-none-any.whl": b""}, ["is a wheel, but the packages of this role are laid out"]),
        ({"lib/.cloudrole.json": b"[]"}, ["lib/.cloudrole.json: is not an object of JSON"]),
        ({"lib/.cloudrole.json": None}, ["lib/.cloudrole.json: is missing"]),
        (
            {"lib/.cloudrole.json": b'{"schema": 1, "records": {}, "executables": ["bin/x"]}'},
            ["role.json"]
            + ["in no RECORD"] * 17
            + ["bin/x, which is in no RECORD", "alpha 1.0: is not in lib", "beta 1.0: "],
        ),
        ({"requirements.txt": b""}, ["does not pin alpha", "does not pin beta"]),
    ],
)
def test_whatever_was_changed_since_is_found(changed: dict[str, bytes | None], said: list[str]) -> None:
    found = [f"{fault.where}: {fault.what}" for fault in wheelhouse_faults("R", layout(changed))]
    assert len(found) == len(said)
    for text, part in zip(found, said, strict=True):
        assert part in text


def test_package_that_lacks_a_dependency_is_found() -> None:
    wheels = {make.wheel_name("a"): make.wheel_bytes("a", requires=["gone>=2"])}
    made = tree(worker(install="unpacked"), contents("worker.py"), tuple(pinned_wheels(wheels)))
    (fault,) = wheelhouse_faults("R", made.files)
    assert "needs gone>=2" in fault.what


def test_two_packages_are_compared_by_version() -> None:
    def packaged(version: str) -> Package:
        wheels = {make.wheel_name("a", version): make.wheel_bytes("a", version)}
        made = tree(worker(install="unpacked"), contents("worker.py"), tuple(pinned_wheels(wheels)))
        return Package(product_version="", parts={}, layouts={"R": made.files}, timestamp=MOMENT)

    (role,) = compare(packaged("1.0"), packaged("2.0")).roles
    assert [(each.name, each.before, each.after) for each in role.wheels] == [("a", "1.0", "2.0")]
