"""Requirements of every kind, all the way into the wheelhouse, with the real uv and a local index."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from typing import TYPE_CHECKING

import pytest
import treemaker as tree
import wheelmaker as make

from hatch_cloudrole.toml import loads

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.functional.conftest import Shop

pytestmark = pytest.mark.usefixtures("index")
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed here")

WORKER = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "shop"
version = "1.2"
dependencies = [{dependencies}]

[tool.hatch.metadata]
allow-direct-references = true

[tool.hatch.build.targets.cloudrole]
python = "3.13"
{target}

[tool.hatch.build.targets.cloudrole.roles.Orders]
type = "worker"
root = "orders"
startup-file = "worker.py"
{role}
"""


def write(
    shop: Shop, *dependencies: str, target: str = "", role: str = "", requirements: str | None = None
) -> None:
    """A project of one worker that asks for `dependencies`."""
    listed = ", ".join(f"'{each}'" for each in dependencies)
    text = WORKER.format(dependencies=listed, target=target, role=role)
    (shop.root / "pyproject.toml").write_text(text)
    if requirements is not None:
        (shop.root / "orders" / "requirements.txt").write_text(requirements)


def built(shop: Shop, *argv: str) -> dict[str, str]:
    """Build, and give the wheels of the worker by package with their file names."""
    ran = shop.build(*argv)
    assert ran.code == 0, ran.err
    roles = shop.report["versions"]["cspkg"]["roles"]
    files = next(each["wheels"] for each in roles if each["name"] == "Orders")
    return {name.split("-")[0]: name for name in files}


def unpacked(shop: Shop, tmp_path: Path, role: str = "Orders") -> Path:
    out = tmp_path / "out"
    shutil.rmtree(out, ignore_errors=True)
    assert shop.run("extract", str(shop.package), str(out)).code == 0
    return out / "Roles" / role / "approot"


def names_nothing_of_this_host(shop: Shop, tmp_path: Path) -> None:
    approot = unpacked(shop, tmp_path)
    texts = [*(shop.root / "dist").glob("*.json"), *(shop.root / "dist").glob("*.cs*")]
    texts += [approot / "pylock.toml", approot / "requirements.txt", *shop.root.glob("pylock.*.toml")]
    for path in texts:
        data = path.read_bytes()
        assert path.suffix == ".cspkg" or b"file:" not in data, path
        assert str(tmp_path).encode() not in data, path


# Folders


def test_a_folder_is_built_to_a_wheel_and_again_when_it_changes(
    shop: Shop, tmp_path: Path, no_outside: Callable[[], None]
) -> None:
    """Never by path, never stale, and nothing runs while nothing changes."""
    foo = tree.write_tree(shop.root / "libs" / "foo", "foo", requires=("click",))
    write(shop, "foo @ file:libs/foo")
    assert set(built(shop)) == {"foo", "click", "colorama"}
    names_nothing_of_this_host(shop, tmp_path)
    (foo / "foo.py").write_text("CHANGED = True\n")
    assert built(shop)["foo"] == "foo-1.0-py3-none-any.whl"
    wheel = unpacked(shop, tmp_path) / "wheels" / "foo-1.0-py3-none-any.whl"
    assert zipfile.ZipFile(wheel).read("foo.py") == b"CHANGED = True\n"
    first = shop.package.read_bytes()
    no_outside()
    assert set(built(shop)) == {"foo", "click", "colorama"}
    assert shop.package.read_bytes() == first
    assert shop.report["versions"]["cspkg"]["cache"]["built"] == 0


