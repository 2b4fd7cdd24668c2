"""`cloudrole check`: the settings as they are understood, and the files that would be shipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from hatch_cloudrole.cli.common import builder_for, options_of, print_json, project_argument

if TYPE_CHECKING:
    from pathlib import Path

    from hatch_cloudrole.pipeline import Build
    from hatch_cloudrole.role.files import Selection

__all__ = ["command"]


@click.command("check")
@project_argument
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--files", "list_files", is_flag=True, help="List every file that is shipped.")
def command(project: Path, *, as_json: bool, list_files: bool) -> None:
    """Check the settings of PROJECT without resolving, and print them with every default filled in."""
    import os

    from hatch_cloudrole.hatch.builder import open_build
    from hatch_cloudrole.service import deployment_notes
    from hatch_cloudrole.settings import as_json as service_json
    from hatch_cloudrole.settings import missing_variables, unfit_values

    build = open_build(builder_for(project, options=options_of()))
    selections = build.select()
    missing = missing_variables(build.service, os.environ)
    if as_json:
        document = service_json(build.service)
        document["files"] = {name: sorted(selection.files) for name, selection in selections.items()}
        document["missing_variables"] = [fault.where for fault in missing]
        print_json(document)
        return
    show(build, selections, list_files=list_files)
    for fault in (*missing, *unfit_values(build.service, os.environ)):
        click.echo(f"warning: {fault}", err=True)
    for note in deployment_notes(build.service):
        click.echo(f"Note: {note}", err=True)


def show(build: Build, selections: dict[str, Selection], *, list_files: bool) -> None:
    """The settings as a table."""
    from rich.console import Console
    from rich.table import Table

    from hatch_cloudrole.settings import as_json as service_json

    console = Console(highlight=False, soft_wrap=True)
    document = service_json(build.service)
    for title, values in (("Service", {key: value for key, value in document.items() if key != "roles"}),):
        _table(console, f"{title} {build.service.name} {build.service.version}", values, Table)
    for role in document["roles"]:
        _table(console, f"Role {role['name']}", role, Table)
        files = sorted(selections[role["name"]].files)
        console.print(
            f"  ships {len(files)} files of its own" + (":" if list_files else " (list them with --files)")
        )
        if list_files:
            for path in files:
                console.print(f"    {path}", markup=False)
        console.print()


def _table(console: Any, title: str, values: dict[str, Any], table_class: Any) -> None:
    from rich.markup import escape

    table = table_class(title=title, title_justify="left", box=None, show_header=False, pad_edge=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in values.items():
        if key != "schema":
            table.add_row(f"  {key.replace('_', '-')}", escape(_plain(value)))
    console.print(table)


def _plain(value: Any) -> str:
    import json

    if value in ("", None, [], {}):
        return "-"
    return value if isinstance(value, str) else json.dumps(_said(value))


def _said(value: Any) -> Any:
    """The value without what says nothing in the tables inside it; the JSON has all of it."""
    if isinstance(value, dict):
        return {key: _said(each) for key, each in value.items() if each not in ("", None, [], {})}
    return [_said(each) for each in value] if isinstance(value, list) else value
