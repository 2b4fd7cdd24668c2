"""What goes wrong inside pip, in the words of an answer of `lock.pip_compile`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Faults", "PagesError", "SettingError", "failure"]


class SettingError(Exception):
    """What was asked for cannot be done with the pip at hand."""


class PagesError(Exception):
    """A solution was found, but not all that an index has was seen."""


class Faults(logging.Handler):
    """Listens to pip: pages that could not be read, which pip passes over, and why there is no solution."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.pages: list[str] = []
        self.conflicts: list[str] = []
        self.preparing = ""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.endswith(".collector") and str(record.msg).startswith("Could not fetch URL"):
            reason: Any = record.args[1] if isinstance(record.args, tuple) else ""
            response = getattr(reason, "response", None)
            # An index that does not know a package says so with 404; everything else is a fault of the index.
            if getattr(response, "status_code", None) not in {404, 410}:
                self.pages.append(record.getMessage().removesuffix(" - skipping"))
        elif record.name.endswith(".factory") and record.levelno >= logging.INFO:
            self.conflicts.append(record.getMessage())
        elif record.name.endswith(".prepare") and str(record.msg).startswith(("Collecting", "Processing")):
            self.preparing = record.getMessage()

    def listen(self) -> None:
        """From now on."""
        for name in ("index.collector", "resolution.resolvelib.factory", "operations.prepare"):
            logger = logging.getLogger(f"pip._internal.{name}")
            logger.setLevel(logging.DEBUG)
            logger.propagate = False
            logger.addHandler(self)


def failure(error: BaseException, faults: Faults) -> dict[str, str]:
    """What an exception of pip means, and pip's words for it."""
    text = _words(error)
    if isinstance(error, ModuleNotFoundError):
        return {"kind": "transport", "text": f"{error.name} is not installed here"}
    if isinstance(error, SettingError):
        return {"kind": "setting", "text": text}
    if faults.pages:
        return {"kind": "transport", "text": _first(list(dict.fromkeys(faults.pages)))}
    kind = next(
        (
            kind
            for kind, types in _kinds().items()
            for each in (error, error.__cause__)
            if isinstance(each, types())
        ),
        "resolution",
    )
    if kind == "wheel" and faults.preparing:
        text = f"{faults.preparing}: {text}"
    if kind == "resolution" and faults.conflicts:
        text = "\n".join(dict.fromkeys(faults.conflicts))
    return {"kind": kind, "text": text}


def _first(lines: list[str], most: int = 3) -> str:
    """The first few lines: an index that is down fails once for every package."""
    more = [f"and {len(lines) - most} more"] if len(lines) > most else []
    return "\n".join([*lines[:most], *more])


def _words(error: BaseException | None) -> str:
    """What an exception of pip says, with the package that it is about and the end of what a build wrote."""
    if error is None:
        return ""
    context = str(getattr(error, "context", None) or "").strip()
    url = getattr(getattr(error, "request", None), "url", "")
    about = f"{url}: " if url else ""
    parts = [
        about + (str(error).strip() or type(error).__name__),
        "\n".join(context.splitlines()[-15:]).replace("See above for output.", ""),
    ]
    if hasattr(error.__cause__, "context"):
        parts.append(_words(error.__cause__))
    return "\n".join(part for part in dict.fromkeys(parts) if part)


def _kinds() -> Mapping[str, Callable[[], tuple[type[BaseException], ...]]]:
    from pip._internal import exceptions
    from pip._vendor import requests, urllib3

    def named(*names: str) -> tuple[type[BaseException], ...]:
        """Those of pip's exceptions that the pip at hand has."""
        return tuple(getattr(exceptions, name) for name in names if hasattr(exceptions, name))

    return {
        "transport": lambda: (
            *named("NetworkConnectionError", "ConnectionFailedError", "ConnectionTimeoutError"),
            *named("SSLVerificationError", "ProxyConnectionError", "IncompleteDownloadError"),
            requests.exceptions.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
        ),
        "wheel": lambda: named(
            "HashErrors", "HashError", "InstallationSubprocessError", "MetadataGenerationFailed",
            "FailedToPrepareCandidate",
            "MetadataInvalid", "InvalidInstalledPackage", "InvalidWheel", "InvalidWheelFilename",
            "MetadataInconsistent", "UnsupportedWheel", "BuildDependencyInstallError",
        ),
    }  # fmt: skip
