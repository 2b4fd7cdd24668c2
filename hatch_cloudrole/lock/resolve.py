"""Find the lock of a target: the committed one, a recent resolution, or a new resolution."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from packaging.utils import canonicalize_name

from hatch_cloudrole.errors import Fault, ProjectError, WheelError
from hatch_cloudrole.lock.direct import public_requirement
from hatch_cloudrole.lock.inputs import inputs_digest, same_requirements
from hatch_cloudrole.lock.model import Directory, Lock, Pin, Vcs, parse_lock, portable, render_lock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packaging.utils import NormalizedName

    from hatch_cloudrole.lock.inputs import RoleInputs
    from hatch_cloudrole.target import Target

__all__ = [
    "LOCK_FILE",
    "REUSE_SECONDS",
    "Found",
    "ResolutionCache",
    "Resolver",
    "age_text",
    "find_committed",
    "find_lock",
    "lock_file_name",
    "lock_notes",
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
    source: Literal["committed", "kept", "project", "resolved"]
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
    options = list(dict.fromkeys(public_requirement(each) for one in inputs for each in one.options))
    # A kept resolution holds absolute paths of local projects: another checkout has its own.
    local = [each for each in inputs if each.own or each.folders or "file:" in "".join(each.requirements)]
    roots = sorted({str(each.root.resolve()) for each in local})
    digest = inputs_digest(inputs, target=target, exclude_newer=exclude_newer)
    return hashlib.sha256(json.dumps([digest, resolver, context, options, roots]).encode()).hexdigest()


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
    asked = [each.for_resolver() for each in inputs]
    constraints = sorted({text for _, texts in asked for text in texts})
    options = list(dict.fromkeys(option for each in inputs for option in each.options))
    pins = _ask(
        resolver,
        sorted({text for texts, _ in asked for text in texts}),
        options,
        target=target,
        exclude_newer=exclude_newer,
        constraints=constraints,
    )
    pins = with_hashes(pins, inputs)
    own = own_pin(inputs)
    if own is not None:
        pins = (*(pin for pin in pins if pin.name != own.name), own)
    roles: dict[str, tuple[NormalizedName, ...]] = {}
    groups = list(same_requirements(inputs).values())
    for group in groups:
        names = (
            {pin.name for pin in pins}
            if len(groups) == 1
            else _names_of(
                group[0],
                pins,
                options,
                target=target,
                exclude_newer=exclude_newer,
                resolver=resolver,
                constraints=constraints,
            )
        )
        roles.update({each.role: tuple(sorted(names)) for each in group})
    return Lock(
        target=target,
        pins=tuple(sorted(pins, key=lambda pin: pin.name)),
        roles=roles,
        inputs=inputs_digest(inputs, target=target, exclude_newer=exclude_newer),
        resolved_at=now,
    )


def own_pin(inputs: Sequence[RoleInputs]) -> Pin | None:
    """The project itself, when a role installs it."""
    for each in inputs:
        if each.own is not None:
            return Pin(name=each.own, version=None, source=Directory(path=each.root.resolve().as_posix()))
    return None


def _ask(
    resolver: Resolver,
    requirements: Sequence[str],
    options: Sequence[str],
    *,
    target: Target,
    exclude_newer: str,
    constraints: Sequence[str],
) -> tuple[Pin, ...]:
    """What the resolver answers; the options of requirements files reach it as a file of nothing else."""
    if not requirements:
        return ()
    with tempfile.TemporaryDirectory(prefix="cloudrole-options-") as folder:
        files = []
        if options:
            path = Path(folder) / "options.txt"
            path.write_text("".join(f"{each}\n" for each in options), encoding="utf-8")
            files.append(path)
        return resolver.resolve(
            requirements, files, target=target, exclude_newer=exclude_newer, constraints=constraints
        )


def with_hashes(pins: Sequence[Pin], inputs: Sequence[RoleInputs]) -> tuple[Pin, ...]:
    """`pins` with only those files that the requirements' hashes allow, which resolvers do not see to.

    :raises WheelError: they allow none of a package's files, or `--require-hashes` and there is no hash.
    """
    kept, faults = [], []
    for pin in pins:
        allowed = [each.hashes[pin.name] for each in inputs if pin.name in each.hashes]
        if not allowed:
            if any("--require-hashes" in each.options for each in inputs):
                remedy = "give a --hash for every package, or take --require-hashes out"
                faults.append(Fault(str(pin), "--require-hashes is set, but no hash of it is given", remedy))
            kept.append(pin)
            continue
        good = frozenset.intersection(*allowed)
        wheels = tuple(wheel for wheel in pin.wheels if wheel.sha256 in good)
        sdist = pin.sdist if pin.sdist and pin.sdist.sha256 in good else None
        if not wheels and sdist is None:
            files = ", ".join(each.filename for each in (*pin.wheels, pin.sdist) if each) or "its source"
            what = f"the hashes of the requirements fit none of its files ({files})"
            faults.append(
                Fault(str(pin), what, "pin the version that the hashes are of, or renew the hashes")
            )
        kept.append(replace(pin, wheels=wheels, sdist=sdist))
    if faults:
        raise WheelError("Some packages are not those that the hashes are of", faults)
    return tuple(kept)


def _names_of(
    inputs: RoleInputs,
    pins: Sequence[Pin],
    options: Sequence[str],
    *,
    target: Target,
    exclude_newer: str,
    resolver: Resolver,
    constraints: Sequence[str],
) -> set[NormalizedName]:
    """What one role needs of the joint pins: its own requirements, resolved within them."""
    named = {pin.name for pin in pins}
    direct = {canonicalize_name(root.name) for root in inputs.roots() if root.url}
    # What the role itself refers to needs no second reference, which might be spelled otherwise.
    pinned = [same_constraint(pin) for pin in pins if pin.name != inputs.own and pin.name not in direct]
    own = _ask(
        resolver,
        inputs.for_resolver()[0],
        options,
        target=target,
        exclude_newer=exclude_newer,
        constraints=[*(each for each in constraints if " @ " not in each), *pinned],
    )
    return {pin.name for pin in own if pin.name in named} | ({inputs.own} if inputs.own else set())


def same_constraint(pin: Pin) -> str:
    """The constraint that allows what was pinned (its paths absolute), and nothing else."""
    if isinstance(pin.source, Directory):
        return f"{pin.name} @ {Path(pin.source.path).as_uri()}"
    if isinstance(pin.source, Vcs):
        url = pin.source.url or Path(pin.source.path).as_uri()
        subdirectory = f"#subdirectory={pin.source.subdirectory}" if pin.source.subdirectory else ""
        return f"{pin.name} @ git+{url}@{pin.source.commit}{subdirectory}"
    if pin.direct:
        artifact = pin.wheels[0] if pin.wheels else pin.sdist
        assert artifact is not None  # noqa: S101
        return f"{pin.name} @ {artifact.url or Path(artifact.path).as_uri()}"
    return f"{pin.name}=={pin.version}"


def write_lock(lock: Lock, path: Path) -> None:
    """Write a lock that may be committed, whole or not at all.

    :raises OSError: it cannot be written.
    """
    text = render_lock(portable(replace(lock, resolved_at=0), root=path.parent.resolve().as_posix()))
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8", newline="\n")
    partial.replace(path)


def lock_notes(found: Found, target: Target) -> list[str]:
    """What the user should know about where a lock came from."""
    notes = []
    if found.stale_file:
        notes.append(f"{found.stale_file} no longer fits the settings and was not used: run `cloudrole lock`")
    if found.source == "kept":
        notes.append(f"The resolution for {target} is {age_text(found.age)} old; --refresh makes a new one")
    return notes


def age_text(seconds: int) -> str:
    """Hours and minutes as people write them."""
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
