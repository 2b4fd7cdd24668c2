"""The store: verified wheels and sdists, named by their SHA-256, and what is known of them.

A folder that several builds, and several machines, use at once. Readers never lock; a file enters by rename
once it is verified and is never overwritten. The date of a wheel's record is when it was last used, to a day
(see prune). Below the root:

    files/<2 digits>/<sha256>               the bytes
    wheels/<name>/<sha256>.json             what was found in a wheel when it was verified
    built/<sdist sha256>-<target>.json      which wheel an sdist was built to, and how
    resolutions/<key>.toml                  locks that were resolved here (see lock.resolve)
    partial/<pid>-<random>/<filename>       files that have not entered yet
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from hatch_cloudrole.content import Content
from hatch_cloudrole.errors import Fault, TransportError
from hatch_cloudrole.wheels.model import Provenance, Wheel
from hatch_cloudrole.wheels.verify import tags_fit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hatch_cloudrole.target import Target

__all__ = ["LAYOUT", "Store", "Usage", "unwritable"]

LAYOUT = "v1"
"""Name of the folder below the cache folder; another layout gets another name, so that both can be used."""


_DAY = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Usage:
    """How much the store holds: number of files and bytes."""

    files: int
    bytes: int
    wheels: int
    built: int
    resolutions: int


class Store:
    """The store below one cache folder; its folders are made when something enters."""

    def __init__(self, cache: Path) -> None:
        self.root = cache / LAYOUT

    def file(self, sha256: str) -> Path:
        return self.root / "files" / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        return bool(sha256) and self.file(sha256).is_file()

    @contextlib.contextmanager
    def partial(self, filename: str = "file") -> Iterator[Path]:
        """A path to write to that ends in `filename`, removed at the end unless it was renamed away."""
        folder = self.root / "partial" / f"{os.getpid()}-{secrets.token_hex(8)}"
        folder.mkdir(parents=True)
        try:
            yield folder / filename
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def adopt(self, path: Path, sha256: str) -> Path:
        """Take in a verified file by renaming it. One that is already there stays.

        :raises OSError: it cannot be moved.
        """
        final = self.file(sha256)
        if not final.is_file():
            final.parent.mkdir(parents=True, exist_ok=True)
            # Whoever comes second replaces equal bytes with equal bytes.
            path.replace(final)
        return final

    # Wheels

    def wheel(self, name: NormalizedName, sha256: str) -> Wheel | None:
        """A wheel that has entered, without reading its bytes; None when it has not, or is damaged."""
        record = _read_json(self.root / "wheels" / name / f"{sha256}.json")
        if record is None:
            return None
        path = self.file(sha256)
        try:
            if path.stat().st_size != record["size"]:
                path.unlink()  # cut short or lengthened: as good as absent
                return None
            self._used(self.root / "wheels" / name / f"{sha256}.json")
            return Wheel(
                filename=str(record["filename"]),
                name=name,
                version=Version(record["version"]),
                content=Content.known(path, size=record["size"], sha256=sha256, crc32=record["crc32"]),
                url=str(record["url"]),
                requires_dist=tuple(record["requires_dist"]),
                requires_python=str(record["requires_python"]),
                provides_extra=tuple(record["provides_extra"]),
                built_from=str(record["built_from"]),
            )
        except (OSError, KeyError, TypeError, InvalidVersion):
            return None

    def add_wheel(self, path: Path, wheel: Wheel) -> Wheel:
        """Take in a verified wheel, whose bytes are at `path`, and what is known of it."""
        final = self.adopt(path, wheel.content.sha256)
        record = {
            "filename": wheel.filename,
            "version": str(wheel.version),
            "size": wheel.content.size,
            "crc32": wheel.content.crc32,
            "url": wheel.url,
            "requires_dist": list(wheel.requires_dist),
            "requires_python": wheel.requires_python,
            "provides_extra": list(wheel.provides_extra),
            "built_from": wheel.built_from,
        }
        self._write_json(self.root / "wheels" / wheel.name / f"{wheel.content.sha256}.json", record)
        known = Content.known(
            final, size=wheel.content.size, sha256=wheel.content.sha256, crc32=wheel.content.crc32
        )
        return Wheel(**{**{slot: getattr(wheel, slot) for slot in Wheel.__slots__}, "content": known})

    def drop_if_damaged(self, wheel: Wheel) -> bool:
        """Remove a wheel whose bytes are not those that were verified; says whether it was, or is gone."""
        path = self.file(wheel.content.sha256)
        try:
            if Content.of_file(path) == wheel.content:
                return False
        except FileNotFoundError:
            return True
        path.unlink(missing_ok=True)
        return True

    def built_wheel(self, sdist_sha256: str, target: Target) -> Wheel | None:
        """The wheel that an sdist was built to for `target`, if it was and is still here.

        One that was built for another target does as well, when its tags fit.
        """
        own = self._built(sdist_sha256, target)
        others = sorted(path for path in own.parent.glob(f"{sdist_sha256}-*.json") if path != own)
        for path in (own, *others):
            record = _read_json(path)
            if record is not None:
                wheel = self.wheel(canonicalize_name(str(record.get("name"))), str(record.get("sha256")))
                if wheel is not None and tags_fit(wheel.filename, target.tags()):
                    return wheel
        return None

    def add_built(self, target: Target, wheel: Wheel, provenance: Provenance) -> None:
        """Remember which wheel an sdist was built to for `target`, and how."""
        record = {"name": wheel.name, "sha256": wheel.content.sha256, "provenance": asdict(provenance)}
        self._write_json(self._built(provenance.sha256, target), record)

    def provenance(self, wheel: Wheel) -> Provenance | None:
        """How a built wheel was built, as far as it is known."""
        for path in sorted((self.root / "built").glob(f"{wheel.built_from}-*.json")):
            record = _read_json(path) or {}
            facts = record.get("provenance")
            if record.get("sha256") == wheel.content.sha256 and isinstance(facts, dict):
                lists = {key: tuple(facts.get(key, ())) for key in ("requires", "used")}
                try:
                    return Provenance(**{**facts, **lists})
                except TypeError:
                    continue  # written by another version of this program
        return None

    def _used(self, record: Path) -> None:
        """Note that a record is in use, once a day at most, so that `prune` knows what is not."""
        with contextlib.suppress(OSError):  # a store that may only be read serves as well
            if time.time() - record.stat().st_mtime > _DAY:
                os.utime(record)

    def _built(self, sdist_sha256: str, target: Target) -> Path:
        return self.root / "built" / f"{sdist_sha256}-{target.abi}-{target.platform}.json"

    # Resolutions

    def read_resolution(self, key: str) -> str | None:
        try:
            return (self.root / "resolutions" / f"{key}.toml").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def write_resolution(self, key: str, text: str) -> None:
        self._write(self.root / "resolutions" / f"{key}.toml", text)

    # Housekeeping

    def usage(self) -> Usage:
        """Count what is here."""
        sizes = [path.stat().st_size for path in self.root.glob("files/*/*") if path.is_file()]
        return Usage(
            files=len(sizes),
            bytes=sum(sizes),
            wheels=sum(1 for _ in self.root.glob("wheels/*/*.json")),
            built=sum(1 for _ in self.root.glob("built/*.json")),
            resolutions=sum(1 for _ in self.root.glob("resolutions/*.toml")),
        )

    def _write_json(self, path: Path, record: dict[str, Any]) -> None:
        self._write(path, json.dumps(record, indent=1, sort_keys=True) + "\n")

    def _write(self, path: Path, text: str) -> None:
        with self.partial() as partial:
            partial.write_text(text, encoding="utf-8", newline="\n")
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.replace(path)


def unwritable(error: OSError, store: Store) -> TransportError:
    """What an error of the disk means to the user."""
    where = str(error.filename or store.root)
    remedy = "make room or give permission, or name another folder with --cache-dir"
    return TransportError("The store cannot be written", [Fault(where, error.strerror or str(error), remedy)])


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None
