r"""A package made from a seed: approot and sitesroot are new, all else stays as it was."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from packagemaker import MOMENT, Planted, of, part_of, sample_package

from hatch_cloudrole.errors import PackageError
from hatch_cloudrole.package import Package, check_package, open_package, write_package
from hatch_cloudrole.package.reader import read_structure
from hatch_cloudrole.package.seed import is_replaced, plan_on_seed
from hatch_cloudrole.package.writer import write_plan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hatch_cloudrole.content import Content

BASE = {"base/x64/host.exe": of("MZ host"), "plugins/P/p.cmd": of("exit"), "sitesroot/0/old.htm": of("old")}
NEW = {
    "approot/bin/ps.cmd": of("@echo off\r\n"),
    "approot/new.txt": of("new"),
    "sitesroot/0/new.htm": of("site"),
}


def plan_and_write(
    seed: Path, path: Path, layouts: Mapping[str, Mapping[str, Content]] = {"Web": NEW, "Orders": NEW}
) -> Path:  # fmt: skip
    with read_structure(seed) as reading:
        assert not reading.faults
        own = Package(
            product_version="9.9.9.9", parts={}, layouts=layouts, timestamp=MOMENT.replace(year=2027)
        )
        write_plan(plan_on_seed(reading, own), path, own.timestamp)
    return path


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    package = sample_package(files={"Web": BASE})
    write_package(package, tmp_path / "seed.cspkg")
    return tmp_path / "seed.cspkg"


def test_only_approot_and_sitesroot_are_replaced(seed: Path, tmp_path: Path) -> None:
    out = plan_and_write(seed, tmp_path / "out.cspkg")
    assert check_package(out) == []
    with open_package(seed) as before, open_package(out) as after:
        assert after.product_version == before.product_version != "9.9.9.9"
        assert after.parts == before.parts
        for role, files in before.layouts.items():
            kept = {path: content for path, content in files.items() if not is_replaced(path)}
            assert after.layouts[role] == {**kept, **NEW}
        assert "base/x64/host.exe" in after.layouts["Web"]


@pytest.mark.parametrize("path", ["approot/x", "Approot/x", "SITESROOT/1/x"])
def test_windows_takes_no_notice_of_case_so_what_is_replaced_does_not_either(path: str) -> None:
    assert is_replaced(path)


@pytest.mark.parametrize("path", ["approot2/x", "base/approot/x", "RoleModel.xml", "approot"])
def test_what_only_looks_like_it_is_kept(path: str) -> None:
    assert not is_replaced(path)


def test_contents_that_nothing_names_any_more_are_gone(seed: Path, tmp_path: Path) -> None:
    out = plan_and_write(seed, tmp_path / "out.cspkg")
    with read_structure(out) as reading:
        names = set(reading.contents)
        used = {file.content for layout in reading.manifest.layouts for file in layout.files}
    assert part_of(of("of Web & <others>")) not in names
    assert {name for name in names if name.startswith("LocalContent/")} == used


def test_kept_files_keep_their_times_flags_and_content_names(seed: Path, tmp_path: Path) -> None:
    planted = Planted.sound(seed, sample_package(files={"Web": BASE}))
    name = part_of(of("MZ host"))
    guid = "LocalContent/" + "0123456789abcdef" * 2
    planted.entries[guid] = planted.entries.pop(name)
    planted.change("package.xml", lambda data: data.replace(name.encode(), guid.encode()))
    planted.change("[Content_Types].xml", lambda data: data.replace(name.encode(), guid.encode()))
    planted.replace("package.xml", "2026-01-31T12:30:15.25Z", "2011-01-01T01:01:01.1234567Z")
    planted.replace("package.xml", "<ReadOnly>false", "<ReadOnly>true")
    planted.write(seed)
    out = plan_and_write(seed, tmp_path / "out.cspkg")
    with read_structure(seed) as before, read_structure(out) as after:
        assert before.manifest.metadata == after.manifest.metadata
        for old, new in zip(before.manifest.layouts, after.manifest.layouts, strict=True):
            kept = [file for file in old.files if not is_replaced(file.relative)]
            assert list(new.files[: len(kept)]) == kept
            assert {file.created for file in new.files[len(kept) :]} == {"2027-01-31T12:30:15.25Z"}
        assert after.contents[guid] == before.contents[guid]
    assert check_package(out) == check_package(seed) == []


def test_the_same_content_under_the_same_name_is_stored_once(seed: Path, tmp_path: Path) -> None:
    layouts = {"Web": {**NEW, "approot/host.exe": of("MZ host")}, "Orders": NEW}
    out = plan_and_write(seed, tmp_path / "out.cspkg", layouts)
    with read_structure(out) as reading:
        files = {file.relative: file.content for layout in reading.manifest.layouts for file in layout.files}
        assert files["approot/host.exe"] == files["base/x64/host.exe"]
    assert check_package(out) == []


def test_other_bytes_where_ours_would_lie_are_refused(tmp_path: Path) -> None:
    """An id is a hash to us and may be anything to others."""
    package = sample_package(files={"Web": BASE})
    planted = Planted.sound(tmp_path / "seed.cspkg", package)
    old, new = part_of(of("MZ host")), part_of(of("new"))
    planted.entries[new] = planted.entries.pop(old)
    for entry in ("package.xml", "[Content_Types].xml"):
        planted.change(entry, lambda data: data.replace(old.encode(), new.encode()))
    planted.write(tmp_path / "seed.cspkg")
    with pytest.raises(PackageError, match=r"approot/new\.txt.*the seed has other bytes"):
        plan_and_write(tmp_path / "seed.cspkg", tmp_path / "out.cspkg")
    assert not (tmp_path / "out.cspkg").exists()


def test_damage_in_what_is_kept_is_found_while_writing(seed: Path, tmp_path: Path) -> None:
    data = seed.read_bytes()
    seed.write_bytes(data.replace(b"MZ host", b"MZ h0st"))
    with pytest.raises(PackageError, match=r"seed\.cspkg"):
        plan_and_write(seed, tmp_path / "out.cspkg")
    assert not (tmp_path / "out.cspkg").exists()


def test_a_role_that_is_not_given_stays_as_it_is(seed: Path, tmp_path: Path) -> None:
    out = plan_and_write(seed, tmp_path / "out.cspkg", {"Web": NEW})
    with open_package(seed) as before, open_package(out) as after:
        assert after.layouts["Orders"] == before.layouts["Orders"]


def test_a_seed_made_from_a_seed_is_the_same_again(seed: Path, tmp_path: Path) -> None:
    once = plan_and_write(seed, tmp_path / "once.cspkg")
    twice = plan_and_write(once, tmp_path / "twice.cspkg")
    assert once.read_bytes() == twice.read_bytes()


def test_a_manifest_of_another_name_is_read_and_ours_has_its_own(seed: Path, tmp_path: Path) -> None:
    planted = Planted.sound(seed, replace(sample_package(files={"Web": BASE})))
    planted.entries["manifest.xml"] = planted.entries.pop("package.xml")
    planted.replace("_rels/.rels", "/package.xml", "/manifest.xml")
    planted.write(seed)
    assert check_package(plan_and_write(seed, tmp_path / "out.cspkg")) == []
