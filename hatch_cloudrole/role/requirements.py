"""The requirements.txt of a role in its package: every wheel pinned, with its hash."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hatch_cloudrole.wheels.model import Wheel

__all__ = ["render_requirements"]


def render_requirements(wheels: Sequence[Wheel]) -> bytes:
    """Requirements that exactly `wheels` fulfil, by name.

    pip takes them with `--no-deps --no-index --find-links wheels --require-hashes -r requirements.txt`.
    """
    lines = [
        f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.content.sha256}\n"
        for wheel in sorted(wheels, key=lambda each: each.name)
    ]
    return "".join(lines).encode("ascii")
