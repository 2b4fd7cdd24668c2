r"""The Azure SDK's runtime, taken from where it is installed: what Azure boots a role with, below `\base`."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hatch_cloudrole.content import Content
from hatch_cloudrole.errors import Fault, ProjectError, TransportError
from hatch_cloudrole.service import PRODUCT_VERSION, Sdk
from hatch_cloudrole.settings.place import TABLE
from hatch_cloudrole.settings.wording import toml_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hatch_cloudrole.settings.model import Role

__all__ = ["REQUIRED", "SdkRuntime", "read_sdk_runtime"]

REQUIRED = (
    "IISConfigurator.exe",
    "Microsoft.WindowsAzure.Internal.RuntimeServer.dll",
    "Microsoft.WindowsAzure.ServiceRuntime.dll",
    "WaHostBootstrapper.exe",
    "WaHostBootstrapper.exe.config",
    "WaIISHost.exe",
    "WaRuntimeProxy.dll",
    "WaWorkerHost.exe",
    "WindowsAzureEventSource.dll",
    "WindowsAzureTelemetryEvents.dll",
    "msshrtmi.dll",
    "mswasr.dll",
    "mswasri.dll",
)
"""What `base\\x64` and `base\\x86` of a role both hold with SDK 2.9 (output of cspack 2.9)."""

_FOLDERS = ("x64", "x86")
_HOST_CONFIGS = {"waiishost.exe.config": True, "waworkerhost.exe.config": False}
"""The configuration of the host of a role with a site (True), or of one without."""
_STORAGE = "storage/cloud/x64/mswacdmi.dll"
_VERSIONED = ("base/x64/Microsoft.WindowsAzure.ServiceRuntime.dll", "base/x64/WaHostBootstrapper.exe")
_FIXED_FILE_INFO = struct.pack("<II", 0xFEEF04BD, 0x00010000)


@dataclass(frozen=True, slots=True)
class SdkRuntime:
    """The runtime's files by their path in a role, and the version of the SDK: four numbers.

    Without files it stands for no runtime, under the version that documents have then.
    """

    version: str = PRODUCT_VERSION
    files: Mapping[str, Content] = field(default_factory=dict)

    def of(self, role: Role) -> dict[str, Content]:
        """What `role` gets: all but the configuration of a host program that is not its own."""
        return {
            path: content
            for path, content in self.files.items()
            if _HOST_CONFIGS.get(path.rpartition("/")[2].lower(), role.has_site) == role.has_site
        }

    def sdk(self, role: Role) -> Sdk:
        """The same for the role's documents."""
        return Sdk(self.version, frozenset(self.of(role)))


def read_sdk_runtime(folder: Path) -> SdkRuntime:
    r"""Read the runtime from `...\.NET SDK\v2.9\runtimes\base`, or from a folder around it.

    All of `base` is taken, and `storage\cloud` beside it, which older SDKs have. Windows takes no notice of
    the case of names; nor does this, on any host. The version is the one that the service runtime's own
    version resource says, where that can be an SDK's, and else the last SDK's.

    :raises ProjectError: files are missing; all of them are named.
    :raises TransportError: one cannot be read.
    """
    try:
        base = _base(folder)
        paths = _files(base, folder)
        if base.parent.name.lower() == "runtimes":
            storage = _find(base.parent, _STORAGE)
            paths |= {_STORAGE: storage} if storage else {}
        files = {path: Content.of_file(file) for path, file in sorted(paths.items())}
        return SdkRuntime(_version(files), files)
    except OSError as error:
        fault = Fault(str(error.filename or folder), error.strerror or str(error))
        raise TransportError("The Azure SDK's runtime cannot be read", [fault]) from None


def _base(folder: Path) -> Path:
    for inside in (".", "base", "runtimes/base"):
        found = folder if inside == "." else _find(folder, inside)
        if found and _find(found, "x64"):
            return found
    what = f"{folder} holds no folder x64, so it is not the runtime of an Azure SDK"
    remedy = r"name the folder runtimes\base of an installed SDK, as in ...\Azure\.NET SDK\v2.9\runtimes\base"
    raise ProjectError("The Azure SDK's runtime is not there", [Fault(_key(), what, remedy)])


def _files(base: Path, folder: Path) -> dict[str, Path]:
    """Every file of the runtime by its path in a role, in the spelling that the documents use."""
    names = {name.lower(): name for name in REQUIRED}
    found: dict[str, Path] = {f"base/{each.name}": each for each in base.iterdir() if each.is_file()}
    missing = []
    for part in _FOLDERS:
        inside = _find(base, part)
        entries = sorted(inside.rglob("*")) if inside else []
        for each in entries:
            if inside and each.is_file():
                relative = each.relative_to(inside).as_posix()
                found[f"base/{part}/{names.get(relative.lower(), relative)}"] = each
        missing += [f"{part}/{name}" for name in REQUIRED if f"base/{part}/{name}" not in found]
    if missing:
        remedy = "install the Azure SDK 2.9 and name its folder, or copy the files from there"
        faults = [Fault(_key(), f"{folder} lacks {name}", "") for name in missing[:-1]]
        faults.append(Fault(_key(), f"{folder} lacks {missing[-1]}", remedy))
        raise ProjectError("The Azure SDK's runtime is not complete", faults)
    return found


def _find(folder: Path, relative: str) -> Path | None:
    """The file or folder below `folder`, whatever the case of its names."""
    for name in relative.split("/"):
        entries = sorted(folder.iterdir()) if folder.is_dir() else []
        match = next((each for each in entries if each.name.lower() == name.lower()), None)
        if match is None:
            return None
        folder = match
    return folder


def _version(files: Mapping[str, Content]) -> str:
    """The SDK's version, as every document says it."""
    for path in _VERSIONED:
        version = _file_version(files[path].read())
        # SDKs went from 1.0 to 2.9; a version of Windows, or 1.0.0.0, says nothing of them.
        if version[0] in {1, 2} and all(version[2:]):
            return ".".join(map(str, version))
    return PRODUCT_VERSION


def _file_version(data: bytes) -> tuple[int, int, int, int]:
    """What the version resource of a PE file says (VS_FIXEDFILEINFO.dwFileVersion), zeros without one."""
    start = data.find(_FIXED_FILE_INFO) if data.startswith(b"MZ") else -1
    if start < 0 or len(data) < start + 16:
        return (0, 0, 0, 0)
    high, low = struct.unpack_from("<II", data, start + 8)
    return (high >> 16, high & 0xFFFF, low >> 16, low & 0xFFFF)


def _key() -> str:
    return toml_key(*TABLE, "sdk-runtime")