def test_a_committed_lock_has_a_folder_by_its_relative_path(shop: Shop, tmp_path: Path) -> None:
    tree.write_tree(tmp_path / "foo", "foo")
    write(shop, "foo @ file:../foo")
    assert shop.run("lock", str(shop.root)).code == 0
    document = loads((shop.root / "pylock.cloudrole.toml").read_text())
    assert document["packages"] == [{"name": "foo", "directory": {"path": "../foo", "editable": False}}]
    assert set(built(shop, "--locked")) == {"foo"}
    names_nothing_of_this_host(shop, tmp_path)
    (tmp_path / "foo" / "foo.py").write_text("other = 1\n")
    assert shop.build("--locked").code == 0, "what a folder holds is no matter of the lock"
    tree.write_tree(tmp_path / "foo", "foo", requires=("click",))
    stale = shop.build("--locked")
    assert stale.code == 2, "what it needs is"
    assert "cloudrole lock" in stale.err


def test_a_folder_that_builds_for_another_machine_is_refused_with_remedies(shop: Shop) -> None:
    tree.write_tree(shop.root / "foo", "foo", tag="cp313-cp313-manylinux_2_17_x86_64")
    write(shop, "foo @ file:foo")
    ran = shop.build()
    assert (ran.code, shop.artifacts()) == (4, [])
    assert "foo-1.0-cp313-cp313-manylinux_2_17_x86_64.whl" in ran.err
    assert "find-links" in ran.err


def test_a_build_that_lacks_what_it_requires_offline_is_a_matter_of_transport(shop: Shop) -> None:
    foo = tree.write_tree(shop.root / "foo", "foo")
    text = (foo / "pyproject.toml").read_text()
    (foo / "pyproject.toml").write_text(text.replace("requires = []", 'requires = ["requests"]'))
    write(shop, "foo @ file:foo")
    assert shop.run("lock", str(shop.root)).code == 0
    shutil.rmtree(shop.root.parent / "uv-cache")
    ran = shop.build("--locked", "--offline")
    assert (ran.code, shop.artifacts()) == (6, [])
    assert "--offline" in ran.err


def test_members_of_a_uv_workspace_become_wheels(shop: Shop) -> None:
    """Also one that a member needs, and one that a source names by its path."""
    source = "[tool.uv.sources]\nbar = { workspace = true }\n"
    tree.write_tree(shop.root / "packages" / "foo", "foo", requires=("bar",), pyproject=source)
    tree.write_tree(shop.root / "packages" / "bar", "bar", "2.0")
    tree.write_tree(shop.root / "elsewhere", "baz")
    write(shop, "foo", "baz")
    with (shop.root / "pyproject.toml").open("a") as file:
        file.write('[tool.uv.workspace]\nmembers = ["packages/*"]\n[tool.uv.sources]\n')
        file.write('foo = { workspace = true }\nbaz = { path = "elsewhere", editable = true }\n')
    assert built(shop) == {
        "foo": "foo-1.0-py3-none-any.whl",
        "bar": "bar-2.0-py3-none-any.whl",
        "baz": "baz-1.0-py3-none-any.whl",
    }


def test_roles_get_only_what_they_ask_for_of_folders_too(shop: Shop) -> None:
    tree.write_tree(shop.root / "foo", "foo", requires=("bar @ file:../bar",), metadata_requires=("bar",))
    tree.write_tree(shop.root / "bar", "bar")
    write(
        shop,
        role="""dependencies = ["foo @ file:foo"]
[tool.hatch.build.targets.cloudrole.roles.Other]
type = "worker"
root = "orders"
startup-file = "worker.py"
dependencies = ["requests"]
""",
    )
    sources = "\n[tool.uv.sources]\nbar = { path = '../bar' }\n"
    tree.write_tree(shop.root / "foo", "foo", requires=("bar",), pyproject=sources)
    assert set(built(shop)) == {"foo", "bar"}
    roles = {each["name"]: each["wheels"] for each in shop.report["versions"]["cspkg"]["roles"]}
    assert roles["Other"] == ["requests-2.0-py3-none-any.whl"]


