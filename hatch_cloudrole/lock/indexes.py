"""Where packages come from on this host: what the settings, uv and pip already say.

Each resolver reads its own tool's configuration itself; here it is told what it would not know: the settings,
and what only the other tool was told. What a download needs is kept besides. Nothing of this ever leaves
this host.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hatch_cloudrole.lock.credentials import Account, account_for, accounts
from hatch_cloudrole.lock.index_files import read_pip_options, read_uv_tables
from hatch_cloudrole.lock.model import clean_url
from hatch_cloudrole.lock.uv_indexes import UvIndex, UvIndexes, read_uv_indexes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["Indexes", "read_indexes"]

_PIP_INDEX_OPTIONS = ("index-url", "extra-index-url", "find-links", "no-index")


@dataclass(frozen=True, kw_only=True, slots=True)
class Indexes:
    """What a resolver and a download need to know. Addresses may hold credentials: never print them.

    For uv: `environment` is laid over its environment, an empty value taking the variable away; `arguments`
    and `find_links` (folders or addresses) are added to its command line.
    For pip: `pip_environment` likewise; `pip_options` replace options, by the names that pip's parser gives
    them; `pip_find_links` are added to its own.
    For both: `package_indexes` are the packages that come from one index alone.
    For downloads: `known` are the indexes and who one is there, `keyring` is who to ask for passwords,
    `ca_file` a bundle of certificate authorities, empty for the default, `insecure_hosts` are those (with or
    without a port) whose certificates are not looked at; `timeout` is seconds.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    pip_environment: Mapping[str, str] = field(default_factory=dict)
    pip_options: Mapping[str, Any] = field(default_factory=dict)
    pip_find_links: tuple[str, ...] = ()
    package_indexes: Mapping[str, UvIndex] = field(default_factory=dict)
    known: tuple[Account, ...] = ()
    keyring: str = ""
    ca_file: str = ""
    client_cert: str = ""
    insecure_hosts: tuple[str, ...] = ()
    proxy: str = ""
    timeout: float = 30.0

    def applied_to(self, env: Mapping[str, str]) -> dict[str, str]:
        """`env` for uv, when it is to use these indexes."""
        return _laid_over(env, self.environment)

    def applied_to_pip(self, env: Mapping[str, str]) -> dict[str, str]:
        """`env` for pip, when it is to use these indexes."""
        return _laid_over(env, self.pip_environment)

    def fingerprint(self) -> str:
        """Changes when packages may come from elsewhere; says nothing else. For cache keys on this host."""
        texts = [
            *(clean_url(each) for each in (*self.environment.values(), *self.find_links, *self.arguments)),
            *(each.address for each in self.known),
            *(f"{package} {clean_url(index.url)}" for package, index in self.package_indexes.items()),
        ]
        return hashlib.sha256(json.dumps(texts).encode()).hexdigest()

    def account(self, url: str) -> Account | None:
        """The index that `url` belongs to, if this host knows one."""
        return account_for(url, self.known)

    def is_insecure(self, url: str) -> bool:
        """Whether the user trusts the host of `url` without a certificate."""
        parts = urlsplit(url)
        return bool({parts.hostname, parts.netloc.rpartition("@")[2]} & set(self.insecure_hosts))

    def authentication(self, url: str) -> tuple[str, str] | None:
        """User name and password for `url`, if this host's configuration has them."""
        account = self.account(url)
        return (account.user, account.password) if account and (account.user or account.password) else None


