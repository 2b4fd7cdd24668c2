"""A made-up project for the tests of settings, and short ways to parse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hatch_cloudrole import toml
from hatch_cloudrole.errors import ProjectError
from hatch_cloudrole.settings import ProjectFacts, parse_service
from hatch_cloudrole.target import Target

if TYPE_CHECKING:
    from hatch_cloudrole.settings.model import Role, Service

PROJECT = ProjectFacts(
    name="contoso-shop",
    version="1.2",
    requires_python=">=3.10",
    features=frozenset({"orders", "fast-io"}),
    dependency_groups=frozenset({"reports"}),
)
HOST = Target("3.12.1", "manylinux_2_28_x86_64")


class Folder:
    """The project's files; every parent of a file is a folder, and so is the project."""

    def __init__(self, *files: str) -> None:
        self.files = set(files)
        self.folders = {".", ""} | {
            file[:end] for file in files for end in range(len(file)) if file[end] == "/"
        }

    def is_file(self, relative: str) -> bool:
        return relative in self.files

    def is_dir(self, relative: str) -> bool:
        return relative in self.folders


FILES = Folder(
    "web/static/logo.png",
    "orders/worker.py",
    "orders/requirements.txt",
    "orders/more.txt",
    "orders/lib/queue.py",
    "vendor/wheel.whl",
    "vendor/python.nupkg",
    "/srv/wheels/x.whl",
    "iis/web.config",
    "cloud/web.cloud.config",
)


def parse(text: str, *, project: ProjectFacts = PROJECT, files: Folder = FILES) -> Service:
    return parse_service(toml.loads(text), project=project, files=files, host=HOST)


def role(settings: str, *, top: str = "", **facts: Any) -> Role:
    """The one role of a service with these settings."""
    [only] = parse(f"{top}\n[roles.R]\n{settings}", **facts).roles
    return only


WORKER = 'type = "worker"\nstartup-module = "m"\n'
WEB = 'type = "web"\nwsgi-handler = "m:app"\n'


def faults(text: str, **facts: Any) -> list[str]:
    """Every fault of these settings as the user reads it, without the key of the table."""
    try:
        parse(text, **facts)
    except ProjectError as error:
        return [str(fault).replace("tool.hatch.build.targets.cloudrole.", "") for fault in error.faults]
    return []
