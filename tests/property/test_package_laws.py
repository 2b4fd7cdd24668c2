"""Laws of the package format, whatever the package."""

from __future__ import annotations

import tempfile
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from packagemaker import WHEEL, Planted, of, part_of

from hatch_cloudrole.errors import PackageError
from hatch_cloudrole.package.checks import check_package
from hatch_cloudrole.package.extract import extract_package
from hatch_cloudrole.package.manifest import (
    ContentDefinition,
    FileDefinition,
    LayoutDefinition,
    Manifest,
    render_manifest,
)
from hatch_cloudrole.package.manifest_reader import parse_manifest
from hatch_cloudrole.package.model import Package
from hatch_cloudrole.package.names import file_path_fault, part_name_fault, path_set_faults, role_name_fault
from hatch_cloudrole.package.reader import open_package
from hatch_cloudrole.package.writer import write_package

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

laws = settings(deadline=None, max_examples=100)

contents = st.binary(max_size=40).map(of)
letters = st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters='<>:"|?*\\/\ufffe\uffff')
segments = st.text(letters, min_size=1, max_size=8).filter(lambda each: not file_path_fault(each))
paths = st.lists(segments, min_size=1, max_size=4).map("/".join)
file_sets = st.dictionaries(paths, contents, max_size=6).filter(
    lambda files: not path_set_faults(list(files))
)
roles = st.from_regex(r"([A-Za-z_][A-Za-z0-9_.-]{0,6})?[A-Za-z]", fullmatch=True).filter(
    lambda name: not role_name_fault(name)
)
parts = st.from_regex(r"[A-Za-z]{1,5}(/[A-Za-z0-9._~-]{0,5}[a-z0-9]){0,2}", fullmatch=True).filter(
    lambda name: not part_name_fault(name)
)
moments = st.integers(0, 10**15).map(
    lambda each: datetime(1980, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=each)
)


def distinct_but_for_case(mapping: Mapping[str, object]) -> bool:
    return len({each.lower() for each in mapping}) == len(mapping)


packages = st.builds(
    Package,
    product_version=st.from_regex(r"[0-9]\.[0-9]{1,3}", fullmatch=True),
    parts=st.dictionaries(parts, contents, max_size=4).filter(distinct_but_for_case),
    layouts=st.dictionaries(roles, file_sets, max_size=3).filter(distinct_but_for_case),
    timestamp=moments,
)


def written(package: Package) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "p.cspkg")
        write_package(package, path)
        return path.read_bytes()


@laws
@given(packages)
def test_what_is_written_is_read(package: Package) -> None:
    """A package without any file keeps its time as zip does: to two seconds."""
    expected = package
    if not any(package.layouts.values()):
        whole = package.timestamp.replace(microsecond=0)
        expected = replace(package, timestamp=whole - timedelta(seconds=whole.second % 2))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "p.cspkg")
        write_package(package, path)
        with open_package(path) as found:
            assert found == expected
            for role, files in package.layouts.items():
                for name, content in files.items():
                    assert found.layouts[role][name].read() == content.read()


@laws
@given(packages, st.randoms(use_true_random=False))
def test_the_order_of_insertion_never_changes_bytes(package: Package, random: object) -> None:
    def shuffled(mapping: dict[str, object]) -> dict[str, object]:
        keys = list(mapping)
        random.shuffle(keys)  # type: ignore[attr-defined]
        return {key: mapping[key] for key in keys}

    layouts = shuffled({role: shuffled(dict(files)) for role, files in package.layouts.items()})
    other = replace(package, parts=shuffled(dict(package.parts)), layouts=layouts)  # type: ignore[arg-type]
    assert written(package) == written(other)


@laws
@given(packages)
def test_identical_contents_of_files_are_stored_once(package: Package) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "p.cspkg")
        write_package(package, path)
        with zipfile.ZipFile(path) as archive:
            stored = [archive.read(name) for name in archive.namelist() if name.startswith("LocalContent/")]
    distinct = {content.read() for files in package.layouts.values() for content in files.values()}
    assert sorted(stored) == sorted(distinct)


