"""Which file of which wheel goes where, whoever puts it there: an instance, or a build."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .scripts import entry_script, is_python_script, wheel_script
from .wheel import read_member

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Callable, Iterator, Sequence

    from .settings import PinnedWheel
    from .wheel import Member, Plan

__all__ = ["INSTALLER", "Placed", "find_owners", "placements"]

INSTALLER = b"hatch-cloudrole\n"


@dataclass(frozen=True)
class Placed:
    """A file to be put at `target` (below site-packages, with `/`).

    Its bytes are `data`, or, where that is None, those of the wheel's `member`.
    """

    target: str
    data: bytes | None
    member: Member | None = None
    executable: bool = False


def find_owners(
    wheels: Sequence[PinnedWheel], plans: Sequence[Plan], warn: Callable[[str], None], *, windows: bool
) -> dict[str, PinnedWheel]:
    """Place -> the wheel whose file is to be there: of several that hold it the last, which is told."""
    owners: dict[str, PinnedWheel] = {}
    for wheel, plan in zip(wheels, plans):
        for target in _targets(plan, windows=windows):
            key = _key(target, windows=windows)
            other = owners.get(key)
            if other is not None and other is not wheel:
                warn(f"{target} is in {other.file} and in {wheel.file}; the latter is used")
            owners[key] = wheel
    return owners


def placements(
    archive: zipfile.ZipFile,
    wheel: PinnedWheel,
    plan: Plan,
    owners: dict[str, PinnedWheel],
    *,
    python: str | None,
    windows: bool,
) -> Iterator[Placed]:
    """Every file that `wheel` brings but its RECORD, which lists these.

    `python` is the interpreter that its commands start; None means the one that runs the role, which is found
    when they are started. Scripts are entered into `owners` as they come.

    :raises WheelhouseError: a script is not what RECORD says.
    """

    def is_ours(target: str) -> bool:
        return owners.setdefault(_key(target, windows=windows), wheel) is wheel

    for member in plan.members:
        if member.is_script:
            for target, data in _script(archive, member, wheel, python, windows=windows).items():
                if is_ours(target):
                    yield Placed(target, data, executable=True)
        elif member.target != f"{plan.dist_info}/INSTALLER" and is_ours(member.target):
            yield Placed(member.target, None, member, member.is_executable)
    for point in plan.entry_points:
        for name, data in entry_script(point, python, windows=windows).items():
            if is_ours(f"bin/{name}"):
                yield Placed(f"bin/{name}", data, executable=True)
    if is_ours(f"{plan.dist_info}/INSTALLER"):
        yield Placed(f"{plan.dist_info}/INSTALLER", INSTALLER)


def _script(
    archive: zipfile.ZipFile, member: Member, wheel: PinnedWheel, python: str | None, *, windows: bool
) -> dict[str, bytes]:
    data = b"".join(read_member(archive, member, wheel))
    if not is_python_script(data):
        return {member.target: data}
    name = member.target[len("bin/") :]
    files = wheel_script(name, data, python, windows=windows)
    return {f"bin/{file}": content for file, content in files.items()}


def _targets(plan: Plan, *, windows: bool) -> Iterator[str]:
    for member in plan.members:
        yield member.target
        if member.is_script:
            # What it becomes if it is a Python script, which nobody has read yet.
            files = wheel_script(member.target[len("bin/") :], b"#!python\n", "", windows=windows)
            yield from (f"bin/{name}" for name in files if f"bin/{name}" != member.target)
    for point in plan.entry_points:
        yield from (f"bin/{name}" for name in entry_script(point, "", windows=windows))


def _key(target: str, *, windows: bool) -> str:
    """Two targets of one key are one file."""
    return target.lower() if windows else target
