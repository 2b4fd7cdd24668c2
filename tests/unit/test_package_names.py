"""What parts, roles and files may be called."""

from __future__ import annotations

import pytest

from hatch_cloudrole.package.names import (
    file_path_fault,
    part_name_fault,
    path_set_faults,
    printable,
    role_name_fault,
)


@pytest.mark.parametrize("name", ["Web", "_x", "Order.Worker-2", "A"])
def test_role_names_that_need_no_escapes_pass(name: str) -> None:
    assert role_name_fault(name) == ""


@pytest.mark.parametrize("name", ["", "1st", "a b", "a/b", "..", "Bücher", "a.", "con", "Web\n", "-x"])
def test_other_role_names_are_refused(name: str) -> None:
    assert role_name_fault(name)


@pytest.mark.parametrize(
    "name", ["ServiceDefinition/servicedefinition.rdsc", "NamedStreams/x/Web/1.0", "a~b_c-d", "x/package.xml"]
)
def test_part_names_of_plain_characters_pass(name: str) -> None:
    assert part_name_fault(name) == ""


@pytest.mark.parametrize(
    "name",
    [
        *("", "/a", "a/", "a//b", "a/..", "a/./b", "a./b", "a b", "ä", "a%20b", "a\\b", "a:b"),
        *(
            "package.xml",
            "PACKAGE.xml",
            "[Content_Types].xml",
            "_rels/.rels",
            "a/_rels/b.rels",
            "_RELS/x",
            "_rels",
        ),
    ],
)
def test_other_part_names_are_refused(name: str) -> None:
    """Those of the package itself among them."""
    assert part_name_fault(name)


@pytest.mark.parametrize(
    "path",
    [
        *(
            "a",
            ".cloudrole/x",
            "...a",
            "a/b c/d",
            "Grüße/😀.txt",
            "console.py",
            "com10",
            "nul_",
            "a.con",
            "x'&y",
        ),
        *("wheels/a-1.0+local-py3-none-any.whl", "~$x", "[1]", "lib/aux_.py"),
    ],
)
def test_paths_that_windows_can_hold_pass(path: str) -> None:
    assert file_path_fault(path) == ""


@pytest.mark.parametrize(
    "path",
    [
        *(
            "",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/../b",
            "./a",
            "a\\b",
            "C:/a",
            "a:b",
            "a?",
            "a*b",
            'a"',
            "<a",
            "a|b",
        ),
        *("a\0b", "a\tb", "a\x7f", "a\udc80b", "a\uffff", "a.", "a /b", "a./b", "... ", "..."),
        *("con", "Nul.txt", "lib/aux.py", "COM1", "lpt9.tar.gz", "COM¹", "conin$", "prn .txt"),
    ],
    ids=ascii,
)
def test_other_paths_are_refused(path: str) -> None:
    assert file_path_fault(path)


def test_paths_that_share_a_place_are_found() -> None:
    """By case, and a file where another path needs a folder."""
    paths = ["A/x", "a/X", "b", "B/c/d", "e/f", "e/g"]
    assert [path for path, _ in path_set_faults(paths)] == ["a/X", "B/c/d"]
    assert path_set_faults(["a/b", "a/c", "ab"]) == []


def test_what_a_terminal_would_obey_is_escaped() -> None:
    assert printable("a\x1b[2Jb\u202e\n é") == "a\\x1b[2Jb\\u202e\\n é"
