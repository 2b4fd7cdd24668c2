"""Kinds of settings values: each reads one TOML value, and says what it accepts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from hatch_cloudrole.settings.place import clashes
from hatch_cloudrole.settings.wording import did_you_mean, one_of, show

if TYPE_CHECKING:
    from collections.abc import Callable

    from hatch_cloudrole.settings.place import Place

__all__ = ["Choice", "Flag", "Kind", "ListOf", "MapOf", "Text", "Whole", "as_is", "filled", "read_name"]

INT32 = 2**31 - 1
"""The largest number that the service documents can hold (xs:int)."""


class Kind(Protocol):
    """What a value must be.

    `type` is the TOML type in a word or two, `accepted` the rule in full as messages and reference have it.
    `read` gives the value that the model holds; where it reports faults to `place` instead, it gives what is
    left of the value when the faulty parts are dropped, or None. (None is no value: TOML has no null.)
    """

    @property
    def type(self) -> str: ...
    @property
    def accepted(self) -> str: ...
    def read(self, value: Any, place: Place, /) -> Any: ...


def as_is(text: str) -> str:
    return text


def filled(text: str) -> str:
    """The text, which must not be empty or blank.

    :raises ValueError: it is.
    """
    if not text.strip():
        raise ValueError
    return text


# XML 1.0 has no way to write these, nor has a command line; TOML has.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Text:
    """A string that `parse` turns into the model's value.

    `parse` raises ValueError where it is not accepted; the error's text is the remedy, if there is one.
    """

    accepted: str = "a string"
    parse: Callable[[str], Any] = as_is
    type: str = "string"

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, str):
            simple = isinstance(value, (int, float))
            place.refuse(value, self.accepted, "write it in quotes" if simple else "")
            return None
        if match := _UNWRITABLE.search(value):
            place.fault(
                f"found the character U+{ord(match[0]):04X}, accepted: text without control characters"
            )
            return None
        try:
            return self.parse(value)
        except ValueError as refusal:
            place.refuse(value, self.accepted, str(refusal))
            return None


@dataclass(frozen=True, slots=True)
class Flag:
    type: str = "boolean"
    accepted: str = "true or false"

    def read(self, value: Any, place: Place) -> bool | None:
        if isinstance(value, bool):
            return value
        place.refuse(value, self.accepted, "write it without quotes" if value in ("true", "false") else "")
        return None


@dataclass(frozen=True, slots=True)
class Whole:
    """An integer from `low` to `high`, both included."""

    low: int
    high: int = INT32
    type: str = "integer"

    @property
    def accepted(self) -> str:
        return f"an integer from {self.low} to {self.high}"

    def read(self, value: Any, place: Place) -> int | None:
        # True is an int to Python, but not to TOML.
        if isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high:
            return value
        digits = isinstance(value, str) and re.fullmatch(r"[0-9]+", value)
        place.refuse(value, self.accepted, "write it without quotes" if digits else "")
        return None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    values: tuple[str, ...]
    type: str = "string"

    @property
    def accepted(self) -> str:
        return one_of([show(value) for value in self.values])

    def read(self, value: Any, place: Place) -> str | None:
        if isinstance(value, str) and value in self.values:
            return value
        place.refuse(value, self.accepted, did_you_mean(value, self.values) if isinstance(value, str) else "")
        return None


@dataclass(frozen=True, slots=True)
class ListOf:
    """An array of values of one kind, as a tuple."""

    item: Kind
    type: str = "array"

    @property
    def accepted(self) -> str:
        return f"an array, each item {self.item.accepted}"

    def read(self, value: Any, place: Place) -> tuple[Any, ...] | None:
        if not isinstance(value, list):
            place.refuse(value, self.accepted, f"write [{show(value)}]" if isinstance(value, str) else "")
            return None
        items = [self.item.read(item, place.at(number)) for number, item in enumerate(value)]
        return tuple(item for item in items if item is not None)


@dataclass(frozen=True, slots=True)
class MapOf:
    """A table of names that the user chooses, as pairs in the user's order.

    `name` reads the names; no two may be equal once read.
    """

    name: Text
    value: Kind
    type: str = "table"

    @property
    def accepted(self) -> str:
        return f"a table; keys: {self.name.accepted}; values: {self.value.accepted}"

    def read(self, value: Any, place: Place) -> tuple[tuple[str, Any], ...] | None:
        if not isinstance(value, dict):
            place.refuse(value, self.accepted)
            return None
        names = {key: read_name(self.name, key, place.at(key)) for key in value}
        items = {key: self.value.read(each, place.at(key)) for key, each in value.items()}
        repeated = clashes((name, key) for key, name in names.items() if name is not None)
        for key, first in repeated.items():
            place.at(key).fault(f"says the same as the key {show(first)}, accepted: each name once")
        return tuple(
            (name, items[key])
            for key, name in names.items()
            if name is not None and items[key] is not None and key not in repeated
        )


def read_name(kind: Text, key: str, place: Place) -> str | None:
    """Read a key that the user chose; what is wrong with it is said of the key, not of its value."""
    try:
        if _UNWRITABLE.search(key):
            raise ValueError
        name: str = kind.parse(key)
    except ValueError as refusal:
        place.fault(f"the name is {show(key)}, accepted: {kind.accepted}", str(refusal))
        return None
    return name
