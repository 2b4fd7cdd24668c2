"""Requirements files: what their lines mean, and which cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hatch_cloudrole.errors import ProjectError
from hatch_cloudrole.lock.requirements_file import Contents, decode, logical_lines, read_requirements
from hatch_cloudrole.target import Target

if TYPE_CHECKING:
    from pathlib import Path

WINDOWS = Target.parse("3.13", "win_amd64")
LINUX = Target.parse("3.13", "manylinux_2_28_x86_64")
ONE, TWO = "1" * 64, "2" * 64


def read(root: Path, text: str | bytes, *, target: Target = WINDOWS, **env: str) -> Contents:
    path = root / "requirements.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_requirements([path], root=root, target=target, env=env)


def faults(root: Path, text: str) -> dict[str, str]:
    with pytest.raises(ProjectError) as caught:
        read(root, text)
    return {fault.where: f"{fault.what} | {fault.remedy}" for fault in caught.value.faults}


def test_lines_are_joined_and_comments_left_out() -> None:
    text = "a \\\n  >=1\r\n# all of it \\\nb # why\n\nc#no-comment\nd \\\n# ends it\ne\\\n"
    assert list(logical_lines(text)) == [(1, "a    >=1"), (4, "b"), (6, "c#no-comment"), (7, "d"), (9, "e")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(encoding: str) -> None:
    assert decode("näme\r\n".encode(encoding)) == "näme\r\n"


def test_requirements_keep_extras_specifiers_and_markers(tmp_path: Path) -> None:
    contents = read(tmp_path, "Flask[async]>=3,<4\npywin32 ; sys_platform == 'win32'\n")
    assert contents.requirements == ("Flask[async]<4,>=3", 'pywin32; sys_platform == "win32"')


def test_variables_are_those_of_the_environment_and_unknown_ones_stay(tmp_path: Path) -> None:
    contents = read(
        tmp_path,
        "--index-url https://${USER_NAME}:${PW}@x.example/s\n${WANTED}>=1\n",
        USER_NAME="me",
        WANTED="six",
    )
    assert contents.options == ("--index-url https://me:${PW}@x.example/s",)
    assert contents.requirements == ("six>=1",)


def test_options_reach_the_resolver_in_order_with_folders_written_out(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    contents = read(
        tmp_path,
        "-i https://a.example/s --extra-index-url=https://b.example/s\n-f wheels\n--no-binary six,idna\n"
        "--only-binary=:all:\n--pre\n--no-index\n--prefer-binary\n--use-feature fast-deps\n--pypi-url https://c.example/s\n",
    )
    assert contents.options == (
        "--index-url https://a.example/s",
        "--extra-index-url https://b.example/s",
        f"--find-links {(tmp_path / 'wheels').as_posix()}",
        "--no-binary six,idna",
        "--only-binary :all:",
        "--pre",
        "--no-index",
        "--index-url https://c.example/s",
    )


def test_files_include_each_other_and_cycles_end(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("-r ../requirements.txt\n-rb.txt\na\n")
    (tmp_path / "sub" / "b.txt").write_text("--requirement=a.txt\nb\n-c limits.txt\n")
    (tmp_path / "sub" / "limits.txt").write_text("a<2\n-r more-limits.txt\n")
    (tmp_path / "sub" / "more-limits.txt").write_text("b<2\n")
    contents = read(tmp_path, "-r sub/a.txt\ntop\n")
    assert contents.requirements == ("a", "b", "top")
    assert contents.constraints == ("a<2", "b<2")


def test_hashes_are_those_of_every_line_about_a_package(tmp_path: Path) -> None:
    contents = read(
        tmp_path,
        f"six==1 --hash=sha256:{ONE} \\\n  --hash sha256:{TWO} --hash=sha512:abc\nSix --hash=sha256:{TWO.upper()}\n"
        f"other --hash=sha256:{ONE} ; sys_platform == 'linux'\n".replace(" ; sys_platform == 'linux'", ""),
    )
    assert contents.hashes == {"six": frozenset({TWO}), "other": frozenset({ONE})}


def test_hashes_of_what_the_target_has_not_do_not_count(tmp_path: Path) -> None:
    text = f"six ; sys_platform == 'linux' --hash=sha256:{ONE}\n"
    assert read(tmp_path, text).hashes == {}
    assert read(tmp_path, text, target=LINUX).hashes == {"six": frozenset({ONE})}


def test_every_line_that_cannot_be_used_is_told_with_its_number(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        "-e ./libs\nflask ==\n--process-dependency-links\nsix --hash=md5:abc\nsix --config-settings=a=b\n"
        f"-r https://x.example/r.txt\n-r gone.txt\nhg+https://x.example/r\n--find-links nowhere\n-i\n"
        f"https://x.example/file --hash=sha256:{ONE}\n",
    )
    words = {
        1: "editable install",
        2: "is no requirement",
        3: "is no option that can be used here",
        4: "not sha256",
        5: "cannot be passed on",
        6: "keep a copy",
        8: "not git's",
        9: "no folder nowhere",
        10: "has no value",
        11: "does not say which package",
    }
    assert sorted(found) == sorted(["gone.txt", *(f"requirements.txt:{number}" for number in words)])
    for number, text in words.items():
        assert text in found[f"requirements.txt:{number}"]
    assert "which requirements.txt:7 names" in found["gone.txt"]
    assert "leave -e out" in found["requirements.txt:1"]


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="it is not UTF-8"):
        read(tmp_path, b"\xff\xfa\x80")
