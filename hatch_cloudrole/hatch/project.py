"""Read a project through Hatch: its metadata, its settings and the files that Hatch would select."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from hatch_cloudrole.errors import Fault, ProjectError
from hatch_cloudrole.project import Project
from hatch_cloudrole.role.files import ProjectFile
from hatch_cloudrole.role.vcs import gitignore_matcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hatchling.builders.plugin.interface import BuilderInterface
    from packaging.utils import NormalizedName


__all__ = ["TABLE", "ignored_files", "named_patterns", "project_files", "read_project"]

TABLE = "tool.hatch.build.targets.cloudrole"


def read_project(builder: BuilderInterface[Any, Any]) -> Project:
    """The project that `builder` stands in.

    :raises ProjectError: its metadata, or a part of it that is needed here, is not valid.
    """
    root = Path(builder.root)
    if not (root / "pyproject.toml").is_file():
        remedy = "run this where your pyproject.toml is, or name that folder"
        raise ProjectError("There is no project here", [Fault(str(root), "it has no pyproject.toml", remedy)])
    try:
        metadata = builder.metadata
        core = metadata.core
        table = builder.target_config
        project = Project(
            root=root,
            name=core.raw_name,
            version=metadata.version,
            requires_python=str(core.python_constraint),
            dependencies=tuple(core.dependencies),
            features={
                canonicalize_name(name): tuple(requirements)
                for name, requirements in core.optional_dependencies.items()
            },
            dependency_groups=_groups(metadata.config.get("dependency-groups", {})),
            table=table,
        )
    except (TypeError, ValueError, OSError) as error:
        remedy = ""
        if "Unknown metadata hook" in str(error) or "Unknown version source" in str(error):
            remedy = (
                "install beside cloudrole what [build-system] requires, or run `hatch build -t cloudrole`"
            )
        raise ProjectError(
            "The project's metadata cannot be used", [Fault("pyproject.toml", str(error), remedy)]
        ) from None
    except Exception as error:
        # A version source or metadata hook of the project's own may raise anything.
        raise ProjectError(
            "The project's metadata cannot be read",
            [Fault("pyproject.toml", f"{type(error).__name__}: {error}")],
        ) from error
    if not table:
        remedy = f'add a [{TABLE}.roles.NAME] table with type = "web" or "worker"'
        raise ProjectError("The project has no roles", [Fault(TABLE, "there is no such table", remedy)])
    return project


def _groups(groups: Any) -> dict[NormalizedName, tuple[str, ...]]:
    from packaging.dependency_groups import resolve_dependency_groups

    if not isinstance(groups, dict):
        raise TypeError("Field `dependency-groups` must be a table")
    try:
        return {canonicalize_name(name): tuple(resolve_dependency_groups(groups, name)) for name in groups}
    except Exception as error:  # noqa: BLE001
        # packaging raises groups of errors of several kinds for what is one mistake to the user
        inner = getattr(error, "exceptions", [error])
        raise ValueError("dependency-groups: " + "; ".join(str(each) for each in inner)) from None


def project_files(builder: BuilderInterface[Any, Any]) -> list[ProjectFile]:
    """Every file that Hatch's own options select, by its path in the package."""
    try:
        forced = {PurePath(name).as_posix() for name in builder.config.get_force_include().values() if name}
        return [
            ProjectFile(
                path=Path(each.path),
                relative=PurePath(each.distribution_path).as_posix(),
                forced=_below(PurePath(each.distribution_path).as_posix(), forced),
            )
            for each in builder.recurse_included_files()
        ]
    except (TypeError, ValueError, FileNotFoundError) as error:
        raise ProjectError("Hatch cannot select the project's files", [Fault(TABLE, str(error))]) from None


def _below(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def named_patterns(builder: BuilderInterface[Any, Any]) -> list[str]:
    """The target's own `include`, `artifacts` and `force-include`, by which a file may be named exactly."""
    names: list[str] = []
    for key in ("include", "artifacts"):
        value = builder.target_config.get(key, builder.build_config.get(key, []))
        if isinstance(value, list):
            names += [each for each in value if isinstance(each, str)]
    forced = builder.target_config.get("force-include", {})
    if isinstance(forced, dict):
        names += [str(each) for each in forced.values()]
    return names


def ignored_files(builder: BuilderInterface[Any, Any], files: Iterable[ProjectFile]) -> Callable[[str], bool]:
    """What the .gitignore files below the top one leave out: Hatch itself reads the top one alone.

    What `artifacts` names is taken in whatever is ignored, and `ignore-vcs` turns all of it off, as in Hatch.
    """
    root = Path(builder.root)
    if builder.config.ignore_vcs:
        return lambda _: False
    folders = {parent for file in files for parent in PurePath(file.relative).parents}
    texts: dict[str, str] = {}
    for folder in folders:
        path = root / folder / ".gitignore"
        if folder != PurePath() and path.is_file():
            texts[folder.as_posix()] = path.read_text(encoding="utf-8", errors="replace")
    matches = gitignore_matcher(texts)
    return lambda path: matches(path) and not builder.config.path_is_artifact(path)
