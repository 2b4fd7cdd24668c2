"""What a user is told of a package without a wheel: what was found, and what helps."""

from __future__ import annotations

from packaging.utils import canonicalize_name
from packaging.version import Version

from hatch_cloudrole.lock.build_output import build_output_end
from hatch_cloudrole.lock.model import Artifact, Pin
from hatch_cloudrole.lock.remedies import Found, remedies
from hatch_cloudrole.target import Target
from hatch_cloudrole.wheels.advice import unbuildable

WINDOWS = Target.parse("3.13", "win_amd64")
SDIST = Artifact(filename="demo-1.0.tar.gz", sha256="0" * 64)
PIN = Pin(name=canonicalize_name("demo"), version=Version("1.0"), sdist=SDIST)


def test_the_wheels_for_others_are_named_the_nearest_first() -> None:
    far = [f"demo-1.0-cp{n}-cp{n}-macosx_11_0_arm64.whl" for n in range(38, 48)]
    near = ["demo-1.0-cp312-cp312-win_amd64.whl", "demo-1.0-cp313-cp313-manylinux_2_17_x86_64.whl"]
    fault = unbuildable(PIN, WINDOWS, "its build failed", Found(wheels=(*far, *near), newest="1.0"))
    assert "cp312-cp312-win_amd64, cp313-cp313-manylinux_2_17_x86_64, cp38-cp38-macosx" in fault.what
    assert "and 6 more" in fault.what
    assert "demo-1.0.tar.gz: its build failed" in fault.what


def test_that_there_is_no_wheel_at_all_is_said_only_when_it_is_known() -> None:
    assert "none of this version" in unbuildable(PIN, WINDOWS, "x", Found(wheels=(), newest="")).what
    assert "none of this version" not in unbuildable(PIN, WINDOWS, "x", Found()).what


def test_a_package_without_an_sdist_says_so() -> None:
    pin = Pin(name=PIN.name, version=PIN.version)
    assert "sdist:  none" in unbuildable(pin, WINDOWS, "", Found()).what


def test_remedies_name_a_version_and_a_python_that_have_a_wheel() -> None:
    wheels = ["demo-1.0-cp312-cp312-win_amd64.whl", "demo-1.0-cp311-cp311-win_amd64.whl"]
    text = remedies("demo", "1.0", WINDOWS, Found(newest="1.2"), wheels=wheels)
    assert "require demo==1.2, a newer version, which has a wheel for cp313-win_amd64" in text
    assert 'set python = "3.12"' in text
    assert "an older version" in remedies("demo", "1.0", WINDOWS, Found(newest="0.9"))
    assert "no version of demo has a wheel" in remedies("demo", "1.0", WINDOWS, Found(newest=""))
    assert "no version" not in remedies("demo", "1.0", WINDOWS, Found())


def test_every_remedy_ends_with_one_that_always_works() -> None:
    for platform, where in (
        ("win_arm64", "on Windows (ARM64) with CPython 3.13"),
        ("macosx_11_0_arm64", "on macOS (arm64)"),
        ("manylinux_2_28_aarch64", "in a container of manylinux_2_28_aarch64"),
        ("musllinux_1_2_x86_64", "in a container of musllinux_1_2_x86_64"),
    ):
        text = remedies("demo", "1.0", Target.parse("3.13", platform), Found())
        assert where in text
        assert "pip wheel --no-deps demo==1.0" in text
        assert "find-links" in text


def test_the_end_of_a_build_is_that_of_the_backend() -> None:
    text = (
        "DEBUG Installing build requirement: x==1\n"
        + "".join(f"line {n}\n" for n in range(30))
        + "error: Failed to build `/store/demo.tar.gz`\n  cause: The build backend returned an error\n\nhint: uv\n"
    )
    lines = build_output_end(text).split("\n")
    assert lines[-1].strip() == "line 29"
    assert len(lines) == 12
    quoted = (
        "error: Failed to build `demo==1.0`\n  cause: x\n\n         [stdout]\n         out\n\n         [stderr]\n"
        "         Traceback\n           File\n\nhint: about uv\n"
    )
    assert build_output_end(quoted) == "        Traceback\n          File"
    assert "cause: x" in build_output_end("error: Failed to build `demo`\n  cause: x\n")


def test_the_end_of_a_build_holds_no_credentials_and_no_endless_lines() -> None:
    text = build_output_end("from https://me:pw@x.example/simple\n" + "x" * 5000)
    assert "me:pw" not in text
    assert max(map(len, text.splitlines())) < 220
