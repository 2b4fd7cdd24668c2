"""Makes this instance ready: the packages, and for a site the settings of IIS. May run any number of times."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from .faults import DiskError
from .iis import enable_features, register_fastcgi
from .install import install
from .interpreter import check_interpreter, this_interpreter
from .lock import exclusive
from .webconfig import Processor, configure_site, site_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .log import Log
    from .places import Places
    from .settings import Settings

__all__ = ["configure", "processor"]

_LONGEST_CONFIGURE = 1800.0


def configure(settings: Settings, places: Places, env: Mapping[str, str], log: Log) -> None:
    """Do everything that is not done yet.

    :raises RoleError: of any kind; nothing half-done is taken for done.
    """
    interpreter = this_interpreter()
    reason = env.get("CLOUDROLE_INTERPRETER_REASON", "it runs this")
    log.event("interpreter", path=interpreter.path, version=list(interpreter.version), reason=reason)
    log.say(f"interpreter {interpreter.path}, because {reason}")
    check_interpreter(interpreter, settings.minor, settings.platform)
    try:
        places.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DiskError(f"{places.home}: cannot be made: {error.strerror}") from error
    waiting = "another configure is at work; waiting for it"
    with _lock(places, lambda: log.say(waiting)):
        _install(settings, places, log)
        _remember(places, interpreter.path)
        if settings.has_site:
            _configure_iis(settings, places, env, log)
    log.event("configured")
    log.say(f"role {settings.role} is configured")


def _lock(places: Places, on_wait):  # type: ignore[no-untyped-def]
    try:
        return exclusive(places.home / "lock", timeout=_LONGEST_CONFIGURE, on_wait=on_wait)
    except OSError as error:
        raise DiskError(f"{places.home}: {error.strerror}") from error


def _install(settings: Settings, places: Places, log: Log) -> None:
    begin = time.monotonic()
    changed = install(settings, places, sys.executable, lambda text: log.say(f"warning: {text}"))
    seconds = round(time.monotonic() - begin, 3)
    log.event("installed", wheels=len(settings.wheels), changed=changed, seconds=seconds)
    count = f"{len(settings.wheels)} wheels"
    log.say(f"{count} installed in {seconds} s" if changed else f"{count} are installed already")


def _remember(places: Places, python: str) -> None:
    """Tell the launching script which interpreter has the packages."""
    try:
        text = places.python_txt.read_text(encoding="utf-8") if places.python_txt.is_file() else ""
        if text != python:
            new = places.python_txt.with_name("python.new")
            new.write_text(python, encoding="utf-8")
            os.replace(new, places.python_txt)
    except OSError as error:
        raise DiskError(f"{places.python_txt}: cannot be written: {error.strerror}") from error


def _configure_iis(settings: Settings, places: Places, env: Mapping[str, str], log: Log) -> None:
    emulated = env.get("EMULATED", "").lower() == "true"
    program = processor(places, sys.executable)
    site = site_folder(places.approot.parent)
    try:
        changed = configure_site(site, program, emulated=emulated)
    except OSError as error:
        raise DiskError(f"{error.filename or site}: {error.strerror}") from error
    log.event("site", folder=str(site), changed=changed)
    log.say(f"{site}: web.config {'written' if changed else 'is right already'}")
    if os.name != "nt" and not env.get("CLOUDROLE_APPCMD"):
        return
    if not emulated and settings.server == "fastcgi":
        enable_features(env, log.say)
    if settings.server == "fastcgi":
        register_fastcgi(env, program.python, program.fastcgi_arguments)
        log.event("fastcgi", processor=program.script_processor)
        log.say(f"registered {program.script_processor}")


def processor(places: Places, python: str) -> Processor:
    """What answers requests, each path quoted where a command line needs it."""
    wrapper = places.bin / "_cloudrole" / "wfastcgi.py"
    return Processor(python, _word(str(wrapper)), f"{_word(str(places.role_py))} serve")


def _word(path: str) -> str:
    return f'"{path}"' if " " in path else path
