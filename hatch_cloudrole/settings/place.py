"""Where in the settings a value stands, what is known around it, and the faults found so far."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from hatch_cloudrole.errors import Fault
from hatch_cloudrole.settings.wording import show, toml_key

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from hatch_cloudrole.target import Target

__all__ = ["TABLE", "Place", "ProjectFacts", "ProjectFiles", "World", "clashes"]

TABLE = ("tool", "hatch", "build", "targets", "cloudrole")
"""The key of the table that holds every setting."""

Label = TypeVar("Label", str, tuple[str, ...])


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectFacts:
    """What the settings are checked against.

    `requires_python` is a version specifier or empty; `features` and `dependency_groups` are the names of the
    project's extras and groups, compared as PEP 503 normalizes them.
    """

    name: str
    version: str
    requires_python: str = ""
    features: frozenset[str] = frozenset()
    dependency_groups: frozenset[str] = frozenset()


class ProjectFiles(Protocol):
    """Which files and folders there are. Paths have `/` and are relative to the project.

    What may lie outside the project (`find-links`, the archive of `runtime`) is asked for as it was written,
    so it may be an absolute path or begin with `..`.
    """

    def is_file(self, relative: str, /) -> bool: ...
    def is_dir(self, relative: str, /) -> bool: ...


@dataclass(frozen=True, slots=True)
class World:
    """All that the meaning of the settings depends on besides the settings."""

    project: ProjectFacts
    files: ProjectFiles
    host: Target


@dataclass(frozen=True, slots=True)
class Place:
    """One key of the settings, and the list that faults go to.

    `folder`, relative to the project, is what relative paths are counted from; None where that is not known
    because the setting that says so is itself at fault.
    """

    world: World
    parts: tuple[str | int, ...] = TABLE
    folder: str | None = "."
    faults: list[Fault] = field(default_factory=list)

    def at(self, part: str | int) -> Place:
        """The key `part` of this table, or the item of that number of this array."""
        return replace(self, parts=(*self.parts, part))

    def below(self, folder: str | None) -> Place:
        """The same place, with relative paths counted from `folder` of the folder so far."""
        if folder is None or self.folder is None:
            return replace(self, folder=None)
        return replace(self, folder=self.path(folder))

    def path(self, relative: str) -> str:
        """The path from the project of one that counts from `folder`."""
        return posixpath.normpath(posixpath.join(self.folder or ".", relative))

    def has_file(self, relative: str) -> bool:
        """Whether `folder` holds that file; never where `folder` is not known."""
        return self.folder is not None and self.world.files.is_file(self.path(relative))

    @property
    def where(self) -> str:
        """The full TOML key."""
        return toml_key(*self.parts)

    def fault(self, what: str, remedy: str = "") -> None:
        self.faults.append(Fault(self.where, what, remedy))

    def refuse(self, value: Any, accepted: str, remedy: str = "") -> None:
        """Report that `value` was found where only `accepted` is."""
        self.fault(f"found {show(value)}, accepted: {accepted}", remedy)


def clashes(named: Iterable[tuple[Hashable, Label]]) -> dict[Label, Label]:
    """Of (identity, label) pairs: each label whose identity an earlier label has, and that earlier label.

    "Earlier" goes by the labels' own order, so that the same settings in another order give the same faults.
    """
    first: dict[Hashable, Label] = {}
    found: dict[Label, Label] = {}
    for identity, label in sorted(named, key=lambda pair: pair[1]):
        if identity in first:
            found[label] = first[identity]
        else:
            first[identity] = label
    return found
