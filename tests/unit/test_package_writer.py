"""Writing packages: exact bytes, one copy of everything, all or nothing."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import sys
import tracemalloc
import zipfile
import zlib
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import pytest
from packagemaker import MOMENT, WHEEL, of, part_of, sample_package

from hatch_cloudrole.content import Content
from hatch_cloudrole.errors import PackageError, TransportError, WheelError
from hatch_cloudrole.package import markup, plan
from hatch_cloudrole.package.checks import check_package
from hatch_cloudrole.package.model import Package
from hatch_cloudrole.package.writer import write_package

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

T = TypeVar("T")
UTF8_MARK = "\ufeff"
GOLDEN = "8c31a0de3726a3ac"


def tiny(**changes: object) -> Package:
    """One role with one file, one part beside it."""
    values = {
        "product_version": "2.9.8699.20",
        "parts": {"ServiceDefinition/ServiceDefinition.csdef": of("<x />")},
        "layouts": {"Web": {"approot/a & b.txt": of("hello")}},
        "timestamp": MOMENT,
    }
    return Package(**{**values, **changes})  # type: ignore[arg-type]


def entry(path: Path, name: str) -> str:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name).decode()


def infos(path: Path) -> list[zipfile.ZipInfo]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return archive.infolist()


def test_content_types_are_those_of_dotnet(tmp_path: Path) -> None:
    """Six defaults always, and an override for each part whose name has no extension."""
    write_package(tiny(), tmp_path / "p.cspkg")
    octets = 'ContentType="application/octet-stream" />'
    assert entry(tmp_path / "p.cspkg", "[Content_Types].xml") == (
        UTF8_MARK + '<?xml version="1.0" encoding="utf-8"?>'
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        + "".join(f'<Default Extension="{each}" {octets}' for each in ("csdef", "rd", "rdsc", "0", "xml"))
        + '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml" />'
        f'<Override PartName="/LocalContent/2cf24dba5fb0a30e26e83b2ac5b9e29e" {octets}</Types>'
    )


def test_an_unusual_extension_gets_a_default_and_rels_an_override(tmp_path: Path) -> None:
    """No part goes without a content type, and none that is ours passes for relationships."""
    parts = {"x/One.TXT": of("1"), "x/plain": of("2"), "x/y.rels": of("3"), "x/a.bin": of("4")}
    write_package(tiny(parts=parts, layouts={}), tmp_path / "p.cspkg")
    text = entry(tmp_path / "p.cspkg", "[Content_Types].xml")
    assert text.index('Extension="rels"') < text.index('Extension="bin"') < text.index('Extension="txt"')
    assert text.count("<Override") == 2
    assert '<Override PartName="/x/plain"' in text
    assert '<Override PartName="/x/y.rels" ContentType="application/octet-stream"' in text


def test_the_relationship_leads_to_the_manifest_with_an_id_made_of_it(tmp_path: Path) -> None:
    write_package(tiny(), tmp_path / "p.cspkg")
    manifest = entry(tmp_path / "p.cspkg", "package.xml").encode()
    assert entry(tmp_path / "p.cspkg", "_rels/.rels") == (
        UTF8_MARK + '<?xml version="1.0" encoding="utf-8"?>'
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship '
        'Type="http://schemas.microsoft.com/windowsazure/PackageDefinition/Version/2012/03/15" '
        f'Target="/package.xml" TargetMode="External" Id="R{hashlib.sha256(manifest).hexdigest()[:16]}" />'
        "</Relationships>"
    )


def test_the_manifest_is_that_of_dotnet(tmp_path: Path) -> None:
    write_package(tiny(), tmp_path / "p.cspkg")
    assert entry(tmp_path / "p.cspkg", "package.xml") == (
        UTF8_MARK
        + r"""<?xml version="1.0" encoding="utf-8"?>
