"""Unpacking the roles of a package into a folder, verified while written, all or nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hatch_cloudrole.content import chunks
from hatch_cloudrole.errors import Fault, PackageError, ProjectError, TransportError
from hatch_cloudrole.package.folders import open_artifact
from hatch_cloudrole.package.manifest import ROLES
from hatch_cloudrole.package.names import file_path_fault, printable
from hatch_cloudrole.package.zipped import is_script

if TYPE_CHECKING:
    from collections.abc import Collection

    from hatch_cloudrole.content import Content
    from hatch_cloudrole.package.model import Package

__all__ = ["extract_package"]

_FOLDER = ROLES.rstrip("/")


def extract_package(path: Path, directory: Path, *, roles: Collection[str] | None = None) -> list[Path]:
    """Write the files of `roles`, or of all roles, to `directory/Roles/<role>/...` and name them, sorted.

    Every hash is verified on the way; when anything fails, nothing stays. `directory` may be there, but must
    be empty. Files get mode 0644, shell scripts in `approot/bin` 0755, folders 0755.

    :raises PackageError: the package is at fault.
    :raises ProjectError: `directory` is not empty, or the package has not one of `roles`.
    :raises TransportError: disk or permissions.
    """
    with open_artifact(path) as package:
        wanted = _wanted(package, roles)
        try:
            return _extract(package, wanted, directory)
        except OSError as error:
            where = error.filename or directory
            raise TransportError(
                f"{where} cannot be written: {error.strerror or error}. "
                "Next: see that the disk has room and that the folder may be written"
            ) from error


def _wanted(package: Package, roles: Collection[str] | None) -> list[str]:
    if roles is None:
        return sorted(package.layouts)
    unknown = sorted(set(roles) - set(package.layouts))
    if unknown:
        known = ", ".join(sorted(package.layouts)) or "none"
        faults = [Fault(printable(role), f"is no role of the package; it has {known}") for role in unknown]
        raise ProjectError("These roles cannot be extracted:", faults)
    return sorted(set(roles))


def _extract(package: Package, roles: list[str], directory: Path) -> list[Path]:
    made = not directory.exists()
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise ProjectError(f"{directory} is not empty. Next: name a new folder, or empty this one")
    # Below `directory`, so that the last step is a rename within one file system whatever is mounted where.
    temporary = Path(tempfile.mkdtemp(prefix=".extract-", dir=directory))
    try:
        root = temporary / _FOLDER
        root.mkdir()
        written = [
            _write(content, root, f"{role}/{path}")
            for role in roles
            for path, content in sorted(package.layouts[role].items())
        ]
        for folder in (root, *(each for each in root.rglob("*") if each.is_dir())):
            folder.chmod(0o755)
        root.rename(directory / _FOLDER)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        if made:
            with suppress(OSError):
                directory.rmdir()
        raise
    temporary.rmdir()
    return [directory / _FOLDER / each for each in written]


def _write(content: Content, root: Path, relative: str) -> Path:
    """Write one file: the only place where a name out of a package becomes a path, so it is guarded here."""
    target = Path(os.path.normpath(root / relative))
    if file_path_fault(relative) or root not in target.parents:
        fault = Fault(printable(relative), "leads out of the folder that is written")
        raise PackageError("The package cannot be extracted:", [fault])
    target.parent.mkdir(parents=True, exist_ok=True)
    with content.open() as source, target.open("xb") as file:
        for chunk in chunks(source):
            file.write(chunk)
    target.chmod(0o755 if _is_script(relative) else 0o644)
    return target.relative_to(root)


def _is_script(relative: str) -> bool:
    _, _, inside = relative.partition("/")
    return inside.lower().startswith("approot/") and is_script(inside[len("approot/") :])
