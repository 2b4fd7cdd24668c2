"""A Python project as a value: what Hatch knows of it, and no more."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from packaging.utils import NormalizedName

__all__ = ["Project"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """A project's metadata and the settings of the `cloudrole` target.

    `dependencies` and the values of `features` and `dependency_groups` are PEP 508 strings, groups with
    their includes resolved; `table` is `[tool.hatch.build.targets.cloudrole]` from whichever file holds it.
    """

    root: Path
    name: str
    version: str
    requires_python: str = ""
    dependencies: tuple[str, ...] = ()
    features: Mapping[NormalizedName, tuple[str, ...]] = field(default_factory=dict)
    dependency_groups: Mapping[NormalizedName, tuple[str, ...]] = field(default_factory=dict)
    table: Mapping[str, Any] = field(default_factory=dict)