<PackageDefinition xmlns:i="http://www.w3.org/2001/XMLSchema-instance" xmlns="http://schemas.microsoft.com/windowsazure">
  <PackageMetaData>
    <KeyValuePair>
      <Key>http://schemas.microsoft.com/windowsazure/ProductVersion/</Key>
      <Value>2.9.8699.20</Value>
    </KeyValuePair>
  </PackageMetaData>
  <PackageContents>
    <ContentDefinition>
      <Name>LocalContent/2cf24dba5fb0a30e26e83b2ac5b9e29e</Name>
      <ContentDescription>
        <LengthInBytes>5</LengthInBytes>
        <IntegrityCheckHashAlgortihm>Sha256</IntegrityCheckHashAlgortihm>
        <IntegrityCheckHash>LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=</IntegrityCheckHash>
        <DataStorePath>LocalContent/2cf24dba5fb0a30e26e83b2ac5b9e29e</DataStorePath>
      </ContentDescription>
    </ContentDefinition>
    <ContentDefinition>
      <Name>ServiceDefinition/ServiceDefinition.csdef</Name>
      <ContentDescription>
        <LengthInBytes>5</LengthInBytes>
        <IntegrityCheckHashAlgortihm>Sha256</IntegrityCheckHashAlgortihm>
        <IntegrityCheckHash>aJSxIpeRxgI8pNcnrgUyHaz6lZKWN/+DkcEbbwpHqNw=</IntegrityCheckHash>
        <DataStorePath>ServiceDefinition/ServiceDefinition.csdef</DataStorePath>
      </ContentDescription>
    </ContentDefinition>
  </PackageContents>
  <PackageLayouts>
    <LayoutDefinition>
      <Name>Roles/Web</Name>
      <LayoutDescription>
        <FileDefinition>
          <FilePath>\approot\a &amp; b.txt</FilePath>
          <FileDescription>
            <DataContentReference>LocalContent/2cf24dba5fb0a30e26e83b2ac5b9e29e</DataContentReference>
            <CreatedTimeUtc>2026-01-31T12:30:15.25Z</CreatedTimeUtc>
            <ModifiedTimeUtc>2026-01-31T12:30:15.25Z</ModifiedTimeUtc>
            <ReadOnly>false</ReadOnly>
          </FileDescription>
        </FileDefinition>
      </LayoutDescription>
    </LayoutDefinition>
  </PackageLayouts>
