"""The OPC side of a package: content types and package relationships, rendered and parsed (pure).

Source: ECMA-376 part 2, and what .NET's System.IO.Packaging writes and accepts.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault
from hatch_cloudrole.package import markup

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "CONTENT_TYPES",
    "LEGACY",
    "MANIFEST",
    "OCTETS",
    "RELATIONSHIPS",
    "RELATIONSHIPS_TYPE",
    "V20120315",
    "ContentTypes",
    "Relationship",
    "parse_content_types",
    "parse_relationships",
    "render_content_types",
    "render_relationships",
]

CONTENT_TYPES = "[Content_Types].xml"
RELATIONSHIPS = "_rels/.rels"
MANIFEST = "package.xml"
"""What the manifest is called in packages of ours; in others the relationship says."""

OCTETS = "application/octet-stream"
RELATIONSHIPS_TYPE = "application/vnd.openxmlformats-package.relationships+xml"
V20120315 = "http://schemas.microsoft.com/windowsazure/PackageDefinition/Version/2012/03/15"
"""The relationship type that makes an OPC package a Cloud Service package and leads to its manifest."""
LEGACY = "http://schemas.microsoft.com/opc/2006/sample/required-resource"
"""The relationship type that packages of the older format have instead."""

_TYPES_NAMESPACE = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELATIONSHIPS_NAMESPACE = "http://schemas.openxmlformats.org/package/2006/relationships"
_EXTENSIONS = ("csdef", "rd", "rdsc", "0", "xml")
_NCNAME = re.compile(r"[^\W\d][\w.-]*")


def _extension(part: str) -> str:
    """The extension of a part's last segment in lower case, as content types count it ("1.0" has "0")."""
    _, dot, extension = part.rpartition("/")[2].rpartition(".")
    return extension.lower() if dot else ""


@dataclass(frozen=True, slots=True)
class ContentTypes:
    """Content types by extension and by part name, both in lower case; part names without leading `/`."""

    defaults: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, str] = field(default_factory=dict)

    def of(self, part: str) -> str | None:
        """The content type of a part; a zip entry that has none is no part at all."""
        return self.overrides.get(part.lower()) or self.defaults.get(_extension(part))


def render_content_types(parts: Iterable[str]) -> bytes:
    """Give every part its content type: by extension where it has one, else by name.

    The six defaults of a Cloud Service package always come first; another extension gets one of its own.
    """
    names = sorted(parts)
    extra = {_extension(part) for part in names} - {*_EXTENSIONS, "rels", ""}
    defaults = [*((each, OCTETS) for each in _EXTENSIONS), ("rels", RELATIONSHIPS_TYPE)]
    defaults += [(each, OCTETS) for each in sorted(extra)]
    root = ET.Element("Types", {"xmlns": _TYPES_NAMESPACE})
    for extension, content_type in defaults:
        ET.SubElement(root, "Default", {"Extension": extension, "ContentType": content_type})
    for part in names:
        if _extension(part) in {"rels", ""}:
            ET.SubElement(root, "Override", {"PartName": f"/{part}", "ContentType": OCTETS})
    return markup.render(root)


def parse_content_types(data: bytes) -> tuple[ContentTypes, list[Fault]]:
    """Read `[Content_Types].xml`, as strictly as System.IO.Packaging does."""
    root, faults = _root(data, CONTENT_TYPES, "Types", _TYPES_NAMESPACE)
    keys = {"Default": "Extension", "Override": "PartName"}
    found: dict[str, dict[str, str]] = {"Default": {}, "Override": {}}
    for element in root if root is not None else ():
        tag = element.tag.removeprefix(f"{{{_TYPES_NAMESPACE}}}")
        required = {keys.get(tag, ""), "ContentType"}
        if set(element.attrib) != required:
            what = (
                "only Default (Extension, ContentType) and Override (PartName, ContentType) may stand there"
            )
            faults.append(
                Fault(CONTENT_TYPES, f"<{tag}> has the attributes {sorted(element.attrib)}; {what}")
            )
        if not required <= set(element.attrib):
            continue
        key = element.attrib[keys[tag]].lower()
        if tag == "Override":
            if not key.startswith("/"):
                faults.append(Fault(CONTENT_TYPES, f"the PartName {key!r} does not begin with '/'"))
            key = key.removeprefix("/")
        if key in found[tag]:
            faults.append(Fault(CONTENT_TYPES, f"{keys[tag]} {key!r} occurs twice"))
        found[tag][key] = element.attrib["ContentType"]
    return ContentTypes(found["Default"], found["Override"]), faults


