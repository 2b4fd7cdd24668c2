"""From a package to what lies in its archive: which bytes under which name, and the manifest (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault, PackageError
from hatch_cloudrole.package.archive import MAX_ENTRIES
from hatch_cloudrole.package.manifest import (
    MAX_LENGTH,
    PRODUCT_VERSION,
    ROLES,
    ContentDefinition,
    FileDefinition,
    LayoutDefinition,
    Manifest,
)
from hatch_cloudrole.package.names import file_path_fault, part_name_fault, path_set_faults, role_name_fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from hatch_cloudrole.content import Content
    from hatch_cloudrole.package.model import Package

__all__ = ["Plan", "local_name", "plan_package"]

_ID_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Plan:
    """The contents of an archive by part name, sorted, who uses each, and the manifest that says so.

    `users` are the user's own names for the bytes of a part: `Web: approot/wheels/x.whl`, or the part itself.
    """

    contents: Mapping[str, Content]
    users: Mapping[str, tuple[str, ...]]
    manifest: Manifest


def local_name(content: Content) -> str:
    """The part that a file's bytes lie in: an id of 32 hex digits, so that equal bytes share one part."""
    return f"LocalContent/{content.sha256[:_ID_DIGITS]}"


def plan_package(package: Package) -> Plan:
    """Lay out a package. The order in which its mappings were filled has no influence.

    :raises PackageError: something in it cannot be part of a package; every such thing is named.
    """
    faults = _name_faults(package)
    contents: dict[str, Content] = {}
    users: dict[str, list[str]] = {}
    for name, content, user in _stored(package):
        users.setdefault(name, []).append(user)
        if contents.setdefault(name, content) != content:
            text = f"its bytes would lie in {name}, where other bytes of {users[name][0]} lie already"
            faults.append(Fault(user, text, "leave one of the two out"))
        if content.size > MAX_LENGTH:
            faults.append(Fault(user, f"is {content.size} bytes long; a content has {MAX_LENGTH} at most"))
    faults += [
        Fault(users[part][0], f"{part!r} and {other!r} differ in nothing but case")
        for part, other in _case_clashes(contents)
    ]
    if len(contents) > MAX_ENTRIES - 3:
        faults.append(
            Fault("", f"{len(contents)} different contents; a package has {MAX_ENTRIES - 3} at most")
        )
    if faults:
        raise PackageError("This cannot be made a package:", faults)
    ordered = dict(sorted(contents.items()))
    return Plan(ordered, {name: tuple(each) for name, each in users.items()}, _manifest(package, ordered))


def _stored(package: Package) -> Iterable[tuple[str, Content, str]]:
    """Every content with the name of its part and what the user calls it."""
    for part, content in sorted(package.parts.items()):
        yield part, content, part
    for role, files in sorted(package.layouts.items()):
        for path, content in sorted(files.items()):
            yield local_name(content), content, f"{role}: {path}"


def _case_clashes(names: Iterable[str]) -> Iterable[tuple[str, str]]:
    seen: dict[str, str] = {}
    return [(name, seen[name.lower()]) for name in names if seen.setdefault(name.lower(), name) != name]


def _name_faults(package: Package) -> list[Fault]:
    faults = []
    if not package.product_version.isascii() or not package.product_version.isprintable():
        faults.append(Fault("product version", f"{package.product_version!a} is not printable ASCII"))
    if not package.product_version:
        faults.append(Fault("product version", "is empty; it is the version of an SDK, such as 2.9.8699.20"))
    faults += [Fault(part, found) for part in sorted(package.parts) if (found := part_name_fault(part))]
    faults += [
        Fault(role, f"differs from the role {other!r} in nothing but case")
        for role, other in _case_clashes(sorted(package.layouts))
    ]
    for role, files in sorted(package.layouts.items()):
        if found := role_name_fault(role):
            faults.append(Fault(role, found))
        paths = sorted(files)
        wrong = [(path, found) for path in paths if (found := file_path_fault(path))]
        faults += [Fault(f"{role}: {path}", found) for path, found in [*wrong, *path_set_faults(paths)]]
    return faults


def _manifest(package: Package, contents: Mapping[str, Content]) -> Manifest:
    time = _time(package.timestamp)
    layouts = (
        LayoutDefinition(
            f"{ROLES}{role}",
            tuple(
                FileDefinition("\\" + path.replace("/", "\\"), local_name(content), time, time)
                for path, content in sorted(files.items())
            ),
        )
        for role, files in sorted(package.layouts.items())
    )
    definitions = (
        ContentDefinition(name, content.size, content.sha256, name) for name, content in contents.items()
    )
    return Manifest(((PRODUCT_VERSION, package.product_version),), tuple(definitions), tuple(layouts))


def _time(timestamp: datetime) -> str:
    """An xs:dateTime in UTC, as short as .NET writes it."""
    whole = timestamp.strftime("%m-%dT%H:%M:%S")
    fraction = f".{timestamp.microsecond:06}".rstrip("0.")
    return f"{timestamp.year:04}-{whole}{fraction}Z"
