"""Checking a package: everything that a strict reader would find, and the bytes of every content."""

from __future__ import annotations

import hashlib
from functools import cache, partial
from typing import TYPE_CHECKING

from hatch_cloudrole.content import chunks
from hatch_cloudrole.errors import Fault, PackageError
from hatch_cloudrole.package import opc
from hatch_cloudrole.package.archive import name_of
from hatch_cloudrole.package.names import part_name_fault
from hatch_cloudrole.package.reader import presentable, read_structure
from hatch_cloudrole.package.role_checks import service_faults

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hatch_cloudrole.package.reader import Reading

__all__ = ["check_package"]


def check_package(path: Path) -> list[Fault]:
    """Find every fault of the package at `path`; a sound one has none.

    Every content is read once, in pieces. What the wheels in it are is not judged here.

    :raises TransportError: the file cannot be read.
    """
    try:
        with read_structure(path) as reading:
            return presentable(
                [
                    *reading.faults,
                    *_container_faults(reading),
                    *_content_faults(reading),
                    *service_faults(reading),
                ]
            )
    except PackageError as error:
        return presentable(error.faults)


def _container_faults(reading: Reading) -> Iterator[Fault]:
    """What a lenient reader passes over: further relationships, parts that nobody asks for, odd names."""
    for each in reading.relationships:
        if each.type != opc.V20120315:
            text = f"there must be one relationship; {each.id!r} of type {each.type!r} is another"
            yield Fault(opc.RELATIONSHIPS, text)
    if not reading.understood:
        return
    known = {opc.CONTENT_TYPES, opc.RELATIONSHIPS, reading.manifest_part}
    known |= {each.part for each in reading.manifest.contents}
    folded = {each.lower() for each in known}
    for name, info in reading.archive.entries.items():
        if name not in folded:
            yield Fault(name_of(info), "this part belongs to no content of the manifest")
    for content in reading.manifest.contents:
        for name in dict.fromkeys((content.name, content.part)):
            if found := part_name_fault(name):
                yield Fault(name, found)
        if reading.types.of(content.part) not in {None, opc.OCTETS}:
            text = f"its content type is {reading.types.of(content.part)!r}; it must be {opc.OCTETS}"
            yield Fault(content.part, text)


def _content_faults(reading: Reading) -> Iterator[Fault]:
    """Read every content and compare it with what the manifest says."""
    users = _users(reading)
    # A part is read once, however many contents a manifest claims to lie in it.
    judge = cache(partial(_judge, reading))
    for each in reading.manifest.contents:
        where = users.get(each.name, each.name)
        if each.sha256 is None:
            yield Fault(where, "has no hash (algorithm None), so that nothing protects its bytes")
        found, damage = judge(each.part.lower())
        yield from (Fault(where, fault.what, fault.remedy) for fault in damage)
        if found and each.sha256 and found != each.sha256:
            yield Fault(where, f"its SHA-256 is {found}; the manifest says {each.sha256}")


def _judge(reading: Reading, part: str) -> tuple[str, tuple[Fault, ...]]:
    """The SHA-256 of a part, or what keeps it from being read; neither for one known to be missing."""
    info = reading.archive.find(part)
    if info is None:
        return "", ()
    digest = hashlib.sha256()
    try:
        with reading.archive.open(info) as stream:
            for chunk in chunks(stream):
                digest.update(chunk)
    except PackageError as error:
        return "", error.faults
    return digest.hexdigest(), ()


def _users(reading: Reading) -> dict[str, str]:
    """A content's name with the files that have it, for whoever has to find out what is damaged."""
    files: dict[str, list[str]] = {}
    for layout in reading.manifest.layouts:
        for file in layout.files:
            files.setdefault(file.content, []).append(f"{layout.role}: {file.relative}")
    return {
        name: f"{name} ({paths[0]}{f' and {len(paths) - 1} more' if len(paths) > 1 else ''})"
        for name, paths in files.items()
    }
