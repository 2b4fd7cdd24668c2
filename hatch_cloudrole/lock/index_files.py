"""Read what pip's and uv's configuration files say, as tables, without running either."""

from __future__ import annotations

import configparser
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatch_cloudrole.toml import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["pip_config_files", "read_pip_options", "read_uv_tables"]

_PIP_SECTIONS = ("global", "download", "install")


def pip_config_files(env: Mapping[str, str], home: Path) -> list[Path]:
    """Where pip looks for its configuration, the weakest first: system, user, environment, the named one."""
    named = env.get("PIP_CONFIG_FILE", "")
    if named in {"/dev/null", "nul", "NUL"}:
        return []  # pip's way of turning every file off
    if sys.platform == "win32":
        local = "pip.ini"
        files = [
            Path(env.get("PROGRAMDATA", "C:\\ProgramData")) / "pip" / local,
            home / "pip" / local,
            Path(env.get("APPDATA", str(home))) / "pip" / local,
        ]
    else:
        local = "pip.conf"
        files = [
            Path("/etc/xdg/pip") / local,
            Path("/etc") / local,
            home / ".pip" / local,
            Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / local,
        ]
    return [*files, Path(sys.prefix) / local, *([Path(named)] if named else [])]


def read_pip_options(env: Mapping[str, str], files: Iterable[Path]) -> dict[str, str]:
    """Options of pip by their long names: from its files, then from `PIP_*`, which win."""
    options: dict[str, str] = {}
    for file in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError):
            continue  # pip itself will tell its user; it must not stop a build that does not need it
        for section in _PIP_SECTIONS:
            if parser.has_section(section):
                options.update(parser.items(section))
    for name, value in env.items():
        if name.startswith("PIP_") and value and name != "PIP_CONFIG_FILE":
            options[name[4:].lower().replace("_", "-")] = value
    return options


def read_uv_tables(env: Mapping[str, str], root: Path, home: Path) -> list[Mapping[str, Any]]:
    """The tables that uv would read: the project's, the user's, the system's."""
    if env.get("UV_NO_CONFIG"):
        return []
    if env.get("UV_CONFIG_FILE"):
        candidates = [Path(env["UV_CONFIG_FILE"])]
    else:
        user = Path(env.get("APPDATA", str(home))) if sys.platform == "win32" else home / ".config"
        user = Path(env["XDG_CONFIG_HOME"]) if env.get("XDG_CONFIG_HOME") else user
        candidates = [
            root / "uv.toml",
            root / "pyproject.toml",
            user / "uv" / "uv.toml",
            Path("/etc/uv/uv.toml"),
        ]
    tables: list[Mapping[str, Any]] = []
    for file in candidates:
        try:
            table: Any = load(file)
        except (OSError, ValueError):
            continue
        if file.name == "pyproject.toml":
            table = table.get("tool", {}).get("uv", {})
        if isinstance(table, dict) and table:
            tables.append(table)
            if isinstance(table.get("pip"), dict):
                tables.append(table["pip"])
    return tables
