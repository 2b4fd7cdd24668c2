"""Targets: what is accepted, and markers and tags that hold on real machines."""

from __future__ import annotations

import sys

import pytest
from packaging.markers import Marker, default_environment
from packaging.tags import sys_tags

from hatch_cloudrole.target import NEWEST_PATCH, Target, TargetError, uv_platform

ALL_PLATFORMS = [
    "win_amd64",
    "win_arm64",
    "win32",
    *(f"manylinux_2_{n}_{m}" for n in range(17, 40) for m in ("x86_64", "aarch64")),
    "musllinux_1_1_x86_64",
    "musllinux_1_2_aarch64",
    "macosx_11_0_arm64",
    "macosx_10_13_x86_64",
]


@pytest.mark.parametrize("platform", ALL_PLATFORMS)
@pytest.mark.parametrize("python", NEWEST_PATCH)
def test_every_supported_pair_makes_a_target_with_its_own_tag_first(python: str, platform: str) -> None:
    target = Target.parse(python, platform)
    first = target.tags()[0]
    assert (first.interpreter, first.abi) == (target.abi, target.abi)
    assert first.platform == platform
    assert str(target.tags()[-1]) == "py30-none-any"
    assert uv_platform(target)[0]


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("manylinux2014_x86_64", "manylinux_2_17_x86_64"),
        (" win_amd64 ", "win_amd64"),
    ],
)
def test_other_spellings_become_the_one_spelling(written: str, normal: str) -> None:
    assert Target.parse("3.13", written).platform == normal


@pytest.mark.parametrize(
    "platform",
    [
        "windows",
        "linux_x86_64",
        "manylinux_2_16_x86_64",
        "manylinux_2_40_x86_64",
        "manylinux_2_28_ppc64le",
        "any",
        "",
        "manylinux_2_028_x86_64",
        "macosx_011_0_arm64",
        "macosx_9_0_x86_64",
    ],
)
def test_other_platforms_are_refused_with_the_list(platform: str) -> None:
    with pytest.raises(TargetError, match="manylinux_2_N_x86_64"):
        Target.parse("3.13", platform)


@pytest.mark.parametrize(
    "python", ["3.8", "2.7", "3", "4.0", "3.16", "pypy3.10", "3.13.x", "", "3.13.007", "3.\u0661\u0663"]
)
def test_other_pythons_are_refused_with_the_list(python: str) -> None:
    with pytest.raises(TargetError, match="3.9, 3.10"):
        Target.parse(python, "win_amd64")


def test_a_minor_version_means_its_newest_patch() -> None:
    """X.Y.0 is excluded by some packages, so it is the one version that must not be meant."""
    assert Target.parse("3.9", "win_amd64").python == NEWEST_PATCH["3.9"]
    assert Target.parse("3.9.13", "win_amd64").python == "3.9.13"


@pytest.mark.parametrize(
    ("marker", "platform", "expected"),
    [
        ("sys_platform == 'win32'", "win_amd64", True),
        ("sys_platform != 'win32' and platform_python_implementation != 'PyPy'", "win_amd64", False),
        ("os_name == 'nt' and platform_machine == 'AMD64'", "win_amd64", True),
        ("platform_machine == 'ARM64'", "win_arm64", True),
        ("platform_machine == 'x86'", "win32", True),
        ("platform_system == 'Linux' and platform_machine == 'aarch64'", "manylinux_2_28_aarch64", True),
        ("platform_system == 'Darwin' and platform_machine == 'arm64'", "macosx_11_0_arm64", True),
        ("python_full_version >= '3.13.1'", "musllinux_1_2_x86_64", True),
        ("implementation_name == 'cpython'", "musllinux_1_2_x86_64", True),
    ],
)
def test_markers_answer_for_the_target(marker: str, platform: str, expected: bool) -> None:
    environment = Target.parse("3.13", platform).environment()
    assert Marker(marker).evaluate(dict(environment)) is expected


def test_the_environment_has_every_marker_variable() -> None:
    assert set(Target.parse("3.13", "win_amd64").environment()) == set(default_environment())


@pytest.mark.skipif(sys.platform != "linux", reason="compares with a Linux interpreter")
def test_this_interpreter_agrees() -> None:
    """What packaging says of the running interpreter is what the target of the same name says."""
    newest = next(
        tag.platform for tag in sys_tags() if "linux_2_" in tag.platform or "linux_1_" in tag.platform
    )
    version = ".".join(map(str, sys.version_info[:3]))
    try:
        target = Target.parse(version, newest)
    except TargetError as error:
        pytest.skip(f"this host is no target: {error}")
    assert target.tags() == tuple(tag for tag in sys_tags() if not tag.platform.startswith("linux_"))
    here = {**default_environment(), "platform_release": "", "platform_version": ""}
    assert target.environment() == here


def test_an_older_libc_accepts_fewer_wheels() -> None:
    old, new = (set(Target.parse("3.13", f"manylinux_2_{n}_x86_64").tags()) for n in (17, 28))
    assert old < new
    assert any(tag.platform == "manylinux2014_x86_64" for tag in old)


@pytest.mark.parametrize(
    ("platform", "name"),
    [
        ("win_amd64", ("x86_64-pc-windows-msvc", "")),
        ("manylinux_2_28_x86_64", ("x86_64-manylinux_2_28", "")),
        ("manylinux_2_30_x86_64", ("x86_64-manylinux_2_28", "")),
        ("manylinux_2_20_aarch64", ("aarch64-manylinux_2_17", "")),
        ("musllinux_1_2_x86_64", ("x86_64-unknown-linux-musl", "")),
        ("macosx_11_0_arm64", ("aarch64-apple-darwin", "11.0")),
        ("macosx_10_13_x86_64", ("x86_64-apple-darwin", "10.13")),
    ],
)
def test_uv_is_asked_for_the_nearest_that_is_no_newer(platform: str, name: tuple[str, str]) -> None:
    assert uv_platform(Target.parse("3.13", platform)) == name
