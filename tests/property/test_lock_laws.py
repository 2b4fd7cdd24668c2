"""Laws of locks: their text says all of them, and the order of what was asked for never matters."""

from __future__ import annotations

import string
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.pylock import Pylock
from packaging.utils import canonicalize_name
from packaging.version import Version

from hatch_cloudrole.lock.inputs import RoleInputs, inputs_digest
from hatch_cloudrole.lock.model import (
    Artifact,
    Directory,
    Lock,
    Pin,
    Vcs,
    parse_lock,
    portable,
    render_lock,
)
from hatch_cloudrole.lock.requirements_file import logical_lines
from hatch_cloudrole.target import Target
from hatch_cloudrole.toml import loads

QUICK = settings(max_examples=60, deadline=None)

names = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,4})?", fullmatch=True).map(canonicalize_name)
versions = st.from_regex(
    r"[0-9]{1,3}\.[0-9]{1,3}(\.[0-9]{1,3})?((a|b|rc)[0-9])?(\+l[0-9])?", fullmatch=True
).map(Version)
digests = st.text(string.hexdigits.lower()[:16], min_size=64, max_size=64)
parts = st.text(
    st.characters(codec="utf-8", exclude_characters="/\\\0\n\r?#%@:", exclude_categories=("C", "Z")),
    min_size=1,
    max_size=9,
)
parts = parts.filter(lambda part: part not in {".", ".."})
paths = st.lists(parts, min_size=1, max_size=3).map("/".join)
urls = st.builds(
    "https://{}.example/{}".format, st.sampled_from("abc"), st.from_regex(r"[a-z]{1,5}", fullmatch=True)
)
targets = st.sampled_from(
    [
        Target.parse("3.13", "win_amd64"),
        Target.parse("3.11", "manylinux_2_28_x86_64"),
        Target.parse("3.12", "macosx_12_0_arm64"),
    ]
)


@st.composite
def artifacts(draw: st.DrawFn, name: str, version: Version, ending: str) -> Artifact:
    stem = name.replace("-", "_")
    filename = f"{stem}-{version}{ending}"
    place = draw(urls) if draw(st.booleans()) else ""
    return Artifact(
        filename=filename,
        sha256=draw(digests),
        url=f"{place}/{filename}".replace("+", "%2B") if place else "",
        path="" if place else f"{draw(paths)}/{filename}",
        size=draw(st.none() | st.integers(0, 1 << 40)),
    )


@st.composite
def pins(draw: st.DrawFn) -> Pin:
    """A pin of each kind: of an index, by address or path, a folder, a commit."""
    name, version = draw(names), draw(versions)
    kind = draw(st.sampled_from(["index", "wheel", "sdist", "directory", "vcs"]))
    if kind == "directory":
        return Pin(name=name, version=None, source=Directory(path=draw(paths)))
    if kind == "vcs":
        local = draw(st.booleans())
        vcs = Vcs(
            commit=draw(digests)[:40],
            url="" if local else draw(urls),
            path=draw(paths) if local else "",
            requested=draw(st.just("") | st.from_regex(r"[a-z/.0-9]{1,9}", fullmatch=True)),
            subdirectory=draw(st.just("") | paths),
        )
        return Pin(name=name, version=None, source=vcs)
    wheel = artifacts(name, version, "-py3-none-any.whl")
    sdist = artifacts(name, version, ".tar.gz")
    if kind == "wheel":
        return Pin(name=name, version=version, wheels=(draw(wheel),), direct=True)
    if kind == "sdist":
        return Pin(name=name, version=draw(st.none() | st.just(version)), sdist=draw(sdist), direct=True)
    found = draw(st.lists(wheel, min_size=1, max_size=3))
    return Pin(name=name, version=version, wheels=tuple(found), sdist=draw(st.none() | sdist))


