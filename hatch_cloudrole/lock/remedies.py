"""What a user can do about a package that has no wheel for the target, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from hatch_cloudrole.target import NEWEST_PATCH, Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packaging.tags import Tag

__all__ = ["Found", "remedies"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What the indexes have of a package.

    `wheels` are the file names of every wheel of the version, None when that is not known; `newest` is the
    newest version with a wheel for the target, empty when there is none, None when that is not known.
    """

    wheels: tuple[str, ...] | None = None
    newest: str | None = None


def remedies(
    name: str,
    version: str,
    target: Target,
    found: Found,
    *,
    wheels: Sequence[str] = (),
    first: Sequence[str] = (),
) -> str:
    """What helps when `name` `version` has no wheel for `target`: the likeliest first, one line each."""
    lines = list(first)
    if found.newest and found.newest != version:
        age = "a newer" if _newer(found.newest, version) else "an older"
        lines.append(f"require {name}=={found.newest}, {age} version, which has a wheel for {target}")
    pythons = [each for each in _fitting_pythons(wheels, target) if each != target.minor]
    if pythons:
        lines.append(f'set python = "{pythons[0]}", for which this version has a wheel')
    lines.append(
        f"{_elsewhere(name, version, target)}; put the wheel into a folder of the project, and name that in "
        'the settings: find-links = ["vendor"]'
    )
    none = f" (no version of {name} has a wheel for {target})" if found.newest == "" else ""
    lines.append(f"do without {name}, or use another package in its place{none}")
    return "one of these:\n" + "\n".join(f"      - {line}" for line in lines)


def _elsewhere(name: str, version: str, target: Target) -> str:
    """How to get the wheel on a machine of the target's kind."""
    command = f"`pip wheel --no-deps {name}=={version}`"
    if target.is_linux:
        where = f"in a container of {target.platform} with CPython {target.minor}"
        return f"{where}, run {command} and `auditwheel repair`"
    system = "Windows" if target.is_windows else "macOS"
    return f"on {system} ({target.architecture}) with CPython {target.minor} and a compiler, run {command}"


def _newer(one: str, other: str) -> bool:
    try:
        return Version(one) > Version(other)
    except InvalidVersion:
        return False


def _fitting_pythons(wheels: Sequence[str], target: Target) -> tuple[str, ...]:
    """The CPython X.Y for which one of `wheels` fits the platform of `target`, the newest first."""
    tags: set[Tag] = set()
    for filename in wheels:
        try:
            tags |= parse_wheel_filename(filename)[3]
        except InvalidWheelFilename:
            continue
    return tuple(
        minor
        for minor, full in reversed(list(NEWEST_PATCH.items()))
        if tags & set(Target(full, target.platform).tags())
    )
