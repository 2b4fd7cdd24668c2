"""What is to be resolved for each role, gathered from project, role and requirements files."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from hatch_cloudrole.errors import Fault, ProjectError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from packaging.utils import NormalizedName

    from hatch_cloudrole.project import Project
    from hatch_cloudrole.settings.model import Role
    from hatch_cloudrole.target import Target

__all__ = ["RoleInputs", "gather", "inputs_digest", "server_requirement"]

_INCLUDE = re.compile(r"^(?:-r|-c|--requirement|--constraint)(?:\s+|=|(?<=-[rc]))(?P<file>\S+)")
_OPTION = re.compile(r"\s(?:--hash|--config-settings?|--global-option)\b.*$")


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleInputs:
    """What one role asks for.

    `requirements` are PEP 508 strings, sorted; `files` the requirements files, absolute; `texts` what those
    files and all that they include hold, by path relative to the project, for the digest alone.
    """

    role: str
    requirements: tuple[str, ...]
    files: tuple[Path, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()

    def roots(self) -> tuple[Requirement, ...]:
        """Every requirement that can be read as PEP 508, those of the files included."""
        found = [Requirement(text) for text in self.requirements]
        for _, text in self.texts:
            found.extend(_plain_requirements(text))
        return tuple(found)


def server_requirement(role: Role) -> str:
    """The package that serves a web role, which goes into its wheelhouse whether the project asks or not."""
    if role.server == "fastcgi":
        return "wfastcgi"
    if role.server:
        return "uvicorn" if role.asgi_handler else "waitress"
    return ""


def gather(project: Project, role: Role) -> RoleInputs:
    """What `role` of `project` asks for.

    :raises ProjectError: a requirements file, or one that it includes, cannot be read.
    """
    wanted: list[str] = list(role.dependencies)
    if role.project_dependencies:
        wanted.extend(project.dependencies)
    for feature in role.features:
        wanted.extend(_expand_feature(project, canonicalize_name(feature), set()))
    for group in role.dependency_groups:
        wanted.extend(project.dependency_groups[canonicalize_name(group)])
    server = server_requirement(role)
    if server:
        wanted.append(server)
    files = tuple(project.root / role.root / name for name in role.requirements)
    return RoleInputs(
        role=role.name,
        requirements=tuple(sorted(set(_expand_self(project, wanted)))),
        files=files,
        texts=_read_all(project.root, files),
    )


def _expand_self(project: Project, wanted: Iterable[str]) -> Iterable[str]:
    """`wanted`, with a project that names its own extras (`shop[orders]`) given what they stand for."""
    own = canonicalize_name(project.name)
    for text in wanted:
        requirement = Requirement(text)
        if canonicalize_name(requirement.name) != own or requirement.url:
            yield text
            continue
        for extra in sorted(requirement.extras):
            yield from _expand_feature(project, canonicalize_name(extra), set())


def _expand_feature(project: Project, feature: NormalizedName, seen: set[NormalizedName]) -> Iterable[str]:
    """The requirements of one of the project's extras, extras of its own that it names included."""
    if feature in seen:
        return
    seen.add(feature)
    own = canonicalize_name(project.name)
    for text in project.features.get(feature, ()):
        requirement = Requirement(text)
        if canonicalize_name(requirement.name) == own:
            for extra in sorted(requirement.extras):
                yield from _expand_feature(project, canonicalize_name(extra), seen)
        else:
            yield text


def _read_all(root: Path, files: Sequence[Path]) -> tuple[tuple[str, str], ...]:
    texts: dict[str, str] = {}
    faults: list[Fault] = []
    todo = list(files)
    while todo:
        path = todo.pop(0)
        shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
        if shown in texts:
            continue
        try:
            texts[shown] = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            faults.append(Fault(shown, f"a requirements file that cannot be read: {why}"))
            continue
        for line in logical_lines(texts[shown]):
            include = _INCLUDE.match(line)
            if include and "://" not in include["file"]:
                todo.append((path.parent / include["file"]).resolve())
    if faults:
        raise ProjectError("The requirements cannot be read", faults)
    return tuple(sorted(texts.items()))


def logical_lines(text: str) -> Iterable[str]:
    """The lines of a requirements file: continued ones joined, comments and empty ones left out."""
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        stripped = re.sub(r"(^|\s)#.*$", "", line).strip()
        if stripped:
            yield stripped


def _plain_requirements(text: str) -> Iterable[Requirement]:
    for line in logical_lines(text):
        if line.startswith("-"):
            continue
        try:
            yield Requirement(_OPTION.sub("", line).strip())
        except InvalidRequirement:
            continue  # a path or a bare URL: the resolver reads it, and its wheel speaks for itself


def inputs_digest(inputs: Iterable[RoleInputs], *, target: Target, exclude_newer: str) -> str:
    """SHA-256 over all that decides a resolution, except where indexes are and which tool resolves."""
    document = {
        "target": [target.python, target.platform],
        "exclude_newer": exclude_newer,
        "roles": {
            each.role: {
                "requirements": list(each.requirements),
                "files": {name: list(_without_indexes(text)) for name, text in each.texts},
            }
            for each in inputs
        },
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


_INDEX_OPTIONS = (
    "-i",
    "--index-url",
    "--extra-index-url",
    "--find-links",
    "-f",
    "--no-index",
    "--trusted-host",
)


def _without_indexes(text: str) -> Iterable[str]:
    for line in logical_lines(text):
        if re.split(r"[\s=]", line, maxsplit=1)[0] not in _INDEX_OPTIONS:
            yield line


def same_requirements(inputs: Sequence[RoleInputs]) -> Mapping[tuple[object, ...], list[RoleInputs]]:
    """Roles grouped by what they ask for: a group is resolved once."""
    groups: dict[tuple[object, ...], list[RoleInputs]] = {}
    for each in inputs:
        groups.setdefault((each.requirements, each.files), []).append(each)
    return groups
