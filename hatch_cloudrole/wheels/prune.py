"""Take out of the store what has not been used for long. Builds may run meanwhile.

A build that finds its wheel gone fetches or builds it anew; one that had already counted on it says so and
succeeds when it is run again.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault, TransportError

if TYPE_CHECKING:
    from pathlib import Path

    from hatch_cloudrole.wheels.store import Store

__all__ = ["DAY", "Freed", "prune"]

DAY = 24 * 60 * 60
RESOLUTION_DAYS = 7
_MOST_FAULTS = 5


@dataclass(slots=True)
class Freed:
    """What was removed: wheels, resolutions, folders of builds that were killed, and the bytes of it all."""

    wheels: int = 0
    resolutions: int = 0
    partial: int = 0
    bytes: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    """What could not be removed, and why."""

    def remove(self, path: Path) -> bool:
        """Remove one file, and say whether it is gone."""
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return True
        except OSError as error:
            self.refused[str(path)] = error.strerror or str(error)
            return False
        self.bytes += size
        return True


def prune(store: Store, *, now: float, days: float = 30, everything: bool = False) -> Freed:
    """Remove wheels that were not used for `days`, and what belongs to nothing.

    That is: resolutions older than a week; folders of builds that were killed, and files without a record,
    when they are older than a day. With `everything`, every wheel and resolution. `now` is seconds since the
    epoch.

    :raises TransportError: something could not be removed; the rest has been.
    """
    freed = Freed()
    root = store.root
    kept: set[str] = set()
    for record in sorted(root.glob("wheels/*/*.json")):
        file = store.file(record.stem)
        if not (everything or _older(record, now - days * DAY) or not file.exists()):
            kept.add(record.stem)
        # The record first: what has none is looked for by nobody.
        elif freed.remove(record) and freed.remove(file):
            freed.wheels += 1
    for file in root.glob("files/*/*"):
        # Without a record it has entered just now, or its build was killed.
        if file.name not in kept and _older(file, now - DAY):
            freed.remove(file)
    for record in root.glob("built/*.json"):
        if _wheel_of(record) not in kept and (everything or _older(record, now - DAY)):
            freed.remove(record)
    for text in root.glob("resolutions/*.toml"):
        if everything or _older(text, now - RESOLUTION_DAYS * DAY):
            freed.resolutions += freed.remove(text)
    for folder in root.glob("partial/*"):
        if _older(folder, now - DAY):
            freed.bytes += sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
            shutil.rmtree(folder, ignore_errors=True)
            freed.partial += 1
    if freed.refused:
        faults = [Fault(path, why) for path, why in list(freed.refused.items())[:_MOST_FAULTS]]
        raise TransportError(f"{len(freed.refused)} files of the store cannot be removed", faults)
    return freed


def _older(path: Path, moment: float) -> bool:
    try:
        return path.stat().st_mtime < moment
    except OSError:
        return False  # gone, or nothing that we may judge


def _wheel_of(record: Path) -> str:
    try:
        return str(json.loads(record.read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