def _laid_over(env: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    merged = {**env, **changes}
    return {name: value for name, value in merged.items() if value or name not in changes}


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

    `pip_files` are pip's configuration files in its order (see `lock.index_files`); those that are missing or
    cannot be read are passed over.
    """
    pip = read_pip_options(env, pip_files)
    uv = read_uv_indexes(env, read_uv_tables(env, root, home), root)
    folders = [str(root / each) if "://" not in each else each for each in find_links]
    pip_has_own = any(pip.get(key) for key in _PIP_INDEX_OPTIONS)
    environment: dict[str, str] = {}
    arguments: list[str] = []
    options: dict[str, Any] = {}
    links, pip_links = list(folders), list(folders)
    if index_url:
        environment = {"UV_DEFAULT_INDEX": index_url, "UV_INDEX": "", "UV_EXTRA_INDEX_URL": ""}
        options = {"index_url": index_url, "extra_index_urls": [], "no_index": False, "find_links": []}
    else:
        if not uv.configured:
            environment = _pip_as_uv(pip)
            links += pip.get("find-links", "").split()
            if _is_true(pip.get("no-index", "")):
                arguments.append("--no-index")
        if not pip_has_own:
            options = _uv_as_pip(uv)
            pip_links += uv.find_links
    packages = {} if index_url else uv.by_package()
    ca_file = env.get("SSL_CERT_FILE") or pip.get("cert", "") or env.get("REQUESTS_CA_BUNDLE", "")
    if ca_file and "SSL_CERT_FILE" not in env:
        environment["SSL_CERT_FILE"] = ca_file
    client_cert = env.get("SSL_CLIENT_CERT") or pip.get("client-cert", "")
    if client_cert and "SSL_CLIENT_CERT" not in env:
        environment["SSL_CLIENT_CERT"] = client_cert
    if pip.get("proxy") and not any(env.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY")):
        environment["HTTPS_PROXY"] = environment["HTTP_PROXY"] = pip["proxy"]
    pip_keyring = pip.get("keyring-provider", "")
    pip_keyring = pip_keyring if pip_keyring in {"import", "subprocess"} else ""
    uv_keyring = env.get("UV_KEYRING_PROVIDER", "") if env.get("UV_KEYRING_PROVIDER") == "subprocess" else ""
    if pip_keyring and not uv_keyring:
        environment["UV_KEYRING_PROVIDER"] = "subprocess"  # the only way that uv has
    timeout = _timeout(env, pip)
    addresses = [
        index_url,
        *(each.url for each in uv.indexes),
        *uv.find_links,
        *(
            word
            for key in ("index-url", "extra-index-url", "find-links")
            for word in pip.get(key, "").split()
        ),
        *folders,
    ]
    return Indexes(
        environment=environment,
        arguments=tuple(arguments),
        find_links=tuple(links),
        pip_environment={
            "PIP_CERT": ca_file,
            "PIP_CLIENT_CERT": client_cert,
            "PIP_KEYRING_PROVIDER": pip_keyring or uv_keyring,
            "PIP_TIMEOUT": f"{timeout:.0f}" if timeout >= 1 else "1",
        },
        pip_options=options,
        pip_find_links=tuple(pip_links),
        package_indexes=packages,
        known=tuple(dict.fromkeys(accounts(addresses))),
        keyring=pip_keyring or uv_keyring,
        ca_file=ca_file,
        client_cert=client_cert,
        insecure_hosts=(*uv.insecure_hosts, *pip.get("trusted-host", "").split()),
        proxy=environment.get("HTTPS_PROXY", ""),
        timeout=timeout,
    )


def _is_true(text: str) -> bool:
    return text.lower() in {"1", "true", "yes", "on"}


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
    extra = pip.get("extra-index-url", "").split()
    if extra:
        words["UV_INDEX"] = " ".join(extra)
        words["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    hosts = pip.get("trusted-host", "").split()
    if hosts:
        words["UV_INSECURE_HOST"] = " ".join(hosts)
    return words


def _uv_as_pip(uv: UvIndexes) -> dict[str, Any]:
    """The indexes of uv as options of pip, which takes the best version that any of them has."""
    options: dict[str, Any] = {}
    if uv.default:
        options["index_url"] = uv.default
    if uv.extra:
        options["extra_index_urls"] = list(uv.extra)
    if uv.no_index:
        options["no_index"] = True
    if uv.insecure_hosts:
        options["trusted_hosts"] = list(uv.insecure_hosts)
    return options
