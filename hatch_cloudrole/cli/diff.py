"""`cloudrole diff`: what changed from one package to another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hatch_cloudrole.cli.common import print_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hatch_cloudrole.package.compare import Change, Comparison, RoleChanges, WheelChange

__all__ = ["command"]

_KINDS = ("added", "removed", "changed")
_WHEELS, _LIB = "approot/wheels/", "approot/lib/"
_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("diff")
@click.argument("old", type=_file)
@click.argument("new", type=_file)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(old: Path, new: Path, *, as_json: bool) -> None:
    """Show what changed from the package OLD to NEW: wheel versions, files by bytes, service documents.

    Both may be packages or zips of role folders. Nothing is checked: see verify. Exit code 0, same or not.
    """
    from hatch_cloudrole.package import open_artifact
    from hatch_cloudrole.package.compare import compare

    with open_artifact(old) as before, open_artifact(new) as after:
        comparison = compare(before, after)
    if as_json:
        print_json(describe(old, new, comparison))
        return
    for line in lines(comparison):
        click.echo(line)


def describe(old: Path, new: Path, comparison: Comparison) -> dict[str, Any]:
    """The comparison as JSON values (docs/diff.schema.json)."""
    return {
        "schema": 1,
        "old": {"path": old.as_posix(), "size": old.stat().st_size},
        "new": {"path": new.as_posix(), "size": new.stat().st_size},
        "same": comparison.is_empty,
        "product_version": {"from": comparison.versions[0], "to": comparison.versions[1]},
        "documents": _by_kind(comparison.documents),
        "roles": [
            {
                "name": role.name,
                "change": role.kind,
                "bytes": {"from": role.before, "to": role.after},
                "files": _by_kind(role.files),
                "wheels": _wheels_by_kind(role.wheels),
            }
            for role in comparison.roles
        ],
    }


def _by_kind(changes: Sequence[Change]) -> dict[str, list[dict[str, Any]]]:
    def values(each: Change) -> dict[str, Any]:
        if each.kind == "changed":
            return {"path": each.path, "from": each.before, "to": each.after}
        return {"path": each.path, "size": each.after if each.before is None else each.before}

    return {kind: [values(each) for each in changes if each.kind == kind] for kind in _KINDS}


def _wheels_by_kind(changes: Sequence[WheelChange]) -> dict[str, list[dict[str, str]]]:
    def values(each: WheelChange) -> dict[str, str]:
        if each.kind == "changed":
            return {"name": each.name, "from": each.before, "to": each.after}
        return {"name": each.name, "version": each.after or each.before}

    return {kind: [values(each) for each in changes if each.kind == kind] for kind in _KINDS}


def lines(comparison: Comparison) -> Iterator[str]:
    """The comparison for people: wheels by version first, then the other files, each with its bytes."""
    if comparison.is_empty:
        yield "The two hold the same"
        return
    if comparison.versions[0] != comparison.versions[1]:
        yield f"Product version: {_to(*comparison.versions)}"
    if comparison.documents:
        yield "Service documents"
        yield from _file_lines(comparison.documents)
    for role in comparison.roles:
        yield from _role_lines(role)


def _role_lines(role: RoleChanges) -> Iterator[str]:
    from hatch_cloudrole.package.compare import UNPACKED
    from hatch_cloudrole.package.names import printable
    from hatch_cloudrole.progress import human_bytes

    head, after = f"Role {printable(role.name)}", human_bytes(role.after)
    if role.kind == "changed":
        yield f"{head}: {after} ({role.after - role.before:+d} B)"
    elif role.kind == "same":
        yield f"{head}: the same, {after}"
    else:
        yield f"{head}: {role.kind}, {human_bytes(role.before or role.after)}"
        return
    for wheel in role.wheels:
        what = {
            "added": wheel.after,
            "removed": wheel.before,
            "changed": _to(wheel.before, wheel.after)
            if wheel.before != wheel.after
            else f"{wheel.after}, another file",
        }[wheel.kind]
        yield f"  {_SIGNS[wheel.kind]} wheel {wheel.name} {what}"
    # The files of packages have been told, all of them by name and version.
    packages = [_WHEELS] if role.wheels else []
    if any(UNPACKED.fullmatch(each.path) for each in role.files):
        packages.append(_LIB)
    yield from _file_lines([each for each in role.files if not each.path.startswith(tuple(packages))])


_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def _file_lines(changes: Sequence[Change]) -> Iterator[str]:
    from hatch_cloudrole.package.names import printable
    from hatch_cloudrole.progress import human_bytes

    for each in changes:
        before, after = each.before or 0, each.after or 0
        size = human_bytes(before if each.kind == "removed" else after)
        if each.kind == "changed":
            size += f" ({after - before:+d} B)" if before != after else ", the same size"
        yield f"  {_SIGNS[each.kind]} {printable(each.path)}  {size}"


def _to(before: str, after: str) -> str:
    return f"{before or 'none'} -> {after or 'none'}"