@st.composite
def locks(draw: st.DrawFn) -> Lock:
    chosen = sorted(
        draw(st.lists(pins(), max_size=5, unique_by=lambda pin: pin.name)), key=lambda pin: pin.name
    )
    everything = [pin.name for pin in chosen]
    roles = draw(
        st.dictionaries(
            st.from_regex(r"[A-Z][A-Za-z]{0,6}", fullmatch=True),
            st.lists(st.sampled_from(everything), unique=True) if everything else st.just([]),
            max_size=3,
        )
    )
    return Lock(
        target=draw(targets),
        pins=tuple(chosen),
        roles={role: tuple(sorted(own)) for role, own in roles.items()},
        inputs=draw(digests),
        resolved_at=draw(st.integers(0, 1 << 33)),
    )


@QUICK
@given(locks())
def test_the_text_of_a_lock_says_all_of_it(lock: Lock) -> None:
    text = render_lock(lock)
    again = parse_lock(text)
    assert again == lock
    assert again.resolved_at == lock.resolved_at
    assert render_lock(again) == text


@QUICK
@given(locks())
def test_the_text_of_a_lock_is_valid_pep_751(lock: Lock) -> None:
    assert len(Pylock.from_dict(loads(render_lock(lock))).packages) == len(lock.pins)


@QUICK
@given(locks(), st.randoms(use_true_random=False))
def test_equal_locks_have_equal_text_in_whatever_order(lock: Lock, random: object) -> None:
    shuffled = list(lock.pins)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    roles = dict(reversed(list(lock.roles.items())))
    assert render_lock(replace(lock, pins=tuple(shuffled), roles=roles)) == render_lock(lock)


def _everywhere(pin: Pin, root: str) -> Pin:
    """`pin` as a resolver gives it: every path absolute."""
    source = (
        replace(pin.source, path=f"{root}/{pin.source.path}")
        if pin.source and pin.source.path
        else pin.source
    )
    moved = [replace(each, path=f"{root}/{each.path}") if each.path else each for each in pin.wheels]
    sdist = replace(pin.sdist, path=f"{root}/{pin.sdist.path}") if pin.sdist and pin.sdist.path else pin.sdist
    return replace(pin, wheels=tuple(moved), sdist=sdist, source=source)


@QUICK
@given(locks(), st.sampled_from(["/home/me/project", "/home/me/other", "/srv"]))
def test_a_lock_that_leaves_the_host_has_no_absolute_path_and_no_file_address(
    lock: Lock, folder: str
) -> None:
    moved = portable(
        replace(lock, pins=tuple(_everywhere(pin, folder) for pin in lock.pins)), root="/home/me/project"
    )
    text = render_lock(moved)
    assert "file:" not in text
    assert f'"{folder}' not in text
    if folder == "/home/me/project":
        assert moved.pins == lock.pins, "what lies in the project is where it was"
    assert parse_lock(text) == moved


# Inputs


requirements = st.lists(
    st.builds(
        "{}{}".format,
        names,
        st.sampled_from(["", ">=1", "==2.0", " @ https://x.example/y.whl", " ; os_name == 'nt'"]),
    ),
    max_size=6,
)
options = st.lists(
    st.sampled_from(["--pre", "--no-binary six", "--only-binary :all:", "--index-url https://a"]), unique=True
)


@QUICK
@given(requirements, requirements, options, st.randoms(use_true_random=False))
def test_the_order_of_requirements_never_changes_the_digest(
    wanted: list[str], limits: list[str], chosen: list[str], random: object
) -> None:
    def digest() -> str:
        for each in (wanted, limits, chosen):
            random.shuffle(each)  # type: ignore[attr-defined]
        roles = [
            RoleInputs(
                role=role,
                requirements=tuple(wanted),
                constraints=tuple(limits),
                options=tuple(chosen),
                root=Path("/a"),
            )
            for role in random.sample(["Web", "Worker"], 2)  # type: ignore[attr-defined]
        ]
        return inputs_digest(roles, target=Target.parse("3.13", "win_amd64"), exclude_newer="")

    assert digest() == digest()


@QUICK
@given(
    st.lists(st.text(string.ascii_letters + " #\\-", max_size=12), max_size=8),
    st.sampled_from(["\n", "\r\n"]),
)
def test_line_endings_change_nothing(lines: list[str], ending: str) -> None:
    assert list(logical_lines(ending.join(lines))) == list(logical_lines("\n".join(lines)))
