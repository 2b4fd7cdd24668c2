"""From a project to its package: the steps in order, each handing one value to the next."""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hatch_cloudrole.bundled import Bundled, Bundler
from hatch_cloudrole.content import Content
from hatch_cloudrole.errors import CloudRoleError, Fault, ProjectError, TransportError, WheelError
from hatch_cloudrole.lock.indexes import Indexes, pip_config_files, read_indexes
from hatch_cloudrole.lock.inputs import RoleInputs, gather
from hatch_cloudrole.lock.resolve import Found, Resolver, find_lock, lock_file_name
from hatch_cloudrole.lock.uv import UvResolver
from hatch_cloudrole.options import Options, cache_folder
from hatch_cloudrole.role.files import ProjectFile, Selection, select_role_files
from hatch_cloudrole.role.windows_paths import APPROOT, SITE, path_faults
from hatch_cloudrole.wheels.closure import closure_faults
from hatch_cloudrole.wheels.fetch import Fetcher
from hatch_cloudrole.wheels.store import Store
from hatch_cloudrole.wheels.wheelhouse import Wheelhouse, Workshop

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from hatch_cloudrole.process import Runner
    from hatch_cloudrole.progress import Progress
    from hatch_cloudrole.project import Project
    from hatch_cloudrole.role.tree import RoleTree
    from hatch_cloudrole.settings.model import Role, Service
    from hatch_cloudrole.target import Target
    from hatch_cloudrole.wheels.model import Wheel

__all__ = ["Build", "Prepared", "World", "check_support"]


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """All that a build touches besides the project: environment, clock, home, programs, the user's eyes."""

    env: Mapping[str, str]
    home: Path
    now: Callable[[], int]
    run: Runner
    progress: Progress


