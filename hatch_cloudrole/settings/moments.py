"""The moment of `exclude-newer`: an RFC 3339 timestamp, or a date that stands for its end in UTC."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

from hatch_cloudrole.settings.kinds import Text

if TYPE_CHECKING:
    from hatch_cloudrole.settings.place import Place

__all__ = ["Moment"]

_PATTERN = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|z|[+-]\d{2}:\d{2})?)?", re.ASCII
)
_NO_OFFSET = "a time of day needs an offset; add Z for UTC"


class Moment:
    """A date or a timestamp, as a string or as TOML's own; read as an RFC 3339 timestamp in UTC.

    The end of a date is the first instant of the next one, because both resolvers leave out what was uploaded
    at or after the moment they are given.
    """

    type = "string or date"
    accepted = 'a date as in "2026-01-31", or a timestamp with offset as in "2026-01-31T12:00:00Z"'

    def read(self, value: Any, place: Place) -> str | None:
        try:
            if isinstance(value, dt.datetime):
                return _in_utc(value)
            if isinstance(value, dt.date):
                return _end(value)
        except ValueError as refusal:
            place.refuse(value, self.accepted, str(refusal))
            return None
        text: str | None = Text(self.accepted, _parse).read(value, place)
        return text


def _parse(text: str) -> str:
    match = _PATTERN.fullmatch(text)
    if not match:
        raise ValueError
    day, clock, fraction, offset = match.groups()
    try:
        date = dt.date.fromisoformat(day)
        micro = f"{fraction or '':0<6}"[:6]
        zone = "+00:00" if (offset or "z") in "Zz" else offset
        moment = dt.datetime.fromisoformat(f"{day}T{clock or '00:00:00'}.{micro}{zone}")
    except ValueError:
        raise ValueError("there is no such date or time") from None
    if not clock:
        return _end(date)
    if not offset:
        raise ValueError(_NO_OFFSET)
    return _in_utc(moment)


def _end(date: dt.date) -> str:
    if date == dt.date.max:
        raise ValueError("that is the last day there is; leave the key out instead")
    return f"{(date + dt.timedelta(days=1)).isoformat()}T00:00:00Z"


def _in_utc(moment: dt.datetime) -> str:
    if moment.utcoffset() is None:
        raise ValueError(_NO_OFFSET)
    try:
        utc = moment.astimezone(dt.timezone.utc)
    except OverflowError:
        raise ValueError("there is no such date in UTC") from None
    return utc.replace(tzinfo=None).isoformat() + "Z"
