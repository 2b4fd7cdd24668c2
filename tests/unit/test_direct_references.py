"""Direct references: how they are spelled, what package they are of, and where paths count from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hatch_cloudrole.lock.direct import (
    BadReferenceError,
    absolute_requirement,
    local_folder,
    normal_requirement,
    public_requirement,
)
from hatch_cloudrole.lock.uv_sources import read_sources
from hatch_cloudrole.target import Target

if TYPE_CHECKING:
    from pathlib import Path

TARGET = Target.parse("3.13", "win_amd64")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project beside others: with a static name, with none, and none at all."""
    for name, text in {
        "libs/foo": '[project]\nname = "Foo"\n',
        "with space": '[project]\nname = "spaced"\n',
    }.items():
        (tmp_path / "project" / name).mkdir(parents=True)
        (tmp_path / "project" / name / "pyproject.toml").write_text(text)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "setup.py").touch()
    (tmp_path / "project" / "empty").mkdir()
    (tmp_path / "project" / "web").mkdir()
    (tmp_path / "project" / "web" / "here-1.0.tar.gz").touch()
    (tmp_path / "project" / "one-1.0-py3-none-any.whl").touch()
    return tmp_path / "project"


def normal(text: str, root: Path) -> str:
    return normal_requirement(text, root=root, beside=root / "web", target=TARGET)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("flask>=3", "flask>=3"),
        ("./libs/foo", "Foo @ file:libs/foo"),
        (".\\libs\\foo", "Foo @ file:libs/foo"),
        ("./libs/foo[b,a] ; python_version > '3'", """Foo[a,b] @ file:libs/foo ; python_version > "3\""""),
        ("libs/foo/", "Foo @ file:libs/foo"),
        ("foo @ file:libs/foo", "foo @ file:libs/foo"),
        ("foo @ ./libs/foo", "foo @ file:libs/foo"),
        ("file:libs/foo", "Foo @ file:libs/foo"),
        ("./with space", "spaced @ file:with%20space"),
        ("file:with%20space", "spaced @ file:with%20space"),
        ("../old", "file:../old"),
        ("one-1.0-py3-none-any.whl", "one @ file:one-1.0-py3-none-any.whl"),
        ("./here-1.0.tar.gz", "here @ file:web/here-1.0.tar.gz"),
        ("./gone.whl ; sys_platform == 'linux'", ""),
        ("https://x.example/a_b-1.0-py3-none-any.whl#sha256=00", "a-b @ https://x.example/a_b-1.0-py3-none-any.whl#sha256=00"),
        ("https://x.example/archive/main.zip", "https://x.example/archive/main.zip"),
        ("git+https://x.example/r.git@v1#egg=Foo[x]&subdirectory=py", "Foo[x] @ git+https://x.example/r.git@v1#subdirectory=py"),
        ("git+ssh://git@x.example/r.git", "git+ssh://git@x.example/r.git"),
    ],
)  # fmt: skip
def test_a_reference_is_spelled_one_way(text: str, expected: str, root: Path) -> None:
    assert normal(text, root) == expected
    assert normal(expected or "x", root) == (expected or "x"), "and what is normal already stays"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("./gone", "no file or folder ./gone, seen from the project, nor below web"),
        ("./empty", "without pyproject.toml"),
        ("svn+https://x.example/r", "not git's"),
        ("https://me:s3cret@x.example/main.zip[extra]", "nothing says its name"),
        ("flask =3", "is no requirement"),
        ("./libs/foo ; python > 3", "is no marker"),
    ],
)
def test_what_cannot_be_used_is_told(text: str, words: str, root: Path) -> None:
    with pytest.raises(BadReferenceError, match=words):
        normal(text, root)


def test_a_resolver_gets_paths_in_full(root: Path) -> None:
    uri = root.resolve().as_uri()
    assert (
        absolute_requirement("spaced[x] @ file:with%20space ; a > 'b'", root.resolve())
        == f"spaced[x] @ {uri}/with%20space ; a > 'b'"
    )
    assert absolute_requirement("file:../old", root.resolve()) == f"{root.resolve().parent.as_uri()}/old"
    for text in ("flask", "foo @ https://x.example/f.whl", "foo @ git+file:///r"):
        assert absolute_requirement(text, root) == text


def test_a_folder_is_told_from_a_file(root: Path) -> None:
    assert local_folder("Foo @ file:libs/foo ; a > 'b'", root) == root / "libs" / "foo"
    assert local_folder("here @ file:web/here-1.0.tar.gz", root) is None
    assert local_folder("flask", root) is None


def test_credentials_are_taken_out() -> None:
    assert public_requirement("a @ git+https://me:pw@x.example/r@v1") == "a @ git+https://x.example/r@v1"


# Sources of uv


WORKSPACE = """
[project]
name = "top"
[tool.uv.workspace]
members = ["libs/*"]
exclude = ["libs/left-out"]
[tool.uv.sources]
foo = { workspace = true }
bar = { path = "../old", editable = true }
rev = { git = "https://x.example/r", rev = "abc", subdirectory = "py" }
url = { url = "https://x.example/u.whl" }
two = [{ git = "https://x.example/linux", marker = "sys_platform == 'linux'" }, { git = "https://x.example/other" }]
indexed = { index = "private" }
left-out = { workspace = true }
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Foo[a]>=1 ; python_version > '3'", 'Foo[a] @ file:libs/foo ; python_version > "3"'),
        ("bar", "bar @ file:../old"),
        ("rev", "rev @ git+https://x.example/r@abc#subdirectory=py"),
        ("url", "url @ https://x.example/u.whl"),
        ("two", "two @ git+https://x.example/other"),
        ("indexed>=1", "indexed>=1"),
        ("other>=1", "other>=1"),
        ("foo @ https://x.example/f.whl", "foo @ https://x.example/f.whl"),
    ],
)
def test_sources_of_uv_become_references(text: str, expected: str, root: Path) -> None:
    (root / "pyproject.toml").write_text(WORKSPACE)
    assert read_sources(root).apply(text, TARGET) == expected


def test_a_member_finds_its_workspace_and_only_its_own(root: Path) -> None:
    (root / "pyproject.toml").write_text(WORKSPACE)
    (root / "libs" / "left-out").mkdir()
    (root / "libs" / "left-out" / "pyproject.toml").write_text('[project]\nname = "left-out"\n')
    assert read_sources(root / "libs" / "foo").apply("bar", TARGET) == "bar @ file:../old"
    assert read_sources(root / "libs" / "left-out").apply("foo", TARGET) == "foo"
    with pytest.raises(BadReferenceError, match="left-out is no member of the uv workspace; it has foo, top"):
        read_sources(root).apply("left-out", TARGET)
