"""How documents are written: the bytes around the values, and values that try to break out of theirs."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from hatch_cloudrole.errors import ProjectError
from hatch_cloudrole.service.xmldoc import child, fragment, new, packaged, render

HOSTILE = "a\"b'c<d>&amp;]]>e\r\nf\tg  \u00e9\u4e2d\U0001f40d"


def test_a_document_is_utf_8_with_a_byte_order_mark_indented_and_without_a_final_newline() -> None:
    root = new("Root", name="x")
    child(child(root, "Outer"), "Inner", value="\u00e9")

    assert render(root) == (
        b"\xef\xbb\xbf"
        b'<?xml version="1.0" encoding="utf-8"?>\n'
        b'<Root name="x">\n'
        b"  <Outer>\n"
        b'    <Inner value="\xc3\xa9" />\n'
        b"  </Outer>\n"
        b"</Root>"
    )


def test_a_packaged_document_has_its_attributes_between_the_schema_namespaces_and_its_own() -> None:
    assert list(packaged("Root", "urn:x", name="n", version="1").attrib) == [
        "xmlns:xsi",
        "xmlns:xsd",
        "name",
        "version",
        "xmlns",
    ]


def test_an_attribute_that_is_none_is_left_out_and_the_others_keep_their_order() -> None:
    assert list(new("Root", b="1", a=None, c="2").attrib.items()) == [("b", "1"), ("c", "2")]


def test_text_is_written_as_it_is_without_indentation() -> None:
    root = new("Root")
    child(root, "Version", "1 < 2 & 3")

    assert b"<Version>1 &lt; 2 &amp; 3</Version>" in render(root)


def test_a_hostile_value_reads_back_exactly() -> None:
    root = new("Root")
    child(root, "Setting", value=HOSTILE)

    [setting] = ET.fromstring(render(root))

    assert setting.attrib == {"value": HOSTILE}


def test_a_fragment_is_one_line_and_survives_as_the_value_of_an_attribute() -> None:
    inner = new("m", role="A&B", xmlns="urn:x")
    child(inner, "r", name='"<')
    root = new("Root", data=fragment(inner))

    text = ET.fromstring(render(root)).get("data")

    assert text == '<m role="A&amp;B" xmlns="urn:x"><r name="&quot;&lt;" /></m>'
    assert [each.get("name") for each in ET.fromstring(text)] == ['"<']


@pytest.mark.parametrize("code", [0x00, 0x08, 0x0B, 0x1F, 0xD800, 0xDCFF, 0xFFFE, 0xFFFF])
def test_a_character_that_xml_lacks_is_a_fault_that_names_the_place_and_hides_the_value(
    code: int,
) -> None:
    root = new("Root")
    child(child(root, "Role", name="Web"), "Setting", name="Key", value=f"s3cret{chr(code)}")

    with pytest.raises(ProjectError) as caught:
        render(root)

    [fault] = caught.value.faults
    assert fault.where == "Root/Role[Web]/Setting[Key]/@value"
    assert f"U+{code:04X}" in fault.what
    assert "s3cret" not in str(caught.value)


def test_all_such_faults_are_reported_at_once_also_when_a_name_is_one_of_them() -> None:
    root = new("Root", name="\x01")
    child(root, "Setting", name="\x02", value="\x03")

    with pytest.raises(ProjectError) as caught:
        render(root)

    assert [fault.where for fault in caught.value.faults] == [
        "Root/@name",
        "Root/Setting/@name",
        "Root/Setting/@value",
    ]


@pytest.mark.parametrize("character", ["\t", "\n", "\r", " ", "\x7f", "\x85", "\u2028", "\ud7ff", "\ue000"])
def test_every_character_that_xml_has_is_written(character: str) -> None:
    assert ET.fromstring(render(new("Root", value=character))).get("value") == character
