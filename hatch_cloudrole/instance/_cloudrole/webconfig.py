"""The site's web.config: which interpreter answers requests.

What is edited, and in which file, follows Python Tools for Visual Studio, so that its projects keep working:
the handler named PythonHandler, and web.emulator.config or web.cloud.config instead of web.config.
"""

from __future__ import annotations

import ntpath
import os
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.dom import minidom
from xml.parsers.expat import ExpatError

from .faults import IisError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Processor", "app_settings", "configure_site", "edited", "site_folder", "source_config"]

HANDLER = "PythonHandler"


@dataclass(frozen=True)
class Processor:
    """The program that answers: an interpreter and its argument line, ready for a command line.

    `startup` is the folder on PYTHONPATH by which processes find the role's packages.
    """

    python: str
    fastcgi_arguments: str
    serve_arguments: str
    startup: str = ""

    @property
    def script_processor(self) -> str:
        """As IIS names a FastCGI application in a handler."""
        return f"{self.python}|{self.fastcgi_arguments}"


def site_folder(approot: Path) -> Path:
    """Where IIS serves the role from: where RoleModel.xml says, else in the usual place, else approot.

    :raises IisError: RoleModel.xml cannot be read.
    """
    base = approot.parent
    model = base / "RoleModel.xml"
    if model.is_file():
        for element in _elements(_parse(model.read_bytes(), model), "Site"):
            physical = element.getAttribute("physicalDirectory")
            if physical:
                return base / physical.replace("\\", os.sep)
    site = base / "sitesroot" / "0"
    return site if site.is_dir() else approot


def source_config(site: Path, *, emulated: bool) -> Path:
    """The file that the site's web.config is made of.

    :raises IisError: there is none.
    """
    special = site / ("web.emulator.config" if emulated else "web.cloud.config")
    plain = site / "web.config"
    if special.is_file():
        return special
    if plain.is_file():
        return plain
    raise IisError(f"{plain}: is missing, so IIS does not know who answers; deploy the package again")


def configure_site(site: Path, processor: Processor, *, emulated: bool) -> bool:
    """Write the site's web.config; say whether it has changed. The first one is kept as web.config.bak.

    :raises IisError: there is no web.config, it is not XML, or it names no Python handler.
    """
    source = source_config(site, emulated=emulated)
    plain, backup = site / "web.config", site / "web.config.bak"
    before = plain.read_bytes() if plain.is_file() else None
    after = edited(source.read_bytes(), processor, source)
    if after == before:
        return False
    if before is not None and not backup.exists():
        backup.write_bytes(before)
    _replace(plain, after)
    return True


def edited(data: bytes, processor: Processor, where: Path) -> bytes:
    """The configuration with this processor; the very same bytes where it has it already.

    :raises IisError: it is not XML, or it names no Python handler.
    """
    document = _parse(data, where)
    changed = found = False
    for handler in _elements(document, "add"):
        if handler.getAttribute("name").lower() != HANDLER.lower() or not _inside(handler, "handlers"):
            continue
        found = True
        if "fastcgimodule" in handler.getAttribute("modules").lower() or handler.hasAttribute(
            "scriptProcessor"
        ):
            changed |= _set(handler, "scriptProcessor", processor.script_processor)
    for platform in _elements(document, "httpPlatform"):
        changed |= _set(platform, "processPath", processor.python)
        changed |= _set(platform, "arguments", processor.serve_arguments)
    for setting in _elements(document, "add"):
        if _inside(setting, "appSettings"):
            key, value = setting.getAttribute("key"), setting.getAttribute("value")
            changed |= _set(setting, "value", _app_setting(key, value, processor))
    if not found:
        raise IisError(f"{where}: has no handler named {HANDLER} in system.webServer/handlers; add it")
    return document.toxml(encoding="utf-8") if changed else data


def app_settings(data: bytes, where: Path) -> dict[str, str]:
    """What wfastcgi makes variables of: name -> value of every setting.

    :raises IisError: it is not XML.
    """
    document = _parse(data, where)
    return {
        setting.getAttribute("key").strip(): setting.getAttribute("value")
        for section in _elements(document, "appSettings")
        for setting in section.getElementsByTagName("add")
        if setting.getAttribute("key")
    }


def _app_setting(key: str, value: str, processor: Processor) -> str:
    """A setting as wfastcgi can use it, which lays them over its environment for each request."""
    if key.upper() == "PYTHONPATH" and processor.startup:
        paths = [path for path in value.split(";") if path and path != processor.startup]
        # Without it child processes would not find the packages.
        return ";".join([processor.startup, *paths])
    if key.upper() == "WSGI_LOG":
        return ntpath.expandvars(value)  # wfastcgi expands nothing in it
    return value


def _set(element: minidom.Element, name: str, value: str) -> bool:
    if element.getAttribute(name) == value:
        return False
    element.setAttribute(name, value)
    return True


def _parse(data: bytes, where: Path) -> minidom.Document:
    try:
        return minidom.parseString(data)  # noqa: S318 - our own package's file
    except (ExpatError, ValueError) as error:
        raise IisError(f"{where}: is not XML: {error}") from error


def _elements(document: minidom.Document, name: str) -> Iterator[minidom.Element]:
    """Elements of that local name, in whatever namespace."""
    for element in document.getElementsByTagName("*"):
        if element.tagName.rpartition(":")[2] == name:
            yield element


def _inside(element: minidom.Element, parent: str) -> bool:
    return getattr(element.parentNode, "tagName", "") == parent


def _replace(path: Path, data: bytes) -> None:
    """Write beside, then rename: IIS reads the file whenever it likes."""
    descriptor, name = tempfile.mkstemp(prefix="web.", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        # A temporary file is its owner's alone, but the site has another user.
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
