"""Ask NuGet feeds for CPython, and keep what they answer as resolutions are kept."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hatch_cloudrole.errors import Fault, ProjectError, TransportError
from hatch_cloudrole.lock.model import Artifact, clean_url
from hatch_cloudrole.lock.resolve import REUSE_SECONDS, age_text
from hatch_cloudrole.runtime.archive import BadArchiveError, check_archive
from hatch_cloudrole.runtime.nuget import (
    Answer,
    BadFeedError,
    choose,
    file_name,
    index_address,
    package_base,
    package_id,
    parse_answer,
    render_answer,
    versions,
)
from hatch_cloudrole.wheels.fetch import FetchError, GoneError, HashMismatchError

if TYPE_CHECKING:
    from hatch_cloudrole.progress import Progress
    from hatch_cloudrole.settings.model import Runtime
    from hatch_cloudrole.target import Target
    from hatch_cloudrole.wheels.fetch import Fetcher
    from hatch_cloudrole.wheels.store import Store

__all__ = ["Feeds"]

_MOST_BYTES = 16 << 20
"""How long a document of a feed may be; those that list versions have a few kilobytes."""
_REMEDY = "check nuget-feed, or name the .nupkg with { path = ..., sha256 = ... }"


class Feeds:
    """Answers from the store while they are fresh, and from the feeds otherwise.

    `now` is seconds since the epoch. With `offline` a kept answer is used whatever its age; with `refresh`
    none is. `notes` are what the user should know of the answers that were used.
    """

    def __init__(
        self,
        *,
        store: Store,
        fetcher: Fetcher,
        progress: Progress,
        now: int,
        refresh: bool = False,
        offline: bool = False,
    ) -> None:
        self._store = store
        self._fetcher = fetcher
        self._progress = progress
        self._now = now
        self._refresh = refresh
        self._offline = offline
        self.notes: list[str] = []

    def find(self, runtime: Runtime, target: Target, where: str) -> Answer:
        """The build that the feed of `runtime` has for `target`. `where` is the TOML key, for faults.

        :raises ProjectError: the feed is none, or has no such build.
        :raises TransportError: it did not answer, or is not to be asked.
        """
        feed, package, wanted = clean_url(runtime.nuget_feed), package_id(target), runtime.nuget_version
        text = json.dumps(["nuget", feed, package, wanted])
        key = hashlib.sha256(text.encode()).hexdigest()
        kept = parse_answer(self._store.read_resolution(key) or "")
        if kept and not self._refresh and (self._offline or 0 <= self._now - kept.asked_at < REUSE_SECONDS):
            age = age_text(max(0, self._now - kept.asked_at))
            self.notes.append(
                f"{_host(feed)} answered {package} {kept.version} {age} ago; --refresh asks again"
            )
            return kept
        if self._offline:
            what = f"what {_host(feed)} has of {package} {wanted} is not in the store"
            remedy = "build once without --offline, or name the .nupkg with { path = ..., sha256 = ... }"
            raise TransportError("--offline lacks the interpreter", [Fault(where, what, remedy)])
        with self._progress.step(f"Asking {_host(feed)} for {package} {wanted}"):
            version, url = self._ask(feed, package, wanted, where)
        if kept and not self._refresh and kept.url == url:
            sha256 = kept.sha256  # a version, once published, is what it was
        else:
            sha256 = self._fetch(url, file_name(package, version), target, where)
        answer = Answer(version=version, url=url, sha256=sha256, asked_at=self._now)
        self._store.write_resolution(key, render_answer(answer))
        return answer

    def _ask(self, feed: str, package: str, wanted: str, where: str) -> tuple[str, str]:
        """Version and address of the build."""
        address = index_address(feed)
        try:
            base = package_base(self._document(address), address)
            listed = versions(self._document(f"{base}{package}/index.json"))
        except _DocumentError as error:
            if error.gone and error.address != address:
                what = f"{_host(feed)} has no package {package}"
                raise ProjectError(
                    "No interpreter for the instances", [Fault(where, what, _REMEDY)]
                ) from None
            raise _not_arrived(where, error.address, error.what) from None
        except BadFeedError as error:
            what = f"{_host(feed)} does not answer as a NuGet v3 feed does: {error}"
            remedy = "accepted: the address of its service index, which often ends in /v3/index.json"
            raise ProjectError("The feed cannot be used", [Fault(where, what, remedy)]) from None
        version = choose(listed, wanted)
        if version is None:
            minor = ".".join(wanted.split(".")[:2])
            near = [each for each in listed if each.startswith(f"{minor}.")]
            has = f"only {', '.join(near)}" if near else f"none of {minor}"
            what = f"{_host(feed)} has no release {wanted} of {package}, {has}"
            remedy = 'set python to one that it has, or use runtime = "download"'
            raise ProjectError("No interpreter for the instances", [Fault(where, what, remedy)])
        return version, f"{base}{package}/{version}/{file_name(package, version)}"

    def _document(self, address: str) -> bytes:
        name = address.rpartition("/")[2]
        artifact = Artifact(filename=name, sha256="", url=address, size=_MOST_BYTES)
        try:
            with self._store.partial(name) as partial:
                self._fetcher.fetch(artifact, partial, on_bytes=lambda _: None)
                return partial.read_bytes()
        except HashMismatchError:
            raise BadFeedError(f"{address} is longer than {_MOST_BYTES >> 20} MB") from None
        except FetchError as error:
            raise _DocumentError(address, error) from None

    def _fetch(self, url: str, name: str, target: Target, where: str) -> str:
        """Take the package into the store, once it holds what it must; its SHA-256."""
        try:
            with self._progress.step(f"Fetching {name}"), self._store.partial(name) as partial:
                artifact = Artifact(filename=name, sha256="", url=url)
                content = self._fetcher.fetch(artifact, partial, on_bytes=lambda _: None)
                check_archive(partial, name, target)
                self._store.adopt(partial, content.sha256)
        except BadArchiveError as error:
            fault = Fault(where, f"{url}: {error}", _REMEDY)
            raise ProjectError("The interpreter cannot be used", [fault]) from None
        except FetchError as error:
            raise _not_arrived(where, url, error.fault.what) from None
        return content.sha256


class _DocumentError(Exception):
    """A document of a feed did not arrive; `gone` says that the server has none at this address."""

    def __init__(self, address: str, error: FetchError) -> None:
        super().__init__(address)
        self.address = address
        self.what = error.fault.what
        self.gone = isinstance(error, GoneError)


def _not_arrived(where: str, url: str, what: str) -> TransportError:
    fault = Fault(where, f"{url}: {what}", _REMEDY)
    return TransportError("The interpreter of the instances did not arrive", [fault])


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
