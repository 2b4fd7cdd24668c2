"""Run another program: the only place that does."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

__all__ = ["Finished", "Runner", "run"]


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that has ended: its exit code and what it wrote, as text."""

    code: int
    stdout: str
    stderr: str


def run(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> Finished:
    """Run `argv` to its end with nothing on its standard input, and hold back what it writes.

    :raises OSError: the program cannot be started.
    """
    done = subprocess.run(  # noqa: S603 - argv lists only, never a shell
        list(argv),
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


if TYPE_CHECKING:
    Runner = Callable[..., Finished]
    """What has `run`'s signature; tests hand in a small recording one."""
else:
    Runner = object
