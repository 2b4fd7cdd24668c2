"""Checking packages: a sound one passes, and each thing that can be wrong is found and named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from packagemaker import WHEEL, Planted, of, part_of, role_model, sample_package

from hatch_cloudrole.package.checks import check_package

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MANIFEST = "package.xml"
TYPES = "[Content_Types].xml"
RELS = "_rels/.rels"
CSDEF = "ServiceDefinition/ServiceDefinition.csdef"
WHEEL_PART = part_of(of(WHEEL))
WHEEL_FILE = "approot/wheels/shared-1.0-py3-none-any.whl"
OCTETS = 'ContentType="application/octet-stream"'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "p.cspkg"


@pytest.fixture
def sound(path: Path) -> Planted:
    return Planted.sound(path)


def test_a_sound_package_has_no_fault(sound: Planted, path: Path) -> None:
    assert check_package(path) == []
    assert check_package(sound.write(path)) == []


def flip(data: bytes) -> bytes:
    return data[:7] + bytes([data[7] ^ 1]) + data[8:]


def drop_override(planted: Planted) -> None:
    planted.replace(TYPES, f'<Override PartName="/{WHEEL_PART}" {OCTETS} />', "")


def drop_wheel(planted: Planted) -> None:
    del planted.entries[WHEEL_PART]


def drop_csdef(planted: Planted) -> None:
    """Out of the archive and out of the manifest, so that nothing but its absence is at fault."""
    drop_content(planted, CSDEF)


def drop_stream(planted: Planted) -> None:
    drop_content(planted, "NamedStreams/SupportData/Web/1.0")


def drop_content(planted: Planted, name: str) -> None:
    del planted.entries[name]
    text = planted.entries[MANIFEST].decode()
    begin = text.index(f"    <ContentDefinition>\n      <Name>{name}<")
    end = text.index("</ContentDefinition>\n", begin) + len("</ContentDefinition>\n")
    planted.entries[MANIFEST] = (text[:begin] + text[end:]).encode()


def unhash(planted: Planted) -> None:
    text = planted.entries[MANIFEST].decode()
    head, tail = text.split(f"<Name>{WHEEL_PART}</Name>")
    begin, end = tail.index("<IntegrityCheckHash>"), tail.index("</IntegrityCheckHash>")
    tail = tail[:begin] + "<IntegrityCheckHash />" + tail[end + len("</IntegrityCheckHash>") :]
    planted.entries[MANIFEST] = f"{head}<Name>{WHEEL_PART}</Name>{tail.replace('Sha256', 'None', 1)}".encode()


def second_relationship(kind: str) -> Callable[[Planted], None]:
    text = f'<Relationship Type="{kind}" Target="/{CSDEF}" Id="R1" /></Relationships>'
    return lambda planted: planted.replace(RELS, "</Relationships>", text)


def replaced(entry: str, old: str, new: str) -> Callable[[Planted], None]:
    return lambda planted: planted.replace(entry, old, new)


def changed(entry: str, change: Callable[[bytes], bytes]) -> Callable[[Planted], None]:
    return lambda planted: planted.change(entry, change)


def added(entry: str, data: bytes = b"") -> Callable[[Planted], None]:
    return lambda planted: planted.entries.__setitem__(entry, data)


V20120315 = "http://schemas.microsoft.com/windowsazure/PackageDefinition/Version/2012/03/15"
WHEEL_USERS = f"{WHEEL_PART} (Orders: {WHEEL_FILE} and 1 more)"
FILE = r"package.xml: Roles/Orders\approot"

# What is planted, then every fault that must come of it: where, and a part of what is said.
FAULTS: dict[str, tuple[Callable[[Planted], None], list[tuple[str, str]]]] = {
    # The container
    "no content types": (lambda each: drop(each, TYPES), [("p.cspkg", "has no [Content_Types].xml")]),
    "no relationships": (lambda each: drop(each, RELS), [("p.cspkg", "has no _rels/.rels")]),
    "a part without content type": (
        drop_override,
        [(WHEEL_PART, "has no content type, so that readers do not see it")],
    ),
    "a manifest without content type": (
        replaced(TYPES, f'<Default Extension="xml" {OCTETS} />', ""),
        [(MANIFEST, "has no content type")],
    ),
    "another content type": (
        replaced(TYPES, f'/{WHEEL_PART}" {OCTETS}', f'/{WHEEL_PART}" ContentType="text/plain"'),
        [(WHEEL_PART, "its content type is 'text/plain'")],
    ),
    "another content type of relationships": (
        replaced(TYPES, "relationships+xml", "relationship+xml"),
        [(RELS, "its content type is application/vnd.openxmlformats-package.relationship+xml")],
    ),
    "no content type of relationships": (
        replaced(TYPES, 'Extension="rels"', 'Extension="sler"'),
        [(RELS, "its content type is missing")],
    ),
    "an attribute too many in Types": (
        replaced(TYPES, "<Types ", '<Types more="" '),
        [(TYPES, "<Types> has the attributes ['more']")],
    ),
    "an attribute too many in Default": (
        replaced(TYPES, "<Default ", '<Default more="" '),
        [(TYPES, "<Default> has the attributes ['ContentType', 'Extension', 'more']")],
    ),
    "an element too many in Types": (replaced(TYPES, "</Types>", "<More /></Types>"), [(TYPES, "More> has")]),
    "text in Types": (replaced(TYPES, "</Types>", "more</Types>"), [(TYPES, "it holds text")]),
    "an element in an Override": (
        replaced(TYPES, f"{OCTETS} /></Types>", f"{OCTETS}><x /></Override></Types>"),
        [(TYPES, "they must be empty")],
    ),
    "an extension twice": (
        replaced(TYPES, "<Override", f'<Default Extension="RD" {OCTETS} /><Override'),
        [(TYPES, "Extension 'rd' occurs twice")],
    ),
    "a part name without slash": (
        replaced(TYPES, 'PartName="/', 'PartName="'),
        [(TYPES, "does not begin with '/'")],
    ),
    "Types in another namespace": (
        replaced(TYPES, "2006/content-types", "2007/content-types"),
        [(TYPES, "its root is")],
    ),
    "an attribute too many in Relationships": (
        replaced(RELS, "<Relationships ", '<Relationships more="" '),
        [(RELS, "<Relationships> has the attributes ['more']")],
    ),
    "an attribute too many in Relationship": (
        replaced(RELS, "<Relationship ", '<Relationship more="" '),
        [(RELS, "<Relationship> has the attributes ['Id', 'Target', 'TargetMode', 'Type', 'more']")],
    ),
    "an unknown target mode": (
        replaced(RELS, '"External"', '"external"'),
        [(RELS, "TargetMode 'external' is not Internal or External")],
    ),
    "an id that is no name": (replaced(RELS, 'Id="R', 'Id="1'), [(RELS, "is no XML name")]),
    "a second relationship of the type": (
        second_relationship(V20120315),
        [(RELS, "2 relationships lead to a manifest; there must be one")],
    ),
    "a second relationship of another type": (
        second_relationship("urn:other"),
        [(RELS, "there must be one relationship; 'R1' of type 'urn:other' is another")],
    ),
    "a target without slash": (
        replaced(RELS, "/package.xml", "package.xml"),
        [(RELS, "Target 'package.xml'")],
    ),
    "a target that is not there": (
        replaced(RELS, "/package.xml", "/other.xml"),
        [(RELS, "Target '/other.xml'")],
    ),
    "two entries that differ by case only": (
        lambda each: each.more.append((CSDEF.upper(), b"")),
        [(CSDEF.upper(), f"occurs and as '{CSDEF}', which is the same in OPC")],
    ),
    "an orphan": (added("extra.xml"), [("extra.xml", "this part belongs to no content of the manifest")]),
    "an orphan without content type": (
        added("LocalContent/extra"),
        [("LocalContent/extra", "belongs to no")],
    ),
    "an absolute name": (added("/extra.xml"), [("/extra.xml", "belongs to no content")]),
    "an escaping name": (added("../extra.xml"), [("../extra.xml", "belongs to no content")]),
    "a folder with bytes": (added("extra/", b"x"), [("extra/", "belongs to no content")]),
    # The manifest
    "a DOCTYPE": (replaced(MANIFEST, "?>", "?><!DOCTYPE PackageDefinition>"), [(MANIFEST, "has a DOCTYPE")]),
    "another namespace": (
        replaced(MANIFEST, 'xmlns="http://schemas.microsoft', 'xmlns="https://schemas.microsoft'),
        [(MANIFEST, "its root is")],
    ),
    "no metadata": (
        changed(MANIFEST, lambda data: data.replace(b"PackageMetaData", b"PackageData")),
        [("package.xml: PackageDefinition", "it must hold PackageMetaData, PackageContents, PackageLayouts")],
    ),
    "no product version": (
        replaced(MANIFEST, "ProductVersion/", "ProductVersion"),
        [(MANIFEST, "its metadata has no value for")],
    ),
    "a metadata key twice": (
        replaced(
            MANIFEST,
            "<PackageMetaData>",
            "<PackageMetaData><KeyValuePair><Key>http://schemas.microsoft.com/windowsazure/ProductVersion/</Key>"
            "<Value>1</Value></KeyValuePair>",
        ),
        [
            (
                MANIFEST,
                "the metadata key 'http://schemas.microsoft.com/windowsazure/ProductVersion/' occurs twice",
            )
        ],
    ),
    "fields out of order": (
        lambda each: each.change(MANIFEST, swap_fields),
        [
            (
                rf"{FILE}\role.txt",
                "it holds CreatedTimeUtc, DataContentReference, ModifiedTimeUtc, ReadOnly; it must",
            )
        ],
    ),
    "a field too many": (
        replaced(MANIFEST, "</ReadOnly>", "</ReadOnly><More />"),
        [
            (r"package.xml: Roles/Orders\RoleModel.xml", "ReadOnly, More; it must hold"),
            ("Roles/Orders/RoleModel.xml", "is not there"),
        ],
    ),
    "the hash algorithm's name spelt right": (
        replaced(
            MANIFEST,
            "<IntegrityCheckHashAlgortihm>Sha256</IntegrityCheckHashAlgortihm>",
            "<IntegrityCheckHashAlgorithm>Sha256</IntegrityCheckHashAlgorithm>",
        ),
        [("package.xml: LocalContent/", "it must hold LengthInBytes, IntegrityCheckHashAlgortihm")],
    ),
    "an attribute": (
        replaced(MANIFEST, "<FileDefinition>", '<FileDefinition more="">'),
        [("package.xml: FileDefinition", "it has the attributes ['more']")],
    ),
    "an attribute of a value": (
        replaced(MANIFEST, "<LengthInBytes>", '<LengthInBytes more="">'),
        [("package.xml: LengthInBytes", "it must hold text only")],
    ),
    "text between elements": (
        replaced(MANIFEST, "<FileDefinition>", "more<FileDefinition>"),
        [("package.xml: LayoutDescription", "it holds text between its elements")],
    ),
    "a duplicate FilePath": (
        replaced(MANIFEST, r"<FilePath>\approot\role.txt<", r"<FilePath>\approot\empty.txt<"),
        [(rf"{FILE}\empty.txt", "this FilePath occurs twice")],
    ),
    "a FilePath that differs by case only": (
        replaced(MANIFEST, r"<FilePath>\approot\role.txt<", r"<FilePath>\approot\Empty.txt<"),
        [("package.xml: Roles/Orders/approot/Empty.txt", "in nothing but case")],
    ),
    "a file below a file": (
        replaced(MANIFEST, r"<FilePath>\approot\role.txt<", r"<FilePath>\approot\empty.txt\x<"),
        [("package.xml: Roles/Orders/approot/empty.txt/x", "lies in 'approot/empty.txt', which is a file")],
    ),
    "a path with ..": (
        replaced(MANIFEST, r"<FilePath>\approot\role.txt<", r"<FilePath>\approot\..\..\x.txt<"),
        [(rf"{FILE}\..\..\x.txt", "a file's path has no '..' segment")],
    ),
    "a duplicate content": (
        replaced(MANIFEST, f"<Name>{CSDEF}<", f"<Name>{WHEEL_PART}<"),
        [(MANIFEST, f"the content '{WHEEL_PART}' occurs twice"), (CSDEF, "is not among the contents")],
    ),
    "a reference that differs by case": (
        replaced(
            MANIFEST, f"<DataContentReference>{WHEEL_PART}", f"<DataContentReference>{WHEEL_PART.lower()}"
        ),
        [(rf"{FILE}\wheels\shared-1.0-py3-none-any.whl", "is not defined")],
    ),
    "an algorithm in lower case": (
        replaced(MANIFEST, ">Sha256<", ">sha256<"),
        [("package.xml: LocalContent/", "the hash algorithm is 'sha256'")],
    ),
    "a hash that is none": (
        replaced(MANIFEST, "<IntegrityCheckHash>", "<IntegrityCheckHash>x"),
        [("package.xml: LocalContent/", "is no SHA-256 in base64")],
    ),
    "a length beyond 32 bits": (
        replaced(MANIFEST, f">{len(WHEEL)}<", ">2147483648<"),
        [(f"package.xml: {WHEEL_PART}", "LengthInBytes is '2147483648'")],
    ),
    "a boolean in digits": (
        replaced(MANIFEST, "<ReadOnly>false", "<ReadOnly>0"),
        [("package.xml: Roles/Orders\\", "ReadOnly is '0'; it must be true or false")],
    ),
    "a time that is not UTC": (
        replaced(MANIFEST, "15.25Z", "15.25+01:00"),
        [("package.xml: Roles/Orders\\", "is no UTC time such as")],
    ),
    "a time that never was": (
        replaced(MANIFEST, "2026-01-31T", "2026-02-31T"),
        [("package.xml: Roles/Orders\\", "CreatedTimeUtc")],
    ),
    "a name that needs escapes": (
        lambda each: rename_content(each, "NamedStreams/More/Web/1.0", "NamedStreams/More/We b/1.0"),
        [("NamedStreams/More/We b/1.0", "a part's name holds nothing but")],
    ),
    # The contents
    "a missing part": (drop_wheel, [(WHEEL_PART, "is not in the package")]),
    "a flipped bit": (changed(WHEEL_PART, flip), [(WHEEL_USERS, "its SHA-256 is")]),
    "a flipped bit outside the roles": (
        changed("ServiceDefinition/ServiceDefinition.rd", flip),
        [("ServiceDefinition/ServiceDefinition.rd", "its SHA-256 is")],
    ),
    "a wrong length": (
        replaced(MANIFEST, f">{len(WHEEL)}<", f">{len(WHEEL) + 1}<"),
        [(WHEEL_PART, f"is {len(WHEEL)} bytes long; the manifest says {len(WHEEL) + 1}")],
    ),
    "a wrong hash": (
        lambda each: each.replace(MANIFEST, base64_of(WHEEL), base64_of(b"other")),
        [(WHEEL_USERS, "its SHA-256 is")],
    ),
    "no hash": (unhash, [(WHEEL_USERS, "has no hash (algorithm None)")]),
    # The service
    "no csdef": (drop_csdef, [(CSDEF, "is not among the contents")]),
    "no stream": (
        drop_stream,
        [("NamedStreams/SupportData/Web/1.0", "is not among the contents; the role 'Web' needs it")],
    ),
    "no layout for a role": (
        lambda each: each.change(MANIFEST, without_web),
        [("Roles/Web", "defines this role, but it has no layout")],
    ),
}


def drop(planted: Planted, entry: str) -> None:
    del planted.entries[entry]


def rename_content(planted: Planted, old: str, new: str) -> None:
    planted.entries = {name.replace(old, new): data for name, data in planted.entries.items()}
    planted.change(MANIFEST, lambda data: data.replace(old.encode(), new.encode()))


def swap_fields(data: bytes) -> bytes:
    """Put the creation time of a file before its reference."""
    begin = data.index(b"<DataContentReference>", data.index(rb"\approot\role.txt"))
    middle = data.index(b"<CreatedTimeUtc>", begin)
    end = data.index(b"<ModifiedTimeUtc>", middle)
    return data[:begin] + data[middle:end] + data[begin:middle] + data[end:]


def base64_of(data: bytes) -> str:
    import base64

    return base64.b64encode(bytes.fromhex(of(data).sha256)).decode()


def without_web(data: bytes) -> bytes:
    begin = data.index(b"    <LayoutDefinition>\n      <Name>Roles/Web<")
    end = data.index(b"</LayoutDefinition>\n", begin) + len(b"</LayoutDefinition>\n")
    return data[:begin] + data[end:]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_and_nothing_else(path: Path, name: str) -> None:
    plant, expected = FAULTS[name]
    package = sample_package(parts={"NamedStreams/More/Web/1.0": of("x")})
    planted = Planted.sound(path, package)
    plant(planted)
    faults = check_package(planted.write(path))
    found = [(each.where, each.what) for each in faults]
    assert len(found) == len(expected), found
    for (where, what), (expected_where, expected_what) in zip(found, expected, strict=True):
        assert where.startswith(expected_where)
        assert expected_what in what


def test_a_bit_flipped_on_the_disk_is_found_by_its_checksum(sound: Planted, path: Path) -> None:
    """Not planted by a zip writer, which would have computed a new CRC-32."""
    data = sound.write(path).read_bytes()
    where = data.index(WHEEL) + 5
    path.write_bytes(data[:where] + bytes([data[where] ^ 0x10]) + data[where + 1 :])
    faults = check_package(path)
    assert [each.where for each in faults] == [WHEEL_USERS]
    assert "is damaged: Bad CRC-32" in faults[0].what
    assert faults[0].remedy


def test_a_layout_that_the_service_does_not_define_is_found(path: Path) -> None:
    definition = of(
        '<ServiceDefinition name="Shop" xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/'
        'ServiceDefinition"><WorkerRole name="Orders" /></ServiceDefinition>'
    )
    Planted.sound(path, sample_package(parts={CSDEF: definition}))
    assert [(each.where, each.what) for each in check_package(path)] == [
        ("Roles/Web", f"{CSDEF} does not define this role")
    ]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<ServiceDefinition", "is not well-formed XML"),
        ("<!DOCTYPE a><a/>", "has a DOCTYPE"),
        ("<ServiceDefinition />", "its root is 'ServiceDefinition'; it must be ServiceDefinition in http"),
        (
            '<ServiceDefinition xmlns="http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition" />',
            "defines no role",
        ),
    ],
)
def test_a_service_definition_that_says_nothing_is_found(path: Path, text: str, what: str) -> None:
    Planted.sound(path, sample_package(parts={CSDEF: of(text)}))
    assert any(each.where == CSDEF and what in each.what for each in check_package(path))


def test_an_empty_manifest_is_not_taken_for_a_sound_one(sound: Planted, path: Path) -> None:
    """Well-formed, valid, and about nothing."""
    namespace = 'xmlns="http://schemas.microsoft.com/windowsazure"'
    sections = "<PackageMetaData /><PackageContents /><PackageLayouts />"
    sound.entries[MANIFEST] = f"<PackageDefinition {namespace}>{sections}</PackageDefinition>".encode()
    found = {each.where for each in check_package(sound.write(path))}
    assert {MANIFEST, CSDEF, WHEEL_PART} <= found


# RoleModel.xml and the files it speaks of --------------------------------------------------------------


def model_faults(path: Path, body: str, **files: str) -> list[tuple[str, str]]:
    contents = {name.replace("__", "/").replace("_dot_", "."): of(text) for name, text in files.items()}
    Planted.sound(
        path, sample_package(files={"Web": {"RoleModel.xml": role_model("Web", body=body), **contents}})
    )
    return [(each.where, each.what) for each in check_package(path)]


def task(command: str, folder: str = "approot\\") -> str:
    return f'<Startup><Task commandLine="{command}" relativePath="{folder}" /></Startup>'


def program(command: str) -> str:
    return f'<Runtime><EntryPoint><ProgramEntryPoint commandLine="{command}" /></EntryPoint></Runtime>'


@pytest.mark.parametrize(
    "body",
    [
        "",
        task(r"bin\ps.cmd Configure.ps1"),
        task(r"BIN\PS.CMD"),
        task("ps.cmd", r"approot\bin"),
        task(r".\ps.cmd", r"approot\bin\\".rstrip("\\")),
        task(r"..\bin\ps.cmd", r"approot\bin"),
        task(r"&quot;bin\ps.cmd&quot; x"),
        task("powershell.exe -File x"),
        task("net start x"),
        task(r"%SystemRoot%\x.cmd"),
        task(r"D:\tools\x.cmd"),
        program(r"bin\ps.cmd Launch.ps1 worker.py"),
        program("python.exe worker.py"),
        '<Sites><Site name="Web" physicalDirectory="approot\\bin" /></Sites>',
        r'<Sites><Site name="Web" physicalDirectory="C:\sites\web" /></Sites>',
    ],
)
def test_commands_that_are_there_or_elsewhere_on_the_instance_pass(path: Path, body: str) -> None:
    """Bare programs and absolute paths are the instance's own; case is Windows'."""
    assert model_faults(path, body) == []


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (
            task(r"bin\gone.cmd"),
            r"the startup task 'bin\\gone.cmd' needs approot/bin/gone.cmd, which is not in",
        ),
        (task("ps.cmd"), "the startup task 'ps.cmd' needs approot/ps.cmd"),
        (task(r"bin\ps.cmd", r"approot\bin"), "needs approot/bin/bin/ps.cmd"),
        (task(r"&quot;two words\x.exe&quot;"), "needs approot/two words/x.exe"),
        (task(" "), "names no program"),
        (program("worker.py"), "the entry point 'worker.py' needs approot/worker.py"),
        (
            '<Runtime><EntryPoint><NetFxEntryPoint assemblyName="W.dll" /></EntryPoint></Runtime>',
            "the entry point's assembly 'W.dll' is not in approot",
        ),
        (
            r'<Sites><Site name="Web" physicalDirectory="sitesroot\0" /></Sites>',
            "a site lies in 'sitesroot\\\\0', where the package has no file",
        ),
    ],
)
def test_commands_and_folders_that_are_not_there_are_found(path: Path, body: str, what: str) -> None:
    found = model_faults(path, body)
    assert len(found) == 1
    assert found[0][0] == "Roles/Web/RoleModel.xml"
    assert what in found[0][1]


def test_an_assembly_may_lie_in_approot_or_in_its_bin(path: Path) -> None:
    body = '<Runtime><EntryPoint><NetFxEntryPoint assemblyName="W.dll" /></EntryPoint></Runtime>'
    assert model_faults(path, body, approot__W_dot_dll="x") == []
    assert model_faults(path, body, approot__bin__w_dot_dll="x") == []


def test_a_command_file_with_a_byte_order_mark_is_found(path: Path) -> None:
    """cmd.exe takes the mark for a part of the first command."""
    assert model_faults(path, task("x.cmd"), approot__x_dot_cmd="\ufeff@echo off") == [
        ("Roles/Web/approot/x.cmd", "begins with a byte order mark, which cmd.exe takes for a command")
    ]


def test_a_role_without_its_model_is_found(path: Path) -> None:
    planted = Planted.sound(path)
    planted.change(
        "package.xml", lambda data: data.replace(rb"\RoleModel.xml", rb"\approot\RoleModel.xml", 1)
    )
    faults = check_package(planted.write(path))
    assert [(each.where, each.what) for each in faults] == [
        ("Roles/Orders/RoleModel.xml", "is not there; nothing starts a role without it")
    ]


def test_a_model_of_another_role_or_version_is_found(path: Path) -> None:
    model = role_model("Orders", version="1.8.31004.1351")
    Planted.sound(path, sample_package(files={"Web": {"RoleModel.xml": model}}))
    assert [(each.where, each.what) for each in check_package(path)] == [
        ("Roles/Web/RoleModel.xml", "its name is 'Orders'; the package says 'Web'"),
        ("Roles/Web/RoleModel.xml", "its version is '1.8.31004.1351'; the package says '2.9.8699.20'"),
    ]


def test_a_model_that_cannot_be_read_is_found(path: Path) -> None:
    Planted.sound(path, sample_package(files={"Web": {"RoleModel.xml": of("<RoleModel")}}))
    assert [each.where for each in check_package(path)] == ["Roles/Web/RoleModel.xml"]


def test_a_damaged_document_is_one_fault_and_not_two(path: Path) -> None:
    """Its bytes are judged; what they say is not, since nobody wrote that."""
    package = sample_package()
    planted = Planted.sound(path, package)
    data = planted.write(path).read_bytes()
    where = data.index(b"<RoleModel") + 1
    path.write_bytes(data[:where] + b"X" + data[where + 1 :])
    faults = check_package(path)
    assert len(faults) == 1
    assert "is damaged" in faults[0].what
