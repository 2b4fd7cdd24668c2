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
@build_flags
@click.option("--json", "as_json", is_flag=True, help="Print the report instead of the artifacts' paths.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but warnings and errors.")
def command(
    project: Path, *, directory: Path | None, clean: bool, as_json: bool, quiet: bool, **flags: Any
) -> None:
    """Build the package of PROJECT (default: the project in this folder).

    Prints the path of every artifact, the package first.
    """
    import time

    from hatch_cloudrole.report import SCHEMA, artifact_paths

    start = time.monotonic()
    builder = builder_for(project, options=options_of(**flags), quiet=quiet)
    for _ in build_through_hatch(builder, directory, clean=clean):
        pass
    report = builder.report
    assert report is not None  # noqa: S101 - build_cspkg sets it or raises
    folder = directory.absolute() if directory else Path(builder.config.directory)
    if not quiet:
        summarise(report, folder, time.monotonic() - start)
    if as_json:
        head = {"schema": SCHEMA, "service": report.service, "version": report.version}
        print_json(
            {**head, "directory": folder.as_posix(), "versions": {report.target_version: report.as_json()}}
        )
        return
    for path in artifact_paths(report, folder):
        click.echo(str(path))
    click.echo(str(folder / f"{report.service}-{report.version}.report.json"))


def build_through_hatch(builder: Any, directory: Path | None, *, clean: bool) -> Any:
    """Hatch's own build, hooks included; what it refuses becomes an error of ours."""
    from hatch_cloudrole.errors import CloudRoleError, Fault, ProjectError, TransportError
    from hatch_cloudrole.hatch.project import TABLE, read_project

    read_project(builder)
    try:
        yield from builder.build(directory=str(directory.absolute()) if directory else None, clean=clean)
    except CloudRoleError:
        raise
    except (TypeError, ValueError) as error:
        raise ProjectError("Hatch cannot build the project", [Fault(TABLE, str(error))]) from error
    except OSError as error:
        fault = Fault(str(error.filename or ""), error.strerror or str(error))
        raise TransportError("The build cannot be written", [fault]) from error


def summarise(report: BuildReport, folder: Path, seconds: float) -> None:
    """What a person wants to know at the end, on standard error."""
    from rich.console import Console
    from rich.table import Table

    from hatch_cloudrole.progress import human_bytes

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
    package = next(content for name, content in report.artifacts.items() if name.endswith(".cspkg"))
    wheels = f"{len(report.wheels)} wheels: {cache['hits']} kept, {cache['fetched']} fetched"
    built = f", {cache['built']} built" if cache["built"] else ""
    console.print(f"\n{wheels}{built}; {human_bytes(report.fetched_bytes)} fetched", soft_wrap=True)
    for note in report.notes:
        console.print(f"Note: {note}", style="dim", markup=False, soft_wrap=True)
    name = next(name for name in report.artifacts if name.endswith(".cspkg"))
    console.print(
        f"\n{folder / name}: {human_bytes(package.size)} in {seconds:.1f} s",
        style="bold",
        markup=False,
        soft_wrap=True,
    )
