"""`cloudrole lock`: resolve for every target and write the locks to commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from hatch_cloudrole.cli.common import build_flags, builder_for, options_of, project_argument

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["command"]


@click.command("lock")
@project_argument
@build_flags
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but warnings and errors.")
def command(project: Path, *, quiet: bool, **flags: Any) -> None:
    """Resolve the dependencies of PROJECT for its targets and write pylock.cloudrole.toml.

    With --locked nothing is written: the command fails when a lock is missing or stale. Prints the path of
    every lock.
    """
    from hatch_cloudrole.errors import Fault, ProjectError, TransportError
    from hatch_cloudrole.hatch.builder import open_build
    from hatch_cloudrole.lock.resolve import resolve, write_lock
    from hatch_cloudrole.options import cache_folder
    from hatch_cloudrole.wheels.store import Store

    options = options_of(**flags)
    build = open_build(builder_for(project, options=options, quiet=quiet))
    if build.service.lock:
        what = "the settings take the packages from it, so there is nothing to resolve"
        remedy = "renew it with the tool that wrote it, or take the `lock` setting out"
        raise ProjectError("The project has its own lock", [Fault(build.service.lock, what, remedy)])
    indexes = build.indexes()
    if options.locked:
        for target in build.find_locks(indexes, Store(cache_folder(options))):
            click.echo(str(build.lock_path(target)))
        return
    inputs = build.inputs()
    written = []
    for target, roles in build.targets().items():
        path = build.lock_path(target)
        own = [inputs[role.name] for role in roles]
        fresh = resolve(
            own,
            target=target,
            exclude_newer=build.service.exclude_newer,
            resolver=build.announcing_resolver(indexes, target),
            now=build.world.now(),
        )
        written.append((path, fresh, _old(path)))
    for path, fresh, old in written:
        try:
            write_lock(fresh, path)
        except OSError as error:
            fault = Fault(str(path), error.strerror or str(error))
            raise TransportError("The lock cannot be written", [fault]) from None
        if not quiet:
            click.echo(_difference(old, fresh), err=True)
        click.echo(str(path))


def _old(path: Path) -> Any:
    """The lock that is about to be replaced, if it can be read."""
    from hatch_cloudrole.lock.model import parse_lock

    try:
        return parse_lock(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _difference(old: Any, new: Any) -> str:
    """One line: how many packages, and what changed since the last lock."""
    before = {pin.name: _what(pin) for pin in old.pins} if old else {}
    after = {pin.name: _what(pin) for pin in new.pins}
    changes = [f"+{name} {after[name]}" for name in after if name not in before]
    changes += [f"-{name} {before[name]}" for name in before if name not in after]
    changes += [
        f"{name} {before[name]} -> {after[name]}"
        for name in after
        if before.get(name, after[name]) != after[name]
    ]
    head = f"{new.target}: {len(after)} packages"
    if not old:
        return head
    return f"{head}; " + (", ".join(sorted(changes)) if changes else "nothing changed")


def _what(pin: Any) -> str:
    """A pin's version, or the commit or folder that it is built from."""
    commit = getattr(pin.source, "commit", "")
    return str(pin.version or commit[:12] or "from its folder")
