"""What is to be resolved for each role, gathered from project, role and requirements files."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import NormalizedName, canonicalize_name

from hatch_cloudrole.errors import Fault, ProjectError
from hatch_cloudrole.lock.direct import (
    BadReferenceError,
    absolute_requirement,
    local_folder,
    normal_requirement,
    public_requirement,
)
from hatch_cloudrole.lock.model import relative_path
from hatch_cloudrole.lock.requirements_file import read_requirements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hatch_cloudrole.project import Project
    from hatch_cloudrole.settings.model import Role
    from hatch_cloudrole.target import Target

__all__ = [
    "Places",
    "RoleInputs",
    "gather",
    "inputs_digest",
    "places",
    "same_requirements",
    "server_requirement",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleInputs:
    """What one role asks for, its requirements files included.

    `requirements` and `constraints` are sorted, PEP 508 where the name is known, local references relative to
    `root`, the project; `hashes` are the SHA-256 digests that a package may have; `options` are lines of a
    requirements file that say where packages are and which may be used; `folders` are the local projects
    among the requirements, each with a digest of what decides its dependencies; `own` is the project's name
    when its own wheel is installed, `server` the requirement that was added for the role's server.
    """

    role: str
    requirements: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    hashes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    folders: tuple[tuple[str, str], ...] = ()
    own: NormalizedName | None = None
    server: str = ""
    root: Path = field(default=Path(), compare=False)

    def roots(self) -> tuple[Requirement, ...]:
        """Every requirement whose package is known, the project itself included when it is installed."""
        found = [] if self.own is None else [Requirement(self.own)]
        for text in self.requirements:
            try:
                found.append(Requirement(public_requirement(text)))
            except InvalidRequirement:
                continue  # a path or an address: the resolver reads it, and its wheel speaks for itself
        return tuple(found)

    @property
    def all_named(self) -> bool:
        """Whether `roots` is complete."""
        return len(self.roots()) == len(self.requirements) + (self.own is not None)

    def for_resolver(self) -> tuple[list[str], list[str]]:
        """Requirements and constraints with their local references written out in full."""
        return (
            [absolute_requirement(each, self.root) for each in self.requirements],
            [absolute_requirement(each, self.root) for each in self.constraints],
        )


def server_requirement(role: Role) -> str:
    """The package that serves a web role, which goes into its wheelhouse whether the project asks or not."""
    if role.server == "fastcgi":
        return "wfastcgi"
    if role.server:
        return "uvicorn" if role.asgi_handler else "waitress"
    return ""


def gather(project: Project, role: Role, env: Mapping[str, str] | None = None) -> RoleInputs:
    """What `role` of `project` asks for. `env` gives the values of `${NAME}` in requirements files.

    :raises ProjectError: it names every requirement that cannot be used and every file that cannot be read.
    """
    wanted: list[str] = list(role.dependencies)
    if role.project_dependencies or role.install_project:
        wanted.extend(project.dependencies)
    for feature in role.features:
        wanted.extend(_expand_feature(project, canonicalize_name(feature), set()))
    for group in role.dependency_groups:
        wanted.extend(project.dependency_groups[canonicalize_name(group)])
    server = server_requirement(role)
    if server:
        wanted.append(server)
    own = canonicalize_name(project.name)
    faults: list[Fault] = []
    requirements = set(_referenced(project, role, _expand_self(project, wanted), faults))
    try:
        contents = read_requirements(
            [project.root / role.root / name for name in role.requirements],
            root=project.root,
            target=role.target,
            env=env or {},
        )
    except ProjectError as error:
        raise ProjectError(error.summary, [*faults, *error.faults]) from None
    if faults:
        raise ProjectError("The requirements cannot be used", faults)
    requirements.update(contents.requirements)
    constraints = set(contents.constraints)
    return RoleInputs(
        role=role.name,
        requirements=tuple(sorted(requirements)),
        constraints=tuple(sorted(constraints)),
        hashes=contents.hashes,
        options=contents.options,
        folders=_folders(sorted(requirements | constraints), project.root),
        own=own if role.install_project else None,
        server=server,
        root=project.root,
    )


def _referenced(project: Project, role: Role, wanted: Iterable[str], faults: list[Fault]) -> Iterable[str]:
    """`wanted` with the references of `[tool.uv.sources]`, those to files and folders from the project."""
    from hatch_cloudrole.lock.uv_sources import read_sources

    sources = read_sources(project.root)
    for text in wanted:
        try:
            sourced = sources.apply(text, role.target)
            normal = normal_requirement(sourced, root=project.root, beside=project.root, target=role.target)
        except BadReferenceError as error:
            faults.append(Fault(f"roles.{role.name}: {public_requirement(text)}", str(error), error.remedy))
            continue
        if normal:
            yield normal


_DECIDING = ("pyproject.toml", "setup.cfg", "setup.py")


def _folders(requirements: Sequence[str], root: Path) -> tuple[tuple[str, str], ...]:
    """The local projects among `requirements`, with a digest of the files that decide what they need."""
    found: dict[str, str] = {}
    for text in requirements:
        folder = local_folder(text, root)
        if folder is None:
            continue
        digest = hashlib.sha256()
        for name in _DECIDING:
            path = folder / name
            digest.update(f"{name}\0".encode())
            digest.update(path.read_bytes().replace(b"\r\n", b"\n") if path.is_file() else b"")
        found[relative_path(folder, root)] = digest.hexdigest()
    return tuple(sorted(found.items()))


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


def inputs_digest(inputs: Iterable[RoleInputs], *, target: Target, exclude_newer: str) -> str:
    """SHA-256 over all that decides a resolution, except where indexes are and which tool resolves."""
    document = {
        "target": [target.python, target.platform],
        "exclude_newer": exclude_newer,
        "roles": {each.role: _decisive(each) for each in inputs},
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _decisive(inputs: RoleInputs) -> dict[str, object]:
    return {
        "requirements": sorted({public_requirement(each) for each in inputs.requirements}),
        "constraints": sorted({public_requirement(each) for each in inputs.constraints}),
        "hashes": {name: sorted(digests) for name, digests in inputs.hashes.items()},
        "options": sorted(each for each in inputs.options if each.partition(" ")[0] not in _INDEX_OPTIONS),
        "folders": sorted(inputs.folders),
        "own": inputs.own or "",
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class Places:
    """What requirements files add to what a host knows of packages' places; never print it.

    `index_url` is the last --index-url, `find_links` are folders and addresses, `credentials` maps scheme
    and host to user name and password.
    """

    index_url: str = ""
    find_links: tuple[str, ...] = ()
    credentials: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def places(inputs: Iterable[RoleInputs]) -> Places:
    """The places that `inputs` name."""
    index_url, links = "", []
    credentials: dict[str, tuple[str, str]] = {}
    for each in inputs:
        for option in each.options:
            name, _, value = option.partition(" ")
            if name == "--find-links":
                links.append(value)
            elif name == "--index-url":
                index_url = value
        for text in (*each.requirements, *each.constraints, *each.options):
            for match in re.finditer(r"(\w+)://([^/\s@:]+):?([^/\s@]*)@([^/\s]+)", text):
                origin = f"{match[1]}://{match[4]}".lower()
                credentials[origin] = (unquote(match[2]), unquote(match[3]))
    return Places(index_url=index_url, find_links=tuple(dict.fromkeys(links)), credentials=credentials)


_INDEX_OPTIONS = ("--index-url", "--extra-index-url", "--find-links", "--no-index", "--trusted-host")


def same_requirements(inputs: Sequence[RoleInputs]) -> Mapping[tuple[object, ...], list[RoleInputs]]:
    """Roles grouped by what they ask for: a group is resolved once."""
    groups: dict[tuple[object, ...], list[RoleInputs]] = {}
    for each in inputs:
        key = (each.requirements, each.constraints, each.options, each.own)
        groups.setdefault(key, []).append(each)
    return groups
