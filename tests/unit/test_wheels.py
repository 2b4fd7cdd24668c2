"""Wheels: what is refused, what is kept, and whether a wheelhouse is complete."""

from __future__ import annotations

import hashlib
import io
import warnings
import zipfile
from typing import TYPE_CHECKING

import pytest
import wheelmaker as make
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from hatch_cloudrole.content import Content
from hatch_cloudrole.lock.model import Artifact, Pin
from hatch_cloudrole.target import Target
from hatch_cloudrole.wheels.build import rewrite_wheel
from hatch_cloudrole.wheels.closure import closure_faults
from hatch_cloudrole.wheels.fetch import safe_filename
from hatch_cloudrole.wheels.model import Provenance, Wheel
from hatch_cloudrole.wheels.store import Store
from hatch_cloudrole.wheels.verify import BadWheelError, read_wheel, tags_fit, unsafe_name
from hatch_cloudrole.wheels.wheelhouse import fitting

if TYPE_CHECKING:
    from pathlib import Path

WINDOWS = Target.parse("3.13", "win_amd64")
LINUX = Target.parse("3.13", "manylinux_2_28_x86_64")
NAME = canonicalize_name("demo-pkg")


def put(folder: Path, data: bytes, filename: str = "demo_pkg-1.0-py3-none-any.whl") -> Path:
    path = folder / filename
    path.write_bytes(data)
    return path


def read(path: Path, **options: object) -> Wheel:
    return read_wheel(path, path.name, content=Content.of_file(path), **options)  # type: ignore[arg-type]


def test_a_sound_wheel_tells_what_it_is_and_needs(tmp_path: Path) -> None:
    data = make.wheel_bytes(
        "demo-pkg", requires=["a>=1", "b; extra == 'x'"], extras=["x"], requires_python=">=3.8"
    )
    wheel = read(put(tmp_path, data), expect=(NAME, Version("1.0")))
    assert (wheel.name, wheel.version) == (NAME, Version("1.0"))
    assert wheel.requires_dist == ("a>=1", "b; extra == 'x'")
    assert wheel.provides_extra == ("x",)
    assert wheel.requires_python == ">=3.8"


