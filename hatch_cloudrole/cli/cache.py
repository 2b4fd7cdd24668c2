"""`cloudrole cache`: look after the store."""

from __future__ import annotations

from pathlib import Path

import click

from hatch_cloudrole.cli.common import options_of, print_json

__all__ = ["command"]


@click.group("cache")
def command() -> None:
    """Look after the store of wheels and resolutions that builds on this host share."""


_cache_dir = click.option(
    "--cache-dir", type=click.Path(file_okay=False, path_type=Path), help="Another folder for the store."
)


@command.command("info")
@_cache_dir
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(*, cache_dir: Path | None, as_json: bool) -> None:
    """Say where the store is and how much it holds."""
    from hatch_cloudrole.options import cache_folder
    from hatch_cloudrole.progress import human_bytes
    from hatch_cloudrole.wheels.store import Store

    store = Store(cache_folder(options_of(cache_dir=cache_dir)))
    usage = store.usage()
    if as_json:
        print_json(
            {
                "schema": 1,
                "path": store.root.as_posix(),
                "files": usage.files,
                "bytes": usage.bytes,
                "wheels": usage.wheels,
                "built": usage.built,
                "resolutions": usage.resolutions,
            }
        )
        return
    click.echo(f"Store:       {store.root}")
    click.echo(f"Wheels:      {usage.wheels} ({usage.built} of them built here)")
    click.echo(f"Resolutions: {usage.resolutions}")
    click.echo(f"Size:        {human_bytes(usage.bytes)} in {usage.files} files")


@command.command("prune")
@click.option(
    "--older-than",
    "days",
    type=click.IntRange(0),
    default=30,
    metavar="DAYS",
    help="Remove wheels that no build used for so many days (default 30).",
)
@click.option("--all", "everything", is_flag=True, help="Remove every wheel and every resolution.")
@_cache_dir
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def prune(*, days: int, everything: bool, cache_dir: Path | None, as_json: bool) -> None:
    """Remove what has not been used for long, and say what that freed. Builds may run meanwhile."""
    import time

    from hatch_cloudrole.options import cache_folder
    from hatch_cloudrole.progress import human_bytes
    from hatch_cloudrole.wheels.prune import prune as prune_store
    from hatch_cloudrole.wheels.store import Store

    store = Store(cache_folder(options_of(cache_dir=cache_dir)))
    freed = prune_store(store, now=time.time(), days=days, everything=everything)
    if as_json:
        print_json(
            {
                "schema": 1,
                "path": store.root.as_posix(),
                "wheels": freed.wheels,
                "resolutions": freed.resolutions,
                "partial": freed.partial,
                "bytes": freed.bytes,
            }
        )
        return
    what = f"{freed.wheels} wheels, {freed.resolutions} resolutions and {freed.partial} unfinished files"
    click.echo(f"Removed {what}: {human_bytes(freed.bytes)} freed")
