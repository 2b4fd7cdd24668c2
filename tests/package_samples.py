"""A small sound package, and ways to make an unsound one of it."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from hatch_cloudrole.content import Content
from hatch_cloudrole.package.model import Package
from hatch_cloudrole.package.writer import write_package

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

VERSION = "2.9.8699.20"
MOMENT = datetime(2026, 1, 31, 12, 30, 15, 250_000, tzinfo=timezone.utc)
DEFINITION = "http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition"
WHEEL = b"the same wheel in every role" * 100


def of(text: str | bytes) -> Content:
    return Content.of_bytes(text.encode() if isinstance(text, str) else text)


def role_model(role: str, *, body: str | None = None, version: str = VERSION) -> Content:
    """A RoleModel.xml whose task and entry point are `bin\\ps.cmd`."""
    tasks = (
        r'<Startup><Task commandLine="bin\ps.cmd Configure.ps1" relativePath="approot\" /></Startup>'
        r'<Runtime><EntryPoint><ProgramEntryPoint commandLine="bin\ps.cmd Launch.ps1 worker.py" '
        r'setReadyOnProcessStart="true" /></EntryPoint></Runtime>'
    )
    text = tasks if body is None else body
    return of(f'<RoleModel name="{role}" version="{version}" xmlns="{DEFINITION}">{text}</RoleModel>')


def sample_package(
    *,
    files: Mapping[str, Mapping[str, Content]] | None = None,
    parts: Mapping[str, Content | None] | None = None,
) -> Package:
    """A web role and a worker; `files` are added by role, `parts` replaced, or left out where None."""
    roles = {"Web": "WebRole", "Orders": "WorkerRole"}
    csdef = "".join(f'<{tag} name="{role}" />' for role, tag in roles.items())
    contents: dict[str, Content | None] = {
        "ServiceDefinition/ServiceDefinition.csdef": of(
            f'<ServiceDefinition name="Shop" xmlns="{DEFINITION}">{csdef}</ServiceDefinition>'
        ),
        "ServiceDefinition/ServiceDefinition.rd": of("<serviceModel />"),
        "ServiceDefinition/servicedefinition.rdsc": of("<serviceContract />"),
    }
    for role in roles:
        for stream in ("RequiredFeatures", "SupportedOSes", "SupportData"):
            contents[f"NamedStreams/{stream}/{role}/1.0"] = of(f'<{stream} version="1.0" />')
    contents |= parts or {}
    layouts = {
        role: {
            "RoleModel.xml": role_model(role),
            "approot/bin/ps.cmd": of("@echo off\r\n"),
            "approot/bin/configure.sh": of("#!/bin/sh\n"),
            "approot/role.txt": of(f"of {role} & <others>"),
            "approot/wheels/shared-1.0-py3-none-any.whl": of(WHEEL),
            "approot/empty.txt": of(b""),
            **(files or {}).get(role, {}),
        }
        for role in roles
    }
    return Package(
        product_version=VERSION,
        parts={name: each for name, each in contents.items() if each},
        layouts=layouts,
        timestamp=MOMENT,
    )


@dataclass
class Planted:
    """A package that is written entry by entry, so that any one of them can be at fault."""

    entries: dict[str, bytes] = field(default_factory=dict)
    more: list[tuple[str, bytes]] = field(default_factory=list)

    @classmethod
    def sound(cls, path: Path, package: Package | None = None) -> Planted:
        """The entries of `package`, or of the sample; `path` is used to write it."""
        write_package(package or sample_package(), path)
        with zipfile.ZipFile(path) as archive:
            return cls({info.filename: archive.read(info) for info in archive.infolist()})

    def replace(self, entry: str, old: str, new: str) -> None:
        """Replace the first `old` in an entry; it must be there."""
        data = self.entries[entry]
        assert old.encode() in data
        self.entries[entry] = data.replace(old.encode(), new.encode(), 1)

    def change(self, entry: str, change: Callable[[bytes], bytes]) -> None:
        self.entries[entry] = change(self.entries[entry])

    def write(self, path: Path, compression: int = zipfile.ZIP_STORED) -> Path:
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, data in [*self.entries.items(), *self.more]:
                archive.writestr(name, data)
        return path


def part_of(content: Content) -> str:
    """The part that holds the bytes of a file, from the format's definition and not from the code."""
    return f"LocalContent/{content.sha256[:32]}"