@laws
@given(packages)
def test_whatever_is_written_has_no_fault_of_its_structure(package: Package) -> None:
    """What may be missing is what the service needs; never anything of the format itself."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "p.cspkg")
        write_package(package, path)
        needed = ("ServiceDefinition/", "NamedStreams/", "Roles/")
        assert [each for each in check_package(path) if not each.where.startswith(needed)] == []


# The manifest -----------------------------------------------------------------------------------------

times = st.from_regex(
    r"20[0-9]{2}-0[1-9]-[12][0-8]T1[0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{0,6}[1-9])?Z", fullmatch=True
)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    hashes = st.one_of(st.none(), st.binary(min_size=32, max_size=32).map(bytes.hex))
    names = draw(st.lists(parts, min_size=1, max_size=5, unique=True))
    files = st.builds(
        FileDefinition,
        paths.map(lambda each: "\\" + each.replace("/", "\\")),
        st.sampled_from(names),
        times,
        times,
        st.booleans(),
    )
    layouts = draw(
        st.dictionaries(roles, st.lists(files, max_size=4), max_size=3).filter(distinct_but_for_case)
    )
    for each in layouts.values():
        relatives = [file.relative for file in each]
        assume(len(set(relatives)) == len(relatives) and not path_set_faults(relatives))
    lengths = st.integers(min_value=0, max_value=2**31 - 1)
    return Manifest(
        (("http://schemas.microsoft.com/windowsazure/ProductVersion/", "2.9"),),
        tuple(ContentDefinition(name, draw(lengths), draw(hashes), draw(parts)) for name in names),
        tuple(LayoutDefinition(f"Roles/{role}", tuple(each)) for role, each in layouts.items()),
    )


@laws
@given(manifests())
def test_a_manifest_that_is_rendered_is_read_without_fault(manifest: Manifest) -> None:
    assert parse_manifest(render_manifest(manifest), "package.xml") == (manifest, [])


# Hostile packages -------------------------------------------------------------------------------------


@cache
def sound() -> Planted:
    with tempfile.TemporaryDirectory() as folder:
        return Planted.sound(Path(folder, "p.cspkg"))


def fresh() -> Planted:
    return Planted(dict(sound().entries))


nasty = st.lists(
    st.sampled_from(
        [
            "..",
            ".",
            "\\",
            "\\\\",
            "/",
            "C:",
            "c:\\",
            "x",
            "approot",
            " ",
            ".. ",
            "...",
            "\t",
            "CON",
            "\u2215",
            "~",
            "%2e%2e",
        ]
    )
    | st.text(max_size=3),
    max_size=6,
).map("".join)


@laws
@given(nasty, st.sampled_from(["file", "role"]))
def test_no_name_in_a_manifest_leads_out_of_the_folder(name: str, kind: str) -> None:
    """It is refused, or the file lies below the role."""
    planted = fresh()
    old = r"<FilePath>\approot\role.txt<" if kind == "file" else "<Name>Roles/Web<"
    head = r"<FilePath>\approot" if kind == "file" else "<Name>Roles/"
    planted.change(
        "package.xml",
        lambda data: data.replace(old.encode(), (head + escape(name) + "<").encode("utf-8", "replace"), 1),
    )
    with tempfile.TemporaryDirectory() as folder:
        outer = Path(folder, "a", "b", "c")
        outer.mkdir(parents=True)
        path = planted.write(outer / "p.cspkg")
        before = set(everything(Path(folder)))
        try:
            found = extract_package(path, outer / "out")
        except PackageError:
            event("refused")
            assert set(everything(Path(folder))) == before
        else:
            event("accepted")
            assert len(found) == 12
            new = set(everything(Path(folder))) - before
            assert all((outer / "out").resolve() in [each, *each.resolve().parents] for each in new)
            assert set(found) == {each for each in new if each.is_file()}


def everything(folder: Path) -> Iterator[Path]:
    return folder.rglob("*")


@cache
def sample_bytes() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return Planted(dict(sound().entries)).write(Path(folder, "p.cspkg")).read_bytes()


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_no_flipped_byte_goes_unnoticed_in_a_content_or_does_worse_than_a_fault(data: st.DataObject) -> None:
    """Anywhere at all, what comes is a list of faults; in the bytes of a content, the list is not empty."""
    good = sample_bytes()
    where = data.draw(st.integers(0, len(good) - 1), label="where")
    flipped = data.draw(st.integers(1, 255), label="flip")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "p.cspkg")
        path.write_bytes(good[:where] + bytes([good[where] ^ flipped]) + good[where + 1 :])
        faults = check_package(path)
    begin = good.index(WHEEL)
    if begin <= where < begin + len(WHEEL):
        assert [part_of(of(WHEEL)) in each.where for each in faults] == [True]
    event("found" if faults else "harmless")


@laws
@given(st.binary(max_size=200), st.integers(0, 1))
def test_no_bytes_do_worse_than_a_fault(data: bytes, with_end: int) -> None:
    """A zip is read from its end, so random bytes get one."""
    end = b"PK\x05\x06\0\0\0\0\1\0\1\0" + data[:8].ljust(8, b"\0") + b"\0\0"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "p.cspkg")
        path.write_bytes(data + end * with_end)
        assert len(check_package(path)) == 1


@laws
@given(st.sampled_from(["package.xml", "[Content_Types].xml", "_rels/.rels"]), st.data())
def test_no_document_does_worse_than_a_fault(document: str, data: st.DataObject) -> None:
    """Any stretch of it repeated, dropped or replaced."""
    planted = fresh()
    good = planted.entries[document]
    begin = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(begin, min(len(good), begin + 200)))
    insert = data.draw(
        st.sampled_from([b"", good[begin:end] * 2, b"<a>", b"</a>", b'"', b"&a;", b"\0", b"-1"])
    )
    planted.entries[document] = good[:begin] + insert + good[end:]
    with tempfile.TemporaryDirectory() as folder:
        path = planted.write(Path(folder, "p.cspkg"))
        faults = check_package(path)
        if not faults:
            with open_package(path) as package:
                assert set(package.layouts) == {"Web", "Orders"}
