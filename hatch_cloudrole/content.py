"""The bytes of one file: where they are, how many, and their SHA-256, without holding them in memory."""

from __future__ import annotations

import hashlib
import io
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["CHUNK", "Content", "chunks"]

CHUNK = 1 << 20
"""Bytes read at a time wherever a file is streamed."""


def chunks(stream: BinaryIO, size: int = CHUNK) -> Iterator[bytes]:
    """Read `stream` to its end, at most `size` bytes at a time."""
    while chunk := stream.read(size):
        yield chunk


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes with an identity. Two contents are equal when size, SHA-256 and CRC-32 are, wherever they lie.

    `crc32` (of the bytes, as zip has it) lets a copy be checked for the price of the copy; `opener` returns a
    new binary stream at the first byte.
    """

    size: int
    sha256: str
    crc32: int
    opener: Callable[[], BinaryIO] = field(compare=False, repr=False)

    def open(self) -> BinaryIO:
        return self.opener()

    def read(self) -> bytes:
        """All bytes at once: for small contents only."""
        with self.open() as stream:
            return stream.read()

    @classmethod
    def of_bytes(cls, data: bytes) -> Content:
        return cls(len(data), hashlib.sha256(data).hexdigest(), zlib.crc32(data), lambda: io.BytesIO(data))

    @classmethod
    def of_file(cls, path: Path) -> Content:
        """Read the file once for its identity.

        :raises OSError: the file cannot be read.
        """
        digest, crc, size = hashlib.sha256(), 0, 0
        with path.open("rb") as stream:
            for chunk in chunks(stream):
                digest.update(chunk)
                crc = zlib.crc32(chunk, crc)
                size += len(chunk)
        return cls(size, digest.hexdigest(), crc, lambda: path.open("rb"))

    @classmethod
    def known(cls, path: Path, *, size: int, sha256: str, crc32: int) -> Content:
        """A file whose identity was recorded when it was verified: it is not read again."""
        return cls(size, sha256, crc32, lambda: path.open("rb"))
