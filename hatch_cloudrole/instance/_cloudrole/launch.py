"""Starts the role's program, writes down what it says, passes signals on and returns its exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

from .bond import before_start, bind
from .embeddable import program_python
from .environment import check_folder, program_environment
from .faults import NotConfiguredError, ProgramError
from .install import is_installed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

    from .log import Log
    from .places import Places
    from .settings import Settings

__all__ = ["exit_code", "launch", "program_command"]

_DRAIN = 5.0
"""Seconds that output of the program's own children is waited for once it has ended."""
_PASSED_ON = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGBREAK")


def launch(settings: Settings, places: Places, log: Log) -> int:
    """Run the program to its end and return its exit code, 128 + N where signal N ended it.

    :raises NotConfiguredError: the packages are not those of role.json.
    :raises ProgramError: there is no program, or it cannot be started.
    """
    check_folder(places)
    version = "{}.{}".format(*sys.version_info)
    if version != settings.minor:
        raise NotConfiguredError(
            f"{sys.executable}: is Python {version}, but the role is for {settings.minor}; "
            "run configure first"
        )
    python = program_python(sys.executable, places.home)
    if (settings.wheels and not is_installed(settings, places, python)) or not os.path.exists(python):
        raise NotConfiguredError(
            f"{places.site_packages}: does not hold the packages of role.json for {sys.executable}; "
            "run configure first"
        )
    command = program_command(settings, places, python)
    folder = places.approot / settings.working_directory
    if not os.path.isdir(folder):
        raise ProgramError(
            f"{folder}: is the working directory of role {settings.role}, but does not exist for this user"
        )
    env = _with_output_settings(program_environment(settings, places, os.environ))
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=before_start(),  # noqa: PLW1509 - no thread has been started yet
        )
    except (OSError, ValueError) as error:
        raise ProgramError(f"{command[0]}: cannot be started in {folder}: {error}") from error
    _pass_signals_on(process)
    bind(process)
    log.event("launched", program=process.pid, command=command, folder=str(folder))
    log.say(f"launched process {process.pid}: {subprocess.list2cmdline(command)}")
    pump = threading.Thread(target=_pump, args=(process.stdout, log), daemon=True)
    pump.start()
    process.wait()
    pump.join(_DRAIN)
    code = exit_code(process.returncode)
    log.event("exited", program=process.pid, code=code)
    log.say(f"process {process.pid} ended with exit code {code}{_meaning(process.returncode)}")
    return code


def program_command(settings: Settings, places: Places, python: str) -> list[str]:
    """The command line of the program: plain Python, as a developer would run it.

    :raises ProgramError: the role names no program, or a file that is not there.
    """
    if settings.startup_file:
        path = places.approot / settings.startup_file
        if not os.path.isfile(path):
            raise ProgramError(
                f"{path}: is the startup file of role {settings.role}, but is not there for this user"
            )
        return [python, str(path), *settings.arguments]
    if settings.startup_module:
        return [python, "-m", settings.startup_module, *settings.arguments]
    if settings.wsgi_handler or settings.asgi_handler:
        return [python, str(places.role_py), "serve"]
    raise ProgramError(
        f"role {settings.role} has no startup-file, startup-module or handler, so nothing to launch"
    )


def exit_code(code: int) -> int:
    """What this process ends with for what the program ended with."""
    if os.name == "nt":
        # A crash has a code beyond 31 bits, which Python takes for too large unless it is negative.
        return code - (1 << 32) if code >= 1 << 31 else code
    return 128 - code if code < 0 else code


def _meaning(code: int) -> str:
    """What is to be said of the end of the program, behind its exit code."""
    if code == 0:
        return ""
    if os.name == "nt":
        # Windows' own codes are known by their hexadecimal form: 0xC0000005 is an access violation.
        known = f" (0x{code & 0xFFFFFFFF:08X})" if not 0 < code < 1 << 16 else ""
    else:
        known = f" (signal {-code}, {_signal_name(-code)})" if code < 0 else ""
    return f"{known}; what it wrote stands above"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "which has no name here"


def _with_output_settings(env: Mapping[str, str]) -> dict[str, str]:
    """Lines arrive in the log when they are written, and in one encoding; the role may say otherwise."""
    return {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", **env}


def _pass_signals_on(process: subprocess.Popen[bytes]) -> None:
    for name in _PASSED_ON:
        number = getattr(signal, name, None)
        if number is None:
            continue
        if os.name == "nt":
            # Every process of the console gets it anyway; this one stays for the program's exit code.
            signal.signal(number, lambda *_: None)
        else:
            signal.signal(number, lambda received, _: process.send_signal(received))


def _pump(stream: BinaryIO, log: Log) -> None:
    """Copy what the program writes, as soon as it does."""
    while True:
        data = os.read(stream.fileno(), 1 << 16)
        if not data:
            break
        log.output(data)