@needs_git
def test_roles_get_only_what_they_ask_for_of_repositories_too(shop: Shop, tmp_path: Path) -> None:
    """One role names the repository by a branch, another gets there by a name alone."""
    tree.write_repository(tree.write_tree(tmp_path / "repo", "foo", requires=("click",)))
    uri = (tmp_path / "repo").as_uri()
    tree.write_tree(shop.root / "bar", "bar", requires=("foo",))
    write(
        shop,
        role=f"""dependencies = ["foo @ git+{uri}@main"]
[tool.hatch.build.targets.cloudrole.roles.Other]
type = "worker"
root = "orders"
startup-file = "worker.py"
dependencies = ["bar @ file:bar"]
[tool.hatch.build.targets.cloudrole.roles.Third]
type = "worker"
root = "orders"
startup-file = "worker.py"
dependencies = ["requests"]
""",
    )
    assert set(built(shop)) == {"foo", "click", "colorama"}
    roles = {each["name"]: each["wheels"] for each in shop.report["versions"]["cspkg"]["roles"]}
    assert {name.split("-")[0] for name in roles["Other"]} == {"bar", "foo", "click", "colorama"}
    assert roles["Third"] == ["requests-2.0-py3-none-any.whl"]


# The project itself


def test_the_projects_own_wheel_is_installed_and_never_stale(
    shop: Shop, tmp_path: Path, no_outside: Callable[[], None]
) -> None:
    """By whatever backend it has; its dependencies count although project-dependencies leaves them out."""
    tree.write_tree(shop.root, "shop", "1.2", requires=("click",))
    write(shop, "click", role="install-project = true\nproject-dependencies = false")
    assert built(shop) == {
        "shop": "shop-1.2-py3-none-any.whl",
        "click": "click-8.1-py3-none-any.whl",
        "colorama": "colorama-0.4-py3-none-any.whl",
    }
    names_nothing_of_this_host(shop, tmp_path)
    (shop.root / "shop.py").write_text("CHANGED = 1\n")
    assert "shop" in built(shop)
    wheel = unpacked(shop, tmp_path) / "wheels" / "shop-1.2-py3-none-any.whl"
    assert zipfile.ZipFile(wheel).read("shop.py") == b"CHANGED = 1\n"
    assert shop.run("lock", str(shop.root)).code == 0
    assert shop.build("--locked").code == 0
    no_outside()
    assert shop.build("--locked").code == 0


def test_a_requirements_file_may_name_the_project_itself(shop: Shop, tmp_path: Path) -> None:
    tree.write_tree(shop.root, "shop", "1.2", requires=("click",))
    write(shop, "click", requirements=".\n", role="project-dependencies = false")
    assert set(built(shop)) == {"shop", "click", "colorama"}
    names_nothing_of_this_host(shop, tmp_path)


def test_a_wheel_of_the_project_that_needs_more_than_was_locked_is_refused(shop: Shop) -> None:
    tree.write_tree(shop.root, "shop", "1.2", metadata_requires=("requests",))
    write(shop, role="install-project = true")
    ran = shop.build()
    assert ran.code == 4
    assert "shop 1.2: needs requests" in ran.err


# Repositories


@needs_git
def test_a_repository_is_pinned_to_its_commit(
    shop: Shop, tmp_path: Path, no_outside: Callable[[], None]
) -> None:
    repository = tree.write_tree(tmp_path / "repo", "foo")
    first = tree.write_repository(repository)
    write(shop, f"foo @ git+{repository.as_uri()}@main")
    assert shop.run("lock", str(shop.root)).code == 0
    package = loads((shop.root / "pylock.cloudrole.toml").read_text())["packages"][0]
    assert package["vcs"] == {
        "type": "git", "path": "../repo", "requested-revision": "main", "commit-id": first,
    }  # fmt: skip
    tree.write_tree(repository, "foo", "2.0")
    tree.commit(repository)
    assert built(shop, "--locked")["foo"] == "foo-1.0-py3-none-any.whl", (
        "the commit of the lock, not the newest"
    )
    names_nothing_of_this_host(shop, tmp_path)
    assert shop.run("lock", str(shop.root)).code == 0
    assert built(shop, "--locked")["foo"] == "foo-2.0-py3-none-any.whl"
    shutil.rmtree(repository)
    no_outside()
    assert built(shop, "--locked")["foo"] == "foo-2.0-py3-none-any.whl", "kept by its commit"


