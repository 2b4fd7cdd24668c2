"""Compiled code: for which target this host may compile, with which interpreter, and what auditwheel says.

A wheel says `linux_x86_64` of whatever libraries it was linked with, so it proves nothing. auditwheel looks
at the symbols that the code needs, takes in libraries that no distribution promises, and writes the manylinux
tag that holds (PEP 600).
"""

from __future__ import annotations

import platform
import re
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from hatch_cloudrole.process import TimeLimitError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hatch_cloudrole.process import Runner
    from hatch_cloudrole.target import Target

__all__ = [
    "AuditError",
    "Host",
    "Interpreter",
    "audit",
    "find_interpreter",
    "holds_compiled_code",
    "this_host",
]

_POLICIES = (39, 38, 37, 36, 35, 34, 31, 28, 27, 26, 24, 17)
"""glibc 2.N of auditwheel's policies, as far as targets go."""

_AUDIT_SECONDS = 600
_ASK_SECONDS = 30
_ASK = (
    "import platform, sys, sysconfig; print(platform.python_implementation(), platform.python_version(),"
    " platform.machine(), sys.maxsize > 2**32, sysconfig.get_config_var('Py_GIL_DISABLED') or 0)"
)


class AuditError(Exception):
    """auditwheel found that a wheel does not fit the target; the text is what it found."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A CPython of this host: its file and X.Y.Z."""

    path: str
    version: str

    @property
    def minor(self) -> str:
        return ".".join(self.version.split(".")[:2])


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """The machine that builds: `sys.platform`, `platform.machine()`, its libc, and our own interpreter."""

    system: str
    machine: str
    libc: str
    interpreter: Interpreter

    def compiles_for(self, target: Target) -> bool:
        """Whether code that is compiled here can run on `target`: both glibc Linux, on one architecture."""
        return (
            self.system == "linux"
            and self.libc.startswith("glibc")
            and target.platform.startswith("manylinux")
            and self.machine == target.architecture
        )

    def __str__(self) -> str:
        return " ".join(part for part in (self.system, self.machine, self.libc) if part)


def this_host() -> Host:
    """The host that this process runs on."""
    libc = " ".join(platform.libc_ver()) if sys.platform == "linux" else ""
    own = Interpreter(sys.executable, platform.python_version())
    return Host(system=sys.platform, machine=platform.machine(), libc=libc.strip(), interpreter=own)


def holds_compiled_code(filename: str) -> bool:
    """Whether the wheel named `filename` says that it is not for every platform."""
    try:
        return any(tag.platform != "any" for tag in parse_wheel_filename(filename)[3])
    except InvalidWheelFilename:
        return True


def find_interpreter(
    host: Host, target: Target, *, run: Runner, env: Mapping[str, str]
) -> Interpreter | None:
    """A CPython of the X.Y and architecture of `target` on this host, None where there is none.

    Our own if it is one; then PATH, and what pyenv and uv have installed. Nothing is downloaded.
    """
    own = host.interpreter
    if own.minor == target.minor and sys.implementation.name == "cpython" and "t" not in _abi_flags():
        return own
    for path in _candidates(target.minor, env):
        try:
            # -I: nothing of the current folder or the user's site gets a say.
            done = run([str(path), "-I", "-c", _ASK], cwd=path.parent, env=env, timeout=_ASK_SECONDS)
        except (OSError, TimeLimitError):
            continue
        words = done.stdout.split()
        if done.code == 0 and len(words) == 5 and words[0] == "CPython":
            found = Interpreter(str(path), words[1])
            if found.minor == target.minor and words[2:] == [target.architecture, "True", "0"]:
                return found
    return None


def _abi_flags() -> str:
    return getattr(sys, "abiflags", "")


def _candidates(minor: str, env: Mapping[str, str]) -> Iterator[Path]:
    name = f"python{minor}"
    on_path = (Path(folder) / name for folder in env.get("PATH", "").split(":") if folder)
    yield from (path for path in on_path if path.is_file())
    home = Path(env.get("HOME") or "/nonexistent")
    pyenv = Path(env.get("PYENV_ROOT") or home / ".pyenv")
    data = Path(env.get("XDG_DATA_HOME") or home / ".local" / "share")
    for parent, pattern in (
        (pyenv / "versions", f"{minor}.*"),
        (data / "uv" / "python", f"cpython-{minor}.*-linux-*"),
    ):
        if parent.is_dir():
            installed = (folder / "bin" / name for folder in sorted(parent.glob(pattern), reverse=True))
            yield from (path for path in installed if path.is_file())


def audit(wheel: Path, folder: Path, target: Target, *, run: Runner, env: Mapping[str, str]) -> Path:
    """Have auditwheel repair `wheel` for `target`; gives the repaired wheel, in `folder`.

    :raises AuditError: its policy does not hold, or auditwheel cannot be run.
    """
    policy = _policy(target)
    argv = [
        sys.executable,
        "-m",
        "auditwheel",
        "repair",
        "--plat",
        policy,
        "--wheel-dir",
        str(folder),
        str(wheel),
    ]
    folder.mkdir(parents=True, exist_ok=True)
    path = ":".join([*_patchelf_folders(), env.get("PATH", "")])
    try:
        done = run(argv, cwd=folder, env={**env, "PATH": path}, timeout=_AUDIT_SECONDS)
    except OSError as error:
        raise AuditError(f"auditwheel cannot be started: {error.strerror}") from None
    except TimeLimitError as error:
        raise AuditError(f"auditwheel was stopped: {error}") from None
    repaired = sorted(folder.glob("*.whl"))
    if done.code or len(repaired) != 1:
        raise AuditError(_finding(done.stderr or done.stdout, wheel))
    return repaired[0]


def _policy(target: Target) -> str:
    """The newest manylinux policy that auditwheel has and `target` accepts."""
    glibc = int(target.platform.split("_")[2])
    newest = next(each for each in _POLICIES if each <= glibc)
    return f"manylinux_2_{newest}_{target.architecture}"


def _patchelf_folders() -> list[str]:
    """Where the patchelf that was installed with us lies: an isolated environment need not be on PATH."""
    try:
        files = metadata.distribution("patchelf").files or []
    except metadata.PackageNotFoundError:
        return []
    return [
        str(Path(str(file.locate())).resolve().parent)
        for file in files
        if re.search(r"bin/patchelf$", str(file))
    ]


def _finding(text: str, wheel: Path) -> str:
    """What auditwheel says, without its usage and its progress."""
    text = text.replace(str(wheel), wheel.name)
    if "auditwheel: error:" in text or "error: cannot" in text:
        return " ".join(text.rpartition("error: ")[2].split())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(("INFO", "usage:"))]
    return "\n".join(lines[-5:]) or "auditwheel wrote no wheel"
