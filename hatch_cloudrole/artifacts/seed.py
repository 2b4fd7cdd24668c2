"""A package of the user's own as the seed of ours: whether it fits the settings, and writing on it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault, PackageError, ProjectError
from hatch_cloudrole.package import Package, check_package
from hatch_cloudrole.package.reader import Reading, presentable, read_structure
from hatch_cloudrole.package.role_checks import defined_roles
from hatch_cloudrole.package.seed import is_replaced, plan_on_seed
from hatch_cloudrole.package.writer import write_plan
from hatch_cloudrole.service.roles import element_name
from hatch_cloudrole.settings.place import TABLE
from hatch_cloudrole.settings.wording import toml_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from hatch_cloudrole.content import Content
    from hatch_cloudrole.package.plan import Plan
    from hatch_cloudrole.settings.model import Service

__all__ = ["Seed", "open_seed"]


@dataclass(frozen=True, slots=True)
class Seed:
    """An open package that fits the settings; `name` is the file's."""

    name: str
    path: Path
    reading: Reading

    def plan(self, files: Mapping[str, Mapping[str, Content]], when: datetime) -> Plan:
        """Lay out the seed with `files`, by role name and path in the role, for its own.

        :raises PackageError: they cannot be packaged.
        """
        layouts = {
            role: {path: content for path, content in own.items() if is_replaced(path)}
            for role, own in files.items()
        }
        version = self.reading.manifest.product_version
        return plan_on_seed(
            self.reading, Package(product_version=version, parts={}, layouts=layouts, timestamp=when)
        )

    def write(self, plan: Plan, path: Path, when: datetime, *, progress: Callable[[int], None]) -> None:
        """Write `plan` to `path`, unless what the seed keeps needs files that the roles no longer have.

        :raises ProjectError: it does; every such file is named.
        :raises CloudRoleError: as `write_plan`, and PackageError for damage in the seed.
        """
        unchecked = path.with_name(f".{path.name}.unchecked")
        try:
            write_plan(plan, unchecked, when, progress=progress)
            before = {(fault.where, fault.what) for fault in check_package(self.path)}
            faults = [fault for fault in check_package(unchecked) if (fault.where, fault.what) not in before]
            if faults:
                remedy = "let the role have it, or make the seed anew from the present settings"
                faults.append(Fault(_key(), f"{self.name} keeps its own service documents", remedy))
                raise ProjectError("The roles do not fit the seed", faults)
            unchecked.replace(path)
        finally:
            unchecked.unlink(missing_ok=True)


@contextmanager
def open_seed(path: Path, service: Service, target: Path) -> Iterator[Seed]:
    """Open the package at `path` to write `target` from it; it must have the roles that the settings have.

    :raises ProjectError: it has others, or is what would be written.
    :raises PackageError: it is no sound package.
    :raises TransportError: it cannot be read.
    """
    if target.exists() and target.samefile(path):
        what = f"{path.name} is what this build writes"
        raise ProjectError(
            "The seed cannot be used", [Fault(_key(), what, "copy it to another folder and name that")]
        )
    with read_structure(path) as reading:
        if reading.faults:
            raise PackageError(f"{path} cannot be a seed", presentable(reading.faults))
        faults = list(_role_faults(reading, service))
        if faults:
            raise ProjectError("The seed does not fit the settings", faults)
        yield Seed(path.name, path, reading)


def _role_faults(reading: Reading, service: Service) -> Iterator[Fault]:
    """The roles of the seed and of the settings are the same: name by name, and in their kind."""
    kinds = defined_roles(reading)
    there = {layout.role for layout in reading.manifest.layouts} | set(kinds)
    wanted = {role.name: element_name(role) for role in service.roles}
    name = reading.archive.path.name
    for role in sorted(wanted.keys() - there):
        known = ", ".join(sorted(there)) or "none"
        what = f"{name} has no role {role}; it has {known}"
        yield Fault(_key(), what, "a seed is made with the same roles: build and convert it anew")
    for role in sorted(there - wanted.keys()):
        yield Fault(_key(), f"{name} has a role {role}, which the settings have not", f"add roles.{role}")
    for role in sorted(wanted.keys() & kinds.keys()):
        if kinds[role] != wanted[role]:
            what = f"{role} is a {kinds[role]} in {name}, and a {wanted[role]} by its settings"
            yield Fault(_key(), what, "change type or server of the role, or make the seed anew")


def _key() -> str:
    return toml_key(*TABLE, "seed")
