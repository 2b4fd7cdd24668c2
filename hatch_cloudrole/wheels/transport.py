"""Ask a server for a file as this host is configured to: proxy, certificates, credentials, redirects."""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from hatch_cloudrole.lock.credentials import Keyring
    from hatch_cloudrole.lock.indexes import Indexes

__all__ = ["RedirectError", "Transport"]

_CONNECT_SECONDS = 15
_REDIRECTS = 10


class RedirectError(Exception):
    """A server redirects without end, or to what is no web address."""


class Transport:
    """Opens addresses. Credentials go to the host they are for and to no other, whoever redirects there."""

    def __init__(self, indexes: Indexes, keyring: Keyring | None = None) -> None:
        self._indexes = indexes
        self._keyring = keyring
        self._local = threading.local()

    @contextmanager
    def open(self, url: str) -> Iterator[requests.Response]:
        """The answer to a GET of `url`, redirects followed, its body not read yet.

        :raises RedirectError: the redirects end nowhere.
        :raises requests.RequestException: there is no answer.
        :raises OSError: the configured certificates cannot be read.
        """
        for _ in range(_REDIRECTS + 1):
            with self._get(url) as response:
                # The body of a redirect is never read: it may be endless.
                onward = response.headers.get("Location") if response.is_redirect else None
                if onward is None:
                    yield response
                    return
                url = urljoin(url, onward)
            if urlsplit(url).scheme not in {"http", "https"}:
                raise RedirectError(f"it redirects to {urlsplit(url).scheme or 'nowhere'}:")
        raise RedirectError("it redirects without end")

    def _get(self, url: str) -> requests.Response:
        """One request, and a second with what the keyring knows where the first is refused for want of it."""
        auth = self._authentication(url)
        response = self._send(url, auth)
        if response.status_code == 401 and self._keyring is not None and not (auth and auth[1]):
            found = self._keyring.find(url, self._indexes.account(url))
            if found is not None:
                response.close()
                return self._send(url, found)
        return response

    def _authentication(self, url: str) -> tuple[str, str] | None:
        """From the index addresses; a user who is named there without a password may have it in netrc."""
        from requests.utils import get_netrc_auth

        known = self._indexes.authentication(url)
        if known is None or known[1]:
            return known
        netrc = get_netrc_auth(url)
        return netrc if netrc and netrc[0] == known[0] else known

    def _send(self, url: str, auth: tuple[str, str] | None) -> requests.Response:
        indexes = self._indexes
        # Passed with each request: what a session holds gives way to the environment.
        verify: str | bool = indexes.ca_file or True
        if indexes.is_insecure(url):
            verify = False
        elif indexes.ca_file and not Path(indexes.ca_file).exists():
            raise FileNotFoundError(
                2, "the bundle of certificate authorities does not exist", indexes.ca_file
            )
        with warnings.catch_warnings():
            if verify is False:
                warnings.simplefilter("ignore")  # the user has said so
            return self._session().get(
                url,
                stream=True,
                allow_redirects=False,
                timeout=(min(_CONNECT_SECONDS, indexes.timeout), indexes.timeout),
                auth=auth,
                verify=verify,
                cert=indexes.client_cert or None,
                headers={"Accept-Encoding": "identity"},
            )

    def _session(self) -> requests.Session:
        """One session a thread, because sessions are not made for sharing."""
        session: Any = getattr(self._local, "session", None)
        if session is None:
            import requests

            from hatch_cloudrole import __version__

            session = requests.Session()
            session.headers["User-Agent"] = f"hatch-cloudrole/{__version__}"
            if self._indexes.proxy:
                session.proxies = {"http": self._indexes.proxy, "https": self._indexes.proxy}
            self._local.session = session
        kept: requests.Session = session
        return kept
