"""Checking that a package's service documents, streams and files speak of the same roles."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault, PackageError
from hatch_cloudrole.package import markup
from hatch_cloudrole.package.model import DEFINITION_PARTS, STREAMS

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET
    from collections.abc import Iterator, Mapping

    from hatch_cloudrole.package.manifest import LayoutDefinition
    from hatch_cloudrole.package.reader import Reading

__all__ = ["defined_roles", "service_faults"]

_DEFINITION = "{http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition}"
_SCRIPTS = (".bat", ".cmd", ".ps1", ".py", ".sh", ".vbs", ".js")
_BATCH = (".bat", ".cmd")
_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def service_faults(reading: Reading) -> Iterator[Fault]:
    """Find what is missing or at odds between the service's documents and its roles.

    A document that is damaged is passed over: that has been found where its bytes were checked.
    """
    if not reading.understood:
        return
    names = set(reading.contents)
    for part in DEFINITION_PARTS:
        if part not in names:
            yield Fault(part, "is not among the contents; every package has it, spelt so")
    layouts = {layout.role: layout for layout in reading.manifest.layouts}
    csdef, faults = _document(reading, DEFINITION_PARTS[0], "ServiceDefinition")
    yield from faults
    if csdef is not None:
        yield from _role_set_faults(csdef, layouts, names)
    for layout in layouts.values():
        yield from _Role(reading, layout).faults()


def defined_roles(reading: Reading) -> dict[str, str]:
    """The roles of the package's service definition, and of each whether it is a WebRole or a WorkerRole."""
    csdef, _ = _document(reading, DEFINITION_PARTS[0], "ServiceDefinition")
    return _roles(csdef) if csdef is not None else {}


def _roles(csdef: ET.Element) -> dict[str, str]:
    tags = {f"{_DEFINITION}{tag}": tag for tag in ("WebRole", "WorkerRole")}
    return {each.get("name", ""): tags[each.tag] for each in csdef if each.tag in tags}


def _role_set_faults(
    csdef: ET.Element, layouts: Mapping[str, LayoutDefinition], names: set[str]
) -> Iterator[Fault]:
    roles = _roles(csdef)
    if not roles:
        yield Fault(DEFINITION_PARTS[0], "defines no role")
    for role in roles:
        if role not in layouts:
            yield Fault(f"Roles/{role}", f"{DEFINITION_PARTS[0]} defines this role, but it has no layout")
        for stream in STREAMS:
            part = f"NamedStreams/{stream}/{role}/1.0"
            if part not in names:
                yield Fault(part, f"is not among the contents; the role {role!r} needs it")
    for role in layouts.keys() - set(roles):
        yield Fault(f"Roles/{role}", f"{DEFINITION_PARTS[0]} does not define this role")


def _document(reading: Reading, name: str, root: str) -> tuple[ET.Element | None, list[Fault]]:
    """A document of the service by its content's name: its root, and what is wrong with it."""
    content = reading.contents.get(name)
    info = content and reading.archive.find(content.part)
    if not info:
        return None, []
    try:
        element = markup.parse(reading.archive.read(info, markup.MAX_DOCUMENT))
    except PackageError:
        return None, []
    except markup.MarkupError as error:
        return None, [Fault(name, str(error))]
    if element.tag != f"{_DEFINITION}{root}":
        return None, [Fault(name, f"its root is {element.tag!r}; it must be {root} in {_DEFINITION[1:-1]}")]
    return element, []


class _Role:
    """One role's files and what its RoleModel.xml says of them."""

    def __init__(self, reading: Reading, layout: LayoutDefinition) -> None:
        self.reading = reading
        self.name = layout.role
        self.where = f"{layout.name}/RoleModel.xml"
        # Windows finds a file whatever its case.
        self.files = {file.relative.lower(): file.content for file in layout.files}

    def faults(self) -> Iterator[Fault]:
        content = self.files.get("rolemodel.xml")
        if content is None:
            yield Fault(self.where, "is not there; nothing starts a role without it")
            return
        model, faults = _document(self.reading, content, "RoleModel")
        yield from (Fault(self.where, each.what, each.remedy) for each in faults)
        if model is None:
            return
        expected = {"name": self.name, "version": self.reading.manifest.product_version}
        for key, value in expected.items():
            if value and model.get(key) != value:
                yield Fault(self.where, f"its {key} is {model.get(key)!r}; the package says {value!r}")
        for task in model.iterfind(f"{_DEFINITION}Startup/{_DEFINITION}Task"):
            folder = task.get("relativePath", "")
            yield from self.command_faults("startup task", folder, task.get("commandLine", ""))
        yield from self.entry_faults(model)
        for site in model.iterfind(f"{_DEFINITION}Sites/{_DEFINITION}Site"):
            yield from self.site_faults(site.get("physicalDirectory", ""))

    def entry_faults(self, model: ET.Element) -> Iterator[Fault]:
        entry = f"{_DEFINITION}Runtime/{_DEFINITION}EntryPoint/{_DEFINITION}"
        for program in model.iterfind(f"{entry}ProgramEntryPoint"):
            yield from self.command_faults("entry point", "approot", program.get("commandLine", ""))
        for assembly in model.iterfind(f"{entry}NetFxEntryPoint"):
            name = assembly.get("assemblyName", "")
            places = (_join("approot", name), _join("approot/bin", name))
            if not any(place in self.files for place in places):
                yield Fault(self.where, f"the entry point's assembly {name!r} is not in approot")

    def command_faults(self, kind: str, folder: str, command_line: str) -> Iterator[Fault]:
        match = re.match(r'\s*(?:"([^"]*)"|(\S+))', command_line)
        program = (match[1] or match[2] or "") if match else ""
        if not program:
            yield Fault(
                self.where, f"the {kind} has the command line {command_line!r}, which names no program"
            )
        elif _travels(program):
            path = _join(folder, program)
            if path not in self.files:
                text = f"the {kind} {command_line!r} needs {path}, which is not in the package"
                yield Fault(self.where, text)
            elif path.endswith(_BATCH) and self.begins_with_mark(self.files[path]):
                text = "begins with a byte order mark, which cmd.exe takes for a command"
                yield Fault(f"Roles/{self.name}/{path}", text)

    def site_faults(self, directory: str) -> Iterator[Fault]:
        if directory and ":" not in directory and not directory.startswith("\\"):
            folder = _join("", directory)
            if not any(path.startswith(f"{folder}/") for path in self.files):
                yield Fault(self.where, f"a site lies in {directory!r}, where the package has no file")

    def begins_with_mark(self, name: str) -> bool:
        content = self.reading.contents.get(name)
        info = content and self.reading.archive.find(content.part)
        if not info:
            return False
        try:
            with self.reading.archive.open(info) as stream:
                return stream.read(3).startswith(_MARKS)
        except PackageError:
            return False


def _travels(program: str) -> bool:
    """Whether a program must be in the package: one in a folder or of a script's kind, by a relative path."""
    if "%" in program or ":" in program or program.startswith(("\\", "/")):
        return False
    return "\\" in program or "/" in program or program.lower().endswith(_SCRIPTS)


def _join(folder: str, path: str) -> str:
    r"""A path below the role's root, in lower case and with `/`, of one below `folder` as Windows has it."""
    joined = posixpath.join(folder.replace("\\", "/").strip("/"), path.replace("\\", "/"))
    return posixpath.normpath(joined).lower()
