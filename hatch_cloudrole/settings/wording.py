"""Keys and values as messages show them."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["did_you_mean", "masked", "one_of", "show", "toml_key"]

_SHOWN = 60


def toml_key(*parts: str | int) -> str:
    """The parts as one TOML key; those that are no bare keys are quoted, items of arrays are `[0]`, `[1]`."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{_key(part)}" if text else _key(part)
    return text


def _key(part: str) -> str:
    return part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else _quoted(part)


def _quoted(text: str) -> str:
    """A TOML basic string. Characters beyond ASCII stand for themselves, DEL is escaped as TOML demands."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def show(value: Any) -> str:
    """A value as the user wrote it, short enough for a message; credentials in an address are left out."""
    if isinstance(value, str):
        text = masked(value)
        return _quoted(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, int):
        # Text of unlimited length, which CPython refuses to make, helps nobody.
        return f"the integer {value}" if abs(value) < 10**_SHOWN else "a huge integer"
    if isinstance(value, float):
        return f"the float {value}"
    if isinstance(value, (dt.date, dt.time)):
        return f"the date or time {value.isoformat()}"
    return f"a value of type {type(value).__name__}"


def masked(text: str) -> str:
    """The text with the user and password of every address in it replaced."""
    return re.sub(r"(?<=://)[^@\s]*@", "****@", text)


def one_of(values: Sequence[str], *, joint: str = "or") -> str:
    """`a, b or c`."""
    *head, last = values
    return f"{', '.join(head)} {joint} {last}" if head else last


def did_you_mean(found: str, known: Sequence[str]) -> str:
    """A question that names the nearest of `known`, or nothing where none is near."""
    from difflib import get_close_matches

    # Case and underscores are the commonest slips, and difflib counts each as a difference.
    plain = {name.lower().replace("_", "-"): name for name in known}
    near = get_close_matches(found.lower().replace("_", "-"), plain, n=1)
    return f"did you mean {show(plain[near[0]])}?" if near else ""
