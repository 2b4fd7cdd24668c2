"""The machine a package is for: a CPython version and a wheel platform tag, never the running host.

A `Target` knows the environment that markers are evaluated in (PEP 508) and the wheel tags it accepts, best
first (PEP 425, 600, 656), both computed from its two fields alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEFAULT_PYTHON", "NEWEST_PATCH", "PLATFORMS_HELP", "Target", "TargetError", "uv_platform"]

NEWEST_PATCH: Mapping[str, str] = {
    "3.9": "3.9.25",
    "3.10": "3.10.22",
    "3.11": "3.11.17",
    "3.12": "3.12.15",
    "3.13": "3.13.17",
    "3.14": "3.14.9",
    "3.15": "3.15.1",
}
"""The newest release of each CPython X.Y when this version came out. Markers such as
`python_full_version` need all three numbers, and X.Y.0 is a release that some packages exclude."""

DEFAULT_PYTHON = "3.14"
"""The newest X.Y that was a year old when this version came out."""

PLATFORMS_HELP = (
    "win_amd64, win_arm64, win32, manylinux_2_N_x86_64 or manylinux_2_N_aarch64 (N from 17 to 39), "
    "musllinux_1_N_x86_64 or musllinux_1_N_aarch64, macosx_X_Y_x86_64, macosx_X_Y_arm64, or host"
)

_ALIASES = {
    "manylinux2014": "manylinux_2_17",
    "manylinux2010": "manylinux_2_12",
    "manylinux1": "manylinux_2_5",
}
_WINDOWS = {
    "win_amd64": ("AMD64", "x86_64-pc-windows-msvc"),
    "win_arm64": ("ARM64", "aarch64-pc-windows-msvc"),
    "win32": ("x86", "i686-pc-windows-msvc"),
}
_UV_GLIBC = (40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 28, 17)


class TargetError(ValueError):
    """A Python version or platform that no target can be made of; the text says what is accepted."""


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """CPython `python` (always X.Y.Z) on `platform` (a wheel platform tag, spelled as packaging does)."""

    python: str
    platform: str

    @classmethod
    def parse(cls, python: str, platform: str) -> Target:
        """Make a target of what a user wrote: X.Y or X.Y.Z, and a wheel platform tag (not `host`).

        :raises TargetError: either is not supported.
        """
        return cls(full_python(python), normal_platform(platform))

    @property
    def minor(self) -> str:
        """X.Y."""
        return self.python.rpartition(".")[0]

    @property
    def abi(self) -> str:
        """The interpreter tag, which is CPython's ABI tag too: cp313."""
        return "cp" + self.minor.replace(".", "")

    @property
    def is_windows(self) -> bool:
        return self.platform.startswith("win")

    @property
    def is_linux(self) -> bool:
        return "linux" in self.platform

    @property
    def is_macos(self) -> bool:
        return self.platform.startswith("macosx")

    @property
    def architecture(self) -> str:
        """What `platform.machine()` says there."""
        if self.is_windows:
            return _WINDOWS[self.platform][0]
        return re.sub(r"^(manylinux|musllinux|macosx)_\d+_\d+_", "", self.platform)

    def __str__(self) -> str:
        return f"{self.abi}-{self.platform}"

    def environment(self) -> dict[str, str]:
        """The marker environment of PEP 508.

        Release and version of the kernel, which no package may build on, are empty.
        """
        name, system, platform = (
            ("nt", "Windows", "win32")
            if self.is_windows
            else ("posix", "Darwin", "darwin")
            if self.is_macos
            else ("posix", "Linux", "linux")
        )
        return {
            "implementation_name": "cpython",
            "implementation_version": self.python,
            "os_name": name,
            "platform_machine": self.architecture,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": system,
            "platform_version": "",
            "python_full_version": self.python,
            "python_version": self.minor,
            "sys_platform": platform,
        }

    def tags(self) -> tuple[Tag, ...]:
        """Every wheel tag that this target accepts, the most specific first."""
        return _tags(self)


