"""The files that run on an instance, as they go into a role's `bin` folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hatch_cloudrole.target import Target

__all__ = ["instance_files"]

_HERE = Path(__file__).parent
_WINDOWS = ("ps.cmd", "ConfigureCloudService.ps1", "LaunchWorker.ps1", "_cloudrole/interpreter.ps1")
_POSIX = ("configure.sh", "launch.sh", "_cloudrole/interpreter.sh")
_UNIT = "role.service"


def instance_files(target: Target, unit: str = "role") -> dict[str, bytes]:
    """Path (`bin/...`) -> content of everything that is equal in every role for `target`.

    Line endings are what the target needs, however the files lie here. The systemd unit goes by the name
    `unit`, which is the role's in a package.
    """
    # The service documents name the Windows scripts whatever the target, so they are in every package.
    names = (*_WINDOWS, *(() if target.is_windows else _POSIX), *((_UNIT,) if target.is_linux else ()))
    paths = [_HERE / name for name in (*names, "role.py")]
    paths += (_HERE / "_cloudrole").rglob("*.py")
    files = {path.relative_to(_HERE).as_posix(): _ended(path) for path in sorted(paths)}
    if _UNIT in files:
        files[f"{unit}.service"] = files.pop(_UNIT)
    return {f"bin/{name}": data for name, data in files.items()}


def _ended(path: Path) -> bytes:
    """The bytes of a text file with the line endings of the system that reads it."""
    data = path.read_bytes().replace(b"\r\n", b"\n")
    return data.replace(b"\n", b"\r\n") if path.suffix in {".cmd", ".ps1"} else data
