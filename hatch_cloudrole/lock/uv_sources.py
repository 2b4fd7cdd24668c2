"""What `[tool.uv.sources]` says of dependencies: workspace members, folders, repositories, addresses.

As https://docs.astral.sh/uv/concepts/projects/dependencies/#dependency-sources has it. Requirements are
given the reference that is meant, so that any resolver understands them. `index` sources stay uv's business.
"""

from __future__ import annotations

import fnmatch
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hatch_cloudrole.lock.direct import BadReferenceError, applies, project_name
from hatch_cloudrole.lock.model import relative_path
from hatch_cloudrole.toml import load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hatch_cloudrole.target import Target

__all__ = ["UvSources", "read_sources"]


class UvSources:
    """The sources of one project: its `[tool.uv.sources]`, and its workspace's folders by name."""

    def __init__(self, table: Mapping[str, Any], members: Mapping[str, Path], *, root: Path) -> None:
        self._sources = {canonicalize_name(name): value for name, value in table.items()}
        self._members = members
        self._root = root

    def apply(self, text: str, target: Target) -> str:
        """The requirement `text` with its source in it; as it is when there is none.

        :raises BadReferenceError: its source cannot be used.
        """
        requirement = Requirement(text)
        entries = self._sources.get(canonicalize_name(requirement.name))
        if requirement.url or entries is None:
            return text
        for entry in entries if isinstance(entries, list) else [entries]:
            if not isinstance(entry, dict) or not applies(
                f"x ; {entry.get('marker', '')}".rstrip(" ;"), target
            ):
                continue
            url = self._url(requirement.name, entry)
            if url:
                extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
                marker = f" ; {requirement.marker}" if requirement.marker else ""
                return f"{requirement.name}{extras} @ {url}{marker}"
        return text

    def _url(self, name: str, entry: Mapping[str, Any]) -> str:
        subdirectory = f"#subdirectory={entry['subdirectory']}" if entry.get("subdirectory") else ""
        if entry.get("workspace") is True:
            folder = self._members.get(canonicalize_name(name))
            if folder is None:
                known = ", ".join(sorted(self._members)) or "none"
                raise BadReferenceError(f"{name} is no member of the uv workspace; it has {known}")
            return f"file:{quote(relative_path(folder, self._root))}"
        if isinstance(entry.get("path"), str):
            path = Path(os.path.normpath(self._root / entry["path"]))
            return f"file:{quote(relative_path(path, self._root))}{subdirectory}"
        if isinstance(entry.get("git"), str):
            revision = next((str(entry[key]) for key in ("rev", "tag", "branch") if entry.get(key)), "")
            url = entry["git"].removeprefix("git+")
            return f"git+{url}{'@' + revision if revision else ''}{subdirectory}"
        return f"{entry['url']}{subdirectory}" if isinstance(entry.get("url"), str) else ""


def read_sources(root: Path) -> UvSources:
    """The sources of the project in `root`, those of the workspace that it belongs to included."""
    own = _uv_table(root)
    top, workspace = _workspace(root)
    table = dict(own.get("sources", {}))
    members: dict[str, Path] = {}
    if top is not None:
        # A source of the workspace's root holds for its members; theirs win.
        table = {**_uv_table(top).get("sources", {}), **table} if top != root else table
        for folder in _members(top, workspace):
            name = project_name(folder)
            if name:
                members[canonicalize_name(name)] = folder
    return UvSources(table, members, root=root)


def _uv_table(folder: Path) -> dict[str, Any]:
    try:
        table = load(folder / "pyproject.toml").get("tool", {}).get("uv", {})
    except (OSError, ValueError, AttributeError):
        return {}
    return table if isinstance(table, dict) else {}


def _workspace(root: Path) -> tuple[Path | None, Mapping[str, Any]]:
    """The folder of the workspace that `root` is in, and its table; None when it is in none."""
    for folder in (root, *root.parents):
        workspace = _uv_table(folder).get("workspace")
        if isinstance(workspace, dict):
            return (
                (folder, workspace) if folder == root or root in _members(folder, workspace) else (None, {})
            )
    return None, {}


def _members(top: Path, workspace: Mapping[str, Any]) -> list[Path]:
    excluded = [str(each) for each in workspace.get("exclude", [])]
    found = [top]
    for pattern in workspace.get("members", []):
        for folder in sorted(top.glob(str(pattern).rstrip("/"))):
            relative = folder.relative_to(top).as_posix() if folder.is_relative_to(top) else ""
            if (folder / "pyproject.toml").is_file() and not any(
                fnmatch.fnmatchcase(relative, each.rstrip("/")) for each in excluded
            ):
                found.append(folder)
    return found
