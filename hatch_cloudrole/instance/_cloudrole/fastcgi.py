"""What runs wfastcgi, and what is said about a handler that it cannot use.

wfastcgi takes the handler from WSGI_HANDLER among the appSettings of the site's web.config, else from the
variable of that name. What it says of one that it cannot load goes to the page of the answer and, where there
is one, to its own log; and it takes an ImportError within the role's code for a module that is not there.
Here it is told as everywhere else. wfastcgi itself then does what it always does.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import re
import runpy
import sys
from typing import TYPE_CHECKING, Any

from . import environment
from .faults import HandlerError
from .handler import check_application, load_handler, raised
from .log import Log
from .webconfig import app_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .places import Places
    from .settings import Settings

__all__ = ["enter", "load_application", "run", "telling"]

_WSGI = 2
"""With how many values a WSGI application is called."""


def run(settings: Settings, places: Places) -> None:
    """Be wfastcgi, until IIS ends this process."""
    enter(settings, places)
    try:
        wfastcgi: Any = importlib.import_module("wfastcgi")
    except Exception as error:
        _tell(settings, places, raised("importing wfastcgi", os.environ.get("WSGI_HANDLER", ""), error))
        raise
    if not (hasattr(wfastcgi, "get_wsgi_handler") and hasattr(wfastcgi, "main")):
        runpy.run_module("wfastcgi", run_name="__main__", alter_sys=True)
        return
    # The program is wfastcgi, for children that multiprocessing starts too.
    sys.modules["__main__"] = wfastcgi
    wfastcgi.get_wsgi_handler = telling(wfastcgi.get_wsgi_handler, lambda text: _tell(settings, places, text))
    wfastcgi.main()


def enter(settings: Settings, places: Places) -> None:
    """Give this process what IIS does not know of: the role's environment and packages, and its handler."""
    environment.apply(settings, places)
    if settings.wsgi_handler:
        # For a web.config of the project's own that names none; wfastcgi knows dots alone.
        os.environ.setdefault("WSGI_HANDLER", settings.wsgi_handler.replace(":", "."))
    # wfastcgi overwrites the first entry, whatever it is.
    sys.path[:] = ["", *(path for path in sys.path if path != str(places.bin))]
    sys.argv[:] = [str(places.site_packages / "wfastcgi.py")]


def load_application(settings: Settings, places: Places, site: Path) -> Any:
    """Load the handler of the site as wfastcgi does at its first request, without it.

    :raises HandlerError: the handler cannot be loaded.
    :raises IisError: web.config is not XML.
    :raises OSError: the site or its web.config cannot be read.
    """
    enter(settings, places)
    config = site / "web.config"
    added = app_settings(config.read_bytes(), config)
    os.chdir(site)
    sys.path[0] = "."
    os.environ.update(added)
    for name, value in added.items():
        if name.upper() == "PYTHONPATH":
            expanded = re.sub(r"%(\w+?)%", lambda match: os.environ.get(match[1], ""), value)
            sys.path.extend(path for path in expanded.split(";") if path)
    expression = os.environ.get("WSGI_HANDLER", "")
    _check_expression(expression)
    return load_handler(expression, arguments=_WSGI)


def telling(load: Callable[[Any], Any], tell: Callable[[str], None]) -> Callable[[Any], Any]:
    """`load` of wfastcgi, which gets a handler's name; `tell` gets what is wrong. Nothing else changes."""

    def loaded(name: Any) -> Any:
        try:
            handler = load(name)
        except BaseException as error:  # noqa: BLE001 - wfastcgi gets it
            failure = error
        else:
            try:
                check_application(handler, str(name), _WSGI)
            except HandlerError as fault:
                with contextlib.suppress(Exception):
                    tell(str(fault))
            return handler
        # Not before it has been handled, so that it is no part of what is raised meanwhile.
        with contextlib.suppress(Exception):
            tell(_fault(str(name or ""), failure))
        raise failure

    return loaded


def _check_expression(expression: str) -> None:
    if not expression:
        raise HandlerError(
            "there is no handler: neither web.config nor the environment has WSGI_HANDLER, nor the role one"
        )
    if ":" in expression:
        raise HandlerError(
            f"handler {expression!r}: wfastcgi knows dots alone; write {expression.replace(':', '.')}"
        )


def _fault(expression: str, error: BaseException) -> str:
    """Say why wfastcgi did not find a handler, for which it raised `error`."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_globals.get("__name__") == __name__:
        frames = frames.tb_next
    try:
        _check_expression(expression)
        if frames is None or frames.tb_next is not None:
            # The code of the role raised. It is not run again: it may have begun something.
            return raised("loading it", expression, error)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            load_handler(expression, arguments=_WSGI)
    except HandlerError as fault:
        return str(fault)
    return raised("loading it", expression, error)


def _tell(settings: Settings, places: Places, text: str) -> None:
    """Log it, and say it on standard error, which wfastcgi puts into its own page and log."""
    log = Log(places.logs, "wfastcgi", echo=False)
    log.event("failed", code=HandlerError.exit_code, fault=HandlerError.__name__, text=text)
    log.say(f"role {settings.role}, process {os.getpid()}\n{text}")
