"""Extracting packages: verified, complete or not at all, and nowhere else."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from packagemaker import WHEEL, Planted, of, part_of, sample_package

from hatch_cloudrole.errors import PackageError, ProjectError, TransportError
from hatch_cloudrole.package import extract
from hatch_cloudrole.package.extract import extract_package
from hatch_cloudrole.package.writer import write_package

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX'")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_package(
        sample_package(files={"Web": {"sitesroot/0/web.config": of("<site />")}}), tmp_path / "p.cspkg"
    )
    return tmp_path / "p.cspkg"


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        each.relative_to(folder).as_posix(): each.read_bytes() for each in folder.rglob("*") if each.is_file()
    }


def test_every_file_of_every_role_is_written(path: Path, tmp_path: Path) -> None:
    paths = extract_package(path, tmp_path / "new" / "out")
    found = files_below(tmp_path / "new" / "out")
    expected = {
        f"Roles/{role}/{name}"
        for role in ("Web", "Orders")
        for name in (
            "RoleModel.xml",
            "approot/bin/configure.sh",
            "approot/bin/ps.cmd",
            "approot/empty.txt",
            "approot/role.txt",
            "approot/wheels/shared-1.0-py3-none-any.whl",
        )
    }
    assert set(found) == expected | {"Roles/Web/sitesroot/0/web.config"}
    assert found["Roles/Web/approot/role.txt"] == b"of Web & <others>"
    assert found["Roles/Orders/approot/wheels/shared-1.0-py3-none-any.whl"] == WHEEL
    assert paths == sorted(paths)
    assert {each.relative_to(tmp_path / "new" / "out").as_posix() for each in paths} == set(found)


def test_one_role_can_be_chosen(path: Path, tmp_path: Path) -> None:
    extract_package(path, tmp_path / "out", roles=["Orders"])
    assert [each.name for each in (tmp_path / "out" / "Roles").iterdir()] == ["Orders"]


def test_an_unknown_role_is_refused_with_those_that_there_are(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="Wbe: is no role of the package; it has Orders, Web") as error:
        extract_package(path, tmp_path / "out", roles=["Web", "Wbe"])
    assert error.value.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_an_empty_folder_is_used_and_any_other_refused(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    extract_package(path, target)
    before = files_below(target)
    with pytest.raises(ProjectError, match=r"out is not empty\. Next:"):
        extract_package(path, target)
    assert files_below(target) == before


@posix
@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_modes_depend_on_the_file_and_not_on_the_umask(path: Path, tmp_path: Path, umask: int) -> None:
    """Shell scripts in approot/bin are executable, which no package can say."""
    with umask_of(umask):
        extract_package(path, tmp_path / "out")
    role = tmp_path / "out" / "Roles" / "Web"
    modes = {name: (role / name).stat().st_mode & 0o777 for name in ("approot", ".", "approot/bin")}
    modes |= {
        name: (role / f"approot/bin/{name}").stat().st_mode & 0o777 for name in ("configure.sh", "ps.cmd")
    }
    assert modes == {
        "approot": 0o755,
        ".": 0o755,
        "approot/bin": 0o755,
        "configure.sh": 0o755,
        "ps.cmd": 0o644,
    }


@contextmanager
def umask_of(umask: int) -> Iterator[None]:
    before = os.umask(umask)
    try:
        yield
    finally:
        os.umask(before)


@posix
def test_a_shell_script_elsewhere_is_an_ordinary_file(tmp_path: Path) -> None:
    files = ("approot/tools/x.sh", "approot/bin/sub/y.SH", "approot/lib/bin/command", "approot/lib/x/data")
    package = sample_package(files={"Web": {path: of("") for path in files}})
    write_package(package, tmp_path / "p.cspkg")
    extract_package(tmp_path / "p.cspkg", tmp_path / "out")
    approot = tmp_path / "out" / "Roles" / "Web" / "approot"
    assert (approot / "tools" / "x.sh").stat().st_mode & 0o777 == 0o644
    assert (approot / "bin" / "sub" / "y.SH").stat().st_mode & 0o777 == 0o755
    assert (approot / "lib" / "bin" / "command").stat().st_mode & 0o777 == 0o755
    assert (approot / "lib" / "x" / "data").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("there_before", [True, False])
def test_a_damaged_content_leaves_nothing(path: Path, tmp_path: Path, there_before: bool) -> None:
    """Not one file, not even those that were sound."""
    planted = Planted.sound(path)
    planted.change(part_of(of(WHEEL)), lambda data: data[::-1])
    planted.write(path)
    target = tmp_path / "out"
    if there_before:
        target.mkdir()
    with pytest.raises(PackageError, match="SHA-256"):
        extract_package(path, target)
    assert target.exists() == there_before
    assert [each.name for each in tmp_path.iterdir() if each.name not in {"out", "p.cspkg"}] == []
    assert files_below(tmp_path).keys() == {"p.cspkg"}


def test_an_interruption_leaves_nothing(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    def interrupt(relative: str) -> bool:
        written.append(relative)
        if len(written) == 3:
            raise KeyboardInterrupt
        return False

    monkeypatch.setattr(extract, "_is_script", interrupt)
    with pytest.raises(KeyboardInterrupt):
        extract_package(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_a_transport_error(path: Path, tmp_path: Path) -> None:
    with pytest.raises(TransportError, match=r"cannot be written: .*Next:"):
        extract_package(path, path / "below-a-file")
    with pytest.raises(TransportError, match="cannot be written"):
        extract_package(path, path)
    with pytest.raises(TransportError, match="cannot be read"):
        extract_package(tmp_path / "gone.cspkg", tmp_path / "out")


@pytest.mark.parametrize(
    "relative", ["../x", "Web/../../x", "/x", "C:/x", "Web//x", "Web/..", "", ".", "..\\x"], ids=repr
)
def test_the_one_place_that_writes_refuses_what_leads_out(tmp_path: Path, relative: str) -> None:
    """Even if everything before it had failed to."""
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(PackageError, match="leads out of the folder"):
        extract._write(of("evil"), root, relative)
    assert files_below(tmp_path) == {}
