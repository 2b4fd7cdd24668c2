"""Which build of CPython an instance without one gets: a pinned one, by address and SHA-256."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault, ProjectError
from hatch_cloudrole.lock.model import clean_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hatch_cloudrole.settings.model import Runtime
    from hatch_cloudrole.target import Target

__all__ = ["pinned_build", "runtime_record"]

_SYSTEMS = {
    "win_amd64": ("windows", "x86_64"),
    "win_arm64": ("windows", "aarch64"),
    "win32": ("windows", "x86"),
}


def runtime_record(runtime: Runtime, target: Target, *, where: str) -> Mapping[str, str]:
    """The `runtime` object of role.json, where no archive is bundled: kind, version, url, sha256 and path.

    `where` is the TOML key of the setting, for faults.

    :raises ProjectError: there is no build for the target.
    """
    record = {"kind": runtime.kind, "version": target.python, "url": "", "sha256": "", "path": ""}
    if runtime.kind == "installed":
        return record
    if runtime.kind == "download":
        version, url, sha256 = pinned_build(target, where)
        return {**record, "version": version, "url": clean_url(url), "sha256": sha256}
    raise ValueError(f"the runtime {runtime.kind} has no record")  # bundle.Bundler lets none through


def pinned_build(target: Target, where: str) -> tuple[str, str, str]:
    """Version, address and SHA-256 of the build that python-build-standalone has for `target`.

    :raises ProjectError: there is none.
    """
    from pbs_installer import get_download_link

    if target.is_windows:
        system, machine = _SYSTEMS[target.platform]
    else:
        system = "macos" if target.is_macos else "linux"
        machine = "aarch64" if target.architecture in {"aarch64", "arm64"} else target.architecture
    try:
        if target.platform.startswith("musllinux"):
            raise ValueError  # its builds are for glibc alone
        version, (url, sha256) = get_download_link(
            target.python, arch=machine, platform=system, build_dir=False
        )
    except ValueError:
        what = f"there is no build of CPython {target.python} for {target.platform} to download"
        remedy = 'use runtime = "installed", or another python'
        raise ProjectError("No interpreter for the instances", [Fault(where, what, remedy)]) from None
    if sha256 is None:
        raise ProjectError("No interpreter for the instances", [Fault(where, f"{url} has no known SHA-256")])
    return f"{version.major}.{version.minor}.{version.micro}", url, sha256
