"""What .NET's own libraries and Microsoft's schema say of our packages, and we of theirs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from packagemaker import MOMENT, of, sample_package

from hatch_cloudrole.package import Package, check_package, extract_package, open_package, write_package
from hatch_cloudrole.package.manifest import render_manifest
from hatch_cloudrole.package.manifest_reader import parse_manifest

TOOLS = os.environ.get("CLOUDROLE_TEST_TOOLS", "")
pytestmark = [
    pytest.mark.tools,
    pytest.mark.skipif(
        not TOOLS, reason="CLOUDROLE_TEST_TOOLS does not name the folder of the checking tools"
    ),
]


def dotnet(*arguments: object) -> str:
    """Run .NET's judge; its verdict begins with the file's name."""
    program = Path(TOOLS, "dotnet-check", "dotnet-check")
    done = subprocess.run(
        [program, *map(str, arguments)], check=False, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def unusual_package() -> Package:
    """Whatever might be rendered in another way: names beyond ASCII, markup, empty files."""
    files = {
        "approot/Grüße 😀 & 'x' (1).txt": of("hi"),
        "approot/.cloudrole/a b": of(""),
        "sitesroot/0/a": of("s"),
    }
    return sample_package(files={"Web": files})


PACKAGES = {
    "sample": sample_package(),
    "unusual": unusual_package(),
    "no roles": Package(product_version="1.2.3.4", parts={}, layouts={}, timestamp=MOMENT),
    "no files": Package(
        product_version="1.2.3.4",
        parts={"x/a.TXT": of("q"), "x/plain": of("w"), "y.rels": of("z")},
        layouts={"Web": {}},
        timestamp=MOMENT.replace(microsecond=0),
    ),
}


@pytest.mark.parametrize("name", PACKAGES)
def test_dotnet_has_no_remark(tmp_path: Path, name: str) -> None:
    """Valid to it, and a manifest byte for byte what it writes."""
    write_package(PACKAGES[name], tmp_path / "p.cspkg")
    said = dotnet("check", tmp_path / "p.cspkg")
    assert ": valid: " in said
    assert "but is not byte for byte" not in said


def test_microsofts_schema_accepts_the_manifest(tmp_path: Path) -> None:
    write_package(unusual_package(), tmp_path / "p.cspkg")
    script = Path(TOOLS, "validate_service_model.py")
    done = subprocess.run(
        [sys.executable, script, tmp_path / "p.cspkg"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_package_that_dotnet_wrote_anew_holds_the_same(tmp_path: Path) -> None:
    """Every file a content of its own, other names, deflated, other entry order."""
    package = unusual_package()
    write_package(package, tmp_path / "p.cspkg")
    dotnet("repack", tmp_path / "p.cspkg", tmp_path / "again.cspkg")
    assert check_package(tmp_path / "again.cspkg") == []
    with open_package(tmp_path / "again.cspkg") as again:
        assert again == package
        write_package(again, tmp_path / "third.cspkg")
    assert (tmp_path / "third.cspkg").read_bytes() == (tmp_path / "p.cspkg").read_bytes()


def test_dotnet_extracts_what_we_extract(tmp_path: Path) -> None:
    write_package(unusual_package(), tmp_path / "p.cspkg")
    dotnet("extract", tmp_path / "p.cspkg", tmp_path / "theirs")
    extract_package(tmp_path / "p.cspkg", tmp_path / "ours")
    assert contents(tmp_path / "ours") == contents(tmp_path / "theirs")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def test_the_manifest_of_a_real_package_is_read_and_rendered_to_the_byte() -> None:
    """One that cspack of SDK 1.8 wrote, with times of 100 ns and contents shared between files."""
    real = Path(TOOLS).parent / "data" / "cspkg" / "real_sdk18_cspkg" / "package.xml"
    if not real.exists():
        pytest.skip(f"{real} is not there")
    manifest, faults = parse_manifest(real.read_bytes(), "package.xml")
    assert faults == []
    assert manifest is not None
    assert len(manifest.contents) > 40
    assert render_manifest(manifest) == real.read_bytes()
