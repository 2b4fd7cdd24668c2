"""The `cloudrole` command: its subcommands, loaded when they are called, and what errors become."""

from __future__ import annotations

import importlib
import signal
import sys
from typing import Any

import click

from hatch_cloudrole import __version__
from hatch_cloudrole.errors import CloudRoleError

__all__ = ["cli", "main"]

_COMMANDS = {
    "build": "Build the package of a project.",
    "check": "Show the settings as they are understood, and what would be shipped.",
    "lock": "Resolve the dependencies for the target, and write the lock to commit.",
    "inspect": "Show what a package holds.",
    "verify": "Check a package and every wheel in it.",
    "diff": "Show what changed from one package to another.",
    "extract": "Unpack a package, each file verified.",
    "schema": "Print the JSON schema of the settings, for editors.",
    "cache": "Look after the store of wheels.",
}


class _Lazy(click.Group):
    """Subcommands that are imported when they are called: `cloudrole --help` needs none of them."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"hatch_cloudrole.cli.{name}").command
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cloudrole")
def cli() -> None:
    """Package a Python project, with every wheel it needs, for machines without compiler or network.

    Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 a defect of ours,
    2 settings, 3 no solution, 4 no wheel fits, 5 an invalid package, 6 network, disk or permissions.
    """


def main(argv: list[str] | None = None) -> None:
    """Run the command line and end the process with its exit code."""
    # A CI system ends a job so: then the builds that were started end too, as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(run(argv))


def run(argv: list[str] | None = None) -> int:
    """Run the command line; gives the exit code."""
    try:
        result: Any = cli.main(args=argv, prog_name="cloudrole", standalone_mode=False)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.Abort:
        click.echo("cloudrole: stopped", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except CloudRoleError as error:
        click.echo(f"{click.style('error:', fg='red', bold=True)} {error}", err=True)
        return error.exit_code
    except BrokenPipeError:
        return 141
    return result if isinstance(result, int) else 0
