"""What IIS needs for a role: Windows features, its module, the FastCGI registration.

The only module that starts dism and appcmd.
"""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from .faults import IisError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "MODULE",
    "appcmd_program",
    "check_module",
    "command_words",
    "enable_features",
    "features",
    "is_registered",
    "register_fastcgi",
    "registration",
]

MODULE = "httpPlatformHandler"
"""The module of IIS that starts a program and hands it the requests. It is no part of Windows."""
_FEATURES = ("IIS-WebServerRole", "IIS-WebServer")
_REBOOT_LATER = 3010
_THERE = {"fastcgi": "iisfcgi.dll", "httpplatform": "iiscore.dll"}
"""What lies in inetsrv once the features of a server are enabled."""


def features(server: str) -> tuple[str, ...]:
    """The Windows features that `server` needs; `/All` enables what these stand on."""
    return (*_FEATURES, "IIS-CGI") if server == "fastcgi" else _FEATURES


def enable_features(env: Mapping[str, str], server: str, say: Callable[[str], None]) -> None:
    """Enable IIS with what `server` needs of it, unless that is there already.

    :raises IisError: dism is missing or fails.
    """
    system = _system_folder(env)
    override = env.get("CLOUDROLE_DISM", "")
    if not override and os.path.isfile(os.path.join(system, "inetsrv", _THERE[server])):
        return
    dism = command_words(override) if override else [os.path.join(system, "dism.exe")]
    wanted = features(server)
    options = [f"/FeatureName:{feature}" for feature in wanted]
    code, output = _run([*dism, "/Online", "/NoRestart", "/Quiet", "/Enable-Feature", "/All", *options])
    if code not in (0, _REBOOT_LATER):
        raise IisError(f"dism could not enable {', '.join(wanted)}: exit code {code}: {_last_line(output)}")
    say(f"enabled {', '.join(wanted)}")


def check_module(env: Mapping[str, str]) -> None:
    """See that IIS has the module HttpPlatformHandler.

    Its file does not tell: it may lie there unused, and IIS Express has another. So IIS is asked.

    :raises IisError: it has not, or appcmd is missing or fails.
    """
    names = [each.get("name", "").lower() for each in _listed(env, "globalModules", "add")]
    if MODULE.lower() not in names:
        raise IisError(
            f"IIS has no module {MODULE}, which is no part of Windows: ship its installer (.msi) with the "
            "role, and run it with msiexec /quiet in an elevated startup task of the type simple"
        )


def is_registered(env: Mapping[str, str], python: str, arguments: str) -> bool:
    """Whether IIS knows `python` with `arguments` as a FastCGI application.

    :raises IisError: appcmd is missing or fails.
    """
    wanted = _ascii(f"{python}|{arguments}")
    found = _listed(env, "fastCgi", "application")
    return any(_ascii(f"{each.get('fullPath')}|{each.get('arguments')}") == wanted for each in found)


def _ascii(text: str) -> str:
    """What of `text` survives any code page that appcmd may write in; paths have no case."""
    return "".join(letter for letter in text.lower() if letter.isascii())


def _listed(env: Mapping[str, str], section: str, element: str) -> list[dict[str, str]]:
    """The attributes of each such element in a section of IIS' own configuration."""
    appcmd = appcmd_program(env)
    code, output = _run([*appcmd, "list", "config", f"-section:system.webServer/{section}"])
    if code != 0:
        raise IisError(f"appcmd could not list {section}: exit code {code}: {_last_line(output)}")
    # Not by a parser of XML: whatever else it says there must not stop a role.
    elements = re.findall(rf"<{element}\b[^>]*>", output)
    return [
        {name: html.unescape(value) for name, value in re.findall(r'([\w.]+)="([^"]*)"', each)}
        for each in elements
    ]


def register_fastcgi(env: Mapping[str, str], python: str, arguments: str) -> None:
    """Register `python` with `arguments` as a FastCGI application, whether it was registered before or not.

    :raises IisError: appcmd is missing or fails.
    """
    appcmd = appcmd_program(env)
    # Adding an entry a second time is an error of appcmd, and so is removing one that is not there.
    _run([*appcmd, *registration("-", python, arguments)])
    code, output = _run([*appcmd, *registration("+", python, arguments)])
    if code != 0:
        raise IisError(f"appcmd could not register {python}: exit code {code}: {_last_line(output)}")


def registration(sign: str, python: str, arguments: str) -> list[str]:
    """The arguments of appcmd that add ("+") or remove ("-") a FastCGI application."""
    keys = f"fullPath='{_quoted(python)}',arguments='{_quoted(arguments)}'"
    rest = ",signalBeforeTerminateSeconds='30'" if sign == "+" else ""
    return ["set", "config", "-section:system.webServer/fastCgi", f"/{sign}[{keys}{rest}]", "/commit:apphost"]


def _quoted(value: str) -> str:
    """A value between apostrophes, as appcmd reads it."""
    return value.replace("'", "''")


def appcmd_program(env: Mapping[str, str]) -> list[str]:
    """The words that start appcmd: our override, the compute emulator's, what PATH has, or the system's."""
    for name in ("CLOUDROLE_APPCMD", "APPCMD"):
        if env.get(name):
            return command_words(env[name])
    return [
        shutil.which("appcmd", path=env.get("PATH"))
        or os.path.join(_system_folder(env), "inetsrv", "appcmd.exe")
    ]


def command_words(text: str) -> list[str]:
    """The words of a command line as Windows has them; the path of a file is one, whatever it holds."""
    if os.path.isfile(text):
        return [text]
    return [word.replace('"', "") for word in re.findall(r'(?:"[^"]*"|[^\s"])+', text)]


def _system_folder(env: Mapping[str, str]) -> str:
    """System32, and not the other one that a 32-bit Python on 64-bit Windows is shown under that name."""
    root = env.get("SystemRoot") or env.get("SYSTEMROOT") or r"C:\Windows"
    native = os.path.join(root, "Sysnative")
    return native if os.path.isdir(native) else os.path.join(root, "System32")


def _run(command: Sequence[str]) -> tuple[int, str]:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
    except OSError as error:
        raise IisError(f"{command[0]}: cannot be started: {error.strerror}") from error
    return done.returncode, done.stdout.decode("utf-8", "replace")


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
