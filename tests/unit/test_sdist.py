"""What is looked at in an sdist before it is built, and how a built wheel loses its builder's traces."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest
import wheelmaker as make

from hatch_cloudrole.wheels import sdist as sdist_module
from hatch_cloudrole.wheels.build import rewrite_wheel
from hatch_cloudrole.wheels.sdist import DEFAULT_REQUIRES, BadSdistError, read_build_requires

if TYPE_CHECKING:
    from pathlib import Path

DECLARES = b'[build-system]\nrequires = ["flit_core >=3", "cython"]\nbuild-backend = "flit_core.buildapi"\n'


def put(tmp_path: Path, data: bytes, name: str = "demo-1.0.tar.gz") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DECLARES, ("flit_core >=3", "cython")),
        (b"[build-system]\nrequires = []\n", ()),
        (b"[tool.black]\n", DEFAULT_REQUIRES),
        (b"no TOML", DEFAULT_REQUIRES),
    ],
)
def test_build_requirements_are_those_of_pyproject(
    tmp_path: Path, text: bytes, expected: tuple[str, ...]
) -> None:
    assert (
        read_build_requires(put(tmp_path, make.sdist_bytes("demo", files={"pyproject.toml": text})))
        == expected
    )


def test_a_deeper_pyproject_is_not_asked(tmp_path: Path) -> None:
    data = make.sdist_bytes("demo", files={"aaa/pyproject.toml": DECLARES})
    assert read_build_requires(put(tmp_path, data)) == ()


def test_an_sdist_may_be_a_zip(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("demo-1.0/pyproject.toml", DECLARES)
    assert read_build_requires(put(tmp_path, buffer.getvalue(), "demo-1.0.zip")) == (
        "flit_core >=3",
        "cython",
    )


def test_a_bomb_is_noticed_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdist_module, "BOMB_SLACK", 1 << 20)
    data = make.sdist_bytes("demo", files={"zeros": bytes(4 << 20)})
    with pytest.raises(BadSdistError, match="bomb"):
        read_build_requires(put(tmp_path, data))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(4 << 20))
    with pytest.raises(BadSdistError, match="bomb"):
        read_build_requires(put(tmp_path, buffer.getvalue(), "demo-1.0.zip"))


def test_a_sparse_member_counts_with_the_size_that_it_unpacks_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sdist_module, "BOMB_SLACK", 1 << 20)
    header = tarfile.TarInfo("demo-1.0/hole")
    header.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.map": "0,0",
                          "GNU.sparse.size": str(1 << 40)}  # fmt: skip
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(header)
    with pytest.raises(BadSdistError, match="bomb"):
        read_build_requires(put(tmp_path, buffer.getvalue()))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"garbage", "demo-1.0.tar.gz"),
        (make.sdist_bytes("demo")[:-20], "demo-1.0.tar.gz"),
        (b"garbage", "demo-1.0.zip"),
        (b"garbage", "demo-1.0.rar"),
    ],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes, name: str) -> None:
    with pytest.raises(BadSdistError):
        read_build_requires(put(tmp_path, data, name))


def rewritten(tmp_path: Path, wheel_file: bytes, **files: bytes) -> tuple[bytes, list[str], bytes]:
    """The bytes of a rewritten wheel, its names, and its WHEEL."""
    members = {"demo.py": b"", "demo-1.0.dist-info/METADATA": b"Name: demo\r\n", **files}
    members |= {"demo-1.0.dist-info/WHEEL": wheel_file, "demo-1.0.dist-info/RECORD": b""}
    source, target = tmp_path / "in.whl", tmp_path / "out.whl"
    with zipfile.ZipFile(source, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    rewrite_wheel(source, target)
    with zipfile.ZipFile(target) as archive:
        assert archive.read("demo-1.0.dist-info/METADATA") == b"Name: demo\n"
        return target.read_bytes(), archive.namelist(), archive.read("demo-1.0.dist-info/WHEEL")


def test_a_rewritten_wheel_does_not_say_who_built_it(tmp_path: Path) -> None:
    """Generator, the order of tags, line ends and compiled Python differ from builder to builder."""
    one = b"Wheel-Version: 1.0\nGenerator: setuptools (80.1)\nRoot-Is-Purelib: true\nTag: py2-none-any\nTag: py3-none-any\n\n"
    other = b"Wheel-Version: 1.0\r\nGenerator: other (1)\r\nTag: py3-none-any\r\nTag: py2-none-any\r\nRoot-Is-Purelib: true\r\n"
    first = rewritten(tmp_path, one)
    second = rewritten(tmp_path, other, **{"pkg/__pycache__/a.cpython-311.pyc": b"x"})
    assert first == second
    assert first[2].decode().splitlines() == [
        "Wheel-Version: 1.0",
        "Generator: hatch-cloudrole",
        "Root-Is-Purelib: true",
        "Tag: py2-none-any",
        "Tag: py3-none-any",
    ]


def test_what_a_wheel_is_stays(tmp_path: Path) -> None:
    """Whether it is pure, its build number and a module that was compiled on purpose."""
    text = (
        b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: false\nTag: cp311-cp311-linux_x86_64\nBuild: 2\n"
    )
    _, names, wheel = rewritten(tmp_path, text, **{"legacy.pyc": b"x"})
    assert "legacy.pyc" in names
    assert b"Root-Is-Purelib: false\n" in wheel
    assert wheel.endswith(b"Build: 2\n")
