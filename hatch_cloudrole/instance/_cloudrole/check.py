"""What is wrong with this instance? Everything at once, without changing anything."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from .adopt import recorded_files
from .configure import has_iis, processor
from .embeddable import program_python
from .faults import RoleError
from .iis import check_module, is_registered
from .install import is_installed
from .interpreter import check_interpreter, this_interpreter
from .launch import program_command
from .record import encoded, file_digest, parse_record
from .trial import handler_fault
from .webconfig import edited, site_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .places import Places
    from .settings import Settings

__all__ = ["faults"]


def faults(settings: Settings, places: Places, say: Callable[[str], None]) -> Iterator[str]:
    """Yield one line for each thing that is wrong, with what to do about it; `say` gets tracebacks."""
    try:
        check_interpreter(this_interpreter(), settings.minor, settings.platform)
    except RoleError as error:
        yield str(error)
    if not settings.is_unpacked:
        yield from _wheel_faults(settings, places)
    yield from _package_faults(settings, places)
    yield from _program_faults(settings, places)
    if settings.has_site:
        yield from _site_faults(places)
        if has_iis(os.environ):
            yield from _iis_faults(settings, places)
    if is_installed(settings, places, _python(places)):
        yield from _handler_faults(settings, places, say)
    yield from _place_faults(places)


def _wheel_faults(settings: Settings, places: Places) -> Iterator[str]:
    for wheel in settings.wheels:
        path = places.wheels / wheel.file
        try:
            if file_digest(path).hex() != wheel.sha256:
                yield f"{path}: is not what was packaged; deploy the package again"
        except OSError as error:
            yield f"{path}: cannot be read ({error.strerror}); deploy the package again"


def _package_faults(settings: Settings, places: Places) -> Iterator[str]:
    folder = places.site_packages
    if not is_installed(settings, places, _python(places)):
        yield f"{folder}: does not hold the packages of role.json for {sys.executable}; run configure"
        return
    if settings.is_unpacked:
        for name, digest in sorted(recorded_files(places).items()):
            yield from _file_faults(folder / name, digest, "deploy the package again")
        return
    remedy = "remove site-packages and run configure"
    for record in sorted(folder.glob("*.dist-info/RECORD")):
        for name, digest in parse_record(record.read_bytes()):
            if digest:
                yield from _file_faults(folder / name, digest, remedy)


def _file_faults(path: Path, digest: str, remedy: str) -> Iterator[str]:
    try:
        found = encoded(file_digest(path))
    except OSError as error:
        yield f"{path}: cannot be read ({error.strerror}); {remedy}"
    else:
        if digest != found:
            yield f"{path}: is not what was installed; {remedy}"


def _program_faults(settings: Settings, places: Places) -> Iterator[str]:
    folder = places.approot / settings.working_directory
    if not os.path.isdir(folder):
        yield f"{folder}: is the working directory, but does not exist for this user"
    for path in settings.search_paths:
        if not os.path.exists(places.approot / path):
            yield f"{places.approot / path}: is a search path, but does not exist for this user"
    if not settings.has_site:
        try:
            program_command(settings, places, sys.executable)
        except RoleError as error:
            yield str(error)


def _handler_faults(settings: Settings, places: Places, say: Callable[[str], None]) -> Iterator[str]:
    fault = handler_fault(settings, places, _python(places))
    if fault:
        *before, last = fault.splitlines()
        if before:
            say("\n".join(before))
        yield last


def _site_faults(places: Places) -> Iterator[str]:
    try:
        config = site_folder(places.approot) / "web.config"
        data = config.read_bytes()
        if edited(data, processor(places, _python(places)), config) != data:
            yield f"{config}: does not name {sys.executable} and this role; run configure"
    except RoleError as error:
        yield str(error)
    except OSError as error:
        yield f"{error.filename}: cannot be read ({error.strerror}); deploy the package again"


def _iis_faults(settings: Settings, places: Places) -> Iterator[str]:
    program = processor(places, _python(places))
    try:
        if settings.server != "fastcgi":
            check_module(os.environ)
        elif not is_registered(os.environ, program.python, program.fastcgi_arguments):
            yield f"IIS does not know {program.script_processor} as a FastCGI application; run configure"
    except RoleError as error:
        yield str(error)


def _place_faults(places: Places) -> Iterator[str]:
    for folder in (places.home, places.logs):
        there = folder
        while not there.exists() and there != there.parent:
            there = there.parent
        if not os.access(there, os.W_OK):
            yield f"{folder}: may not be written; choose others with CLOUDROLE_HOME and CLOUDROLE_LOG_DIR"


def _python(places: Places) -> str:
    return program_python(sys.executable, places.home)
