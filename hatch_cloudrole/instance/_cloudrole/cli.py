"""The command line of role.py: one command, one log, one exit code."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from typing import TYPE_CHECKING

from .faults import RoleError
from .log import Log
from .places import Places
from .settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["main"]

DEFECT = 1
CHECK_FAILED = 110
_SCRIPTS = {
    "configure": ("ConfigureCloudService.ps1", "configure.sh"),
    "launch": ("LaunchWorker.ps1", "launch.sh"),
    "serve": ("serve", "serve"),
    "check": ("check", "check"),
}


def main(arguments: Sequence[str], approot: Path) -> int:
    """Run one command for the role in `approot` and return the exit code."""
    parser = argparse.ArgumentParser(prog="role.py", description="A role on its instance.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("configure", help="install the packages and prepare IIS; may run any number of times")
    commands.add_parser("launch", help="start the program and end with its exit code")
    commands.add_parser("serve", help="serve the role's WSGI or ASGI application over HTTP")
    commands.add_parser("check", help="say what is wrong with this instance")
    command: str = parser.parse_args(arguments).command
    places = Places.of(approot, os.environ)
    script = _SCRIPTS[command][0 if os.name == "nt" else 1]
    # ps.cmd has standard output in a file already, which nobody would ever shorten.
    log = Log(places.logs, script, echo=not os.environ.get("CLOUDROLE_BOOT_LOG"))
    try:
        return _run(command, places, log)
    except RoleError as error:
        log.event("failed", code=error.exit_code, fault=type(error).__name__, text=str(error))
        *before, last = str(error).splitlines()  # a traceback may stand in front of what it means
        log.say("\n".join([*before, f"FAILED with exit code {error.exit_code}: {last}"]))
        return error.exit_code
    except KeyboardInterrupt:
        log.say("interrupted")
        return 130
    except Exception as error:  # noqa: BLE001 - the last line of the log has to name every cause
        log.event("failed", code=DEFECT, fault=type(error).__name__, text=str(error))
        log.say(f"{traceback.format_exc()}FAILED with exit code {DEFECT}, a defect of role.py: {error!r}")
        return DEFECT


def _run(command: str, places: Places, log: Log) -> int:
    log.say(f"==== {command}: Python {sys.version.split()[0]}, process {os.getpid()}, {places.approot}")
    settings = read_settings(places.role_json)
    places = places.of_role(settings)
    log.event(
        "start", command=command, role=settings.role, version=settings.version, approot=str(places.approot)
    )
    log.say(f"role {settings.role} of {settings.service} {settings.version}")
    if command == "configure":
        from .configure import configure

        configure(settings, places, os.environ, log)
    elif command == "launch":
        from .launch import launch

        return launch(settings, places, log)
    elif command == "serve":
        from .serve import serve

        serve(settings, places)
    else:
        from .check import faults

        found = list(faults(settings, places, log.say))
        for fault in found:
            print(fault)  # noqa: T201 - the result of the command
        log.event("checked", faults=found)
        log.say(f"{len(found)} faults" if found else "nothing is wrong")
        return CHECK_FAILED if found else 0
    return 0
