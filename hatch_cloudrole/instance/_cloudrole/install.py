"""Makes `site-packages` of the wheelhouse: without pip, without network, whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .adopt import MARKER, adopt, is_adopted
from .faults import DiskError
from .unpack import unpack_wheels

if TYPE_CHECKING:
    from collections.abc import Callable

    from .places import Places
    from .settings import Settings

__all__ = ["clean_up", "disk_error", "install", "is_installed"]

_RECIPE = 1
"""Changes with every release whose result differs for the same wheels."""
_NEW, _OLD = "new.", "old."
_PATIENCE = 10.0


def is_installed(settings: Settings, places: Places, python: str) -> bool:
    """Whether the packages of role.json are there, for the program's interpreter `python`."""
    if settings.is_unpacked:
        return is_adopted(settings, places)
    return _installed_digest(places.installed) == _wanted_digest(settings, python)


def _wanted_digest(settings: Settings, python: str) -> str:
    """Stands for everything that decides what `site-packages` holds."""
    parts = [
        str(_RECIPE),
        python,
        sys.implementation.cache_tag or "",
        settings.platform,
        *(f"{wheel.file} {wheel.sha256}" for wheel in settings.wheels),
    ]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _installed_digest(site_packages: Path) -> str:
    """The digest of what is installed; empty where nothing whole is."""
    try:
        data = json.loads((site_packages / MARKER).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return ""
    return str(data.get("digest", "")) if isinstance(data, dict) else ""


def install(settings: Settings, places: Places, python: str, warn: Callable[[str], None]) -> bool:
    """Install the wheelhouse unless exactly that is installed; say whether anything was done.

    Packages that were deployed as they are used are looked at instead.

    Everything goes into a new folder, which takes its place by two renames: whenever this is killed, there is
    the old tree, the new one, or none, and the next run cleans up. The caller holds the lock.

    :raises WheelhouseError: a wheel is missing, not as packaged, or refused for what it holds.
    :raises DiskError: the disk is full, or something cannot be written.
    """
    try:
        if settings.is_unpacked:
            return adopt(settings, places)
        if is_installed(settings, places, python):
            return False
        # This name is shorter than the final one, so no path is too long here that is not too long there.
        staging = Path(tempfile.mkdtemp(prefix=_NEW, dir=places.home))
        try:
            os.chmod(staging, 0o755)  # noqa: S103 - the role's program may be another user
            unpack_wheels(
                settings.wheels, places.wheels, staging, python=python, final=places.installed, warn=warn
            )
            files = [wheel.file for wheel in settings.wheels]
            marker = {"schema": 1, "digest": _wanted_digest(settings, python), "wheels": files}
            (staging / MARKER).write_text(json.dumps(marker, indent=1) + "\n", encoding="ascii")
            _swap(staging, places)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        clean_up(places.home)
    except OSError as error:
        raise disk_error(error, places.home) from error
    return True


def disk_error(error: OSError, place: Path) -> DiskError:
    """What to say of a failure to write below `place`."""
    where = error.filename or place
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        free = shutil.disk_usage(place).free / (1024 * 1024)
        return DiskError(
            f"{place}: the disk is full: {free:.1f} MB are free there, which is not enough; make room, or "
            "choose another place with CLOUDROLE_HOME"
        )
    if isinstance(error, PermissionError):
        return DiskError(
            f"{where}: may not be written by this user, or a program is using it ({error.strerror}); "
            "end that program, or choose another place with CLOUDROLE_HOME"
        )
    return DiskError(f"{where}: {error.strerror or error}; choose another place with CLOUDROLE_HOME")


def clean_up(home: Path) -> None:
    """Remove what a killed run left. The caller holds the lock."""
    for name in os.listdir(home):
        if name.startswith((_NEW, _OLD)):
            _remove(home / name)


def _remove(folder: Path) -> None:
    """Remove a folder that somebody may still write to or read from; what resists waits for the next run."""
    end = time.monotonic() + 2
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)
        if time.monotonic() > end:
            return
        if folder.exists():
            time.sleep(0.05)


def _swap(staging: Path, places: Places) -> None:
    if places.installed.exists():
        old = Path(tempfile.mkdtemp(prefix=_OLD, dir=places.home))
        _rename(places.installed, old / "site-packages")
    _rename(staging, places.installed)


def _rename(source: Path, target: Path) -> None:
    """Rename, for some seconds against scanners that open every new file on Windows."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            source.rename(target)
        except PermissionError:
            if os.name != "nt" or time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return
