"""Forgets what Python has compiled of the role's own modules, which another version may have replaced.

A compiled module is taken for the module's own when it names the same date and size. Files out of one
archive and then out of another often have one date.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .places import Places

__all__ = ["forget_compiled"]

_OTHERS = ("lib", "runtime", "wheels")
"""Folders of approot that others look after."""


def forget_compiled(places: Places) -> None:
    """Remove compiled modules beside the modules they are of; what may not be removed stays."""
    passed = {os.path.normcase(places.approot / name) for name in (*_OTHERS, places.home, places.logs)}
    for parent, folders, names in os.walk(places.approot):
        folders[:] = [each for each in folders if os.path.normcase(os.path.join(parent, each)) not in passed]
        if os.path.basename(parent) != "__pycache__":
            continue
        for name in names:
            source = os.path.join(os.path.dirname(parent), name.partition(".")[0] + ".py")
            if name.endswith(".pyc") and os.path.isfile(source):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(parent, name))
