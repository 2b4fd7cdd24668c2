"""Writing a package: streamed, compared with what was promised, and put in place at once or not at all."""

from __future__ import annotations

import hashlib
import secrets
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from hatch_cloudrole.content import Content, chunks
from hatch_cloudrole.errors import Fault, PackageError, TransportError, WheelError
from hatch_cloudrole.package import markup, opc
from hatch_cloudrole.package.manifest import render_manifest
from hatch_cloudrole.package.plan import plan_package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from hatch_cloudrole.package.model import Package
    from hatch_cloudrole.package.plan import Plan

__all__ = ["write_package"]

_OLDEST = (1980, 1, 1, 0, 0, 0)
_NEWEST = (2107, 12, 31, 23, 59, 58)
_REGULAR_FILE = 0o100644 << 16
_UNIX = 3


def write_package(package: Package, path: Path, *, progress: Callable[[int], None] = lambda _: None) -> None:
    """Write `package` to `path`, replacing what is there only when the new one is complete.

    The bytes depend on `package` alone. Nothing is compressed: what is large is compressed already, and
    compressed bytes differ from one zlib to the next. While contents are copied, their sizes and CRC-32s are
    compared with those they were announced with. `progress` is told the bytes of contents as they are copied.

    :raises PackageError: `package` cannot be written in this format, or a file's bytes are not those
        announced.
    :raises WheelError: the same of a wheel.
    :raises TransportError: disk or permissions, reading or writing.
    """
    plan = plan_package(package)
    try:
        with _replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
            when = _zip_time(package.timestamp)
            for name, content in _entries(plan):
                _copy(
                    archive, _info(name, content.size, when), content, plan.users.get(name, (name,)), progress
                )
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise TransportError(
            f"{path} cannot be written: {error.strerror or error}{where}. "
            "Next: see that the disk has room and that these files and folders may be read and written"
        ) from error


def _entries(plan: Plan) -> Iterator[tuple[str, Content]]:
    """Every entry in the archive's order: what readers need first stands first."""
    manifest = render_manifest(plan.manifest)
    if found := markup.too_large(manifest):
        raise PackageError(f"This cannot be made a package: with all its files, its manifest {found}.")
    # The Id may be anything that is unique here; taken from the manifest, it is reproducible and says more.
    ident = "R" + hashlib.sha256(manifest).hexdigest()[:16]
    to_manifest = opc.Relationship(opc.V20120315, f"/{opc.MANIFEST}", ident, "External")
    yield opc.CONTENT_TYPES, Content.of_bytes(opc.render_content_types(plan.contents))
    yield opc.RELATIONSHIPS, Content.of_bytes(opc.render_relationships([to_manifest]))
    yield opc.MANIFEST, Content.of_bytes(manifest)
    yield from plan.contents.items()


def _copy(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    content: Content,
    users: tuple[str, ...],
    progress: Callable[[int], None],
) -> None:
    copied = 0
    try:
        opened = content.open()
    except FileNotFoundError:
        if _is_wheel(users):  # pruned from the store
            raise _changed(users) from None
        raise
    with opened as source, archive.open(info, "w") as target:
        for chunk in chunks(source):
            copied += len(chunk)
            if copied > content.size:
                break
            target.write(chunk)
            progress(len(chunk))
    if (copied, info.CRC) != (content.size, content.crc32):
        raise _changed(users)


def _changed(users: tuple[str, ...]) -> PackageError | WheelError:
    """Blame the store, or the disk under it, for a wheel, and a change meanwhile for any other file."""
    what = "its bytes are not those that were read before"
    if _is_wheel(users):
        remedy = (
            "remove the damaged wheel from the store (`cloudrole cache info` says where), then build again"
        )
        return WheelError("A wheel in the store is damaged:", [Fault(user, what, remedy) for user in users])
    faults = [Fault(user, what, "let nothing change the files while they are packaged") for user in users]
    return PackageError("A file changed while the package was written:", faults)


def _is_wheel(users: tuple[str, ...]) -> bool:
    return any(user.endswith(".whl") for user in users)


def _info(name: str, size: int, when: tuple[int, int, int, int, int, int]) -> zipfile.ZipInfo:
    """An entry that looks the same from every host. `size` lets zipfile choose its widths beforehand."""
    info = zipfile.ZipInfo(name, when)
    info.create_system = _UNIX
    info.external_attr = _REGULAR_FILE
    info.file_size = size
    return info


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
