"""What a wheel may hold, and where each file of it goes."""

from __future__ import annotations

import io
import zipfile

import pytest
import wheelmaker as make

from hatch_cloudrole.instance._cloudrole.faults import WheelhouseError
from hatch_cloudrole.instance._cloudrole.settings import PinnedWheel
from hatch_cloudrole.instance._cloudrole.wheel import EntryPoint, Plan, plan_wheel, read_member

PINNED = PinnedWheel("alpha-1.0-py3-none-any.whl", "alpha", "1.0", "", 0)


def planned(files: dict[str, bytes] | None = None, *, record: bytes | None = None, points: str = "") -> Plan:
    data = make.wheel_bytes("alpha", files=files, record=record, entry_points=points)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return plan_wheel(archive, PINNED)


def test_files_of_every_scheme_have_their_place() -> None:
    files = {
        "alpha/__init__.py": b"",
        "alpha-1.0.data/purelib/p.py": b"",
        "alpha-1.0.data/platlib/q.py": b"",
        "alpha-1.0.data/data/etc/alpha.ini": b"",
        "alpha-1.0.data/scripts/tool": b"",
        "alpha-1.0.data/headers/alpha.h": b"",
    }
    plan = planned(files)
    places = {member.info.filename: (member.target, member.is_script) for member in plan.members}
    assert places["alpha/__init__.py"] == ("alpha/__init__.py", False)
    assert places["alpha-1.0.data/purelib/p.py"] == ("p.py", False)
    assert places["alpha-1.0.data/platlib/q.py"] == ("q.py", False)
    assert places["alpha-1.0.data/data/etc/alpha.ini"] == ("etc/alpha.ini", False)
    assert places["alpha-1.0.data/scripts/tool"] == ("bin/tool", True)
    assert places["alpha-1.0.data/headers/alpha.h"] == ("include/alpha/alpha.h", False)
    assert plan.dist_info == "alpha-1.0.dist-info"


def test_entry_points_of_both_kinds_are_scripts() -> None:
    text = "[console_scripts]\nAlpha = alpha.cli:main [extra]\n[gui_scripts]\nb-c = alpha:App.run\n[other]\nx = y\n"
    assert planned(points=text).entry_points == (
        EntryPoint("Alpha", "alpha.cli", "main"),
        EntryPoint("b-c", "alpha", "App.run"),
    )


@pytest.mark.parametrize("value", ["x = y", "../x = a:b", "a/b = a:b", 'x = a:b"', "x = a:b()", ".x = a:b"])
def test_entry_point_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(WheelhouseError, match="entry point"):
        planned(points=f"[console_scripts]\n{value}\n")


@pytest.mark.parametrize(
    "name",
    [
        "../evil.py",
        "alpha/../../evil.py",
        "/etc/evil",
        "C:/evil.py",
        "alpha\\..\\evil.py",
        "alpha//evil.py",
        "alpha/./evil.py",
        "alpha.py:stream",
        "alpha-1.0.data/scripts/../../evil",
        "alpha-1.0.data/data//etc/evil",
    ],
)
def test_file_outside_site_packages_is_refused(name: str) -> None:
    with pytest.raises(WheelhouseError, match="does not stay inside site-packages"):
        planned({name: b"evil"})


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"alpha-1.0.data/evil/x": b""}, "unknown scheme 'evil'"),
        ({"alpha-1.0.data/x": b""}, "lies in no scheme"),
        ({"beta-1.0.dist-info/METADATA": b""}, "holds 2 .dist-info folders"),
    ],
)
def test_structure_that_is_none_is_refused(files: dict[str, bytes], said: str) -> None:
    with pytest.raises(WheelhouseError, match=said):
        planned(files)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (b"", "has no hash in RECORD"),
        (b"alpha/__init__.py,,\n", "has no hash in RECORD"),
        (b"alpha/__init__.py,md5=x,1\n", "RECORD trusts md5"),
        (b"alpha/__init__.py\n", "RECORD holds the line"),
        (b'"' + b"x" * 140000, "RECORD cannot be read"),
    ],
)
def test_record_that_tells_too_little_is_refused(record: bytes, said: str) -> None:
    with pytest.raises(WheelhouseError, match=said):
        planned(record=record)


def test_record_that_names_what_is_not_there_is_refused() -> None:
    plain = make.wheel_bytes("alpha")
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        record = archive.read("alpha-1.0.dist-info/RECORD")
    with pytest.raises(WheelhouseError, match="RECORD names gone.py, which is not there"):
        planned(record=record + b"gone.py,sha256=x,1\n")


def test_wheel_of_another_project_is_refused() -> None:
    data = make.wheel_bytes("beta")
    with (
        zipfile.ZipFile(io.BytesIO(data)) as archive,
        pytest.raises(WheelhouseError, match=r"beta-1.0.dist-info is not of alpha"),
    ):
        plan_wheel(archive, PINNED)


def test_bytes_that_are_not_those_of_record_are_refused() -> None:
    good = make.wheel_bytes("alpha")
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        record = archive.read("alpha-1.0.dist-info/RECORD")
    bad = make.wheel_bytes("alpha", files={"alpha/__init__.py": b"NAME = 'other'\n"}, record=record)
    with zipfile.ZipFile(io.BytesIO(bad)) as archive:
        plan = plan_wheel(archive, PINNED)
        member = next(each for each in plan.members if each.target == "alpha/__init__.py")
        with pytest.raises(WheelhouseError, match="is not what RECORD says"):
            list(read_member(archive, member, PINNED))


def test_bytes_come_through() -> None:
    data = make.wheel_bytes("alpha", files={"alpha.py": b"X = 1\n" * 400_000})
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        plan = plan_wheel(archive, PINNED)
        member = next(each for each in plan.members if each.target == "alpha.py")
        pieces = list(read_member(archive, member, PINNED))
    assert len(pieces) > 1
    assert b"".join(pieces) == b"X = 1\n" * 400_000
