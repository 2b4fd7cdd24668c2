"""The target version `cspkg`: a Cloud Service package, and its service documents beside it."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hatch_cloudrole.artifacts.build_report import build_report
from hatch_cloudrole.artifacts.files import guarded_writing, make_folder, write_documents
from hatch_cloudrole.artifacts.sdk_runtime import SdkRuntime, read_sdk_runtime
from hatch_cloudrole.artifacts.seed import open_seed
from hatch_cloudrole.content import Content
from hatch_cloudrole.errors import CloudRoleError, ProjectError
from hatch_cloudrole.package import Package
from hatch_cloudrole.package.plan import plan_package
from hatch_cloudrole.package.writer import write_plan
from hatch_cloudrole.service import (
    Sdk,
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

    from hatch_cloudrole.artifacts.seed import Seed
    from hatch_cloudrole.package.plan import Plan
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
    service = build.service
    missing = missing_variables(service, build.world.env)
    unfit = unfit_values(service, build.world.env)
    if missing or unfit:
        verb = "lacks what the settings name" if missing else "gives what the settings cannot take"
        raise ProjectError(f"The environment {verb}", [*missing, *unfit])
    path = directory / f"{build.stem}.cspkg"
    root = build.project.root
    # What comes from elsewhere is read first: a resolution takes long.
    sdk = read_sdk_runtime(root / service.sdk_runtime) if service.sdk_runtime else SdkRuntime()
    with open_seed(root / service.seed, service, path) if service.seed else nullcontext() as seed:
        prepared = build.prepare()
        own_scripts = {name: tree.own_scripts for name, tree in prepared.trees.items()}
        documents = {f"{build.stem}.csdef": source_csdef(service, own_scripts)}
        for name in service.configuration_names:
            documents[f"{build.stem}.{name}.cscfg"] = service_configuration(service, name, build.world.env)
        when = datetime.fromtimestamp(timestamp, timezone.utc)
        plan = (
            seed.plan({name: tree.files for name, tree in prepared.trees.items()}, when)
            if seed
            else plan_package(_package(service, prepared, sdk, when))
        )
        with build.timed("write"):
            make_folder(directory)
            with guarded_writing(build, prepared, path, plan.contents.values()) as on_bytes:
                if seed:
                    seed.write(plan, path, when, progress=on_bytes)
                else:
                    write_plan(plan, path, when, progress=on_bytes)
            try:
                write_documents(directory, documents)
            except CloudRoleError:
                path.unlink(missing_ok=True)  # all of it or nothing
                raise
    written = Content.of_file(path)
    build.notes += _notes(service, written.size, plan, seed)
    artifacts = {path.name: written, **_contents(documents)}
    return build_report(build, prepared, target_version="cspkg", artifacts=artifacts)


def _package(service: Service, prepared: Prepared, sdk: SdkRuntime, when: datetime) -> Package:
    """The package that is made from nothing but the settings, the roles' trees and the SDK's runtime."""
    own_scripts = {name: tree.own_scripts for name, tree in prepared.trees.items()}
    return Package(
        product_version=sdk.version,
        parts=_contents(package_parts(service, Sdk(sdk.version))),
        layouts={
            role.name: {
                **prepared.trees[role.name].files,
                **sdk.of(role),
                **_contents(role_parts(role, own_scripts, sdk.sdk(role))),
            }
            for role in service.roles
        },
        timestamp=when,
    )


def _contents(documents: Mapping[str, bytes]) -> dict[str, Content]:
    return {name: Content.of_bytes(data) for name, data in documents.items()}


def _notes(service: Service, size: int, plan: Plan, seed: Seed | None) -> list[str]:
    """What the user must know before deploying the package."""
    notes = []
    files = [file for layout in plan.manifest.layouts for file in layout.files]
    if not any(file.relative.lower().startswith("base/") for file in files):
        notes.append(r"The package holds no Azure SDK runtime (\base), without which Azure does not boot it")
    if seed:
        notes.append(
            f"Service definition, role models and SDK are those of {seed.name}: settings of endpoints, "
            "startup tasks and storage count for the .csdef alone"
        )
    notes += [
        "Cloud Services (extended support) ends on 31 March 2027; :zip is for the hosts that come after",
    ]
    notes += deployment_notes(service)
    if size > MOST_BYTES:
        notes.append(f"The package has {size} bytes; Azure takes no more than {MOST_BYTES}")
    return notes
