"""`cloudrole build`: what `hatch build -t cloudrole` does, without an environment to make first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hatch_cloudrole.cli.common import build_flags, builder_for, options_of, print_json, project_argument

if TYPE_CHECKING:
    from hatch_cloudrole.report import BuildReport

__all__ = ["command"]


@click.command("build")
@project_argument
@click.option(
    "-d", "--directory", type=click.Path(file_okay=False, path_type=Path), help="Where to (default dist)."
)
@click.option("-c", "--clean", is_flag=True, help="Remove what earlier builds left there first.")
@click.option(
    "-t",
    "--target-version",
    "versions",
    multiple=True,
    type=click.Choice(["cspkg", "zip"]),
    help="What to build: cspkg (default) or zip, a folder per role. May be given again.",
)
@build_flags
@click.option("--json", "as_json", is_flag=True, help="Print the report instead of the artifacts' paths.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but warnings and errors.")
def command(
    project: Path,
    *,
    directory: Path | None,
    clean: bool,
    versions: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    **flags: Any,
) -> None:
    """Build the package of PROJECT (default: the project in this folder).

    Prints the path of every artifact, the package first.
    """
    import time

    from hatch_cloudrole.hatch.builder import build_all
    from hatch_cloudrole.report import SCHEMA, artifact_paths

    start = time.monotonic()
    builder = builder_for(project, options=options_of(**flags), quiet=quiet)
    wanted = list(dict.fromkeys(versions))
    build_all(builder, directory, versions=wanted, clean=clean)
    folder = directory.absolute() if directory else Path(builder.config.directory)
    for report in builder.reports if not quiet else ():
        summarise(report, folder, time.monotonic() - start)
    first = builder.reports[0]
    if as_json:
        head = {"schema": SCHEMA, "service": first.service, "version": first.version}
        built = {report.target_version: report.as_json() for report in builder.reports}
        print_json({**head, "directory": folder.as_posix(), "versions": built})
        return
    for report in builder.reports:
        for path in artifact_paths(report, folder):
            click.echo(str(path))
    click.echo(str(folder / f"{first.service}-{first.version}.report.json"))


def summarise(report: BuildReport, folder: Path, seconds: float) -> None:
    """What a person wants to know at the end, on standard error."""
    from rich.console import Console
    from rich.table import Table

    from hatch_cloudrole.progress import human_bytes
    from hatch_cloudrole.report import artifact_paths

    console = Console(stderr=True, highlight=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("Role", "Type", "Target"):
        table.add_column(name)
    for name in ("Wheels", "Files", "Size"):
        table.add_column(name, justify="right")
    for role in report.roles:
        table.add_row(
            role.name, role.type, role.target, str(len(role.wheels)), str(role.files), human_bytes(role.bytes)
        )
    console.print()
    console.print(table)
    cache = report.as_json()["cache"]
    wheels = f"{len(report.wheels)} wheels: {cache['hits']} kept, {cache['fetched']} fetched"
    built = f", {cache['built']} built" if cache["built"] else ""
    console.print(f"\n{wheels}{built}; {human_bytes(report.fetched_bytes)} fetched", soft_wrap=True)
    for note in report.notes:
        console.print(f"Note: {note}", style="dim", markup=False, soft_wrap=True)
    path = artifact_paths(report, folder)[0]
    size = human_bytes(report.artifacts[path.name].size)
    console.print(
        f"\n{path}: {size} in {seconds:.1f} s",
        style="bold",
        markup=False,
        soft_wrap=True,
    )
