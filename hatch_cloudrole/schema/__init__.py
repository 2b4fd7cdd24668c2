"""The JSON schema of the settings as a file, for editors and for validate-pyproject."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["FILE", "get_schema", "read_schema"]

FILE = Path(__file__).with_name("settings.schema.json")
"""The schema of a pyproject.toml (draft 7) that has something to say of our settings alone."""


def read_schema() -> dict[str, Any]:
    """The schema of the whole file."""
    document: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return document


def get_schema(tool_name: str = "hatch") -> dict[str, Any]:
    """Settings of hatch-cloudrole inside `[tool.hatch]`, whose other settings it leaves alone.

    :raises ValueError: it is asked for another tool.
    """
    if tool_name != "hatch":
        raise ValueError(f"there is no schema here of [tool.{tool_name}]")
    document = read_schema()
    hatch: dict[str, Any] = document["properties"]["tool"]["properties"]["hatch"]
    head = {key: document[key] for key in ("$schema", "title", "description")}
    return {**head, "$id": f"{document['$id']}:tool.hatch", **hatch}
