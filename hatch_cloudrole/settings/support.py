"""What the settings may say, and this release cannot build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault, ProjectError

if TYPE_CHECKING:
    from hatch_cloudrole.settings.model import Service
    from hatch_cloudrole.target import Target

__all__ = ["check_support"]


def check_support(service: Service) -> None:
    """Refuse what the settings may say but this release cannot build yet.

    :raises ProjectError: it names all of it.
    """
    faults = []
    resolvers: dict[Target, str] = {}
    for role in service.roles:
        other = resolvers.setdefault(role.target, role.resolver)
        if other != role.resolver:
            where = f"tool.hatch.build.targets.cloudrole.roles.{role.name}.resolver"
            what = f"found {role.resolver!r}, but another role for {role.target} has {other!r}"
            faults.append(Fault(where, what, "roles for one target resolve together: give them one resolver"))
    if faults:
        raise ProjectError("The settings ask for what this release cannot do", faults)
