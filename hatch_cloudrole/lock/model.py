"""A lock as a value: what was pinned for one target, and which role needs what.

Its text form is PEP 751 (pylock.toml); what PEP 751 has no words for is under `[tool.hatch-cloudrole]`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from packaging.utils import NormalizedName, canonicalize_name

from hatch_cloudrole.target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.pylock import Package
    from packaging.version import Version

__all__ = [
    "SCHEMA",
    "Artifact",
    "Directory",
    "Lock",
    "Pin",
    "Vcs",
    "clean_url",
    "parse_lock",
    "portable",
    "read_package",
    "relative_path",
    "render_lock",
    "url_filename",
]

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
class Vcs:
    """A commit of a git repository, which is at `url` (without credentials) or `path` (see `Artifact`).

    `requested` is the revision that was asked for, `subdirectory` where the project is in it.
    """

    commit: str
    url: str = ""
    path: str = ""
    requested: str = ""
    subdirectory: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Directory:
    """A project on this host, at `path`.

    It is absolute while a resolution is used on the host that made it, and relative to the lock, with `/`, in
    a lock that leaves it.
    """

    path: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Pin:
    """One package at one version: the wheels that fit the target, best first, and the sdist.

    `version` is None where only a build can tell. With `direct` the one wheel or sdist was named by address
    or path, not found in an index. With a `source` there is neither: a wheel is built of that.
    """

    name: NormalizedName
    version: Version | None
    wheels: tuple[Artifact, ...] = ()
    sdist: Artifact | None = None
    direct: bool = False
    source: Vcs | Directory | None = None

    @property
    def wheel(self) -> Artifact | None:
        return self.wheels[0] if self.wheels else None

    def __str__(self) -> str:
        return f"{self.name} {self.version}" if self.version else str(self.name)


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
    if parts.scheme == "ssh" and parts.username and parts.password is None:
        host = parts.netloc  # the account of a server, as in git@host: the key is the secret
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
    entry: dict[str, Any] = {"name": str(pin.name)}
    if pin.version is not None:
        entry["version"] = str(pin.version)
    if isinstance(pin.source, Directory):
        return {**entry, "directory": {"path": pin.source.path, "editable": False}}
    if isinstance(pin.source, Vcs):
        return {**entry, "vcs": _render_vcs(pin.source)}
    archived = next(iter((*pin.wheels, pin.sdist)), None) if pin.direct else None
    if archived is not None:
        # PEP 751 gives an archive no name of its own: it is the last part of its address or path.
        archive = _render_artifact(archived)
        return {**entry, "archive": {key: value for key, value in archive.items() if key != "name"}}
    if pin.sdist:
        entry["sdist"] = _render_artifact(pin.sdist)
    if pin.wheels:
        entry["wheels"] = [_render_artifact(wheel) for wheel in pin.wheels]
    return entry


def _render_vcs(vcs: Vcs) -> dict[str, Any]:
    values = {
        "url": clean_url(vcs.url) if vcs.url else "",
        "path": vcs.path,
        "requested-revision": vcs.requested,
        "commit-id": vcs.commit,
        "subdirectory": vcs.subdirectory,
    }
    return {"type": "git", **{key: value for key, value in values.items() if value}}


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
        pins = tuple(read_package(package) for package in pylock.packages)
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


def read_package(package: Package) -> Pin:
    """A package of a PEP 751 lock, paths as they stand there.

    :raises ValueError: it comes from where nothing can be got.
    """
    source: Vcs | Directory | None = None
    wheels = tuple(_artifact(wheel) for wheel in package.wheels or ())
    sdist = _artifact(package.sdist) if package.sdist else None
    if package.directory:
        source = Directory(path=_joined(package.directory.path, package.directory.subdirectory))
    elif package.vcs:
        if package.vcs.type != "git":
            raise ValueError(f"{package.name} is in a repository that is not git's ({package.vcs.type})")
        source = Vcs(
            commit=package.vcs.commit_id,
            url=clean_url(package.vcs.url) if package.vcs.url else "",
            path=package.vcs.path or "",
            requested=package.vcs.requested_revision or "",
            subdirectory=package.vcs.subdirectory or "",
        )
    elif package.archive:
        if package.archive.subdirectory:
            raise ValueError(f"{package.name} is a folder in an archive, which cannot be built")
        archive = _artifact(package.archive)
        wheels, sdist = ((archive,), None) if archive.filename.endswith(".whl") else ((), archive)
    return Pin(
        name=package.name,
        version=package.version,
        wheels=wheels,
        sdist=sdist,
        direct=package.archive is not None,
        source=source,
    )


def _joined(path: str, subdirectory: str | None) -> str:
    return f"{path.rstrip('/')}/{subdirectory}" if subdirectory else path


def _artifact(entry: Any) -> Artifact:
    """An artifact of a PEP 751 `wheels`, `sdist` or `archive` entry."""
    sha256 = dict(entry.hashes).get("sha256")
    filename = getattr(entry, "name", "") or (
        url_filename(entry.url) if entry.url else str(entry.path).rpartition("/")[2]
    )
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
    """The lock as it may leave this host: no `file:` address and no absolute path.

    `root` is where it will lie (absolute, with `/`). What the user named by its path keeps that, relative to
    `root`; so does a file below it. A file from another folder of wheels keeps its bare name.
    """

    def moved(artifact: Artifact, *, direct: bool) -> Artifact:
        if not artifact.path:
            return artifact
        inside = artifact.path.startswith(root.rstrip("/") + "/")
        return replace(
            artifact, path=relative_path(artifact.path, root) if inside or direct else artifact.filename
        )

    def of_pin(pin: Pin) -> Pin:
        source = pin.source
        if source is not None and source.path:
            source = replace(source, path=relative_path(source.path, root))
        return replace(
            pin,
            wheels=tuple(moved(wheel, direct=pin.direct) for wheel in pin.wheels),
            sdist=moved(pin.sdist, direct=pin.direct) if pin.sdist else None,
            source=source,
        )

    return replace(lock, pins=tuple(of_pin(pin) for pin in lock.pins), resolved_at=0)


def relative_path(path: Path | str, root: Path | str) -> str:
    """`path` as seen from `root`, with `/`; what is relative stays, and so does another drive of Windows."""
    if not Path(path).is_absolute():
        return Path(path).as_posix()
    try:
        return Path(os.path.relpath(path, root)).as_posix()
    except ValueError:
        return Path(path).as_posix()
