"""The setting `runtime`: a word, or a table that names the user's own archive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hatch_cloudrole.settings.model import Runtime
from hatch_cloudrole.settings.names import SHA256, URL
from hatch_cloudrole.settings.paths import Outside
from hatch_cloudrole.settings.tables import Option, Read, TableOf
from hatch_cloudrole.settings.wording import did_you_mean, one_of, show

if TYPE_CHECKING:
    from hatch_cloudrole.settings.model import RuntimeKind
    from hatch_cloudrole.settings.place import Place

__all__ = ["ARCHIVE", "RuntimeSetting"]

_WORDS: tuple[RuntimeKind, ...] = ("download", "bundled", "installed", "nuget")
_SUFFIXES = (".zip", ".nupkg", ".tar.gz")


def _make(read: Read) -> Runtime | None:
    if read.has("path") == read.has("url"):
        found = "both path and url" if read.has("url") else "neither path nor url"
        read.place.fault(f"found {found}, accepted: exactly one of them")
        return None
    path = read.values.get("path", "")
    if path and not path.lower().endswith(_SUFFIXES):
        read.place.at("path").refuse(path, f"a file that ends in {one_of(_SUFFIXES)}")
        return None
    if read.faulty:
        return None
    return Runtime(kind="path" if path else "url", **read.values)


ARCHIVE = TableOf(
    (
        Option(
            "path",
            Outside("file"),
            about="The archive, from the project or absolute: a zip, nupkg or tar.gz. Either this or `url`.",
            example='"vendor/python-3.13.nupkg"',
        ),
        Option(
            "url",
            URL,
            about="Where the build fetches the archive. Either this or `path`.",
            example='"https://files.example.com/python-3.13.zip"',
        ),
        Option(
            "sha256",
            SHA256,
            required=True,
            about="SHA-256 of the archive, which the build checks.",
            example='"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"',
        ),
    ),
    _make,
    "a table with sha256 and path or url",
)


class RuntimeSetting:
    """Where an instance that lacks the interpreter gets it."""

    type = "string or table"
    words = _WORDS
    accepted = f"{', '.join(show(word) for word in _WORDS)}, or {ARCHIVE.accepted}"

    def read(self, value: Any, place: Place) -> Runtime | None:
        if isinstance(value, dict):
            made: Runtime | None = ARCHIVE.read(value, place)
            return made
        for word in _WORDS:
            if value == word:
                return Runtime(kind=word)
        place.refuse(value, self.accepted, did_you_mean(value, _WORDS) if isinstance(value, str) else "")
        return None
