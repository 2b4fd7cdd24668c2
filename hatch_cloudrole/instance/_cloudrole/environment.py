"""The environment that a role's program and its child processes get."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import TYPE_CHECKING

from .embeddable import program_python
from .faults import ProgramError
from .startup import sitecustomize

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .places import Places
    from .settings import Settings

__all__ = ["apply", "check_folder", "program_environment", "search_paths"]

_PYTHON = "CLOUDROLE_PYTHON"
"""The interpreter, for commands of packages that were laid out where nobody knew it."""


def search_paths(settings: Settings, places: Places) -> list[str]:
    """The role's search paths, absolute."""
    return [os.path.normpath(places.approot / path) for path in settings.search_paths]


def check_folder(places: Places) -> None:
    """See that the environment can name what lies in approot.

    :raises ProgramError: it cannot, so that no program would find its packages.
    """
    if os.pathsep in str(places.approot):
        raise ProgramError(
            f"{places.approot}: holds {os.pathsep!r}, which separates search paths; "
            "deploy into another folder"
        )


def program_environment(settings: Settings, places: Places, env: Mapping[str, str]) -> dict[str, str]:
    """`env` with the role's own variables, and with what leads Python to the role's packages.

    A variable of the role wins over one that is there. PYTHONPATH of either is kept, behind the search paths.
    """
    windows = os.name == "nt"
    result = dict(env)
    for name, value in settings.environment.items():
        _set(result, name, value, windows=windows)
    front = str(places.startup)
    before = [path for path in _get(result, "PYTHONPATH", windows=windows).split(os.pathsep) if path]
    _set(
        result,
        "PYTHONPATH",
        os.pathsep.join([front, *(path for path in before if path != front)]),
        windows=windows,
    )
    path = _get(result, "PATH", windows=windows)
    scripts = str(places.scripts)
    if scripts not in path.split(os.pathsep):
        _set(result, "PATH", os.pathsep.join(filter(None, [scripts, path])), windows=windows)
    result[_PYTHON] = program_python(sys.executable, places.home)
    result[sitecustomize.SITE_PACKAGES] = str(places.site_packages)
    result[sitecustomize.SEARCH_PATHS] = sitecustomize.encode(search_paths(settings, places))
    # What a user of the instance installed for himself is no part of the role.
    result.setdefault("PYTHONNOUSERSITE", "1")
    if places.is_unpacked and not _is_writable(places.site_packages):
        # Python would compile the packages at every start, and find no place for the result.
        result.setdefault("PYTHONPYCACHEPREFIX", str(places.compiled))
    return result


def apply(settings: Settings, places: Places) -> None:
    """Give this very process what `program_environment` gives a new one."""
    os.environ.update(program_environment(settings, places, os.environ))
    sitecustomize.activate(str(places.site_packages), search_paths(settings, places))


def _is_writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _set(env: dict[str, str], name: str, value: str, *, windows: bool) -> None:
    if windows:
        for other in [each for each in env if each.upper() == name.upper()]:
            del env[other]
    env[name] = value


def _get(env: Mapping[str, str], name: str, *, windows: bool) -> str:
    for other, value in env.items():
        if other == name or (windows and other.upper() == name):
            return value
    return ""
