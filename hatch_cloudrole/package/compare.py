"""What changed from one package to another: files, wheels and service documents (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hatch_cloudrole.content import Content
    from hatch_cloudrole.package.model import Package

__all__ = ["UNPACKED", "Change", "Comparison", "RoleChanges", "WheelChange", "compare"]

_WHEELS = "approot/wheels/"
UNPACKED = re.compile(r"approot/lib/(?P<name>[^/-]+)-(?P<version>[^/-]+)\.dist-info/RECORD")
"""What tells the version of a package that is laid out, and, by its hash, all files of it."""


@dataclass(frozen=True, slots=True)
class Change:
    """A file that is not the same. Sizes are in bytes, None where it is not there."""

    path: str
    before: int | None
    after: int | None

    @property
    def kind(self) -> str:
        return "added" if self.before is None else "removed" if self.after is None else "changed"


@dataclass(frozen=True, slots=True)
class WheelChange:
    """A package of a role's wheelhouse that is not the same; versions are empty where it is not there.

    Equal versions mean that the version is the same and the file another one.
    """

    name: str
    before: str
    after: str

    @property
    def kind(self) -> str:
        return "added" if not self.before else "removed" if not self.after else "changed"


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleChanges:
    """A role in one of two packages, or in both. `files` has every change, the wheels among them."""

    name: str
    kind: str
    """"added", "removed", "changed" or "same"."""
    before: int
    after: int
    """Bytes of all its files."""
    files: tuple[Change, ...]
    wheels: tuple[WheelChange, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Everything that is not the same in two packages; times of files do not count."""

    versions: tuple[str, str]
    """The product versions."""
    documents: tuple[Change, ...] = ()
    """Contents that belong to no role: the service definition and the streams."""
    roles: tuple[RoleChanges, ...] = field(default=())

    @property
    def is_empty(self) -> bool:
        same = self.versions[0] == self.versions[1] and not self.documents
        return same and all(role.kind == "same" for role in self.roles)


def compare(old: Package, new: Package) -> Comparison:
    """Compare two packages by what they hold, whatever they call the contents. No content is read."""
    names = sorted({*old.layouts, *new.layouts})
    return Comparison(
        versions=(old.product_version, new.product_version),
        documents=tuple(_changes(old.parts, new.parts)),
        roles=tuple(_role(name, old.layouts.get(name), new.layouts.get(name)) for name in names),
    )


def _role(name: str, old: Mapping[str, Content] | None, new: Mapping[str, Content] | None) -> RoleChanges:
    files = tuple(_changes(old or {}, new or {}))
    kind = "added" if old is None else "removed" if new is None else "changed" if files else "same"
    return RoleChanges(
        name=name,
        kind=kind,
        before=sum(content.size for content in (old or {}).values()),
        after=sum(content.size for content in (new or {}).values()),
        files=files,
        wheels=tuple(_wheel_changes(old or {}, new or {})),
    )


def _changes(old: Mapping[str, Content], new: Mapping[str, Content]) -> Iterator[Change]:
    for path in sorted({*old, *new}):
        before, after = old.get(path), new.get(path)
        if before is None or after is None or (before.size, before.sha256) != (after.size, after.sha256):
            yield Change(path, before.size if before else None, after.size if after else None)


def _wheel_changes(old: Mapping[str, Content], new: Mapping[str, Content]) -> Iterator[WheelChange]:
    before, after = _wheels(old), _wheels(new)
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield WheelChange(name, before.get(name, ("", ""))[0], after.get(name, ("", ""))[0])


def _wheels(files: Mapping[str, Content]) -> dict[str, tuple[str, str]]:
    """Package name -> version and what tells its file from any other."""
    found = {}
    for path, content in sorted(files.items()):
        if path.startswith(_WHEELS) and path.endswith(".whl"):
            filename = path[len(_WHEELS) :]
            try:
                name, version, _, _ = parse_wheel_filename(filename)
            except InvalidWheelFilename:
                continue
            found[str(canonicalize_name(name))] = (str(version), f"{filename} {content.sha256}")
        elif match := UNPACKED.fullmatch(path):
            found[str(canonicalize_name(match["name"]))] = (match["version"], f"RECORD {content.sha256}")
    return found
