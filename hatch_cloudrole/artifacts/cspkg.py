"""The target version `cspkg`: a Cloud Service package, and its service documents beside it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hatch_cloudrole.artifacts.build_report import build_report
from hatch_cloudrole.artifacts.files import make_folder, write_documents
from hatch_cloudrole.content import Content
from hatch_cloudrole.errors import CloudRoleError, Fault, ProjectError, WheelError
from hatch_cloudrole.package import Package, write_package
from hatch_cloudrole.service import (
    PRODUCT_VERSION,
    deployment_notes,
    package_parts,
    role_parts,
    service_configuration,
    source_csdef,
)
from hatch_cloudrole.settings import missing_variables, unfit_values

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hatch_cloudrole.pipeline import Build, Prepared
    from hatch_cloudrole.report import BuildReport
    from hatch_cloudrole.settings.model import Service

__all__ = ["MOST_BYTES", "write_cspkg"]

MOST_BYTES = 600_000_000
"""The size up to which Azure takes a package, in bytes."""


def write_cspkg(build: Build, directory: Path, *, timestamp: int) -> BuildReport:
    """Build the package and its documents into `directory`.

    `timestamp` (seconds since the epoch, UTC) is the date of every file in the package. Nothing is written
    before everything is known to be right.

    :raises CloudRoleError: of every kind.
    """
    missing = missing_variables(build.service, build.world.env)
    unfit = unfit_values(build.service, build.world.env)
    if missing or unfit:
        verb = "lacks what the settings name" if missing else "gives what the settings cannot take"
        raise ProjectError(f"The environment {verb}", [*missing, *unfit])
    prepared = build.prepare()
    own_scripts = {name: tree.own_scripts for name, tree in prepared.trees.items()}
    package = Package(
        product_version=PRODUCT_VERSION,
        parts=_contents(package_parts(build.service)),
        layouts={
            role.name: {**prepared.trees[role.name].files, **_contents(role_parts(role, own_scripts))}
            for role in build.service.roles
        },
        timestamp=datetime.fromtimestamp(timestamp, timezone.utc),
    )
    documents = {f"{build.stem}.csdef": source_csdef(build.service, own_scripts)}
    for name in build.service.configuration_names:
        documents[f"{build.stem}.{name}.cscfg"] = service_configuration(build.service, name, build.world.env)
    path = directory / f"{build.stem}.cspkg"
    with build.timed("write"):
        make_folder(directory)
        _write(build, prepared, package, path)
        try:
            write_documents(directory, documents)
        except CloudRoleError:
            path.unlink(missing_ok=True)  # all of it or nothing
            raise
    written = Content.of_file(path)
    build.notes += _notes(build.service, written.size)
    artifacts = {path.name: written, **_contents(documents)}
    return build_report(build, prepared, target_version="cspkg", artifacts=artifacts)


def _contents(documents: Mapping[str, bytes]) -> dict[str, Content]:
    return {name: Content.of_bytes(data) for name, data in documents.items()}


def _write(build: Build, prepared: Prepared, package: Package, path: Path) -> None:
    sizes = {each.sha256: each.size for files in package.layouts.values() for each in files.values()}
    try:
        with build.world.progress.transfer(f"Writing {path.name}", sum(sizes.values())) as on_bytes:
            write_package(package, path, progress=on_bytes)
    except WheelError:
        raise _damaged_store(prepared) from None


def _damaged_store(prepared: Prepared) -> WheelError:
    """The error for wheels that changed in the store since they were verified, after taking them out."""
    wheels = {
        wheel.content.sha256: wheel for house in prepared.houses.values() for wheel in house.wheels.values()
    }
    what = "its bytes in the store are not those that were verified; it has been removed from there"
    dropped = [
        Fault(wheel.filename, what, "build again: it will be fetched anew")
        for wheel in sorted(wheels.values(), key=lambda each: each.filename)
        if prepared.store.drop_if_damaged(wheel)
    ]
    return WheelError("Some wheels were damaged in the store, by a disk fault or by hand", dropped)


def _notes(service: Service, size: int) -> list[str]:
    """What the user must know before deploying the package."""
    notes = [
        r"The package holds no Azure SDK runtime (\base), without which Azure does not boot it",
        "Cloud Services (extended support) ends on 31 March 2027; :zip will be for the hosts that come after",
    ]
    notes += deployment_notes(service)
    if size > MOST_BYTES:
        notes.append(f"The package has {size} bytes; Azure takes no more than {MOST_BYTES}")
    return notes
