"""Makes `site-packages` of the wheelhouse: without pip, without network, whole or not at all."""

from __future__ import annotations

import base64
import csv
import errno
import hashlib
import io
import json
import os
import shutil
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from .compile import compile_tree
from .faults import DiskError, WheelhouseError
from .scripts import entry_script, is_python_script, wheel_script
from .wheel import plan_wheel, read_member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .places import Places
    from .settings import PinnedWheel, Settings
    from .wheel import Member

__all__ = ["MARKER", "install", "installed_digest", "wanted_digest"]

MARKER = ".cloudrole.json"
"""Lies in a site-packages that is whole, and says of what it was made."""
_RECIPE = 1
"""Changes with every release whose result differs for the same wheels."""
_NEW, _OLD = "new.", "old."
_CHUNK = 1 << 20
_DATE = 315619200  # 1980-01-02: compiled modules name the date of their source, which must not vary
_PATIENCE = 10.0


def wanted_digest(settings: Settings, python: str) -> str:
    """Stands for everything that decides what `site-packages` holds."""
    parts = [
        str(_RECIPE),
        python,
        sys.implementation.cache_tag or "",
        settings.platform,
        *(f"{wheel.file} {wheel.sha256}" for wheel in settings.wheels),
    ]
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def installed_digest(site_packages: Path) -> str:
    """The digest of what is installed; empty where nothing whole is."""
    try:
        data = json.loads((site_packages / MARKER).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return ""
    return str(data.get("digest", "")) if isinstance(data, dict) else ""


def install(settings: Settings, places: Places, python: str, warn: Callable[[str], None]) -> bool:
    """Install the wheelhouse unless exactly that is installed; say whether anything was done.

    Everything goes into a new folder, which takes its place by two renames: whenever this is killed, there is
    the old tree, the new one, or none, and the next run cleans up. The caller holds the lock.

    :raises WheelhouseError: a wheel is missing or not as packaged.
    :raises DiskError: the disk is full, or something cannot be written.
    """
    try:
        _clean(places.home)
        digest = wanted_digest(settings, python)
        if installed_digest(places.site_packages) == digest:
            return False
        staging = Path(tempfile.mkdtemp(prefix=_NEW, dir=places.home))
        try:
            staging.chmod(0o755)
            _fill(staging, settings.wheels, places, python, warn)
            marker = {"schema": 1, "digest": digest, "wheels": [wheel.file for wheel in settings.wheels]}
            (staging / MARKER).write_text(json.dumps(marker, indent=1) + "\n", encoding="ascii")
            _swap(staging, places)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        _clean(places.home)
    except OSError as error:
        raise _disk_fault(error, places.home) from error
    return True


def _clean(home: Path) -> None:
    """Remove what a killed run left."""
    for name in os.listdir(home):
        if name.startswith((_NEW, _OLD)):
            _remove(home / name)


def _remove(folder: Path) -> None:
    """Remove a folder that somebody may still write to or read from; what resists waits for the next run."""
    end = time.monotonic() + 2
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)
        if time.monotonic() > end:
            return
        if folder.exists():
            time.sleep(0.05)


def _fill(
    staging: Path, wheels: Iterable[PinnedWheel], places: Places, python: str, warn: Callable[[str], None]
) -> None:
    written: dict[str, tuple[str, str]] = {}
    for wheel in wheels:
        path = places.wheels / wheel.file
        _verify(path, wheel)
        try:
            with zipfile.ZipFile(path) as archive:
                _unpack(archive, wheel, staging, python, written, warn)
        except (
            zipfile.BadZipFile,
            zipfile.LargeZipFile,
            NotImplementedError,
            UnicodeDecodeError,
            EOFError,
        ) as error:
            raise WheelhouseError(f"{wheel.file}: refused: {error}") from error
    compile_tree(staging, [target for target, _ in written.values()], places.site_packages)


