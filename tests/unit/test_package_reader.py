"""Reading packages: whoever wrote them, and whatever somebody did to them."""

from __future__ import annotations

import hashlib
import struct
import zipfile
from datetime import datetime, timezone
from typing import TYPE_CHECKING, BinaryIO

import pytest
from packagemaker import MOMENT, WHEEL, Planted, of, part_of, sample_package

from hatch_cloudrole.errors import PackageError, TransportError
from hatch_cloudrole.package import archive, markup
from hatch_cloudrole.package.checks import check_package
from hatch_cloudrole.package.model import Package
from hatch_cloudrole.package.reader import open_package
from hatch_cloudrole.package.writer import write_package

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "package.xml"
TYPES = "[Content_Types].xml"
RELS = "_rels/.rels"
WHEEL_PART = part_of(of(WHEEL))


@pytest.fixture
def sound(tmp_path: Path) -> Planted:
    return Planted.sound(tmp_path / "sound.cspkg")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "p.cspkg"


def refused(path: Path) -> PackageError:
    """The error that opening gives; checking gives the same faults, among others."""
    with pytest.raises(PackageError) as error, open_package(path):
        pass
    assert set(error.value.faults) <= set(check_package(path))
    return error.value


def sentence(path: Path) -> str:
    """The one fault of what is not even a package."""
    error = refused(path)
    assert len(error.faults) == 1
    assert error.exit_code == 5
    return str(error.faults[0])


# What others write ------------------------------------------------------------------------------------


def test_what_was_written_is_read(path: Path) -> None:
    package = sample_package()
    write_package(package, path)
    with open_package(path) as found:
        assert found == package
        assert found.layouts["Web"]["approot/role.txt"].read() == b"of Web & <others>"
        assert found.parts["NamedStreams/SupportData/Web/1.0"].read() == b'<SupportData version="1.0" />'
        assert found.layouts["Web"]["approot/empty.txt"].read() == b""


def test_contents_are_gone_when_the_package_is_closed(path: Path) -> None:
    """That is the caller's mistake, not the package's."""
    write_package(sample_package(), path)
    with open_package(path) as package:
        content = package.layouts["Web"]["approot/role.txt"]
    with pytest.raises(ValueError, match="closed"):
        content.open()


def test_several_contents_can_be_read_at_once(path: Path) -> None:
    write_package(sample_package(), path)
    with open_package(path) as package:
        web, orders = (package.layouts[role]["approot/role.txt"] for role in ("Web", "Orders"))
        with web.open() as one, orders.open() as other:
            assert [one.read(6), other.read(6), one.read(), other.read()] == [
                b"of Web",
                b"of Ord",
                b" & <others>",
                b"ers & <others>",
            ]


def test_deflated_entries_and_crlf_in_the_manifest_are_read(sound: Planted, path: Path) -> None:
    sound.change(MANIFEST, lambda data: data.replace(b"\n", b"\r\n"))
    with open_package(sound.write(path, zipfile.ZIP_DEFLATED)) as package:
        assert package == sample_package()
        assert package.layouts["Web"]["approot/wheels/shared-1.0-py3-none-any.whl"].read() == WHEEL
    assert check_package(path) == []


def test_the_manifest_may_have_another_name(sound: Planted, path: Path) -> None:
    """The relationship says which it is."""
    sound.entries["other/manifest.xml"] = sound.entries.pop(MANIFEST)
    sound.replace(RELS, "/package.xml", "/other/manifest.xml")
    with open_package(sound.write(path)) as package:
        assert package == sample_package()
    assert check_package(path) == []


def test_content_that_is_stored_twice_is_read(sound: Planted, path: Path) -> None:
    """Octopus gives every file a content of its own."""
    copy = "LocalContent/00000000000000000000000000000000"
    text = sound.entries[MANIFEST].decode()
    begin = text.index(f"    <ContentDefinition>\n      <Name>{WHEEL_PART}")
    end = text.index("    <ContentDefinition>", begin + 1)
    definition = text[begin:end]
    text = text[:begin] + definition.replace(WHEEL_PART, copy) + text[begin:]
    head, _, tail = text.rpartition(f"<DataContentReference>{WHEEL_PART}")
    sound.entries[MANIFEST] = f"{head}<DataContentReference>{copy}{tail}".encode()
    sound.entries[copy] = sound.entries[WHEEL_PART]
    sound.replace(
        TYPES,
        "<Override ",
        f'<Override PartName="/{copy}" ContentType="application/octet-stream" /><Override ',
    )
    with open_package(sound.write(path)) as package:
        assert package == sample_package()
    assert check_package(path) == []


