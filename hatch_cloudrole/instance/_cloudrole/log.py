"""The log of one script: lines for people, events for machines, both in files that never grow without end."""

from __future__ import annotations

import json
import os
import sys
import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["KEEP", "LIMIT", "Log", "RotatingFile"]

LIMIT = 10 * 1024 * 1024
"""Bytes after which a log file is put aside."""
KEEP = 5
"""How many files put aside are kept: `name.1` is the newest."""


class RotatingFile:
    """A file that is appended to, and put aside as `name.1` when it has grown to `limit` bytes.

    Nothing here fails: a program must not die of its log. What cannot be written is lost.
    """

    def __init__(self, path: Path, *, limit: int = LIMIT, keep: int = KEEP) -> None:
        self.path = path
        self.limit = limit
        self.keep = keep
        self.fault = ""
        self.descriptor = self._open()
        self.torn = self._ends_torn()

    def _open(self) -> int | None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self.path, flags, 0o644)
        except OSError as error:
            self.fault = error.strerror or str(error)
            return None

    def _ends_torn(self) -> bool:
        """Whether the last line has no end: its writer was killed, or found the disk full."""
        try:
            with self.path.open("rb") as stream:
                size = stream.seek(0, os.SEEK_END)
                stream.seek(max(0, size - 1))
                return stream.read(1) not in (b"", b"\n")
        except OSError:
            return False

    def write(self, data: bytes) -> None:
        """Append `data` in one piece, so that two processes do not mix within a line."""
        self._make_room()
        try:
            if self.descriptor is not None:
                done = data[: os.write(self.descriptor, data)]
                self.torn = not done.endswith(b"\n") if done else self.torn
        except OSError:
            pass

    def write_line(self, data: bytes) -> None:
        """Append lines, where need be after an end for the line that somebody else began."""
        self._make_room()
        self.write(b"\n" + data if self.torn else data)

    def _make_room(self) -> None:
        try:
            if self.descriptor is not None and os.fstat(self.descriptor).st_size >= self.limit:
                self._rotate()
        except OSError:
            pass

    def _rotate(self) -> None:
        self.close()
        try:
            # First of all, because Windows refuses it while somebody else has the file: then it grows on.
            os.replace(self.path, self._numbered(0))
            for number in range(self.keep, 0, -1):
                if self._numbered(number - 1).exists():
                    os.replace(self._numbered(number - 1), self._numbered(number))
        except OSError:
            pass
        self.descriptor = self._open()
        self.torn = self._ends_torn()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def close(self) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None


class Log:
    """What one run of a script has to say.

    Lines and the program's output go to `<script>.log`, events to `<script>.events.jsonl`. `echo` repeats the
    log on standard output; it is off where the starting script already writes that to a file.
    """

    def __init__(self, folder: Path, script: str, *, echo: bool) -> None:
        self.path = folder / f"{script}.log"
        self.file = RotatingFile(self.path)
        self.events = RotatingFile(folder / f"{script}.events.jsonl")
        self.echo = echo
        self.mutex = threading.Lock()
        if self.file.descriptor is None:
            text = f"{_now()} {self.path}: cannot be written ({self.file.fault}); what follows is only here\n"
            _print(text.encode("utf-8", "backslashreplace"), error=True)

    def say(self, text: str) -> None:
        """Log lines for people, each with the time in UTC, and repeat them on standard error."""
        stamp = _now()
        lines = "".join(f"{stamp} {line}\n" for line in text.splitlines() or [""])
        with self.mutex:
            self.file.write_line(lines.encode("utf-8", "backslashreplace"))
        _print(lines.encode("utf-8", "backslashreplace"), error=True)

    def output(self, data: bytes) -> None:
        """Log what the program wrote, byte for byte."""
        with self.mutex:
            self.file.write(data)
        if self.echo:
            _print(data, error=False)

    def event(self, name: str, **data: Any) -> None:
        """Log one line of JSON for machines."""
        line = {"schema": 1, "time": _now(), "event": name, "pid": os.getpid(), **data}
        with self.mutex:
            self.events.write_line((json.dumps(line) + "\n").encode("ascii"))


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _print(data: bytes, *, error: bool) -> None:
    """Write to a standard stream as it is; one that is closed or broken does not matter."""
    stream = sys.stderr if error else sys.stdout
    try:
        stream.flush()
        buffer = getattr(stream, "buffer", None)
        if buffer is None:
            stream.write(data.decode("utf-8", "replace"))
        else:
            buffer.write(data)
        stream.flush()
    except (OSError, ValueError, AttributeError):
        pass
