"""Which of a project's files belong to a role."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hatch_cloudrole.role.files import ProjectFile, select_role_files
from hatch_cloudrole.role.left_out import CACHES, DEVELOPERS, DOCUMENTS, SETUPTOOLS, left_out
from hatch_cloudrole.role.secret_files import _PATTERNS, HEAD, read_head, secret_in
from tests.role_samples import project, web, worker

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS = Path(__file__).parents[2] / "docs"

KEY = b"-----BEGIN RSA PRIVATE KEY-----\nMIIB"
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nMIIB"


def head_of(data: bytes) -> Callable[[Path], bytes]:
    return lambda _path: data


def test_files_below_the_root_are_keyed_from_it() -> None:
    files = project("web/app.py", "web/templates/index.html", "website/other.py", "pyproject.toml")
    selected = select_role_files(files, web(root="web")).files
    assert {path: file.relative for path, file in selected.items()} == {
        "app.py": "web/app.py",
        "templates/index.html": "web/templates/index.html",
    }


def test_a_root_of_several_folders() -> None:
    files = project("services/web/app.py", "services/webx/app.py")
    assert list(select_role_files(files, web(root="services/web")).files) == ["app.py"]


def test_include_narrows_and_exclude_wins() -> None:
    files = project("w/app.py", "w/data/a.json", "w/data/b.json", "w/notes.txt")
    role = worker(root="w", include=("*.py", "/data"), exclude=("b.json",))
    assert list(select_role_files(files, role).files) == ["app.py", "data/a.json"]


def test_patterns_count_from_the_roles_root() -> None:
    files = project("w/a/x.txt", "w/x.txt")
    assert list(select_role_files(files, worker(root="w", exclude=("/x.txt",))).files) == ["a/x.txt"]


def test_exclude_may_take_back_with_an_exclamation_mark() -> None:
    files = project("w/data/a.json", "w/data/keep.json")
    role = worker(root="w", exclude=("data/*", "!keep.json"))
    assert list(select_role_files(files, role).files) == ["data/keep.json"]


def test_what_version_control_ignores_stays_out() -> None:
    files = project("w/app.py", "w/made.py")
    selection = select_role_files(files, worker(root="w"), ignored=lambda path: path == "w/made.py")
    assert list(selection.files) == ["app.py"]


@pytest.mark.parametrize(
    "path",
    [
        "__pycache__/a.cpython-313.pyc",
        "pkg/__pycache__/a.cpython-313.pyc",
        "pkg/old.pyc",
        ".git/config",
        ".venv/Lib/site-packages/x.py",
        ".tox/py/x",
        ".nox/tests/x",
        "lib/node_modules/a/index.js",
        "shop.egg-info/PKG-INFO",
        ".mypy_cache/x.json",
        ".ruff_cache/x",
        ".pytest_cache/x",
        ".hatch/x",
        ".idea/x.xml",
        ".vs/x",
        ".vscode/settings.json",
        ".cloudrole/site-packages/x.py",
        "out/shop-1.0.cspkg",
        "out/shop-1.0.Cloud.cscfg",
        "out/shop-1.0.csdef",
    ],
)
def test_caches_and_build_output_are_left_out_of_every_role(path: str) -> None:
    for root in (".", "w"):
        files = project(path if root == "." else f"{root}/{path}")
        selection = select_role_files(files, worker(root=root))
        assert not selection.files
        (part,) = selection.left_out
        assert path == part or path.startswith(f"{part}/")


@pytest.mark.parametrize(
    "path", ["native.pyd", "static/dist/app.js", "build/index.html", "bin/x.exe", "lib/a.so"]
)
def test_what_only_resembles_build_output_goes_in(path: str) -> None:
    assert list(select_role_files(project(path), worker()).files) == [path]


def test_a_virtual_environment_is_known_by_its_file_whatever_its_name() -> None:
    files = project("w/my-env/pyvenv.cfg", "w/my-env/Lib/a.py", "w/my-env2/a.py")
    selection = select_role_files(files, worker(root="w"))
    assert list(selection.files) == ["my-env2/a.py"]
    assert selection.left_out == {"my-env": "a virtual environment"}


def test_a_root_that_is_itself_an_environment_is_the_users_choice() -> None:
    files = project("w/pyvenv.cfg", "w/a.py")
    assert list(select_role_files(files, worker(root="w")).files) == ["a.py", "pyvenv.cfg"]


def test_developers_things_are_left_out_at_the_top_of_the_project_alone() -> None:
    out = [
        "tests/test_a.py",
        "docs/index.md",
        ".github/ci.yml",
        "pyproject.toml",
        "README.md",
        "Dockerfile.dev",
    ]
    inside = ["app.py", "LICENSE", "shop/tests/data.py", "shop/README.md", "requirements.txt", "testing/a.py"]
    selection = select_role_files(project(*out, *inside), worker())
    assert sorted(selection.files) == sorted(inside)
    assert set(selection.left_out) == {path.partition("/")[0] for path in out}


def test_a_role_in_a_folder_keeps_what_developers_need_at_a_projects_top() -> None:
    files = project("w/tests/a.py", "w/README.md", "w/setup.cfg")
    assert sorted(select_role_files(files, worker(root="w")).files) == [
        "README.md",
        "setup.cfg",
        "tests/a.py",
    ]


def test_setuptools_output_is_left_out_and_another_build_folder_is_not() -> None:
    files = project("build/lib/a.py", "build/bdist.linux-x86_64/x", "build/app.js")
    assert list(select_role_files(files, worker()).files) == ["build/app.js"]


@pytest.mark.parametrize(
    "pattern", ["tests", "tests/", "/tests", "tests/data", "tests/data/*.json", "tests/**"]
)
def test_an_include_that_names_what_is_left_out_takes_it_in(pattern: str) -> None:
    role = worker(include=("*.py", pattern))
    files = project("app.py", "tests/data/a.json")
    assert "tests/data/a.json" in select_role_files(files, role).files


@pytest.mark.parametrize("pattern", ["*", "**", "*.json", "t*", "test[s]", "**/data", "data", "!tests"])
def test_a_wildcard_names_nothing(pattern: str) -> None:
    files = project("app.py", "tests/data/a.json")
    assert "tests/data/a.json" not in select_role_files(files, worker(include=("*", pattern))).files


def test_the_targets_own_include_names_too_from_the_project() -> None:
    files = project("w/node_modules/a.js", "w/lib/node_modules/b.js")
    selection = select_role_files(files, worker(root="w"), named=["/w/node_modules"])
    assert list(selection.files) == ["node_modules/a.js"]


def test_forced_files_pass_everything_but_exclude() -> None:
    files = project(forced=("w/tests/a.pyc", "w/made.txt", "w/gone.txt"))
    role = worker(root="w", include=("*.py",), exclude=("gone.txt",))
    selection = select_role_files(files, role, ignored=lambda _path: True)
    assert list(selection.files) == ["made.txt", "tests/a.pyc"]


def test_of_two_files_for_one_path_the_forced_one_counts() -> None:
    own = ProjectFile(Path("/project/w/a.txt"), "w/a.txt")
    forced = ProjectFile(Path("/elsewhere/a.txt"), "w/a.txt", forced=True)
    for files in ([own, forced], [forced, own]):
        assert select_role_files(files, worker(root="w")).files["a.txt"] is forced


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".env.production",
        ".envrc",
        "conf/.ENV",
        ".envs/production/db",
        "id_rsa",
        "keys/id_ed25519",
        "site.pfx",
        "SITE.P12",
        "putty.ppk",
        ".netrc",
        "_netrc",
        ".pypirc",
        ".pgpass",
        ".git-credentials",
        "home/.aws/credentials",
        ".docker/config.json",
        ".kube/config",
        ".azure/accessTokens.json",
        "azureauth.json",
        "my.azureauth",
        "sub.publishsettings",
        "local.settings.json",
    ],
)
def test_a_file_that_looks_like_a_secret_is_a_fault(path: str) -> None:
    selection = select_role_files(project(f"w/{path}", "w/app.py"), worker(root="w"), read_head=head_of(b""))
    (fault,) = selection.faults
    assert list(selection.files) == ["app.py"]
    assert fault.where == f"w/{path} (role Orders)"
    assert f'"/{path}" in the role\'s exclude' in fault.remedy
    assert f'include = ["*", "/{path}"]' in fault.remedy


@pytest.mark.parametrize(
    "path",
    [
        ".env.example",
        "conf/.env.sample",
        ".env.template",
        "env.py",
        "id_rsa.pub",
        "credentials",
        "aws/credentials",
        "config.json",
        "settings.json",
        "environment",
    ],
)
def test_what_only_resembles_a_secret_goes_in(path: str) -> None:
    selection = select_role_files(project(f"w/{path}"), worker(root="w"), read_head=head_of(KEY))
    assert not selection.faults
    assert list(selection.files) == [path]


@pytest.mark.parametrize("path", ["tls.key", "tls.pem", "TLS.PEM"])
@pytest.mark.parametrize(
    ("data", "is_secret"),
    [
        (KEY, True),
        (CERTIFICATE + b"\n" + KEY, True),
        (b"-----BEGIN PRIVATE KEY-----", True),
        (b"-----BEGIN ENCRYPTED PRIVATE KEY-----", True),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----", True),
        (b"-----BEGIN PGP PRIVATE KEY BLOCK-----", True),
        (CERTIFICATE, False),
        (b"-----BEGIN PUBLIC KEY-----", False),
        (b"", False),
    ],
)
def test_key_files_are_judged_by_what_they_hold(path: str, data: bytes, is_secret: bool) -> None:
    assert bool(secret_in(path, lambda: data)) is is_secret


def test_other_files_are_not_opened() -> None:
    def refuse(_path: Path) -> bytes:
        raise AssertionError("opened")

    assert select_role_files(project("app.py", "data.bin", ".env"), worker(), read_head=refuse).faults


def test_the_head_of_a_file_is_as_long_as_it_says(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    path.write_bytes(b"x" * (HEAD + 1))
    assert len(read_head(path)) == HEAD
    assert read_head(tmp_path / "none.key") == b""


@pytest.mark.parametrize(
    "settings",
    [
        {"include": ("*", "/conf/.env")},
        {"include": ("*", "conf/.env")},
        {"exclude": ("/conf/.env",)},
        {"exclude": (".env*",)},
        {"exclude": ("conf",)},
    ],
)
def test_both_remedies_for_a_secret_work(settings: dict[str, tuple[str, ...]]) -> None:
    selection = select_role_files(project("w/conf/.env", "w/app.py"), worker(root="w", **settings))
    assert not selection.faults
    assert ("conf/.env" in selection.files) is ("include" in settings)
    assert "app.py" in selection.files


@pytest.mark.parametrize("pattern", ["conf", "conf/", "conf/.e*", ".env", "**/.env", "conf/*"])
def test_an_include_that_is_not_exact_does_not_ship_a_secret(pattern: str) -> None:
    selection = select_role_files(project("w/conf/.env"), worker(root="w", include=("*", pattern)))
    assert len(selection.faults) == 1


def test_a_forced_secret_must_be_named_exactly_too() -> None:
    files = project(forced=("w/conf/.env",))
    assert select_role_files(files, worker(root="w"), named=["w/conf"]).faults
    assert not select_role_files(files, worker(root="w"), named=["w/conf/.env"]).faults


@pytest.mark.parametrize("name", ["my [file] *?.pfx", "a!b.pfx", "#x.pfx", "caf\u00e9.pfx", "back`tick.pfx"])
def test_the_pattern_of_a_remedy_matches_that_very_file(name: str) -> None:
    files = project(f"w/{name}", "w/app.py")
    (fault,) = select_role_files(files, worker(root="w")).faults
    match = re.search(r'leave it out with "(.*)" in the role\'s exclude', fault.remedy)
    assert match
    pattern = match[1].replace("\\\\", "\\")
    excluded = select_role_files(files, worker(root="w", exclude=(pattern,)))
    assert (list(excluded.files), excluded.faults) == (["app.py"], ())
    included = select_role_files(files, worker(root="w", include=("*", pattern)))
    assert name in included.files


def test_a_remedy_adds_to_an_include_that_is_there() -> None:
    (fault,) = select_role_files(project("w/.env"), worker(root="w", include=("*",))).faults
    assert 'add "/.env" to its include' in fault.remedy


def test_all_secrets_are_reported_at_once() -> None:
    assert len(select_role_files(project(".env", "a/.env", "b/x.pfx"), worker()).faults) == 3


def test_a_secret_that_is_left_out_anyway_is_no_fault() -> None:
    assert not select_role_files(project("tests/.env", ".venv/.netrc", "app.py"), worker()).faults


def test_left_out_says_nothing_of_an_ordinary_file() -> None:
    assert left_out("shop/app.py", environments=(), is_project=True) is None


def test_the_documentation_lists_everything_that_is_left_out() -> None:
    """docs/files.md has every pattern, so that nobody must read the source."""
    listed = set(re.findall(r"`([^`]+)`", (DOCS / "files.md").read_text(encoding="utf-8")))
    spelled = {
        name.removesuffix(".*") for name in DEVELOPERS if name.startswith(("README", "CH", "CONTRIBUTING"))
    }
    others = {name for name in DEVELOPERS if name.removesuffix(".*") not in spelled}
    assert {*CACHES, *DOCUMENTS, *SETUPTOOLS, *spelled, *others} <= listed


def test_the_documentation_lists_every_kind_of_secret() -> None:
    listed = set(re.findall(r"`([^`]+)`", (DOCS / "files.md").read_text(encoding="utf-8")))
    assert {pattern for pattern, _ in _PATTERNS if not pattern.startswith("id_")} <= listed
