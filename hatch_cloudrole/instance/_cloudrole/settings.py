"""role.json as a frozen value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .faults import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SCHEMA", "Endpoint", "PinnedWheel", "Settings", "read_settings"]

SCHEMA = 1


@dataclass(frozen=True)
class PinnedWheel:
    """A wheel as it was packaged; `sha256` in lower-case hex, `size` in bytes."""

    file: str
    name: str
    version: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Endpoint:
    """Where a role without IIS listens."""

    name: str
    protocol: str
    port: int


@dataclass(frozen=True)
class Settings:
    """One role. Paths are relative to approot, with `/`; texts that were not set are empty."""

    role: str
    service: str
    version: str
    type: str
    python: str
    platform: str
    startup_file: str
    startup_module: str
    arguments: tuple[str, ...]
    search_paths: tuple[str, ...]
    working_directory: str
    environment: dict[str, str]
    server: str
    wsgi_handler: str
    asgi_handler: str
    endpoint: Endpoint | None
    wheels: tuple[PinnedWheel, ...]
    install: str = "wheels"
    lib_sha256: str = ""
    """Of the file in `lib` that says what lies there; empty where nothing is unpacked."""

    @property
    def is_unpacked(self) -> bool:
        """Whether the packages lie in the package as they are used, and not as wheels."""
        return self.install == "unpacked"

    @property
    def minor(self) -> str:
        """X.Y of the CPython that the wheels are for."""
        return ".".join(self.python.split(".")[:2])

    @property
    def has_site(self) -> bool:
        """Whether IIS serves this role."""
        return self.type == "web" and self.server != "direct"


def read_settings(path: Path) -> Settings:
    """Read role.json.

    :raises SettingsError: it is missing or not as this program knows it.
    """
    try:
        # A byte order mark may come from an editor on the instance.
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); deploy the package again") from error
    except ValueError as error:
        raise SettingsError(f"{path}: is not JSON ({error}); deploy the package again") from error
    return parse_settings(data, str(path))


def parse_settings(data: Any, where: str) -> Settings:
    """Make the value of what role.json holds; `where` names it in messages.

    :raises SettingsError: another schema, or a key that is missing or of the wrong type.
    """
    if not isinstance(data, dict):
        raise SettingsError(
            f"{where}: holds a {type(data).__name__}, not an object; deploy the package again"
        )
    if data.get("schema") != SCHEMA:
        raise SettingsError(
            f"{where}: schema {data.get('schema')!r}, but this role.py reads {SCHEMA}; "
            "deploy one package whole"
        )
    table = _Table(data, where)
    endpoint = data.get("endpoint")
    entry = _Table(endpoint, f"{where}: endpoint") if isinstance(endpoint, dict) else None
    return Settings(
        role=table.text("role"),
        service=table.text("service"),
        version=table.text("version"),
        type=table.text("type"),
        python=table.text("python"),
        platform=table.text("platform"),
        startup_file=table.text("startup_file", ""),
        startup_module=table.text("startup_module", ""),
        arguments=table.texts("arguments"),
        search_paths=table.texts("search_paths"),
        working_directory=table.text("working_directory", ".") or ".",
        environment=table.mapping("environment"),
        server=table.text("server", ""),
        wsgi_handler=table.text("wsgi_handler", ""),
        asgi_handler=table.text("asgi_handler", ""),
        endpoint=Endpoint(entry.text("name"), entry.text("protocol"), entry.number("port"))
        if entry
        else None,
        wheels=tuple(
            PinnedWheel(
                file=wheel.text("file"),
                name=wheel.text("name"),
                version=wheel.text("version"),
                sha256=wheel.text("sha256").lower(),
                size=wheel.number("size"),
            )
            for wheel in table.tables("wheels")
        ),
        install=table.text("install", "wheels"),
        lib_sha256=table.text("lib_sha256", "").lower(),
    )


class _Table:
    """An object of role.json whose values are checked as they are taken."""

    def __init__(self, data: dict[str, Any], where: str) -> None:
        self.data = data
        self.where = where

    def fault(self, key: str, wanted: str) -> SettingsError:
        found = self.data.get(key)
        return SettingsError(f"{self.where}: {key} is {found!r}, not {wanted}; deploy the package again")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.data.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise self.fault(key, "a text")
        return value

    def number(self, key: str) -> int:
        value = self.data.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.fault(key, "a whole number")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.fault(key, "a list of texts")
        return tuple(value)

    def mapping(self, key: str) -> dict[str, str]:
        value = self.data.get(key, {})
        if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
            raise self.fault(key, "an object of texts")
        return value

    def tables(self, key: str) -> list[_Table]:
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise self.fault(key, "a list of objects")
        return [_Table(each, f"{self.where}: {key}[{index}]") for index, each in enumerate(value)]
