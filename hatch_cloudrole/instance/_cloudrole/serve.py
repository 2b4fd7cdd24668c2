"""Serves the role's application over HTTP: waitress for WSGI, uvicorn for ASGI."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

from . import environment
from .faults import ProgramError
from .handler import load_handler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .places import Places
    from .settings import Settings

__all__ = ["address", "load_application", "serve"]


def serve(settings: Settings, places: Places) -> None:
    """Load the handler in this process and serve it until the process ends.

    :raises HandlerError: the handler cannot be loaded.
    :raises ProgramError: there is nothing to serve, no port, or no server installed.
    """
    if not (settings.wsgi_handler or settings.asgi_handler):
        raise ProgramError(
            f"role {settings.role} has neither wsgi-handler nor asgi-handler, so there is nothing to serve"
        )
    host, port = address(settings, environment.program_environment(settings, places, os.environ))
    application = load_application(settings, places)
    where = f"role {settings.role} cannot be served at {host}, port {port}"
    remedy = "free that port, or choose others with CLOUDROLE_ADDRESS and CLOUDROLE_PORT"
    if settings.asgi_handler:
        uvicorn = _server("uvicorn", settings)
        try:
            uvicorn.run(application, host=host, port=port)
        except SystemExit as error:  # it has said why
            raise ProgramError(f"{where}: uvicorn says above why; if it is the address, {remedy}") from error
    else:
        waitress = _server("waitress", settings)
        try:
            waitress.serve(application, host=host, port=port)
        except (OSError, ValueError) as error:
            raise ProgramError(f"{where}: {getattr(error, 'strerror', '') or error}; {remedy}") from error


def load_application(settings: Settings, places: Places) -> Any:
    """Make this process that of the role's program, and load the handler in it.

    :raises HandlerError: the handler cannot be loaded.
    :raises ProgramError: its folder is not there.
    """
    folder = places.approot / settings.working_directory
    try:
        os.chdir(folder)
    except OSError as error:
        raise ProgramError(f"{folder}: cannot be the working directory: {error.strerror}") from error
    environment.apply(settings, places)
    # The program's own folder comes first, and this package is none of its business.
    sys.path[:] = [str(folder), *(path for path in sys.path if path not in (str(folder), str(places.bin)))]
    sys.argv[:] = [str(places.role_py)]
    if settings.asgi_handler:
        return load_handler(settings.asgi_handler, arguments=3)
    return load_handler(settings.wsgi_handler, arguments=2)


def address(settings: Settings, env: Mapping[str, str]) -> tuple[str, int]:
    """Where to listen: where IIS says, or CLOUDROLE_ADDRESS and CLOUDROLE_PORT, or the role's endpoint.

    :raises ProgramError: nobody names a port.
    """
    behind_iis = env.get("HTTP_PLATFORM_PORT", "")
    text = (
        behind_iis
        or env.get("CLOUDROLE_PORT", "")
        or (str(settings.endpoint.port) if settings.endpoint else "")
    )
    if not text:
        raise ProgramError(
            "no port to listen on: neither HTTP_PLATFORM_PORT nor CLOUDROLE_PORT is set, and no endpoint"
        )
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
        raise ProgramError(f"{text!r} is no port; a number from 1 to 65535 is")
    if settings.endpoint and settings.endpoint.protocol == "https" and not behind_iis:
        raise ProgramError("the endpoint is https, but nothing here has its certificate; use http or IIS")
    default = "127.0.0.1" if behind_iis else "0.0.0.0"  # noqa: S104 - it serves whoever reaches the instance
    return env.get("CLOUDROLE_ADDRESS") or default, int(text)


def _server(name: str, settings: Settings) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ProgramError(
            f"{name}, which serves role {settings.role}, cannot be imported: {error}"
        ) from error
