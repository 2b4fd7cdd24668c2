"""A resolver that tells the user that it is at work."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hatch_cloudrole.lock.resolve import Resolver
    from hatch_cloudrole.progress import Progress
    from hatch_cloudrole.target import Target

__all__ = ["Announcing"]


class Announcing:
    """Tells it once, and nothing when nothing is resolved."""

    def __init__(self, resolver: Resolver, progress: Progress, target: Target, roles: int) -> None:
        self.name = resolver.name
        self._resolver = resolver
        self._progress = progress
        what = "1 role" if roles == 1 else f"{roles} roles"
        self._text = f"Resolving {what} for {target} with {resolver.name}"

    def resolve(self, *args: Any, **kwargs: Any) -> Any:
        text, self._text = self._text, ""
        with self._progress.step(text) if text else nullcontext():
            return self._resolver.resolve(*args, **kwargs)
