"""Run another program: the only place that does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

__all__ = ["Finished", "Runner", "TimeLimitError", "run"]


_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that has ended: its exit code and what it wrote, as text."""

    code: int
    stdout: str
    stderr: str


class TimeLimitError(Exception):
    """A program did not end in time and was stopped, with all that it had started."""


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float | None = None,
    cancelled: threading.Event | None = None,
) -> Finished:
    """Run `argv` to its end with nothing on its standard input, and hold back what it writes.

    With `timeout`, in seconds, it is stopped when it takes longer, and so is what it started; likewise when
    another thread sets `cancelled`.

    :raises OSError: the program cannot be started.
    :raises TimeLimitError: it took longer than `timeout`, or was cancelled.
    """
    # Only a group of its own can be stopped as a whole, when the time is up or this process is told to end.
    own_group = sys.platform != "win32"
    with subprocess.Popen(  # noqa: S603 - argv lists only, never a shell
        list(argv),
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=own_group,
    ) as process:
        try:
            stdout, stderr = _communicate(process, timeout, cancelled)
        except BaseException:
            _stop(process, group=own_group)
            raise
    return Finished(process.returncode, stdout, stderr)


def _communicate(
    process: subprocess.Popen[str], timeout: float | None, cancelled: threading.Event | None
) -> tuple[str, str]:
    if timeout is None:
        return process.communicate()
    end = time.monotonic() + timeout
    while True:
        try:
            return process.communicate(timeout=max(0.0, min(end - time.monotonic(), _POLL_SECONDS)))
        except subprocess.TimeoutExpired:
            if cancelled is not None and cancelled.is_set():
                raise TimeLimitError("it was cancelled") from None
            if time.monotonic() >= end:
                raise TimeLimitError(f"it did not end within {timeout:g} s") from None


def _stop(process: subprocess.Popen[Any], *, group: bool) -> None:
    with contextlib.suppress(OSError):
        if group:
            os.killpg(process.pid, signal.SIGKILL)
        elif sys.platform == "win32":
            # Only this reaches the children too, which hold our pipes open.
            subprocess.run(  # noqa: S603
                ["taskkill", "/F", "/T", "/PID", str(process.pid)],  # noqa: S607
                check=False,
                capture_output=True,
            )
    process.kill()
    process.wait()


if TYPE_CHECKING:
    Runner = Callable[..., Finished]
    """What has `run`'s signature; tests hand in a small recording one."""
else:
    Runner = object
