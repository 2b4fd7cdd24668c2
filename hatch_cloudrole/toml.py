"""Read TOML on every Python that is supported."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["load", "loads"]


def loads(text: str) -> dict[str, Any]:
    """Parse TOML text.

    :raises ValueError: it is not TOML; the message has line and column.
    """
    document: dict[str, Any] = tomllib.loads(text)
    return document


def load(path: Path) -> dict[str, Any]:
    """Parse a TOML file.

    :raises OSError: it cannot be read.
    :raises ValueError: it is not TOML, or not UTF-8.
    """
    return loads(path.read_text(encoding="utf-8"))
