"""Wheels that are no longer what was verified when they entered the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault, WheelError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hatch_cloudrole.wheels.store import Store
    from hatch_cloudrole.wheels.wheelhouse import Wheelhouse

__all__ = ["damaged_wheels"]


def damaged_wheels(store: Store, houses: Iterable[Wheelhouse]) -> WheelError:
    """The error for wheels that changed in the store since they were verified, after taking them out.

    It has no faults where all wheels are as they were.
    """
    wheels = {wheel.content.sha256: wheel for house in houses for wheel in house.wheels.values()}
    what = "its bytes in the store are not those that were verified; it is no longer there"
    dropped = [
        Fault(wheel.filename, what, "build again: it will be fetched or built anew")
        for wheel in sorted(wheels.values(), key=lambda each: each.filename)
        if store.drop_if_damaged(wheel)
    ]
    return WheelError(
        "Some wheels were damaged in the store, by a disk fault or by hand, or removed from it", dropped
    )