@pytest.mark.parametrize("element", ["<IntegrityCheckHash />", '<IntegrityCheckHash i:nil="true" />'])
def test_a_content_without_hash_is_read_and_hashed_here(sound: Planted, path: Path, element: str) -> None:
    """The algorithm None, with an empty hash or none at all."""
    unhash(sound, WHEEL_PART, element)
    with open_package(sound.write(path)) as package:
        assert package == sample_package()
        assert package.layouts["Web"]["approot/wheels/shared-1.0-py3-none-any.whl"].read() == WHEEL


def unhash(planted: Planted, part: str, element: str) -> None:
    text = planted.entries[MANIFEST].decode()
    head, tail = text.split(f"<Name>{part}</Name>")
    tail = tail.replace(">Sha256<", ">None<", 1)
    begin, end = tail.index("<IntegrityCheckHash>"), tail.index("</IntegrityCheckHash>")
    tail = tail[:begin] + element + tail[end + len("</IntegrityCheckHash>") :]
    planted.entries[MANIFEST] = f"{head}<Name>{part}</Name>{tail}".encode()


def test_folders_of_their_own_are_passed_over(sound: Planted, path: Path) -> None:
    """Some writers have entries for folders, which OPC ignores."""
    sound.more.append(("LocalContent/", b""))
    with open_package(sound.write(path)) as package:
        assert package == sample_package()
    assert check_package(path) == []


def test_a_content_of_no_role_is_among_the_parts(sound: Planted, path: Path) -> None:
    """What nobody uses is kept under its name, and can be written again."""
    text = sound.entries[MANIFEST].decode()
    begin = text.index("        <FileDefinition>\n          <FilePath>\\approot\\role.txt")
    end = text.index("</FileDefinition>\n", begin) + len("</FileDefinition>\n")
    sound.entries[MANIFEST] = (text[:begin] + text[end:]).encode()
    orders = part_of(of("of Orders & <others>"))
    with open_package(sound.write(path)) as package:
        assert package.parts[orders].read() == b"of Orders & <others>"
        assert "approot/role.txt" not in package.layouts["Orders"]
        write_package(package, path.with_name("again.cspkg"))
    assert check_package(path.with_name("again.cspkg")) == []


def test_the_newest_creation_is_the_packages_time(sound: Planted, path: Path) -> None:
    """Others give every file times of its own, as fine as 100 ns."""
    sound.replace(
        MANIFEST, "CreatedTimeUtc>2026-01-31T12:30:15.25Z", "CreatedTimeUtc>2026-02-01T00:00:00.1234567Z"
    )
    with open_package(sound.write(path)) as package:
        assert package.timestamp == datetime(2026, 2, 1, 0, 0, 0, 123456, tzinfo=timezone.utc)


def test_a_package_without_files_has_the_time_of_its_manifest(path: Path) -> None:
    """In whole two seconds, as zip counts."""
    package = Package(product_version="1.2.3.4", parts={}, layouts={"Web": {}}, timestamp=MOMENT)
    write_package(package, path)
    with open_package(path) as found:
        assert found.timestamp == MOMENT.replace(second=14, microsecond=0)
        assert found.layouts == {"Web": {}}


def test_an_impossible_date_in_the_zip_does_no_harm(path: Path) -> None:
    package = Package(product_version="1.2.3.4", parts={}, layouts={}, timestamp=MOMENT)
    write_package(package, path)
    data = path.read_bytes()
    month_0 = struct.pack("<H", (2026 - 1980) << 9 | 0 << 5 | 31)
    path.write_bytes(data.replace(struct.pack("<H", (2026 - 1980) << 9 | 1 << 5 | 31), month_0))
    with open_package(path) as found:
        assert found.timestamp == datetime(1980, 1, 1, tzinfo=timezone.utc)


