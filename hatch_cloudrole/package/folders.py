"""A zip with a folder a role, for hosts that are no Cloud Service: write, recognize, read."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hatch_cloudrole.content import Content, chunks
from hatch_cloudrole.errors import Fault, PackageError
from hatch_cloudrole.package import opc
from hatch_cloudrole.package.archive import MAX_ENTRIES, Archive, name_of, open_archive
from hatch_cloudrole.package.model import Package
from hatch_cloudrole.package.names import file_path_fault, path_set_faults, role_name_fault
from hatch_cloudrole.package.reader import open_package, presentable
from hatch_cloudrole.package.zipped import Entry, is_script, write_zip

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

__all__ = ["has_folders", "open_artifact", "open_folders", "write_folders"]

_KIND = "a zip of role folders"
_MARK = "bin/role.json"
_APPROOT = "approot/"


def write_folders(
    roles: Mapping[str, Mapping[str, Content]],
    path: Path,
    timestamp: datetime,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Write `<role>/<path>` of every file to `path`, sorted; see `zipped.write_zip`.

    `roles` are the files by role name and path from approot. Names must be such as Windows can hold, whatever
    they are for: a zip is copied to any host. Shell scripts in `bin` are executable.

    :raises PackageError: a name cannot be in the archive, or a file's bytes are not those announced.
    :raises WheelError: the same of a wheel.
    :raises TransportError: disk or permissions, reading or writing.
    """
    entries = [
        Entry(f"{role}/{inside}", content, (f"{role}: {inside}",), executable=is_script(inside))
        for role, files in sorted(roles.items())
        for inside, content in sorted(files.items())
    ]
    faults = [Fault(where, what) for where, what in _name_faults(roles)]
    if len(entries) > MAX_ENTRIES:
        faults.append(Fault("", f"{len(entries)} files; a zip has {MAX_ENTRIES} at most"))
    if faults:
        raise PackageError("This cannot be made a zip of role folders:", faults)
    write_zip(path, entries, timestamp, progress)


def open_artifact(path: Path) -> AbstractContextManager[Package]:
    """Open what a build made, whichever target version it is of; see `open_package` and `open_folders`.

    :raises PackageError: it is neither; whatever does not look like a zip of role folders is judged as a
        package.
    :raises TransportError: the file cannot be read.
    """
    return open_folders(path) if has_folders(path) else open_package(path)


def has_folders(path: Path) -> bool:
    """Whether the file is a zip of role folders: it has a role.json where they do, and is no OPC package.

    :raises TransportError: the file cannot be read.
    """
    try:
        with open_archive(path) as archive:
            return archive.find(opc.CONTENT_TYPES) is None and any(
                name.partition("/")[2] == _MARK for name in archive.entries
            )
    except PackageError:
        return False


@contextmanager
def open_folders(path: Path) -> Iterator[Package]:
    """Open a zip of role folders as a package that has nothing but each role's `approot/...`.

    Every file is read once, for its identity.

    :raises PackageError: it is not one, or is damaged; every fault is named.
    :raises TransportError: the file cannot be read.
    """
    with open_archive(path, kind=_KIND) as archive:
        layouts: dict[str, dict[str, Content]] = {}
        faults = list(archive.faults)
        newest = (1980, 1, 1, 0, 0, 0)
        for info in archive.entries.values():
            role, _, inside = name_of(info).partition("/")
            try:
                layouts.setdefault(role, {})[inside] = _content(archive, info)
            except PackageError as error:
                faults += error.faults
            newest = max(newest, info.date_time)
        faults += [Fault(where, what) for where, what in _name_faults(layouts)]
        faults += [
            Fault(role, f"has no {_MARK}, so it is no role's folder")
            for role, files in layouts.items()
            if _MARK not in files and not faults
        ]
        if faults:
            raise PackageError(f"{path} cannot be read as {_KIND}:", presentable(faults))
        yield Package(
            product_version="",
            parts={},
            layouts={
                role: {f"{_APPROOT}{inside}": content for inside, content in files.items()}
                for role, files in layouts.items()
            },
            timestamp=_moment(newest),
        )


def _content(archive: Archive, info: zipfile.ZipInfo) -> Content:
    digest = hashlib.sha256()
    with archive.open(info) as stream:
        for chunk in chunks(stream):
            digest.update(chunk)
    return Content(info.file_size, digest.hexdigest(), info.CRC, lambda: archive.open(info))


def _name_faults(roles: Mapping[str, Mapping[str, Content]]) -> Iterator[tuple[str, str]]:
    for role, files in sorted(roles.items()):
        if found := role_name_fault(role):
            yield role, found
        paths = sorted(files)
        wrong = [(path, found) for path in paths if (found := file_path_fault(path))]
        for path, what in [*wrong, *path_set_faults(paths)]:
            yield f"{role}: {path}", what


def _moment(parts: tuple[int, int, int, int, int, int]) -> datetime:
    try:
        return datetime(*parts, tzinfo=timezone.utc)
    except ValueError:  # a zip can say the 31st of February
        return datetime(1980, 1, 1, tzinfo=timezone.utc)
