"""What Hatch finds through the entry point: registrations, and nothing that takes time to import."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatchling.plugin import hookimpl

if TYPE_CHECKING:
    from hatch_cloudrole.hatch.build_hook import CloudRoleBuildHook
    from hatch_cloudrole.hatch.builder import CloudRoleBuilder

__all__ = ["hatch_register_build_hook", "hatch_register_builder"]


@hookimpl
def hatch_register_builder() -> type[CloudRoleBuilder]:
    """The builder behind `-t cloudrole`."""
    from hatch_cloudrole.hatch.builder import CloudRoleBuilder

    return CloudRoleBuilder


@hookimpl
def hatch_register_build_hook() -> type[CloudRoleBuildHook]:
    """The hook that builds the package beside a wheel."""
    from hatch_cloudrole.hatch.build_hook import CloudRoleBuildHook

    return CloudRoleBuildHook
