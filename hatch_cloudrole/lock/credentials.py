"""User names and passwords of indexes: found, kept apart from addresses, and never shown."""

from __future__ import annotations

import re
import sys
import threading
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from hatch_cloudrole.errors import Fault, ProjectError
from hatch_cloudrole.lock.model import clean_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from hatch_cloudrole.process import Runner

__all__ = ["Account", "Keyring", "account_for", "accounts", "redact", "with_account"]


@dataclass(frozen=True, slots=True)
class Account:
    """An index, and who one is there. `address` holds no credentials; `user` is empty where none is known."""

    address: str
    user: str = ""
    password: str = field(default="", repr=False)


def redact(text: str) -> str:
    """`text` with every user name and password taken out of the addresses in it."""
    return re.sub(r"(\w+://)[^/\s]*@", r"\1", text)


def with_account(url: str, user: str, password: str) -> str:
    """`url` with these credentials instead of those it has."""
    parts = urlsplit(clean_url(url))
    own = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    return urlunsplit(parts._replace(netloc=f"{own}@{parts.netloc}"))


def accounts(addresses: Iterable[str]) -> Iterable[Account]:
    """What the addresses of indexes say of credentials; folders are passed over.

    :raises ProjectError: an address is none; it is not shown, because a password may be what is wrong.
    """
    for address in addresses:
        if "://" in address and not address.startswith("file:"):
            parts = urlsplit(address)
            try:
                _ = parts.port
            except ValueError:
                what = f"one that begins with {parts.scheme}:// has no valid host and port"
                remedy = "write / as %2F, @ as %40 and : as %3A in its user name and password"
                raise ProjectError("The index addresses cannot be used", [Fault("", what, remedy)]) from None
            yield Account(clean_url(address), unquote(parts.username or ""), unquote(parts.password or ""))


def account_for(url: str, known: Iterable[Account]) -> Account | None:
    """The index that `url` belongs to: same scheme, host and port, and the one whose path it shares most.

    One host may hold several indexes with an account each. Where paths do not decide, an index that has
    credentials is meant.
    """
    same = [each for each in known if _origin(each.address) == _origin(url)]
    return max(same, key=lambda each: (_shared(each.address, url), bool(each.user)), default=None)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def _shared(one: str, other: str) -> int:
    """How many leading parts two paths have in common."""
    pairs = zip(urlsplit(one).path.split("/"), urlsplit(other).path.split("/"), strict=False)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))


@dataclass(slots=True)
class Keyring:
    """Asks the keyring of this host, in the way that pip's or uv's `keyring-provider` names.

    `provider` is `import`, `subprocess` or anything else, which means that it is never asked.
    """

    provider: str
    run: Runner
    env: Mapping[str, str]
    folder: Path
    _answers: dict[tuple[str, str], tuple[str, str] | None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, url: str, account: Account | None) -> tuple[str, str] | None:
        """User name and password for `url`: by the address of its index, then by its host."""
        if self.provider not in {"import", "subprocess"}:
            return None
        user = account.user if account else ""
        services = [*([account.address] if account else []), urlsplit(url).netloc.rpartition("@")[2]]
        with self._lock:
            for service in services:
                if (service, user) not in self._answers:
                    self._answers[service, user] = self._ask(service, user)
                if found := self._answers[service, user]:
                    return found
        return None

    def _ask(self, service: str, user: str) -> tuple[str, str] | None:
        return self._import(service, user) if self.provider == "import" else self._start(service, user)

    def _import(self, service: str, user: str) -> tuple[str, str] | None:
        try:
            import keyring

            found = keyring.get_credential(service, user or None)
        except Exception:  # noqa: BLE001 - a backend may fail in any way; then there are no credentials
            return None
        return (found.username, found.password) if found else None

    def _start(self, service: str, user: str) -> tuple[str, str] | None:
        import shutil

        program = shutil.which("keyring", path=self.env.get("PATH")) or ""
        argv = [program] if program else [sys.executable, "-m", "keyring"]
        argv += ["get", service, user] if user else ["--mode", "creds", "get", service]
        try:
            done = self.run(argv, cwd=self.folder, env=self.env)
        except OSError:
            return None
        lines = done.stdout.splitlines()
        if done.code or len(lines) < (1 if user else 2):
            return None
        return (user, lines[0]) if user else (lines[0], lines[1])
