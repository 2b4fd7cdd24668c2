"""A role's packages laid out at build time (`install = "unpacked"`), as the instance would install them.

The instance's own modules decide what goes where, so that both ways of installing have one result.
"""

from __future__ import annotations

import base64
import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, BinaryIO

from hatch_cloudrole.content import Content
from hatch_cloudrole.errors import Fault, WheelError
from hatch_cloudrole.instance._cloudrole.adopt import MARKER, marker
from hatch_cloudrole.instance._cloudrole.faults import WheelhouseError
from hatch_cloudrole.instance._cloudrole.layout import find_owners, placements
from hatch_cloudrole.instance._cloudrole.record import encoded, render_record
from hatch_cloudrole.instance._cloudrole.settings import PinnedWheel
from hatch_cloudrole.instance._cloudrole.wheel import plan_wheel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hatch_cloudrole.instance._cloudrole.wheel import Member
    from hatch_cloudrole.target import Target
    from hatch_cloudrole.wheels.model import Wheel

__all__ = ["FOLDER", "Unpacked", "unpack_wheels"]

FOLDER = "lib"
"""Where the packages lie in approot."""
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, FileNotFoundError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unpacked:
    """The files by their path from approot, and what two wheels disagree about."""

    files: Mapping[str, Content]
    notes: tuple[str, ...] = ()


def unpack_wheels(wheels: Sequence[Wheel], target: Target) -> Unpacked:
    """Lay out `wheels` for `target`; their files are read when the package is written.

    :raises WheelError: a wheel holds what no instance would install, or is damaged.
    """
    pinned = [_pinned(wheel) for wheel in sorted(wheels, key=lambda each: each.filename)]
    contents = {wheel.filename: wheel.content for wheel in wheels}
    archives = {wheel.file: _Archive(wheel.file, contents[wheel.file]) for wheel in pinned}
    notes: list[str] = []
    files: dict[str, Content] = {}
    records: dict[str, bytes] = {}
    executables: list[str] = []
    faults: list[Fault] = []
    plans = []
    for wheel in pinned:
        try:
            plans.append(plan_wheel(archives[wheel.file].zip(), wheel))
        except WheelhouseError as error:
            faults.append(Fault(wheel.file, str(error).removeprefix(f"{wheel.file}: ")))
    if faults:
        raise WheelError("Some wheels cannot be laid out", faults)
    owners = find_owners(pinned, plans, notes.append, windows=target.is_windows)
    for wheel, plan in zip(pinned, plans, strict=True):
        archive = archives[wheel.file]
        rows: list[tuple[str, str, int]] = []
        for placed in placements(archive.zip(), wheel, plan, owners, python=None, windows=target.is_windows):
            if placed.member is None:
                content = Content.of_bytes(placed.data or b"")
            else:
                content = archive.content(placed.member)
            files[placed.target] = content
            rows.append((placed.target, encoded(bytes.fromhex(content.sha256)), content.size))
            if placed.executable:
                executables.append(placed.target)
        records[f"{plan.dist_info}/RECORD"] = render_record(rows, plan.dist_info)
    files |= {path: Content.of_bytes(data) for path, data in records.items()}
    files[MARKER] = Content.of_bytes(marker(pinned, records, executables))
    return Unpacked(files={f"{FOLDER}/{path}": files[path] for path in sorted(files)}, notes=tuple(notes))


def _pinned(wheel: Wheel) -> PinnedWheel:
    """The wheel as role.json has it."""
    return PinnedWheel(
        wheel.filename, wheel.name, str(wheel.version), wheel.content.sha256, wheel.content.size
    )


class _Archive:
    """A wheel that stays open, because its members are read one by one while a package is written."""

    def __init__(self, filename: str, content: Content) -> None:
        self.filename = filename
        self._content = content
        self._zip: zipfile.ZipFile | None = None

    def zip(self) -> zipfile.ZipFile:
        """The wheel, opened once.

        :raises WheelError: it is gone, or no zip.
        """
        if self._zip is None:
            try:
                self._zip = zipfile.ZipFile(self._content.open())
            except _DAMAGE as error:
                raise self.damaged(error) from None
        return self._zip

    def content(self, member: Member) -> Content:
        """A member's bytes. RECORD and the zip, which were verified before, say what identifies them."""
        algorithm, _, text = member.digest.partition("=")
        info = member.info
        if algorithm == "sha256":
            sha256 = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).hex()
        else:
            sha256 = Content.of_bytes(self.zip().read(info)).sha256
        return Content(info.file_size, sha256, info.CRC, lambda: self._open(info))

    def _open(self, info: zipfile.ZipInfo) -> BinaryIO:
        try:
            return io.BufferedReader(_Member(self, self.zip().open(info)))
        except _DAMAGE as error:
            raise self.damaged(error) from None

    def damaged(self, error: Exception) -> WheelError:
        """The store's wheel is not what was verified."""
        fault = Fault(self.filename, f"cannot be read ({error})", "build again")
        return WheelError("A wheel in the store is damaged", [fault])


class _Member(io.RawIOBase):
    """The bytes of a member; that they are damaged is an error of the wheel."""

    def __init__(self, archive: _Archive, stream: IO[bytes]) -> None:
        self._archive = archive
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            data = self._stream.read(len(buffer))
        except _DAMAGE as error:
            raise self._archive.damaged(error) from None
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()
