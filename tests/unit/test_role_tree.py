"""A role's tree: what the package holds for it, and what stops it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest

from hatch_cloudrole.errors import ProjectError
from tests.role_samples import LINUX, SCRIPTS, contents, tree, web, wheel, worker

if TYPE_CHECKING:
    from hatch_cloudrole.content import Content
    from hatch_cloudrole.role.tree import RoleTree
    from hatch_cloudrole.settings.model import Role


def approot(made: RoleTree) -> dict[str, Content]:
    return {path[8:]: content for path, content in made.files.items() if path.startswith("approot/")}


def site(made: RoleTree) -> dict[str, Content]:
    return {path[12:]: content for path, content in made.files.items() if path.startswith("sitesroot/0/")}


def faults(role: Role, files: dict[str, Content]) -> list[str]:
    with pytest.raises(ProjectError) as caught:
        tree(role, files)
    return [f"{fault.where}: {fault.what}" for fault in caught.value.faults]


def test_a_worker_has_its_files_ours_and_its_wheels() -> None:
    wheels = (wheel("flask"), wheel("lib-b"))
    made = tree(worker(startup_file="worker.py"), contents("worker.py", "data/a.json"), wheels)
    assert set(made.files) == {
        "approot/worker.py",
        "approot/data/a.json",
        *(f"approot/{path}" for path in SCRIPTS),
        "approot/bin/role.json",
        "approot/requirements.txt",
        "approot/pylock.toml",
        "approot/wheels/flask-1.0-py3-none-any.whl",
        "approot/wheels/lib_b-1.0-py3-none-any.whl",
    }
    files = approot(made)
    assert files["pylock.toml"].read() == b"lock"
    assert files["wheels/flask-1.0-py3-none-any.whl"] == wheels[0].content
    assert json.loads(files["bin/role.json"].read())["wheels"][0]["file"] == "flask-1.0-py3-none-any.whl"
    assert files["requirements.txt"].read().count(b"--hash=sha256:") == 2
    assert (made.notes, made.own_scripts, made.warnings) == ((), frozenset(), ())


def test_files_are_in_order() -> None:
    made = tree(worker(), contents("z.py", "a.py"))
    assert list(made.files) == sorted(made.files)


def test_a_site_has_the_roles_files_and_web_config_without_bin_and_wheels() -> None:
    files = contents("app.py", "templates/a.html", "bin/tool.cmd", "Bin/other.cmd", "binary.dat")
    files.pop("Bin/other.cmd")
    made = tree(web(), files, (wheel("flask"),))
    assert set(site(made)) == {"app.py", "templates/a.html", "binary.dat", "web.config"}
    assert site(made)["web.config"] == approot(made)["web.config"]
    assert "bin/tool.cmd" in approot(made)


@pytest.mark.parametrize("role", [web(server="direct"), worker()])
def test_a_role_without_a_site_has_neither_site_nor_web_config(role: Role) -> None:
    made = tree(role, contents("app.py"))
    assert site(made) == {}
    assert "approot/web.config" not in made.files


@pytest.mark.parametrize("spelling", ["bin/LaunchWorker.ps1", "bin/launchworker.PS1"])
def test_a_script_of_the_projects_own_is_used_instead_of_ours(spelling: str) -> None:
    made = tree(worker(), contents("worker.py", spelling))
    assert approot(made)[spelling].read() == spelling.encode()
    assert sum(path.lower() == "approot/bin/launchworker.ps1" for path in made.files) == 1
    assert made.own_scripts == {"LaunchWorker.ps1"}
    assert made.notes == (f"Orders: {spelling} is the project's own, used instead of ours",)


def test_names_are_compared_as_the_target_compares_them() -> None:
    made = tree(worker(target=LINUX), contents("bin/launchworker.ps1"))
    assert {"approot/bin/launchworker.ps1", "approot/bin/LaunchWorker.ps1"} <= set(made.files)
    assert made.own_scripts == frozenset()


def test_another_script_in_bin_is_a_file_like_any() -> None:
    made = tree(worker(), contents("bin/install-odbc.cmd"))
    assert (made.own_scripts, made.notes) == (frozenset(), ())
    assert "approot/bin/install-odbc.cmd" in made.files


@pytest.mark.parametrize(
    "path",
    [
        "requirements.txt",
        "Requirements.TXT",
        "pylock.toml",
        "wheels/other-1.0-py3-none-any.whl",
        "bin/role.json",
        "bin/role.py",
        "bin/_cloudrole/more.py",
    ],
)
def test_what_is_always_ours_is_not_taken_from_the_project(path: str) -> None:
    made = tree(web(), contents("app.py", path))
    plain = tree(web(), contents("app.py"))
    assert made.files == plain.files
    assert made.own_scripts == frozenset()
    (note,) = made.notes
    assert "Web: " in note
    assert path.lower().startswith(note.split()[1].rstrip(","))


def test_names_that_only_begin_like_ours_are_the_projects() -> None:
    files = (
        "requirements.txt.bak",
        "sub/requirements.txt",
        "wheels.py",
        "bin/role.py.txt",
        "sub/wheels/a.whl",
    )
    made = tree(worker(), contents(*files))
    assert {f"approot/{path}" for path in files} <= set(made.files)
    assert made.notes == ()


def test_a_web_config_of_the_projects_own_is_used_instead_of_ours() -> None:
    made = tree(web(static=(("/static", "static"),)), contents("app.py", "Web.config", "static/a.css"))
    assert approot(made)["Web.config"].read() == b"Web.config"
    assert site(made)["Web.config"].read() == b"Web.config"
    assert "approot/web.config" not in made.files
    assert any("Web.config is the project's own" in note for note in made.notes)
    assert any("static" in note for note in made.notes)
    assert made.own_scripts == frozenset()


@pytest.mark.parametrize(
    ("name", "where"), [("web.cloud.config", "on Azure"), ("web.emulator.config", "in the emulator")]
)
def test_a_variant_of_web_config_is_used_by_configure(name: str, where: str) -> None:
    made = tree(web(), contents("app.py", name))
    assert site(made)[name].read() == name.encode()
    assert b"PythonHandler" in site(made)["web.config"].read()
    assert [note for note in made.notes if name in note and where in note]


def test_a_static_folder_lies_at_its_url_too() -> None:
    role = web(static=(("/assets", "web/static"), ("/img", "img"), ("/IMG2", "img2")))
    files = contents("app.py", "web/static/a.css", "web/static/deep/b.js", "img/c.png", "img2/d.png")
    made = tree(role, files)
    assert site(made)["assets/a.css"] == site(made)["web/static/a.css"]
    assert site(made)["assets/deep/b.js"] == site(made)["web/static/deep/b.js"]
    assert "assets/a.css" not in approot(made)
    assert [path for path in site(made) if path.lower().startswith("img")] == ["img/c.png", "img2/d.png"]
    locations = {
        each.attrib["path"] for each in ET.fromstring(site(made)["web.config"].read()).iterfind("location")
    }
    assert locations == {"assets", "img", "IMG2"}


def test_of_two_urls_the_longer_one_counts() -> None:
    role = web(static=(("/s/admin", "admin"), ("/s", "all")))
    made = tree(role, contents("app.py", "admin/x.css", "all/admin/x.css", "all/y.css"))
    assert site(made)["s/admin/x.css"].read() == b"admin/x.css"
    assert site(made)["s/y.css"].read() == b"all/y.css"
    over = tree(
        web(static=(("/s", "s"), ("/s/admin", "admin"))), contents("app.py", "admin/x.css", "s/admin/x.css")
    )
    assert site(over)["s/admin/x.css"].read() == b"admin/x.css"


@pytest.mark.parametrize(
    ("static", "expected"),
    [
        (("/files", "."), "holds more than a site may show"),
        (("/tools", "bin"), "holds more than a site may show"),
        (("/static", "static"), "no file below 'static' is shipped"),
        (("/shop", "img"), "would serve shop/secret.py"),
        (("/SHOP/sub", "img"), "would serve shop/sub/a.py"),
    ],
)
def test_a_static_folder_that_cannot_be_served_or_would_show_too_much(
    static: tuple[str, str], expected: str
) -> None:
    files = contents("app.py", "shop/secret.py", "shop/sub/a.py", "img/a.png", "bin/tool.cmd")
    found = [fault for fault in faults(web(static=(static,)), files) if expected in fault]
    assert [fault for fault in found if f'static."{static[0]}"' in fault] == found != []


def test_a_static_folder_that_was_not_shipped_says_how_to_take_it_in() -> None:
    with pytest.raises(ProjectError, match="`artifacts`"):
        tree(web(static=(("/static", "static"),)), contents("app.py"))


@pytest.mark.parametrize("name", ["web.config", "Web.Config", "web.cloud.config"])
def test_a_role_without_handler_has_a_web_config_of_its_own(name: str) -> None:
    made = tree(web(wsgi_handler=""), contents("app.py", name))
    assert [path for path in site(made) if path.lower().startswith("web.")] == [name]


def test_a_role_without_handler_whose_web_config_is_not_shipped_is_a_fault() -> None:
    (fault,) = faults(web(wsgi_handler=""), contents("app.py", "web.emulator.config", "sub/web.config"))
    assert fault.startswith("tool.hatch.build.targets.cloudrole.roles.Web: ")


def test_a_startup_file_that_is_not_shipped_is_a_fault() -> None:
    (fault,) = faults(worker(startup_file="worker.py"), contents("other.py"))
    assert "roles.Orders.startup-file" in fault
    assert tree(worker(startup_file="sub/worker.py"), contents("sub/worker.py"))


def test_a_working_directory_without_files_is_a_fault() -> None:
    (fault,) = faults(worker(working_directory="run"), contents("worker.py", "runner/a"))
    assert "roles.Orders.working-directory" in fault
    assert tree(worker(working_directory="run"), contents("run/a/b"))


def test_a_handler_that_is_not_there_is_a_warning() -> None:
    made = tree(web(wsgi_handler="shop:app"), contents("app.py"), (wheel("flask"),))
    assert [fault.where.rpartition(".")[2] for fault in made.warnings] == ["wsgi-handler"]
    assert tree(web(wsgi_handler="flask:app"), contents("app.py"), (wheel("flask"),)).warnings == ()


def test_every_fault_is_reported_at_once_with_the_path_in_the_project() -> None:
    role = worker(root="jobs", startup_file="worker.py")
    found = faults(role, contents("aux.py", "what?.txt", "A.txt", "a.txt", "Bin/x"))
    starts = [fault.partition(":")[0] for fault in found]
    assert starts == [
        "tool.hatch.build.targets.cloudrole.roles.Orders.startup-file",
        "jobs/aux.py (role Orders)",
        "jobs/what?.txt (role Orders)",
        "jobs/a.txt (role Orders)",
        "jobs/bin (role Orders)",
    ]


def test_the_path_of_a_role_that_is_the_whole_project_has_nothing_in_front() -> None:
    assert faults(worker(), contents("aux.py"))[0].startswith("aux.py (role Orders): ")


def test_paths_are_measured_where_they_are_unpacked() -> None:
    r"""E:\sitesroot\0\ is four characters longer than E:\approot\."""
    path = f"{'d' * 200}/{'f' * 44}"
    assert tree(worker(), contents(path))
    (fault,) = faults(web(), contents(path, "app.py"))
    assert "260" in fault


def test_a_static_copy_is_measured_too() -> None:
    files = contents("app.py", f"s/{'f' * 200}.css")
    assert tree(web(static=(("/s", "s"),)), files)
    assert faults(web(static=(("/" + "long" * 12, "s"),)), files)


def test_another_target_holds_what_windows_cannot() -> None:
    files = contents("aux.py", "what?.txt", "A.txt", "a.txt", "x" * 250)
    assert set(contents("aux.py", "A.txt", "a.txt")) <= set(approot(tree(worker(target=LINUX), files)))
    assert len(faults(worker(target=LINUX), contents("a\\b", "bin"))) == 2


def test_a_second_wheel_of_one_project_is_a_defect_of_ours() -> None:
    with pytest.raises(ValueError, match="flask"):
        tree(worker(), contents("worker.py"), (wheel("flask"), wheel("flask", "2.0")))


def test_the_layout_of_azure_websites_has_its_placeholder_in_site_and_approot() -> None:
    made = tree(web(web_config="websites"), contents("app.py"))
    assert site(made)["handler.fcgi"].read() == approot(made)["handler.fcgi"].read() == b""
    assert "handler.fcgi" not in site(tree(web(), contents("app.py")))


def test_the_layout_of_azure_websites_says_what_it_shows_to_everybody() -> None:
    role = web(web_config="websites", static=(("/static", "static"),))
    plain = contents("app.py", "static/a.css", "bin/readme.txt")
    assert tree(role, plain).notes == ()
    (note,) = tree(role, {**plain, **contents("data/b.json", "data/A.XML")}).notes
    assert note == (
        'Web: with web-config = "websites" IIS serves data/A.XML and 1 more files outside the folders of `static` '
        "to everybody"
    )


def test_a_placeholder_of_the_projects_own_is_kept() -> None:
    made = tree(web(web_config="websites"), contents("app.py", "handler.fcgi"))
    assert site(made)["handler.fcgi"].read() == b"handler.fcgi"


@pytest.mark.parametrize("server", ["fastcgi", "httpplatform"])
def test_nested_static_paths_are_folders_of_the_site_that_the_handler_has_not(server: str) -> None:
    role = web(server=server, static=(("/static", "assets"), ("/static/admin/img", "vendor/img")))
    made = tree(role, contents("app.py", "assets/a.css", "vendor/img/b.webp", "vendor/img/deep/c.png"))
    assert {path for path in site(made) if path.startswith("static/")} == {
        "static/a.css",
        "static/admin/img/b.webp",
        "static/admin/img/deep/c.png",
    }
    root = ET.fromstring(site(made)["web.config"].read())
    (location,) = root.iterfind("location")
    assert location.attrib["path"] == "static"
    assert [each.attrib["fileExtension"] for each in location.iter("mimeMap")] == [".webp"]
