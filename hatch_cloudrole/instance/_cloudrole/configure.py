"""Makes this instance ready: its packages and, for a site, IIS. It may run any number of times."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from .embeddable import prepare
from .environment import check_folder
from .faults import IisError
from .iis import MODULE, check_module, enable_features, register_fastcgi
from .install import clean_up, disk_error, install
from .interpreter import check_interpreter, this_interpreter
from .lock import exclusive
from .stale import forget_compiled
from .webconfig import Processor, configure_site, site_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .log import Log
    from .places import Places
    from .settings import Settings

__all__ = ["configure", "has_iis", "processor"]

_LONGEST_CONFIGURE = 1800.0


def configure(settings: Settings, places: Places, env: Mapping[str, str], log: Log) -> None:
    """Do everything that is not done yet.

    :raises RoleError: of any kind; nothing half-done is taken for done.
    """
    check_folder(places)
    interpreter = this_interpreter()
    reason = env.get("CLOUDROLE_INTERPRETER_REASON", "it runs this")
    log.event("interpreter", path=interpreter.path, version=list(interpreter.version), reason=reason)
    log.say(f"interpreter {interpreter.path}, because {reason}")
    check_interpreter(interpreter, settings.minor, settings.platform)
    try:
        places.home.mkdir(parents=True, exist_ok=True)
        with exclusive(
            places.home / "lock",
            timeout=_LONGEST_CONFIGURE,
            on_wait=lambda: log.say("another configure is at work; waiting for it"),
        ):
            clean_up(places.home)
            python = prepare(interpreter.path, places.home)
            _install(settings, places, python, log)
            forget_compiled(places)
            _remember(places, interpreter.path)
            if settings.has_site:
                _configure_site(settings, places, python, env, log)
    except OSError as error:
        raise disk_error(error, places.home) from error
    log.event("configured")
    log.say(f"role {settings.role} is configured")


def processor(places: Places, python: str) -> Processor:
    """What answers requests, each path quoted where a command line needs it."""
    wrapper = places.bin / "_cloudrole" / "wfastcgi.py"
    return Processor(python, _word(str(wrapper)), f"{_word(str(places.role_py))} serve", str(places.startup))


def has_iis(env: Mapping[str, str]) -> bool:
    """Whether there is an IIS to ask: on Windows, or where something stands in for appcmd."""
    return os.name == "nt" or bool(env.get("CLOUDROLE_APPCMD"))


def _word(path: str) -> str:
    return f'"{path}"' if " " in path else path


def _install(settings: Settings, places: Places, python: str, log: Log) -> None:
    begin = time.monotonic()
    changed = install(settings, places, python, lambda text: log.say(f"warning: {text}"))
    seconds = round(time.monotonic() - begin, 3)
    count = len(settings.wheels)
    log.event("installed", wheels=count, changed=changed, seconds=seconds)
    if settings.is_unpacked:
        done = f"checked in {seconds} s" if changed else "checked before"
        log.say(f"{count} packages lie in {places.site_packages}, {done}")
    elif changed:
        log.say(f"{count} wheels installed in {seconds} s")
    else:
        log.say(f"{count} wheels are installed already")


def _remember(places: Places, python: str) -> None:
    """Tell the launching script which interpreter has the packages."""
    path = os.fsencode(python)  # UTF-8 on Windows; elsewhere the bytes that it has, which need not be text
    if not places.python_txt.is_file() or places.python_txt.read_bytes() != path:
        new = places.python_txt.with_name("python.new")
        new.write_bytes(path)
        os.replace(new, places.python_txt)


def _configure_site(
    settings: Settings, places: Places, python: str, env: Mapping[str, str], log: Log
) -> None:
    emulated = env.get("EMULATED", "").lower() == "true"
    program = processor(places, python)
    site = site_folder(places.approot)
    changed = configure_site(site, program, emulated=emulated)
    log.event("site", folder=str(site), changed=changed)
    log.say(f"{site}: web.config {'written' if changed else 'is right already'}")
    if not has_iis(env):
        return
    if not emulated:
        enable_features(env, settings.server, log.say)
    if settings.server == "fastcgi":
        register_fastcgi(env, program.python, program.fastcgi_arguments)
        log.event("fastcgi", processor=program.script_processor)
        log.say(f"registered {program.script_processor}")
    else:
        _look_for_module(env, log)


def _look_for_module(env: Mapping[str, str], log: Log) -> None:
    """Warn where the module is missing. No more: startup tasks of the project's own run after this one."""
    try:
        check_module(env)
    except IisError as error:
        log.say(f"warning: {error}. Until IIS has it, every request is answered with an error")
    else:
        log.say(f"IIS has the module {MODULE}")
