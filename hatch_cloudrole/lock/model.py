"""A lock as a value: what was pinned for one target, and which role needs what.

Its text form is PEP 751 (pylock.toml); what PEP 751 has no words for is under `[tool.hatch-cloudrole]`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from hatch_cloudrole.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["SCHEMA", "Artifact", "Lock", "Pin", "clean_url", "parse_lock", "render_lock"]

SCHEMA = 1
TOOL = "hatch-cloudrole"


@dataclass(frozen=True, kw_only=True, slots=True)
class Artifact:
    """A wheel or an sdist: its file name and SHA-256, and where it is.

    Either `url` (never with credentials) or `path` (absolute while a resolution is used on the host that made
    it; relative to the lock, with `/`, in a lock that leaves it) is given. `size` is in bytes, None when
    the index did not say.
    """

    filename: str
    sha256: str
    url: str = ""
    path: str = ""
    size: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """One package at one version: the wheels that fit the target, best first, and the sdist."""

    name: NormalizedName
    version: Version
    wheels: tuple[Artifact, ...] = ()
    sdist: Artifact | None = None

    @property
    def wheel(self) -> Artifact | None:
        return self.wheels[0] if self.wheels else None

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lock:
    """What every role of one target gets.

    `roles` maps a role's name to the names of its packages, sorted; `inputs` is the digest of what was
    resolved (see `lock.inputs`), `resolved_at` the moment (seconds since the epoch, UTC), 0 if unknown.
    """

    target: Target
    pins: tuple[Pin, ...]
    roles: Mapping[str, tuple[NormalizedName, ...]]
    inputs: str = ""
    resolved_at: int = field(default=0, compare=False)

    def of_role(self, role: str) -> tuple[Pin, ...]:
        """The pins of one role, by name."""
        names = set(self.roles[role])
        return tuple(pin for pin in self.pins if pin.name in names)


def clean_url(url: str) -> str:
    """`url` without user name and password, which never leave this host."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, parts.query, ""))


def url_filename(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2])


def render_lock(lock: Lock) -> str:
    """The PEP 751 text. Equal locks have equal text, whatever order their parts came in."""
    import tomli_w

    major, minor = lock.target.minor.split(".")
    document: dict[str, Any] = {
        "lock-version": "1.0",
        "requires-python": f"=={lock.target.minor}.*",
        "environments": [
            (
                f"python_version == '{major}.{minor}' and "
                f"sys_platform == '{lock.target.environment()['sys_platform']}' and "
                f"platform_machine == '{lock.target.architecture}'"
            )
        ],
        "created-by": TOOL,
        "packages": [_render_pin(pin) for pin in sorted(lock.pins, key=lambda pin: pin.name)],
        "tool": {
            TOOL: {
                "schema": SCHEMA,
                "inputs": lock.inputs,
                "python": lock.target.python,
                "platform": lock.target.platform,
                "resolved-at": lock.resolved_at,
                "roles": {name: sorted(lock.roles[name]) for name in sorted(lock.roles)},
            }
        },
    }
    if not lock.resolved_at:
        del document["tool"][TOOL]["resolved-at"]
    return tomli_w.dumps(document, multiline_strings=False)


def _render_pin(pin: Pin) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": str(pin.name), "version": str(pin.version)}
    if pin.sdist:
        entry["sdist"] = _render_artifact(pin.sdist)
    if pin.wheels:
        entry["wheels"] = [_render_artifact(wheel) for wheel in pin.wheels]
    return entry


def _render_artifact(artifact: Artifact) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": artifact.filename}
    if artifact.url:
        entry["url"] = clean_url(artifact.url)
    if artifact.path:
        entry["path"] = artifact.path
    if artifact.size is not None:
        entry["size"] = artifact.size
    entry["hashes"] = {"sha256": artifact.sha256}
    return entry


def parse_lock(text: str) -> Lock:
    """Read what `render_lock` wrote.

    :raises ValueError: not TOML, not PEP 751, or not one of ours; the text says which and where.
    """
    from packaging.pylock import Pylock, PylockValidationError

    from hatch_cloudrole.toml import loads

    document = loads(text)
    try:
        pylock = Pylock.from_dict(document)
    except PylockValidationError as error:
        raise ValueError(str(error)) from None
    own = (pylock.tool or {}).get(TOOL)
    if not isinstance(own, dict) or own.get("schema") != SCHEMA:
        raise ValueError(f"it has no [tool.{TOOL}] table with schema = {SCHEMA}")
    try:
        pins = tuple(
            Pin(
                name=package.name,
                version=package.version if package.version is not None else Version("0"),
                wheels=tuple(_artifact(wheel) for wheel in package.wheels or ()),
                sdist=_artifact(package.sdist) if package.sdist else None,
            )
            for package in pylock.packages
        )
        return Lock(
            target=Target.parse(own["python"], own["platform"]),
            pins=tuple(sorted(pins, key=lambda pin: pin.name)),
            roles={
                str(role): tuple(sorted(canonicalize_name(name) for name in names))
                for role, names in own["roles"].items()
            },
            inputs=str(own.get("inputs", "")),
            resolved_at=int(own.get("resolved-at", 0)),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"[tool.{TOOL}] is incomplete: {error}") from None


def _artifact(entry: Any) -> Artifact:
    """An artifact of a PEP 751 `wheels` or `sdist` entry."""
    sha256 = dict(entry.hashes).get("sha256")
    filename = entry.name or (url_filename(entry.url) if entry.url else str(entry.path).rpartition("/")[2])
    if not sha256:
        raise ValueError(f"{filename} has no sha256")
    return Artifact(
        filename=filename,
        sha256=sha256.lower(),
        url=clean_url(entry.url) if entry.url else "",
        path=entry.path or "",
        size=entry.size,
    )


def portable(lock: Lock, *, root: str) -> Lock:
    """The lock as it may leave this host: no `file:` address and no path outside the project.

    A file below `root` (absolute, with `/`) keeps its path relative to it, any other its bare name.
    """

    def moved(artifact: Artifact) -> Artifact:
        if not artifact.path:
            return artifact
        prefix = root.rstrip("/") + "/"
        inside = artifact.path.startswith(prefix)
        return replace(artifact, path=artifact.path[len(prefix) :] if inside else artifact.filename)

    return replace(lock, pins=tuple(_map_artifacts(lock.pins, moved)), resolved_at=0)


def _map_artifacts(pins: Iterable[Pin], change: Any) -> Iterable[Pin]:
    for pin in pins:
        yield replace(
            pin,
            wheels=tuple(change(wheel) for wheel in pin.wheels),
            sdist=change(pin.sdist) if pin.sdist else None,
        )
