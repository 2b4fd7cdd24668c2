"""Direct references: requirements that name a file, a folder, an address or a repository.

A local one is kept relative to the project (`name @ file:libs/name`), so that a lock's digest is the same on
every host, and is made absolute only for a resolver.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit
from urllib.request import url2pathname

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import parse_sdist_filename, parse_wheel_filename

from hatch_cloudrole.lock.model import relative_path
from hatch_cloudrole.toml import load

if TYPE_CHECKING:
    from hatch_cloudrole.target import Target

__all__ = [
    "BadReferenceError",
    "absolute_requirement",
    "applies",
    "local_folder",
    "normal_requirement",
    "project_name",
    "public_requirement",
]

_ARCHIVE = re.compile(r"\.(whl|zip|tar\.(gz|bz2|xz|lzma)|tgz|tbz|txz)$", re.IGNORECASE)
_OTHER_VCS = re.compile(r"(hg|svn|bzr)\+")


class BadReferenceError(ValueError):
    """What is wrong with a requirement, and what to do next."""

    def __init__(self, what: str, remedy: str = "") -> None:
        self.remedy = remedy
        super().__init__(what)


def applies(text: str, target: Target) -> bool:
    """Whether the marker of a requirement, if it has one, holds for `target`."""
    try:
        marker = Requirement(text).marker
    except InvalidRequirement:
        try:
            marker_text = _split_marker(text)[1]
            marker = Marker(marker_text) if marker_text else None
        except InvalidMarker:
            return True
    return marker is None or marker.evaluate({**target.environment(), "extra": ""})


def normal_requirement(text: str, *, root: Path, beside: Path, target: Target) -> str:
    """`text` as PEP 508, with a name where one is known; empty for a reference that `target` does not need.

    Paths count from `root`, or else from the folder `beside`.

    :raises BadReferenceError: it is neither a requirement nor a reference that can be used.
    """
    requirement = None
    if not _looks_like_reference(text):
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            first = str(error).splitlines()[0]
            raise BadReferenceError(f"{text!r} is no requirement: {first}") from None
        if not requirement.url:
            return str(requirement)
    if requirement is not None and requirement.url:
        name, extras = requirement.name, requirement.extras
        url, marker = requirement.url, str(requirement.marker or "")
    else:
        body, marker = _split_marker(text)
        try:
            marker = str(Marker(marker)) if marker else ""
        except InvalidMarker:
            raise BadReferenceError(f"{marker!r} is no marker") from None
        match = re.fullmatch(r"(.+?)(?:\[([^\]\s]*)\])?", body)
        assert match is not None  # noqa: S101 - body is not empty
        name, url = "", match[1]
        extras = {each.strip() for each in (match[2] or "").split(",") if each.strip()}
    if marker and not applies(f"x ; {marker}", target):
        return ""
    url = _normal_url(url, root=root, beside=beside)
    url, egg, egg_extras = _without_egg(url)
    name, extras = name or egg or _name_of(url, root), extras | egg_extras
    if not name and extras:
        raise BadReferenceError(f"{text!r} has extras, but nothing says its name", "write NAME[EXTRAS] @ URL")
    bracket = f"[{','.join(sorted(extras))}]" if extras else ""
    front = f"{name}{bracket} @ {url}" if name else url
    return f"{front} ; {marker}" if marker else front


def absolute_requirement(text: str, root: Path) -> str:
    """`text` with a local reference written out in full, as a resolver gets it."""
    match = re.fullmatch(r"((?:\S+ @ )?)file:(?!//)(\S*?)(#\S*)?( ; .*)?", text)
    if match is None:
        return text
    path = Path(os.path.normpath(root / unquote(match[2])))
    return f"{match[1]}{path.as_uri()}{match[3] or ''}{match[4] or ''}"


def public_requirement(text: str) -> str:
    """`text` without the user name and password of its address."""
    return re.sub(r"(?<=://)[^/\s@]+@", "", text)


def local_folder(text: str, root: Path) -> Path | None:
    """The folder that a normal requirement refers to, None when it refers to something else."""
    match = re.fullmatch(r"(?:\S+ @ )?file:(?!//)(\S*?)(#\S*)?( ; .*)?", text)
    if match is None:
        return None
    path = Path(os.path.normpath(root / unquote(match[1])))
    return path if path.is_dir() else None


def project_name(folder: Path) -> str:
    """The name of the project in a folder, empty where its metadata is not static."""
    try:
        name = load(folder / "pyproject.toml").get("project", {}).get("name", "")
    except (OSError, ValueError, AttributeError):
        return ""
    return name if isinstance(name, str) else ""


def _looks_like_reference(text: str) -> bool:
    """Whether `text` is a path or an address rather than something that begins with a name."""
    body = _split_marker(text)[0]
    if re.match(r"[A-Za-z0-9][\w.-]*\s*(\[[^\]]*\])?\s*@", body) and not re.match(r"[\w+.-]+@[\w.-]+:", body):
        return False
    front = re.sub(r"\[[^\]]*\]$", "", body)
    return (
        bool(re.match(r"[a-z][a-z0-9+.-]+:(//)?", front))
        or front.startswith(".")
        or "/" in front
        or "\\" in front
        or bool(_ARCHIVE.search(front))
    )


def _split_marker(text: str) -> tuple[str, str]:
    body, *marker = re.split(r"\s+;\s*|;\s+", text, maxsplit=1)
    return body.strip(), marker[0].strip() if marker else ""


def _normal_url(url: str, *, root: Path, beside: Path) -> str:
    if _OTHER_VCS.match(url):
        raise BadReferenceError(
            f"{public_requirement(url)} is in a repository that is not git's",
            "build a wheel of it into find-links",
        )
    if url.startswith("git+"):
        return url
    if re.match(r"[a-z][a-z0-9+.-]+://", url) and not url.startswith("file:"):
        return url
    front, mark, fragment = url.partition("#")
    if front.startswith("file:"):
        rest = front[len("file:") :]
        path = url2pathname(unquote(urlsplit(front).path)) if rest.startswith("//") else unquote(rest)
    else:
        path = front
    path = path.replace("\\", "/") if not Path(path).is_absolute() else path
    found = next((each for each in (root / path, beside / path) if each.exists()), None)
    if found is None:
        also = "" if beside.resolve() == root.resolve() else f", nor below {relative_path(beside, root)}"
        raise BadReferenceError(f"there is no file or folder {front}, seen from the project{also}")
    if found.is_dir() and not any(
        (found / each).is_file() for each in ("pyproject.toml", "setup.py", "setup.cfg")
    ):
        raise BadReferenceError(f"{front} is a folder without pyproject.toml or setup.py")
    relative = relative_path(found.resolve(), root.resolve())
    return f"file:{quote(relative)}{mark}{fragment}"


def _without_egg(url: str) -> tuple[str, str, set[str]]:
    """`url` without pip's old way of saying the name, `#egg=NAME[EXTRAS]`; and that name and those extras."""
    front, mark, fragment = url.partition("#")
    parts = [each for each in fragment.split("&") if each]
    eggs = [re.fullmatch(r"egg=([A-Za-z0-9][\w.-]*)(?:\[([\w.,-]*)\])?", unquote(each)) for each in parts]
    egg = next((each for each in eggs if each), None)
    if egg is None:
        return url, "", set()
    rest = "&".join(part for part, match in zip(parts, eggs, strict=True) if match is None)
    return front + (mark + rest if rest else ""), egg[1], {each for each in (egg[2] or "").split(",") if each}


def _name_of(url: str, root: Path) -> str:
    """The package that an address or path is of, as far as it says."""
    parts = urlsplit(url)
    folder = local_folder(url, root)
    if folder is not None:
        return project_name(folder)
    filename = unquote(parts.path.rpartition("/")[2])
    try:
        if filename.endswith(".whl"):
            return str(parse_wheel_filename(filename)[0])
        return str(parse_sdist_filename(filename)[0])
    except ValueError:
        return ""