def rezip(data: bytes, change: dict[str, bytes | None], *, extra: dict[str, bytes] | None = None) -> bytes:
    """The wheel `data` with members replaced, removed (None) or added, and its RECORD left as it was."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            content = change.get(info.filename, old.read(info))
            if content is not None:
                new.writestr(info.filename, content)
        for name, content in (extra or {}).items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a name twice is what some of these are about
                new.writestr(name, content)
    return buffer.getvalue()


GOOD = make.wheel_bytes("demo-pkg")
INFO = "demo_pkg-1.0.dist-info"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"not a zip at all", "no sound zip"),
        (GOOD[:200], "no sound zip"),
        (GOOD[:100] + bytes([GOOD[100] ^ 0xFF]) + GOOD[101:], "RECORD|zip"),
        (rezip(GOOD, {"demo_pkg/__init__.py": b"changed"}), "Hash mismatch"),
        (rezip(GOOD, {}, extra={"extra.py": b""}), "No hash found for file 'extra.py'"),
        (rezip(GOOD, {"demo_pkg/__init__.py": None}), "RECORD names demo_pkg/__init__.py"),
        (rezip(GOOD, {f"{INFO}/RECORD": None}), "Missing"),
        (rezip(GOOD, {}, extra={"demo_pkg/__init__.py": b"x"}), "twice"),
        (rezip(GOOD, {}, extra={"../evil.py": b"x"}), "leads outside"),
        (rezip(GOOD, {}, extra={"/evil.py": b"x"}), "leads outside"),
        (rezip(GOOD, {}, extra={"C:/evil.py": b"x"}), "leads outside"),
        (make.wheel_bytes("demo-pkg", record=b"one,two\n"), "cannot be read"),
        (make.wheel_bytes("demo-pkg", record=b"demo_pkg/__init__.py,md5=abc,3\n"), "md5"),
        (make.wheel_bytes("demo-pkg", metadata_name="other"), "METADATA says other 1.0"),
        (make.wheel_bytes("demo-pkg", metadata_version="2.0"), "METADATA says demo-pkg 2.0"),
        (make.wheel_bytes("demo-pkg", metadata_version="one"), "no valid version"),
        (make.wheel_bytes("demo-pkg", files={"big.bin": b"\0" * (72 << 20)}), "zip bomb"),
    ],
)
def test_a_bad_wheel_is_refused_with_the_reason(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(BadWheelError, match=words):
        read(put(tmp_path, data), expect=(NAME, Version("1.0")))


def test_a_wheel_of_another_name_or_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadWheelError, match="not demo-pkg 2.0"):
        read(put(tmp_path, GOOD), expect=(NAME, Version("2.0")))
    with pytest.raises(BadWheelError, match="not the name of a wheel"):
        read(put(tmp_path, GOOD, "demo.whl"))


@pytest.mark.parametrize(
    ("name", "unsafe"),
    [
        ("a/b.py", False),
        ("a/..b", False),
        ("..", True),
        ("a/../../b", True),
        ("a\\..\\b", True),
        ("\\x", True),
    ],
)
def test_names_that_lead_outside_are_known(name: str, unsafe: bool) -> None:
    assert unsafe_name(name) is unsafe


# Tags


@pytest.mark.parametrize(
    ("filename", "target", "fits"),
    [
        ("a-1-py3-none-any.whl", WINDOWS, True),
        ("a-1-py2.py3-none-any.whl", WINDOWS, True),
        ("a-1-cp313-cp313-win_amd64.whl", WINDOWS, True),
        ("a-1-cp39-abi3-win_amd64.whl", WINDOWS, True),
        ("a-1-cp312-cp312-win_amd64.whl", WINDOWS, False),
        ("a-1-cp313-cp313-win32.whl", WINDOWS, False),
        ("a-1-cp313-cp313t-win_amd64.whl", WINDOWS, False),
        ("a-1-cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", LINUX, True),
        ("a-1-cp313-cp313-manylinux_2_34_x86_64.whl", LINUX, False),
        ("a-1-cp313-cp313-linux_x86_64.whl", LINUX, False),
        ("a-1-cp313-cp313-musllinux_1_2_x86_64.whl", LINUX, False),
        ("nonsense.whl", LINUX, False),
    ],
)
def test_tags_fit_as_installers_judge(filename: str, target: Target, fits: bool) -> None:
    assert tags_fit(filename, target.tags()) is fits


def test_the_most_specific_wheel_is_chosen_whatever_their_order() -> None:
    names = ["a-1-py3-none-any.whl", "a-1-cp313-cp313-win_amd64.whl", "a-1-cp312-cp312-win_amd64.whl"]
    for order in (names, names[::-1]):
        wheels = tuple(Artifact(filename=name, sha256=name) for name in order)
        chosen = fitting(Pin(name=canonicalize_name("a"), version=Version("1"), wheels=wheels), WINDOWS)
        assert chosen is not None
        assert chosen.filename == names[1]


@pytest.mark.parametrize("name", ["../../evil.whl", "a\\..\\evil.whl", "/evil.whl"])
def test_a_file_name_from_an_index_names_no_folder(name: str) -> None:
    assert safe_filename(name) == "evil.whl"


# The store


def keep(store: Store, data: bytes, filename: str = "demo_pkg-1.0-py3-none-any.whl") -> Wheel:
    with store.partial(filename) as partial:
        partial.write_bytes(data)
        wheel = read_wheel(partial, filename, content=Content.of_file(partial), url="https://x.example/a.whl")
        return store.add_wheel(partial, wheel)


def test_a_wheel_that_entered_is_known_without_reading_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = keep(store, GOOD)
    again = Store(tmp_path).wheel(kept.name, kept.content.sha256)
    assert again == kept
    assert again is not None
    assert again.content.read() == GOOD
    assert list((store.root / "partial").iterdir()) == []


def test_a_wheel_that_was_cut_short_is_as_good_as_absent(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = keep(store, GOOD)
    store.file(kept.content.sha256).write_bytes(GOOD[:-1])
    assert store.wheel(kept.name, kept.content.sha256) is None
    assert keep(store, GOOD) == kept, "and it can enter again"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"size": 1}'])
def test_a_damaged_record_is_as_good_as_absent(tmp_path: Path, text: str) -> None:
    store = Store(tmp_path)
    kept = keep(store, GOOD)
    (store.root / "wheels" / kept.name / f"{kept.content.sha256}.json").write_text(text)
    assert store.wheel(kept.name, kept.content.sha256) is None


def test_what_fails_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(BadWheelError):
        keep(store, b"garbage")
    assert store.usage().files == 0
    assert list((store.root / "partial").iterdir()) == []


def test_a_built_wheel_is_found_by_sdist_and_target(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = keep(store, GOOD)
    store.add_built(WINDOWS, kept, Provenance(sdist="d.tar.gz", sha256="a" * 64, wheel=kept.filename))
    assert store.built_wheel("a" * 64, WINDOWS) == kept
    assert store.built_wheel("a" * 64, LINUX) == kept, "it is pure: once is enough"
    assert store.built_wheel("b" * 64, WINDOWS) is None


def test_usage_counts(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.usage().files == 0
    keep(store, GOOD)
    store.write_resolution("key", "text")
    usage = store.usage()
    assert (usage.files, usage.bytes, usage.wheels, usage.resolutions) == (1, len(GOOD), 1, 1)
    assert store.read_resolution("key") == "text"
    assert store.read_resolution("other") is None


# Built wheels


def test_a_built_wheel_is_written_anew_with_the_same_members_and_fixed_everything(tmp_path: Path) -> None:
    one = put(tmp_path, make.wheel_bytes("demo-pkg", files={"b.py": b"1", "a.py": b"2"}))
    anew = tmp_path / "anew"
    anew.mkdir()
    rewrite_wheel(one, anew / one.name)
    other = put(tmp_path, make.wheel_bytes("demo-pkg", files={"a.py": b"2", "b.py": b"1"}))
    rewrite_wheel(other, anew / "second")
    assert (anew / one.name).read_bytes() == (anew / "second").read_bytes()
    read(anew / one.name)
    with zipfile.ZipFile(anew / one.name) as archive:
        infos = archive.infolist()
    assert [info.filename for info in infos][:2] == ["a.py", "b.py"]
    assert {info.compress_type for info in infos} == {zipfile.ZIP_STORED}
    assert {info.date_time for info in infos} == {(2020, 2, 2, 0, 0, 0)}


def test_what_is_no_wheel_is_not_written_anew(tmp_path: Path) -> None:
    with pytest.raises(BadWheelError):
        rewrite_wheel(put(tmp_path, b"garbage"), tmp_path / "out")


# Closure


def wheel(name: str, version: str = "1.0", *requires: str, requires_python: str = "") -> Wheel:
    return Wheel(
        filename=f"{name}-{version}-py3-none-any.whl",
        name=canonicalize_name(name),
        version=Version(version),
        content=Content.of_bytes(name.encode()),
        requires_dist=requires,
        requires_python=requires_python,
    )


def faults(target: Target, *wheels: Wheel, roots: tuple[str, ...] = ()) -> list[str]:
    return [
        f"{fault.where}: {fault.what}"
        for fault in closure_faults({each.name: each for each in wheels}, target, map(Requirement, roots))
    ]


def test_a_complete_wheelhouse_has_no_faults() -> None:
    assert faults(WINDOWS, wheel("a", "1.0", "b>=1"), wheel("b")) == []


def test_a_dependency_that_only_the_target_has_is_missed() -> None:
    only_windows = wheel("click", "8.0", "colorama; sys_platform == 'win32'")
    assert faults(WINDOWS, only_windows) == [
        'click 8.0: needs colorama; sys_platform == "win32", but it is not in the wheelhouse'
    ]
    assert faults(LINUX, only_windows) == []


def test_a_version_that_does_not_satisfy_is_a_fault() -> None:
    assert faults(WINDOWS, wheel("a", "1.0", "b>=2"), wheel("b", "1.5")) == [
        "a 1.0: needs b>=2, but b-1.5-py3-none-any.whl is in the wheelhouse"
    ]


def test_extras_count_where_something_asks_for_them() -> None:
    server = wheel("server", "1.0", "loop; extra == 'fast'")
    assert faults(WINDOWS, server) == []
    assert faults(WINDOWS, server, roots=("server[fast]",)) != []
    assert faults(WINDOWS, server, wheel("app", "1.0", "server[fast]")) != []


def test_extras_that_name_themselves_end() -> None:
    assert faults(WINDOWS, wheel("a", "1.0", "a[x]; extra == 'y'", "b; extra == 'x'"), roots=("a[y]",)) == [
        'a 1.0: needs b; extra == "x", but it is not in the wheelhouse'
    ]


def test_a_root_is_missed_too_and_one_for_elsewhere_is_not() -> None:
    assert len(faults(WINDOWS, roots=("flask", "uvloop; sys_platform != 'win32'"))) == 1


def test_a_wheel_for_another_python_is_a_fault() -> None:
    assert faults(WINDOWS, wheel("old", requires_python="<3.10")) == [
        f"old-1.0-py3-none-any.whl: needs Python <3.10, the target is {WINDOWS.python}"
    ]


def test_a_prerelease_satisfies_as_installers_see_it() -> None:
    assert faults(WINDOWS, wheel("a", "1.0", "b>=1.0"), wheel("b", "2.0rc1")) == []


def test_content_is_what_it_says() -> None:
    content = Content.of_bytes(b"abc")
    assert content.sha256 == hashlib.sha256(b"abc").hexdigest()
    assert (content.size, content.read()) == (3, b"abc")
