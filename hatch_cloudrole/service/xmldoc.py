"""XML documents in the form that .NET writes: UTF-8 with a byte order mark, two spaces a level, ` />`."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault, ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["child", "fragment", "new", "packaged", "render"]

_HEAD = b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\n'
_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML 1.0 document can hold, not even escaped (section 2.2, production Char)."""


def new(tag: str, **attributes: str | None) -> ET.Element:
    """A root element; an attribute that is None is left out, the others keep their order.

    `xmlns` is given as an attribute like any other, so that it stands where Microsoft's tools put it.
    """
    return ET.Element(tag, {name: value for name, value in attributes.items() if value is not None})


def packaged(tag: str, namespace: str, **attributes: str) -> ET.Element:
    """The root of a document that goes into a package.

    The namespaces stand around the attributes, as in all that cspack writes.
    """
    root = ET.Element(
        tag,
        {
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xmlns:xsd": "http://www.w3.org/2001/XMLSchema",
        },
    )
    root.attrib.update(attributes, xmlns=namespace)
    return root


def child(parent: ET.Element, tag: str, text: str | None = None, **attributes: str | None) -> ET.Element:
    """Append an element to `parent`; see `new` for the attributes."""
    element = new(tag, **attributes)
    element.text = text
    parent.append(element)
    return element


def fragment(root: ET.Element) -> str:
    """The element alone on one line, to be the value of an attribute elsewhere."""
    return ET.tostring(root, encoding="unicode")


def render(root: ET.Element) -> bytes:
    """The whole document.

    Values read back exactly: quotes, line ends and tabs in them are escaped.

    :raises ProjectError: values hold characters that XML has no way to write; each is named by its place,
        never shown, because it may be a secret.
    """
    faults = list(_faults(root, root.tag))
    if faults:
        raise ProjectError("Some values cannot be written into the service documents", faults)
    ET.indent(root)
    return _HEAD + ET.tostring(root, encoding="unicode").encode()


def _faults(element: ET.Element, path: str) -> Iterator[Fault]:
    for attribute, value in element.attrib.items():
        if found := _FORBIDDEN.search(value):
            yield Fault(
                f"{path}/@{attribute}",
                f"the value holds the character U+{ord(found[0]):04X}, which XML cannot express",
                "take it out of the setting or the environment variable that the value comes from",
            )
    for each in element:
        name = each.get("name", "")
        label = f"[{name}]" if name and not _FORBIDDEN.search(name) else ""
        yield from _faults(each, f"{path}/{each.tag}{label}")
