"""Take the pins from a PEP 751 lock that the project keeps with another tool, instead of resolving.

Source: https://packaging.python.org/en/latest/specifications/pylock-toml/
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatch_cloudrole.errors import Fault, ProjectError
from hatch_cloudrole.lock.model import (
    Directory,
    Lock,
    Pin,
    clean_url,
    parse_lock,
    read_package,
    render_lock,
)
from hatch_cloudrole.lock.resolve import Found, own_pin, same_constraint, with_hashes
from hatch_cloudrole.toml import loads

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from packaging.pylock import Pylock

    from hatch_cloudrole.lock.inputs import RoleInputs
    from hatch_cloudrole.lock.resolve import ResolutionCache, Resolver
    from hatch_cloudrole.target import Target

__all__ = ["narrowed", "read_project_lock"]


def read_project_lock(
    path: Path,
    inputs: Sequence[RoleInputs],
    *,
    target: Target,
    extras: Collection[str],
    groups: Collection[str],
    resolver: Resolver,
    cache: ResolutionCache,
    context: str,
    exclude_newer: str = "",
    refresh: bool = False,
) -> Found:
    """What the lock at `path` has for `target`, with the given extras and dependency groups of it.

    Every role has every package at first: what each needs shows when the wheels are there. The server of a
    web role, when the lock has it not, is resolved beside it, once.

    :raises ProjectError: it is no PEP 751 lock, it is not for this target, or it has what cannot be got.
    """
    shown = path.name
    try:
        text = path.read_text(encoding="utf-8")
        pylock = _parse(text)
        pins = _pins(pylock, path.resolve().parent, target=target, extras=extras, groups=groups)
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError("The project's lock cannot be read", [Fault(shown, str(error))]) from None
    except _LockError as error:
        faults = [Fault(shown, what, error.remedy) for what in error.args]
        raise ProjectError("The project's lock cannot be used", faults) from None
    root = inputs[0].root.resolve() if inputs else path.resolve().parent
    pins = [pin for pin in pins if not _is(pin, root)]
    pins = list(with_hashes(pins, inputs))
    own = own_pin(inputs)
    if own is not None:
        pins = [*(pin for pin in pins if pin.name != own.name), own]
    pins += _servers(
        pins,
        inputs,
        text,
        target=target,
        resolver=resolver,
        cache=cache,
        context=context,
        exclude_newer=exclude_newer,
        refresh=refresh,
    )
    names = tuple(sorted(pin.name for pin in pins))
    lock = Lock(
        target=target,
        pins=tuple(sorted(pins, key=lambda pin: pin.name)),
        roles={each.role: names for each in inputs},
    )
    return Found(lock=lock, source="project")


class _LockError(Exception):
    """What is wrong with a lock, a text each, and what to do about it."""

    def __init__(self, *what: str, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(*what)


def _parse(text: str) -> Pylock:
    from packaging.pylock import Pylock, PylockValidationError

    try:
        return Pylock.from_dict(loads(text))
    except (ValueError, PylockValidationError) as error:
        remedy = (
            "name a pylock.toml, as `uv export --format pylock.toml`, `pip lock` or `pdm export` write it"
        )
        raise _LockError(f"it is no PEP 751 lock: {error}", remedy=remedy) from None


def _pins(
    pylock: Pylock, folder: Path, *, target: Target, extras: Collection[str], groups: Collection[str]
) -> list[Pin]:
    """The packages of `pylock` whose markers hold for `target`, paths absolute."""
    from packaging.pylock import PackageDirectory, PylockSelectError

    # Selection stops at the first package without a wheel that fits; all of them are told later, so here
    # every package is one that always fits.
    marked: list[Any] = [
        replace(
            each,
            wheels=None,
            sdist=None,
            archive=None,
            vcs=None,
            directory=PackageDirectory(path=str(number)),
        )
        for number, each in enumerate(pylock.packages)
    ]
    try:
        chosen = [
            pylock.packages[int(package.directory.path)]  # type: ignore[union-attr]
            for package, _ in replace(pylock, packages=marked).select(
                environment=target.environment(),  # type: ignore[arg-type]
                tags=target.tags(),
                extras=extras,
                dependency_groups={*(pylock.default_groups or ()), *groups},
            )
        ]
    except PylockSelectError as error:
        remedy = f"lock anew for Python {target.python} on {target.platform}, or change python or platform"
        raise _LockError(f"it is not for {target}: {error}", remedy=remedy) from None
    pins, faults = [], []
    for package in chosen:
        try:
            pins.append(_placed(read_package(package), folder))
        except ValueError as error:
            faults.append(str(error))
    if faults:
        raise _LockError(*faults, remedy="lock anew with a tool that writes SHA-256 hashes and plain sources")
    return pins


def _placed(pin: Pin, folder: Path) -> Pin:
    """`pin` with its paths, which count from the lock's folder, made absolute."""

    def absolute(path: str) -> str:
        return (folder / path).resolve().as_posix() if path else ""

    source = pin.source
    return replace(
        pin,
        wheels=tuple(replace(each, path=absolute(each.path)) for each in pin.wheels),
        sdist=replace(pin.sdist, path=absolute(pin.sdist.path)) if pin.sdist else None,
        source=replace(source, path=absolute(source.path)) if source else None,
        version=None if source else pin.version,
    )


def _is(pin: Pin, root: Path) -> bool:
    """Whether `pin` is the project itself, which `install-project` decides about."""
    return isinstance(pin.source, Directory) and Path(pin.source.path) == root


def _servers(
    pins: Sequence[Pin],
    inputs: Sequence[RoleInputs],
    text: str,
    *,
    target: Target,
    resolver: Resolver,
    cache: ResolutionCache,
    context: str,
    exclude_newer: str,
    refresh: bool,
) -> list[Pin]:
    """The servers that the lock has not, with what they need besides."""
    known = {pin.name for pin in pins}
    missing = sorted({each.server for each in inputs if each.server and each.server not in known})
    if not missing:
        return []
    parts = [text, missing, resolver.name, clean_url(context), exclude_newer, str(target), target.python]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    kept = None if refresh else cache.read_resolution(key)
    if kept is not None:
        try:
            return list(parse_lock(kept).pins)
        except ValueError:
            pass  # written by another version of this program
    found = resolver.resolve(
        missing,
        [],
        target=target,
        exclude_newer=exclude_newer,
        constraints=[
            same_constraint(pin) for pin in pins if pin.source is None and (pin.version or pin.direct)
        ],
    )
    new = tuple(pin for pin in found if pin.name not in known)
    cache.write_resolution(key, render_lock(Lock(target=target, pins=new, roles={})))
    return list(new)


def narrowed(found: Found, roles: Mapping[str, Collection[Any]]) -> Found:
    """`found` with each role's own packages, now that they are known."""
    lock = replace(found.lock, roles={name: tuple(sorted(names)) for name, names in roles.items()})
    return replace(found, lock=lock)
