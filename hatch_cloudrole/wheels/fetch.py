"""Bring files here over HTTP: in parallel, each checked against its SHA-256 while it arrives."""

from __future__ import annotations

import hashlib
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hatch_cloudrole.content import CHUNK, Content, chunks
from hatch_cloudrole.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from hatch_cloudrole.lock.indexes import Indexes
    from hatch_cloudrole.lock.model import Artifact

__all__ = ["FetchError", "Fetcher", "HashMismatchError", "copy_local", "safe_filename"]

_RETRIES = 3
_RETRY_STATUS = (429, 500, 502, 503, 504)
_CONNECT_SECONDS = 15


class FetchError(Exception):
    """A file did not arrive; holds the fault."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(str(fault))


class HashMismatchError(FetchError):
    """A file arrived, but it is another than the one that was pinned."""


@dataclass(slots=True)
class _Sink:
    """Writes what arrives and knows its identity at the end."""

    path: Path
    on_bytes: Callable[[int], None]

    def write(self, stream: Any) -> Content:
        digest, crc, size = hashlib.sha256(), 0, 0
        with self.path.open("wb") as file:
            for chunk in stream:
                file.write(chunk)
                digest.update(chunk)
                crc = zlib.crc32(chunk, crc)
                size += len(chunk)
                self.on_bytes(len(chunk))
        return Content.known(self.path, size=size, sha256=digest.hexdigest(), crc32=crc)


class Fetcher:
    """Downloads with the proxies, certificate authorities, netrc and credentials that this host has."""

    def __init__(self, indexes: Indexes) -> None:
        self._indexes = indexes
        self._local = threading.local()
        self.fetched_bytes = 0
        self.fetched_files = 0
        self._counter = threading.Lock()

    def fetch(self, artifact: Artifact, path: Path, *, on_bytes: Callable[[int], None]) -> Content:
        """Write the artifact to `path`.

        :raises FetchError: it did not arrive.
        :raises HashMismatchError: it arrived, but is not what was pinned.
        :raises OSError: it cannot be written.
        """
        import requests

        retry = "check the network and the index, then build again: what has arrived is kept"
        try:
            with self._session().get(
                artifact.url,
                stream=True,
                timeout=(_CONNECT_SECONDS, self._indexes.timeout),
                auth=self._indexes.authentication(artifact.url),
                headers={"Accept-Encoding": "identity"},
            ) as response:
                if response.status_code != 200:
                    raise FetchError(_status_fault(artifact, response.status_code))
                content = _Sink(path, self._count(on_bytes)).write(response.iter_content(CHUNK))
                expected = response.headers.get("Content-Length", "")
        except requests.exceptions.SSLError as error:
            what = f"its server {_host(artifact)} is not trusted: {_reason(error)}"
            remedy = "name your certificate authority in SSL_CERT_FILE, or mend the server's certificate"
            raise FetchError(Fault(artifact.filename, what, remedy)) from None
        except requests.exceptions.TooManyRedirects:
            what = f"{_host(artifact)} redirects without end"
            raise FetchError(Fault(artifact.filename, what, "mend the index")) from None
        except requests.exceptions.Timeout:
            what = f"{_host(artifact)} did not answer within {self._indexes.timeout:g} s"
            raise FetchError(Fault(artifact.filename, what, retry)) from None
        except requests.exceptions.RequestException as error:
            what = f"it could not be fetched from {_host(artifact)}: {_reason(error)}"
            raise FetchError(Fault(artifact.filename, what, retry)) from None
        if expected.isdigit() and content.size < int(expected):
            what = f"only {content.size} of {expected} bytes arrived from {_host(artifact)}"
            raise FetchError(Fault(artifact.filename, what, retry))
        with self._counter:
            self.fetched_files += 1
        _compare(content, artifact)
        return content

    def _count(self, on_bytes: Callable[[int], None]) -> Callable[[int], None]:
        def count(number: int) -> None:
            with self._counter:
                self.fetched_bytes += number
            on_bytes(number)

        return count

    def _session(self) -> requests.Session:
        """One session a thread, because sessions are not made for sharing."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            import requests
            from requests.adapters import HTTPAdapter
            from urllib3.util import Retry

            from hatch_cloudrole import __version__

            retries = Retry(
                total=_RETRIES,
                redirect=False,
                backoff_factor=0.5,
                status_forcelist=_RETRY_STATUS,
                raise_on_status=False,
                respect_retry_after_header=True,
            )
            session = requests.Session()
            session.headers["User-Agent"] = f"hatch-cloudrole/{__version__}"
            if self._indexes.ca_file:
                session.verify = self._indexes.ca_file
            if self._indexes.proxy:
                session.proxies = {"http": self._indexes.proxy, "https": self._indexes.proxy}
            for scheme in ("http://", "https://"):
                session.mount(scheme, HTTPAdapter(max_retries=retries))
            self._local.session = session
        return session


def copy_local(source: Path, artifact: Artifact, path: Path, *, on_bytes: Callable[[int], None]) -> Content:
    """Copy the artifact from a folder of this host to `path`.

    :raises HashMismatchError: it is not what was pinned.
    :raises OSError: it cannot be read or written.
    """
    with source.open("rb") as stream:
        content = _Sink(path, on_bytes).write(chunks(stream))
    _compare(content, artifact)
    return content


def _compare(content: Content, artifact: Artifact) -> None:
    if artifact.sha256 and content.sha256 != artifact.sha256:
        what = f"its SHA-256 is {content.sha256}, but {artifact.sha256} was pinned"
        remedy = (
            "find out why the file changed; if that is right, renew the lock (`cloudrole lock`, --refresh)"
        )
        raise HashMismatchError(Fault(artifact.filename, what, remedy))


def _status_fault(artifact: Artifact, status: int) -> Fault:
    host = _host(artifact)
    if status in {401, 403, 407}:
        what = f"{host} answers {status}: it wants credentials, or others than it got"
        return Fault(
            artifact.filename, what, "give them as for pip or uv: in the index address, netrc or keyring"
        )
    if status in {404, 410}:
        what = f"{host} answers {status}: the file is gone"
        return Fault(artifact.filename, what, "resolve anew with --refresh or `cloudrole lock`")
    return Fault(artifact.filename, f"{host} answers {status}", "look at the index, then build again")


def _host(artifact: Artifact) -> str:
    from urllib.parse import urlsplit

    return urlsplit(artifact.url).netloc.rpartition("@")[2]


def _reason(error: Exception) -> str:
    """The innermost reason, without the addresses that the outer ones repeat."""
    reason: Any = error
    seen = set()
    while id(reason) not in seen:
        seen.add(id(reason))
        inner = getattr(reason, "reason", None) or next(
            (each for each in getattr(reason, "args", ()) if isinstance(each, Exception)), None
        )
        if not isinstance(inner, Exception):
            break
        reason = inner
    text = str(reason).rpartition(": ")[2] or type(reason).__name__
    return text.strip("()'\" ")


def safe_filename(name: str) -> str:
    """A file name that an index gave, without any folder it may try to name."""
    return Path(urlsplit(name).path.replace("\\", "/")).name or "file"
