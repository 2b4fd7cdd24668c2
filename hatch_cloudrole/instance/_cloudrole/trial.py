"""Loads the role's handler in a process of its own, as its server would, to say what is wrong with it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from . import fastcgi
from .faults import RoleError
from .places import Places
from .serve import load_application
from .settings import read_settings
from .webconfig import site_folder

if TYPE_CHECKING:
    from .settings import Settings

__all__ = ["LONGEST", "handler_fault", "main"]

_CODE = "import sys; sys.path[0] = sys.argv[1]; from _cloudrole.trial import main; main(sys.argv[1])"

LONGEST = 60.0
"""Seconds that IIS waits for the program that the build writes into web.config."""


def handler_fault(settings: Settings, places: Places, python: str, *, longest: float = LONGEST) -> str:
    """What is wrong with the handler of the role, on the last line; empty if nothing is.

    `python` runs the role's program. Nothing is written, except what the role's own code writes.
    """
    if not (settings.wsgi_handler or settings.asgi_handler or settings.server == "fastcgi"):
        return ""
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}
    process = subprocess.Popen(
        [python, "-c", _CODE, str(places.bin)],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        said, _ = process.communicate(timeout=longest)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        # Not read to its end: children of the process may hold it for as long as they like. On Windows a
        # thread waits for that, and closing would wait for the thread.
        if process.stdout is not None and os.name != "nt":
            process.stdout.close()
        return f"the handler of role {settings.role} has not loaded within {longest:g} s"
    fault = said.decode("utf-8", "replace").strip()
    if process.returncode and not fault:
        return f"loading the handler of role {settings.role} ended Python with exit code {process.returncode}"
    return fault


def main(folder: str) -> None:
    """Be that process, for the role with this `bin` folder: write what is wrong to standard output, end."""
    # The role's code may print, and may start threads that never end.
    result = os.dup(1)
    os.dup2(2, 1)
    fault = _fault(Places.of(Path(folder).parent, os.environ))
    os.write(result, fault.encode("utf-8", "backslashreplace"))
    os._exit(1 if fault else 0)


def _fault(places: Places) -> str:
    settings = read_settings(places.role_json)
    places = places.of_role(settings)
    server = "uvicorn" if settings.asgi_handler else "waitress"
    try:
        if settings.server == "fastcgi":
            server = "wfastcgi"
            fastcgi.load_application(settings, places, site_folder(places.approot))
        else:
            load_application(settings, places)
    except (RoleError, OSError) as error:
        return str(error)
    if importlib.util.find_spec(server) is None:
        return f"{server}, which serves role {settings.role}, is not among its packages; build the role again"
    return ""
