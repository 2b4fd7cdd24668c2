"""Make the report of a build from what was prepared and written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hatch_cloudrole.artifacts.files import write_documents
from hatch_cloudrole.report import BuildReport, RoleReport, merge_report

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hatch_cloudrole.content import Content
    from hatch_cloudrole.lock.resolve import Found
    from hatch_cloudrole.pipeline import Build, Prepared
    from hatch_cloudrole.settings.model import Role
    from hatch_cloudrole.target import Target
    from hatch_cloudrole.wheels.model import Provenance
    from hatch_cloudrole.wheels.wheelhouse import Wheelhouse

__all__ = ["build_report", "write_report"]


def build_report(
    build: Build, prepared: Prepared, *, target_version: str, artifacts: Mapping[str, Content]
) -> BuildReport:
    """The report of one target version; `artifacts` are the files by name."""
    return BuildReport(
        service=build.service.name,
        version=build.service.version,
        target_version=target_version,
        artifacts=artifacts,
        roles=tuple(_role(role, prepared) for role in build.service.roles),
        origins=_origins(prepared.houses),
        locks=tuple(_lock(target, found) for target, found in prepared.locks.items()),
        fetched_bytes=prepared.fetched_bytes,
        timings=dict(build.timings),
        notes=tuple(build.notes),
        sdists=_sdists(prepared.houses),
    )


def write_report(directory: Path, stem: str, report: BuildReport) -> None:
    """Write the report into `directory`, beside those of other target versions that are in it.

    :raises TransportError: it cannot be written.
    """
    path = directory / f"{stem}.report.json"
    existing = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    write_documents(directory, {path.name: merge_report(existing, report).encode()})


def _origins(houses: Mapping[Target, Wheelhouse]) -> dict[str, str]:
    origins: dict[str, str] = {}
    for house in houses.values():
        for origin, names in (("kept", house.kept), ("fetched", house.fetched), ("built", house.built)):
            origins.update({house.wheels[name].filename: origin for name in names})
    return origins


def _sdists(houses: Mapping[Target, Wheelhouse]) -> tuple[Provenance, ...]:
    """How each built wheel was built, once, by the wheel's name."""
    found = {each.wheel: each for house in houses.values() for each in house.provenance}
    return tuple(found[name] for name in sorted(found))


def _lock(target: Target, found: Found) -> dict[str, Any]:
    return {
        "target": str(target),
        "python": target.python,
        "platform": target.platform,
        "source": found.source,
        "age": found.age,
        "packages": len(found.lock.pins),
    }


def _role(role: Role, prepared: Prepared) -> RoleReport:
    files = prepared.trees[role.name].files
    inside = [content for path, content in files.items() if path.startswith("approot/")]
    return RoleReport(
        name=role.name,
        type=role.type,
        target=str(role.target),
        files=len(inside),
        bytes=sum(content.size for content in inside),
        wheels=prepared.wheels(role),
        runtime=prepared.runtimes[role.name].record,
    )
