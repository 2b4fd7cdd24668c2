"""Which of the project's files belong to a role."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault
from hatch_cloudrole.role.left_out import left_out
from hatch_cloudrole.role.secret_files import read_head, secret_in

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from hatch_cloudrole.settings.model import Role

__all__ = ["ProjectFile", "Selection", "select_role_files"]


@dataclass(frozen=True, slots=True, order=True)
class ProjectFile:
    """A file that Hatch's own options select.

    `path` is where it lies, `relative` its path in the project as it is distributed, with `/`. `forced` files
    come from `force-include`, which nothing but a role's `exclude` and the check for secrets looks at again.
    """

    path: Path
    relative: str
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """The files of one role by their path from its root, and what is wrong with others.

    `left_out` says of each file or whole folder that was left out without being asked for why it was.
    """

    files: Mapping[str, ProjectFile]
    faults: tuple[Fault, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


def _never(_path: str) -> bool:
    return False


def select_role_files(
    files: Sequence[ProjectFile],
    role: Role,
    *,
    named: Collection[str] = (),
    ignored: Callable[[str], bool] = _never,
    read_head: Callable[[Path], bytes] = read_head,
) -> Selection:
    """Select the files of `role` from those that Hatch selects.

    `named` are patterns that name files in the settings of the target, `ignored` says of a path from the
    project that its version control ignores it, `read_head` gives the first bytes of a file.

    A file that looks like a secret is a fault, unless `exclude` leaves it out or `include` names it exactly.
    """
    from pathspec import GitIgnoreSpec

    include = GitIgnoreSpec.from_lines(role.include) if role.include else None
    exclude = GitIgnoreSpec.from_lines(role.exclude)
    below = _below(files, role.root)
    environments = {posixpath.dirname(path) for path in below if posixpath.basename(path) == "pyvenv.cfg"} - {
        ""
    }

    def is_named(path: str) -> bool:
        whole = posixpath.normpath(posixpath.join(role.root, path))
        return _names(role.include, path) or _names(named, whole)

    chosen: dict[str, ProjectFile] = {}
    faults: list[Fault] = []
    out: dict[str, str] = {}
    for path, file in sorted(below.items()):
        if exclude.match_file(path):
            continue
        if not file.forced:
            if (include is not None and not include.match_file(path)) or ignored(file.relative):
                continue
            part = left_out(path, environments=environments, is_project=role.root == ".")
            if part is not None and not is_named(part.path):
                out[part.path] = part.why
                continue
        what = secret_in(path, lambda: read_head(file.path))  # noqa: B023 - asked at once
        if what and not is_named(path):
            faults.append(_secret_fault(path, file, role, what))
        else:
            chosen[path] = file
    return Selection(chosen, tuple(faults), out)


def _below(files: Iterable[ProjectFile], root: str) -> dict[str, ProjectFile]:
    """The files below `root` by their path from it; of two for one path the forced one counts."""
    start = "" if root == "." else f"{root}/"
    return {
        file.relative[len(start) :]: file
        for file in sorted(files, key=lambda each: (each.forced, each))
        if file.relative.startswith(start)
    }


def _names(patterns: Iterable[str], path: str) -> bool:
    """Whether a pattern names `path`, or something below it, without a wildcard before that point."""
    wanted = path.split("/")
    for pattern in patterns:
        parts = takewhile(lambda part: not re.search(r"(?<!\\)[*?\[]", part), pattern.strip("/").split("/"))
        if [re.sub(r"\\(.)", r"\1", part) for part in parts][: len(wanted)] == wanted:
            return True
    return False


def _secret_fault(path: str, file: ProjectFile, role: Role, what: str) -> Fault:
    pattern = json.dumps("/" + re.sub(r"([\\*?\[\] ])", r"\\\1", path), ensure_ascii=False)
    # An include that names one file alone would leave out all others.
    include = f"add {pattern} to its include" if role.include else f'give it include = ["*", {pattern}]'
    return Fault(
        f"{file.relative} (role {role.name})",
        f"looks like a secret: {what}",
        f"leave it out with {pattern} in the role's exclude; if it is meant to be shipped, {include}",
    )
