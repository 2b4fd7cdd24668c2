"""Build wheels of what is no file of an index: folders of this host, and commits of git repositories.

Each is built by its own backend in isolation and written anew, then kept in the store: a commit's wheel by
the commit, a folder's by a digest of its files, so that it is never stale and nothing runs while nothing
changes.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hatch_cloudrole.errors import CloudRoleError, Fault, TransportError, WheelError
from hatch_cloudrole.lock.model import Directory, Vcs
from hatch_cloudrole.wheels.build import BuildError, build_wheel, rewrite_wheel
from hatch_cloudrole.wheels.checkout import CheckoutError, check_out
from hatch_cloudrole.wheels.model import Provenance
from hatch_cloudrole.wheels.source_tree import SourceFiles, tree_files
from hatch_cloudrole.wheels.stand_in import with_stand_in
from hatch_cloudrole.wheels.verify import BadWheelError, read_wheel, tags_fit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from packaging.utils import NormalizedName

    from hatch_cloudrole.lock.indexes import Indexes
    from hatch_cloudrole.lock.model import Lock, Pin
    from hatch_cloudrole.process import Runner
    from hatch_cloudrole.progress import Progress
    from hatch_cloudrole.target import Target
    from hatch_cloudrole.wheels.model import Wheel
    from hatch_cloudrole.wheels.store import Store
    from hatch_cloudrole.wheels.wheelhouse import Wheelhouse, Workshop

__all__ = ["LocalWheels", "LocalWorkshop", "gather_all"]

_DECIDING_VARIABLE = re.compile(
    r"HATCH_(BUILD|METADATA)_|SETUPTOOLS_|PDM_BUILD_|POETRY_DYNAMIC|CFLAGS|LDFLAGS|CC$|CXX$"
)
"""Variables by which backends are told how to build: their values are part of a folder's digest."""

