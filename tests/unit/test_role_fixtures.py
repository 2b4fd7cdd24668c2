"""The example projects, as far as their settings and files go: no index is asked."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hatch_cloudrole import toml
from hatch_cloudrole.content import Content
from hatch_cloudrole.errors import ProjectError
from hatch_cloudrole.role.files import ProjectFile, Selection, select_role_files
from hatch_cloudrole.settings import ProjectFacts, parse_service
from tests.role_samples import WINDOWS, tree

if TYPE_CHECKING:
    from hatch_cloudrole.settings.model import Role, Service

PROJECTS = Path(__file__).parents[2] / "fixtures" / "projects"


class Folder:
    def __init__(self, root: Path) -> None:
        self.root = root

    def is_file(self, relative: str) -> bool:
        return (self.root / relative).is_file()

    def is_dir(self, relative: str) -> bool:
        return (self.root / relative).is_dir()


def parse(root: Path) -> Service:
    document = toml.load(root / "pyproject.toml")
    project = document["project"]
    facts = ProjectFacts(
        name=project["name"], version=project["version"], requires_python=project.get("requires-python", "")
    )
    table = document["tool"]["hatch"]["build"]["targets"]["cloudrole"]
    return parse_service(table, project=facts, files=Folder(root), host=WINDOWS)


def select(root: Path, role: Role) -> Selection:
    """What Hatch would select, which is everything but its own exclusions."""
    paths = [path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return select_role_files([ProjectFile(path, path.relative_to(root).as_posix()) for path in paths], role)


def shipped(name: str) -> dict[str, list[str]]:
    service = parse(PROJECTS / name)
    return {role.name: list(select(PROJECTS / name, role).files) for role in service.roles}


def test_every_example_takes_part_here() -> None:
    assert {path.name for path in PROJECTS.iterdir() if not path.name.startswith("faulty-")} >= {
        "data-worker",
        "django-site",
        "fastapi-direct",
        "guestbook",
    }


@pytest.mark.parametrize("path", sorted(PROJECTS.iterdir()), ids=lambda path: path.name)
def test_every_example_builds_with_hatchling_and_ourselves(path: Path) -> None:
    build = toml.load(path / "pyproject.toml")["build-system"]
    assert build == {"requires": ["hatchling", "hatch-cloudrole"], "build-backend": "hatchling.build"}


def test_the_files_of_guestbook() -> None:
    assert shipped("guestbook") == {
        "Web": [
            "guestbook/__init__.py",
            "guestbook/entries.py",
            "guestbook/templates/index.html",
            "guestbook/wsgi.py",
            "static/style.css",
        ],
        "Worker": ["worker.py"],
    }


def test_the_files_of_the_sites_with_a_server_of_either_kind() -> None:
    assert shipped("fastapi-direct") == {"Api": ["main.py", "units.py"]}
    files = shipped("django-site")["Web"]
    assert {"manage.py", "shop/wsgi.py", "shop/templates/shop/window.html", "static/shop/style.css"} <= set(
        files
    )


def test_the_files_of_a_project_that_is_one_role() -> None:
    assert shipped("data-worker") == {"Data": ["sales.xml", "worker.py"]}


@pytest.mark.parametrize("name", ["guestbook", "data-worker", "django-site", "fastapi-direct"])
def test_the_trees_of_the_examples_have_no_warnings(name: str) -> None:
    root = PROJECTS / name
    for role in parse(root).roles:
        files = {path: Content.of_file(file.path) for path, file in select(root, role).files.items()}
        assert tree(role, files).warnings == ()


@pytest.mark.parametrize(
    ("name", "key", "says"),
    [
        ("faulty-unknown-key", "roles.Worker.argments", 'did you mean "arguments"?'),
        ("faulty-startup-file", "roles.Worker.startup-file", "main.py"),
        ("faulty-platform", "cloudrole.platform", "win_x64"),
        ("faulty-dependency", "roles.Worker.dependencies[0]", "click >>= 8"),
    ],
)
def test_a_faulty_project_has_its_one_fault(name: str, key: str, says: str) -> None:
    with pytest.raises(ProjectError) as caught:
        parse(PROJECTS / name)
    (fault,) = caught.value.faults
    assert fault.where.endswith(key)
    assert says in str(fault)


def test_a_project_with_a_secret() -> None:
    root = PROJECTS / "faulty-secret"
    (role,) = parse(root).roles
    (fault,) = select(root, role).faults
    assert fault.where == ".env (role Worker)"


def test_a_project_with_a_reserved_name(tmp_path: Path) -> None:
    root = shutil.copytree(PROJECTS / "faulty-reserved-name", tmp_path / "project")
    (role,) = parse(root).roles
    files = {path: Content.of_bytes(b"") for path in (*select(root, role).files, "aux.py")}
    with pytest.raises(ProjectError, match=r"aux\.py"):
        tree(role, files)


@pytest.mark.parametrize("name", ["faulty-unsolvable", "faulty-sdist-only"])
def test_projects_that_fail_later_have_nothing_wrong_in_their_settings_and_files(name: str) -> None:
    (role,) = parse(PROJECTS / name).roles
    selection = select(PROJECTS / name, role)
    assert (list(selection.files), selection.faults) == (["worker.py"], ())
