"""From a project to its package: the steps in order, each handing one value to the next."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hatch_cloudrole.content import Content
from hatch_cloudrole.errors import CloudRoleError, Fault, ProjectError, TransportError, WheelError, raise_all
from hatch_cloudrole.lock.announcing import Announcing
from hatch_cloudrole.lock.credentials import Account, Keyring, accounts
from hatch_cloudrole.lock.index_files import pip_config_files
from hatch_cloudrole.lock.indexes import Indexes, read_indexes
from hatch_cloudrole.lock.inputs import RoleInputs, gather, places
from hatch_cloudrole.lock.pip_tools import PipToolsResolver
from hatch_cloudrole.lock.project_lock import narrowed, read_project_lock
from hatch_cloudrole.lock.resolve import Found, Resolver, find_lock, lock_file_name, lock_notes
from hatch_cloudrole.lock.uv import UvResolver
from hatch_cloudrole.options import Options, cache_folder
from hatch_cloudrole.role.files import ProjectFile, Selection, select_role_files
from hatch_cloudrole.role.windows_paths import APPROOT, SITE, path_faults
from hatch_cloudrole.runtime.bundle import Bundled, Bundler
from hatch_cloudrole.runtime.nuget_feed import Feeds
from hatch_cloudrole.wheels.closure import closure_faults
from hatch_cloudrole.wheels.damaged import damaged_wheels
from hatch_cloudrole.wheels.fetch import Fetcher
from hatch_cloudrole.wheels.local import LocalWorkshop, gather_all
from hatch_cloudrole.wheels.store import Store, unwritable
from hatch_cloudrole.wheels.subset import needed
from hatch_cloudrole.wheels.wheelhouse import Wheelhouse, Workshop

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from hatch_cloudrole.project import Project
    from hatch_cloudrole.role.tree import RoleTree
    from hatch_cloudrole.settings.model import Role, Service
    from hatch_cloudrole.target import Target
    from hatch_cloudrole.wheels.model import Wheel
    from hatch_cloudrole.world import World

__all__ = ["Build", "Prepared"]


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
        return {role.name: gather(self.project, role, self.world.env) for role in self.service.roles}

    def indexes(self) -> Indexes:
        """Where packages come from: what this host says, and the requirements files.

        :raises ProjectError: a requirements file cannot be read.
        """
        named = places(self.inputs().values())
        found = read_indexes(
            env=self.world.env,
            root=self.project.root,
            home=self.world.home,
            pip_files=pip_config_files(self.world.env, self.world.home),
            index_url=self.service.index_url or named.index_url,
            find_links=self.service.find_links,
        )
        return replace(
            found,
            find_links=tuple(dict.fromkeys((*found.find_links, *named.find_links))),
            pip_find_links=tuple(dict.fromkeys((*found.pip_find_links, *named.find_links))),
            known=(*found.known, *(Account(each, *who) for each, who in named.credentials.items())),
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
        kind = PipToolsResolver if roles[0].resolver == "pip-tools" else UvResolver
        resolver = kind(
            run=self.world.run,
            env=self.world.env,
            indexes=indexes,
            root=self.project.root,
            offline=self.options.offline,
        )
        return Announcing(resolver, self.world.progress, target, len(roles))

    def find_locks(self, indexes: Indexes, store: Store) -> dict[Target, Found]:
        """The lock of each target: committed, kept or resolved now.

        :raises TransportError: a new resolution cannot be kept.
        """
        inputs = self.inputs()
        found: dict[Target, Found] = {}
        for target, roles in self.targets().items():
            resolver = self.announcing_resolver(indexes, target)
            if self.service.lock:
                found[target] = read_project_lock(
                    self.project.root / self.service.lock,
                    [inputs[role.name] for role in roles],
                    target=target,
                    extras={feature for role in roles for feature in role.features},
                    groups={group for role in roles for group in role.dependency_groups},
                    resolver=resolver,
                    cache=store,
                    context=indexes.fingerprint(),
                    exclude_newer=self.service.exclude_newer,
                    refresh=self.options.refresh,
                )
                continue
            try:
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
            except OSError as error:
                raise unwritable(error, store) from None
            self.notes += lock_notes(found[target], target)
        return found

    def narrow(
        self, locks: Mapping[Target, Found], houses: Mapping[Target, Wheelhouse]
    ) -> dict[Target, Found]:
        """Locks with each role's own packages where the project's lock did not say which role needs which."""
        inputs = self.inputs()
        result: dict[Target, Found] = {}
        for target, found in locks.items():
            wheels = houses[target].wheels
            result[target] = found
            if found.source == "project":
                roles = {
                    role.name: needed(inputs[role.name].roots(), wheels, target)
                    if inputs[role.name].all_named
                    else frozenset(wheels)
                    for role in self.targets()[target]
                }
                result[target] = narrowed(found, roles)
        return result

    def fetcher(self, indexes: Indexes) -> Fetcher:
        """What downloads, with the keyring of this host."""
        return Fetcher(indexes, Keyring(indexes.keyring, self.world.run, self.world.env, self.project.root))

    def gather_wheels(
        self, locks: Mapping[Target, Found], indexes: Indexes, store: Store
    ) -> tuple[dict[Target, Wheelhouse], int]:
        """Every wheel of every target, and the number of bytes that were fetched.

        :raises WheelError: a wheel does not fit, is refused, or lacks a dependency.
        :raises TransportError: a wheel did not arrive.
        """
        fetcher = self.fetcher(indexes)
        houses: dict[Target, Wheelhouse] = {}
        inputs = self.inputs()
        faults: list[Fault] = []
        errors: list[CloudRoleError] = []
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
            local = LocalWorkshop(
                store=store,
                run=self.world.run,
                env=self.world.env,
                indexes=indexes,
                root=self.project.root,
                progress=self.world.progress,
                offline=self.options.offline,
                exclude_newer=self.service.exclude_newer,
            )
            try:
                houses[target] = gather_all(found.lock, workshop, local)
            except CloudRoleError as error:
                errors.append(error)
                continue
            for role in self.targets()[target]:
                own = {wheel.name: wheel for wheel in role_wheels(role, found, houses[target])}
                faults += closure_faults(own, target, inputs[role.name].roots())
        raise_all(errors)
        if faults:
            remedy = "renew the lock with `cloudrole lock` or --refresh"
            if self.service.lock:
                remedy = f"add what is missing to the project and renew {self.service.lock} with its own tool"
            raise WheelError("The wheelhouse is not complete", [*sorted(set(faults)), Fault("", "", remedy)])
        return houses, fetcher.fetched_bytes

    def gather_runtimes(self, indexes: Indexes, store: Store) -> tuple[dict[str, Bundled], int]:
        """What each role's package says or holds of its interpreter, and the number of bytes fetched.

        :raises ProjectError: there is none for the target, or it is not what the settings say.
        :raises TransportError: it did not arrive.
        """
        own = [each for each in accounts(role.runtime.nuget_feed for role in self.service.roles) if each.user]
        fetcher = self.fetcher(replace(indexes, known=(*indexes.known, *own)))
        feeds = Feeds(
            store=store,
            fetcher=fetcher,
            progress=self.world.progress,
            now=self.world.now(),
            refresh=self.options.refresh,
            offline=self.options.offline,
        )
        bundler = Bundler(
            store=store,
            fetcher=fetcher,
            root=self.project.root,
            progress=self.world.progress,
            feeds=feeds,
            offline=self.options.offline,
            os_family=self.service.os_family,
        )
        runtimes = bundler.bundle_all(self.service.roles)
        self.notes += feeds.notes
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
                    pylock=role_pylock(wheels, role.target, packed=role.install == "wheels").encode(),
                    scripts=instance_files(role.target, unit=role.name),
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
            locks = self.narrow(locks, houses)
        with self.timed("runtime"):
            runtimes, more = self.gather_runtimes(indexes, store)
        with self.timed("tree"):
            try:
                trees = self.trees(selections, locks, houses, runtimes)
            except WheelError as error:  # one that is laid out cannot be
                found = damaged_wheels(store, houses.values())
                raise (found if found.faults else error) from None
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


def role_wheels(role: Role, found: Found, house: Wheelhouse) -> tuple[Wheel, ...]:
    """The wheels of one role, by package name."""
    return tuple(house.wheels[name] for name in sorted(found.lock.roles[role.name]))
