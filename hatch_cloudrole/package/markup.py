"""XML of a package, in and out: read without DOCTYPE and within limits, written as .NET's XmlWriter does."""

from __future__ import annotations

import codecs
import xml.etree.ElementTree as ET

__all__ = ["MAX_DOCUMENT", "MAX_MARKUP", "MarkupError", "parse", "render", "too_large"]

MAX_DOCUMENT = 64 << 20
"""Bytes of the largest XML document that is read or written."""

MAX_MARKUP = 2_000_000
"""Tags in the largest document: it bounds the memory that a few bytes can claim."""

_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'


class MarkupError(ValueError):
    """Bytes that are no XML document we read; the text says why, to follow the document's name."""


class _WithoutDoctype(ET.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:  # noqa: ARG002
        raise MarkupError("has a DOCTYPE, which no document of a package needs")


def too_large(data: bytes) -> str:
    """Say that a document is past the limits, or nothing."""
    if len(data) > MAX_DOCUMENT:
        return f"is {len(data)} bytes long; the limit is {MAX_DOCUMENT}"
    if data.count(b"<") > MAX_MARKUP:
        return f"has more than {MAX_MARKUP} tags"
    return ""


def parse(data: bytes) -> ET.Element:
    """Read a document. Entities and external references cannot occur, because a DOCTYPE is refused.

    :raises MarkupError: the document is malformed, too large or has a DOCTYPE.
    """
    if found := too_large(data):
        raise MarkupError(found)
    parser = ET.XMLParser(target=_WithoutDoctype())  # noqa: S314 - see above: no DOCTYPE, limited size
    try:
        parser.feed(data)
        root: ET.Element = parser.close()
    except MarkupError:
        raise
    except (ET.ParseError, LookupError, ValueError) as error:
        raise MarkupError(f"is not well-formed XML: {error}") from None
    return root


def render(root: ET.Element, *, indent: bool = False) -> bytes:
    """Write a document: UTF-8 with a byte order mark, no final newline, optionally indented by two spaces.

    `root` holds plain tags, and its namespaces as attributes, so that their order is the caller's.
    """
    if indent:
        ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return codecs.BOM_UTF8 + (_DECLARATION + ("\n" if indent else "") + text).encode()
