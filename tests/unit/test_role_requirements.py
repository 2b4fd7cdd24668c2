"""The requirements.txt of a package."""

from __future__ import annotations

from packaging.requirements import Requirement

from hatch_cloudrole.role.requirements import render_requirements
from tests.role_samples import wheel


def test_every_wheel_is_pinned_with_its_hash_sorted_by_name() -> None:
    first, second = wheel("zope-interface", "7.0"), wheel("Flask", "3.1.2")
    text = render_requirements([first, second]).decode("ascii")
    assert text == (
        f"flask==3.1.2 --hash=sha256:{second.content.sha256}\n"
        f"zope-interface==7.0 --hash=sha256:{first.content.sha256}\n"
    )


def test_the_order_of_wheels_does_not_matter() -> None:
    wheels = [wheel("a"), wheel("b"), wheel("c")]
    assert render_requirements(wheels) == render_requirements(wheels[::-1])


def test_a_local_version_is_pinned_in_full() -> None:
    line = render_requirements([wheel("torch", "2.5+cpu")]).decode().partition(" --hash")[0]
    assert Requirement(line).specifier.contains("2.5+cpu")
    assert not Requirement(line).specifier.contains("2.5+cu124")


def test_without_wheels_it_is_empty() -> None:
    assert render_requirements([]) == b""