</PackageDefinition>"""
    )


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2026, 1, 31, 12, 30, 15, tzinfo=timezone.utc), "2026-01-31T12:30:15Z"),
        (datetime(2026, 1, 31, 12, 30, 10, 100, tzinfo=timezone.utc), "2026-01-31T12:30:10.0001Z"),
        (datetime(1, 2, 3, tzinfo=timezone.utc), "0001-02-03T00:00:00Z"),
        (datetime(2026, 1, 31, 1, tzinfo=timezone(timedelta(hours=2))), "2026-01-30T23:00:00Z"),
    ],
)
def test_times_are_utc_and_as_short_as_possible(tmp_path: Path, moment: datetime, written: str) -> None:
    write_package(tiny(timestamp=moment), tmp_path / "p.cspkg")
    assert f"<CreatedTimeUtc>{written}</CreatedTimeUtc>" in entry(tmp_path / "p.cspkg", "package.xml")


def test_a_timestamp_without_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        tiny(timestamp=datetime(2026, 1, 31))  # noqa: DTZ001 - the very thing that is refused


def test_entries_are_stored_in_a_fixed_order_and_look_the_same_from_every_host(tmp_path: Path) -> None:
    """What readers need first comes first, then the contents by name; no field depends on the host."""
    write_package(sample_package(), tmp_path / "p.cspkg")
    entries = infos(tmp_path / "p.cspkg")
    names = [info.filename for info in entries]
    assert names[:3] == ["[Content_Types].xml", "_rels/.rels", "package.xml"]
    assert names[3:] == sorted(names[3:])
    for info in entries:
        assert info.compress_type == zipfile.ZIP_STORED
        assert info.date_time == (2026, 1, 31, 12, 30, 14)  # zip counts in two seconds
        assert (info.create_system, info.external_attr) == (3, 0o100644 << 16)
        assert (info.flag_bits, info.extra, info.comment) == (0, b"", b"")


def test_the_bytes_of_the_sample_never_change_unnoticed(tmp_path: Path) -> None:
    """Whoever changes the bytes of every package must say so in the changelog, and here."""
    write_package(sample_package(), tmp_path / "p.cspkg")
    assert hashlib.sha256((tmp_path / "p.cspkg").read_bytes()).hexdigest().startswith(GOLDEN)


@pytest.mark.parametrize(
    ("year", "written"), [(1970, (1980, 1, 1, 0, 0, 0)), (2200, (2107, 12, 31, 23, 59, 58))]
)
def test_moments_that_zip_cannot_hold_are_clamped(
    tmp_path: Path, year: int, written: tuple[int, ...]
) -> None:
    write_package(tiny(timestamp=datetime(year, 6, 1, tzinfo=timezone.utc)), tmp_path / "p.cspkg")
    assert {info.date_time for info in infos(tmp_path / "p.cspkg")} == {written}


def test_identical_content_is_stored_once_across_roles(tmp_path: Path) -> None:
    """Two roles with the same wheel have one copy, under an id that is the begin of its hash."""
    write_package(sample_package(), tmp_path / "p.cspkg")
    stored = [info for info in infos(tmp_path / "p.cspkg") if info.file_size == len(WHEEL)]
    assert [info.filename for info in stored] == [part_of(of(WHEEL))]
    assert entry(tmp_path / "p.cspkg", "package.xml").count(f"Reference>{part_of(of(WHEEL))}<") == 2


def test_parts_keep_names_of_their_own_even_when_their_bytes_are_equal(tmp_path: Path) -> None:
    """Readers ask for a stream by its name."""
    write_package(sample_package(), tmp_path / "p.cspkg")
    names = {info.filename for info in infos(tmp_path / "p.cspkg")}
    assert {f"NamedStreams/SupportData/{role}/1.0" for role in ("Web", "Orders")} <= names


def backwards(mapping: Mapping[str, T]) -> dict[str, T]:
    return {key: mapping[key] for key in reversed(list(mapping))}


def test_the_order_of_mappings_has_no_influence(tmp_path: Path) -> None:
    package = sample_package()
    turned = replace(
        package,
        parts=backwards(package.parts),
        layouts=backwards({role: backwards(each) for role, each in package.layouts.items()}),
    )
    write_package(package, tmp_path / "a.cspkg")
    write_package(turned, tmp_path / "b.cspkg")
    assert (tmp_path / "a.cspkg").read_bytes() == (tmp_path / "b.cspkg").read_bytes()


def test_two_contents_with_one_id_are_refused(tmp_path: Path) -> None:
    """An id is half of a hash; should two contents ever share it, neither silently replaces the other."""
    one, other = of("one"), of("other")
    clash = replace(other, sha256=one.sha256[:32] + other.sha256[32:])
    with pytest.raises(PackageError) as error:
        write_package(tiny(layouts={"Web": {"a": one, "b": clash}}), tmp_path / "p.cspkg")
    assert [fault.where for fault in error.value.faults] == ["Web: b"]
    assert "Web: a" in error.value.faults[0].what
    assert list(tmp_path.iterdir()) == []


def test_a_part_may_share_the_name_of_a_files_content_when_the_bytes_are_equal(tmp_path: Path) -> None:
    """A package read from elsewhere can hold a content that nobody uses under just that name."""
    shared = of("hello")
    write_package(tiny(parts={part_of(shared): shared}), tmp_path / "same.cspkg")
    assert [info.filename for info in infos(tmp_path / "same.cspkg")][3:] == [part_of(shared)]
    with pytest.raises(PackageError, match="other bytes"):
        write_package(tiny(parts={part_of(shared): of("else")}), tmp_path / "other.cspkg")


def test_everything_that_cannot_be_packaged_is_named_at_once(tmp_path: Path) -> None:
    content = of("x")
    bad = Package(
        product_version="",
        parts={"package.xml": content, "a b": content, "Doc.xml": content, "doc.xml": content},
        layouts={
            "1st": {"ok": content},
            "Web": {"../up": content, "A.txt": content, "a.txt": content, "f": content, "f/g": content},
            "WEB": {},
        },
        timestamp=MOMENT,
    )
    with pytest.raises(PackageError) as error:
        write_package(bad, tmp_path / "p.cspkg")
    assert sorted({fault.where for fault in error.value.faults}) == [
        "1st",
        "Web",
        "Web: ../up",
        "Web: a.txt",
        "Web: f/g",
        "a b",
        "doc.xml",
        "package.xml",
        "product version",
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_content_of_two_gigabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """Readers count lengths in 32 bits with sign."""

    def never() -> BinaryIO:
        raise AssertionError("read")

    huge = Content(2**31, "0" * 64, 0, never)
    with pytest.raises(PackageError, match=r"Web: big\.bin: is 2147483648 bytes long"):
        write_package(tiny(layouts={"Web": {"big.bin": huge}}), tmp_path / "p.cspkg")


def test_no_package_is_written_that_could_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader's limits on entries and on the manifest bind the writer too."""
    with monkeypatch.context() as patch:
        patch.setattr(plan, "MAX_ENTRIES", 6)
        with pytest.raises(PackageError, match="a package has 3 at most"):
            write_package(sample_package(), tmp_path / "p.cspkg")
    with monkeypatch.context() as patch:
        patch.setattr(markup, "MAX_MARKUP", 100)
        with pytest.raises(PackageError, match="manifest has more than 100 tags"):
            write_package(sample_package(), tmp_path / "p.cspkg")
    assert list(tmp_path.iterdir()) == []


