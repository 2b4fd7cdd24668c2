"""Archives of CPython: what an instance can use."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from hatch_cloudrole.runtime.archive import BadArchiveError, check_archive, write_as_zip
from hatch_cloudrole.target import Target

if TYPE_CHECKING:
    from pathlib import Path

LINUX = "manylinux_2_28_x86_64"


def write(path: Path, names: list[str]) -> None:
    if path.name.endswith(".tar.gz"):
        with tarfile.open(path, "w:gz") as tar:
            for name in names:
                tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    else:
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, b"")


@pytest.mark.parametrize(
    ("name", "names", "platform", "said"),
    [
        ("own.zip", ["python.exe", "python313.dll"], "win_amd64", ""),
        ("own.zip", ["Python.exe", "PYTHON313.DLL"], "win_amd64", ""),
        ("own.nupkg", ["tools/python.exe", "tools/python313.dll"], "win_amd64", ""),
        ("own.tar.gz", ["./python/python.exe", "./python/python313.dll"], "win_amd64", ""),
        ("own.zip", ["python.exe", "python312.dll"], "win_amd64", "no CPython 3.13 for win_amd64"),
        ("own.zip", ["python.exe", "tools/python313.dll"], "win_amd64", "no CPython 3.13"),
        ("own.zip", ["a/b/python.exe", "a/b/python313.dll"], "win_amd64", "no CPython 3.13"),
        ("own.zip", ["bin/python3", "bin/python3.13"], LINUX, "no file modes"),
        ("own.tar.gz", ["bin/python3", "bin/python3.13"], LINUX, ""),
        ("own.tar.gz", ["python/bin/python3", "python/bin/python3.13"], LINUX, ""),
        ("own.tar.gz", ["python/bin/python3", "python/bin/python3.12"], LINUX, "no CPython 3.13"),
    ],
)
def test_interpreter_is_where_the_scripts_look_for_it(
    tmp_path: Path, name: str, names: list[str], platform: str, said: str
) -> None:
    write(tmp_path / name, names)
    target = Target.parse("3.13", platform)
    if not said:
        check_archive(tmp_path / name, name, target)
        return
    with pytest.raises(BadArchiveError, match=said):
        check_archive(tmp_path / name, name, target)


@pytest.mark.parametrize("name", ["own.zip", "own.nupkg", "own.tar.gz"])
@pytest.mark.parametrize("data", [b"", b"no archive", b"\x1f\x8b\x08\0\0\0\0\0"])
def test_damaged_archive_is_told(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BadArchiveError, match="it cannot be read"):
        check_archive(tmp_path / name, name, Target.parse("3.13", "win_amd64"))


def test_link_cannot_be_in_a_zip(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "own.tar.gz", "w:gz") as tar:
        info = tarfile.TarInfo("python3")
        info.type, info.linkname = tarfile.SYMTYPE, "python3.13"
        tar.addfile(info)
    with pytest.raises(BadArchiveError, match="python3 is a link"):
        write_as_zip(tmp_path / "own.tar.gz", tmp_path / "own.zip")
