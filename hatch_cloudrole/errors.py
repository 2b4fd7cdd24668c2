"""What can go wrong for a user, one class for each exit code of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "CloudRoleError",
    "Fault",
    "PackageError",
    "ProjectError",
    "ResolutionError",
    "TransportError",
    "WheelError",
    "raise_all",
]


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong.

    `where` names the place in the user's own words (a full TOML key, a file, a package and version), `what`
    says what was found and what is accepted, `remedy` the next step (empty where `what` makes it plain).
    """

    where: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}\n    Next: {self.remedy}" if self.remedy else text


class CloudRoleError(Exception):
    """A fault of the user's input or surroundings, never of this program.

    Carries every fault that was found in one run. `summary` is the line above them; it may stand alone.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, summary: str, faults: Iterable[Fault] = ()) -> None:
        self.summary = summary
        self.faults = tuple(faults)
        super().__init__(self.render())

    def render(self) -> str:
        """The whole message: the summary, then one bullet for each fault."""
        return "\n".join([self.summary, *(f"  - {fault}" for fault in self.faults)])


class ProjectError(CloudRoleError):
    """Settings, a secret or an impossible path among the files, a stale lock under `--locked`."""

    exit_code = 2


class ResolutionError(CloudRoleError):
    """The requirements have no solution for the target."""

    exit_code = 3


class WheelError(CloudRoleError):
    """No wheel fits the target, or one is refused for what it holds (hash, RECORD, zip)."""

    exit_code = 4


class PackageError(CloudRoleError):
    """A package is invalid."""

    exit_code = 5


class TransportError(CloudRoleError):
    """Network, disk or permissions failed, or `--offline` lacks what it takes."""

    exit_code = 6


def raise_all(errors: Sequence[CloudRoleError]) -> None:
    """Raise one error for all: the first one's kind and summary, everybody's faults."""
    if not errors:
        return
    first = errors[0]
    faults = [fault for error in errors for fault in (error.faults or (Fault("", error.summary),))]
    raise type(first)(first.summary, dict.fromkeys(faults)) from None
