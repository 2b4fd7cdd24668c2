"""`cloudrole schema`: the JSON schema of the settings, for editors."""

from __future__ import annotations

import click

from hatch_cloudrole.cli.common import print_json

__all__ = ["command"]


@click.command("schema")
@click.option("--file", "as_file", is_flag=True, help="Print where the schema lies instead.")
def command(*, as_file: bool) -> None:
    """Print a JSON schema (draft 7) of pyproject.toml that knows the settings of the cloudrole target.

    It says nothing of any other table.
    """
    from hatch_cloudrole.schema import FILE, read_schema

    if as_file:
        click.echo(str(FILE))
    else:
        print_json(read_schema())
