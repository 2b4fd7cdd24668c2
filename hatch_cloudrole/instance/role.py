# ruff: noqa: ANN001, ANN201, RUF005, SIM112, UP024, UP031 - whatever Python is found has to be able to read this file
"""A role on its instance: `role.py configure | launch | serve | check`. The work is done in _cloudrole."""

import os
import sys

BIN = os.path.dirname(os.path.abspath(__file__))
OLDEST = (3, 9)


def refuse(code, why):
    """Say where everything else is said what is wrong, in words that any Python can read."""
    text = "FAILED with exit code %d: %s\n" % (code, why)
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
    return code


# What was deployed stays as it was; and an embeddable Python leaves a script's folder out of its path.
sys.dont_write_bytecode = True
sys.path[:] = [BIN] + [path for path in sys.path if path != BIN]
if sys.argv[1:2] != ["serve"]:
    # What PYTHONPATH names is for the program, which `serve` is. But it may name the standard library.
    OWN = os.path.dirname(os.path.abspath(os.__file__))
    THEIRS = [os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    THEIRS = [
        path for path in THEIRS if "site-packages" in path or not path.startswith((OWN, sys.exec_prefix))
    ]
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) not in THEIRS]

if __name__ == "__main__":
    if sys.version_info < OLDEST:
        old = "%s is Python %s, but role.py needs CPython %d.%d or later; name another"
        sys.exit(refuse(102, old % ((sys.executable, sys.version.split()[0]) + OLDEST)))

    try:
        from pathlib import Path

        from _cloudrole.cli import main
    except Exception as error:  # noqa: BLE001 - half a deployment has many faces
        last = sys.exc_info()[2]
        while last.tb_next:
            last = last.tb_next
        where = last.tb_frame.f_code.co_filename
        damage = "%s cannot be loaded: %s (%s); deploy the package again"
        sys.exit(refuse(101, damage % (os.path.join(BIN, "_cloudrole"), error, where)))

    sys.exit(main(sys.argv[1:], Path(BIN).parent))
