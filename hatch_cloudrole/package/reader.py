"""Reading a package, by whomever it was written: its structure is judged before its contents are."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hatch_cloudrole.content import Content, chunks
from hatch_cloudrole.errors import Fault, PackageError
from hatch_cloudrole.package import opc
from hatch_cloudrole.package.archive import Archive, open_archive, unpacked_limit
from hatch_cloudrole.package.manifest import UNKNOWN_LENGTH, ContentDefinition, Manifest
from hatch_cloudrole.package.manifest_reader import parse_manifest, parse_time
from hatch_cloudrole.package.markup import MAX_DOCUMENT
from hatch_cloudrole.package.model import Package
from hatch_cloudrole.package.names import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ["Reading", "open_package", "presentable", "read_structure"]

_MOST_FAULTS = 100
_RESERVED = ("ServiceDefinition/", "NamedStreams/")
_LEGACY_ENTRIES = (".csman", ".cssx", ".csdx", ".csmx", ".csnsx")


@dataclass(frozen=True, slots=True)
class Reading:
    """The structure of an open package and everything that is wrong with it; contents have not been read.

    Where the manifest could not be `understood`, it is empty, and there is no telling what should be there.
    """

    archive: Archive
    types: opc.ContentTypes
    relationships: tuple[opc.Relationship, ...]
    manifest_part: str
    manifest: Manifest
    understood: bool
    faults: tuple[Fault, ...]

    @property
    def contents(self) -> Mapping[str, ContentDefinition]:
        """Every content by its name."""
        return {each.name: each for each in self.manifest.contents}

    def content(self, definition: ContentDefinition) -> Content:
        """The bytes of a content; its stream raises PackageError when they are not the manifest's.

        :raises PackageError: it has no hash, and what it takes to make one is damaged.
        :raises TransportError: likewise, and the file cannot be read.
        """
        info = self.archive.find(definition.part)
        if info is None:
            raise self.archive.error(definition.part, "is not there")
        sha256 = definition.sha256
        if sha256 is None:
            digest = hashlib.sha256()
            with self.archive.open(info) as stream:
                for chunk in chunks(stream):
                    digest.update(chunk)
            sha256 = digest.hexdigest()
        archive = self.archive
        return Content(definition.length, sha256, info.CRC, lambda: archive.open(info, sha256))


@contextmanager
def open_package(path: Path) -> Iterator[Package]:
    """Open the package at `path`; its contents can be read as long as the context lasts.

    A package without files in any role has the time of its manifest's entry, any other the newest time that
    one of its files was created at. Contents that belong to no role, and the service's own, are its `parts`.

    :raises PackageError: it is no package in the V20120315 format, or its structure is at fault; every fault
        is named. Contents are judged when they are read.
    :raises TransportError: the file cannot be read.
    """
    with read_structure(path) as reading:
        if reading.faults:
            summary = f"{path} cannot be read as a Cloud Service package:"
            raise PackageError(summary, presentable(reading.faults))
        yield _package(reading)


@contextmanager
def read_structure(path: Path) -> Iterator[Reading]:
    """Open a package and find every fault of its structure.

    :raises PackageError: it is not a package at all, or is too damaged or too large to look further.
    :raises TransportError: the file cannot be read.
    """
    with open_archive(path) as archive:
        faults = list(archive.faults)
        relationships, found = opc.parse_relationships(_document(archive, opc.RELATIONSHIPS))
        faults += found
        if not found:
            _expect_format(archive, relationships)
        types, found = opc.parse_content_types(_document(archive, opc.CONTENT_TYPES))
        faults += found or _type_faults(types)
        leading = [each for each in relationships if each.type == opc.V20120315]
        if len(leading) > 1:
            text = f"{len(leading)} relationships lead to a manifest; there must be one"
            faults.append(Fault(opc.RELATIONSHIPS, text))
        part, manifest = "", None
        if leading:
            part = leading[0].target.removeprefix("/")
            manifest, found = _manifest(archive, leading[0].target)
            faults += found
            faults += _part_faults(archive, types, manifest or Manifest(), part)
        understood = manifest is not None
        links = tuple(relationships)
        yield Reading(archive, types, links, part, manifest or Manifest(), understood, tuple(faults))


def presentable(faults: Iterable[Fault]) -> list[Fault]:
    """Each fault once, in order, safe to print, and no more than anybody reads."""
    unique = list(dict.fromkeys(faults))
    shown = [
        Fault(printable(each.where), printable(each.what), each.remedy) for each in unique[:_MOST_FAULTS]
    ]
    more = len(unique) - len(shown)
    return [*shown, Fault("", f"and {more} more")] if more else shown


def _document(archive: Archive, name: str) -> bytes:
    info = archive.find(name)
    if info is None:
        if _is_legacy(archive, ()):
            raise _legacy(archive)
        text = f"is a zip file but no Cloud Service package: it has no {name}"
        raise archive.error(archive.path.name, text)
    return archive.read(info, MAX_DOCUMENT)


def _expect_format(archive: Archive, relationships: list[opc.Relationship]) -> None:
    """Tell a package in this format from its predecessor and from other documents that OPC carries."""
    if any(each.type == opc.V20120315 for each in relationships):
        return
    if _is_legacy(archive, relationships):
        raise _legacy(archive)
    text = f"is no Cloud Service package: no relationship is of the type {opc.V20120315}"
    raise archive.error(archive.path.name, text)


def _is_legacy(archive: Archive, relationships: Iterable[opc.Relationship]) -> bool:
    return any(each.type == opc.LEGACY for each in relationships) or any(
        name.endswith(_LEGACY_ENTRIES) for name in archive.entries
    )


def _legacy(archive: Archive) -> PackageError:
    return archive.error(
        archive.path.name,
        "is in the Legacy format, not in V20120315",
        f"where the Azure SDK is installed, convert it: "
        f"cspack /convertToCtpPackage:{archive.path.name};NEW.cspkg",
    )


def _type_faults(types: opc.ContentTypes) -> list[Fault]:
    found = types.of(opc.RELATIONSHIPS)
    if found == opc.RELATIONSHIPS_TYPE:
        return []
    text = f"its content type is {found or 'missing'}; it must be {opc.RELATIONSHIPS_TYPE}"
    return [Fault(opc.RELATIONSHIPS, text)]


def _manifest(archive: Archive, target: str) -> tuple[Manifest | None, list[Fault]]:
    """What the manifest says and what is wrong with it."""
    part = target.removeprefix("/")
    info = archive.find(part)
    if info is None or not target.startswith("/"):
        text = f"the manifest's Target {target!r} must be '/' and the name of a part that is there"
        return None, [Fault(opc.RELATIONSHIPS, text)]
    try:
        data = archive.read(info, MAX_DOCUMENT)
    except PackageError as error:
        return None, list(error.faults)
    return parse_manifest(data, part)


def _part_faults(
    archive: Archive, types: opc.ContentTypes, manifest: Manifest, manifest_part: str
) -> Iterator[Fault]:
    """What is wrong between the manifest and the parts, as far as it shows without reading them."""
    typed = types.defaults or types.overrides  # else they are at fault themselves, once and not for each part
    if typed and archive.find(manifest_part) and not types.of(manifest_part):
        yield Fault(manifest_part, "has no content type, so that readers do not see it")
    for each in manifest.contents:
        info = archive.find(each.part)
        if info is None:
            yield Fault(each.name, f"its part {each.part!r} is not in the package")
            continue
        if typed and not types.of(each.part):
            yield Fault(each.part, "has no content type, so that readers do not see it")
        if each.length not in {UNKNOWN_LENGTH, info.file_size}:
            yield Fault(each.name, f"is {info.file_size} bytes long; the manifest says {each.length}")
    lengths = {each.name: max(each.length, 0) for each in manifest.contents}
    files = sum(lengths.get(file.content, 0) for layout in manifest.layouts for file in layout.files)
    limit = unpacked_limit(archive.size)
    for what, total in (
        ("contents", sum(max(each.length, 0) for each in manifest.contents)),
        ("files", files),
    ):
        if total > limit:
            yield Fault(
                manifest_part, f"its {what} unpack to {total} bytes; the limit for its size is {limit}"
            )


def _package(reading: Reading) -> Package:
    contents = {name: reading.content(each) for name, each in reading.contents.items()}
    layouts = {
        layout.role: {file.relative: contents[file.content] for file in layout.files}
        for layout in reading.manifest.layouts
    }
    files = [file for layout in reading.manifest.layouts for file in layout.files]
    used = {file.content for file in files}
    return Package(
        product_version=reading.manifest.product_version,
        parts={
            name: content
            for name, content in contents.items()
            if name not in used or name.startswith(_RESERVED)
        },
        layouts=layouts,
        timestamp=max((parse_time(file.created) for file in files), default=_entry_time(reading)),
    )


def _entry_time(reading: Reading) -> datetime:
    info = reading.archive.find(reading.manifest_part)
    year, month, day, hour, minute, second = info.date_time if info else (1980, 1, 1, 0, 0, 0)
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    except ValueError:  # a zip can say the 31st of February
        return datetime(1980, 1, 1, tzinfo=timezone.utc)
