"""Tables of the settings, each described by a list of options: one entry for each key."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from hatch_cloudrole.settings.kinds import read_name
from hatch_cloudrole.settings.place import clashes
from hatch_cloudrole.settings.wording import did_you_mean, show

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from hatch_cloudrole.settings.kinds import Kind, Text
    from hatch_cloudrole.settings.place import Place

__all__ = ["Named", "Option", "Read", "TableOf"]


@dataclass(frozen=True, slots=True)
class Option:
    """One key of a table, all that is known of it.

    `about`, `example`, `default` and `unset` are for the reference: what it means, a TOML value, the default
    as a TOML value, or in words where it is none.
    `role` limits a role's option to one type of role. `moves` says that the value is the folder which the
    paths of the options after this one are counted from.
    """

    key: str
    kind: Kind
    _: KW_ONLY
    about: str
    example: str
    default: str = ""
    unset: str = "none"
    required: bool = False
    role: Literal["", "web", "worker"] = ""
    moves: bool = False

    @property
    def field(self) -> str:
        """The name that the model has for it."""
        return self.key.replace("-", "_")


@dataclass(frozen=True, slots=True)
class Read:
    """A table that has been read: the values by field, the keys that were given, those that are at fault."""

    place: Place
    values: dict[str, Any] = field(default_factory=dict)
    given: frozenset[str] = frozenset()
    faulty: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The table's own key: the name that the user chose where there are several."""
        return str(self.place.parts[-1])

    def has(self, key: str) -> bool:
        return key in self.given

    def sound(self, *keys: str) -> bool:
        """Whether none of these keys is at fault, so that a rule which spans them can be checked."""
        return self.faulty.isdisjoint(keys)


@dataclass(frozen=True, slots=True)
class TableOf:
    """A table with known keys.

    `make` turns what was read into the model's value, or reports and gives None. `elsewhere` says of keys
    which are known, but not here, where they belong; keys in `ignored` are known and somebody else's.
    """

    options: tuple[Option, ...]
    make: Callable[[Read], Any]
    accepted: str
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    ignored: Collection[str] = ()
    type: str = "table"

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, dict):
            place.refuse(value, self.accepted)
            return None
        self._refuse_unknown(value, place)
        return self.make(self._read(value, place))

    def _refuse_unknown(self, table: Mapping[str, Any], place: Place) -> None:
        known = sorted({option.key for option in self.options} | set(self.ignored))
        for key in table.keys() - set(known):
            remedy = self.elsewhere.get(key) or did_you_mean(key, known)
            place.at(key).fault(f"unknown key, accepted: {', '.join(known)}", remedy)

    def _read(self, table: Mapping[str, Any], place: Place) -> Read:
        values: dict[str, Any] = {}
        faulty: set[str] = set()
        for option in self.options:
            before = len(place.faults)
            value = None
            if option.key in table:
                value = option.kind.read(table[option.key], place.at(option.key))
            elif option.required:
                place.at(option.key).fault(f"is missing, accepted: {option.kind.accepted}")
            if value is not None:
                values[option.field] = value
            if len(place.faults) > before:
                faulty.add(option.key)
            if option.moves and option.key in table:
                place = place.below(value)
        given = frozenset(option.key for option in self.options if option.key in table)
        return Read(place, values, given, frozenset(faulty))


@dataclass(frozen=True, slots=True)
class Named:
    """A table of tables, their names chosen by the user and unique whatever the case, as a tuple."""

    name: Text
    table: TableOf
    type: str = "table of tables"

    @property
    def accepted(self) -> str:
        return f"a table of tables; keys: {self.name.accepted}; values: {self.table.accepted}"

    def read(self, value: Any, place: Place) -> tuple[Any, ...] | None:
        if not isinstance(value, dict):
            place.refuse(value, self.accepted)
            return None
        made = []
        for name, each in value.items():
            read_name(self.name, name, place.at(name))
            made.append(self.table.read(each, place.at(name)))
        for name, first in clashes((name.lower(), name) for name in value).items():
            place.at(name).fault(
                f"the name differs from {show(first)} by case alone, accepted: names that differ otherwise"
            )
        return tuple(item for item in made if item is not None)
