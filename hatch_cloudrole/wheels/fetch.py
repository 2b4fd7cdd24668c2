"""Bring files here over HTTP: in parallel, each checked against its SHA-256 while it arrives."""

from __future__ import annotations

import hashlib
import threading
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hatch_cloudrole.content import CHUNK, Content, chunks
from hatch_cloudrole.errors import Fault
from hatch_cloudrole.lock.credentials import redact
from hatch_cloudrole.wheels.transport import RedirectError, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import requests

    from hatch_cloudrole.lock.credentials import Keyring
    from hatch_cloudrole.lock.indexes import Indexes
    from hatch_cloudrole.lock.model import Artifact

__all__ = ["FetchError", "Fetcher", "GoneError", "HashMismatchError", "copy_local", "safe_filename"]

_RETRIES = 3
_RETRY_STATUS = (429, 500, 502, 503, 504)
_RETRY = "check the network and the index, then build again: what has arrived is kept"
_BACKOFF = 0.5
"""Seconds to wait before the first further attempt; each time twice as long."""
_LONGEST_WAIT = 30.0
_SLOWEST = 1024
"""Bytes a second, over the time limit, that a server must give."""
_LARGEST = 4 << 30
"""Bytes that a file of unknown size may have: far more than any wheel that an index takes."""


class FetchError(Exception):
    """A file did not arrive; holds the fault."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(str(fault))


class GoneError(FetchError):
    """The server answers that it has no such file."""


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


class _PassingError(FetchError):
    """A fault that may be gone the next time; `wait` is how many seconds the server asks for."""

    def __init__(self, fault: Fault, wait: float = 0.0) -> None:
        super().__init__(fault)
        self.wait = wait


class Fetcher:
    """Downloads with the proxies, certificates, netrc, keyring and credentials that this host has."""

    def __init__(self, indexes: Indexes, keyring: Keyring | None = None) -> None:
        self._timeout = indexes.timeout
        self._transport = Transport(indexes, keyring)
        self.fetched_bytes = 0
        self.fetched_files = 0
        self._counter = threading.Lock()

    def fetch(self, artifact: Artifact, path: Path, *, on_bytes: Callable[[int], None]) -> Content:
        """Write the artifact to `path`. What may pass (a broken connection, a busy server) is tried again.

        :raises FetchError: it did not arrive.
        :raises HashMismatchError: it arrived, but is not what was pinned.
        :raises OSError: it cannot be written.
        """
        for left in range(_RETRIES, -1, -1):
            arrived: list[int] = []
            try:
                content = self._attempt(artifact, path, self._count(on_bytes, arrived))
            except _PassingError as error:
                if not left:
                    raise
                on_bytes(-sum(arrived))
                time.sleep(min(max(error.wait, _BACKOFF * 2 ** (_RETRIES - left)), _LONGEST_WAIT))
                continue
            with self._counter:
                self.fetched_files += 1
            _compare(content, artifact)
            return content
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    def _attempt(self, artifact: Artifact, path: Path, on_bytes: Callable[[int], None]) -> Content:
        import requests
        import urllib3

        host = _host(artifact.url)
        try:
            with self._transport.open(artifact.url) as response:
                if response.status_code != 200:
                    raise _status_error(artifact, response)
                limit = _limit(artifact, response.headers.get("Content-Length", ""))
                sink = _Sink(path, on_bytes)
                return sink.write(_paced(response.raw, artifact, limit=limit, timeout=self._timeout))
        except RedirectError as error:
            raise FetchError(Fault(artifact.filename, f"{host}: {error}", "mend the index")) from None
        except requests.exceptions.SSLError as error:
            what = f"its server {host} is not trusted: {_reason(error)}"
            remedy = "name your certificate authority in SSL_CERT_FILE, or mend the server's certificate"
            raise FetchError(Fault(artifact.filename, what, remedy)) from None
        except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError):
            what = f"{host} did not answer within {self._timeout:g} s"
            raise _PassingError(Fault(artifact.filename, what, _RETRY)) from None
        except urllib3.exceptions.IncompleteRead as error:
            raise _PassingError(_cut_short(artifact, error)) from None
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            inner = next(
                (each for each in error.args if isinstance(each, urllib3.exceptions.IncompleteRead)), None
            )
            if inner is not None:
                raise _PassingError(_cut_short(artifact, inner)) from None
            what = f"it could not be fetched from {host}: {_reason(error)}"
            raise _PassingError(Fault(artifact.filename, what, _RETRY)) from None

    def _count(self, on_bytes: Callable[[int], None], arrived: list[int]) -> Callable[[int], None]:
        def count(number: int) -> None:
            arrived.append(number)
            with self._counter:
                self.fetched_bytes += number
            on_bytes(number)

        return count


def _limit(artifact: Artifact, length: str) -> int:
    """How many bytes may come: as many as were pinned, or announced, or any wheel can have.

    :raises HashMismatchError: more are announced than that.
    """
    most = artifact.size or _LARGEST
    announced = int(length) if length.isascii() and length.isdigit() else most
    if announced > most:
        raise _too_large(artifact, most)
    return announced


def _too_large(artifact: Artifact, most: int) -> HashMismatchError:
    what = f"{_host(artifact.url)} sends more than the {most} bytes that it " + (
        "was pinned with" if artifact.size else "may have"
    )
    return HashMismatchError(Fault(artifact.filename, what, "look at the index, or pin another version"))


def _paced(raw: Any, artifact: Artifact, *, limit: int, timeout: float) -> Iterator[bytes]:
    """The body as it arrives, as long as it is neither too long nor too slow.

    Reading has a time limit of its own, but a byte now and then would satisfy that for ever.
    """
    size, seen, since = 0, 0, time.monotonic()
    while chunk := raw.read1(CHUNK, decode_content=True):
        size += len(chunk)
        if size > limit:
            raise _too_large(artifact, limit)
        yield chunk
        now = time.monotonic()
        if now - since > timeout:
            if size - seen < timeout * _SLOWEST:
                what = f"{_host(artifact.url)} sent only {size - seen} bytes in {now - since:.0f} s"
                raise FetchError(Fault(artifact.filename, what, _RETRY))
            seen, since = size, now


def _cut_short(artifact: Artifact, error: Any) -> Fault:
    got, missing = error.partial, error.expected
    of = f" of {got + missing}" if isinstance(got, int) and isinstance(missing, int) else ""
    return Fault(artifact.filename, f"only {got}{of} bytes arrived from {_host(artifact.url)}", _RETRY)


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


def _status_error(artifact: Artifact, response: requests.Response) -> FetchError:
    host, status = _host(response.url or artifact.url), response.status_code
    said = f"{host} answers {status}"
    if status in {401, 403, 407}:
        remedy = "give them as for pip or uv: in the index address, netrc or keyring"
        return FetchError(
            Fault(artifact.filename, f"{said}: it wants credentials, or others than it got", remedy)
        )
    if status in {404, 410}:
        remedy = "resolve anew with --refresh or `cloudrole lock`"
        return GoneError(Fault(artifact.filename, f"{said}: the file is gone", remedy))
    fault = Fault(artifact.filename, said, "look at the index, then build again")
    if status not in _RETRY_STATUS:
        return FetchError(fault)
    wait = response.headers.get("Retry-After", "")
    return _PassingError(fault, float(wait) if wait.isascii() and wait.isdigit() else 0.0)


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


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
    return redact(text.strip("()'\" "))


def safe_filename(name: str) -> str:
    """A file name that an index gave, without any folder it may try to name."""
    return Path(urlsplit(name).path.replace("\\", "/")).name or "file"
