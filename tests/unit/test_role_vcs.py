"""What .gitignore files below a project's top ignore; the expectations are what git itself says."""

from __future__ import annotations

import pytest

from hatch_cloudrole.role.vcs import gitignore_matcher


@pytest.mark.parametrize(
    ("gitignores", "path", "expected"),
    [
        ({}, "a", False),
        ({"web": "*.log\n"}, "web/a.log", True),
        ({"web": "*.log\n"}, "web/deep/a.log", True),
        ({"web": "*.log\n"}, "a.log", False),
        ({"web": "*.log\n"}, "website/a.log", False),
        ({"web": "/a.log\n"}, "web/deep/a.log", False),
        ({"web": "deep/a.log\n"}, "web/deep/a.log", True),
        ({"web": "build/\n"}, "web/build/x", True),
        ({"web": "build/\n"}, "web/build", False),
        ({"web": "*.log\n!keep.log\n"}, "web/keep.log", False),
        ({"web": "!keep.log\n*.log\n"}, "web/keep.log", True),
        # below an ignored folder nothing is taken in again
        ({"web": "data\n!data/keep.txt\n"}, "web/data/keep.txt", True),
        ({"web": "data/*\n!data/keep.txt\n"}, "web/data/keep.txt", False),
        ({".": "data\n", "data": "!keep.txt\n"}, "data/keep.txt", True),
        # the nearer file decides
        ({".": "*.log\n", "web": "!*.log\n"}, "web/a.log", False),
        ({".": "*.log\n", "web": "!*.log\n"}, "a.log", True),
        ({".": "!*.log\n", "web": "*.log\n"}, "web/a.log", True),
        ({".": "/web/*.log\n", "web/sub": "!a.log\n"}, "web/a.log", True),
        # a folder that is taken in again does not bring what is ignored in it
        ({".": "*.log\nbuild\n!build\n"}, "build/x.log", True),
        ({".": "/*\n!/src\n"}, "src/a.py", False),
        ({".": "/*\n!/src\n"}, "other/a.py", True),
        # comments, blanks, escapes
        ({".": "# a\n\n\\#b\n\\!c\n"}, "#b", True),
        ({".": "# a\n\n\\#b\n\\!c\n"}, "!c", True),
        ({".": "# a\n\n\\#b\n\\!c\n"}, "a", False),
        ({".": "a/**/b\n"}, "a/x/y/b", True),
        ({".": "**/tmp\n"}, "x/y/tmp/z", True),
        ({".": "x.[oa]\r\n"}, "x.o", True),
        ({"a/b": "*\n!.gitignore\n"}, "a/b/.gitignore", False),
        ({"a/b": "*\n!.gitignore\n"}, "a/b/c/d", True),
        # a line that is no pattern is passed over, and the others count
        ({".": "!\n*.log\n/\n"}, "a.log", True),
        ({".": "!\n*.log\n/\n"}, "a.txt", False),
    ],
)
def test_as_git_has_it(gitignores: dict[str, str], path: str, expected: bool) -> None:
    assert gitignore_matcher(gitignores)(path) is expected


def test_a_matcher_answers_the_same_whatever_it_was_asked_before() -> None:
    matcher = gitignore_matcher({".": "a\n!b\n", "b": "c\n"})
    paths = ["a/b/c", "b/c/x", "b/d", "a", "c"]
    forwards = [matcher(path) for path in paths]
    assert [matcher(path) for path in reversed(paths)] == forwards[::-1]
    assert forwards == [True, True, False, True, False]