@needs_git
def test_a_project_in_a_subdirectory_of_a_repository(shop: Shop, tmp_path: Path) -> None:
    tree.write_tree(tmp_path / "repo" / "py" / "foo", "foo")
    tree.write_repository(tmp_path / "repo")
    uri = (tmp_path / "repo").as_uri()
    write(shop, requirements=f"git+{uri}@main#egg=foo&subdirectory=py/foo\n")
    assert set(built(shop)) == {"foo"}


@needs_git
def test_a_repository_that_is_gone_is_a_matter_of_transport(shop: Shop, tmp_path: Path) -> None:
    tree.write_repository(tree.write_tree(tmp_path / "repo", "foo"))
    write(shop, f"foo @ git+{(tmp_path / 'repo').as_uri()}")
    assert shop.run("lock", str(shop.root)).code == 0
    shutil.rmtree(tmp_path / "repo")
    ran = shop.build("--locked")
    assert (ran.code, shop.artifacts()) == (6, [])
    assert "cannot be cloned" in ran.err


# Files and addresses


def test_wheels_and_sdists_by_path_and_by_address(
    shop: Shop, tmp_path: Path, index: make.IndexServer
) -> None:
    (shop.root / "vendor").mkdir()
    (shop.root / "vendor" / make.wheel_name("one")).write_bytes(make.wheel_bytes("one"))
    (tmp_path / "two-1.0.tar.gz").write_bytes(make.sdist_bytes("two"))
    write(
        shop,
        requirements=f"./vendor/{make.wheel_name('one')}\n../two-1.0.tar.gz\n"
        f"{index.origin}/files/{make.wheel_name('requests', '2.0')}\n"
        f"wfastcgi @ {index.origin}/files/wfastcgi-3.0.tar.gz\n",
    )
    wanted = {"one", "two", "requests", "wfastcgi"}
    assert set(built(shop)) == wanted
    assert shop.run("lock", str(shop.root)).code == 0
    packages = {
        each["name"]: each for each in loads((shop.root / "pylock.cloudrole.toml").read_text())["packages"]
    }
    assert packages["one"]["archive"]["path"] == f"vendor/{make.wheel_name('one')}"
    assert packages["two"]["archive"]["path"] == "../two-1.0.tar.gz"
    assert packages["wfastcgi"]["archive"]["url"] == f"{index.origin}/files/wfastcgi-3.0.tar.gz"
    assert set(built(shop, "--locked")) == wanted
    names_nothing_of_this_host(shop, tmp_path)


def test_an_sdist_whose_name_says_no_version(shop: Shop) -> None:
    """As the archives that forges make of a branch."""
    (shop.root / "main.tar.gz").write_bytes(make.sdist_bytes("two", "7.0"))
    write(shop, "two @ file:main.tar.gz")
    assert built(shop) == {"two": "two-7.0-py3-none-any.whl"}


