"""Laws of the role tree, for any files and values."""

from __future__ import annotations

import json
import posixpath
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from hatch_cloudrole.content import Content
from hatch_cloudrole.errors import ProjectError
from hatch_cloudrole.role.files import ProjectFile, select_role_files
from hatch_cloudrole.role.requirements import render_requirements
from hatch_cloudrole.role.role_json import role_json
from hatch_cloudrole.role.vcs import gitignore_matcher
from hatch_cloudrole.role.web_config import web_config
from hatch_cloudrole.role.windows_paths import APPROOT, package_faults, path_faults
from tests.role_samples import LINUX, RUNTIME, WINDOWS, service, tree, web, wheel, worker

if TYPE_CHECKING:
    from hatch_cloudrole.role.tree import RoleTree
    from hatch_cloudrole.settings.model import Role

quick = settings(max_examples=60, deadline=None)

NAMES = [
    "a",
    "A",
    "b.py",
    "c.txt",
    "tests",
    "wheels",
    "bin",
    "static",
    "web.config",
    "role.py",
    ".env",
    "__pycache__",
]
names = st.sampled_from([*NAMES, "ps.cmd", "requirements.txt", "lib", "dist"])
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
wild_names = st.text(st.characters(exclude_characters="/"), min_size=1, max_size=8) | st.sampled_from(
    [".", "..", "con", "nul.x", "a ", "b.", "C:", "\\", "x\x00", "bin", "wheels"]
)
wild_paths = st.lists(wild_names, min_size=1, max_size=4).map("/".join)
patterns = st.lists(
    st.sampled_from(["*", "**", "a", "*.py", "tests", "!a", "b.py", "c.*"]), min_size=1, max_size=3
).map("/".join)
# What the settings accept: XML can hold it.
UNWRITABLE = "".join(map(chr, {*range(32), 0xFFFE, 0xFFFF} - {9, 10, 13}))
values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=UNWRITABLE), max_size=20)
variables = st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True), values, max_size=5)


@st.composite
def roles(draw: st.DrawFn) -> Role:
    target = draw(st.sampled_from([WINDOWS, LINUX]))
    more = {"root": draw(st.sampled_from([".", "a", "a/b.py"])), "target": target}
    more["include"] = tuple(draw(st.lists(patterns, max_size=2)))
    more["exclude"] = tuple(draw(st.lists(patterns, max_size=2)))
    if draw(st.booleans()):
        return worker(**more)
    return web(server=draw(st.sampled_from(["fastcgi", "httpplatform", "direct"])), **more)


def built(role: Role, files: dict[str, Content]) -> RoleTree | None:
    try:
        return tree(role, files, (wheel("b"), wheel("a")))
    except ProjectError as error:
        assert error.faults  # noqa: PT017 - either end is right, and a fault says why
        return None


@quick
@given(roles(), st.lists(st.tuples(paths, st.booleans()), max_size=8), st.data())
def test_the_order_of_files_never_changes_a_selection(
    role: Role, entries: list[tuple[str, bool]], data: st.DataObject
) -> None:
    files = [
        ProjectFile(Path("/p") / str(number), path, forced) for number, (path, forced) in enumerate(entries)
    ]
    shuffled = data.draw(st.permutations(files))
    assert select_role_files(files, role) == select_role_files(shuffled, role)


@quick
@given(roles(), st.lists(paths, max_size=8))
def test_a_selection_takes_nothing_from_elsewhere(role: Role, entries: list[str]) -> None:
    files = [ProjectFile(Path("/p") / path, path) for path in entries]
    for path, file in select_role_files(files, role).files.items():
        assert posixpath.normpath(posixpath.join(role.root, path)) == file.relative
        assert "__pycache__" not in path.split("/") or any("__pycache__" in each for each in role.include)


