"""For what this host may compile, with what, and what becomes of auditwheel's words; nothing is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hatch_cloudrole.process import Finished
from hatch_cloudrole.target import Target
from hatch_cloudrole.wheels.native import (
    AuditError,
    Host,
    Interpreter,
    audit,
    find_interpreter,
    holds_compiled_code,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LINUX = Host(system="linux", machine="x86_64", libc="glibc 2.36", interpreter=Interpreter("/py", "3.8.1"))


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("manylinux_2_28_x86_64", True),
        ("manylinux_2_28_aarch64", False),
        ("musllinux_1_2_x86_64", False),
        ("macosx_11_0_x86_64", False),
        ("win_amd64", False),
    ],
)
def test_linux_compiles_for_its_own_architecture_and_libc_alone(platform: str, *, expected: bool) -> None:
    assert LINUX.compiles_for(Target.parse("3.13", platform)) is expected


@pytest.mark.parametrize(
    "host",
    [
        Host(system="darwin", machine="x86_64", libc="", interpreter=LINUX.interpreter),
        Host(system="win32", machine="x86_64", libc="", interpreter=LINUX.interpreter),
        Host(system="linux", machine="x86_64", libc="", interpreter=LINUX.interpreter),
    ],
)
def test_no_other_host_compiles_for_linux(host: Host) -> None:
    assert not host.compiles_for(Target.parse("3.13", "manylinux_2_28_x86_64"))


def test_a_wheel_is_pure_only_if_every_tag_is_for_any_platform() -> None:
    assert not holds_compiled_code("a-1-py2.py3-none-any.whl")
    assert holds_compiled_code("a-1-cp313-cp313-linux_x86_64.whl")
    assert holds_compiled_code("a-1-py3-none-any.linux_x86_64.whl")


class Asked:
    """Answers for each interpreter by the folder that it is in."""

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float) -> Finished:
        self.asked.append(argv[0])
        answer = next((text for part, text in self.answers.items() if part in argv[0]), None)
        return Finished(127, "", "not found") if answer is None else Finished(0, answer + "\n", "")


def python(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "python3.13").write_text("")
    return folder / "python3.13"


def test_an_interpreter_is_looked_for_on_path_and_where_others_install_it(tmp_path: Path) -> None:
    """A shim that refuses, another implementation, architecture or ABI is passed over."""
    shim, pypy, small, free = (python(tmp_path / name) for name in ("shim", "pypy", "small", "free"))
    installed = python(tmp_path / ".pyenv" / "versions" / "3.13.2" / "bin")
    run = Asked(
        {
            "pypy": "PyPy 3.13.2 x86_64 True 0",
            "small": "CPython 3.13.2 x86_64 False 0",
            "free": "CPython 3.13.2 x86_64 True 1",
            "versions": "CPython 3.13.2 x86_64 True 0",
        }
    )
    env = {"HOME": str(tmp_path), "PATH": ":".join(str(each.parent) for each in (shim, pypy, small, free))}
    target = Target.parse("3.13", "manylinux_2_28_x86_64")
    assert find_interpreter(LINUX, target, run=run, env=env) == Interpreter(str(installed), "3.13.2")
    assert len(run.asked) == 5
    assert find_interpreter(LINUX, Target.parse("3.12", "manylinux_2_28_x86_64"), run=run, env=env) is None


class FakeAuditwheel:
    def __init__(self, refusal: str = "") -> None:
        self.refusal = refusal
        self.argv: list[str] = []

    def __call__(self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float) -> Finished:
        self.argv = list(argv)
        if self.refusal:
            return Finished(1, "", self.refusal)
        (cwd / "a-1-cp313-cp313-manylinux_2_17_x86_64.whl").write_bytes(b"")
        return Finished(0, "", "")


@pytest.mark.parametrize(("glibc", "policy"), [(17, 17), (23, 17), (25, 24), (28, 28), (33, 31), (39, 39)])
def test_auditwheel_is_asked_for_the_newest_policy_that_the_target_accepts(
    tmp_path: Path, glibc: int, policy: int
) -> None:
    run = FakeAuditwheel()
    target = Target.parse("3.13", f"manylinux_2_{glibc}_x86_64")
    found = audit(tmp_path / "a-1-cp313-cp313-linux_x86_64.whl", tmp_path / "out", target, run=run, env={})
    assert found.name == "a-1-cp313-cp313-manylinux_2_17_x86_64.whl"
    assert run.argv[run.argv.index("--plat") + 1] == f"manylinux_2_{policy}_x86_64"


@pytest.mark.parametrize(
    ("stderr", "found"),
    [
        (
            'INFO:x:y\nusage: auditwheel [-h]\n  ...\nauditwheel: error: cannot repair "{wheel}" to\n"z" because of symbols.\n',
            'cannot repair "a-1-cp313-cp313-linux_x86_64.whl" to "z" because of symbols.',
        ),
        ("INFO:a:b\nThis does not look like a platform wheel\n", "This does not look like a platform wheel"),
        ("", "auditwheel wrote no wheel"),
    ],
)
def test_what_auditwheel_finds_is_told_without_its_usage(tmp_path: Path, stderr: str, found: str) -> None:
    wheel = tmp_path / "a-1-cp313-cp313-linux_x86_64.whl"
    run = FakeAuditwheel(stderr.format(wheel=wheel) or " ")
    with pytest.raises(AuditError) as caught:
        audit(wheel, tmp_path / "out", Target.parse("3.13", "manylinux_2_28_x86_64"), run=run, env={})
    assert str(caught.value) == found
