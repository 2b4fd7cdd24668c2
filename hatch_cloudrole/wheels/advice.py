"""Say why a package has no wheel for the target, what there is of it, and what its user can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault
from hatch_cloudrole.lock.remedies import Found, remedies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hatch_cloudrole.lock.model import Pin
    from hatch_cloudrole.target import Target

__all__ = ["unbuildable"]

_MOST_WHEELS = 6


def unbuildable(pin: Pin, target: Target, outcome: str, found: Found, *, first: Sequence[str] = ()) -> Fault:
    """The fault of a package without a wheel that fits.

    `outcome` is what its sdist came to, in words (empty where there is no sdist), `found` what the indexes
    have besides, `first` are remedies that go before all others.
    """
    lines = [f"no wheel fits {target}"]
    wheels = found.wheels or tuple(each.filename for each in pin.wheels)
    if wheels:
        lines.append(f"      wheels: for others: {_some(wheels, target)}")
    elif found.wheels is not None:
        lines.append("      wheels: none of this version, for any platform")
    if pin.sdist is not None:
        lines.append(f"      sdist:  {pin.sdist.filename}: {outcome}")
    else:
        lines.append("      sdist:  none")
    what = "\n".join(lines)
    return Fault(
        str(pin), what, remedies(str(pin.name), str(pin.version), target, found, wheels=wheels, first=first)
    )


def _some(wheels: Sequence[str], target: Target) -> str:
    """The tags of a few wheels, those of the target's platform and Python first."""

    def distance(filename: str) -> tuple[bool, bool, str]:
        return target.platform not in filename, f"-{target.abi}" not in filename, filename

    ordered = sorted(wheels, key=distance)
    shown = ["-".join(each.removesuffix(".whl").split("-")[-3:]) for each in ordered[:_MOST_WHEELS]]
    more = len(ordered) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
