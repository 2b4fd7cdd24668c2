"""Laws of locks: text and value are two forms of one thing, and the order of inputs never matters."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name
from packaging.version import Version

from hatch_cloudrole.lock.inputs import RoleInputs, inputs_digest
from hatch_cloudrole.lock.model import Artifact, Lock, Pin, parse_lock, render_lock
from hatch_cloudrole.target import NEWEST_PATCH, Target

if TYPE_CHECKING:
    from random import Random

names = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,5})?", fullmatch=True).map(canonicalize_name)
versions = st.tuples(*[st.integers(0, 99)] * 3).map(lambda parts: Version(".".join(map(str, parts))))
sha256s = st.text("0123456789abcdef", min_size=64, max_size=64)
words = st.text(string.ascii_letters + string.digits + "-_.~ é", min_size=1, max_size=12)
targets = st.builds(
    Target.parse,
    st.sampled_from(list(NEWEST_PATCH)),
    st.sampled_from(
        ["win_amd64", "win32", "manylinux_2_28_x86_64", "musllinux_1_2_aarch64", "macosx_11_0_arm64"]
    ),
)


@st.composite
def artifacts(draw: st.DrawFn, stem: str, ending: str) -> Artifact:
    filename = stem.replace("-", "_", stem.count("-") - 1) + ending
    sizes = st.none() | st.integers(0, 1 << 40)
    if draw(st.booleans()):
        where = {"url": f"https://index.example/{draw(st.integers(0, 99))}/{filename}"}
    else:
        where = {"path": f"{draw(words)}/{filename}"}
    return Artifact(filename=filename, sha256=draw(sha256s), size=draw(sizes), **where)


@st.composite
def locks(draw: st.DrawFn) -> Lock:
    pins = []
    for name in draw(st.lists(names, unique=True, max_size=6)):
        version = draw(versions)
        stem = f"{name}-{version}"
        tags = draw(st.lists(st.sampled_from(["py3-none-any", "cp313-cp313-win_amd64"]), unique=True))
        wheels = tuple(draw(artifacts(stem, f"-{tag}.whl")) for tag in tags)
        sdist = draw(artifacts(stem, ".tar.gz")) if not wheels or draw(st.booleans()) else None
        pins.append(Pin(name=name, version=version, wheels=wheels, sdist=sdist))
    known = [pin.name for pin in pins]
    chosen = st.lists(st.sampled_from(known), unique=True) if known else st.just([])
    roles = draw(st.dictionaries(st.from_regex(r"[A-Z][a-z]{0,6}", fullmatch=True), chosen, max_size=3))
    return Lock(
        target=draw(targets),
        pins=tuple(sorted(pins, key=lambda pin: pin.name)),
        roles={role: tuple(sorted(each)) for role, each in roles.items()},
        inputs=draw(sha256s),
        resolved_at=draw(st.integers(0, 1 << 33)),
    )


@given(locks())
def test_reading_what_was_written_gives_the_same_lock(lock: Lock) -> None:
    again = parse_lock(render_lock(lock))
    assert again == lock
    assert again.resolved_at == lock.resolved_at


@given(locks(), st.randoms())
def test_the_order_of_pins_and_roles_never_changes_the_text(lock: Lock, random: Random) -> None:
    pins, roles = list(lock.pins), list(lock.roles.items())
    random.shuffle(pins)
    random.shuffle(roles)
    shuffled = Lock(
        target=lock.target,
        pins=tuple(pins),
        roles=dict(roles),
        inputs=lock.inputs,
        resolved_at=lock.resolved_at,
    )
    assert render_lock(shuffled) == render_lock(lock)


@given(
    st.lists(st.tuples(names, st.lists(names, max_size=4)), unique_by=lambda each: each[0], max_size=4),
    st.randoms(),
)
def test_the_order_of_roles_never_changes_the_digest(
    roles: list[tuple[str, list[str]]], random: Random
) -> None:
    target = Target.parse("3.13", "win_amd64")
    inputs = [RoleInputs(role=role, requirements=tuple(sorted(set(each)))) for role, each in roles]
    shuffled = list(inputs)
    random.shuffle(shuffled)
    digests = [inputs_digest(each, target=target, exclude_newer="") for each in (inputs, shuffled)]
    assert digests[0] == digests[1]