"""What uv says when it could not get what a build requires."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalWheels:
    """Wheels by package name; which were in the store, and which were built in this run."""

    wheels: Mapping[NormalizedName, Wheel]
    kept: tuple[NormalizedName, ...] = ()
    built: tuple[NormalizedName, ...] = ()


class LocalWorkshop:
    """Gets the wheels of a lock's source trees into the store."""

    def __init__(
        self,
        *,
        store: Store,
        run: Runner,
        env: Mapping[str, str],
        indexes: Indexes,
        root: Path,
        progress: Progress,
        offline: bool = False,
        exclude_newer: str = "",
    ) -> None:
        self._store = store
        self._run = run
        # A build of the project's own wheel must not start another build of its package.
        self._env = {**env, "HATCH_BUILD_HOOK_ENABLE_CLOUDROLE": "0"}
        self._indexes = indexes
        self._root = root
        self._progress = progress
        self._offline = offline
        self._exclude_newer = exclude_newer

    def gather(self, lock: Lock) -> LocalWheels:
        """A wheel of every pin of `lock` that has a source.

        :raises WheelError: some cannot be built, or not to a wheel that fits.
        :raises TransportError: a repository did not answer, or `offline` forbids to ask it.
        """
        wheels: dict[NormalizedName, Wheel] = {}
        kept: list[NormalizedName] = []
        built: list[NormalizedName] = []
        errors: list[CloudRoleError] = []
        for pin in lock.pins:
            if pin.source is None:
                continue
            try:
                wheel, fresh = self._wheel(pin, lock.target)
            except CloudRoleError as error:
                errors.append(error)
                continue
            except OSError as error:
                where = str(error.filename or self._store.root)
                errors.append(TransportError("", [Fault(where, error.strerror or str(error))]))
                continue
            wheels[pin.name] = wheel
            (built if fresh else kept).append(pin.name)
        if errors:
            faults = [fault for error in errors for fault in error.faults]
            if all(isinstance(error, TransportError) for error in errors):
                raise TransportError(f"Not every wheel for {lock.target} can be built", faults)
            raise WheelError(f"The wheelhouse for {lock.target} cannot be filled", faults)
        return LocalWheels(wheels=wheels, kept=tuple(kept), built=tuple(built))

    def _wheel(self, pin: Pin, target: Target) -> tuple[Wheel, bool]:
        if isinstance(pin.source, Vcs):
            return self._of_commit(pin, pin.source, target)
        assert isinstance(pin.source, Directory)  # noqa: S101
        return self._of_folder(pin, pin.source.path, target)

    def _of_commit(self, pin: Pin, vcs: Vcs, target: Target) -> tuple[Wheel, bool]:
        key = _key("git", vcs.commit, vcs.subdirectory)
        if (wheel := self._known(pin, key, target)) is not None:
            return wheel, False
        if self._offline and not vcs.path:
            remedy = "build once without --offline"
            raise TransportError(
                "", [Fault(str(pin), f"the wheel of commit {vcs.commit[:12]} is not in the store", remedy)]
            )
        with (
            self._progress.step(f"Building a wheel of {pin} from commit {vcs.commit[:12]}"),
            self._store.partial("checkout") as folder,
        ):
            try:
                check_out(vcs, folder, run=self._run, env=self._env, indexes=self._indexes, root=self._root)
            except CheckoutError as error:
                raise TransportError("", [replace(error.fault, where=str(pin))]) from None
            return self._build(pin, folder / vcs.subdirectory, key, target), True

    def _of_folder(self, pin: Pin, path: str, target: Target) -> tuple[Wheel, bool]:
        folder = (self._root / path).resolve()
        if not folder.is_dir():
            remedy = "put it back, or renew the lock (`cloudrole lock`, --refresh)"
            raise WheelError("", [Fault(str(pin), f"its folder {path} is not there", remedy)])
        before = tree_files(folder)
        key = self._folder_key(before)
        if (wheel := self._known(pin, key, target)) is not None:
            return wheel, False
        shown = (
            folder.relative_to(self._root.resolve())
            if folder.is_relative_to(self._root.resolve())
            else folder
        )
        with self._progress.step(
            f"Building a wheel of {pin} from {'the project' if str(shown) == '.' else shown}"
        ):
            wheel = self._build(pin, folder, key, target)
        after = tree_files(folder)
        if after.digests != before.digests and before.digests.items() <= after.digests.items():
            # The build itself wrote files, a version file say: with them the folder is what was built.
            self._remember(self._folder_key(after), target, wheel)
        return wheel, True

    def _folder_key(self, files: SourceFiles) -> str:
        variables = sorted((name, self._env[name]) for name in self._env if _DECIDING_VARIABLE.match(name))
        return _key("folder", json.dumps(variables), files.digest())

    def _known(self, pin: Pin, key: str, target: Target) -> Wheel | None:
        wheel = self._store.built_wheel(key, target)
        return wheel if wheel is not None and wheel.name == pin.name else None

    def _build(self, pin: Pin, tree: Path, key: str, target: Target) -> Wheel:
        with self._store.partial("wheel") as partial:
            out = partial.parent / "built"
            env = with_stand_in(self._env, tree, partial.parent)
            if "DIST_EXTRA_CONFIG" not in env:
                # setuptools keeps what it copied last time, files that are gone since included: not here.
                config = partial.parent / "setuptools.cfg"
                config.write_text(f"[build]\nbuild_base = {partial.parent / 'base'}\n", encoding="utf-8")
                env["DIST_EXTRA_CONFIG"] = str(config)
            try:
                result = build_wheel(
                    tree,
                    out,
                    run=self._run,
                    env=env,
                    indexes=self._indexes,
                    root=self._root,
                    offline=self._offline,
                    exclude_newer=self._exclude_newer,
                )
                built = result.path
                if not tags_fit(built.name, target.tags()):
                    raise WheelError("", [_does_not_fit(pin, built.name, target)])
                anew = partial.parent / "anew" / built.name
                anew.parent.mkdir()
                content = rewrite_wheel(built, anew)
                wheel = read_wheel(
                    anew, anew.name, content=content, expect=(pin.name, pin.version), built_from=key
                )
            except BuildError as error:
                if error.transport:
                    remedy = "check the network and the index" + (
                        ", or build without --offline" * self._offline
                    )
                    raise TransportError("", [replace(error.fault, where=str(pin), remedy=remedy)]) from None
                remedy = "mend it: `uv build --wheel` in that folder shows the same"
                raise WheelError(
                    "", [replace(error.fault, where=f"{pin} for {target}", remedy=remedy)]
                ) from None
            except BadWheelError as error:
                raise WheelError(
                    "", [Fault(str(pin), f"the wheel it was built to is refused: {error}")]
                ) from None
            kept = self._store.add_wheel(anew, wheel)
            self._remember(key, target, kept)
            return kept

    def _remember(self, key: str, target: Target, wheel: Wheel) -> None:
        """Keep `wheel` as what the source tree of this key builds to."""
        self._store.add_built(target, wheel, Provenance(sdist="", sha256=key, wheel=wheel.filename))


def gather_all(lock: Lock, workshop: Workshop, local: LocalWorkshop) -> Wheelhouse:
    """Every wheel of `lock`: those of its source trees, then those that an index has.

    :raises WheelError: some package has no wheel that fits, or one was refused.
    :raises TransportError: something did not arrive.
    """
    own = local.gather(lock)
    house = workshop.gather(replace(lock, pins=tuple(pin for pin in lock.pins if pin.source is None)))
    wheels = {**house.wheels, **own.wheels}
    return replace(
        house,
        wheels={name: wheels[name] for name in sorted(wheels)},
        kept=tuple(sorted((*house.kept, *own.kept))),
        built=tuple(sorted((*house.built, *own.built))),
    )


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _does_not_fit(pin: Pin, filename: str, target: Target) -> Fault:
    what = f"it builds to {filename} on this host, which does not fit {target}"
    remedy = (
        "build that wheel where the target's platform and Python are and put it into a folder that "
        "find-links names, require it by name and version instead, or make the project pure Python"
    )
    return Fault(str(pin), what, remedy)
