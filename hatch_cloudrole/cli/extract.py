"""`cloudrole extract`: the files of a package, as an instance would have them."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]


@click.command("extract")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--role", "roles", multiple=True, metavar="NAME", help="Only this role (may be given again).")
@click.option("-q", "--quiet", is_flag=True, help="Do not list what was written.")
def command(file: Path, directory: Path, *, roles: tuple[str, ...], quiet: bool) -> None:
    """Unpack FILE below DIRECTORY (new or empty) as Roles/NAME/approot and sitesroot, each file verified."""
    from hatch_cloudrole.package import extract_package

    paths = extract_package(file, directory, roles=roles or None)
    if not quiet:
        for path in paths:
            click.echo(str(path))
