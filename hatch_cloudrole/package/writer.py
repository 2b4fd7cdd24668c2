"""Writing a package: what its zip file holds, in which order."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hatch_cloudrole.content import Content
from hatch_cloudrole.errors import PackageError
from hatch_cloudrole.package import markup, opc
from hatch_cloudrole.package.manifest import render_manifest
from hatch_cloudrole.package.plan import plan_package
from hatch_cloudrole.package.zipped import Entry, write_zip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from hatch_cloudrole.package.model import Package
    from hatch_cloudrole.package.plan import Plan

__all__ = ["write_package", "write_plan"]


def write_package(package: Package, path: Path, *, progress: Callable[[int], None] = lambda _: None) -> None:
    """Write `package` to `path`, replacing what is there only when the new one is complete.

    The bytes depend on `package` alone; see `zipped.write_zip`. `progress` is told the bytes of contents as
    they are copied.

    :raises PackageError: `package` cannot be written in this format, or a file's bytes are not those
        announced.
    :raises WheelError: the same of a wheel.
    :raises TransportError: disk or permissions, reading or writing.
    """
    write_plan(plan_package(package), path, package.timestamp, progress=progress)


def write_plan(
    plan: Plan, path: Path, timestamp: datetime, *, progress: Callable[[int], None] = lambda _: None
) -> None:
    """Write the archive that `plan` lays out; `timestamp` (UTC) is the date of its entries. See above."""
    write_zip(path, _entries(plan), timestamp, progress)


def _entries(plan: Plan) -> Iterator[Entry]:
    """Every entry in the archive's order: what readers need first stands first."""
    manifest = render_manifest(plan.manifest)
    if found := markup.too_large(manifest):
        raise PackageError(f"This cannot be made a package: with all its files, its manifest {found}.")
    # The Id may be anything that is unique here; taken from the manifest, it is reproducible and says more.
    ident = "R" + hashlib.sha256(manifest).hexdigest()[:16]
    to_manifest = opc.Relationship(opc.V20120315, f"/{opc.MANIFEST}", ident, "External")
    yield Entry(opc.CONTENT_TYPES, Content.of_bytes(opc.render_content_types(plan.contents)))
    yield Entry(opc.RELATIONSHIPS, Content.of_bytes(opc.render_relationships([to_manifest])))
    yield Entry(opc.MANIFEST, Content.of_bytes(manifest))
    for name, content in plan.contents.items():
        yield Entry(name, content, plan.users.get(name, (name,)))
