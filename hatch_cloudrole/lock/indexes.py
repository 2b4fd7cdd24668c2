"""Where packages come from on this host: what the settings, uv and pip already say.

pip's configuration is read here because uv does not know it; uv's own stays uv's business, except for what
a download needs: user names and passwords. Nothing of this ever leaves the host.
"""

from __future__ import annotations

import configparser
import hashlib
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from hatch_cloudrole.lock.model import clean_url
from hatch_cloudrole.toml import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Indexes", "pip_config_files", "read_indexes"]

_PIP_SECTIONS = ("global", "download", "install")
_UV_INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_NO_INDEX")


@dataclass(frozen=True, kw_only=True, slots=True)
class Indexes:
    """What a resolver and a download need to know. Addresses may hold credentials: never print them.

    `environment` is laid over uv's environment, an empty value taking the variable away; `find_links` are
    folders or addresses that the settings and pip name; `credentials` maps scheme and host to user name and
    password; `ca_file` is a bundle of certificate authorities, empty for the default; `timeout` is seconds.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    credentials: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    ca_file: str = ""
    proxy: str = ""
    timeout: float = 30.0

    def applied_to(self, env: Mapping[str, str]) -> dict[str, str]:
        """`env` for a resolver or a build that is to use these indexes."""
        merged = {**env, **self.environment}
        return {name: value for name, value in merged.items() if value or name not in self.environment}

    def fingerprint(self) -> str:
        """Changes when packages may come from elsewhere; says nothing else. For cache keys on this host."""
        names = [clean_url(each) for each in (*self.environment.values(), *self.find_links)]
        text = json.dumps([names, sorted(self.credentials), [clean_url(each) for each in self.arguments]])
        return hashlib.sha256(text.encode()).hexdigest()

    def authentication(self, url: str) -> tuple[str, str] | None:
        """User name and password for `url`, if this host has them."""
        return self.credentials.get(_origin(url))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def read_indexes(
    *,
    env: Mapping[str, str],
    root: Path,
    home: Path,
    pip_files: Iterable[Path],
    index_url: str = "",
    find_links: Iterable[str] = (),
) -> Indexes:
    """Gather what this host knows. `index_url` and `find_links` are the settings', which win.

    `pip_files` are pip's configuration files in its order (see `pip_config_files`); those that are missing or
    cannot be read are passed over.
    """
    pip = _read_pip(env, pip_files)
    uv_tables = _read_uv(env, root, home)
    folders = [str(root / each) if "://" not in each else each for each in find_links]
    environment: dict[str, str] = {}
    arguments: list[str] = []
    uv_has_own = any(env.get(name) for name in _UV_INDEX_VARIABLES) or any(
        key in table for table in uv_tables for key in ("index", "index-url", "extra-index-url", "no-index")
    )
    if index_url:
        environment["UV_DEFAULT_INDEX"] = index_url
        environment["UV_INDEX"] = ""
        environment["UV_EXTRA_INDEX_URL"] = ""
    elif not uv_has_own:
        environment.update(_pip_as_uv(pip))
        folders.extend(_words(pip.get("find-links", "")))
        if pip.get("no-index", "").lower() in {"1", "true", "yes", "on"}:
            arguments.append("--no-index")
    ca_file = env.get("SSL_CERT_FILE") or pip.get("cert", "") or env.get("REQUESTS_CA_BUNDLE", "")
    if ca_file and "SSL_CERT_FILE" not in env:
        environment["SSL_CERT_FILE"] = ca_file
    if pip.get("proxy") and not any(env.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY")):
        environment["HTTPS_PROXY"] = environment["HTTP_PROXY"] = pip["proxy"]
    addresses = [
        index_url,
        *_addresses(env.get(name, "") for name in (*_UV_INDEX_VARIABLES, "UV_FIND_LINKS")),
        *_uv_addresses(uv_tables, env),
        *_addresses(pip.get(key, "") for key in ("index-url", "extra-index-url", "find-links")),
        *folders,
    ]
    return Indexes(
        environment=environment,
        arguments=tuple(arguments),
        find_links=tuple(folders),
        credentials=dict(_credentials(addresses)),
        ca_file=ca_file,
        proxy=environment.get("HTTPS_PROXY", ""),
        timeout=_timeout(env, pip),
    )


def _timeout(env: Mapping[str, str], pip: Mapping[str, str]) -> float:
    for text in (env.get("UV_HTTP_TIMEOUT", ""), pip.get("timeout", ""), pip.get("default-timeout", "")):
        if re.fullmatch(r"\d+(\.\d+)?", text):
            return float(text)
    return 30.0


def _pip_as_uv(pip: Mapping[str, str]) -> dict[str, str]:
    """Pip's indexes in uv's words. pip takes the best version that any of its indexes has, so uv must too."""
    words: dict[str, str] = {}
    if pip.get("index-url"):
        words["UV_DEFAULT_INDEX"] = pip["index-url"]
    extra = _words(pip.get("extra-index-url", ""))
    if extra:
        words["UV_INDEX"] = " ".join(extra)
        words["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    hosts = _words(pip.get("trusted-host", ""))
    if hosts:
        words["UV_INSECURE_HOST"] = " ".join(hosts)
    return words


def _words(text: str) -> list[str]:
    return text.split()


def _addresses(values: Iterable[str]) -> Iterable[str]:
    for value in values:
        for word in _words(value):
            # uv allows name=address
            yield re.sub(r"^[\w.-]+=(?=\w+://)", "", word)


def _credentials(addresses: Iterable[str]) -> Iterable[tuple[str, tuple[str, str]]]:
    for address in addresses:
        parts = urlsplit(address) if "://" in address else None
        if parts and parts.username is not None:
            yield _origin(address), (unquote(parts.username), unquote(parts.password or ""))


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


def _read_pip(env: Mapping[str, str], files: Iterable[Path]) -> dict[str, str]:
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


def _read_uv(env: Mapping[str, str], root: Path, home: Path) -> list[Mapping[str, Any]]:
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


def _uv_addresses(tables: Iterable[Mapping[str, Any]], env: Mapping[str, str]) -> Iterable[str]:
    """The index addresses in uv's tables, with the credentials that `UV_INDEX_<NAME>_*` adds."""
    for table in tables:
        for key in ("index-url", "extra-index-url", "find-links"):
            value = table.get(key, [])
            yield from (
                [value] if isinstance(value, str) else [each for each in value if isinstance(each, str)]
            )
        for index in table.get("index", []) if isinstance(table.get("index"), list) else []:
            url, name = str(index.get("url", "")), str(index.get("name", ""))
            prefix = "UV_INDEX_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
            user, password = env.get(f"{prefix}_USERNAME", ""), env.get(f"{prefix}_PASSWORD", "")
            if name and (user or password) and "://" in url:
                scheme, _, rest = clean_url(url).partition("://")
                from urllib.parse import quote

                url = f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{rest}"
            yield url
