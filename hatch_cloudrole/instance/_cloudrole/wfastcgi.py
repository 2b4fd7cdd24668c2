"""What IIS starts for each FastCGI process: the role's environment and packages, then wfastcgi itself."""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    here = Path(os.path.abspath(__file__)).parent
    sys.dont_write_bytecode = True
    sys.path[:] = [str(here.parent), *(path for path in sys.path if path != str(here))]

    from _cloudrole import fastcgi
    from _cloudrole.places import Places
    from _cloudrole.settings import read_settings

    places = Places.of(here.parent.parent, os.environ)
    settings = read_settings(places.role_json)
    sys.dont_write_bytecode = False
    fastcgi.run(settings, places.of_role(settings))
