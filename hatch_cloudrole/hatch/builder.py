"""The builder that Hatch calls for `-t cloudrole`, and that the command line calls too."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.constants import DEFAULT_BUILD_DIRECTORY
from hatchling.builders.plugin.interface import BuilderInterface

from hatch_cloudrole.errors import CloudRoleError, Fault, ProjectError, TransportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hatchling.plugin.manager import PluginManager

    from hatch_cloudrole.options import Options
    from hatch_cloudrole.pipeline import Build
    from hatch_cloudrole.progress import Progress
    from hatch_cloudrole.report import BuildReport
    from hatch_cloudrole.role.files import ProjectFile

__all__ = ["BUILDING", "CloudRoleBuilder", "build_all", "host_target", "open_build"]

if TYPE_CHECKING:
    _Base = BuilderInterface[BuilderConfig, PluginManager]
else:
    _Base = BuilderInterface


class CloudRoleBuilderConfig(BuilderConfig):
    """Hatch's own options, less one exclusion: compiled modules (`*.pyd`) of a role are what it runs."""

    def default_global_exclude(self) -> list[str]:
        patterns = ["*.py[co]", f"/{DEFAULT_BUILD_DIRECTORY}"]
        folder = os.path.relpath(self.directory, self.root).replace(os.sep, "/")
        if not folder.startswith(".."):
            patterns.append(f"/{folder}")  # what earlier builds left is no part of the next
        return patterns


class CloudRoleBuilder(_Base):
    """Builds the package of a project's roles.

    A caller that is not Hatch sets `options` and `progress`, and may read `reports` after a build; it sets
    `raises`, too, to get errors as exceptions instead of Hatch's way of ending.
    """

    PLUGIN_NAME = "cloudrole"

    options: Options | None = None
    progress: Progress | None = None
    raises: bool = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reports: list[BuildReport] = []
        """One report for each target version that was built."""

    @classmethod
    def get_config_class(cls) -> type[BuilderConfig]:
        return CloudRoleBuilderConfig

    def get_version_api(self) -> dict[str, Callable[..., str]]:
        return {"cspkg": self.build_cspkg, "zip": self.build_zip}

    def get_default_versions(self) -> list[str]:
        return ["cspkg"]

    def clean(self, directory: str, versions: list[str]) -> None:  # noqa: ARG002 - Hatch's signature
        """Remove what earlier builds of this service left in `directory`, of whatever version."""
        try:
            name = open_build(self).service.name
        except CloudRoleError:
            return  # the build that follows will say what is wrong
        for ending in _ENDINGS:
            for path in Path(directory).glob(f"{name}-*{ending}"):
                path.unlink()

    def build_cspkg(self, directory: str, **_build_data: Any) -> str:
        """Build the Cloud Service package; gives its path."""
        from hatch_cloudrole.artifacts.cspkg import write_cspkg

        return self._build(Path(directory), write_cspkg, ".cspkg")

    def build_zip(self, directory: str, **_build_data: Any) -> str:
        """Build the zip with a folder a role; gives its path."""
        from hatch_cloudrole.artifacts.zip import write_role_folders

        return self._build(Path(directory), write_role_folders, ".zip")

    def _build(self, directory: Path, write: Callable[..., BuildReport], ending: str) -> str:
        from hatch_cloudrole.artifacts.build_report import write_report

        try:
            with _building():
                build = open_build(self)
                build.files = _without_output(build, directory.absolute())
                if self.reports:
                    # The versions of one build hold the same: what the first one resolved is new enough.
                    build.options = replace(build.options, refresh=False)
                report = write(build, directory, timestamp=_timestamp())
                write_report(directory, build.stem, report)
        except CloudRoleError as error:
            if self.raises:
                raise
            self.app.abort(str(error), code=error.exit_code)
            raise  # abort does not come back
        self.reports.append(report)
        if not self.raises:
            for note in report.notes:
                self.app.display_info(note)
        return str(directory / f"{build.stem}{ending}")


_ENDINGS = (".cspkg", ".csdef", ".cscfg", ".zip", ".report.json")
"""Of every file that a build of a service writes; the names begin with the service's."""


def _without_output(build: Build, directory: Path) -> list[ProjectFile]:
    """The project's files less what earlier builds left in `directory`, wherever that is."""
    root, own = build.project.root.absolute(), f"{build.service.name}-"

    def is_output(path: Path) -> bool:
        if directory in root.parents or directory == root:
            return path.parent == directory and path.name.startswith(own) and path.name.endswith(_ENDINGS)
        return directory in path.parents

    return [file for file in build.files if not is_output(file.path.absolute())]


