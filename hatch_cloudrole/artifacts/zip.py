"""The target version `zip`: one zip with a folder a role, for hosts that are no Cloud Service."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hatch_cloudrole.artifacts.build_report import build_report
from hatch_cloudrole.artifacts.files import guarded_writing, make_folder
from hatch_cloudrole.content import Content
from hatch_cloudrole.package import write_folders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hatch_cloudrole.pipeline import Build
    from hatch_cloudrole.report import BuildReport
    from hatch_cloudrole.settings.model import Role

__all__ = ["write_role_folders"]

_APPROOT = "approot/"


def write_role_folders(build: Build, directory: Path, *, timestamp: int) -> BuildReport:
    """Build `<service>-<version>.zip` into `directory`: each role's approot as the folder `<role>/`.

    `timestamp` (seconds since the epoch, UTC) is the date of every file. Values of `settings` are not in it,
    so the environment need not have them. Nothing is written before everything is known to be right.

    :raises CloudRoleError: of every kind.
    """
    prepared = build.prepare()
    roles = {
        name: {
            path[len(_APPROOT) :]: content
            for path, content in tree.files.items()
            if path.startswith(_APPROOT)
        }
        for name, tree in prepared.trees.items()
    }
    path = directory / f"{build.stem}.zip"
    contents = [content for files in roles.values() for content in files.values()]
    with build.timed("write"):
        make_folder(directory)
        with guarded_writing(build, prepared, path, contents, once=False) as on_bytes:
            write_folders(roles, path, datetime.fromtimestamp(timestamp, timezone.utc), progress=on_bytes)
    build.notes += [note for role in build.service.roles for note in _notes(role)]
    artifacts = {path.name: Content.of_file(path)}
    return build_report(build, prepared, target_version="zip", artifacts=artifacts)


def _notes(role: Role) -> Iterator[str]:
    """What whoever sets up the site must know: here, no second place holds the files of `static`."""
    for url, folder in role.static:
        if url.strip("/").lower() != folder.lower():
            yield f"{role.name}: give the site a virtual directory {url} that leads to {folder}"
