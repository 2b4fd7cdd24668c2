"""What is left out of every role unless `include` names it: caches, build output, developers' own things."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["CACHES", "DEVELOPERS", "DOCUMENTS", "SETUPTOOLS", "LeftOut", "left_out"]

CACHES = (
    "__pycache__",
    "*.py[co]",
    "*.egg-info",
    ".eggs",
    ".git",
    ".gitattributes",
    ".gitignore",
    ".gitkeep",
    ".hg",
    ".hgignore",
    ".svn",
    ".venv",
    ".tox",
    ".nox",
    ".hatch",
    ".pixi",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    ".ipynb_checkpoints",
    ".coverage",
    ".coverage.*",
    ".cloudrole",
    ".idea",
    ".vs",
    ".vscode",
    ".DS_Store",
    "Thumbs.db",
    "node_modules",
)
"""Files and folders of these names, anywhere below a role's root."""

DOCUMENTS = ("*.cspkg", "*.csdef", "*.cscfg")
"""A service's package and its documents, anywhere: a package would hold every earlier one, and a
configuration holds the values of settings."""

SETUPTOOLS = ("lib", "lib.*", "bdist.*", "temp.*")
"""What setuptools leaves in `build` at the project's top. Of any other `build` it is not known who made it,
and it may be a web page's."""

DEVELOPERS = (
    "tests",
    "test",
    "docs",
    "doc",
    ".ci",
    ".circleci",
    ".devcontainer",
    ".github",
    ".gitlab",
    ".gitlab-ci.yml",
    ".travis.yml",
    "appveyor.yml",
    "azure-pipelines*.yml",
    ".editorconfig",
    ".git-blame-ignore-revs",
    ".gitmodules",
    ".dockerignore",
    ".pre-commit-config.yaml",
    ".python-version",
    ".readthedocs.y*ml",
    "mkdocs.yml",
    "codecov.yml",
    "renovate.json",
    "pyproject.toml",
    "hatch.toml",
    "hatch_build.py",
    "setup.cfg",
    "setup.py",
    "MANIFEST.in",
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "Pipfile",
    "Pipfile.lock",
    "pylock*.toml",
    "PKG-INFO",
    "requirements-dev*.txt",
    "requirements-test*.txt",
    "dev-requirements*.txt",
    "test-requirements*.txt",
    "tox.ini",
    "noxfile.py",
    "conftest.py",
    "pytest.ini",
    ".coveragerc",
    "htmlcov",
    "mypy.ini",
    ".mypy.ini",
    "pyrightconfig.json",
    "ruff.toml",
    ".ruff.toml",
    ".flake8",
    ".pylintrc",
    "Makefile",
    "justfile",
    "Dockerfile*",
    "docker-compose*.y*ml",
    "compose*.y*ml",
    "README",
    "README.*",
    "CHANGELOG",
    "CHANGELOG.*",
    "CHANGES",
    "CHANGES.*",
    "CONTRIBUTING",
    "CONTRIBUTING.*",
    "CODE_OF_CONDUCT.*",
    "SECURITY.md",
)
"""Files and folders of these names at the top of a role whose root is the project itself. A licence is not
among them: it must travel with what it is the licence of."""


class LeftOut(NamedTuple):
    """A file, or a folder with all that is below it, and why it does not go into the package."""

    path: str
    why: str


def left_out(path: str, *, environments: Collection[str], is_project: bool) -> LeftOut | None:
    """Which part of `path` (a file, from the role's root, with `/`) is left out; None when it goes in.

    `environments` are the folders that are virtual environments, whatever their names; `is_project` says that
    the role's root is the project itself.
    """
    parts = path.split("/")
    if is_project and _matches(parts[0], DEVELOPERS):
        return LeftOut(parts[0], "only developers need it")
    if is_project and parts[0] == "build" and len(parts) > 1 and _matches(parts[1], SETUPTOOLS):
        return LeftOut(f"build/{parts[1]}", "build output")
    for number, name in enumerate(parts, 1):
        part = "/".join(parts[:number])
        if part in environments:
            return LeftOut(part, "a virtual environment")
        if _matches(name, CACHES):
            return LeftOut(part, "a cache or a tool's own data")
    if _matches(parts[-1], DOCUMENTS):
        return LeftOut(path, "a service's package or one of its documents")
    return None


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
