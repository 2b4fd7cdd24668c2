"""The zip file under a package, read without trusting anything it says of itself."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import struct
import zipfile
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, BinaryIO

from hatch_cloudrole.errors import Fault, PackageError, TransportError
from hatch_cloudrole.package.names import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from _typeshed import WriteableBuffer

__all__ = ["MAX_ENTRIES", "Archive", "name_of", "open_archive", "unpacked_limit"]

MAX_ENTRIES = 100_000
"""Entries of the largest archive that is read or written."""

_MAX_READ = 32 << 20
_FREE = 1 << 30
_MAX_RATIO = 100
_ENCRYPTED = 0x1


def unpacked_limit(size: int) -> int:
    """Bytes that an archive of `size` bytes may unpack to: a hundred times as many, and 1 GiB in any case."""
    return max(_FREE, _MAX_RATIO * size)


class Archive:
    """The entries of an open zip file, by name.

    OPC compares names without regard to case, and so do the lookups here; names are as stored.
    """

    def __init__(self, path: Path, file: zipfile.ZipFile, size: int, kind: str) -> None:
        self.path = path
        self.kind = kind
        self.size = size
        self.faults: list[Fault] = []
        self._file = file
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for info in file.infolist():
            self._add(info)

    @property
    def entries(self) -> Mapping[str, zipfile.ZipInfo]:
        """Every entry that is no folder, by its name in lower case."""
        return self._entries

    def find(self, name: str) -> zipfile.ZipInfo | None:
        return self._entries.get(name.lower())

    def open(self, info: zipfile.ZipInfo, sha256: str = "") -> BinaryIO:
        """Stream an entry; with `sha256`, whoever reads to the end knows that the bytes have that hash.

        :raises PackageError: here or while reading: the entry is damaged, or its hash differs.
        :raises TransportError: here or while reading: the file cannot be read.
        """
        if self._file.fp is None:
            raise ValueError(f"{self.path} is closed")
        if found := _entry_fault(info):
            raise self.error(name_of(info), found)
        with self._translated(name_of(info)):
            # The reader closes this stream together with its own.
            return io.BufferedReader(_Entry(self, info, self._file.open(info), sha256))

    def read(self, info: zipfile.ZipInfo, limit: int, sha256: str = "") -> bytes:
        """All bytes of a document.

        :raises PackageError: it is longer than `limit` bytes, damaged, or its hash differs.
        :raises TransportError: the file cannot be read.
        """
        if info.file_size > limit:
            raise self.error(name_of(info), f"is {info.file_size} bytes long; the limit is {limit}")
        with self.open(info, sha256) as stream:
            return stream.read()

    def error(self, where: str, what: str, remedy: str = "") -> PackageError:
        summary = f"{self.path} cannot be read as {self.kind}:"
        return PackageError(summary, [Fault(printable(where), what, remedy)])

    def _add(self, info: zipfile.ZipInfo) -> None:
        name = name_of(info)
        if name.endswith("/") and not info.file_size:
            return
        other = self._entries.setdefault(name.lower(), info)
        if other is not info:
            how = (
                "twice" if name_of(other) == name else f"and as {name_of(other)!r}, which is the same in OPC"
            )
            self.faults.append(Fault(name, f"this entry occurs {how}"))
        if found := _entry_fault(info):
            self.faults.append(Fault(name, found))

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno == errno.EINVAL:
                raise self.error(name, _OUTSIDE, _REMEDY) from error
            raise _unreadable(self.path, error) from error
        except _DAMAGE as error:
            raise self.error(name, f"is damaged: {_reason(error)}", _REMEDY) from error


class _Entry(io.RawIOBase):
    """The bytes of an entry, hashed on their way."""

    def __init__(self, archive: Archive, info: zipfile.ZipInfo, source: IO[bytes], sha256: str) -> None:
        self._archive, self._info, self._source, self._sha256 = archive, info, source, sha256
        self._digest = hashlib.sha256() if sha256 else None
        self._left = info.file_size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        with self._archive._translated(name_of(self._info)):  # noqa: SLF001 - two classes, one job
            data = self._source.read(len(view))
        view[: len(data)] = data
        if self._digest:
            self._digest.update(data)
        self._left -= len(data)
        if not self._left or not data:
            self._judge()
        return len(data)

    def _judge(self) -> None:
        """Compare what came, now that nothing more will, with what was announced."""
        found = self._digest.hexdigest() if self._digest else ""
        if self._left:
            what = f"ends {self._left} bytes early"
        elif found != self._sha256:
            what = f"its SHA-256 is {found}; the manifest says {self._sha256}"
        else:
            return
        raise self._archive.error(name_of(self._info), what, _REMEDY)

    def close(self) -> None:
        self._source.close()
        super().close()


class _Bounded(io.FileIO):
    """A file that hands out no more at once than an honest archive needs, whatever its headers claim."""

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(os.fstat(self.fileno()).st_size - self.tell(), 0)
        wanted = left if size is None or size < 0 else size
        return super().read(min(wanted, left, _MAX_READ)) or b""


@contextmanager
def open_archive(path: Path, *, kind: str = "a Cloud Service package") -> Iterator[Archive]:
    """Open the zip file at `path` for reading; messages say that it is to be `kind`.

    :raises PackageError: it is no zip file, or holds more than any honest package does.
    :raises TransportError: the file cannot be read.
    """
    try:
        raw = _Bounded(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    with raw:
        size = raw.seek(0, io.SEEK_END)
        try:
            file = zipfile.ZipFile(raw)
        except OSError as error:
            if error.errno == errno.EINVAL:
                raise _no_zip(path, _OUTSIDE) from error
            raise _unreadable(path, error) from error
        except _DAMAGE as error:
            raise _no_zip(path, _reason(error)) from error
        with file:
            _refuse_bomb(path, file, size)
            yield Archive(path, file, size, kind)


# What zipfile raises on bytes that are not what they should be; zlib's own error is one of them.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)
# What a seek to a place before the file's begin (EINVAL) means.
_OUTSIDE = "it points outside the file"
_REMEDY = "obtain the package anew, or build it again"


def name_of(info: zipfile.ZipInfo) -> str:
    """The name of an entry as the archive has it, before zipfile adapts it to this host."""
    return info.orig_filename


def _entry_fault(info: zipfile.ZipInfo) -> str:
    """What keeps an entry from being a part of any OPC package."""
    if info.flag_bits & _ENCRYPTED:
        return "it is encrypted"
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return f"its compression method is {info.compress_type}; OPC knows 0 (stored) and 8 (deflate)"
    if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
        return "it is stored, but its two sizes differ"
    return ""


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _unreadable(path: Path, error: OSError) -> TransportError:
    return TransportError(
        f"{path} cannot be read: {error.strerror or error}. Next: see that it exists and may be read"
    )


def _no_zip(path: Path, reason: str) -> PackageError:
    fault = Fault(path.name, f"is no zip file, so it is no package ({reason})", _REMEDY)
    return PackageError(f"{path} cannot be read as a Cloud Service package:", [fault])


def _refuse_bomb(path: Path, file: zipfile.ZipFile, size: int) -> None:
    entries = file.infolist()
    total = sum(info.file_size for info in entries)
    if len(entries) > MAX_ENTRIES:
        what = f"has {len(entries)} entries; the limit is {MAX_ENTRIES}"
    elif total > unpacked_limit(size):
        what = f"unpacks to {total} bytes; the limit for its size is {unpacked_limit(size)}"
    else:
        return
    raise PackageError(f"{path} cannot be read as a Cloud Service package:", [Fault(path.name, what)])
