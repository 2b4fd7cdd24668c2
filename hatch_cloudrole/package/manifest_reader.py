"""Reading a manifest: every rule of its schema and of its readers, every fault at once (pure)."""

from __future__ import annotations

import base64
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault
from hatch_cloudrole.package import markup
from hatch_cloudrole.package.manifest import (
    CONTENT_FIELDS,
    FILE_FIELDS,
    MAX_LENGTH,
    NAMESPACE,
    NIL,
    PRODUCT_VERSION,
    ROLES,
    UNKNOWN_LENGTH,
    ContentDefinition,
    FileDefinition,
    LayoutDefinition,
    Manifest,
)
from hatch_cloudrole.package.names import file_path_fault, path_set_faults, role_name_fault

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET
    from collections.abc import Iterator

__all__ = ["parse_manifest", "parse_time"]

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7})\d*)?Z", re.ASCII)


def parse_time(text: str) -> datetime:
    """Read an xs:dateTime in UTC, to the microsecond.

    :raises ValueError: the text is none.
    """
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is no UTC time such as 2026-01-31T12:00:00Z")
    whole = datetime.fromisoformat(match[1])
    return whole.replace(microsecond=int((match[2] or "0").ljust(6, "0")[:6]), tzinfo=timezone.utc)


def parse_manifest(data: bytes, part: str) -> tuple[Manifest | None, list[Fault]]:
    """Read the manifest that lies in `part`.

    What cannot be understood is left out of the value, which is None where nothing can, and named by a fault;
    a manifest without faults obeys
    the schema, its names and paths are unique and safe, and every file's content is defined.
    """
    try:
        root = markup.parse(data)
    except markup.MarkupError as error:
        return None, [Fault(part, str(error))]
    if root.tag != f"{{{NAMESPACE}}}PackageDefinition":
        return None, [Fault(part, f"its root is {root.tag!r}; it must be PackageDefinition in {NAMESPACE}")]
    parser = _Parser(part)
    manifest = parser.manifest(root)
    return manifest, [*parser.faults, *(_faults(manifest, part) if manifest else ())]


class _Parser:
    """Descends a document along the schema and collects what departs from it."""

    def __init__(self, part: str) -> None:
        self.part = part
        self.faults: list[Fault] = []

    def fault(self, where: str, what: str) -> None:
        self.faults.append(Fault(f"{self.part}: {where}", what))

    def manifest(self, root: ET.Element) -> Manifest | None:
        sections = self.sequence(root, "PackageMetaData", "PackageContents", "PackageLayouts")
        if not sections:
            return None
        pairs = [self.sequence(each, "Key", "Value") for each in self.items(sections[0], "KeyValuePair")]
        return Manifest(
            tuple((self.text(pair[0]), self.text(pair[1])) for pair in pairs if pair),
            tuple(self.contents(sections[1])),
            tuple(self.layouts(sections[2])),
        )

    def contents(self, section: ET.Element) -> Iterator[ContentDefinition]:
        for name, description in self.named(section, "ContentDefinition", "Name", "ContentDescription"):
            fields = self.sequence(description, *CONTENT_FIELDS, where=name)
            if not fields:
                # It is there all the same, so that nobody is told that it is missing.
                yield ContentDefinition(name, UNKNOWN_LENGTH, "", name)
                continue
            length, algorithm, hashed, part = fields
            yield ContentDefinition(
                name, self.length(length, name), self.hash(algorithm, hashed, name), self.text(part)
            )

    def layouts(self, section: ET.Element) -> Iterator[LayoutDefinition]:
        for name, layout in self.named(section, "LayoutDefinition", "Name", "LayoutDescription"):
            yield LayoutDefinition(name, tuple(self.files(layout, name)))

    def files(self, layout: ET.Element, role: str) -> Iterator[FileDefinition]:
        for path, description in self.named(layout, "FileDefinition", "FilePath", "FileDescription"):
            where = f"{role}{path}"
            fields = self.sequence(description, *FILE_FIELDS, where=where)
            if fields:
                content, created, modified, read_only = fields
                yield FileDefinition(
                    path,
                    self.text(content),
                    self.time(created, where),
                    self.time(modified, where),
                    self.boolean(read_only, where),
                )

    # Shapes ------------------------------------------------------------------------------------------

    def items(self, element: ET.Element, item: str) -> list[ET.Element]:
        """The children of an element that may hold any number of one kind and nothing else."""
        self.plain(element)
        found = [each for each in element if each.tag == f"{{{NAMESPACE}}}{item}"]
        if len(found) != len(element):
            self.fault(_local(element), f"it may hold nothing but {item}")
        return found

    def sequence(self, element: ET.Element, *names: str, where: str = "") -> list[ET.Element]:
        """The children of an element that must be exactly these, in this order; else none of them."""
        self.plain(element)
        if [each.tag for each in element] != [f"{{{NAMESPACE}}}{name}" for name in names]:
            held = ", ".join(_local(each) for each in element[: len(names) + 1]) or "nothing"
            text = f"it holds {held}; it must hold {', '.join(names)}, in this order"
            self.fault(where or _local(element), text)
            return []
        return list(element)

    def named(self, section: ET.Element, item: str, key: str, value: str) -> Iterator[tuple[str, ET.Element]]:
        for element in self.items(section, item):
            if pair := self.sequence(element, key, value):
                yield self.text(pair[0]), pair[1]

    def plain(self, element: ET.Element) -> None:
        """Report attributes and text of an element that holds elements."""
        if element.attrib:
            self.fault(_local(element), f"it has the attributes {sorted(element.attrib)}; it may have none")
        if any(text and text.strip() for text in (element.text, *(each.tail for each in element))):
            self.fault(_local(element), "it holds text between its elements")

    # Values ------------------------------------------------------------------------------------------

    def text(self, element: ET.Element) -> str:
        if len(element) or set(element.attrib) - {NIL}:
            self.fault(_local(element), "it must hold text only, without attributes")
        return element.text or ""

    def length(self, element: ET.Element, where: str) -> int:
        text = self.text(element)
        if not re.fullmatch(r"[0-9]{1,20}", text) or int(text) > MAX_LENGTH:
            self.fault(where, f"LengthInBytes is {text!r}; it must be a number from 0 to {MAX_LENGTH}")
            return UNKNOWN_LENGTH
        return int(text)

    def hash(self, algorithm: ET.Element, hashed: ET.Element, where: str) -> str | None:
        """The SHA-256 in hex, None for the algorithm None; nothing where there is a fault."""
        kind, text = self.text(algorithm), self.text(hashed)
        if kind == "None":
            return None
        if kind != "Sha256":
            self.fault(where, f"the hash algorithm is {kind!r}; it must be Sha256 or None")
            return ""
        try:
            digest = base64.b64decode(text, validate=True)
        except ValueError:
            digest = b""
        if len(digest) != 32 or base64.b64encode(digest).decode() != text:
            self.fault(where, f"the hash {text!r} is no SHA-256 in base64")
            return ""
        return digest.hex()

    def time(self, element: ET.Element, where: str) -> str:
        text = self.text(element)
        try:
            parse_time(text)
        except ValueError as error:
            self.fault(where, f"{_local(element)}: {error}")
        return text

    def boolean(self, element: ET.Element, where: str) -> bool:
        text = self.text(element)
        if text not in {"true", "false"}:
            self.fault(where, f"ReadOnly is {text!r}; it must be true or false")
        return text == "true"