@dataclass(frozen=True, slots=True)
class Relationship:
    """A relationship of the package itself; `target` as written, which for a part begins with `/`."""

    type: str
    target: str
    id: str
    mode: str = "Internal"


def render_relationships(relationships: Iterable[Relationship]) -> bytes:
    """Write `_rels/.rels`, attributes in the order that .NET has."""
    root = ET.Element("Relationships", {"xmlns": _RELATIONSHIPS_NAMESPACE})
    for each in relationships:
        attributes = {"Type": each.type, "Target": each.target, "TargetMode": each.mode, "Id": each.id}
        ET.SubElement(root, "Relationship", attributes)
    return markup.render(root)


def parse_relationships(data: bytes) -> tuple[list[Relationship], list[Fault]]:
    """Read `_rels/.rels`, as strictly as System.IO.Packaging does."""
    root, faults = _root(data, RELATIONSHIPS, "Relationships", _RELATIONSHIPS_NAMESPACE)
    found: list[Relationship] = []
    ids: set[str] = set()
    required = {"Type", "Target", "Id"}
    for element in root if root is not None else ():
        tag = element.tag.removeprefix(f"{{{_RELATIONSHIPS_NAMESPACE}}}")
        if tag != "Relationship" or not required <= set(element.attrib) <= required | {"TargetMode"}:
            what = "only Relationship (Type, Target, Id and perhaps TargetMode) may stand there"
            faults.append(
                Fault(RELATIONSHIPS, f"<{tag}> has the attributes {sorted(element.attrib)}; {what}")
            )
        if tag != "Relationship" or not required <= set(element.attrib):
            continue
        each = Relationship(
            element.attrib["Type"],
            element.attrib["Target"],
            element.attrib["Id"],
            element.attrib.get("TargetMode", "Internal"),
        )
        if each.mode not in {"Internal", "External"}:
            faults.append(Fault(RELATIONSHIPS, f"TargetMode {each.mode!r} is not Internal or External"))
        if not _NCNAME.fullmatch(each.id):
            faults.append(Fault(RELATIONSHIPS, f"the Id {each.id!r} is no XML name"))
        if each.id in ids:
            faults.append(Fault(RELATIONSHIPS, f"the Id {each.id!r} occurs twice"))
        ids.add(each.id)
        found.append(each)
    return found, faults


def _root(data: bytes, part: str, tag: str, namespace: str) -> tuple[ET.Element | None, list[Fault]]:
    """The root element when it is the one wanted, and what is wrong with the document around its items."""
    try:
        root = markup.parse(data)
    except markup.MarkupError as error:
        return None, [Fault(part, str(error))]
    if root.tag != f"{{{namespace}}}{tag}":
        return None, [Fault(part, f"its root is {root.tag!r}; it must be {tag} in {namespace}")]
    faults = []
    if root.attrib:
        faults.append(Fault(part, f"<{tag}> has the attributes {sorted(root.attrib)}; it may have none"))
    texts = [root.text, *(text for each in root for text in (each.text, each.tail))]
    if any(text and text.strip() for text in texts):
        faults.append(Fault(part, "it holds text between its elements"))
    if any(len(each) for each in root):
        faults.append(Fault(part, "its items hold elements; they must be empty"))
    return root, faults
