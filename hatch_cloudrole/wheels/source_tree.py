"""What a project's folder holds, as far as a build of it may see: a digest that changes with any of it."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hatch_cloudrole.content import chunks
from hatch_cloudrole.toml import load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["SourceFiles", "tree_files"]

_SKIPPED_FOLDERS = re.compile(
    r"__pycache__|node_modules|\.(git|hg|svn|tox|nox|venv|eggs|mypy_cache|ruff_cache|pytest_cache|hypothesis|idea"
    r"|vscode)|.*\.egg-info",
    re.IGNORECASE,
)
_SKIPPED_FILES = re.compile(
    r".*\.(py[co]|cspkg|csdef|cscfg|report\.json)|pylock\.cloudrole.*\.toml|\.DS_Store|\.coverage"
)
_BUILD_OUTPUT = re.compile(r"dist|build/(lib|bdist\.|temp\.|lib\.)[^/]*|htmlcov")


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """SHA-256 of every file by its relative path, and `version`: what says the version besides the files."""

    digests: Mapping[str, str]
    version: str

    def digest(self) -> str:
        text = "".join(f"{path}\0{digest}\n" for path, digest in sorted(self.digests.items()))
        return hashlib.sha256(f"{self.version}\0{text}".encode()).hexdigest()


def tree_files(folder: Path) -> SourceFiles:
    """The files of the project in `folder`, less caches, build output, environments and version control.

    :raises OSError: a file cannot be read.
    """
    digests = {}
    for relative in _walk(folder):
        path = folder / relative
        if path.is_symlink() and not path.exists():
            digests[relative] = os.readlink(path)  # noqa: PTH115 - a link to nowhere has no content
            continue
        if not path.is_file():
            continue  # a socket or pipe
        digest = hashlib.sha256()
        with path.open("rb") as stream:
            for chunk in chunks(stream):
                digest.update(chunk)
        executable = "x" if os.access(path, os.X_OK) and os.name == "posix" else ""
        digests[relative] = digest.hexdigest() + executable
    return SourceFiles(digests, _git_state(folder) if _version_from_elsewhere(folder) else "")


def _walk(folder: Path) -> Iterator[str]:
    """The files below `folder`, linked folders' included, for a build follows links as well."""
    seen: set[str] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:  # a link to a folder that is above it, or that was there before
            folders.clear()
            continue
        seen.add(real)
        here = Path(parent).relative_to(folder)
        folders[:] = sorted(
            name
            for name in folders
            if not _SKIPPED_FOLDERS.fullmatch(name)
            and not _BUILD_OUTPUT.fullmatch((here / name).as_posix())
            and not (Path(parent) / name / "pyvenv.cfg").exists()
        )
        yield from sorted((here / name).as_posix() for name in files if not _SKIPPED_FILES.fullmatch(name))


def _version_from_elsewhere(folder: Path) -> bool:
    """Whether the version may come from tags: nothing static says it."""
    try:
        project = load(folder / "pyproject.toml").get("project")
    except (OSError, ValueError):
        return True
    return not isinstance(project, dict) or "version" not in project


def _git_state(folder: Path) -> str:
    """The commit that is checked out and the tags of the repository that `folder` is in; git is not run."""
    for top in (folder, *folder.parents):
        git = top / ".git"
        if git.exists():
            break
    else:
        return ""
    if git.is_file():  # a worktree or submodule
        git = top / _text(git).partition("gitdir:")[2].strip()
    common = git / _text(git / "commondir").strip() if (git / "commondir").is_file() else git
    head = _text(git / "HEAD").strip()
    if head.startswith("ref:"):
        reference = head.partition(":")[2].strip()
        head += _text(common / reference) or _text(git / reference)
    tags = sorted(
        f"{path.relative_to(common).as_posix()} {_text(path)}"
        for path in (common / "refs" / "tags").rglob("*")
        if path.is_file()
    )
    return "\n".join([head, *tags, _text(common / "packed-refs")])


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