def _local(element: ET.Element) -> str:
    """The name of an element, without the namespace where that is the manifest's own."""
    return element.tag.removeprefix(f"{{{NAMESPACE}}}")


def _repeated(names: list[str]) -> list[str]:
    seen: set[str] = set()
    return [name for name in names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]


def _faults(manifest: Manifest, part: str) -> list[Fault]:
    """What the schema cannot say: unique keys, references, names and paths."""
    faults = []
    if not manifest.product_version:
        faults.append(Fault(part, f"its metadata has no value for {PRODUCT_VERSION}"))
    keys = {
        "the metadata key": [key for key, _ in manifest.metadata],
        "the content": [each.name for each in manifest.contents],
        "the layout": [each.name for each in manifest.layouts],
    }
    for kind, names in keys.items():
        faults += [Fault(part, f"{kind} {name!r} occurs twice") for name in _repeated(names)]
    contents = {each.name for each in manifest.contents}
    for layout in manifest.layouts:
        faults += _layout_faults(layout, contents, part)
    folded = sorted(name.lower() for name in set(keys["the layout"]))
    faults += [Fault(part, f"two layouts are called {name!r} but for case") for name in _repeated(folded)]
    return faults


def _layout_faults(layout: LayoutDefinition, contents: set[str], part: str) -> Iterator[Fault]:
    if not layout.name.startswith(ROLES):
        yield Fault(f"{part}: {layout.name}", f"a layout's name begins with {ROLES!r}")
    elif found := role_name_fault(layout.role):
        yield Fault(f"{part}: {layout.name}", found)
    for path in _repeated([file.path for file in layout.files]):
        yield Fault(f"{part}: {layout.name}{path}", "this FilePath occurs twice")
    for file in layout.files:
        where = f"{part}: {layout.name}{file.path}"
        if not file.path.startswith("\\") or "/" in file.path:
            yield Fault(where, f"the FilePath {file.path!r} must begin with a backslash and have no '/'")
        elif found := file_path_fault(file.relative):
            yield Fault(where, found)
        if file.content not in contents:
            yield Fault(where, f"its content {file.content!r} is not defined")
    for path, what in path_set_faults([file.relative for file in layout.files]):
        yield Fault(f"{part}: {layout.name}/{path}", what)
