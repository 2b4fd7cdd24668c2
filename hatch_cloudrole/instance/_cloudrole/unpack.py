"""Lays the wheels out in one folder, as an installer would, and byte-compiles them."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from .compile import compile_tree
from .faults import WheelhouseError
from .scripts import entry_script, is_python_script, wheel_script
from .wheel import plan_wheel, read_member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from .settings import PinnedWheel
    from .wheel import Member, Plan

__all__ = ["INSTALLER", "file_digest", "unpack_wheels"]

INSTALLER = b"hatch-cloudrole\n"
_CHUNK = 1 << 20
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
        owners = _owners(wheels, plans, warn)
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


def file_digest(path: Path) -> bytes:
    """The SHA-256 of a file.

    :raises OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for piece in iter(lambda: stream.read(_CHUNK), b""):
            digest.update(piece)
    return digest.digest()


def _verified_plan(path: Path, wheel: PinnedWheel) -> Plan:
    try:
        found = file_digest(path).hex()
    except FileNotFoundError:
        raise WheelhouseError(f"{path}: is missing; deploy the package again") from None
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


def _owners(
    wheels: Sequence[PinnedWheel], plans: Sequence[Plan], warn: Callable[[str], None]
) -> dict[str, PinnedWheel]:
    """Place -> the wheel whose file is to be there."""
    owners: dict[str, PinnedWheel] = {}
    for wheel, plan in zip(wheels, plans):
        for target in _targets(plan):
            key = _key(target)
            other = owners.get(key)
            if other is not None and other is not wheel:
                warn(f"{target} is in {other.file} and in {wheel.file}; the latter is used")
            owners[key] = wheel
    return owners


def _targets(plan: Plan) -> Iterator[str]:
    yield from (member.target for member in plan.members)
    for point in plan.entry_points:
        yield from (f"bin/{name}" for name in entry_script(point, "", windows=os.name == "nt"))


def _key(target: str) -> str:
    """Two targets of one key are one file."""
    return os.path.normcase(target)


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

        def put(target: str, pieces: Iterable[bytes], *, executable: bool = False) -> None:
            if self.owners.setdefault(_key(target), wheel) is wheel:
                record.append((target, *self.write(target, pieces, executable=executable)))

        try:
            with zipfile.ZipFile(path) as archive:
                for member in plan.members:
                    pieces = read_member(archive, member, wheel)
                    if member.is_script:
                        for name, data in self._script(member, b"".join(pieces)).items():
                            put(name, [data], executable=True)
                    elif member.target != f"{plan.dist_info}/INSTALLER":
                        put(member.target, pieces, executable=member.is_executable)
        except _DAMAGE as error:
            raise WheelhouseError(f"{wheel.file}: refused: {error}") from error
        for point in plan.entry_points:
            for name, data in entry_script(point, self.python, windows=os.name == "nt").items():
                put(f"bin/{name}", [data], executable=True)
        put(f"{plan.dist_info}/INSTALLER", [INSTALLER])
        put(f"{plan.dist_info}/RECORD", [_record(record, plan.dist_info)])

    def _script(self, member: Member, data: bytes) -> dict[str, bytes]:
        if not is_python_script(data):
            return {member.target: data}
        name = member.target[len("bin/") :]
        files = wheel_script(name, data, self.python, windows=os.name == "nt")
        return {f"bin/{file}": content for file, content in files.items()}

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
        return "sha256=" + base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode("ascii"), size


def _record(rows: list[tuple[str, str, int]], dist_info: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(sorted(rows))
    writer.writerow((f"{dist_info}/RECORD", "", ""))
    return text.getvalue().encode("utf-8")