BUILDING = "HATCH_CLOUDROLE_BUILDING"
"""Set while roles are built: a wheel that is built for them, the project's own, must not build them again."""


@contextmanager
def _building() -> Iterator[None]:
    before = os.environ.get(BUILDING)
    os.environ[BUILDING] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[BUILDING]
        else:
            os.environ[BUILDING] = before


def open_build(builder: CloudRoleBuilder) -> Build:
    """Everything that a build of the project needs, read and checked.

    :raises ProjectError: the project or its settings are at fault.
    """
    from hatch_cloudrole.hatch.project import ignored_files, named_patterns, project_files, read_project
    from hatch_cloudrole.options import Options
    from hatch_cloudrole.pipeline import Build
    from hatch_cloudrole.process import run
    from hatch_cloudrole.settings import ProjectFacts, parse_service
    from hatch_cloudrole.settings.support import check_support
    from hatch_cloudrole.world import World

    project = read_project(builder)
    service = parse_service(
        project.table,
        project=ProjectFacts(
            name=project.name,
            version=project.version,
            requires_python=project.requires_python,
            features=frozenset(project.features),
            dependency_groups=frozenset(project.dependency_groups),
        ),
        files=_Folder(project.root),
        host=host_target(),
    )
    check_support(service)
    files = project_files(builder)
    env = dict(os.environ)
    return Build(
        project=project,
        service=service,
        files=files,
        named=named_patterns(builder),
        ignored=ignored_files(builder, files),
        options=builder.options or Options.from_environment(env),
        world=World(
            env=env,
            home=Path.home(),
            now=lambda: int(time.time()),
            run=run,
            progress=builder.progress or _app_progress(builder),
        ),
    )


def build_all(
    builder: CloudRoleBuilder,
    directory: Path | None,
    *,
    versions: list[str] | None = None,
    clean: bool = False,
) -> list[str]:
    """Build through Hatch, its hooks included, and give the artifacts' paths.

    `directory` None is the one that Hatch's settings name, and no `versions` are those that they name.

    :raises CloudRoleError: of every kind; what Hatch itself refuses is one too.
    """
    from hatch_cloudrole.hatch.project import TABLE, read_project

    read_project(builder)
    folder = str(directory.absolute()) if directory else None
    try:
        return list(builder.build(directory=folder, versions=versions, clean=clean, hooks_only=False))
    except (TypeError, ValueError) as error:
        raise ProjectError("Hatch cannot build the project", [Fault(TABLE, str(error))]) from error
    except OSError as error:
        fault = Fault(str(error.filename or ""), error.strerror or str(error))
        raise TransportError("The build cannot be written", [fault]) from error


class _Folder:
    """The project's folder, as far as settings may ask about it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def is_file(self, relative: str) -> bool:
        return (self._root / relative).is_file()

    def is_dir(self, relative: str) -> bool:
        return (self._root / relative).is_dir()


def _app_progress(builder: CloudRoleBuilder) -> Progress:
    """Hatch's own voice: quiet with -q, on standard error otherwise; bars where that is a terminal."""
    import sys

    from hatch_cloudrole.progress import ConsoleProgress, LineProgress

    if builder.app.verbosity >= 0 and sys.stderr.isatty():
        from rich.console import Console

        return ConsoleProgress(Console(stderr=True))
    return LineProgress(builder.app.display_info, builder.app.display_warning)


def _timestamp() -> int:
    """`SOURCE_DATE_EPOCH`, or Hatch's fixed date.

    :raises ProjectError: it is no number.
    """
    from hatchling.builders.utils import get_reproducible_timestamp

    try:
        return max(get_reproducible_timestamp(), 0)
    except ValueError:
        what = f"found {os.environ.get('SOURCE_DATE_EPOCH', '')!r}; use seconds since 1970, UTC"
        raise ProjectError("The environment cannot be used", [Fault("SOURCE_DATE_EPOCH", what)]) from None


def host_target() -> Any:
    """The machine that `platform = "host"` stands for: this one."""
    from packaging.tags import sys_tags

    from hatch_cloudrole.target import DEFAULT_PYTHON, Target, TargetError

    for tag in sys_tags():
        try:
            return Target.parse(DEFAULT_PYTHON, tag.platform)
        except TargetError:
            continue
    return Target.parse(DEFAULT_PYTHON, "manylinux_2_17_x86_64")