# What the disk and the store can do ------------------------------------------------------------------


def posing(announced: bytes, actual: bytes) -> Content:
    """A content whose bytes have changed since it was announced."""
    return replace(of(announced), opener=lambda: io.BytesIO(actual))


@pytest.mark.parametrize("actual", [b"0123456780", b"012345678", b"01234567890", b""], ids=repr)
def test_a_damaged_wheel_stops_the_package_and_every_user_is_named(tmp_path: Path, actual: bytes) -> None:
    """Flipped, cut short, grown or empty: nothing is written, and what was there stays."""
    target = tmp_path / "p.cspkg"
    target.write_text("the old one")
    wheel = posing(b"0123456789", actual)
    layouts = {"Web": {"approot/wheels/x.whl": wheel}, "Orders": {"approot/wheels/x.whl": wheel}}
    with pytest.raises(WheelError) as error:
        write_package(tiny(layouts=layouts), target)
    assert [fault.where for fault in error.value.faults] == [
        "Orders: approot/wheels/x.whl",
        "Web: approot/wheels/x.whl",
    ]
    assert [each.name for each in tmp_path.iterdir()] == ["p.cspkg"]
    assert target.read_text() == "the old one"


def test_a_file_that_changed_meanwhile_stops_the_package(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"Web: approot/a\.py: its bytes"):
        write_package(tiny(layouts={"Web": {"approot/a.py": posing(b"a", b"b")}}), tmp_path / "p.cspkg")
    assert list(tmp_path.iterdir()) == []


def test_a_content_that_never_ends_is_not_copied_beyond_its_size(tmp_path: Path) -> None:
    class Endless(io.RawIOBase):
        reads = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object, /) -> int:
            Endless.reads += 1
            return len(buffer)  # type: ignore[arg-type]

    content = replace(of(b"\0" * 10), opener=lambda: io.BufferedReader(Endless()))
    with pytest.raises(PackageError, match="not those"):
        write_package(tiny(layouts={"Web": {"a": content}}), tmp_path / "p.cspkg")
    assert Endless.reads < 10


