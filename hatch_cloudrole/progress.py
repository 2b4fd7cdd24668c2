"""Tell a person what is going on: rich on a terminal, plain lines elsewhere, always on standard error."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

__all__ = ["ConsoleProgress", "LineProgress", "Progress", "human_bytes"]

Advance = "Callable[[int], None]"


class Progress(Protocol):
    """What the steps of a build report to."""

    def step(self, text: str) -> contextlib.AbstractContextManager[None]:
        """Something begins that may take a while; its end is told with the time it took."""

    def transfer(
        self, text: str, total: int | None
    ) -> contextlib.AbstractContextManager[Callable[[int], None]]:
        """`total` bytes (None when unknown) are about to be moved; call the value with each number of bytes.

        The callable may be called from several threads.
        """

    def note(self, text: str) -> None:
        """One line that the user should read."""

    def warn(self, text: str) -> None:
        """One line that the user should act on."""


def human_bytes(number: float) -> str:
    """Bytes as people write them, in powers of 1000: 12.3 MB."""
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.2f} GB"


class LineProgress:
    """Plain lines, one at the end of each step: for logs. `write` takes a line without its end."""

    def __init__(self, write: Callable[[str], None], warn: Callable[[str], None] | None = None) -> None:
        self._write = write
        self._warn = warn or (lambda text: write(f"warning: {text}"))

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[None]:
        start = time.monotonic()
        self._write(f"{text} ...")
        yield
        took = time.monotonic() - start
        if took >= 1:
            self._write(f"{text}: {took:.1f} s")

    @contextlib.contextmanager
    def transfer(self, text: str, total: int | None) -> Iterator[Callable[[int], None]]:
        start, moved = time.monotonic(), 0
        self._write(f"{text} ({human_bytes(total)}) ..." if total else f"{text} ...")

        def advance(number: int) -> None:
            nonlocal moved
            moved += number

        yield advance
        took = time.monotonic() - start
        rate = f", {human_bytes(moved / took)}/s" if took >= 0.1 else ""
        self._write(f"{text}: {human_bytes(moved)} in {took:.1f} s{rate}")

    def note(self, text: str) -> None:
        self._write(text)

    def warn(self, text: str) -> None:
        self._warn(text)


class ConsoleProgress:
    """Spinners and bars on a terminal, through rich."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[None]:
        start = time.monotonic()
        with self._console.status(text):
            yield
        self._console.print(f"[green]✓[/] {text} [dim]{time.monotonic() - start:.1f} s[/]", highlight=False)

    @contextlib.contextmanager
    def transfer(self, text: str, total: int | None) -> Iterator[Callable[[int], None]]:
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )
        from rich.progress import Progress as Bars

        start, moved = time.monotonic(), 0
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with Bars(*columns, console=self._console, transient=True) as bars:
            task = bars.add_task(text, total=total)

            def advance(number: int) -> None:
                nonlocal moved
                moved += number
                bars.advance(task, number)

            yield advance
        took = time.monotonic() - start
        self._console.print(f"[green]✓[/] {text} [dim]{human_bytes(moved)}, {took:.1f} s[/]", highlight=False)

    def note(self, text: str) -> None:
        from rich.markup import escape

        self._console.print(f"  {escape(text)}", highlight=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        from rich.markup import escape

        self._console.print(f"[yellow]![/] {escape(text)}", highlight=False, soft_wrap=True)
