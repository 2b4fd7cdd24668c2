"""A role on its instance: `role.py configure | launch | serve | check`. The work is done in _cloudrole."""

import os
import sys

if sys.version_info < (3, 9):  # noqa: UP036 - whatever Python is found runs this file
    sys.exit(
        "role.py needs CPython 3.9 or later, this is " + sys.version.split()[0] + " (" + sys.executable + ")"
    )

# What was deployed stays as it was; and an embeddable Python leaves a script's folder out of its path.
sys.dont_write_bytecode = True
BIN = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [BIN] + [path for path in sys.path if path != BIN]

if __name__ == "__main__":
    from pathlib import Path

    from _cloudrole.cli import main

    sys.exit(main(sys.argv[1:], Path(BIN).parent))
