"""What a wheel holds and where each file of it goes, checked before anything is written (PEP 427, 491)."""

from __future__ import annotations

import base64
import configparser
import csv
import hashlib
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .faults import WheelhouseError

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator

    from .settings import PinnedWheel

__all__ = ["EntryPoint", "Member", "Plan", "plan_wheel", "read_member"]

_CHUNK = 1 << 20
_SIGNATURES = ("RECORD.jws", "RECORD.p7s")
_STRONG = ("sha256", "sha384", "sha512")


@dataclass(frozen=True)
class EntryPoint:
    """A console or GUI script: the function `attribute` of `module`, started as `name`."""

    name: str
    module: str
    attribute: str


@dataclass(frozen=True)
class Member:
    """A file of a wheel. `target` is its place below site-packages, with `/`; `digest` as RECORD has it."""

    info: zipfile.ZipInfo
    target: str
    digest: str
    is_script: bool = False

    @property
    def is_executable(self) -> bool:
        return self.is_script or bool((self.info.external_attr >> 16) & 0o111)


@dataclass(frozen=True)
class Plan:
    """Everything that a wheel installs. `dist_info` is the name of its metadata folder."""

    dist_info: str
    members: tuple[Member, ...]
    entry_points: tuple[EntryPoint, ...]


def plan_wheel(archive: zipfile.ZipFile, wheel: PinnedWheel) -> Plan:
    """Check the wheel's structure and RECORD and say where each of its files goes.

    :raises WheelhouseError: it is not a wheel of this name, its RECORD does not tell the truth, or a file
        would land outside site-packages.
    """
    infos = {info.filename: info for info in archive.infolist() if not info.is_dir()}
    if len(infos) != sum(not info.is_dir() for info in archive.infolist()):
        raise _refused(wheel, "it holds two files of one name")
    dist_info = _dist_info(infos, wheel)
    _check_version(archive.read(f"{dist_info}/WHEEL"), wheel)
    record = _read_record(archive, f"{dist_info}/RECORD", wheel)
    unlisted = [f"{dist_info}/RECORD", *(f"{dist_info}/{name}" for name in _SIGNATURES)]
    members = []
    for name in sorted(infos):
        if name in unlisted:
            continue
        digest = record.pop(name, "")
        if not digest:
            raise _refused(wheel, f"{name} has no hash in RECORD")
        target, is_script = _target(name, dist_info, wheel)
        members.append(Member(infos[name], target, digest, is_script))
    missing = sorted(name for name in record if name not in unlisted and not name.endswith("/"))
    if missing:
        raise _refused(wheel, f"RECORD names {missing[0]}, which is not there")
    points = f"{dist_info}/entry_points.txt"
    text = archive.read(points).decode("utf-8") if points in infos else ""
    return Plan(dist_info, tuple(members), tuple(_entry_points(text, wheel)))


def read_member(archive: zipfile.ZipFile, member: Member, wheel: PinnedWheel) -> Iterator[bytes]:
    """The bytes of a file, a piece at a time.

    :raises WheelhouseError: after the last piece, when they are not what RECORD says.
    """
    algorithm, _, expected = member.digest.partition("=")
    digest = hashlib.new(algorithm)
    with archive.open(member.info) as stream:
        while True:
            piece = stream.read(_CHUNK)
            if not piece:
                break
            digest.update(piece)
            yield piece
    found = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode("ascii")
    if found != expected.rstrip("="):
        raise _refused(wheel, f"{member.info.filename} is not what RECORD says")


def _refused(wheel: PinnedWheel, why: str) -> WheelhouseError:
    return WheelhouseError(f"{wheel.file}: refused: {why}")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _dist_info(names: dict[str, zipfile.ZipInfo], wheel: PinnedWheel) -> str:
    found = {name.split("/")[0] for name in names if name.split("/")[0].endswith(".dist-info")}
    if len(found) != 1:
        raise _refused(wheel, f"it holds {len(found)} .dist-info folders, not one")
    folder = found.pop()
    if _normal(folder[: -len(".dist-info")].partition("-")[0]) != _normal(wheel.name):
        raise _refused(wheel, f"{folder} is not of {wheel.name}")
    for name in ("WHEEL", "METADATA", "RECORD"):
        if f"{folder}/{name}" not in names:
            raise _refused(wheel, f"{folder}/{name} is not there")
    return folder


def _check_version(data: bytes, wheel: PinnedWheel) -> None:
    match = re.search(rb"^Wheel-Version:\s*(\d+)\.", data, re.MULTILINE)
    if match is None or match[1] != b"1":
        raise _refused(wheel, "its Wheel-Version is not 1.x")


def _read_record(archive: zipfile.ZipFile, name: str, wheel: PinnedWheel) -> dict[str, str]:
    record: dict[str, str] = {}
    try:
        rows = [row for row in csv.reader(io.StringIO(archive.read(name).decode("utf-8"), newline="")) if row]
    except csv.Error as error:
        raise _refused(wheel, f"RECORD cannot be read: {error}") from error
    for row in rows:
        if len(row) != 3:
            raise _refused(wheel, f"RECORD holds the line {','.join(row)!r}")
        path, digest, _ = row
        if digest and digest.partition("=")[0] not in _STRONG:
            raise _refused(wheel, f"RECORD trusts {digest.partition('=')[0]} for {path}")
        record[path] = digest
    return record


def _target(name: str, dist_info: str, wheel: PinnedWheel) -> tuple[str, bool]:
    """Where a file goes below site-packages, and whether it is a script."""
    _check_inside(name, wheel)
    data = dist_info[: -len(".dist-info")] + ".data/"
    if not name.startswith(data):
        return name, False
    scheme, _, rest = name[len(data) :].partition("/")
    if not rest:
        raise _refused(wheel, f"{name} lies in no scheme")
    if scheme in {"purelib", "platlib", "data"}:
        return rest, False
    if scheme == "scripts":
        return f"bin/{rest}", True
    if scheme == "headers":
        return f"include/{wheel.name}/{rest}", False
    raise _refused(wheel, f"{name} lies in the unknown scheme {scheme!r}")


def _check_inside(name: str, wheel: PinnedWheel) -> None:
    """Refuse names that mean a place outside on any system; a colon ends a drive or begins a stream."""
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or ":" in name or "\0" in name or {"", ".", ".."} & set(parts):
        raise _refused(wheel, f"{name!r} does not stay inside site-packages")


def _entry_points(text: str, wheel: PinnedWheel) -> Iterator[EntryPoint]:
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise _refused(wheel, f"entry_points.txt cannot be read: {error}") from error
    for section in ("console_scripts", "gui_scripts"):
        if not parser.has_section(section):
            continue
        for name, value in parser.items(section):
            match = re.fullmatch(r"([\w.]+)\s*:\s*([\w.]+)\s*(\[.*\])?", value)
            if match is None or not re.fullmatch(r"[\w.-]+( [\w.-]+)*", name) or name.startswith("."):
                raise _refused(wheel, f"the entry point {name!r} = {value!r} is none")
            yield EntryPoint(name, match[1], match[2])
