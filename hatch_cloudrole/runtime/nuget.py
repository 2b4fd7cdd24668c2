"""CPython in NuGet feeds: what packages are called, and what the documents of a feed (protocol v3) say."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from hatch_cloudrole import toml
from hatch_cloudrole.lock.model import clean_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hatch_cloudrole.target import Target

__all__ = [
    "Answer",
    "BadFeedError",
    "choose",
    "file_name",
    "index_address",
    "package_base",
    "package_id",
    "parse_answer",
    "render_answer",
    "versions",
]

_PACKAGES = {"win_amd64": "python", "win32": "pythonx86", "win_arm64": "pythonarm64"}
_BASE = "PackageBaseAddress/3.0.0"


class BadFeedError(ValueError):
    """A document that no feed of the protocol v3 gives; the text says what is wrong with it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The build of CPython that a feed has, by its address; `asked_at` is in seconds of the epoch."""

    version: str
    url: str
    sha256: str
    asked_at: int


def package_id(target: Target) -> str:
    """What CPython for `target`, a Windows, is called in a feed."""
    return _PACKAGES[target.platform]


def index_address(feed: str) -> str:
    """The address of a feed's service index, of that itself or of its folder."""
    parts = urlsplit(clean_url(feed))
    if parts.path.endswith(".json"):
        return urlunsplit(parts)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/index.json"))


def package_base(document: bytes, address: str) -> str:
    """Where a feed has its packages, ending in `/`. `document` is its service index, found at `address`.

    :raises BadFeedError: it is none, or names no such place.
    """
    index = _json(document)
    resources = index.get("resources") if isinstance(index, dict) else None
    if not isinstance(resources, list):
        raise BadFeedError("it is no service index, for it lists no resources")
    for each in resources:
        if isinstance(each, dict) and _BASE in _list(each.get("@type")) and isinstance(each.get("@id"), str):
            base = clean_url(urljoin(address, each["@id"]))
            if urlsplit(base).scheme not in {"http", "https"}:
                raise BadFeedError(f"its {_BASE} is no http:// or https:// address")
            return base.rstrip("/") + "/"
    raise BadFeedError(f"its service index names no {_BASE}")


def versions(document: bytes) -> tuple[str, ...]:
    """The versions of a package that a feed lists.

    :raises BadFeedError: it is no such list.
    """
    listed = _json(document)
    found = listed.get("versions") if isinstance(listed, dict) else None
    if not isinstance(found, list):
        raise BadFeedError("it is no list of versions")
    return tuple(each for each in found if isinstance(each, str))


def choose(listed: Iterable[str], wanted: str) -> str | None:
    """The release that is `wanted` as X.Y.Z, or the newest of X.Y; what is no release is passed over."""
    releases = {each for each in listed if re.fullmatch(r"\d+\.\d+\.\d+", each)}
    fitting = [each for each in releases if each == wanted or each.rpartition(".")[0] == wanted]
    return max(fitting, key=lambda each: [int(part) for part in each.split(".")], default=None)


def file_name(package: str, version: str) -> str:
    """The file of a package, which lies in `<id>/<version>/`."""
    return f"{package}.{version}.nupkg"


def render_answer(answer: Answer) -> str:
    """The answer as text that `parse_answer` reads."""
    texts = {"version": answer.version, "url": answer.url, "sha256": answer.sha256}
    lines = [f"{key} = {json.dumps(text)}\n" for key, text in texts.items()]
    return "".join(["[nuget]\n", *lines, f"asked-at = {answer.asked_at}\n"])


def parse_answer(text: str) -> Answer | None:
    """The answer that was kept as `text`; None where another version of this program wrote it."""
    try:
        kept = toml.loads(text)["nuget"]
        return Answer(
            version=str(kept["version"]),
            url=str(kept["url"]),
            sha256=str(kept["sha256"]),
            asked_at=int(kept["asked-at"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _json(document: bytes) -> Any:
    try:
        return json.loads(document)
    except (ValueError, RecursionError):
        raise BadFeedError("it is not JSON") from None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
