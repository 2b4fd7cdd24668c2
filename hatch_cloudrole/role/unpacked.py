"""A role's packages laid out at build time (`install = "unpacked"`), as the instance would install them.

The instance's own modules decide what goes where, so that both ways of installing have one result.
"""

from __future__ import annotations

import base64
import io
import struct
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from hatch_cloudrole.content import Content
from hatch_cloudrole.errors import Fault, WheelError
from hatch_cloudrole.instance._cloudrole.adopt import MARKER, marker
from hatch_cloudrole.instance._cloudrole.faults import WheelhouseError
from hatch_cloudrole.instance._cloudrole.layout import find_owners, placements
from hatch_cloudrole.instance._cloudrole.record import encoded, render_record
from hatch_cloudrole.instance._cloudrole.settings import PinnedWheel
from hatch_cloudrole.instance._cloudrole.wheel import plan_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hatch_cloudrole.instance._cloudrole.wheel import Member, Plan
    from hatch_cloudrole.target import Target
    from hatch_cloudrole.wheels.model import Wheel

__all__ = ["FOLDER", "Unpacked", "unpack_wheels"]

FOLDER = "lib"
"""Where the packages lie in approot."""
_LOCAL_HEADER = struct.Struct("<4s22x2H")
"""In front of each member of a zip: a signature, the lengths of name and extra field, and then these."""
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, FileNotFoundError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpacked:
    """The files by their path from approot; `notes` say what two wheels disagree about."""

    files: Mapping[str, Content]
    notes: tuple[str, ...] = ()
    sha256: str = ""
    """Of the file that says what the others are, for role.json."""


def unpack_wheels(wheels: Sequence[Wheel], target: Target) -> Unpacked:
    """Lay out `wheels` for `target`; their files are read when the package is written.

    :raises WheelError: a wheel holds what no instance would install, or is damaged.
    """
    contents = {wheel.filename: wheel.content for wheel in wheels}
    pinned = [_pinned(wheel) for wheel in sorted(wheels, key=lambda each: each.filename)]
    plans = _plans(pinned, contents)
    notes: list[str] = []
    owners = find_owners(pinned, plans, notes.append, windows=target.is_windows)
    files: dict[str, Content] = {}
    records: dict[str, bytes] = {}
    executables: list[str] = []
    for wheel, plan in zip(pinned, plans, strict=True):
        rows: list[tuple[str, str, int]] = []
        with _opened(wheel.file, contents[wheel.file]) as archive:
            for placed in placements(archive, wheel, plan, owners, python=None, windows=target.is_windows):
                if placed.member is None:
                    content = Content.of_bytes(placed.data or b"")
                else:
                    content = _content(placed.member, archive, wheel.file, contents[wheel.file])
                files[placed.target] = content
                rows.append((placed.target, encoded(bytes.fromhex(content.sha256)), content.size))
                if placed.executable:
                    executables.append(placed.target)
        records[f"{plan.dist_info}/RECORD"] = render_record(rows, plan.dist_info)
    files |= {path: Content.of_bytes(data) for path, data in records.items()}
    files[MARKER] = Content.of_bytes(marker(records, executables))
    return Unpacked(
        files={f"{FOLDER}/{path}": files[path] for path in sorted(files)},
        notes=tuple(notes),
        sha256=files[MARKER].sha256,
    )


def _pinned(wheel: Wheel) -> PinnedWheel:
    """The wheel as role.json has it."""
    content = wheel.content
    return PinnedWheel(wheel.filename, wheel.name, str(wheel.version), content.sha256, content.size)


def _plans(pinned: Sequence[PinnedWheel], contents: Mapping[str, Content]) -> list[Plan]:
    plans: list[Plan] = []
    faults: list[Fault] = []
    for wheel in pinned:
        try:
            with _opened(wheel.file, contents[wheel.file]) as archive:
                plans.append(plan_wheel(archive, wheel))
        except WheelhouseError as error:
            faults.append(Fault(wheel.file, str(error).removeprefix(f"{wheel.file}: ")))
    if faults:
        raise WheelError("Some wheels cannot be laid out", faults)
    return plans


@contextmanager
def _opened(filename: str, content: Content) -> Iterator[zipfile.ZipFile]:
    """The wheel; that it is gone or damaged is an error of the wheel."""
    try:
        with content.open() as stream, zipfile.ZipFile(stream) as archive:
            yield archive
    except _DAMAGE as error:
        raise _damaged(filename, error) from None


def _damaged(filename: str, error: Exception) -> WheelError:
    """The store's wheel is not what was verified."""
    fault = Fault(filename, f"cannot be read ({error})", "build again")
    return WheelError("A wheel in the store is damaged", [fault])


def _content(member: Member, archive: zipfile.ZipFile, filename: str, wheel: Content) -> Content:
    """A member's bytes. RECORD and the zip, which were verified before, say what identifies them."""
    algorithm, _, text = member.digest.partition("=")
    info = member.info
    if algorithm == "sha256":
        sha256 = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).hex()
    else:
        sha256 = Content.of_bytes(archive.read(info)).sha256
    return Content(info.file_size, sha256, info.CRC, lambda: _open_member(info, filename, wheel))


def _open_member(info: zipfile.ZipInfo, filename: str, wheel: Content) -> BinaryIO:
    """Open a member without reading the wheel's directory again, which takes longer than most members."""
    try:
        stream = wheel.open()
    except _DAMAGE as error:
        raise _damaged(filename, error) from None
    stream.seek(info.header_offset)
    header = stream.read(_LOCAL_HEADER.size)
    signature, name_length, extra_length = b"", 0, 0
    if len(header) == _LOCAL_HEADER.size:
        signature, name_length, extra_length = _LOCAL_HEADER.unpack(header)
    if signature != b"PK\3\4":
        stream.close()
        raise _damaged(filename, zipfile.BadZipFile(f"no file begins where {info.filename} should"))
    stream.seek(name_length + extra_length, io.SEEK_CUR)
    return io.BufferedReader(_Member(zipfile.ZipExtFile(stream, "r", info, close_fileobj=True), filename))


class _Member(io.RawIOBase):
    """The bytes of a member; that they are damaged is an error of the wheel."""

    def __init__(self, stream: zipfile.ZipExtFile, filename: str) -> None:
        self._stream = stream
        self._filename = filename

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            data = self._stream.read(len(buffer))
        except _DAMAGE as error:
            raise _damaged(self._filename, error) from None
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()
