"""Find the lock of a target: the committed one, a recent resolution, or a new resolution."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

from hatch_cloudrole.errors import Fault, ProjectError
from hatch_cloudrole.lock.inputs import inputs_digest, same_requirements
from hatch_cloudrole.lock.model import Lock, Pin, parse_lock, portable, render_lock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from packaging.utils import NormalizedName

    from hatch_cloudrole.lock.inputs import RoleInputs
    from hatch_cloudrole.target import Target

__all__ = [
    "LOCK_FILE",
    "REUSE_SECONDS",
    "Found",
    "ResolutionCache",
    "Resolver",
    "find_committed",
    "find_lock",
    "lock_file_name",
    "resolve",
    "write_lock",
]

LOCK_FILE = "pylock.cloudrole.toml"
REUSE_SECONDS = 24 * 60 * 60
"""How long a resolution is used again where no lock is committed."""


class Resolver(Protocol):
    """What turns requirements into pins."""

    name: str

    def resolve(
        self,
        requirements: Sequence[str],
        files: Sequence[Path],
        *,
        target: Target,
        exclude_newer: str = "",
        constraints: Sequence[str] = (),
    ) -> tuple[Pin, ...]: ...


class ResolutionCache(Protocol):
    """Where resolutions are kept, by key, as the text of a lock."""

    def read_resolution(self, key: str) -> str | None: ...

    def write_resolution(self, key: str, text: str) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A lock, where it came from, and its age in seconds (0 when new)."""

    lock: Lock
    source: Literal["committed", "kept", "resolved"]
    age: int = 0
    stale_file: str = ""
    """The committed lock that no longer fits, where there is one."""


def lock_file_name(target: Target, *, first: bool) -> str:
    """The name of a committed lock: PEP 751 allows `pylock.<name>.toml` without further dots."""
    return LOCK_FILE if first else f"pylock.cloudrole-{target}.toml"


def find_committed(
    path: Path, inputs: Sequence[RoleInputs], *, target: Target, exclude_newer: str
) -> tuple[Lock | None, str]:
    """The committed lock at `path` if it still fits, and otherwise why not (empty where there is none).

    :raises ProjectError: the file is there but is no lock of ours.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None, ""
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError("The lock cannot be read", [Fault(path.name, str(error))]) from None
    try:
        lock = parse_lock(text)
    except ValueError as error:
        remedy = "write it anew with `cloudrole lock`, or delete it"
        raise ProjectError("The lock cannot be used", [Fault(path.name, str(error), remedy)]) from None
    if lock.target != target:
        return None, f"it is for {lock.target}, the settings say {target}"
    if lock.inputs != inputs_digest(inputs, target=target, exclude_newer=exclude_newer):
        return None, "the requirements have changed since it was written"
    if set(lock.roles) != {each.role for each in inputs}:
        return None, "the roles have changed since it was written"
    return lock, ""


def find_lock(
    inputs: Sequence[RoleInputs],
    *,
    target: Target,
    exclude_newer: str,
    resolver: Resolver,
    cache: ResolutionCache,
    context: str,
    committed: Path,
    now: int,
    locked: bool = False,
    refresh: bool = False,
    offline: bool = False,
) -> Found:
    """The lock to build with.

    `context` is what besides the inputs decides a resolution on this host (indexes, tool versions); `now` is
    seconds since the epoch. With `offline` a kept resolution is used whatever its age.

    :raises ProjectError: `locked`, and the committed lock is missing or stale.
    """
    lock, why = find_committed(committed, inputs, target=target, exclude_newer=exclude_newer)
    if lock is not None and not refresh:
        return Found(lock=lock, source="committed")
    if locked:
        what = why or "there is none" if lock is None else "--refresh asks for another"
        raise ProjectError(
            "The lock is stale",
            [Fault(committed.name, what, "run `cloudrole lock` and commit what it writes")],
        )
    stale = committed.name if why else ""
    key = _key(inputs, target=target, exclude_newer=exclude_newer, resolver=resolver.name, context=context)
    kept = None if refresh else _read_kept(cache, key)
    if kept is not None and (offline or 0 <= now - kept.resolved_at < REUSE_SECONDS):
        return Found(lock=kept, source="kept", age=max(0, now - kept.resolved_at), stale_file=stale)
    fresh = resolve(inputs, target=target, exclude_newer=exclude_newer, resolver=resolver, now=now)
    cache.write_resolution(key, render_lock(fresh))
    return Found(lock=fresh, source="resolved", stale_file=stale)


def _key(
    inputs: Sequence[RoleInputs], *, target: Target, exclude_newer: str, resolver: str, context: str
) -> str:
    # Index options inside requirements files are no part of the inputs digest, but do decide a resolution.
    texts = sorted({text for each in inputs for text in each.texts})
    digest = inputs_digest(inputs, target=target, exclude_newer=exclude_newer)
    return hashlib.sha256(json.dumps([digest, resolver, context, texts]).encode()).hexdigest()


def _read_kept(cache: ResolutionCache, key: str) -> Lock | None:
    text = cache.read_resolution(key)
    if text is None:
        return None
    try:
        return parse_lock(text)
    except ValueError:
        return None  # written by another version of this program: resolve anew


def resolve(
    inputs: Sequence[RoleInputs], *, target: Target, exclude_newer: str, resolver: Resolver, now: int
) -> Lock:
    """Resolve all roles together, so that what they share has one version, then find out what each needs."""
    requirements = sorted({text for each in inputs for text in each.requirements})
    files = sorted({file for each in inputs for file in each.files})
    pins = (
        resolver.resolve(requirements, files, target=target, exclude_newer=exclude_newer)
        if (requirements or files)
        else ()
    )
    roles: dict[str, tuple[NormalizedName, ...]] = {}
    groups = list(same_requirements(inputs).values())
    for group in groups:
        names = (
            tuple(pin.name for pin in pins)
            if len(groups) == 1
            else _names_of(group[0], pins, target=target, exclude_newer=exclude_newer, resolver=resolver)
        )
        roles.update({each.role: tuple(sorted(names)) for each in group})
    return Lock(
        target=target,
        pins=tuple(sorted(pins, key=lambda pin: pin.name)),
        roles=roles,
        inputs=inputs_digest(inputs, target=target, exclude_newer=exclude_newer),
        resolved_at=now,
    )


def _names_of(
    inputs: RoleInputs, pins: Sequence[Pin], *, target: Target, exclude_newer: str, resolver: Resolver
) -> tuple[NormalizedName, ...]:
    """What one role needs of the joint pins: its own requirements, resolved within them."""
    if not inputs.requirements and not inputs.files:
        return ()
    own = resolver.resolve(
        inputs.requirements,
        inputs.files,
        target=target,
        exclude_newer=exclude_newer,
        constraints=[f"{pin.name}=={pin.version}" for pin in pins],
    )
    known: Mapping[NormalizedName, Pin] = {pin.name: pin for pin in pins}
    return tuple(pin.name for pin in own if pin.name in known)


def write_lock(lock: Lock, path: Path) -> None:
    """Write a lock that may be committed, whole or not at all.

    :raises OSError: it cannot be written.
    """
    text = render_lock(portable(replace(lock, resolved_at=0), root=path.parent.resolve().as_posix()))
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8", newline="\n")
    partial.replace(path)
