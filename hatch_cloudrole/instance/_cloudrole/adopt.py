"""Packages that lie in `lib` as they are used: nothing is installed, but they are looked at before they run.

The build has laid them out, with a RECORD for each. What lies there besides is of another version that was
deployed to the same place, or a module that Python compiled for it, and would be imported: it has to go.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from .faults import DiskError, WheelhouseError
from .record import encoded, file_digest, parse_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from .places import Places
    from .settings import Settings

__all__ = ["MARKER", "adopt", "is_adopted", "marker", "recorded_files"]

MARKER = ".cloudrole.json"
"""Lies among the packages, and says what they are. role.json has its SHA-256."""
_SEEN = "lib.json"
"""In `home`: which packages were looked at last."""
_THREADS = 4
_REMEDY = "deploy the package again"


def marker(records: Mapping[str, bytes], executables: Iterable[str]) -> bytes:
    """What lies at `lib/MARKER`.

    `records` are the RECORDs of the packages, `executables` programs; both by path below `lib`, with `/`.
    """
    document = {
        "schema": 1,
        "records": {path: encoded(hashlib.sha256(data).digest()) for path, data in sorted(records.items())},
        "executables": sorted(executables),
    }
    return (json.dumps(document, indent=1) + "\n").encode("ascii")


def is_adopted(settings: Settings, places: Places) -> bool:
    """Whether `lib` holds the packages of role.json, and `adopt` has seen them."""
    return _seen(places).get("sha256") == settings.lib_sha256 == _marker_sha256(places)


def adopt(settings: Settings, places: Places) -> bool:
    """See that `lib` holds these packages whole, and nothing else; say whether that was not known yet.

    The caller holds the lock.

    :raises WheelhouseError: something is missing, or is not what was packaged.
    :raises DiskError: what is of no package cannot be removed.
    :raises OSError: what was found cannot be written down.
    """
    if is_adopted(settings, places) and _seen(places).get("state") == _state(places):
        return False
    folder = places.site_packages
    if _marker_sha256(places) != settings.lib_sha256:
        raise WheelhouseError(f"{folder}: does not hold the packages of role.json; {_REMEDY}")
    found = json.loads((folder / MARKER).read_text(encoding="ascii"))
    _forget(places)
    files = _recorded(folder, found["records"])
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        checked = pool.map(lambda file: _fault(folder, *file), sorted(files.items()))
        wrong = [fault for fault in checked if fault]
    if wrong:
        more = f" (and {len(wrong) - 1} more files)" if wrong[1:] else ""
        raise WheelhouseError(f"{wrong[0]}{more}; {_REMEDY}")
    try:
        _remove_all_but(folder, {*files, MARKER})
        _make_executable(folder, [name for name in found["executables"] if name in files])
    except OSError as error:
        raise DiskError(
            f"{error.filename or folder}: {error.strerror or error}; end what uses it, or deploy the package "
            "into an empty folder"
        ) from error
    new = places.home / f"{_SEEN}.new"
    new.write_text(
        json.dumps({"schema": 1, "sha256": settings.lib_sha256, "state": _state(places)}) + "\n",
        encoding="ascii",
    )
    os.replace(new, places.home / _SEEN)
    return True


def _marker_sha256(places: Places) -> str | None:
    try:
        return file_digest(places.site_packages / MARKER).hex()
    except OSError:
        return None


def _state(places: Places) -> list[int]:
    """Changes when the same packages are deployed once more, perhaps over others."""
    state = (places.site_packages / MARKER).stat()
    return [state.st_ino, state.st_mtime_ns, state.st_ctime_ns]


def _seen(places: Places) -> dict[str, object]:
    """The SHA-256 of the marker whose packages were looked at last, and its state then."""
    try:
        data = json.loads((places.home / _SEEN).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def recorded_files(places: Places) -> dict[str, str]:
    """Path (with `/`) -> hash as RECORD has it of every file of the packages in `lib`.

    :raises WheelhouseError: a RECORD is not what was packaged.
    :raises OSError: the marker cannot be read.
    """
    found = json.loads((places.site_packages / MARKER).read_text(encoding="ascii"))
    return _recorded(places.site_packages, found["records"])


def _forget(places: Places) -> None:
    """From here on nothing is known of `lib`; and packages of an earlier version made of wheels are gone."""
    if (places.home / _SEEN).exists():
        (places.home / _SEEN).unlink()
    shutil.rmtree(places.installed, ignore_errors=True)
    shutil.rmtree(places.compiled, ignore_errors=True)


def _recorded(folder: Path, records: Mapping[str, str]) -> dict[str, str]:
    """Path (with `/`) -> hash as RECORD has it of every file of the packages, their RECORDs too.

    A RECORD that `records` does not name is of another version.

    :raises WheelhouseError: a RECORD is not what was packaged.
    """
    files: dict[str, str] = {}
    for name, digest in records.items():
        fault = _fault(folder, name, digest)
        if fault:
            raise WheelhouseError(f"{fault}; {_REMEDY}")
        files.update(parse_record(folder.joinpath(*name.split("/")).read_bytes()))
        files[name] = digest
    return files


def _fault(folder: Path, name: str, digest: str) -> str:
    path = folder.joinpath(*name.split("/"))
    try:
        found = encoded(file_digest(path))
    except FileNotFoundError:
        return f"{path}: is missing"
    except OSError as error:
        return f"{path}: cannot be read ({error.strerror})"
    return f"{path}: is not what was packaged" if found != digest else ""


def _remove_all_but(folder: Path, keep: set[str]) -> None:
    """Remove every other file, and folders that hold nothing any more."""
    kept = {os.path.normcase(os.path.join(folder, *name.split("/"))) for name in keep}
    for parent, folders, names in os.walk(folder, topdown=False):
        for name in names:
            path = os.path.join(parent, name)
            if os.path.normcase(path) not in kept:
                os.unlink(path)
        for name in folders:
            path = os.path.join(parent, name)
            if os.path.islink(path):
                os.unlink(path)
            elif not os.listdir(path):
                os.rmdir(path)


def _make_executable(folder: Path, names: Iterable[str]) -> None:
    """Packages have no file modes, so programs get theirs here, where their host did not see to it."""
    if os.name == "nt":
        return
    for name in names:
        path = folder / name
        mode = path.stat().st_mode
        if not mode & stat.S_IXOTH:
            # Somebody else's files stay as they are: what is not started by its own name works all the same.
            with contextlib.suppress(PermissionError):
                path.chmod(stat.S_IMODE(mode) | 0o111)