@dataclass(slots=True)
class Build:
    """One build of one service. Each step may be called alone; later ones take what earlier ones gave."""

    project: Project
    service: Service
    files: Sequence[ProjectFile]
    named: Collection[str]
    """Patterns by which the target's own `include` names files, so that a secret may be named exactly."""
    ignored: Callable[[str], bool]
    options: Options
    world: World
    timings: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def select(self) -> dict[str, Selection]:
        """The files of each role.

        :raises ProjectError: a file would be shipped that looks like a secret, or that Windows cannot hold.
        """
        selections = {
            role.name: select_role_files(self.files, role, named=self.named, ignored=self.ignored)
            for role in self.service.roles
        }
        found = {fault for selection in selections.values() for fault in selection.faults}
        for role in self.service.roles:
            if role.target.is_windows:
                longest = len(SITE if role.has_site else APPROOT)
                found.update(path_faults(selections[role.name].files, prefix_length=longest))
        faults = sorted(found)
        if faults:
            raise ProjectError("Some files cannot be shipped", faults)
        return selections

    def inputs(self) -> dict[str, RoleInputs]:
        """What each role asks for.

        :raises ProjectError: a requirements file cannot be read.
        """
        return {role.name: gather(self.project, role) for role in self.service.roles}

    def indexes(self) -> Indexes:
        """Where this host gets packages from."""
        return read_indexes(
            env=self.world.env,
            root=self.project.root,
            home=self.world.home,
            pip_files=pip_config_files(self.world.env, self.world.home),
            index_url=self.service.index_url,
            find_links=self.service.find_links,
        )

    def targets(self) -> dict[Target, list[Role]]:
        """The roles by what they are for, in the user's order."""
        groups: dict[Target, list[Role]] = {}
        for role in self.service.roles:
            groups.setdefault(role.target, []).append(role)
        return groups

    def lock_path(self, target: Target) -> Path:
        """Where the lock of `target` is committed."""
        first = next(iter(self.targets())) == target
        return self.project.root / lock_file_name(target, first=first)

    def announcing_resolver(self, indexes: Indexes, target: Target) -> Resolver:
        """The resolver for the roles of `target`; it tells the user when it is at work."""
        roles = self.targets()[target]
        resolver = UvResolver(
            run=self.world.run,
            env=self.world.env,
            indexes=indexes,
            root=self.project.root,
            offline=self.options.offline,
        )
        return _Announcing(resolver, self.world.progress, target, len(roles))

    def find_locks(self, indexes: Indexes, store: Store) -> dict[Target, Found]:
        """The lock of each target: committed, kept or resolved now."""
        inputs = self.inputs()
        found: dict[Target, Found] = {}
        for target, roles in self.targets().items():
            resolver = self.announcing_resolver(indexes, target)
            found[target] = find_lock(
                [inputs[role.name] for role in roles],
                target=target,
                exclude_newer=self.service.exclude_newer,
                resolver=resolver,
                cache=store,
                context=indexes.fingerprint(),
                committed=self.lock_path(target),
                now=self.world.now(),
                locked=self.options.locked,
                refresh=self.options.refresh,
                offline=self.options.offline,
            )
            self.notes += lock_notes(found[target], target)
        return found

    def gather_wheels(
        self, locks: Mapping[Target, Found], indexes: Indexes, store: Store
    ) -> tuple[dict[Target, Wheelhouse], int]:
        """Every wheel of every target, and the number of bytes that were fetched.

        :raises WheelError: a wheel does not fit, is refused, or lacks a dependency.
        :raises TransportError: a wheel did not arrive.
        """
        fetcher = Fetcher(indexes)
        houses: dict[Target, Wheelhouse] = {}
        inputs = self.inputs()
        faults: list[Fault] = []
        for target, found in locks.items():
            workshop = Workshop(
                store=store,
                fetcher=fetcher,
                run=self.world.run,
                env=self.world.env,
                indexes=indexes,
                root=self.project.root,
                progress=self.world.progress,
                jobs=self.options.jobs,
                offline=self.options.offline,
                exclude_newer=self.service.exclude_newer,
            )
            houses[target] = workshop.gather(found.lock)
            for role in self.targets()[target]:
                own = {wheel.name: wheel for wheel in role_wheels(role, found, houses[target])}
                faults += closure_faults(own, target, inputs[role.name].roots())
        if faults:
            remedy = "renew the lock with `cloudrole lock` or --refresh"
            raise WheelError("The wheelhouse is not complete", [*sorted(set(faults)), Fault("", "", remedy)])
        return houses, fetcher.fetched_bytes

    def gather_runtimes(self, indexes: Indexes, store: Store) -> tuple[dict[str, Bundled], int]:
        """What each role's package says or holds of its interpreter, and the number of bytes fetched.

        :raises ProjectError: there is none for the target, or it is not what the settings say.
        :raises TransportError: it did not arrive.
        """
        fetcher = Fetcher(indexes)
        bundler = Bundler(
            store=store,
            fetcher=fetcher,
            root=self.project.root,
            progress=self.world.progress,
            offline=self.options.offline,
            os_family=self.service.os_family,
        )
        runtimes: dict[str, Bundled] = {}
        errors: list[CloudRoleError] = []
        for role in self.service.roles:
            try:
                runtimes[role.name] = bundler.bundle(role)
            except OSError as error:
                fault = Fault(str(error.filename), error.strerror or str(error))
                errors.append(TransportError("The interpreter's archive cannot be read or kept", [fault]))
            except CloudRoleError as error:
                errors.append(error)
        raise_all(errors)
        return runtimes, fetcher.fetched_bytes

    def trees(
        self,
        selections: Mapping[str, Selection],
        locks: Mapping[Target, Found],
        houses: Mapping[Target, Wheelhouse],
        runtimes: Mapping[str, Bundled],
    ) -> dict[str, RoleTree]:
        """Every file of every role.

        :raises ProjectError: paths that the instances cannot hold, of all roles.
        """
        from hatch_cloudrole.instance import instance_files
        from hatch_cloudrole.role.pylock import role_pylock
        from hatch_cloudrole.role.tree import build_role_tree

        trees: dict[str, RoleTree] = {}
        errors: list[CloudRoleError] = []
        contents: dict[Path, Content] = {}

        def content(path: Path) -> Content:
            if path not in contents:  # roles may share files
                contents[path] = Content.of_file(path)
            return contents[path]

        for role in self.service.roles:
            wheels = role_wheels(role, locks[role.target], houses[role.target])
            try:
                files = {path: content(file.path) for path, file in selections[role.name].files.items()}
                trees[role.name] = build_role_tree(
                    self.service,
                    role,
                    files=files,
                    wheels=wheels,
                    pylock=role_pylock(wheels, role.target).encode(),
                    scripts=named_for(role, instance_files(role.target)),
                    runtime=runtimes[role.name].record,
                    archive=runtimes[role.name].files,
                )
            except OSError as error:
                fault = Fault(str(error.filename), error.strerror or str(error))
                errors.append(TransportError("A file of the project cannot be read", [fault]))
            except CloudRoleError as error:
                errors.append(error)
            else:
                self.notes += [note for note in trees[role.name].notes if note not in self.notes]
                for fault in trees[role.name].warnings:
                    self.world.progress.warn(str(fault))
        raise_all(errors)
        return trees

    def prepare(self) -> Prepared:
        """Everything that goes into the artifacts, of whatever target version.

        :raises CloudRoleError: of every kind; nothing has been written but to the store.
        """
        with self.timed("select"):
            selections = self.select()
        store = Store(cache_folder(self.options))
        indexes = self.indexes()
        with self.timed("lock"):
            locks = self.find_locks(indexes, store)
        with self.timed("wheels"):
            houses, fetched = self.gather_wheels(locks, indexes, store)
        with self.timed("runtime"):
            runtimes, more = self.gather_runtimes(indexes, store)
        with self.timed("tree"):
            trees = self.trees(selections, locks, houses, runtimes)
        return Prepared(
            store=store,
            locks=locks,
            houses=houses,
            runtimes=runtimes,
            trees=trees,
            fetched_bytes=fetched + more,
        )

    @property
    def stem(self) -> str:
        """What every artifact's name begins with."""
        return f"{self.service.name}-{self.service.version}"

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Add the time that the context takes to the report's `timings`."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.timings[name] = self.timings.get(name, 0.0) + time.monotonic() - start


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """What a build has gathered: locks and wheels by target, interpreters and trees by role."""

    store: Store
    locks: Mapping[Target, Found]
    houses: Mapping[Target, Wheelhouse]
    runtimes: Mapping[str, Bundled]
    trees: Mapping[str, RoleTree]
    fetched_bytes: int

    def wheels(self, role: Role) -> tuple[Wheel, ...]:
        """The wheels of one role, by package name."""
        return role_wheels(role, self.locks[role.target], self.houses[role.target])


