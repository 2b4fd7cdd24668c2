"""Which wheels a role needs: what it asks for, and what those wheels say that they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hatch_cloudrole.target import Target
    from hatch_cloudrole.wheels.model import Wheel

__all__ = ["needed"]


def needed(
    roots: Iterable[Requirement], wheels: Mapping[NormalizedName, Wheel], target: Target
) -> frozenset[NormalizedName]:
    """The names among `wheels` that `roots` lead to for `target`, through the extras that are asked for."""
    environment = target.environment()
    found: set[NormalizedName] = set()
    done: set[tuple[str, str]] = set()
    todo = [(root, "") for root in roots]
    while todo:
        requirement, extra = todo.pop()
        if requirement.marker and not requirement.marker.evaluate({**environment, "extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        wheel = wheels.get(name)
        if wheel is None:
            continue  # the check of the closure tells it
        found.add(name)
        for each in ("", *requirement.extras):
            if (name, each) not in done:
                done.add((name, each))
                todo += [(one, each) for one in _requires(wheel)]
    return frozenset(found)


def _requires(wheel: Wheel) -> Iterable[Requirement]:
    for text in wheel.requires_dist:
        try:
            yield Requirement(text)
        except InvalidRequirement:
            continue
