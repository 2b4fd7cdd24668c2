"""What IIS starts for each FastCGI process: the role's environment and packages, then wfastcgi itself."""

import os
import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    here = Path(os.path.abspath(__file__)).parent
    sys.dont_write_bytecode = True
    # wfastcgi overwrites the first entry, which an embeddable Python needs for its standard library.
    sys.path[:] = ["", str(here.parent), *(path for path in sys.path if path not in ("", str(here)))]

    from _cloudrole import environment
    from _cloudrole.places import Places
    from _cloudrole.settings import read_settings

    places = Places.of(here.parent.parent, os.environ)
    environment.apply(read_settings(places.role_json), places)
    sys.path.remove(str(here.parent))
    sys.dont_write_bytecode = False
    sys.argv[:] = [str(places.site_packages / "wfastcgi.py")]
    runpy.run_module("wfastcgi", run_name="__main__", alter_sys=True)
