"""RECORD, the list of an installed package's files (the recording of installed projects, PEP 376 and 627)."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["encoded", "file_digest", "parse_record", "render_record"]

_CHUNK = 1 << 20


def file_digest(path: Path) -> bytes:
    """The SHA-256 of a file.

    :raises OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for piece in iter(lambda: stream.read(_CHUNK), b""):
            digest.update(piece)
    return digest.digest()


def encoded(digest: bytes) -> str:
    """A SHA-256 as RECORD has it."""
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def render_record(rows: Iterable[tuple[str, str, int]], dist_info: str) -> bytes:
    """The file: path, hash as `encoded` and size of each file, and the file itself, which has no hash."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(sorted(rows))
    writer.writerow((f"{dist_info}/RECORD", "", ""))
    return text.getvalue().encode("utf-8")


def parse_record(data: bytes) -> Iterator[tuple[str, str]]:
    """Path and hash of each file; the hash of RECORD itself is empty.

    :raises ValueError: it is not such a file.
    """
    try:
        for row in csv.reader(io.StringIO(data.decode("utf-8"), newline="")):
            if len(row) != 3:
                raise ValueError(f"a line of {len(row)} values, not 3")
            yield row[0], row[1]
    except csv.Error as error:
        raise ValueError(str(error)) from None