class _Announcing:
    """A resolver that tells the user that it is at work, once: nothing is said when nothing is resolved."""

    def __init__(self, resolver: UvResolver, progress: Progress, target: Target, roles: int) -> None:
        self.name = resolver.name
        self._resolver = resolver
        self._progress = progress
        what = "1 role" if roles == 1 else f"{roles} roles"
        self._text = f"Resolving {what} for {target} with {resolver.name}"

    def resolve(self, *args: Any, **kwargs: Any) -> Any:
        text, self._text = self._text, ""
        with self._progress.step(text) if text else nullcontext():
            return self._resolver.resolve(*args, **kwargs)


def named_for(role: Role, scripts: Mapping[str, bytes]) -> dict[str, bytes]:
    """The instance's files for one role: a systemd unit goes by the role's name."""
    return {
        path.replace("bin/role.service", f"bin/{role.name}.service"): data for path, data in scripts.items()
    }


def role_wheels(role: Role, found: Found, house: Wheelhouse) -> tuple[Wheel, ...]:
    """The wheels of one role, by package name."""
    return tuple(house.wheels[name] for name in sorted(found.lock.roles[role.name]))


def lock_notes(found: Found, target: Target) -> list[str]:
    """What the user should know about where a lock came from."""
    notes = []
    if found.stale_file:
        notes.append(f"{found.stale_file} no longer fits the settings and was not used: run `cloudrole lock`")
    if found.source == "kept":
        hours, minutes = divmod(found.age // 60, 60)
        age = f"{hours} h {minutes} min" if hours else f"{minutes} min"
        notes.append(f"The resolution for {target} is {age} old; --refresh makes a new one")
    return notes


def check_support(service: Service) -> None:
    """Refuse what the settings may say but this release cannot build yet.

    :raises ProjectError: it names all of it.
    """
    faults = []
    for role in service.roles:
        where = f"tool.hatch.build.targets.cloudrole.roles.{role.name}"
        if role.runtime.kind == "nuget":
            remedy = "fetch the .nupkg from the feed once, and name it with { path = ..., sha256 = ... }"
            faults.append(Fault(f"{where}.runtime", "'nuget' cannot be built by this release", remedy))
        if role.resolver != "uv":
            what = f"{role.resolver!r} cannot be used by this release; it has 'uv'"
            faults.append(Fault(f"{where}.resolver", what))
        if role.install_project:
            faults.append(
                Fault(f"{where}.install-project", "cannot be built by this release; use search-paths")
            )
    if faults:
        raise ProjectError("The settings ask for what this release cannot do", faults)


def raise_all(errors: Sequence[CloudRoleError]) -> None:
    """Raise one error for all: the first one's kind and summary, everybody's faults."""
    if not errors:
        return
    first = errors[0]
    faults = [fault for error in errors for fault in (error.faults or (Fault("", error.summary),))]
    raise type(first)(first.summary, dict.fromkeys(faults)) from None
