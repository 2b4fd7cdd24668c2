"""The manifest of a package (package.xml) as a value, rendered byte for byte as .NET writes it (pure).

Source: Microsoft's XML manifest file schema, and the manifest of a package made by SDK 1.8. Readers drop what
does not stand in the schema's order, so the order is part of the format; so is one misspelt element name.
"""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET
from dataclasses import dataclass

from hatch_cloudrole.package import markup

__all__ = [
    "CONTENT_FIELDS",
    "FILE_FIELDS",
    "MAX_LENGTH",
    "NAMESPACE",
    "NIL",
    "PRODUCT_VERSION",
    "ROLES",
    "UNKNOWN_LENGTH",
    "ContentDefinition",
    "FileDefinition",
    "LayoutDefinition",
    "Manifest",
    "render_manifest",
]

NAMESPACE = "http://schemas.microsoft.com/windowsazure"
INSTANCE_NAMESPACE = "http://www.w3.org/2001/XMLSchema-instance"
NIL = f"{{{INSTANCE_NAMESPACE}}}nil"
PRODUCT_VERSION = "http://schemas.microsoft.com/windowsazure/ProductVersion/"
ROLES = "Roles/"
"""What a layout's name begins with; the role's name follows."""
MAX_LENGTH = 2**31 - 1
"""Bytes of the longest content: readers keep a length in 32 bits with sign."""
UNKNOWN_LENGTH = -1

CONTENT_FIELDS = ("LengthInBytes", "IntegrityCheckHashAlgortihm", "IntegrityCheckHash", "DataStorePath")
FILE_FIELDS = ("DataContentReference", "CreatedTimeUtc", "ModifiedTimeUtc", "ReadOnly")


@dataclass(frozen=True, slots=True)
class ContentDefinition:
    """A content: its name, its length in bytes, its SHA-256 in hex and the part that holds it.

    `sha256` is None for the algorithm of that name, with which nothing protects the bytes. In a manifest that
    was read with faults, it can be empty and `length` can be `UNKNOWN_LENGTH`.
    """

    name: str
    length: int
    sha256: str | None
    part: str


@dataclass(frozen=True, slots=True)
class FileDefinition:
    r"""A file of a role: its path as the manifest has it (`\approot\bin\role.py`) and its content's name.

    Times are kept as written, since they may be finer than a datetime is.
    """

    path: str
    content: str
    created: str
    modified: str
    read_only: bool = False

    @property
    def relative(self) -> str:
        """The path below the role's root, with `/`."""
        return self.path.removeprefix("\\").replace("\\", "/")


@dataclass(frozen=True, slots=True)
class LayoutDefinition:
    """The files of one role; `name` is `Roles/<role>`."""

    name: str
    files: tuple[FileDefinition, ...]

    @property
    def role(self) -> str:
        return self.name.removeprefix(ROLES)


@dataclass(frozen=True, slots=True)
class Manifest:
    """All a manifest says, in its order."""

    metadata: tuple[tuple[str, str], ...] = ()
    contents: tuple[ContentDefinition, ...] = ()
    layouts: tuple[LayoutDefinition, ...] = ()

    @property
    def product_version(self) -> str:
        """The SDK version, or nothing."""
        return dict(self.metadata).get(PRODUCT_VERSION, "")


def render_manifest(manifest: Manifest) -> bytes:
    """Write a manifest as .NET's DataContractSerializer does through an indenting XmlWriter, with LF."""
    root = ET.Element("PackageDefinition", {"xmlns:i": INSTANCE_NAMESPACE, "xmlns": NAMESPACE})
    metadata = ET.SubElement(root, "PackageMetaData")
    for key, value in manifest.metadata:
        _fields(ET.SubElement(metadata, "KeyValuePair"), ("Key", "Value"), (key, value))
    contents = ET.SubElement(root, "PackageContents")
    for content in manifest.contents:
        hashed = base64.b64encode(bytes.fromhex(content.sha256 or "")).decode()
        values = (str(content.length), "Sha256" if hashed else "None", hashed, content.part)
        description = _named(contents, "ContentDefinition", "Name", content.name, "ContentDescription")
        _fields(description, CONTENT_FIELDS, values)
    layouts = ET.SubElement(root, "PackageLayouts")
    for layout in manifest.layouts:
        files = _named(layouts, "LayoutDefinition", "Name", layout.name, "LayoutDescription")
        for file in layout.files:
            description = _named(files, "FileDefinition", "FilePath", file.path, "FileDescription")
            values = (file.content, file.created, file.modified, "true" if file.read_only else "false")
            _fields(description, FILE_FIELDS, values)
    return markup.render(root, indent=True)


def _named(parent: ET.Element, item: str, key: str, name: str, value: str) -> ET.Element:
    """Add one entry of a dictionary, as the serializer writes those, and return the element of its value."""
    element = ET.SubElement(parent, item)
    ET.SubElement(element, key).text = name
    return ET.SubElement(element, value)


def _fields(parent: ET.Element, names: tuple[str, ...], values: tuple[str, ...]) -> None:
    for name, value in zip(names, values, strict=True):
        ET.SubElement(parent, name).text = value
