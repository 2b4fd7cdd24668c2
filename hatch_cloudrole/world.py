"""What a build touches besides the project, as a value: so a test can hand in another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hatch_cloudrole.process import Runner
    from hatch_cloudrole.progress import Progress

__all__ = ["World"]


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """All that a build touches besides the project: environment, clock, home, programs, the user's eyes."""

    env: Mapping[str, str]
    home: Path
    now: Callable[[], int]
    run: Runner
    progress: Progress
