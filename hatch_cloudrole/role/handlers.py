"""Handler expressions: their parts, and whether the package has what they name."""

from __future__ import annotations

import ast
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault
from hatch_cloudrole.settings.place import TABLE
from hatch_cloudrole.settings.wording import toml_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from hatch_cloudrole.content import Content
    from hatch_cloudrole.settings.model import Role
    from hatch_cloudrole.wheels.model import Wheel

__all__ = ["Handler", "installed_modules", "missing_names"]


@dataclass(frozen=True, slots=True)
class Handler:
    """`package.module:name`, or dotted throughout, with `()` after each name that is to be called.

    `modules` are the names that certainly belong to the module: those before the colon, or the first one.
    `names` are the others; in the dotted form some of them may be modules too, but never the last.
    """

    modules: tuple[str, ...]
    names: tuple[str, ...]
    has_colon: bool

    @classmethod
    def parse(cls, expression: str) -> Handler:
        """Read an expression that the settings have accepted."""
        module, colon, names = expression.partition(":")
        if not colon:
            module, _, names = expression.partition(".")
        return cls(tuple(module.split(".")), tuple(names.split(".")), bool(colon))

    @property
    def dotted(self) -> str:
        """The form that wfastcgi takes; it finds out itself where the module ends."""
        return ".".join((*self.modules, *self.names))

    def candidates(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Each module that may be meant with the names to look up in it, the longest first."""
        most = 0
        if not self.has_colon:
            called = (number for number, name in enumerate(self.names) if name.endswith("()"))
            most = min(next(called, len(self.names)), len(self.names) - 1)
        for number in range(most, -1, -1):
            yield ".".join((*self.modules, *self.names[:number])), self.names[number:]


def missing_names(role: Role, files: Mapping[str, Content], installed: Callable[[str], bool]) -> list[Fault]:
    """What handler and startup module of `role` name that is surely not in the package: warnings.

    `files` are the role's by their path from its root; `installed` says of a top-level name whether a wheel
    brings it. Nothing is imported, so what is made at import time is given the benefit of the doubt.
    """
    missing: list[Fault] = []
    folders = dict.fromkeys((".", *role.search_paths, role.working_directory))
    bases = ["" if folder == "." else f"{folder}/" for folder in folders]
    for key, expression in (("wsgi-handler", role.wsgi_handler), ("asgi-handler", role.asgi_handler)):
        if expression:
            candidates = list(Handler.parse(expression).candidates())
            missing += _missing(
                toml_key(*TABLE, "roles", role.name, key), candidates, bases, files, installed
            )
    if role.startup_module:
        module = [(role.startup_module, ())]
        missing += _missing(
            toml_key(*TABLE, "roles", role.name, "startup-module"), module, bases, files, installed
        )
    return missing


def _missing(
    where: str,
    candidates: Sequence[tuple[str, tuple[str, ...]]],
    bases: Sequence[str],
    files: Mapping[str, Content],
    installed: Callable[[str], bool],
) -> Iterator[Fault]:
    top = candidates[0][0].partition(".")[0]
    known = {base: _modules(base, files) for base in bases}
    if not any(top in modules for modules in known.values()):
        if top not in sys.stdlib_module_names and not installed(top):
            what = f"there is no module {top!r} among the role's files, nor in its wheels"
            yield Fault(where, what, "correct the name, or add to search-paths the folder that holds it")
        return
    for module, names in candidates:
        for base, modules in known.items():
            if module in modules:
                name = names[0].removesuffix("()") if names else ""
                if name and f"{module}.{name}" not in modules and _lacks(files, base, module, name):
                    yield Fault(where, f"the module {module!r} has no {name!r}", "correct the name")
                return
    if not installed(top):
        what = f"the role's files have {top!r} but no module {candidates[0][0]!r}"
        yield Fault(where, what, "correct the name")


def _modules(base: str, files: Iterable[str]) -> set[str]:
    """The dotted names of all modules and packages below the folder `base`, folders without code included."""
    found: set[str] = set()
    for path in files:
        if path.startswith(base):
            *folders, name = path[len(base) :].split("/")
            found.update(".".join(folders[:number]) for number in range(1, len(folders) + 1))
            if name.endswith((".py", ".pyd", ".so")):
                found.add(".".join((*folders, name.partition(".")[0])))
    return found


def _lacks(files: Mapping[str, Content], base: str, module: str, name: str) -> bool:
    """Whether the module is a plain file that clearly binds no such name."""
    stem = base + module.replace(".", "/")
    content = files.get(f"{stem}.py") or files.get(f"{stem}/__init__.py")
    if content is None:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(content.read())
    except (SyntaxError, ValueError, RecursionError):  # it may be written for another Python than this one
        return False
    # exec, globals and the like bind names that cannot be seen.
    return not {name, "*", "__getattr__", "exec", "globals", "setattr", "vars"} & set(_identifiers(tree))


def _identifiers(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        for field in ("id", "name", "asname", "attr"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                yield value.partition(".")[0]


def installed_modules(wheels: Sequence[Wheel]) -> Callable[[str], bool]:
    """A function that says of a top-level name whether one of `wheels` may bring it.

    The wheels' tables of contents are read when it is first asked, and only then.
    """
    import zipfile
    from functools import lru_cache

    @lru_cache(maxsize=1)
    def names() -> frozenset[str] | None:
        found: set[str] = set()
        try:
            for wheel in wheels:
                with wheel.content.open() as stream, zipfile.ZipFile(stream) as archive:
                    found.update(part for path in archive.namelist() for part in _tops(path))
        except (OSError, zipfile.BadZipFile):
            return None  # what verifies wheels says so better
        return frozenset(found)

    def has(name: str) -> bool:
        known = names()
        return known is None or name in known

    return has


def _tops(path: str) -> Iterator[str]:
    """The top-level names that a file of a wheel makes importable."""
    parts = path.split("/")
    if parts[0].endswith(".data"):  # purelib or platlib below it
        parts = parts[2:]
    if parts:
        yield parts[0].partition(".")[0]
