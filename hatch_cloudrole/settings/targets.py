"""The settings that say what the instances are: `python`, `platform`, `os-family`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from hatch_cloudrole.settings.kinds import Text
from hatch_cloudrole.settings.wording import did_you_mean, show
from hatch_cloudrole.target import (
    DEFAULT_PYTHON,
    NEWEST_PATCH,
    PLATFORMS_HELP,
    Target,
    full_python,
    normal_platform,
)

if TYPE_CHECKING:
    from hatch_cloudrole.settings.place import Place

__all__ = ["PLATFORM", "OsFamily", "Python", "default_python", "make_target"]


def _allows(requires_python: str, python: str) -> bool:
    """Whether a project of that `requires-python` runs there; one that is no specifier says nothing."""
    try:
        return SpecifierSet(requires_python).contains(full_python(python), prereleases=True)
    except InvalidSpecifier:
        return True


def default_python(requires_python: str) -> str | None:
    """The newest X.Y up to `DEFAULT_PYTHON` that `requires_python` allows, else the oldest newer one, if any.

    An X.Y is allowed when its newest release is.
    """
    versions = list(NEWEST_PATCH)
    usual = versions.index(DEFAULT_PYTHON) + 1
    by_preference = [*reversed(versions[:usual]), *versions[usual:]]
    return next((python for python in by_preference if _allows(requires_python, python)), None)


def _python(text: str) -> str:
    # Target compares text, so the one spelling that releases have is the only one.
    if not re.fullmatch(r"3\.[1-9]?[0-9](\.(0|[1-9][0-9]{0,2}))?", text):
        raise ValueError
    try:
        full_python(text)
    except ValueError:
        raise ValueError from None
    return text


@dataclass(frozen=True, slots=True)
class Python:
    """A supported CPython that the project's `requires-python` allows, as X.Y or X.Y.Z."""

    type: str = "string"
    accepted: str = f"{', '.join(NEWEST_PATCH)}, or X.Y.Z of these, as a string"

    def read(self, value: Any, place: Place) -> str | None:
        python: str | None = Text(self.accepted, _python).read(value, place)
        requires = place.world.project.requires_python
        if python is None or _allows(requires, python):
            return python
        full = full_python(python)
        found = show(python) if python == full else f"{show(python)} (that is, {full})"
        accepted = f"what requires-python = {show(requires)} of the project allows"
        place.fault(f"found {found}, accepted: {accepted}")
        return None


def _platform(text: str) -> str:
    if text == "host":
        return text
    # Numbers are written without leading zeros in tags.
    if not text.isascii() or re.search(r"_0[0-9]", text):
        raise ValueError
    try:
        return normal_platform(text)
    except ValueError:
        common = ["win_amd64", "win_arm64", "win32", "manylinux_2_28_x86_64", "macosx_11_0_arm64"]
        raise ValueError(did_you_mean(text, common)) from None


PLATFORM = Text(PLATFORMS_HELP, _platform)


def make_target(python: str, platform: str, host: Target) -> Target:
    """The target of two accepted settings; `host` stands for the platform of that target."""
    return Target(full_python(python), host.platform if platform == "host" else platform)


@dataclass(frozen=True, slots=True)
class OsFamily:
    """A Windows guest family: 5 is Windows Server 2016, 6 is 2019, 7 is 2022."""

    type: str = "integer"
    accepted: str = "5, 6 or 7"

    def read(self, value: Any, place: Place) -> int | None:
        # True and 5.0 equal integers, but are none.
        if type(value) is int and value in (5, 6, 7):
            return value
        if value in ("5", "6", "7"):
            remedy = "write it without quotes"
        elif type(value) is int and value in (1, 2, 3, 4):
            remedy = "Azure has retired that family"
        else:
            remedy = ""
        place.refuse(value, self.accepted, remedy)
        return None
