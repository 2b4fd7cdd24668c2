"""Lays the wheels out in one folder, as an installer would, and byte-compiles them."""

from __future__ import annotations

import hashlib
import os
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from .compile import compile_tree
from .faults import WheelhouseError
from .layout import find_owners, placements
from .record import encoded, file_digest, render_record
from .wheel import plan_wheel, read_member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from .settings import PinnedWheel
    from .wheel import Plan

__all__ = ["unpack_wheels"]

_DATE = 315619200
"""1980-01-02. A compiled module names the date of its source, which therefore must not vary."""
_DAMAGE = (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, UnicodeDecodeError, EOFError)
_THREADS = 4


def unpack_wheels(
    wheels: Sequence[PinnedWheel],
    folder: Path,
    staging: Path,
    *,
    python: str,
    final: Path,
    warn: Callable[[str], None],
) -> None:
    """Unpack `wheels`, which lie in `folder`, into `staging`, which will be renamed to `final`.

    Scripts start the interpreter `python`. Where two wheels hold a file of one name, the later one's is used.

    :raises WheelhouseError: a wheel is missing, not as packaged, or refused for what it holds.
    :raises OSError: something cannot be written.
    """
    with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool:
        plans = list(pool.map(lambda wheel: _verified_plan(folder / wheel.file, wheel), wheels))
        owners = find_owners(wheels, plans, warn, windows=os.name == "nt")
        layout = _Layout(staging, python, owners)
        jobs = [
            pool.submit(layout.unpack, folder / wheel.file, wheel, plan) for wheel, plan in zip(wheels, plans)
        ]
        try:
            for job in jobs:
                job.result()
        except BaseException:
            for job in jobs:
                job.cancel()
            raise
    compile_tree(staging, layout.written, final)


def _verified_plan(path: Path, wheel: PinnedWheel) -> Plan:
    try:
        found = file_digest(path).hex()
    except FileNotFoundError:
        raise WheelhouseError(f"{path}: is missing; deploy the package again") from None
    except OSError as error:
        why = error.strerror or str(error)
        raise WheelhouseError(f"{path}: cannot be read ({why}); deploy the package again") from error
    if found != wheel.sha256:
        raise WheelhouseError(
            f"{path}: is corrupted: its SHA-256 is {found}, packaged was {wheel.sha256}; "
            "deploy the package again"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            return plan_wheel(archive, wheel)
    except _DAMAGE as error:
        raise WheelhouseError(f"{wheel.file}: refused: {error}") from error


class _Layout:
    """The folder that is being filled, by several threads."""

    def __init__(self, staging: Path, python: str, owners: dict[str, PinnedWheel]) -> None:
        self.staging = str(staging)
        self.python = python
        self.owners = owners
        self.written: list[str] = []
        self.folders: set[str] = set()
        self.mutex = threading.Lock()

    def unpack(self, path: Path, wheel: PinnedWheel, plan: Plan) -> None:
        record: list[tuple[str, str, int]] = []
        try:
            with zipfile.ZipFile(path) as archive:
                for placed in placements(
                    archive, wheel, plan, self.owners, python=self.python, windows=os.name == "nt"
                ):
                    pieces: Iterable[bytes] = () if placed.data is None else [placed.data]
                    if placed.member is not None:
                        pieces = read_member(archive, placed.member, wheel)
                    written = self.write(placed.target, pieces, executable=placed.executable)
                    record.append((placed.target, *written))
        except _DAMAGE as error:
            raise WheelhouseError(f"{wheel.file}: refused: {error}") from error
        self.write(f"{plan.dist_info}/RECORD", [render_record(record, plan.dist_info)], executable=False)

    def write(self, target: str, pieces: Iterable[bytes], *, executable: bool) -> tuple[str, int]:
        """Write one file; return its hash as RECORD has it, and its size. All files pass here."""
        parts = target.split("/")
        path = os.path.join(self.staging, *parts)
        parent = os.path.dirname(path)
        if parent not in self.folders:
            os.makedirs(parent, exist_ok=True)
            self.folders.add(parent)
        digest, size = hashlib.sha256(), 0
        with open(path, "wb") as stream:
            for piece in pieces:
                stream.write(piece)
                digest.update(piece)
                size += len(piece)
        if executable and os.name != "nt":
            os.chmod(path, 0o755)  # noqa: S103 - a program may be started by all who may read it
        if target.endswith(".py"):
            os.utime(path, (_DATE, _DATE))
        with self.mutex:
            self.written.append(target)
        return encoded(digest.digest()), size
