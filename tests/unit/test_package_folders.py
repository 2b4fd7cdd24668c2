"""Zips with a folder a role."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest
from packagemaker import MOMENT, of, sample_package

from hatch_cloudrole.content import Content
from hatch_cloudrole.errors import PackageError, TransportError
from hatch_cloudrole.package import has_folders, open_artifact, open_folders, write_folders, write_package

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ROLES = {
    "Web": {
        "bin/role.json": of("{}"),
        "bin/x.sh": of("#!/bin/sh\n"),
        "tools/y.sh": of("y"),
        "a b.txt": of(""),
    },
    "Orders": {"bin/role.json": of("{ }"), "Gr\u00fc\u00dfe.txt": of("hi")},
}


def written(path: Path, roles: Mapping[str, Mapping[str, Content]] = ROLES) -> Path:
    write_folders(roles, path, MOMENT)
    return path


def test_it_reads_back_as_it_was_written(tmp_path: Path) -> None:
    with open_folders(written(tmp_path / "s.zip")) as package:
        assert package.layouts == {
            role: {f"approot/{name}": content for name, content in files.items()}
            for role, files in ROLES.items()
        }
        assert package.layouts["Web"]["approot/bin/x.sh"].read() == b"#!/bin/sh\n"
        assert (package.product_version, package.parts) == ("", {})
        assert package.timestamp == MOMENT.replace(microsecond=0, second=14), "a zip counts in twos"


def test_entries_are_sorted_stored_and_look_the_same_from_every_host(tmp_path: Path) -> None:
    path = written(tmp_path / "s.zip")
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
    assert [info.filename for info in infos] == sorted(info.filename for info in infos)
    assert {(info.compress_type, info.create_system, info.extra) for info in infos} == {(0, 3, b"")}
    assert {info.filename for info in infos if info.external_attr >> 16 == 0o100755} == {"Web/bin/x.sh"}
    backwards = {role: dict(reversed(files.items())) for role, files in reversed(ROLES.items())}
    assert written(tmp_path / "t.zip", backwards).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "aux.py", "a:b", "x.", "a\\b", ""])
def test_a_name_that_some_host_cannot_hold_is_refused_before_anything_is_written(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(PackageError, match="Web: "):
        written(tmp_path / "s.zip", {"Web": {name: of("x")}})
    assert list(tmp_path.iterdir()) == []


def test_a_content_that_is_not_what_it_was_leaves_the_old_zip(tmp_path: Path) -> None:
    path = written(tmp_path / "s.zip")
    before = path.read_bytes()
    lying = Content(5, "ab" * 32, 1, of("other").open)
    with pytest.raises(PackageError, match=r"Web: bin/role\.json"):
        written(path, {"Web": {"bin/role.json": lying}})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_each_kind_of_artifact_is_told_from_the_other(tmp_path: Path) -> None:
    folders = written(tmp_path / "s.zip")
    write_package(sample_package(files={"Web": {"approot/bin/role.json": of("{}")}}), tmp_path / "p.cspkg")
    (tmp_path / "text").write_text("no zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("x/y.txt", b"")
    assert has_folders(folders)
    assert not any(has_folders(tmp_path / name) for name in ("p.cspkg", "text", "other.zip"))
    with open_artifact(tmp_path / "p.cspkg") as package:
        assert package.product_version
    with (
        pytest.raises(PackageError, match="is a zip file but no Cloud Service package"),
        open_artifact(tmp_path / "other.zip"),
    ):
        pass
    with pytest.raises(TransportError):
        has_folders(tmp_path / "missing")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("Web/../evil", "segment"),
        ("Web/bin/ROLE.JSON", "twice|same"),
        ("stray.txt", "Windows|empty|has no bin/role.json|role"),
        ("Third/file.txt", "has no bin/role.json"),
        ("../x/bin/role.json", "role"),
        ("Web/bin", "file"),
    ],
)
def test_what_does_not_belong_is_a_fault(tmp_path: Path, name: str, what: str) -> None:
    path = written(tmp_path / "s.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"x")
    with pytest.raises(PackageError, match=what) as error, open_folders(path):
        pass
    assert "a zip of role folders" in str(error.value)


def test_every_damaged_file_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "s.zip")
    data = path.read_bytes().replace(b"#!/bin/sh\n", b"#!/bin/ksh").replace(b"hi", b"ho", 1)
    path.write_bytes(data)
    with pytest.raises(PackageError) as error, open_folders(path):
        pass
    assert {fault.where for fault in error.value.faults} == {"Web/bin/x.sh", "Orders/Gr\u00fc\u00dfe.txt"}
