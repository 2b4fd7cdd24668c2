"""Files that look like secrets: by their name, and for key files by how they begin."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["HEAD", "read_head", "secret_in"]

HEAD = 1 << 16
"""Bytes of a key file that are looked at: a chain of certificates may stand before the key."""

_KEYS = "a private key"
_LOGIN = "names and passwords"
_AZURE = "credentials for Azure"

_PATTERNS: tuple[tuple[str, str], ...] = (
    ("id_rsa", _KEYS),
    ("id_dsa", _KEYS),
    ("id_ecdsa", _KEYS),
    ("id_ecdsa_sk", _KEYS),
    ("id_ed25519", _KEYS),
    ("id_ed25519_sk", _KEYS),
    ("*.pfx", "a certificate with its private key"),
    ("*.p12", "a certificate with its private key"),
    ("*.ppk", _KEYS),
    (".netrc", _LOGIN),
    ("_netrc", _LOGIN),
    (".git-credentials", _LOGIN),
    (".pgpass", _LOGIN),
    (".pypirc", "credentials for a package index"),
    (".aws/credentials", "credentials for AWS"),
    (".docker/config.json", "credentials for container registries"),
    (".kube/config", "credentials for Kubernetes"),
    ("*.publishsettings", _AZURE),
    ("azureauth.json", _AZURE),
    ("*.azureauth", _AZURE),
    (".azure/*", _AZURE),
    ("local.settings.json", "connection strings"),
)
"""What to look for, in lower case: a pattern without `/` is one of names, with it one of the last parts."""

_EXAMPLES = (".example", ".sample", ".template")
_MAYBE_KEYS = (".pem", ".key")
_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----")


def secret_in(path: str, head: Callable[[], bytes]) -> str:
    """What secret the file at `path` (with `/`) seems to hold, in a few words; empty when there is none.

    `head` gives the first `HEAD` bytes of the file; it is asked only where the name leaves it open.
    """
    parts = path.lower().split("/")
    if any(part.startswith(".env") and not part.endswith(_EXAMPLES) for part in parts):
        return "values of environment variables"
    for pattern, what in _PATTERNS:
        if fnmatchcase("/".join(parts[-1 - pattern.count("/") :]), pattern):
            return what
    if parts[-1].endswith(_MAYBE_KEYS) and _PRIVATE_KEY.search(head()):
        return _KEYS
    return ""


def read_head(path: Path) -> bytes:
    """The first `HEAD` bytes of a file; none where it cannot be read, as whoever packs it will find out."""
    try:
        with path.open("rb") as stream:
            return stream.read(HEAD)
    except OSError:
        return b""
