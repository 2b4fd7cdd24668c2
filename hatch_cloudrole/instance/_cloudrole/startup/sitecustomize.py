# ruff: noqa: INP001 - a folder on PYTHONPATH, not a package
"""Gives a Python process of the role its packages and search paths, and leaves no trace on the way.

Python imports this at every start, because its folder is on PYTHONPATH. So child processes that the program
starts with `sys.executable`, and those of multiprocessing, have the packages too, with what their .pth files
do. It has to be quick, and to import nothing that a program might want to import differently.
"""

import os
import sys

SITE_PACKAGES = "CLOUDROLE_SITE_PACKAGES"
SEARCH_PATHS = "CLOUDROLE_SEARCH_PATHS"


def encode(paths: list[str]) -> str:
    """Join paths so that any character in them survives, the separator of PYTHONPATH too."""
    return "\n".join(path.replace("%", "%25").replace("\n", "%0A") for path in paths)


def decode(text: str) -> list[str]:
    """The paths that `encode` joined."""
    return [path.replace("%0A", "\n").replace("%25", "%") for path in text.split("\n") if path]


def same(one: str, other: str) -> bool:
    """Whether two entries of sys.path are one folder, as far as their spelling tells."""
    return os.path.normcase(os.path.abspath(one)) == os.path.normcase(os.path.abspath(other))


def add_search_paths(paths: list[str]) -> None:
    """Put `paths` where this folder stands on sys.path (first, where it does not) and take it away."""
    here = os.path.dirname(os.path.abspath(__file__))
    at = 0
    for index, entry in enumerate(sys.path):
        if same(entry, here):
            at = index
            break
    rest = [(index, entry) for index, entry in enumerate(sys.path) if not same(entry, here)]
    before = [entry for index, entry in rest if index < at]
    after = [entry for index, entry in rest if index >= at]
    sys.path[:] = before + [path for path in paths if path not in before] + after


def add_site_packages(folder: str) -> None:
    """Make `folder` a site directory, .pth files included, in front of the interpreter's own packages.

    Behind the standard library, where packages always are: a package must not replace a module of it.
    """
    import site

    known = list(sys.path)
    site.addsitedir(folder)
    if sys.path[: len(known)] != known:
        return  # a .pth file has arranged sys.path itself
    added = sys.path[len(known) :]
    own = site.getsitepackages() if hasattr(site, "getsitepackages") else []
    own = [os.path.normcase(each) for each in own]
    # On Windows the first of these is the interpreter's folder, which is no place for packages.
    own = [each for each in own if each != os.path.normcase(sys.prefix)]
    at = len(known)
    for index, entry in enumerate(known):
        if os.path.normcase(entry) in own:
            at = index
            break
    sys.path[:] = known[:at] + added + known[at:]


def activate(site_packages: str, search_paths: list[str]) -> None:
    """Do both for this process."""
    add_search_paths(search_paths)
    if site_packages and os.path.isdir(site_packages):
        add_site_packages(site_packages)


def import_next() -> None:
    """Run the sitecustomize that this one stands in front of, if there is one."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


if __name__ == "sitecustomize":
    activate(os.environ.get(SITE_PACKAGES, ""), decode(os.environ.get(SEARCH_PATHS, "")))
    import_next()
