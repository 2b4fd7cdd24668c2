"""The indexes that uv's configuration names, in its order, for whoever is not uv."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from hatch_cloudrole.lock.credentials import with_account

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = ["UvIndex", "UvIndexes", "read_uv_indexes"]

_LEGACY = (("index-url", True), ("extra-index-url", False))


@dataclass(frozen=True, kw_only=True, slots=True)
class UvIndex:
    """One index. `url` may hold credentials; an `explicit` one is only for packages that name it."""

    url: str
    name: str = ""
    default: bool = False
    explicit: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class UvIndexes:
    """What uv would use. `configured` says whether its user has told it anything of indexes.

    `sources` maps package names to the names of the indexes that they alone come from.
    """

    configured: bool = False
    indexes: tuple[UvIndex, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    insecure_hosts: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def default(self) -> str:
        """The address of the index that replaces the public one, empty where none does."""
        return next((each.url for each in self.indexes if each.default), "")

    @property
    def extra(self) -> tuple[str, ...]:
        return tuple(each.url for each in self.indexes if not each.default and not each.explicit)

    def by_package(self) -> dict[str, UvIndex]:
        """The index of each package that comes from one index alone."""
        named = {each.name: each for each in reversed(self.indexes) if each.name}
        return {package: named[name] for package, name in self.sources.items() if name in named}


def read_uv_indexes(env: Mapping[str, str], tables: Sequence[Mapping[str, Any]], root: Path) -> UvIndexes:
    """Put together what the environment and uv's tables (strongest first) say for the project in `root`."""
    found = [*_from_environment(env), *(each for table in tables for each in _from_table(table, root))]
    links = [*env.get("UV_FIND_LINKS", "").replace(",", " ").split()]
    links += [str(each) for table in tables for each in _texts(table.get("find-links"))]
    hosts = [*env.get("UV_INSECURE_HOST", "").split()]
    hosts += [each for table in tables for each in _texts(table.get("allow-insecure-host"))]
    no_index = env.get("UV_NO_INDEX", "").lower() in {"1", "true"} or any(
        table.get("no-index") is True for table in tables
    )
    sources: dict[str, str] = {}
    for table in tables:
        for package, source in (table.get("sources") or {}).items():
            if isinstance(source, dict) and isinstance(source.get("index"), str):
                sources.setdefault(canonicalize_name(package), source["index"])
    return UvIndexes(
        configured=no_index or any(not each.explicit for each in found),
        indexes=tuple(_with_own_account(each, env) for each in found),
        find_links=tuple(links),
        no_index=no_index,
        insecure_hosts=tuple(hosts),
        sources=sources,
    )


def _from_environment(env: Mapping[str, str]) -> Iterable[UvIndex]:
    for variable, default in (
        ("UV_DEFAULT_INDEX", True),
        ("UV_INDEX", False),
        ("UV_INDEX_URL", True),
        ("UV_EXTRA_INDEX_URL", False),
    ):
        for word in env.get(variable, "").split():
            name, url = word.split("=", 1) if re.match(r"[\w.-]+=\w+://", word) else ("", word)
            yield UvIndex(url=url, name=name, default=default)


def _from_table(table: Mapping[str, Any], root: Path) -> Iterable[UvIndex]:
    for index in table.get("index") or [] if isinstance(table.get("index"), list) else []:
        if isinstance(index, dict) and isinstance(index.get("url"), str):
            yield UvIndex(
                url=_absolute(index["url"], root),
                name=str(index.get("name", "")),
                default=index.get("default") is True,
                explicit=index.get("explicit") is True,
            )
    for key, default in _LEGACY:
        for url in _texts(table.get(key)):
            yield UvIndex(url=_absolute(url, root), default=default)


def _absolute(url: str, root: Path) -> str:
    return url if "://" in url else (root / url).resolve().as_uri()


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(each) for each in value or []]


def _with_own_account(index: UvIndex, env: Mapping[str, str]) -> UvIndex:
    """The index with the credentials that `UV_INDEX_<NAME>_USERNAME` and `_PASSWORD` give it."""
    prefix = "UV_INDEX_" + re.sub(r"[^A-Z0-9]", "_", index.name.upper())
    user, password = env.get(f"{prefix}_USERNAME", ""), env.get(f"{prefix}_PASSWORD", "")
    if not index.name or not (user or password) or "://" not in index.url:
        return index
    url = with_account(index.url, user, password)
    return UvIndex(url=url, name=index.name, default=index.default, explicit=index.explicit)