def test_everything_that_a_requirements_file_may_say(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANTED", "requests")
    (shop.root / "orders" / "more").mkdir()
    (shop.root / "orders" / "wheels").mkdir()
    for version in ("1.0", "2.0"):
        name = make.wheel_name("extra", version)
        (shop.root / "orders" / "wheels" / name).write_bytes(make.wheel_bytes("extra", version))
    (shop.root / "orders" / "limits.txt").write_text("extra<2\nnot-asked-for==1\n")
    (shop.root / "orders" / "more" / "base.txt").write_text("-r ../requirements.txt\nextra\n")
    (shop.root / "orders" / "requirements.txt").write_bytes(
        "# comment\r\n-r more/base.txt\r\n--constraint=limits.txt\r\n--find-links wheels\r\n--pre\r\n"
        '${WANTED} \\\r\n  >=1 ; python_version >= "3" # why\r\nuvloop ; sys_platform != "win32"\r\n'.encode("utf-16")
    )  # fmt: skip
    write(shop)
    assert built(shop) == {"requests": "requests-2.0-py3-none-any.whl", "extra": "extra-1.0-py3-none-any.whl"}


def test_what_cannot_be_used_in_a_requirements_file_is_told_at_once(shop: Shop) -> None:
    write(
        shop,
        requirements="-e ./libs/foo\n-e .\nflask ==\n--global-option x\n./nowhere\nhg+https://x.example/r\n-r gone.txt\n",
    )
    ran = shop.build()
    assert (ran.code, shop.artifacts()) == (2, [])
    for number in (1, 2, 3, 4, 5, 6):
        assert f"orders/requirements.txt:{number}: " in ran.err
    assert "leave -e out (./libs/foo)" in ran.err
    assert "gone.txt" in ran.err


def test_hashes_in_requirements_files_are_enforced(shop: Shop, index_folder: Path) -> None:
    import hashlib

    good = hashlib.sha256(
        (index_folder / "files" / make.wheel_name("requests", "2.0")).read_bytes()
    ).hexdigest()
    write(
        shop,
        requirements=f"--require-hashes\nrequests==2.0 --hash=sha256:{good} \\\n  --hash=sha256:{'0' * 64}\n",
    )
    assert set(built(shop)) == {"requests"}
    shutil.rmtree(shop.root / "dist")
    write(shop, requirements=f"requests==2.0 --hash=sha256:{'0' * 64}\n")
    ran = shop.build()
    assert (ran.code, shop.artifacts()) == (4, [])
    assert "requests 2.0: the hashes of the requirements fit none of its files" in ran.err


def test_credentials_in_a_requirements_file_stay_where_they_are(
    shop: Shop, tmp_path: Path, index: make.IndexServer, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    index.credentials = ("someone", "s3cr3t-pw")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("TOKEN", "s3cr3t-pw")
    address = index.url.replace("://", "://someone:${TOKEN}@")
    file = index.origin.replace("://", "://someone:${TOKEN}@") + "/files/" + make.wheel_name("uvloop", "0.9")
    write(shop, requirements=f"--index-url {address}\nrequests\nuvloop @ {file}\n")
    locked = shop.run("lock", str(shop.root))
    ran = shop.build("--locked")
    assert (locked.code, ran.code) == (0, 0), locked.err + ran.err
    outputs = [*(shop.root / "dist").iterdir(), shop.root / "pylock.cloudrole.toml", *cache.rglob("*")]
    for path in outputs:
        assert path.is_dir() or b"s3cr3t-pw" not in path.read_bytes(), path
    assert "s3cr3t-pw" not in locked.err + ran.err + locked.out + ran.out


# A lock of the project's own


def exported(shop: Shop, *arguments: str) -> None:
    """pylock.toml as uv exports it for every platform."""
    import uv

    subprocess.run(
        [
            uv.find_uv_bin(),
            "export",
            "--quiet",
            "--format",
            "pylock.toml",
            "--output-file",
            "pylock.toml",
            *arguments,
        ],
        cwd=shop.root,
        check=True,
    )


def own_lock(shop: Shop, *dependencies: str, role: str = "", python: str = "3.13") -> None:
    write(shop, *dependencies, target='lock = "pylock.toml"', role=role)
    text = (shop.root / "pyproject.toml").read_text()
    text = text.replace('version = "1.2"\n', 'version = "1.2"\nrequires-python = ">=3.10"\n')
    text = text.replace('python = "3.13"', f'python = "{python}"')
    (shop.root / "pyproject.toml").write_text(text)
    (shop.root / "pylock.toml").touch()


def test_a_lock_of_another_tool_is_taken_and_nothing_is_resolved(
    shop: Shop, tmp_path: Path, no_outside: Callable[[], None]
) -> None:
    """What the target's markers select; each role its own part; a folder as a wheel; the second time, nothing runs."""
    tree.write_tree(shop.root / "foo", "foo", requires=("click",))
    role = """dependencies = ["foo"]
project-dependencies = false
[tool.hatch.build.targets.cloudrole.roles.Other]
type = "worker"
root = "orders"
startup-file = "worker.py"
"""
    own_lock(shop, "requests", "foo", role=role)
    with (shop.root / "pyproject.toml").open("a") as file:
        file.write("[tool.uv.sources]\nfoo = { path = 'foo' }\n")
    tree.write_tree(tmp_path / "backend", "x")
    shutil.copy(tmp_path / "backend" / "backend.py", shop.root)
    exported(shop, "--no-emit-project")
    assert set(built(shop)) == {"foo", "click", "colorama"}
    report = shop.report["versions"]["cspkg"]
    roles = {each["name"]: {one.split("-")[0] for one in each["wheels"]} for each in report["roles"]}
    assert roles["Other"] == {"requests", "foo", "click", "colorama"}
    assert report["locks"][0]["source"] == "project"
    names_nothing_of_this_host(shop, tmp_path)
    no_outside()
    assert shop.build("--locked").code == 0
    ran = shop.run("lock", str(shop.root))
    assert ran.code == 2
    assert "renew it with the tool that wrote it" in ran.err


def test_the_server_of_a_web_role_is_resolved_beside_the_lock(
    shop: Shop, no_outside: Callable[[], None]
) -> None:
    role = """
[tool.hatch.build.targets.cloudrole.roles.Web]
type = "web"
root = "web"
wsgi-handler = "app:app"
"""
    own_lock(shop, "requests", role=role)
    exported(shop, "--no-emit-project")
    assert set(built(shop)) == {"requests"}
    roles = {each["name"]: each["wheels"] for each in shop.report["versions"]["cspkg"]["roles"]}
    assert [name.split("-")[0] for name in roles["Web"]] == ["requests", "wfastcgi"]
    no_outside()
    assert shop.build().code == 0


def test_every_package_of_a_lock_that_does_not_fit_is_explained(shop: Shop) -> None:
    own_lock(shop)
    package = """[[packages]]
name = "{name}"
version = "1.0"
{marker}
wheels = [{{ url = "https://x.example/{name}-1.0-cp313-cp313-manylinux_2_17_x86_64.whl", hashes = {{ sha256 = "{digest}" }} }}]
"""
    text = 'lock-version = "1.0"\ncreated-by = "hand"\n'
    markers = {"one": "", "two": "", "three": "marker = \"sys_platform != 'win32'\""}
    for name, marker in markers.items():
        text += package.format(name=name, marker=marker, digest="0" * 64)
    (shop.root / "pylock.toml").write_text(text)
    ran = shop.build()
    assert (ran.code, shop.artifacts()) == (4, [])
    for name in ("one", "two"):
        assert f"{name} 1.0: no wheel fits cp313-win_amd64" in ran.err
    assert "three" not in ran.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version = 1\n", "is no PEP 751 lock"),
        ('lock-version = "1.0"\ncreated-by = "x"\nrequires-python = ">=3.99"\npackages = []\n', "it is not for cp313"),
        ('lock-version = "1.0"\ncreated-by = "x"\nenvironments = ["sys_platform == \'linux\'"]\npackages = []\n',
         "it is not for cp313-win_amd64"),
        ('lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = "a"\nvcs = { type = "hg", url = "https://x.example/r", commit-id = "1" }\n',
         "a is in a repository that is not git's"),
    ],
)  # fmt: skip
def test_a_lock_that_cannot_be_used_is_a_fault_of_the_project(shop: Shop, text: str, words: str) -> None:
    own_lock(shop)
    (shop.root / "pylock.toml").write_text(text)
    ran = shop.build()
    assert (ran.code, shop.artifacts()) == (2, [])
    assert words in ran.err


def test_a_lock_that_lacks_what_a_role_asks_for_is_told(shop: Shop) -> None:
    own_lock(shop, "requests")
    (shop.root / "pylock.toml").write_text('lock-version = "1.0"\ncreated-by = "x"\npackages = []\n')
    ran = shop.build()
    assert ran.code == 4
    assert "needs requests, but it is not in the wheelhouse" in ran.err
    assert "renew pylock.toml with its own tool" in ran.err
