"""What IIS starts for each FastCGI process: the role's environment and packages, then wfastcgi itself."""

import os
import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    here = Path(os.path.abspath(__file__)).parent
    sys.dont_write_bytecode = True
    sys.path[:] = [str(here.parent), *(path for path in sys.path if path != str(here))]

    from _cloudrole import environment
    from _cloudrole.places import Places
    from _cloudrole.settings import read_settings

    places = Places.of(here.parent.parent, os.environ)
    settings = read_settings(places.role_json)
    places = places.of_role(settings)
    environment.apply(settings, places)
    sys.path.remove(str(here.parent))
    # wfastcgi overwrites the first entry, whatever it is.
    sys.path.insert(0, "")
    sys.dont_write_bytecode = False
    sys.argv[:] = [str(places.site_packages / "wfastcgi.py")]
    runpy.run_module("wfastcgi", run_name="__main__", alter_sys=True)
