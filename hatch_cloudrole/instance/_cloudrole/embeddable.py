"""Makes an ordinary CPython of the embeddable distribution.

That one ignores its environment because a ._pth file lies beside it, so the processes that a program starts
would not find the role's packages. A copy without the file is a CPython like any other.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

__all__ = ["prepare", "program_python"]

_FOLDER = "python"
_MARKER = ".cloudrole.json"


def program_python(python: str, home: Path) -> str:
    """The interpreter that runs the program: `python`, or where its copy below `home` is or will be."""
    source = Path(python)
    return str(home / _FOLDER / source.name) if _path_files(source) else python


def prepare(python: str, home: Path) -> str:
    """Make the copy where it is needed and not there yet; return `program_python`. The caller holds the lock.

    :raises OSError: it cannot be read or written.
    """
    source = Path(python)
    target = home / _FOLDER
    if not _path_files(source):
        return python
    identity = _identity(source.parent)
    if _made_of(target) != identity:
        new = Path(tempfile.mkdtemp(prefix="new.", dir=home))
        try:
            _copy(source.parent, new / _FOLDER, home)
            (new / _FOLDER / _MARKER).write_text(json.dumps(identity), encoding="ascii")
            if target.exists():
                target.rename(new / "old")
            (new / _FOLDER).rename(target)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return program_python(python, home)


def _copy(source: Path, target: Path, home: Path) -> None:
    """Copy everything but the ._pth files and `home`, up to the first failure."""
    for folder, folders, names in os.walk(source):
        folders[:] = [name for name in folders if Path(folder, name) != home]
        there = target / Path(folder).relative_to(source)
        there.mkdir()
        for name in names:
            if not name.endswith("._pth"):
                shutil.copyfile(Path(folder, name), there / name)


def _path_files(python: Path) -> list[Path]:
    """What makes this interpreter ignore its environment."""
    return sorted(python.parent.glob("python*._pth")) if os.name == "nt" else []


def _identity(folder: Path) -> list[list[str | int]]:
    """Stands for an installation: its place, and size and date of each file at its top."""
    found: list[list[str | int]] = [[str(folder), 0, 0]]
    for path in sorted(folder.iterdir()):
        if path.is_file():
            state = path.stat()
            found.append([path.name, state.st_size, int(state.st_mtime)])
    return found


def _made_of(target: Path) -> object:
    try:
        return json.loads((target / _MARKER).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
