"""What a build did, for machines: `<service>-<version>.report.json` (schema in docs/report.schema.json)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hatch_cloudrole.content import Content
    from hatch_cloudrole.wheels.model import Provenance, Wheel

__all__ = ["SCHEMA", "BuildReport", "RoleReport", "merge_report"]

SCHEMA = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleReport:
    """One role: what it is for, how many files its approot holds and their bytes, and its wheels."""

    name: str
    type: str
    target: str
    files: int
    bytes: int
    wheels: tuple[Wheel, ...]
    runtime: Mapping[str, str]
    """Where an instance that lacks the interpreter gets it: the `runtime` of role.json."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildReport:
    """One build of one target version.

    `artifacts` maps a file's name to its content; `origins` a package name to "kept", "fetched" or "built";
    `sdists` says how wheels were built that come from an sdist; `locks` says of each target where its lock
    came from; `timings` are seconds by step.
    """

    service: str
    version: str
    target_version: str
    artifacts: Mapping[str, Content]
    roles: tuple[RoleReport, ...]
    origins: Mapping[str, str]
    locks: tuple[Mapping[str, Any], ...]
    fetched_bytes: int
    timings: Mapping[str, float]
    notes: tuple[str, ...] = field(default=())
    sdists: tuple[Provenance, ...] = ()

    @property
    def wheels(self) -> tuple[Wheel, ...]:
        """Every wheel once, by file name."""
        found = {wheel.filename: wheel for role in self.roles for wheel in role.wheels}
        return tuple(found[name] for name in sorted(found))

    def as_json(self) -> dict[str, Any]:
        """The build as JSON values."""
        wheels = self.wheels
        return {
            "artifacts": [
                {"path": name, "size": content.size, "sha256": content.sha256}
                for name, content in sorted(self.artifacts.items())
            ],
            "roles": [
                {
                    "name": role.name,
                    "type": role.type,
                    "target": role.target,
                    "files": role.files,
                    "bytes": role.bytes,
                    "wheels": sorted(wheel.filename for wheel in role.wheels),
                    "runtime": dict(role.runtime),
                }
                for role in self.roles
            ],
            "wheels": [
                {
                    "file": wheel.filename,
                    "name": str(wheel.name),
                    "version": str(wheel.version),
                    "size": wheel.content.size,
                    "sha256": wheel.content.sha256,
                    "url": wheel.url,
                    "built_from": wheel.built_from,
                    "origin": self.origins.get(wheel.filename, "kept"),
                }
                for wheel in wheels
            ],
            "sdists": [
                {**asdict(each), "requires": list(each.requires), "used": list(each.used)}
                for each in self.sdists
            ],
            "locks": [dict(lock) for lock in self.locks],
            "cache": {
                "hits": sum(1 for wheel in wheels if self.origins.get(wheel.filename, "kept") == "kept"),
                "fetched": sum(1 for wheel in wheels if self.origins.get(wheel.filename) == "fetched"),
                "built": sum(1 for wheel in wheels if self.origins.get(wheel.filename) == "built"),
                "fetched_bytes": self.fetched_bytes,
            },
            "timings": {name: round(seconds, 3) for name, seconds in self.timings.items()},
            "notes": list(self.notes),
        }


def merge_report(existing: str, report: BuildReport) -> str:
    """The text of the report file: `existing` (its present text, or empty) with this build put in.

    Reports of other target versions of the same service and version are kept.
    """
    try:
        document = json.loads(existing) if existing else {}
    except ValueError:
        document = {}
    head = {"schema": SCHEMA, "service": report.service, "version": report.version}
    same = isinstance(document, dict) and all(document.get(key) == value for key, value in head.items())
    versions = dict(document["versions"]) if same and isinstance(document.get("versions"), dict) else {}
    versions[report.target_version] = report.as_json()
    return json.dumps({**head, "versions": {key: versions[key] for key in sorted(versions)}}, indent=2) + "\n"


def artifact_paths(report: BuildReport, directory: Path) -> Sequence[Path]:
    """Where the artifacts lie, the package first."""
    names = sorted(report.artifacts, key=lambda name: (not name.endswith((".cspkg", ".zip")), name))
    return [directory / name for name in names]
