"""`cloudrole inspect`: what a package holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hatch_cloudrole.cli.common import print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hatch_cloudrole.content import Content

__all__ = ["command"]


@click.command("inspect")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--files", "list_files", is_flag=True, help="List every file of every role.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (files included).")
def command(file: Path, *, list_files: bool, as_json: bool) -> None:
    """Show the roles, wheels and files of the package FILE. Nothing is checked: see verify."""
    from hatch_cloudrole.package import open_artifact

    with open_artifact(file) as package:
        document = {
            "schema": 1,
            "path": file.as_posix(),
            "size": file.stat().st_size,
            "product_version": package.product_version,
            "parts": sorted(package.parts),
            "roles": [describe(name, files) for name, files in sorted(package.layouts.items())],
        }
    if as_json:
        print_json(document)
        return
    show(document, list_files=list_files)


def describe(role: str, files: Mapping[str, Content]) -> dict[str, Any]:
    """A role of a package as JSON values; what only our own packages say is None in others."""
    from hatch_cloudrole.role.verify import role_info

    try:
        info = role_info(files) or {}
    except ValueError:
        info = {}
    wheels = [path.rpartition("/")[2] for path in sorted(files) if path.startswith("approot/wheels/")]
    if info.get("install") == "unpacked":
        wheels = sorted(str(each.get("file")) for each in info.get("wheels", []))
    return {
        "name": role,
        "type": info.get("type"),
        "python": info.get("python"),
        "platform": info.get("platform"),
        "server": info.get("server"),
        "startup": info.get("startup_file") or info.get("startup_module") or info.get("wsgi_handler"),
        "wheels": wheels,
        "bytes": sum(content.size for content in files.values()),
        "files": [
            {"path": path, "size": content.size, "sha256": content.sha256}
            for path, content in sorted(files.items())
        ],
    }


def show(document: dict[str, Any], *, list_files: bool) -> None:
    """The same for people."""
    from rich.console import Console
    from rich.table import Table

    from hatch_cloudrole.progress import human_bytes

    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{document['path']}: {human_bytes(document['size'])}", markup=False, style="bold")
    for role in document["roles"]:
        target = (
            f"CPython {role['python']} on {role['platform']}" if role["python"] else "made by another program"
        )
        console.print(f"\nRole {role['name']} ({role['type'] or 'unknown type'}), {target}", markup=False)
        if role["startup"]:
            console.print(
                f"  starts {role['startup']}" + (f" behind {role['server']}" if role["server"] else "")
            )
        console.print(
            f"  {len(role['files'])} files, {human_bytes(role['bytes'])}; {len(role['wheels'])} wheels"
        )
        for wheel in role["wheels"]:
            console.print(f"    {wheel}", markup=False)
        if list_files:
            table = Table(box=None, show_header=False, pad_edge=False)
            table.add_column(justify="right")
            table.add_column(no_wrap=True)
            for each in role["files"]:
                table.add_row(f"    {each['size']}", each["path"])
            console.print(table)
