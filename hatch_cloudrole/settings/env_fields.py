"""Fields in the values of `settings`: `{env:NAME}` and `{env:NAME:default}`, as Hatch itself formats.

`{{` and `}}` are plain braces. A default may hold fields itself, but no plain braces. The values that they
stand for go into the service configurations and nowhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault, ProjectError
from hatch_cloudrole.settings.wording import show

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["check", "expand", "has_fields", "missing", "missing_fault"]

_LITERAL = re.compile(r"[^{}]+")
_OPENING = re.compile(r"\{env:([^{}:=\s]+)([:}])")
_DEPTH = 10
"""How deep fields may stand in defaults: as deep as Hatch reads them."""


@dataclass(frozen=True, slots=True)
class _Field:
    """`default` is None where there is none."""

    name: str
    default: tuple[_Field | str, ...] | None


def check(template: str) -> str:
    """The template itself, if it is one.

    :raises ValueError: a brace without its other half, or a field that is not known; the text is the remedy.
    """
    _parse(template)
    return template


def expand(value: str, env: Mapping[str, str]) -> str:
    """Replace the fields of `value` by what `env` has, or else by their defaults.

    :raises ProjectError: `env` lacks a variable that has no default. `templates` finds all of a service.
    """
    lacking: list[str] = []
    text = "".join(_expanded(_parse(value), env, lacking))
    if lacking:
        faults = [missing_fault(name, "", "any value") for name in lacking]
        raise ProjectError("A variable of the environment is not set.", faults)
    return text


def missing(value: str, env: Mapping[str, str]) -> list[str]:
    """The variables that `value` needs and `env` lacks, each once, in the order of their fields."""
    names: list[str] = []
    list(_expanded(_parse(value), env, names))
    return list(dict.fromkeys(names))


def missing_fault(name: str, where: str, accepted: str) -> Fault:
    """What is said of the variable `name` that the value at `where` needs."""
    return Fault(
        where,
        f"the environment variable {name} is not set, accepted: {accepted}",
        f"set it, or give a default as in {show('{env:' + name + ':default}')}",
    )


def has_fields(template: str) -> bool:
    """Whether anything of the environment goes into it."""
    return any(isinstance(part, _Field) for part in _parse(template))


def _expanded(parts: tuple[_Field | str, ...], env: Mapping[str, str], missing: list[str]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str):
            yield part
        elif part.name in env:
            yield env[part.name]
        elif part.default is not None:
            yield from _expanded(part.default, env, missing)
        else:
            missing.append(part.name)


def _parse(template: str) -> tuple[_Field | str, ...]:
    return _parts(template, 0, 0)[0]


def _parts(text: str, start: int, depth: int) -> tuple[tuple[_Field | str, ...], int]:
    """The parts from `start` to the end of the text, or inside a field to the brace that closes it.

    Gives the parts and where they end.
    """
    parts: list[_Field | str] = []
    at = start
    while at < len(text):
        if literal := _LITERAL.match(text, at):
            parts.append(literal[0])
            at = literal.end()
        elif depth and text[at] == "}":
            return tuple(parts), at
        elif text[at : at + 2] in ("{{", "}}") and not depth:
            parts.append(text[at])
            at += 2
        elif text[at] == "{":
            field, at = _field(text, at, depth + 1)
            parts.append(field)
        else:
            raise ValueError("write }} for a plain closing brace")
    if depth:
        raise ValueError("close the field with }, or write {{ for a plain opening brace")
    return tuple(parts), at


def _field(text: str, start: int, depth: int) -> tuple[_Field, int]:
    """The field whose opening brace is at `start`, and where the text goes on after it."""
    match = _OPENING.match(text, start)
    if not match:
        raise ValueError("write {env:NAME} or {env:NAME:default} for a variable, {{ and }} for plain braces")
    if depth > _DEPTH:
        raise ValueError(f"fields stand in each other's defaults more than {_DEPTH} deep")
    if match[2] == "}":
        return _Field(match[1], None), match.end()
    default, end = _parts(text, match.end(), depth)
    return _Field(match[1], default), end + 1
