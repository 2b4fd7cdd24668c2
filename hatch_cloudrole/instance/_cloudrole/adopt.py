"""Packages that lie in `lib` as they are used: nothing is installed, but they are looked at before they run.

The build has laid them out, with a RECORD for each. What lies there besides is of another version that was
deployed to the same place, or a module that Python compiled for it, and would be imported: it has to go.
"""

from __future__ import annotations

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
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from .places import Places
    from .settings import PinnedWheel, Settings

__all__ = ["MARKER", "adopt", "is_adopted", "marker", "wheels_digest"]

MARKER = ".cloudrole.json"
"""Lies among the packages, and says of what they were made."""
_SEEN = "lib.json"
"""In `home`: which packages were looked at last."""
_RECIPE = "unpacked 1"
_THREADS = 4
_REMEDY = "deploy the package again"


def wheels_digest(wheels: Iterable[PinnedWheel], made: Sequence[str] = (_RECIPE,)) -> str:
    """Stands for `wheels`, and how something was `made` of them."""
    parts = [*made, *(f"{wheel.file} {wheel.sha256}" for wheel in wheels)]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def marker(wheels: Sequence[PinnedWheel], records: Mapping[str, bytes], executables: Iterable[str]) -> bytes:
    """What lies at `lib/MARKER`.

    `records` are the RECORDs of the packages, `executables` programs; both by path below `lib`, with `/`.
    """
    document = {
        "schema": 1,
        "digest": wheels_digest(wheels),
        "records": {path: encoded(hashlib.sha256(data).digest()) for path, data in sorted(records.items())},
        "executables": sorted(executables),
    }
    return (json.dumps(document, indent=1) + "\n").encode("ascii")


def is_adopted(settings: Settings, places: Places) -> bool:
    """Whether `lib` holds the packages of role.json, and `adopt` has seen them."""
    wanted = wheels_digest(settings.wheels)
    seen, there = _read(places.home / _SEEN), _read(places.site_packages / MARKER)
    return seen.get("digest") == there.get("digest") == wanted


def adopt(settings: Settings, places: Places) -> bool:
    """See that `lib` holds these packages whole, and nothing else; say whether that was not known yet.

    The caller holds the lock.

    :raises WheelhouseError: something is missing, or is not what was packaged.
    :raises DiskError: what is of no package cannot be removed.
    :raises OSError: what was found cannot be written down.
    """
    if is_adopted(settings, places):
        return False
    folder = places.site_packages
    found = _read(folder / MARKER)
    if found.get("digest") != wheels_digest(settings.wheels):
        raise WheelhouseError(f"{folder}: does not hold the packages of role.json; {_REMEDY}")
    _forget(places)
    files = _recorded(folder, found.get("records"))
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        checked = pool.map(lambda file: _fault(folder, *file), sorted(files.items()))
        wrong = [fault for fault in checked if fault]
    if wrong:
        more = f" (and {len(wrong) - 1} more files)" if wrong[1:] else ""
        raise WheelhouseError(f"{wrong[0]}{more}; {_REMEDY}")
    try:
        _remove_all_but(folder, {*files, MARKER})
        _make_executable(folder, found.get("executables", []))
    except OSError as error:
        raise DiskError(
            f"{error.filename or folder}: {error.strerror or error}; end what uses it, or deploy the package "
            "into an empty folder"
        ) from error
    new = places.home / f"{_SEEN}.new"
    new.write_text(json.dumps({"schema": 1, "digest": found["digest"]}) + "\n", encoding="ascii")
    os.replace(new, places.home / _SEEN)
    return True


def _read(path: Path) -> dict[str, object]:
    try:
        data = json.loads(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _forget(places: Places) -> None:
    """From here on nothing is known of `lib`; and packages of an earlier version made of wheels are gone."""
    if (places.home / _SEEN).exists():
        (places.home / _SEEN).unlink()
    shutil.rmtree(places.installed, ignore_errors=True)
    shutil.rmtree(places.compiled, ignore_errors=True)


def _recorded(folder: Path, records: object) -> dict[str, str]:
    """Path (with `/`) -> hash as RECORD has it of every file of the packages, their RECORDs too.

    A RECORD that `records` does not name is of another version.
    """
    files: dict[str, str] = {}
    for name, digest in records.items() if isinstance(records, dict) else ():
        path = folder.joinpath(*str(name).split("/"))
        try:
            listed = dict(parse_record(path.read_bytes()))
        except FileNotFoundError:
            listed = {}  # told with all that is missing
        except ValueError as error:
            raise WheelhouseError(f"{path}: is no RECORD ({error}); {_REMEDY}") from error
        files.update(listed)
        files[name] = str(digest)
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


def _make_executable(folder: Path, names: object) -> None:
    """Packages have no file modes, so programs get theirs here, where their host did not see to it."""
    if os.name == "nt" or not isinstance(names, list):
        return
    for name in names:
        path = folder / str(name)
        mode = path.stat().st_mode
        if not mode & stat.S_IXOTH:
            path.chmod(stat.S_IMODE(mode) | 0o111)
