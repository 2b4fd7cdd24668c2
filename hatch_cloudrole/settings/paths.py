"""Paths in the settings: relative, with `/`, below the folder they count from, and there."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Any, Literal

from hatch_cloudrole.settings.kinds import Text

if TYPE_CHECKING:
    from hatch_cloudrole.settings.place import Place

__all__ = ["ABSOLUTE", "WINDOWS_FILE", "Inside", "Outside", "is_absolute"]

Entry = Literal["file", "folder"]

_LONGEST = 255
"""Characters in one part of a path, on every file system in use."""


def _exists(path: str, entry: Entry, place: Place) -> bool:
    files = place.world.files
    return files.is_file(path) if entry == "file" else files.is_dir(path)


@dataclass(frozen=True, slots=True)
class Inside:
    """A file or folder that exists, below the place's folder or that folder itself.

    Read as a relative path with `/`, without `.` and `..` in it; the folder itself is `.`.
    """

    entry: Entry
    type: str = "string"

    @property
    def accepted(self) -> str:
        return f"the relative path of a {self.entry} that exists, / or \\ between its parts"

    def read(self, value: Any, place: Place) -> str | None:
        path: str | None = Text(self.accepted, _relative).read(value, place)
        if path is None or place.folder is None:
            return path
        if not _exists(place.path(path), self.entry, place):
            start = "the project" if place.folder == "." else f"{place.folder}/ of the project"
            place.refuse(value, self.accepted, f"name a {self.entry} that is in {start}")
            return None
        return path


@dataclass(frozen=True, slots=True)
class Outside:
    """A file or folder that exists anywhere: relative to the project, or absolute. Read with `/`."""

    entry: Entry
    type: str = "string"

    @property
    def accepted(self) -> str:
        return f"the path of a {self.entry} that exists, absolute or from the project"

    def read(self, value: Any, place: Place) -> str | None:
        path: str | None = Text(self.accepted, _slashed).read(value, place)
        if path is not None and not _exists(path, self.entry, place):
            place.refuse(value, self.accepted, f"name a {self.entry} that is there")
            return None
        return path


def _absolute(text: str) -> str:
    if re.search(r"[\t\r\n]", text) or not (
        is_absolute(text, windows=True) or is_absolute(text, windows=False)
    ):
        raise ValueError
    return text


def is_absolute(path: str, *, windows: bool) -> bool:
    """Whether the path is absolute there, drive or share included on Windows."""
    return PureWindowsPath(path).is_absolute() if windows else path.startswith("/")


def _windows_file(text: str) -> str:
    # The first part may be a variable: the folders of a role are known to its instances alone.
    start = re.sub(r"^%[^%]+%(?=[\\/])", r"C:", text)
    if re.search(r"[\t\r\n]", text) or not is_absolute(start, windows=True) or re.search(r"[\\/]$", text):
        raise ValueError
    return text


WINDOWS_FILE = Text(
    r"the absolute path of a file on the instance, as in 'D:\logs\web.log' or '%TEMP%\web.log'", _windows_file
)
ABSOLUTE = Text(r"an absolute path on the instance, as in 'D:\Python313\python.exe'", _absolute)


def _slashed(text: str) -> str:
    if not text.strip() or re.search(r"[\t\r\n]", text):
        raise ValueError
    if max(map(len, re.split(r"[/\\]", text))) > _LONGEST:
        raise ValueError("no file system has names that long")
    return text.replace("\\", "/")


def _relative(text: str) -> str:
    path = posixpath.normpath(_slashed(text))
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        raise ValueError("the path is absolute; write it as seen from the folder it belongs to")
    if path == ".." or path.startswith("../"):
        raise ValueError("the path leads out of the folder it belongs to")
    return path
