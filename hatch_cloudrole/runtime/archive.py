"""Archives of CPython as instances unpack them: what is in one, and a tar.gz made a zip."""

from __future__ import annotations

import tarfile
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hatch_cloudrole.content import CHUNK

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from hatch_cloudrole.target import Target

__all__ = ["BadArchiveError", "check_archive", "is_zip", "write_as_zip"]

_DATE = (1980, 1, 1, 0, 0, 0)


class BadArchiveError(Exception):
    """An archive that an instance could not use; the text says why."""


def is_zip(filename: str) -> bool:
    """Whether a file of this name is unpacked as a zip."""
    return filename.lower().endswith((".zip", ".nupkg"))


def check_archive(path: Path, filename: str, target: Target) -> None:
    """Look for the target's interpreter at the places where the starting scripts will look for it.

    :raises BadArchiveError: it is not there, or the archive cannot be read, or not on the target.
    """
    if is_zip(filename) and not target.is_windows:
        raise BadArchiveError("it is a zip, which has no file modes; accepted for this target: a tar.gz")
    with _reading():
        names = _names(path, filename)
    if target.is_windows:
        folders = ["", "python/", "tools/"]
        wanted = ("python.exe", f"python{target.minor.replace('.', '')}.dll")
    else:
        folders = ["python/", ""]
        wanted = ("bin/python3", f"bin/python{target.minor}")
    if not any(all(folder + name in names for name in wanted) for folder in folders):
        places = ", ".join(folder or "its root" for folder in folders)
        raise BadArchiveError(
            f"no CPython {target.minor} for {target.platform} is in it: {' and '.join(wanted)} "
            f"lie in none of {places}"
        )


def write_as_zip(source: Path, sink: Path) -> None:
    """Write the files of a tar.gz as a zip. Its bytes depend on names and contents alone.

    :raises BadArchiveError: the archive cannot be read, or holds what no Windows file system can.
    :raises OSError: the zip cannot be written.
    """
    with _reading(), tarfile.open(source, "r:gz") as tar, zipfile.ZipFile(sink, "w") as archive:
        for member in sorted(tar.getmembers(), key=lambda each: each.name):
            if member.isdir():
                continue
            stream = tar.extractfile(member) if member.isfile() or member.islnk() else None
            if stream is None:
                raise BadArchiveError(f"{member.name} is a link, which a zip cannot hold")
            info = zipfile.ZipInfo(member.name.removeprefix("./"), _DATE)
            info.create_system = 0
            with stream, archive.open(info, "w", force_zip64=member.size > 1 << 31) as file:
                while piece := stream.read(CHUNK):
                    file.write(piece)


def _names(path: Path, filename: str) -> Collection[str]:
    if is_zip(filename):
        with zipfile.ZipFile(path) as archive:
            return {name.lower() for name in archive.namelist()}
    with tarfile.open(path, "r:gz") as tar:
        return {member.name.removeprefix("./") for member in tar}


@contextmanager
def _reading() -> Iterator[None]:
    """Tell whatever the libraries say of a damaged archive as one error."""
    import zlib

    try:
        yield
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise BadArchiveError(f"it cannot be read: {error}") from error
