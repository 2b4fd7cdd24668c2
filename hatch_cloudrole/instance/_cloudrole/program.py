"""Runs the role's program in an interpreter that ignores the environment, as the embeddable one does.

program.py file PATH ARGUMENT...
program.py module NAME ARGUMENT...
"""

import os
import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    here = Path(os.path.abspath(__file__)).parent
    sys.path[:] = [str(here.parent), *(path for path in sys.path if path != str(here))]

    from _cloudrole.startup import sitecustomize

    kind, what = sys.argv[1:3]
    sys.path.remove(str(here.parent))
    sitecustomize.activate(
        os.environ.get(sitecustomize.SITE_PACKAGES, ""),
        sitecustomize.decode(os.environ.get(sitecustomize.SEARCH_PATHS, "")),
    )
    for name in [each for each in sys.modules if each.partition(".")[0] == "_cloudrole"]:
        del sys.modules[name]
    sys.argv[:] = [what, *sys.argv[3:]]
    if kind == "file":
        sys.path.insert(0, os.path.dirname(what))
        runpy.run_path(what, run_name="__main__")
    else:
        sys.path.insert(0, os.getcwd())
        runpy.run_module(what, run_name="__main__", alter_sys=True)
