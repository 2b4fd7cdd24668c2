"""Paths that Windows, or the package itself, cannot hold."""

from __future__ import annotations

import pytest

from hatch_cloudrole.role.windows_paths import APPROOT, SITE, package_faults, path_faults

PREFIX = len(APPROOT)


def where(*paths: str) -> list[str]:
    return [fault.where for fault in path_faults(paths, prefix_length=PREFIX)]


@pytest.mark.parametrize(
    "name",
    [
        "con",
        "CON",
        "PRN.txt",
        "aux.py",
        "Nul",
        "NUL.tar.gz",
        "com1",
        "COM9.log",
        "lpt1.txt",
        "LPT9",
        "COM\u00b9",
        "LPT\u00b2.txt",
        "com\u00b3",
        "CONIN$",
        "conout$.txt",
        "nul .txt",
        "trailing.",
        "trailing ",
        "what?.txt",
        "a*b",
        "a<b",
        "a>b",
        "a:b",
        'a"b',
        "a|b",
        "tab\there",
        "bell\x07",
        "line\nbreak",
        "null\x00",
        "lone\ud800",
        "back\\slash",
    ],
)
def test_a_name_that_windows_cannot_hold(name: str) -> None:
    for path in (name, f"deep/{name}"):
        faults = path_faults([path], prefix_length=PREFIX)
        assert len(faults) == 1
        assert faults[0].remedy


@pytest.mark.parametrize(
    "name",
    [
        "console.py",
        "auxiliary",
        "com",
        "com0",
        "com10",
        "lpt",
        "nul_",
        "xcon",
        "my.con",
        ".con",
        "a.aux",
        ".hidden",
        " leading",
        "a b",
        "caf\u00e9",
        "\u65e5\u672c.txt",
        "a'b",
        "a&b;c=d,e+f[g]{h}(i)!@#$%^`~",
        "..a",
        "a..b",
    ],
)
def test_a_name_that_windows_can_hold(name: str) -> None:
    assert where(name, f"deep/{name}/file.txt") == []


def test_a_folder_is_reported_once_however_much_it_holds() -> None:
    assert where("aux/a.py", "aux/b.py", "aux/deep/c.py") == ["aux"]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (("a.txt", "A.TXT"), ["a.txt"]),
        (("x/readme", "x/README", "x/Readme"), ["x/Readme", "x/readme"]),
        (("Lib/a.py", "lib/b.py"), ["lib"]),
        (("data", "DATA/x"), ["data"]),
        (("\u00e4.txt", "\u00c4.txt"), ["\u00e4.txt"]),
        (("\u03b1", "\u0391"), ["\u03b1"]),
        # Windows compares one character with one, and letters of ASCII with letters of ASCII
        (("stra\u00dfe", "strasse", "STRASSE"), ["strasse"]),
        (("\u0131", "i", "I"), ["i"]),
        (("\u017f", "s"), []),
        (("\U00010428", "\U00010400"), []),
        (("a/x.txt", "b/X.TXT"), []),
        (("a.txt", "a.txt"), []),
    ],
)
def test_paths_that_differ_by_case_alone(paths: tuple[str, ...], expected: list[str]) -> None:
    assert where(*paths) == expected


def test_a_clash_names_the_other_path() -> None:
    (fault,) = path_faults(["a.txt", "A.txt"], prefix_length=PREFIX)
    assert "A.txt" in fault.what


@pytest.mark.parametrize("extra", [0, 1])
def test_the_longest_path_of_a_file_has_259_characters_with_its_prefix(extra: int) -> None:
    for prefix in (len(APPROOT), len(SITE)):
        path = f"{'f' * 100}/{'a' * (259 - prefix - 101 + extra)}"
        faults = path_faults([path], prefix_length=prefix)
        assert [fault.where for fault in faults] == [path] * extra
        if extra:
            assert "260" in faults[0].what
            assert str(prefix) in faults[0].what


@pytest.mark.parametrize("extra", [0, 1])
def test_the_longest_path_of_a_folder_has_247_characters_with_its_prefix(extra: int) -> None:
    folder = "f" * (247 - PREFIX + extra)
    assert where(f"{folder}/a") == [folder] * extra


def test_length_counts_utf_16_units() -> None:
    name = "\U0001f600" * ((259 - PREFIX) // 2)
    assert where(name) == []
    assert where(f"{name}\U0001f600") == [f"{name}\U0001f600"]


def test_every_fault_is_reported_at_once() -> None:
    assert len(path_faults(["aux", "a?", "b ", "c", "C", "x" * 300], prefix_length=PREFIX)) == 5


@pytest.mark.parametrize(
    "path",
    ["../a", "a/../b", "..", "/a", "a//b", "a/", "./a", "", "a\\b", "a\x00b", "a\x1fb", "\udc80", "\uffff"],
)
def test_what_no_package_can_hold(path: str) -> None:
    (fault,) = package_faults([path])
    assert fault.remedy
    assert fault in path_faults([path], prefix_length=PREFIX)
    fault.where.encode("utf-8")  # it can be shown


def test_a_file_that_is_a_folder_too() -> None:
    assert [fault.where for fault in package_faults(["a", "a/b", "c/d", "c/d/e"])] == ["a", "c/d"]


@pytest.mark.parametrize("path", ["aux.py", "a?b", "trailing.", "x" * 300, 'q"', "a:b", "\x7f", "caf\u00e9"])
def test_a_package_itself_holds_what_only_windows_cannot(path: str) -> None:
    assert package_faults([path, path.upper()]) == []
