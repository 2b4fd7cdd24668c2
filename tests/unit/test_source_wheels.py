"""Wheels of folders and commits: when a folder counts as changed, what git is asked, what a role needs."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from hatch_cloudrole.content import Content
from hatch_cloudrole.lock.credentials import Account
from hatch_cloudrole.lock.indexes import Indexes
from hatch_cloudrole.lock.model import Vcs
from hatch_cloudrole.process import Finished
from hatch_cloudrole.target import Target
from hatch_cloudrole.wheels.checkout import CheckoutError, check_out
from hatch_cloudrole.wheels.model import Wheel
from hatch_cloudrole.wheels.source_tree import tree_files
from hatch_cloudrole.wheels.stand_in import with_stand_in
from hatch_cloudrole.wheels.subset import needed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

COMMIT = "a" * 40


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    (root / "src").mkdir(parents=True)
    (root / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\n')
    (root / "src" / "x.py").write_text("1\n")
    return root


@pytest.mark.parametrize("path", ["src/x.py", "src/new.py", "build/tool.py", "lib/y.py", "data.bin"])
def test_a_folder_changes_with_its_files(tree: Path, path: str) -> None:
    before = tree_files(tree).digest()
    (tree / path).parent.mkdir(exist_ok=True)
    (tree / path).write_text("other\n")
    assert tree_files(tree).digest() != before


@pytest.mark.parametrize(
    "path",
    [
        "dist/x-1.cspkg", "pylock.cloudrole.toml", "out/x.report.json", "build/lib/x.py", "build/bdist.linux-x86_64/y", "src/x.egg-info/PKG-INFO",
        "src/__pycache__/x.pyc", ".git/index", ".venv/lib/a.py", "env/pyvenv.cfg", "node_modules/a.js",
    ],
)  # fmt: skip
def test_a_folder_does_not_change_with_what_builds_leave(tree: Path, path: str) -> None:
    before = tree_files(tree).digest()
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text("other\n")
    assert tree_files(tree).digest() == before


def test_a_removed_or_moved_file_is_a_change(tree: Path) -> None:
    before = tree_files(tree).digest()
    (tree / "src" / "x.py").rename(tree / "src" / "y.py")
    assert tree_files(tree).digest() != before


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_what_is_linked_counts_and_loops_end(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "s.py").write_text("1\n")
    (tree / "shared").symlink_to(tmp_path / "shared")
    (tree / "src" / "loop").symlink_to(tree)
    (tree / "src" / "broken").symlink_to("nowhere")
    before = tree_files(tree)
    assert {"shared/s.py", "src/broken"} <= set(before.digests)
    (tmp_path / "shared" / "s.py").write_text("2\n")
    assert tree_files(tree).digest() != before.digest()


def test_tags_and_commits_count_only_where_they_may_say_the_version(tree: Path) -> None:
    def digests() -> str:
        return tree_files(tree).digest()

    (tree / ".git" / "refs" / "heads").mkdir(parents=True)
    (tree / ".git" / "refs" / "tags").mkdir(parents=True)
    (tree / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    before = digests()
    (tree / ".git" / "refs" / "heads" / "main").write_text("1\n")
    assert digests() == before, "the version is static"
    (tree / "pyproject.toml").write_text('[project]\nname = "x"\ndynamic = ["version"]\n')
    dynamic = digests()
    (tree / ".git" / "refs" / "heads" / "main").write_text("2\n")
    committed = digests()
    (tree / ".git" / "refs" / "tags" / "v1").write_text("2\n")
    assert len({dynamic, committed, digests()}) == 3


# Repositories


@dataclass
class FakeGit:
    """Stands in for running git: answers by the subcommand."""

    answers: dict[str, Finished] = field(default_factory=dict)
    asked: list[list[str]] = field(default_factory=list)
    env: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> Finished:
        self.asked.append(list(argv))
        self.env = env
        for name, answer in self.answers.items():
            if name in argv:
                return answer
        return Finished(0, "", "")


def ask(git: FakeGit, root: Path, vcs: Vcs, **credentials: tuple[str, str]) -> None:
    indexes = Indexes(known=tuple(Account("https://x.example", *who) for who in credentials.values()))
    check_out(vcs, root / "checkout", run=git, env={"GIT_DIR": "/other"}, indexes=indexes, root=root)


def test_git_gets_credentials_through_its_environment_alone(tmp_path: Path) -> None:
    git = FakeGit()
    ask(git, tmp_path, Vcs(commit=COMMIT, url="https://x.example/r.git"), known=("me", "p@ss"))
    assert git.env["GIT_CONFIG_KEY_0"] == "url.https://me:p%40ss@x.example/.insteadOf"
    assert git.env["GIT_CONFIG_VALUE_0"] == "https://x.example/"
    assert "GIT_DIR" not in git.env
    assert not any("p%40ss" in word for argv in git.asked for word in argv)
    assert next(argv for argv in git.asked if "clone" in argv)[-2:] == [
        "https://x.example/r.git",
        str(tmp_path / "checkout"),
    ]


@pytest.mark.parametrize(
    ("vcs", "git", "words"),
    [
        (Vcs(commit="--upload-pack=x", url="https://x.example/r"), FakeGit(), "is no commit"),
        (
            Vcs(commit=COMMIT, url="https://x.example/r"),
            FakeGit({"clone": Finished(128, "", "fatal: https://me:s3cret@x.example/r not found")}),
            "cannot be cloned: fatal: https://x.example/r not found",
        ),
        (
            Vcs(commit=COMMIT, path="repo"),
            FakeGit({"checkout": Finished(1, "", "no such")}),
            f"has no commit {COMMIT}",
        ),
    ],
)
def test_what_git_cannot_do_is_told_without_credentials(
    tmp_path: Path, vcs: Vcs, git: FakeGit, words: str
) -> None:
    with pytest.raises(CheckoutError) as caught:
        ask(git, tmp_path, vcs)
    assert words in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_git_that_is_missing_is_told(tmp_path: Path) -> None:
    def missing(*_args: object, **_kwargs: object) -> Finished:
        raise FileNotFoundError(2, "No such file")

    with pytest.raises(CheckoutError, match="install git"):
        check_out(
            Vcs(commit=COMMIT, path="r"), tmp_path, run=missing, env={}, indexes=Indexes(), root=tmp_path
        )


# The plugin itself


def test_a_project_that_requires_the_plugin_is_built_with_a_stand_in(tree: Path, tmp_path: Path) -> None:
    assert with_stand_in({"A": "b"}, tree, tmp_path) == {"A": "b"}
    (tree / "pyproject.toml").write_text('[build-system]\nrequires = ["hatchling", "Hatch_CloudRole>=0.1"]\n')
    env = with_stand_in({"UV_BUILD_CONSTRAINT": "own.txt"}, tree, tmp_path)
    own, ours = env["UV_BUILD_CONSTRAINT"].split(" ")
    assert own == "own.txt"
    constraint = (tmp_path / "build-constraints.txt").read_text()
    assert ours == str(tmp_path / "build-constraints.txt")
    (wheel,) = tmp_path.glob("*.whl")
    assert constraint == f"hatch-cloudrole @ {wheel.as_uri()}\n"
    assert zipfile.ZipFile(wheel).testzip() is None


# What a role needs


def wheel(name: str, *requires: str) -> Wheel:
    return Wheel(
        filename=f"{name}-1-py3-none-any.whl",
        name=canonicalize_name(name),
        version=Version("1"),
        content=Content.of_bytes(b""),
        requires_dist=requires,
    )


def test_a_role_needs_what_it_asks_for_and_all_that_leads_to() -> None:
    """Through extras only where they are asked for, by the target's markers, and cycles end."""
    wheels = {
        each.name: each
        for each in (
            wheel("a", "b[x]", "win; sys_platform == 'win32'", "lin; sys_platform == 'linux'"),
            wheel("b", "a", "c; extra == 'x'", "d; extra == 'y'"),
            *(wheel(name) for name in ("c", "d", "win", "lin", "other")),
        )
    }
    target = Target.parse("3.13", "win_amd64")
    assert needed([Requirement("a"), Requirement("lin; sys_platform == 'linux'")], wheels, target) == {
        "a",
        "b",
        "c",
        "win",
    }
    assert needed([], wheels, target) == frozenset()
