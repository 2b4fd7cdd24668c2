"""Fields in the values of `settings`: `{env:NAME}` and `{env:NAME:default}`, as Hatch itself formats.

`{{` and `}}` are plain braces. A default may hold fields itself, but no plain braces. The values that they
stand for go into the service configurations and nowhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault, ProjectError
from hatch_cloudrole.settings.place import TABLE
from hatch_cloudrole.settings.wording import show, toml_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hatch_cloudrole.settings.model import Service

__all__ = ["check", "expand", "missing_variables"]

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

    :raises ProjectError: `env` lacks a variable that has no default. `missing_variables` finds all at once.
    """
    missing: list[str] = []
    text = "".join(_expanded(_parse(value), env, missing))
    if missing:
        raise ProjectError(
            "A variable of the environment is not set.", [_missing(name, "") for name in missing]
        )
    return text


def missing_variables(service: Service, env: Mapping[str, str]) -> list[Fault]:
    """One fault for each setting and variable that `env` lacks and that has no default."""
    faults = []
    for where, value in _settings(service):
        missing: list[str] = []
        list(_expanded(_parse(value), env, missing))
        faults += [_missing(name, where) for name in dict.fromkeys(missing)]
    return faults


def _missing(name: str, where: str) -> Fault:
    return Fault(
        where,
        f"the environment variable {name} is not set, accepted: any value",
        f"set it, or give a default as in {show('{env:' + name + ':default}')}",
    )


def _settings(service: Service) -> Iterator[tuple[str, str]]:
    for role in service.roles:
        key = (*TABLE, "roles", role.name)
        for name, value in role.settings:
            yield toml_key(*key, "settings", name), value
        for each in role.configurations:
            for name, value in each.settings:
                yield toml_key(*key, "configurations", each.name, "settings", name), value


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