@quick
@given(roles(), st.sets(paths, max_size=8), st.data())
def test_the_order_of_files_and_wheels_never_changes_a_tree(
    role: Role, entries: set[str], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(sorted(entries)))
    one, other = (
        built(role, {path: Content.of_bytes(path.encode()) for path in each})
        for each in (sorted(order), order)
    )
    assert one == other
    if one and other:
        assert list(one.files) == list(other.files)


@quick
@given(st.sampled_from([WINDOWS, LINUX]), st.booleans(), st.sets(wild_paths, max_size=4))
def test_no_entry_escapes_the_root(target: object, is_web: bool, entries: set[str]) -> None:
    """A tree that is made holds only plain paths, on the instance too, and says otherwise why it is not made."""
    make = web if is_web else worker
    made = built(make(target=target), {path: Content.of_bytes(b"") for path in entries})
    for path in made.files if made else ():
        assert re.match(r"approot/|sitesroot/0/", path)
        assert path == posixpath.normpath(path)
        assert not {"", ".", ".."} & set(re.split(r"[/\\]", path))


@quick
@given(st.sets(wild_paths, max_size=6))
def test_windows_takes_no_more_than_the_package(entries: set[str]) -> None:
    everywhere = package_faults(entries)
    on_windows = path_faults(entries, prefix_length=len(APPROOT))
    assert set(everywhere) <= set(on_windows)
    assert on_windows == path_faults(sorted(entries, reverse=True), prefix_length=len(APPROOT))


@quick
@given(st.sets(wild_paths, max_size=6), st.sets(wild_paths, max_size=3))
def test_more_files_never_take_a_fault_away(entries: set[str], more: set[str]) -> None:
    assert len(path_faults(entries, prefix_length=11)) <= len(path_faults(entries | more, prefix_length=11))


@quick
@given(st.sampled_from(["fastcgi", "httpplatform"]), variables)
def test_values_read_back_exactly_from_web_config(server: str, environment: dict[str, str]) -> None:
    role = web(server=server, environment=tuple(environment.items()))
    root = ET.fromstring(web_config(role))
    if server == "fastcgi":
        found = {each.attrib["key"]: each.attrib["value"] for each in root.iterfind("appSettings/add")}
        assert found.pop("WSGI_HANDLER") == "app.app"
    else:
        found = {each.attrib["name"]: each.attrib["value"] for each in root.iter("environmentVariable")}
    own = {"WSGI_HANDLER", "PYTHONPATH", "PATH"} if server == "fastcgi" else {"PYTHONPATH", "PATH"}
    assert found == {name: value for name, value in environment.items() if name not in own}


@quick
@given(variables, st.lists(values, max_size=4))
def test_values_read_back_exactly_from_role_json(environment: dict[str, str], arguments: list[str]) -> None:
    role = worker(environment=tuple(environment.items()), arguments=tuple(arguments))
    data = json.loads(role_json(service(role), role, [], runtime=RUNTIME).decode("ascii"))
    assert (data["environment"], data["arguments"]) == (environment, arguments)


@quick
@given(st.permutations(["a", "b-c", "b", "zope-x"]))
def test_the_order_of_wheels_never_changes_requirements(order: list[str]) -> None:
    names_in_it = [
        line.partition("==")[0]
        for line in render_requirements([wheel(n) for n in order]).decode().splitlines()
    ]
    assert names_in_it == ["a", "b", "b-c", "zope-x"]


@quick
@given(
    st.dictionaries(st.sampled_from([".", "a", "a/b"]), st.lists(patterns, max_size=4).map("\n".join)),
    paths,
    paths,
)
def test_below_what_git_ignores_everything_is_ignored(
    gitignores: dict[str, str], path: str, below: str
) -> None:
    is_ignored = gitignore_matcher({folder: text + "\n" for folder, text in gitignores.items()})
    if is_ignored(path):
        # as a file; a pattern that ignores it ignores a folder of that name as well
        assert is_ignored(f"{path}/{below}")