@lru_cache(maxsize=32)
def _tags(target: Target) -> tuple[Tag, ...]:
    major, minor = (int(part) for part in target.minor.split("."))
    platforms = _platforms(target.platform)
    return (
        *cpython_tags((major, minor), [target.abi], platforms),
        *compatible_tags((major, minor), target.abi, platforms),
    )


def _platforms(platform: str) -> list[str]:
    """The platform tags that a machine of `platform` accepts, newest first, as packaging orders them.

    Plain `linux_*` is not among them: it says nothing of the libc that a wheel needs.
    """
    if match := re.fullmatch(r"manylinux_2_(\d+)_(x86_64|aarch64)", platform):
        newest, machine = int(match[1]), match[2]
        # The oldest glibc that manylinux tags exist for: 2.5 on x86-64, 2.17 elsewhere (PEP 513, 599).
        oldest = 5 if machine == "x86_64" else 17
        legacy = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
        tags = []
        for glibc in range(newest, oldest - 1, -1):
            tags.append(f"manylinux_2_{glibc}_{machine}")
            if glibc in legacy:
                tags.append(f"{legacy[glibc]}_{machine}")
        return tags
    if match := re.fullmatch(r"musllinux_1_(\d+)_(x86_64|aarch64)", platform):
        newest, machine = int(match[1]), match[2]
        return [f"musllinux_1_{n}_{machine}" for n in range(newest, -1, -1)]
    if match := re.fullmatch(r"macosx_(\d+)_(\d+)_(x86_64|arm64)", platform):
        return list(mac_platforms((int(match[1]), int(match[2])), match[3]))
    return [platform]


def full_python(python: str) -> str:
    """X.Y.Z of what a user wrote.

    :raises TargetError: not a CPython that is supported.
    """
    match = re.fullmatch(r"(3\.[1-9][0-9]?)(?:\.(0|[1-9][0-9]?))?", python)
    if not match or match[1] not in NEWEST_PATCH:
        raise TargetError(
            f"{python!r} is not a supported CPython; use one of {', '.join(NEWEST_PATCH)}, or X.Y.Z"
        )
    return python if match[2] else NEWEST_PATCH[python]


def normal_platform(platform: str) -> str:
    """A platform tag in the one spelling that is used throughout.

    :raises TargetError: not a platform that is supported.
    """
    tag = platform.strip()
    for alias, plain in _ALIASES.items():
        tag = re.sub(rf"^{alias}_", f"{plain}_", tag)
    if tag in _WINDOWS:
        return tag
    if match := re.fullmatch(r"manylinux_2_([1-9][0-9])_(x86_64|aarch64)", tag):
        if 17 <= int(match[1]) <= 39:
            return tag
    elif re.fullmatch(r"musllinux_1_[0-9]_(x86_64|aarch64)", tag) or re.fullmatch(
        r"macosx_[1-9][0-9]_(0|[1-9][0-9]?)_(x86_64|arm64)", tag
    ):
        return tag
    raise TargetError(f"{platform!r} is not a supported platform; use {PLATFORMS_HELP}")


def uv_platform(target: Target) -> tuple[str, str]:
    """What uv calls the nearest platform that is no newer: its name, and the macOS version to tell it.

    The second is empty for other systems.

    :raises TargetError: uv knows none.
    """
    if target.is_windows:
        return _WINDOWS[target.platform][1], ""
    if match := re.fullmatch(r"manylinux_2_(\d+)_(\w+)", target.platform):
        glibc = next(known for known in _UV_GLIBC if known <= int(match[1]))
        return f"{match[2]}-manylinux_2_{glibc}", ""
    if match := re.fullmatch(r"macosx_(\d+)_(\d+)_(\w+)", target.platform):
        machine = "aarch64" if match[3] == "arm64" else match[3]
        return f"{machine}-apple-darwin", f"{match[1]}.{match[2]}"
    return f"{target.architecture}-unknown-linux-musl", ""
