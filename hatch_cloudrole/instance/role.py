# ruff: noqa: ANN201, RUF005, SIM112, UP024 - whatever Python is found has to be able to read this file
"""A role on its instance: `role.py configure | launch | serve | check`. The work is done in _cloudrole."""

import os
import sys

BIN = os.path.dirname(os.path.abspath(__file__))
OLDEST = (3, 9)


def refuse_old_python():
    """Say what is wrong in words that any Python can read, where everything else is said."""
    text = (
        "FAILED with exit code 102: %s is Python %s, but role.py needs CPython %d.%d or later; name another\n"
    )
    text %= (sys.executable, sys.version.split()[0]) + OLDEST
    sys.stderr.write(text)
    script = {
        "configure": ("ConfigureCloudService.ps1", "configure.sh"),
        "launch": ("LaunchWorker.ps1", "launch.sh"),
    }
    names = script.get((sys.argv + [""])[1], ("role", "role"))
    approot, store = os.path.dirname(BIN), os.environ.get("DiagnosticStore")
    usual = os.path.join(store, "LogFiles") if store else "logs"
    logs = os.path.join(approot, os.environ.get("CLOUDROLE_LOG_DIR") or usual)
    try:
        if not os.path.isdir(logs):
            os.makedirs(logs)
        with open(os.path.join(logs, names[os.name != "nt"] + ".log"), "a") as log:
            log.write(text)
    except (IOError, OSError):
        pass  # it was said already
    return 102


# What was deployed stays as it was; and an embeddable Python leaves a script's folder out of its path.
sys.dont_write_bytecode = True
sys.path[:] = [BIN] + [path for path in sys.path if path != BIN]

if __name__ == "__main__":
    if sys.version_info < OLDEST:
        sys.exit(refuse_old_python())

    from pathlib import Path

    from _cloudrole.cli import main

    sys.exit(main(sys.argv[1:], Path(BIN).parent))
