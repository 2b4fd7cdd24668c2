"""Writing a zip file: streamed, compared with what was promised, and put in place at once or not at all."""

from __future__ import annotations

import secrets
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from hatch_cloudrole.content import chunks
from hatch_cloudrole.errors import Fault, PackageError, TransportError, WheelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from hatch_cloudrole.content import Content

__all__ = ["Entry", "is_script", "write_zip"]

_OLDEST = (1980, 1, 1, 0, 0, 0)
_NEWEST = (2107, 12, 31, 23, 59, 58)
_REGULAR_FILE = 0o100644 << 16
_PROGRAM = 0o100755 << 16
_UNIX = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive. `users` are the user's names for its bytes; an `executable` has mode 0755."""

    name: str
    content: Content
    users: tuple[str, ...] = ()
    executable: bool = False


def is_script(path: str) -> bool:
    """Whether a file, by its path from approot, is one that a host must be able to execute.

    The rule is the same on every build host, some of which have no modes: shell scripts in `bin`, except what
    is ours and only read in by them, and the commands of packages that are laid out.
    """
    path = path.lower()
    if path.startswith("bin/_cloudrole/"):
        return False
    return (path.startswith("bin/") and path.endswith(".sh")) or path.startswith("lib/bin/")


def write_zip(
    path: Path,
    entries: Iterable[Entry],
    timestamp: datetime,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Write `entries` in their order to `path`, replacing what is there only when the new one is complete.

    The bytes depend on the entries and `timestamp` (UTC) alone. Nothing is compressed: what is large is
    compressed already, and compressed bytes differ from one zlib to the next. While contents are copied,
    their sizes and CRC-32s are compared with those they were announced with. `progress` is told the bytes of
    contents as they are copied.

    :raises PackageError: a file's bytes are not those announced.
    :raises WheelError: the same of a wheel.
    :raises TransportError: disk or permissions, reading or writing.
    """
    when = _zip_time(timestamp)
    try:
        with _replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
            for entry in entries:
                _copy(archive, entry, when, progress)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise TransportError(
            f"{path} cannot be written: {error.strerror or error}{where}. "
            "Next: see that the disk has room and that these files and folders may be read and written"
        ) from error


def _copy(
    archive: zipfile.ZipFile,
    entry: Entry,
    when: tuple[int, int, int, int, int, int],
    progress: Callable[[int], None],
) -> None:
    content = entry.content
    info = zipfile.ZipInfo(entry.name, when)
    # The entry looks the same from every host; its size lets zipfile choose its widths beforehand.
    info.create_system = _UNIX
    info.external_attr = _PROGRAM if entry.executable else _REGULAR_FILE
    info.file_size = content.size
    copied = 0
    try:
        opened = content.open()
    except FileNotFoundError:
        if not any(user.endswith(".whl") for user in entry.users):
            raise
        raise _changed(entry.users) from None  # somebody has removed it from the store meanwhile
    with opened as source, archive.open(info, "w") as target:
        for chunk in chunks(source):
            copied += len(chunk)
            if copied > content.size:
                break
            target.write(chunk)
            progress(len(chunk))
    if (copied, info.CRC) != (content.size, content.crc32):
        raise _changed(entry.users or (entry.name,))


def _changed(users: tuple[str, ...]) -> PackageError | WheelError:
    """Blame the store, or the disk under it, for a wheel, and a change meanwhile for any other file."""
    what = "its bytes are not those that were read before"
    if any(user.endswith(".whl") for user in users):
        remedy = (
            "remove the damaged wheel from the store (`cloudrole cache info` says where), then build again"
        )
        return WheelError("A wheel in the store is damaged:", [Fault(user, what, remedy) for user in users])
    faults = [Fault(user, what, "let nothing change the files while they are packaged") for user in users]
    return PackageError("A file changed while the package was written:", faults)


def _zip_time(timestamp: datetime) -> tuple[int, int, int, int, int, int]:
    """A moment as zip can have it: from 1980 to 2107."""
    moment = timestamp
    parts = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    return min(max(parts, _OLDEST), _NEWEST)


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file beside `path` that takes its place when all went well and leaves no trace when not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
