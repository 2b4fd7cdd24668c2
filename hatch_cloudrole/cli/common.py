"""What several subcommands share: the project argument, the build flags, and where progress goes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from hatch_cloudrole.hatch.builder import CloudRoleBuilder
    from hatch_cloudrole.options import Options
    from hatch_cloudrole.progress import Progress

__all__ = ["build_flags", "builder_for", "options_of", "print_json", "progress_for", "project_argument"]

F = TypeVar("F", bound="Callable[..., Any]")

project_argument = click.argument(
    "project", type=click.Path(file_okay=False, path_type=Path), default=".", metavar="[PROJECT]"
)


def build_flags(function: F) -> F:
    """The flags that say how to build. Each is an environment variable too (see docs/configuration.md)."""
    flags = (
        click.option("--locked", is_flag=True, help="Refuse to build unless the committed lock fits."),
        click.option("--refresh", is_flag=True, help="Resolve anew, whatever was resolved before."),
        click.option("--offline", is_flag=True, help="Use no network: what is in the store must do."),
        click.option("--jobs", type=click.IntRange(1, 64), help="Files to fetch at a time (default 8)."),
        click.option(
            "--cache-dir",
            type=click.Path(file_okay=False, path_type=Path),
            help="Another folder for the store.",
        ),
    )
    for flag in reversed(flags):
        function = flag(function)
    return function


def options_of(**flags: Any) -> Options:
    """The environment's options with the flags that were given on top."""
    from dataclasses import replace

    from hatch_cloudrole.options import Options

    return replace(
        Options.from_environment(os.environ), **{key: value for key, value in flags.items() if value}
    )


def builder_for(project: Path, *, options: Options, quiet: bool = False) -> CloudRoleBuilder:
    """A builder for the project in a folder, speaking to this terminal."""
    from hatch_cloudrole.hatch.builder import CloudRoleBuilder

    builder = CloudRoleBuilder(str(project.absolute()))
    builder.options = options
    builder.progress = progress_for(quiet=quiet)
    builder.raises = True
    return builder


def progress_for(*, quiet: bool) -> Progress:
    """Bars on a terminal, lines elsewhere, warnings alone when `quiet`."""
    from hatch_cloudrole.progress import ConsoleProgress, LineProgress

    def warn(text: str) -> None:
        click.echo(f"warning: {text}", err=True)

    if quiet:
        return LineProgress(lambda _: None, warn)
    if sys.stderr.isatty():
        from rich.console import Console

        return ConsoleProgress(Console(stderr=True))
    return LineProgress(lambda text: click.echo(text, err=True), warn)


def print_json(document: Any) -> None:
    """A result for machines, on standard output."""
    import json

    click.echo(json.dumps(document, indent=2))
