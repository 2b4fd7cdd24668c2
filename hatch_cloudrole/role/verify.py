"""Check the wheelhouse of a role in a package: every wheel, and whether together they are complete."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from packaging.utils import InvalidWheelFilename, NormalizedName, canonicalize_name, parse_wheel_filename

from hatch_cloudrole.content import CHUNK, chunks
from hatch_cloudrole.errors import Fault
from hatch_cloudrole.role.verify_unpacked import unpacked_faults
from hatch_cloudrole.target import Target, TargetError
from hatch_cloudrole.wheels.closure import closure_faults
from hatch_cloudrole.wheels.verify import BadWheelError, read_wheel, tags_fit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hatch_cloudrole.content import Content
    from hatch_cloudrole.wheels.model import Wheel

__all__ = ["role_info", "wheelhouse_faults"]

_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)")
_HASH = re.compile(r"--hash=sha256:(?P<hash>[0-9a-f]{64})")
_LIMIT = 16 << 20


def role_info(files: Mapping[str, Content]) -> dict[str, Any] | None:
    """What role.json says, None where the package was made by another program.

    :raises ValueError: it cannot be read.
    """
    content = files.get("approot/bin/role.json")
    if content is None:
        return None
    if content.size > _LIMIT:
        raise ValueError("it is too large to be one")
    document = json.loads(content.read().decode("utf-8-sig"))
    if not isinstance(document, dict) or document.get("schema") != 1:
        raise ValueError("it is not of schema 1")
    return document


def wheelhouse_faults(role: str, files: Mapping[str, Content]) -> list[Fault]:
    """Everything that is wrong with what one role installs; its files are given by path in its layout.

    A bundled interpreter must be the one that role.json names. Wheels must be what role.json and
    requirements.txt pin, no more and no less; each must be whole (RECORD), for the role's target, and have
    what it depends on beside it.
    """
    where = f"Roles/{role}"
    try:
        info = role_info(files)
        target = Target.parse(str(info["python"]), str(info["platform"])) if info is not None else None
    except (ValueError, KeyError, TargetError) as error:
        return [Fault(f"{where}: approot/bin/role.json", f"cannot be used: {error}")]
    if info is None or target is None:
        return []
    stored = {
        PurePosixPath(path).name: content
        for path, content in files.items()
        if path.startswith("approot/wheels/") and path.endswith(".whl")
    }
    faults = [*_runtime_faults(where, info, files), *_listing_faults(where, info, files, stored)]
    if info.get("install") == "unpacked":
        return [*faults, *unpacked_faults(where, info, files, target)]
    wheels: dict[NormalizedName, Wheel] = {}
    for filename, content in sorted(stored.items()):
        place = f"{where}: {filename}"
        if not tags_fit(filename, target.tags()):
            faults.append(Fault(place, f"is not for {target}", "build the package again for this target"))
            continue
        try:
            wheel = _read(filename, content)
        except BadWheelError as error:
            faults.append(Fault(place, str(error)))
            continue
        if wheel.name in wheels:
            faults.append(
                Fault(place, f"is a second wheel of {wheel.name}, beside {wheels[wheel.name].filename}")
            )
        wheels[wheel.name] = wheel
    if not faults:  # a wheel that was refused above would be missed again here
        faults += [Fault(f"{where}: {each.where}", each.what) for each in closure_faults(wheels, target)]
    return faults


def _runtime_faults(where: str, info: Mapping[str, Any], files: Mapping[str, Content]) -> Iterator[Fault]:
    runtime = info.get("runtime")
    if not isinstance(runtime, dict) or not runtime.get("path"):
        return
    path = runtime["path"]
    content = files.get(f"approot/{path}")
    if content is None:
        yield Fault(f"{where}: {path}", "role.json names this interpreter, but it is not there")
    elif content.sha256 != runtime.get("sha256"):
        yield Fault(
            f"{where}: {path}", f"its SHA-256 is {content.sha256}, role.json says {runtime.get('sha256')}"
        )


def _read(filename: str, content: Content) -> Wheel:
    """Read a wheel inside a package; the wheel library wants a file of that name."""
    with tempfile.TemporaryDirectory(prefix="cloudrole-verify-") as folder:
        path = Path(folder) / filename
        with content.open() as source, path.open("wb") as sink:
            for chunk in chunks(source, CHUNK):
                sink.write(chunk)
        name, version, _, _ = parse_wheel_filename(filename)
        return read_wheel(path, filename, content=content, expect=(name, version))


def _listing_faults(
    where: str, info: Mapping[str, Any], files: Mapping[str, Content], stored: Mapping[str, Content]
) -> Iterator[Fault]:
    """Compare the wheels that are there with what role.json and requirements.txt say."""
    listed = {
        str(entry.get("file")): str(entry.get("sha256"))
        for entry in info.get("wheels", [])
        if isinstance(entry, dict)
    }
    if info.get("install") == "unpacked":
        for filename in sorted(stored):
            yield Fault(
                f"{where}: {filename}", "is a wheel, but the packages of this role are laid out in lib"
            )
        yield from _requirements_faults(where, files.get("approot/requirements.txt"), listed)
        return
    for filename in sorted(listed.keys() - stored.keys()):
        yield Fault(f"{where}: {filename}", "role.json lists this wheel, but it is not there")
    for filename in sorted(stored.keys() - listed.keys()):
        yield Fault(f"{where}: {filename}", "role.json does not list this wheel")
    for filename in sorted(stored.keys() & listed.keys()):
        if stored[filename].sha256 != listed[filename]:
            yield Fault(
                f"{where}: {filename}",
                f"its SHA-256 is {stored[filename].sha256}, role.json says {listed[filename]}",
            )
    present = {filename: content.sha256 for filename, content in stored.items()}
    yield from _requirements_faults(where, files.get("approot/requirements.txt"), present)


def _requirements_faults(
    where: str, requirements: Content | None, wheels: Mapping[str, str]
) -> Iterator[Fault]:
    """Compare the pins with `wheels`, SHA-256 by file name."""
    if requirements is None:
        yield Fault(f"{where}: approot/requirements.txt", "is missing")
        return
    pinned = _pins(requirements.read().decode("utf-8", "replace") if requirements.size <= _LIMIT else "")
    have: dict[NormalizedName, tuple[str, str]] = {}
    for filename, sha256 in wheels.items():
        try:
            name, version, _, _ = parse_wheel_filename(filename)
        except InvalidWheelFilename:
            continue  # said when it is read
        have[name] = (str(version), sha256)
    for name in sorted(pinned.keys() - have.keys()):
        yield Fault(f"{where}: approot/requirements.txt", f"pins {name}, of which there is no wheel")
    for name in sorted(have.keys() - pinned.keys()):
        yield Fault(f"{where}: approot/requirements.txt", f"does not pin {name}, of which there is a wheel")
    for name in sorted(have.keys() & pinned.keys()):
        pinned_version, hashes = pinned[name]
        if pinned_version != have[name][0] or have[name][1] not in hashes:
            yield Fault(
                f"{where}: approot/requirements.txt", f"pins another {name} than the wheel that is there"
            )


def _pins(text: str) -> dict[NormalizedName, tuple[str, tuple[str, ...]]]:
    pins: dict[NormalizedName, tuple[str, tuple[str, ...]]] = {}
    for line in text.replace("\\\n", " ").splitlines():
        match = _PIN.match(line.strip())
        if match:
            hashes = tuple(found["hash"] for found in _HASH.finditer(line))
            pins[canonicalize_name(match["name"])] = (match["version"], hashes)
    return pins