def test_an_interruption_leaves_the_old_package_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "p.cspkg"
    target.write_text("the old one")

    def interrupt(_: int) -> None:
        assert len(list(tmp_path.iterdir())) == 2  # the new one grows beside the old one
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_package(sample_package(), target, progress=interrupt)
    assert [each.name for each in tmp_path.iterdir()] == ["p.cspkg"]
    assert target.read_text() == "the old one"


def test_a_content_that_cannot_be_read_is_a_transport_error_that_names_the_file(tmp_path: Path) -> None:
    gone = tmp_path / "gone.whl"
    gone.write_text("x")
    content = Content.of_file(gone)
    gone.unlink()
    with pytest.raises(TransportError, match=r"gone\.whl"):
        write_package(tiny(layouts={"Web": {"a": content}}), tmp_path / "out" / "p.cspkg")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_target_that_cannot_be_written_is_a_transport_error(tmp_path: Path) -> None:
    """A folder of that name, or a file where the folder should be."""
    (tmp_path / "folder.cspkg").mkdir()
    (tmp_path / "file").write_text("")
    for target in (tmp_path / "folder.cspkg", tmp_path / "file" / "p.cspkg"):
        with pytest.raises(TransportError, match=r"cannot be written.*Next:"):
            write_package(sample_package(), target)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "folder.cspkg"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits on file sizes are POSIX'")
def test_a_disk_that_is_full_is_a_transport_error_and_nothing_stays(tmp_path: Path) -> None:
    package = tiny(layouts={"Web": {"a": of(b"\0" * 5_000_000)}})
    with file_size_limit(1_000_000), pytest.raises(TransportError, match=os.strerror(errno.EFBIG)):
        write_package(package, tmp_path / "p.cspkg")
    assert list(tmp_path.iterdir()) == []


@contextlib.contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """The nearest to a full disk that a process can do to itself."""
    import resource
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX'")
def test_a_package_is_as_readable_as_any_new_file(tmp_path: Path) -> None:
    """The temporary file it was is not private to its owner."""
    (tmp_path / "ordinary").touch()
    write_package(tiny(), tmp_path / "p.cspkg")
    assert (tmp_path / "p.cspkg").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_progress_tells_every_byte_of_every_entry(tmp_path: Path) -> None:
    told: list[int] = []
    write_package(sample_package(), tmp_path / "p.cspkg", progress=told.append)
    assert sum(told) == sum(info.file_size for info in infos(tmp_path / "p.cspkg"))


class Repeated(io.RawIOBase):
    """`count` times the same block, made while it is read."""

    def __init__(self, block: bytes, count: int) -> None:
        self.block, self.count = block, count

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object, /) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        if not self.count:
            return 0
        assert len(view) >= len(self.block)
        self.count -= 1
        view[: len(self.block)] = self.block
        return len(self.block)


def test_memory_does_not_grow_with_the_contents(tmp_path: Path) -> None:
    """300 MB are written, and read again by the checker, in a few megabytes."""
    block, count = bytes(range(256)) * 4096, 300
    digest, crc = hashlib.sha256(), 0
    for _ in range(count):
        digest.update(block)
        crc = zlib.crc32(block, crc)

    def opener() -> BinaryIO:
        return io.BufferedReader(Repeated(block, count), len(block))

    big = Content(len(block) * count, digest.hexdigest(), crc, opener)
    package = sample_package(files={"Web": {"approot/wheels/big.whl": big}})
    tracemalloc.start()
    try:
        write_package(package, tmp_path / "p.cspkg")
        assert check_package(tmp_path / "p.cspkg") == []
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (tmp_path / "p.cspkg").stat().st_size > 300_000_000
    assert peak < 8 << 20
