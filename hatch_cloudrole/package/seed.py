r"""A package made from another one: what Microsoft lets a repacker change is changed, all else stays.

Source: Microsoft's conventions for packages in this format. Of a role's files, those below `\approot` and
`\sitesroot` may be replaced; `ServiceDefinition/`, `NamedStreams/`, the layouts and the version may not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault, PackageError
from hatch_cloudrole.package import opc
from hatch_cloudrole.package.manifest import ContentDefinition, LayoutDefinition, Manifest
from hatch_cloudrole.package.plan import Plan, plan_package

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hatch_cloudrole.content import Content
    from hatch_cloudrole.package.manifest import FileDefinition
    from hatch_cloudrole.package.model import Package
    from hatch_cloudrole.package.reader import Reading

__all__ = ["is_replaced", "plan_on_seed"]

_REPLACED = ("approot/", "sitesroot/")


def is_replaced(path: str) -> bool:
    """Whether a file, by its path from the role's root with `/`, is one that is not kept."""
    return path.lower().startswith(_REPLACED)


def plan_on_seed(seed: Reading, package: Package) -> Plan:
    """Lay out `seed` with the files of `package` instead of those that are not kept.

    Of `package` nothing but its layouts counts, each of which must be one of the seed's, and its timestamp.
    What is kept has the content, the part, the times and the flags that it has in the seed. The archive of
    the seed must stay open until the plan is written.

    :raises PackageError: `package` cannot be packaged, or needs a place where the seed has something else.
    """
    own = plan_package(package)
    ours = {layout.name: layout.files for layout in own.manifest.layouts}
    layouts = tuple(
        LayoutDefinition(each.name, (*_kept(each.files), *ours[each.name])) if each.name in ours else each
        for each in seed.manifest.layouts
    )
    before, after = _used(seed.manifest.layouts), _used(layouts)
    definitions: dict[str, ContentDefinition] = {}
    contents: dict[str, Content] = {}
    users = dict(own.users)
    faults = []
    for each in seed.manifest.contents:
        if each.name not in before or each.name in after:
            definitions[each.name] = each
            contents[each.part] = seed.content(each)
            users.setdefault(each.part, (each.part,))
    parts = {part.lower(): part for part in contents}
    for each in own.manifest.contents:
        mine = own.contents[each.part]
        there = definitions.setdefault(each.name, each)
        part = parts.get(there.part.lower(), there.part)
        if contents.setdefault(part, mine) != mine:
            faults.append(Fault(users[each.part][0], f"the seed has other bytes at {part}"))
    if opc.MANIFEST in parts:
        faults.append(Fault(parts[opc.MANIFEST], "is a content of the seed; here the manifest has that name"))
    if faults:
        raise PackageError("This seed cannot be used:", faults)
    manifest = Manifest(seed.manifest.metadata, tuple(definitions.values()), layouts)
    return Plan(dict(sorted(contents.items())), users, manifest)


def _kept(files: Iterable[FileDefinition]) -> list[FileDefinition]:
    return [file for file in files if not is_replaced(file.relative)]


def _used(layouts: Iterable[LayoutDefinition]) -> set[str]:
    return {file.content for layout in layouts for file in layout.files}
