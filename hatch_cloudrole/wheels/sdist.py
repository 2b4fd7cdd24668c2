"""Look at an sdist before anything of it runs: how much it unpacks to, and what its build requires."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

from hatch_cloudrole.content import CHUNK
from hatch_cloudrole.wheels.verify import BOMB_RATIO, BOMB_SLACK

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DEFAULT_REQUIRES", "BadSdistError", "read_build_requires"]

DEFAULT_REQUIRES = ("setuptools >= 40.8.0",)
"""What PEP 518 and pip take where pyproject.toml names no build requirements."""

_OPENERS: dict[str, Any] = {
    ".gz": gzip.open, ".tgz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".lzma": lzma.open, ".tar": open
}  # fmt: skip
_PYPROJECT_LIMIT = 1 << 20
_DAMAGE = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError,
    RuntimeError, NotImplementedError,
)  # fmt: skip


class BadSdistError(ValueError):
    """What is wrong with an sdist, in words that complete the sentence `NAME: ...`."""


def read_build_requires(path: Path) -> tuple[str, ...]:
    """The build requirements that the sdist at `path` declares in its pyproject.toml (PEP 518).

    The archive is read to its end, so that a bomb is noticed before it is unpacked. Names and links that lead
    outside are refused by uv, which does the unpacking.

    :raises BadSdistError: it is damaged, or would unpack to far more than its own size.
    """
    limit = path.stat().st_size * BOMB_RATIO + BOMB_SLACK
    try:
        text = _from_zip(path, limit) if path.suffix == ".zip" else _from_tar(path, limit)
    except BadSdistError:
        raise
    except _DAMAGE as error:
        raise BadSdistError(f"it is no sound archive ({error})") from None
    return _requires(text)


def _from_zip(path: Path, limit: int) -> str:
    with zipfile.ZipFile(path) as archive:
        if sum(info.file_size for info in archive.infolist()) > limit:
            raise BadSdistError(_bomb(path))
        for info in archive.infolist():
            if _is_pyproject(info.filename):
                with archive.open(info) as member:
                    return member.read(_PYPROJECT_LIMIT).decode("utf-8", "replace")
    return ""


def _from_tar(path: Path, limit: int) -> str:
    opener = _OPENERS.get(path.suffix.lower())
    if opener is None:
        raise BadSdistError("it is no .tar.gz or .zip")
    # Measured first: tarfile alone would believe what a header says of a member's size.
    with opener(path, "rb") as stream:
        size = 0
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            if size > limit:
                raise BadSdistError(_bomb(path))
    text = ""
    with opener(path, "rb") as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        unpacked = 0
        for member in archive:
            unpacked += member.size
            if unpacked > limit:  # a sparse member is small in the archive and large outside
                raise BadSdistError(_bomb(path))
            if _is_pyproject(member.name) and member.isreg() and not text:
                data = archive.extractfile(member)
                text = data.read(_PYPROJECT_LIMIT).decode("utf-8", "replace") if data else ""
    return text


def _is_pyproject(name: str) -> bool:
    return name.count("/") == 1 and name.endswith("/pyproject.toml")


def _bomb(path: Path) -> str:
    return f"it would unpack to far more than its own {path.stat().st_size} bytes, as only a bomb does"


def _requires(text: str) -> tuple[str, ...]:
    from hatch_cloudrole.toml import loads

    try:
        table: Any = loads(text).get("build-system", {}).get("requires")
    except (ValueError, AttributeError):
        return DEFAULT_REQUIRES  # the build itself says what is wrong with the file
    if not isinstance(table, list):
        return DEFAULT_REQUIRES
    return tuple(str(each) for each in table)
