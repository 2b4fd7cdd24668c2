"""What extended support will say to a service that is right by every schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hatch_cloudrole.settings.model import Service

__all__ = ["deployment_notes"]

_LISTED_SIZES = re.compile(
    r"Standard_(A\d+m?_v2|D\d+|D\d+_v[23]|D\d+a_v4|E\d+a_v4|E\d+i?_v3|G\d|H\d+m?r?(_Promo)?)", re.IGNORECASE
)
"""The families Av2, D, Dv2, Dv3, Dav4, Eav4, Ev3, G and H, which Azure's documentation lists; a region may
have more, and says so itself, so that others are no fault."""


def deployment_notes(service: Service) -> Iterator[str]:
    """One line for each thing that a deployment to extended support would stop at, or silently leave out."""
    if service.network is None:
        yield (
            "The .cscfg files name no virtual network, without which extended support deploys nothing: set "
            "network.virtual-network, and subnets in each role"
        )
    for role in service.roles:
        if role.has_site and role.server == "httpplatform" and not role.startup_tasks:
            yield (
                f"{role.name}: no guest of Azure has the module HttpPlatformHandler: ship its installer with "
                "the role, and run it in an elevated startup task"
            )
        sizes = dict.fromkeys([role.vm_size, *(each.vm_size for each in role.configurations if each.vm_size)])
        for size in sizes:
            if not _LISTED_SIZES.fullmatch(size):
                yield f"{role.name}: {size} is in no family of sizes that extended support is known to have"
        for each in role.configurations:
            if each.vm_size and each.vm_size != role.vm_size:
                yield (
                    f"{role.name}: {each.vm_size} of {each.name} is not in the .cscfg, which has no place "
                    "for it: deploy with allowModelOverride and name the size there"
                )
