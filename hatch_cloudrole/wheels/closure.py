"""Is a wheelhouse complete? Every dependency of every wheel, under the target's markers, must be inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from hatch_cloudrole.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from packaging.utils import NormalizedName

    from hatch_cloudrole.target import Target
    from hatch_cloudrole.wheels.model import Wheel

__all__ = ["closure_faults"]


def closure_faults(
    wheels: Mapping[NormalizedName, Wheel], target: Target, roots: Iterable[Requirement] = ()
) -> list[Fault]:
    """What `wheels` lack to satisfy each other and `roots`, for `target`.

    Extras count as far as something asks for them: a root, or another wheel.
    """
    environment = target.environment()
    faults: dict[str, Fault] = {}
    todo: list[tuple[str, Requirement]] = [
        ("the role", root) for root in roots if _applies(root, environment, "")
    ]
    done: set[tuple[str, str]] = set()
    todo.extend(("", Requirement(name)) for name in wheels)
    while todo:
        asker, requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        wheel = wheels.get(name)
        problem = _problem(wheel, requirement)
        if problem:
            faults[f"{asker} {requirement}"] = Fault(asker, f"needs {requirement}, but {problem}")
            continue
        assert wheel is not None  # noqa: S101
        for extra in ("", *requirement.extras):
            if (name, extra) in done:
                continue
            done.add((name, extra))
            for text in wheel.requires_dist:
                try:
                    wanted = Requirement(text)
                except InvalidRequirement:
                    faults[f"{name} {text}"] = Fault(
                        wheel.filename, f"its dependency {text!r} cannot be read"
                    )
                    continue
                if _applies(wanted, environment, extra):
                    todo.append((f"{name} {wheel.version}", wanted))
    for wheel in wheels.values():
        if wheel.requires_python and not _python_fits(wheel.requires_python, target):
            faults[wheel.filename] = Fault(
                wheel.filename, f"needs Python {wheel.requires_python}, the target is {target.python}"
            )
    return [faults[key] for key in sorted(faults)]


def _applies(requirement: Requirement, environment: Mapping[str, str], extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({**environment, "extra": extra})


def _problem(wheel: Wheel | None, requirement: Requirement) -> str:
    if wheel is None:
        return "it is not in the wheelhouse"
    if requirement.url or requirement.specifier.contains(wheel.version, prereleases=True):
        return ""
    return f"{wheel.filename} is in the wheelhouse"


def _python_fits(requires_python: str, target: Target) -> bool:
    try:
        return SpecifierSet(requires_python).contains(target.python, prereleases=True)
    except InvalidSpecifier:
        return True  # what installers do with it, too