def _verify(path: Path, wheel: PinnedWheel) -> None:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while True:
                piece = stream.read(_CHUNK)
                if not piece:
                    break
                digest.update(piece)
    except FileNotFoundError:
        raise WheelhouseError(f"{path}: is missing; deploy the package again") from None
    if digest.hexdigest() != wheel.sha256:
        raise WheelhouseError(
            f"{path}: is corrupted: its SHA-256 is {digest.hexdigest()}, packaged was {wheel.sha256}; "
            "deploy the package again"
        )


def _unpack(
    archive: zipfile.ZipFile,
    wheel: PinnedWheel,
    staging: Path,
    python: str,
    written: dict[str, tuple[str, str]],
    warn: Callable[[str], None],
) -> None:
    plan = plan_wheel(archive, wheel)
    windows = os.name == "nt"
    record: list[tuple[str, str, str]] = []

    def put(target: str, pieces: Iterable[bytes], *, executable: bool = False) -> None:
        key = target.lower() if windows else target
        _, other = written.get(key, ("", wheel.file))
        if other != wheel.file:
            warn(f"{target} is in {other} and in {wheel.file}; the latter is used")
        written[key] = (target, wheel.file)
        record.append((target, *_write(staging, target, pieces, executable=executable)))

    for member in plan.members:
        if member.is_script and _starts_python(archive, member):
            data = b"".join(read_member(archive, member, wheel))
            name = member.target[len("bin/") :]
            for file, content in wheel_script(name, data, python, windows=windows).items():
                put(f"bin/{file}", [content], executable=True)
        else:
            put(member.target, read_member(archive, member, wheel), executable=member.is_executable)
    for point in plan.entry_points:
        for file, content in entry_script(point, python, windows=windows).items():
            put(f"bin/{file}", [content], executable=True)
    put(f"{plan.dist_info}/INSTALLER", [b"hatch-cloudrole\n"])
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerows(sorted(record))
    rows.writerow((f"{plan.dist_info}/RECORD", "", ""))
    put(f"{plan.dist_info}/RECORD", [text.getvalue().encode("utf-8")])


def _starts_python(archive: zipfile.ZipFile, member: Member) -> bool:
    with archive.open(member.info) as stream:
        return is_python_script(stream.read(8))


def _write(staging: Path, target: str, pieces: Iterable[bytes], *, executable: bool) -> tuple[str, str]:
    """Write one file and return its hash and size as RECORD has them. The only place that writes packages."""
    path = os.path.join(staging, *target.split("/"))
    digest, size = hashlib.sha256(), 0
    try:
        stream = open(path, "wb")
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        stream = open(path, "wb")
    with stream:
        for piece in pieces:
            stream.write(piece)
            digest.update(piece)
            size += len(piece)
    if executable and os.name != "nt":
        os.chmod(path, 0o755)
    if target.endswith(".py"):
        os.utime(path, (_DATE, _DATE))
    encoded = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode("ascii")
    return f"sha256={encoded}", str(size)


def _swap(staging: Path, places: Places) -> None:
    if places.site_packages.exists():
        old = Path(tempfile.mkdtemp(prefix=_OLD, dir=places.home))
        _rename(places.site_packages, old / "site-packages")
    _rename(staging, places.site_packages)


def _rename(source: Path, target: Path) -> None:
    """Rename, for some seconds against scanners that open every new file on Windows."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            source.rename(target)
        except PermissionError:
            if os.name != "nt" or time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


def _disk_fault(error: OSError, home: Path) -> DiskError:
    where = error.filename or home
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        free = shutil.disk_usage(home).free // (1024 * 1024)
        return DiskError(
            f"{home}: the disk is full ({free} MB free); choose another place with CLOUDROLE_HOME"
        )
    if isinstance(error, PermissionError):
        return DiskError(
            f"{where}: may not be written by this user, or a program is using it ({error.strerror})"
        )
    return DiskError(f"{where}: {error.strerror or error}")