# What is no package -----------------------------------------------------------------------------------


def test_a_missing_file_is_a_transport_error(tmp_path: Path) -> None:
    for read in (check_package, lambda path: open_package(path).__enter__()):
        with pytest.raises(TransportError, match=r"gone\.cspkg cannot be read: No such file.*Next:"):
            read(tmp_path / "gone.cspkg")
    with pytest.raises(TransportError, match="cannot be read"):
        check_package(tmp_path)


@pytest.mark.parametrize("data", [b"", b"hello", b"PK\x03\x04" + b"\0" * 200], ids=["empty", "text", "begin"])
def test_what_is_no_zip_is_said_to_be_none(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert "p.cspkg: is no zip file, so it is no package" in sentence(path)


def test_a_truncated_package_is_no_zip(path: Path) -> None:
    write_package(sample_package(), path)
    path.write_bytes(path.read_bytes()[:-100])
    assert "is no zip file" in sentence(path)


def test_a_plain_zip_is_said_to_be_one(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("approot/role.py", "x")
    assert "is a zip file but no Cloud Service package: it has no _rels/.rels" in sentence(path)


def test_another_opc_document_is_no_package(sound: Planted, path: Path) -> None:
    """A word processor's, for instance."""
    sound.replace(
        RELS, "http://schemas.microsoft.com/windowsazure/PackageDefinition/Version/2012/03/15", "urn:document"
    )
    assert "is no Cloud Service package: no relationship is of the type" in sentence(sound.write(path))


@pytest.mark.parametrize("with_relationships", [True, False])
def test_a_legacy_package_is_recognised_and_the_conversion_named(
    path: Path, with_relationships: bool
) -> None:
    relationship = (
        '<Relationship Type="http://schemas.microsoft.com/opc/2006/sample/required-resource" '
        'Target="/SDPackage_1.csdx" Id="SERVICEDESCRIPTION" />'
    )
    namespace = "http://schemas.openxmlformats.org/package/2006/relationships"
    with zipfile.ZipFile(path, "w") as file:
        if with_relationships:
            file.writestr(RELS, f'<Relationships xmlns="{namespace}">{relationship}</Relationships>')
        else:
            file.writestr("Web_1.cssx", b"")
    text = sentence(path)
    assert "is in the Legacy format" in text
    assert "cspack /convertToCtpPackage:p.cspkg;NEW.cspkg" in text


# What is hostile --------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", [MANIFEST, TYPES, RELS])
def test_a_doctype_is_refused_before_anything_in_it_is_expanded(
    sound: Planted, path: Path, document: str
) -> None:
    """Billion laughs, external entities: neither can begin."""
    laughs = '?><!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;"><!ENTITY x SYSTEM "file:///etc/passwd">]>'
    sound.replace(document, "?>", laughs)
    assert any(
        each.where == document and "has a DOCTYPE" in each.what for each in refused(sound.write(path)).faults
    )


@pytest.mark.parametrize("document", [MANIFEST, TYPES, RELS])
@pytest.mark.parametrize(
    "data", [b"", b"<a>", b"<a/>", b'<?xml version="1.0" encoding="nonsense"?><a/>', b"\xff\xfe<"], ids=repr
)
def test_a_document_that_cannot_be_read_is_a_fault(
    sound: Planted, path: Path, document: str, data: bytes
) -> None:
    sound.entries[document] = data
    assert refused(sound.write(path)).faults[0].where == document


def test_a_document_with_too_many_tags_is_not_parsed(
    sound: Planted, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few bytes, deflated, would else become gigabytes of elements."""
    monkeypatch.setattr(markup, "MAX_MARKUP", 500)
    sound.change(MANIFEST, lambda data: data + b"<a/>" * 1000)
    assert "has more than 500 tags" in str(refused(sound.write(path)))


def test_a_document_that_is_too_long_is_not_unpacked(sound: Planted, path: Path) -> None:
    sound.change(MANIFEST, lambda data: data + b" " * markup.MAX_DOCUMENT)
    faults = refused(sound.write(path, zipfile.ZIP_DEFLATED)).faults
    assert [each.where for each in faults] == [MANIFEST]
    assert "bytes long; the limit is 67108864" in faults[0].what


def test_an_archive_with_too_many_entries_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_package(sample_package(), path)
    monkeypatch.setattr(archive, "MAX_ENTRIES", 10)
    assert "entries; the limit is 10" in sentence(path)


def test_an_archive_that_unpacks_to_far_more_than_its_size_is_refused(
    sound: Planted, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_FREE", 1 << 20)
    sound.entries["bomb"] = b"\0" * (4 << 20)
    sound.write(path, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size * 100 < 4 << 20
    assert "unpacks to" in sentence(path)


def test_one_content_in_very_many_files_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest can multiply what a zip holds once."""
    monkeypatch.setattr(archive, "_FREE", 1 << 20)
    big = of(b"\0" * 100_000)
    write_package(sample_package(files={"Web": {f"approot/{each}": big for each in range(1000)}}), path)
    assert "its files unpack to 100" in str(refused(path))


def test_one_part_in_very_many_contents_is_refused_and_read_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a small package could keep the checker busy for days."""
    big = of(b"\0" * 100_000)
    planted = Planted.sound(path, sample_package(files={"Web": {"approot/big": big}}))
    text = planted.entries[MANIFEST].decode()
    begin = text.index(f"    <ContentDefinition>\n      <Name>{part_of(big)}")
    end = text.index("    <ContentDefinition>", begin + 1)
    more = (text[begin:end].replace("<Name>", f"<Name>x{each}/") for each in range(1000))
    planted.entries[MANIFEST] = (text[:end] + "".join(more) + text[end:]).encode()
    planted.write(path)
    assert check_package(path) == []
    monkeypatch.setattr(archive, "_FREE", 1 << 20)
    opened: list[str] = []
    open_entry = archive.Archive.open

    def counting(self: archive.Archive, info: zipfile.ZipInfo, sha256: str = "") -> BinaryIO:
        opened.append(info.filename)
        return open_entry(self, info, sha256)

    monkeypatch.setattr(archive.Archive, "open", counting)
    assert "its contents unpack to 100" in str(check_package(path)[0])
    assert opened.count(part_of(big)) == 1


def local_and_central(data: bytearray, name: str) -> tuple[int, int]:
    """Where the two headers of an entry begin."""
    return data.index(name.encode()) - 30, data.rindex(name.encode()) - 46


@pytest.mark.parametrize("claimed", [len(WHEEL) + 10, len(WHEEL) - 10])
def test_an_entry_that_lies_about_its_size_is_found(sound: Planted, path: Path, claimed: int) -> None:
    """Deflated bytes can be more or fewer than the directory says, even when the manifest says the same."""
    sound.change(MANIFEST, lambda data: data.replace(b">%d<" % len(WHEEL), b">%d<" % claimed))
    data = bytearray(sound.write(path, zipfile.ZIP_DEFLATED).read_bytes())
    _, central = local_and_central(data, WHEEL_PART)
    assert struct.unpack_from("<I", data, central + 24)[0] == len(WHEEL)
    struct.pack_into("<I", data, central + 24, claimed)
    path.write_bytes(data)
    with open_package(path) as package:
        wheel = package.layouts["Web"]["approot/wheels/shared-1.0-py3-none-any.whl"]
        with pytest.raises(PackageError, match=WHEEL_PART), wheel.open() as stream:
            stream.read()
    assert any(WHEEL_PART in each.where for each in check_package(path))


@pytest.mark.parametrize(
    ("offset", "value", "text"),
    [(8, 1, "is encrypted"), (10, 12, "its compression method is 12"), (20, 5, "its two sizes differ")],
)
def test_entries_that_no_opc_package_has_are_refused(
    sound: Planted, path: Path, offset: int, value: int, text: str
) -> None:
    """Encrypted, compressed by another method, stored with two sizes: fields of the central directory."""
    data = bytearray(sound.write(path).read_bytes())
    _, central = local_and_central(data, WHEEL_PART)
    struct.pack_into("<H", data, central + offset, value)
    path.write_bytes(data)
    faults = {each.where: each.what for each in refused(path).faults}
    assert text in faults[WHEEL_PART]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", [WHEEL_PART, WHEEL_PART.upper()])
def test_an_entry_that_occurs_twice_is_refused(sound: Planted, path: Path, name: str) -> None:
    """Two readers could take different ones; names that differ by case alone are the same in OPC."""
    sound.more.append((name, b"evil"))
    assert [each.where for each in refused(sound.write(path)).faults] == [name]


def test_bytes_with_another_hash_fail_when_they_are_read(sound: Planted, path: Path) -> None:
    """Also when the reader takes exactly as many bytes as there are, and never sees the end."""
    sound.change(WHEEL_PART, lambda data: b"T" + data[1:])
    with open_package(sound.write(path)) as package:
        wheel = package.layouts["Web"]["approot/wheels/shared-1.0-py3-none-any.whl"]
        with pytest.raises(PackageError) as error, wheel.open() as stream:
            stream.read(wheel.size)
        assert hashlib.sha256(sound.entries[WHEEL_PART]).hexdigest() in str(error.value)
        with pytest.raises(PackageError):
            write_package(package, path.with_name("again.cspkg"))
    assert not path.with_name("again.cspkg").exists()


HOSTILE = [
    r"\..\..\evil.txt",
    r"\approot\..\..\evil.txt",
    r"\C:\evil.txt",
    r"C:\evil.txt",
    r"\\server\share\evil.txt",
    r"\\?\C:\evil.txt",
    "/etc/passwd",
    r"\approot/../evil",
    "approot\\evil.txt",
    r"\approot\.. \evil",
    r"\approot\evil.txt:stream",
    r"\approot\CON",
    r"\approot\lpt1.txt",
    r"\approot\.",
    r"\approot\trailing.",
    r"\approot\trailing ",
    r"\approot\\double",
    "\\",
    "",
    "\\approot\\a\tb",
    "\\approot\\what?",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_path_that_leads_elsewhere_is_refused(sound: Planted, path: Path, hostile: str) -> None:
    sound.replace(MANIFEST, r"<FilePath>\approot\role.txt<", f"<FilePath>{hostile}<")
    faults = refused(sound.write(path)).faults
    assert len(faults) == 1
    assert "Roles/Orders" in faults[0].where


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ("Roles/..", "a role's name"),
        ("Roles/a/b", "a role's name"),
        ("Roles/", "a role's name"),
        ("Web", "a layout's name begins with 'Roles/'"),
        ("Roles/../../up", "a role's name"),
        ("Roles/NUL", "is a device"),
        ("Roles/orders", "but for case"),
        ("Roles/Orders", "occurs twice"),
    ],
)
def test_a_role_whose_name_is_no_folder_of_its_own_is_refused(
    sound: Planted, path: Path, layout: str, text: str
) -> None:
    sound.replace(MANIFEST, "<Name>Roles/Web<", f"<Name>{layout}<")
    assert text in str(refused(sound.write(path)))


def test_faults_are_safe_to_print(sound: Planted, path: Path) -> None:
    """A terminal must not obey what a package says."""
    sound.replace(MANIFEST, r"<FilePath>\approot\role.txt<", "<FilePath>\\\u202eevil\u0085\x7f<")
    faults = refused(sound.write(path)).faults
    assert all(each.where.isprintable() and each.what.isprintable() for each in faults)
    assert "\\u202eevil" in faults[0].where


def test_faults_are_no_more_than_anybody_reads(path: Path) -> None:
    files = {f"approot/{each}": of("x") for each in range(150)}
    planted = Planted.sound(path, sample_package(files={"Web": files}))
    planted.change(MANIFEST, lambda data: data.replace(b"<ReadOnly>false", b"<ReadOnly>0"))
    faults = refused(planted.write(path)).faults
    assert len(faults) == 101
    assert str(faults[-1]) == "and 62 more"


def test_every_fault_is_named_in_one_run(sound: Planted, path: Path) -> None:
    sound.replace(MANIFEST, "<ReadOnly>false", "<ReadOnly>0")
    sound.replace(MANIFEST, ">Sha256<", ">sha256<")
    sound.replace(MANIFEST, "12:30:15.25Z", "12:30:15.25")
    sound.replace(TYPES, "<Default ", '<Default more="" ')
    del sound.entries[WHEEL_PART]
    assert len(refused(sound.write(path)).faults) == 5
