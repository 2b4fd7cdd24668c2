"""Whether this interpreter is the one that the role's wheels are for."""

from __future__ import annotations

import os
import platform as platform_module
import re
import sys
import sysconfig
from dataclasses import dataclass

from .faults import InterpreterError

__all__ = ["Interpreter", "check_interpreter", "this_interpreter"]


@dataclass(frozen=True)
class Interpreter:
    """What decides whether a wheel fits.

    `platform` as sysconfig has it; `libc` is "glibc", "musl" or empty, and its version.
    """

    path: str
    implementation: str
    version: tuple[int, int, int]
    platform: str
    machine: str
    libc: tuple[str, tuple[int, int]]
    free_threaded: bool = False


def this_interpreter() -> Interpreter:
    """The interpreter that runs this."""
    return Interpreter(
        path=sys.executable,
        implementation=sys.implementation.name,
        version=sys.version_info[:3],
        platform=sysconfig.get_platform(),
        machine=platform_module.machine(),
        libc=_libc(),
        free_threaded=bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    )


def check_interpreter(found: Interpreter, minor: str, platform: str) -> None:
    """See that `found` is CPython `minor` (X.Y) for `platform` (a wheel platform tag).

    :raises InterpreterError: it is not; the text says every reason.
    """
    reasons = []
    if found.implementation != "cpython":
        reasons.append(f"it is {found.implementation}, not cpython")
    version = "{}.{}".format(*found.version)
    if version != minor:
        reasons.append(f"it is Python {version}, the wheels are for {minor}")
    if found.free_threaded:
        reasons.append("it is a free-threaded build, the wheels are for the usual one")
    reasons += _platform_reasons(found, platform)
    if reasons:
        raise InterpreterError(
            f"{found.path}: {'; '.join(reasons)}. Install CPython {minor} for {platform}, "
            "or name it with deployed-python-interpreter-path or the PYTHON variable"
        )


def _platform_reasons(found: Interpreter, platform: str) -> list[str]:
    if platform.startswith("win"):
        wanted = platform.replace("_", "-")
        return (
            []
            if found.platform == wanted
            else [f"it is built for {found.platform}, the wheels are for {wanted}"]
        )
    match = re.fullmatch(r"(manylinux|musllinux|macosx)_(\d+)_(\d+)_(\w+)", platform)
    if match is None:
        return [f"nothing is known about the platform {platform}"]
    system, oldest, machine = match[1], (int(match[2]), int(match[3])), match[4]
    if not found.platform.startswith("macosx" if system == "macosx" else "linux"):
        return [f"it is built for {found.platform}, the wheels are for {platform}"]
    if found.machine != machine:
        return [f"the machine is {found.machine}, the wheels are for {machine}"]
    kind = {"manylinux": "glibc", "musllinux": "musl", "macosx": ""}[system]
    name, version = found.libc
    if kind and name != kind:
        return [f"the system has {name or 'another C library'}, the wheels need {kind}"]
    if kind and version < oldest:
        have, need = ".".join(map(str, version)), ".".join(map(str, oldest))
        return [f"the system has {kind} {have}, the wheels need {need}"]
    return []


def _libc() -> tuple[str, tuple[int, int]]:
    """The C library of this process. Of musl only the presence is known, which is taken for new enough."""
    confstr = getattr(os, "confstr", None)
    try:
        name, _, version = (confstr("CS_GNU_LIBC_VERSION") if confstr else "").partition(" ")
    except (ValueError, OSError):
        name = version = ""
    match = re.match(r"(\d+)\.(\d+)", version)
    if name == "glibc" and match:
        return "glibc", (int(match[1]), int(match[2]))
    if "musl" in (sysconfig.get_config_var("HOST_GNU_TYPE") or "") or "musl" in (
        sysconfig.get_config_var("SOABI") or ""
    ):
        return "musl", (sys.maxsize, 0)
    return "", (0, 0)
