"""Look into a wheel: whether it is whole and what its name says, and what it needs.

Sources: the binary distribution format (PEP 427, RECORD included) and core metadata.
"""

from __future__ import annotations

import csv
import io
import lzma
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.metadata import parse_email
from packaging.utils import (
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from hatch_cloudrole.content import CHUNK
from hatch_cloudrole.wheels.model import Wheel

if TYPE_CHECKING:
    from pathlib import Path

    from packaging.tags import Tag
    from wheel.wheelfile import WheelFile

    from hatch_cloudrole.content import Content

__all__ = ["BadWheelError", "read_metadata", "read_wheel", "tags_fit", "unsafe_name"]

# A wheel may unpack to this many times its own size, and these many bytes on top: far more than any real one.
BOMB_RATIO = 100
BOMB_SLACK = 64 << 20
_METADATA_LIMIT = 16 << 20


class BadWheelError(ValueError):
    """What is wrong with a wheel, in words that complete the sentence `NAME: ...`."""


def unsafe_name(name: str) -> bool:
    """Whether a member's name would leave the folder it is unpacked into."""
    parts = name.replace("\\", "/").split("/")
    return name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in name


def tags_fit(filename: str, tags: tuple[Tag, ...]) -> bool:
    """Whether the wheel named `filename` is for a target that accepts `tags`."""
    try:
        return bool(parse_wheel_filename(filename)[3] & frozenset(tags))
    except InvalidWheelFilename:
        return False


def read_wheel(
    path: Path,
    filename: str,
    *,
    content: Content,
    expect: tuple[NormalizedName, Version | None] | None = None,
    url: str = "",
    built_from: str = "",
) -> Wheel:
    """Verify the wheel at `path`, whose last part is `filename`, member by member.

    `content` is its identity, already compared with what was promised; `expect` is the name and version that
    were pinned, the version None where only the build could tell.

    :raises BadWheelError: it is damaged, unsafe, or another than expected.
    """
    try:
        name, version, _, _ = parse_wheel_filename(filename)
    except InvalidWheelFilename as error:
        raise BadWheelError(f"not the name of a wheel ({error})") from None
    if expect is not None and (name, version) != (expect[0], expect[1] or version):
        raise BadWheelError(f"its name says {name} {version}, not {expect[0]} {expect[1] or ''}".rstrip())
    metadata = _check_members(path, content.size)
    facts = read_metadata(metadata)
    if (facts.name, facts.version) != (name, version):
        raise BadWheelError(f"its METADATA says {facts.name} {facts.version}, its name {name} {version}")
    return Wheel(
        filename=filename,
        name=name,
        version=version,
        content=content,
        url=url,
        requires_dist=facts.requires_dist,
        requires_python=facts.requires_python,
        provides_extra=facts.provides_extra,
        built_from=built_from,
    )


def _check_members(path: Path, size: int) -> bytes:
    """Compare every member with RECORD, and give METADATA."""
    from wheel.wheelfile import WheelError, WheelFile

    try:
        with zipfile.ZipFile(path) as archive:
            _check_listing(archive.infolist(), size)
        with WheelFile(path) as archive:
            recorded = _recorded(archive)
            names = set()
            for info in archive.infolist():
                if info.is_dir():
                    continue
                names.add(info.filename)
                with archive.open(info) as member:
                    while member.read(CHUNK):
                        pass
            if missing := sorted(recorded - names):
                raise BadWheelError(f"RECORD names {missing[0]}, which is not in the wheel")
            entry = f"{archive.dist_info_path}/METADATA"
            if entry not in names:
                raise BadWheelError(f"it has no {entry}")
            with archive.open(entry) as member:
                metadata: bytes = member.read(_METADATA_LIMIT)
                return metadata
    except WheelError as error:
        raise BadWheelError(f"its RECORD does not hold: {error}") from None
    except BadWheelError:
        raise
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError) as error:
        raise BadWheelError(f"it is no sound zip archive ({error})") from None
    except (ValueError, RuntimeError, OverflowError) as error:  # a RECORD that is no CSV of three, encryption
        raise BadWheelError(f"it cannot be read ({error})") from None


def _check_listing(infos: list[zipfile.ZipInfo], size: int) -> None:
    seen: set[str] = set()
    for info in infos:
        if unsafe_name(info.filename):
            raise BadWheelError(f"the name {info.filename!r} in it leads outside of any folder")
        if info.filename in seen:
            raise BadWheelError(f"{info.filename} is in it twice")
        seen.add(info.filename)
    unpacked = sum(info.file_size for info in infos)
    if unpacked > size * BOMB_RATIO + BOMB_SLACK:
        raise BadWheelError(f"it would unpack to {unpacked} bytes from {size}, as only a zip bomb does")


def _recorded(archive: WheelFile) -> set[str]:
    """The names in RECORD, its own and signatures left out."""
    with archive.open(archive.record_path) as stream:
        rows = list(csv.reader(io.TextIOWrapper(stream, encoding="utf-8", newline="")))
    own = {archive.record_path, f"{archive.record_path}.jws", f"{archive.record_path}.p7s"}
    return {row[0] for row in rows if row} - own


@dataclass(frozen=True, slots=True)
class Facts:
    name: NormalizedName
    version: Version
    requires_dist: tuple[str, ...]
    requires_python: str
    provides_extra: tuple[str, ...]


def read_metadata(data: bytes) -> Facts:
    """What core metadata says, as far as it is needed.

    Old wheels hold much that today's rules forbid, so only what is used is looked at.
    """
    raw, _ = parse_email(data)
    try:
        name, version = canonicalize_name(raw["name"]), Version(raw["version"])
    except KeyError as error:
        raise BadWheelError(f"its METADATA has no {str(error).strip(chr(39)).title()}") from None
    except InvalidVersion as error:
        raise BadWheelError(f"its METADATA has no valid version ({error})") from None
    return Facts(
        name,
        version,
        tuple(raw.get("requires_dist", ())),
        raw.get("requires_python", ""),
        tuple(raw.get("provides_extra", ())),
    )
