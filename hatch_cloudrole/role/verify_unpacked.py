"""Check packages that are laid out in a role's `lib`: every file, and whether together they are complete."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hatch_cloudrole.errors import Fault
from hatch_cloudrole.instance._cloudrole.adopt import MARKER
from hatch_cloudrole.instance._cloudrole.faults import SettingsError
from hatch_cloudrole.instance._cloudrole.record import encoded, parse_record
from hatch_cloudrole.instance._cloudrole.settings import parse_settings
from hatch_cloudrole.wheels.closure import closure_faults
from hatch_cloudrole.wheels.model import Wheel
from hatch_cloudrole.wheels.verify import BadWheelError, read_metadata, tags_fit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from packaging.utils import NormalizedName

    from hatch_cloudrole.content import Content
    from hatch_cloudrole.target import Target

__all__ = ["unpacked_faults"]

_LIB = "approot/lib/"
_LIMIT = 16 << 20


def unpacked_faults(
    where: str, info: Mapping[str, Any], files: Mapping[str, Content], target: Target
) -> Iterator[Fault]:
    """What is wrong with `lib` of the role at `where`, of which role.json says `info`.

    It has to be made of the wheels of role.json, which fit the target; each file has to be as its RECORD
    says, nothing may be missing or left over, and each package needs beside it what it depends on.
    """
    lib = {path[len(_LIB) :]: content for path, content in files.items() if path.startswith(_LIB)}
    try:
        wheels = parse_settings(info, "role.json").wheels
        marker = _document(lib)
    except SettingsError as error:
        yield Fault(f"{where}: approot/bin/role.json", f"cannot be used: {error}")
        return
    except ValueError as error:
        yield Fault(f"{where}: {_LIB}{MARKER}", str(error))
        return
    if lib[MARKER].sha256 != info.get("lib_sha256"):
        yield Fault(f"{where}: {_LIB}{MARKER}", "is not what role.json says")
    for wheel in wheels:
        if not tags_fit(wheel.file, target.tags()):
            yield Fault(f"{where}: {wheel.file}", f"is not for {target}", "build the package again")
    records = marker.get("records")
    recorded = (
        {str(path): str(digest) for path, digest in records.items()} if isinstance(records, dict) else {}
    )
    listed: dict[str, str] = dict(recorded)
    for path in recorded:
        try:
            listed = {**dict(parse_record(_small(lib, path))), **listed}
        except (KeyError, ValueError) as error:
            yield Fault(f"{where}: {_LIB}{path}", f"is no RECORD that could be read ({error})")
    for path, digest in sorted(listed.items()):
        if path not in lib:
            yield Fault(f"{where}: {_LIB}{path}", "is listed in a RECORD, but is not there")
        elif encoded(bytes.fromhex(lib[path].sha256)) != digest:
            yield Fault(f"{where}: {_LIB}{path}", "is not what its RECORD says")
    for path in sorted(lib.keys() - listed.keys() - {MARKER}):
        yield Fault(f"{where}: {_LIB}{path}", "is listed in no RECORD")
    for path in sorted(_texts(marker.get("executables")) - listed.keys()):
        yield Fault(f"{where}: {_LIB}{MARKER}", f"names the program {path}, which is in no RECORD")
    packages = {(wheel.name, wheel.version) for wheel in wheels}
    yield from _closure(where, lib, recorded, target, packages)


def _document(lib: Mapping[str, Content]) -> dict[str, Any]:
    try:
        document = json.loads(_small(lib, MARKER))
    except KeyError:
        raise ValueError("is missing") from None
    if not isinstance(document, dict):
        raise ValueError("is not an object of JSON")  # noqa: TRY004 - one error for whatever is wrong
    return document


def _small(lib: Mapping[str, Content], path: str) -> bytes:
    if lib[path].size > _LIMIT:
        raise ValueError(f"it has {lib[path].size} bytes")
    return lib[path].read()


def _texts(value: object) -> set[str]:
    return {str(each) for each in value} if isinstance(value, list) else set()


def _closure(
    where: str,
    lib: Mapping[str, Content],
    records: Mapping[str, str],
    target: Target,
    packages: Collection[tuple[str, str]],
) -> Iterator[Fault]:
    wheels: dict[NormalizedName, Wheel] = {}
    for record in sorted(records):
        path = f"{record.rpartition('/')[0]}/METADATA"
        try:
            facts = read_metadata(_small(lib, path))
        except (KeyError, ValueError, BadWheelError) as error:
            yield Fault(f"{where}: {_LIB}{path}", f"cannot be read ({error})")
            return
        wheels[facts.name] = Wheel(
            filename=record.partition("/")[0],
            name=facts.name,
            version=facts.version,
            content=lib[record],
            requires_dist=facts.requires_dist,
            provides_extra=facts.provides_extra,
        )
    found = {(str(wheel.name), str(wheel.version)) for wheel in wheels.values()}
    for name, version in sorted(found.symmetric_difference(packages)):
        what = "is not in lib" if (name, version) in packages else "is in lib, but not in role.json"
        yield Fault(f"{where}: {name} {version}", what)
    for fault in closure_faults(wheels, target):
        yield Fault(f"{where}: {fault.where}", fault.what)
