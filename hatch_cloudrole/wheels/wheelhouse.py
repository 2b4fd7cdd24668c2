"""Bring every pinned wheel of a lock into the store: what is there, what is fetched, what is built."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from packaging.utils import parse_wheel_filename

from hatch_cloudrole.errors import CloudRoleError, Fault, TransportError, WheelError
from hatch_cloudrole.wheels.fetch import FetchError, HashMismatchError, copy_local, safe_filename
from hatch_cloudrole.wheels.from_sdist import SdistBuilder, UnbuildableError
from hatch_cloudrole.wheels.native import this_host
from hatch_cloudrole.wheels.store import unwritable
from hatch_cloudrole.wheels.verify import BadWheelError, read_wheel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from packaging.utils import NormalizedName

    from hatch_cloudrole.content import Content
    from hatch_cloudrole.lock.indexes import Indexes
    from hatch_cloudrole.lock.model import Artifact, Lock, Pin
    from hatch_cloudrole.process import Runner
    from hatch_cloudrole.progress import Progress
    from hatch_cloudrole.target import Target
    from hatch_cloudrole.wheels.fetch import Fetcher
    from hatch_cloudrole.wheels.model import Provenance, Wheel
    from hatch_cloudrole.wheels.native import Host
    from hatch_cloudrole.wheels.store import Store

__all__ = ["Wheelhouse", "Workshop"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheelhouse:
    """Every wheel of one lock, by package name, and where each came from in this run.

    `kept`, `fetched` and `built` are package names; each package is in exactly one of them.
    """

    wheels: Mapping[NormalizedName, Wheel]
    kept: tuple[NormalizedName, ...] = ()
    fetched: tuple[NormalizedName, ...] = ()
    built: tuple[NormalizedName, ...] = ()
    provenance: tuple[Provenance, ...] = ()
    """How each wheel was built that comes from an sdist, in this run or an earlier one."""


@dataclass(frozen=True, slots=True)
class _Missing:
    """What went wrong with one pin, and whether the transport or the wheel is to blame."""

    fault: Fault
    transport: bool


class Workshop:
    """Gets wheels for one target into the store. The world (network, processes, folders) is handed in."""

    def __init__(
        self,
        *,
        store: Store,
        fetcher: Fetcher,
        run: Runner,
        env: Mapping[str, str],
        indexes: Indexes,
        root: Path,
        progress: Progress,
        jobs: int = 8,
        offline: bool = False,
        exclude_newer: str = "",
        host: Host | None = None,
    ) -> None:
        self._store = store
        self._fetcher = fetcher
        self._indexes = indexes
        self._root = root
        self._progress = progress
        self._jobs = jobs
        self._offline = offline
        self._sdists = SdistBuilder(
            store=store,
            bring=lambda artifact, path: self._bring(artifact, path, lambda _: None),
            run=run,
            env=env,
            indexes=indexes,
            root=root,
            offline=offline,
            exclude_newer=exclude_newer,
            host=host or this_host(),
        )

    def gather(self, lock: Lock) -> Wheelhouse:
        """Every wheel that `lock` pins, in the store.

        :raises WheelError: some package has no wheel that fits, or one was refused for what it holds.
        :raises TransportError: something did not arrive, or could not be written.
        """
        wheels: dict[NormalizedName, Wheel] = {}
        to_fetch: list[Pin] = []
        to_build: list[Pin] = []
        for pin in lock.pins:
            kept = self._kept(pin, lock.target)
            if kept is not None:
                wheels[pin.name] = kept
            elif fitting(pin, lock.target) is not None:
                to_fetch.append(pin)
            else:
                to_build.append(pin)
        found = sorted(wheels)
        faults: list[_Missing] = []
        self._check_offline([*to_fetch, *to_build])
        try:
            faults += self._fetch_all(to_fetch, lock.target, wheels)
            faults += self._build_all(to_build, lock.target, wheels)
        except OSError as error:
            raise unwritable(error, self._store) from None
        if faults:
            raise _error(faults, lock.target)
        built = [wheels[name] for name in sorted(wheels) if wheels[name].built_from]
        return Wheelhouse(
            wheels={name: wheels[name] for name in sorted(wheels)},
            kept=tuple(found),
            fetched=tuple(pin.name for pin in to_fetch),
            built=tuple(pin.name for pin in to_build),
            provenance=tuple(each for wheel in built if (each := self._store.provenance(wheel))),
        )

    def _kept(self, pin: Pin, target: Target) -> Wheel | None:
        artifact = fitting(pin, target)
        if artifact is not None:
            kept = self._store.wheel(pin.name, artifact.sha256)
            # The same bytes may have come from elsewhere last time: the lock says where from now.
            return replace(kept, filename=artifact.filename, url=artifact.url) if kept else None
        if pin.sdist is not None:
            return self._store.built_wheel(pin.sdist.sha256, target)
        return None

    def _check_offline(self, pins: Sequence[Pin]) -> None:
        if not self._offline:
            return
        faults = [
            Fault(str(pin), "is not in the store")
            for pin in pins
            if not any(self._local(each) for each in (*pin.wheels, pin.sdist) if each)
        ]
        if faults:
            remedy = Fault(
                "", "build once without --offline, or put the wheels into a folder that find-links names"
            )
            raise TransportError("--offline lacks some wheels", [*faults, remedy])

    def _local(self, artifact: Artifact) -> Path | None:
        """The file that an artifact with a path stands for: where the lock says, or in find-links."""
        if not artifact.path:
            return None
        folders = [self._root / link for link in self._indexes.find_links if "://" not in link]
        candidates = [self._root / artifact.path, *(folder / artifact.filename for folder in folders)]
        return next((path for path in candidates if path.is_file()), None)

    def _fetch_all(
        self, pins: Sequence[Pin], target: Target, wheels: dict[NormalizedName, Wheel]
    ) -> list[_Missing]:
        if not pins:
            return []
        sizes = [artifact.size for pin in pins if (artifact := fitting(pin, target))]
        total = sum(size for size in sizes if size) if all(sizes) else None
        faults: list[_Missing] = []
        what = "1 wheel" if len(pins) == 1 else f"{len(pins)} wheels"
        with (
            self._progress.transfer(f"Fetching {what}", total) as on_bytes,
            ThreadPoolExecutor(max_workers=self._jobs, thread_name_prefix="fetch") as pool,
        ):
            for pin, result in zip(
                pins, pool.map(lambda pin: self._fetch(pin, target, on_bytes), pins), strict=True
            ):
                if isinstance(result, _Missing):
                    faults.append(result)
                else:
                    wheels[pin.name] = result
        return faults

    def _fetch(self, pin: Pin, target: Target, on_bytes: Callable[[int], None]) -> Wheel | _Missing:
        artifact = fitting(pin, target)
        assert artifact is not None  # noqa: S101
        try:
            with self._store.partial(safe_filename(artifact.filename)) as partial:
                content = self._bring(artifact, partial, on_bytes)
                wheel = read_wheel(
                    partial,
                    artifact.filename,
                    content=content,
                    expect=(pin.name, pin.version),
                    url=artifact.url,
                )
                return self._store.add_wheel(partial, wheel)
        except FetchError as error:
            return _Missing(error.fault, transport=not isinstance(error, HashMismatchError))
        except BadWheelError as error:
            remedy = "report it to whoever serves this file, and pin another version meanwhile"
            return _Missing(
                Fault(artifact.filename, f"this wheel is refused: {error}", remedy), transport=False
            )

    def _bring(self, artifact: Artifact, partial: Path, on_bytes: Callable[[int], None]) -> Content:
        if artifact.url:
            return self._fetcher.fetch(artifact, partial, on_bytes=on_bytes)
        local = self._local(artifact)
        if local is None:
            remedy = "put it back, or renew the lock with --refresh or `cloudrole lock`"
            raise FetchError(
                Fault(artifact.filename, "the lock took it from a folder where it is no longer", remedy)
            )
        return copy_local(local, artifact, partial, on_bytes=on_bytes)

    def _build_all(
        self, pins: Sequence[Pin], target: Target, wheels: dict[NormalizedName, Wheel]
    ) -> list[_Missing]:
        if not pins:
            return []
        # Building keeps a processor busy, unlike fetching.
        workers = max(1, min(self._jobs, os.cpu_count() or 1, len(pins)))
        what = f"a wheel of {pins[0]} from its sdist" if len(pins) == 1 else f"{len(pins)} wheels from sdists"
        with (
            self._progress.step(f"Building {what}"),
            ThreadPoolExecutor(max_workers=workers, thread_name_prefix="build") as pool,
        ):
            try:
                results = list(pool.map(lambda pin: self._build(pin, target), pins))
            except BaseException:  # Ctrl-C: do not wait for compilers
                self._sdists.cancelled.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        faults = []
        for pin, result in zip(pins, results, strict=True):
            if isinstance(result, _Missing):
                faults.append(result)
            else:
                wheels[pin.name] = result
        return faults

    def _build(self, pin: Pin, target: Target) -> Wheel | _Missing:
        try:
            return self._sdists.build(pin, target)
        except FetchError as error:
            return _Missing(error.fault, transport=not isinstance(error, HashMismatchError))
        except UnbuildableError as error:
            return _Missing(error.fault, transport=False)


def fitting(pin: Pin, target: Target) -> Artifact | None:
    """The wheel of `pin` whose tags suit `target` best, None when there is none."""
    ranks = {tag: rank for rank, tag in enumerate(target.tags())}
    best: tuple[int, Artifact] | None = None
    for artifact in pin.wheels:
        try:
            tags = parse_wheel_filename(artifact.filename)[3]
        except ValueError:
            continue
        rank = min((ranks[tag] for tag in tags if tag in ranks), default=None)
        if rank is not None and (best is None or rank < best[0]):
            best = (rank, artifact)
    return best[1] if best else None


def _error(faults: Sequence[_Missing], target: Target) -> CloudRoleError:
    """One error for all that is missing. What is wrong with wheels outweighs what did not arrive."""
    texts = [each.fault for each in faults]
    if any(not each.transport for each in faults):
        return WheelError(f"The wheelhouse for {target} cannot be filled", texts)
    return TransportError(f"Not every wheel for {target} arrived", texts)
