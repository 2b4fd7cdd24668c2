"""The JSON schema of the settings, made from the options: what an editor can know without the project.

What it refuses, the build refuses. The build refuses more: what depends on the project, its files or the
target, and what a value's text must be.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hatch_cloudrole import toml
from hatch_cloudrole.settings.kinds import Choice, Flag, ListOf, MapOf, Whole
from hatch_cloudrole.settings.options import SERVICE
from hatch_cloudrole.settings.place import TABLE
from hatch_cloudrole.settings.runtime import ARCHIVE, RuntimeSetting
from hatch_cloudrole.settings.tables import Named, TableOf
from hatch_cloudrole.settings.targets import OsFamily

if TYPE_CHECKING:
    from hatch_cloudrole.settings.tables import Option

__all__ = ["render_schema", "settings_schema"]

DRAFT = "http://json-schema.org/draft-07/schema#"
"""What editors of TOML and validate-pyproject both read."""

_TYPES = {
    "string": ["string"],
    "integer": ["integer"],
    "boolean": ["boolean"],
    "array": ["array"],
    "table": ["object"],
    "table of tables": ["object"],
}
_HATCH = "An option that every build target of Hatch has"


def settings_schema() -> dict[str, Any]:
    """The schema of a pyproject.toml, which leaves every table open but the one that holds the settings."""
    return {
        "$schema": DRAFT,
        "$id": "urn:hatch-cloudrole:settings",
        "title": "hatch-cloudrole",
        "description": "Settings of hatch-cloudrole. Made from the options: do not edit.",
        **_within(TABLE, _table(SERVICE)),
    }


def _within(keys: tuple[str, ...], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a table that holds, at `keys`, what `schema` is of."""
    if not keys:
        return schema
    return {"type": "object", "properties": {keys[0]: _within(keys[1:], schema)}}


def render_schema() -> str:
    """The schema as the text of a file."""
    return json.dumps(settings_schema(), indent=2, ensure_ascii=True) + "\n"


def _table(table: TableOf) -> dict[str, Any]:
    properties: dict[str, Any] = {option.key: _option(option) for option in table.options}
    properties |= {key: {"description": _HATCH} for key in table.ignored if key not in properties}
    schema: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": dict(sorted(properties.items())),
    }
    if required := [option.key for option in table.options if option.required]:
        schema["required"] = required
    if conditions := [each for role in ("web", "worker") if (each := _only(table, role))]:
        schema["allOf"] = conditions
    return schema


def _only(table: TableOf, role: str) -> dict[str, Any] | None:
    """The options that a role of this type cannot have, because they are for the other type."""
    others = {option.key: False for option in table.options if option.role not in ("", role)}
    if not others:
        return None
    is_role = {"properties": {"type": {"const": role}}, "required": ["type"]}
    return {"if": is_role, "then": {"properties": others}}


def _option(option: Option) -> dict[str, Any]:
    about = f"{option.about} {option.role.capitalize()} roles only." if option.role else option.about
    schema: dict[str, Any] = {"description": about, **_kind(option.kind)}
    if option.default:
        schema["default"] = toml.loads(f"x = {option.default}")["x"]
    return schema


def _kind(kind: Any) -> dict[str, Any]:
    """What a kind accepts, as far as JSON Schema can say it; a kind that is not known by its TOML type."""
    if isinstance(kind, TableOf):
        return _table(kind)
    if isinstance(kind, Named):
        return {"type": "object", "additionalProperties": _table(kind.table)}
    if isinstance(kind, ListOf):
        return {"type": "array", "items": _kind(kind.item)}
    if isinstance(kind, MapOf):
        return {"type": "object", "additionalProperties": _kind(kind.value)}
    if isinstance(kind, Choice):
        return {"enum": list(kind.values)}
    if isinstance(kind, Flag):
        return {"type": "boolean"}
    if isinstance(kind, Whole):
        return {"type": "integer", "minimum": kind.low, "maximum": kind.high}
    if isinstance(kind, OsFamily):
        return {"enum": [5, 6, 7]}
    if isinstance(kind, RuntimeSetting):
        return {"anyOf": [{"enum": list(RuntimeSetting.words)}, _table(ARCHIVE)]}
    types = [each for word in kind.type.split(" or ") for each in _TYPES.get(word, ())]
    # A date is no JSON type: each reader makes of it what it likes.
    known = all(word in _TYPES for word in kind.type.split(" or "))
    return {"type": types[0] if len(types) == 1 else types} if known else {}
