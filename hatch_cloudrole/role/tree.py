"""A role's tree: every file that its package holds for it, by path."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hatch_cloudrole.content import Content
from hatch_cloudrole.errors import Fault, ProjectError
from hatch_cloudrole.role.handlers import installed_modules, missing_names
from hatch_cloudrole.role.requirements import render_requirements
from hatch_cloudrole.role.role_json import role_json
from hatch_cloudrole.role.site import shown_notes, site_faults, site_files, static_types
from hatch_cloudrole.role.unpacked import FOLDER, Unpacked, unpack_wheels
from hatch_cloudrole.role.web_config import PLACEHOLDER, web_config
from hatch_cloudrole.role.windows_paths import APPROOT, SITE, package_faults, path_faults
from hatch_cloudrole.settings.place import TABLE
from hatch_cloudrole.settings.wording import toml_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hatch_cloudrole.settings.model import Role, Service
    from hatch_cloudrole.wheels.model import Wheel

__all__ = ["RoleTree", "build_role_tree"]

_INPUTS = ("requirements.txt", "pylock.toml", "wheels/", "bin/role.json", "bin/role.py", "bin/_cloudrole/")
"""What is always ours; a file of the project there is an input of the build at most."""
_VARIANTS = ("web.cloud.config", "web.emulator.config")
"""What `configure` takes for web.config, on Azure and in the emulator."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleTree:
    """The files of one role.

    `files` are keyed `approot/...`, and `sitesroot/0/...` for a role with a site. `notes` say what of the
    project's own is used instead of ours, or not used. `own_scripts` are the file names in `bin` of which the
    project has its own. `warnings` are what is likely to fail on an instance.
    """

    files: Mapping[str, Content]
    notes: tuple[str, ...] = ()
    own_scripts: frozenset[str] = frozenset()
    warnings: tuple[Fault, ...] = ()


def build_role_tree(
    service: Service,
    role: Role,
    *,
    files: Mapping[str, Content],
    wheels: Sequence[Wheel],
    pylock: bytes,
    scripts: Mapping[str, bytes],
    runtime: Mapping[str, str],
    archive: Mapping[str, Content] | None = None,
) -> RoleTree:
    """Put together what the package holds for `role`.

    `files` are the role's own by their path from its root, `scripts` ours and `archive` the interpreter's, if
    the package carries one, by their path from approot.

    :raises ProjectError: files that an instance or the package cannot hold, settings that name files which
        are not there, values that web.config cannot hold.
    """
    _check_unique(wheels)
    inputs = {path for path in files if _is_input(path, role)}
    theirs = {path: content for path, content in files.items() if path not in inputs}
    ours = {path: Content.of_bytes(data) for path, data in scripts.items()}
    if role.has_site and (role.wsgi_handler or role.asgi_handler):
        ours["web.config"] = Content.of_bytes(web_config(role, static_types(role, theirs)))
    if role.has_site and role.web_config == "websites":
        ours[PLACEHOLDER] = Content.of_bytes(b"")
    replaced = {path: own for path in ours if (own := _find(path, theirs, role))}
    packages = _packages(role, wheels)
    approot = {
        **theirs,
        **{path: content for path, content in ours.items() if path not in replaced},
        **packages.files,
        **(archive or {}),
        "requirements.txt": Content.of_bytes(render_requirements(wheels)),
        "pylock.toml": Content.of_bytes(pylock),
        "bin/role.json": Content.of_bytes(
            role_json(service, role, wheels, runtime=runtime, lib_sha256=packages.sha256)
        ),
    }
    site = site_files(role, theirs, approot) if role.has_site else {}
    faults = [*_missing_faults(role, theirs), *_path_faults(role, approot, site)]
    if role.has_site:
        faults += site_faults(role, theirs)
    if faults:
        raise ProjectError(f"The role {role.name} cannot be packaged as it is", faults)
    tree = {f"approot/{path}": content for path, content in approot.items()}
    tree.update({f"sitesroot/0/{path}": content for path, content in site.items()})
    return RoleTree(
        files=dict(sorted(tree.items())),
        notes=(
            *_input_notes(role, inputs),
            *_own_notes(role, theirs, replaced),
            *shown_notes(role, theirs),
            *(f"{role.name}: {note}" for note in packages.notes),
        ),
        own_scripts=frozenset(posixpath.basename(path) for path in replaced if path.startswith("bin/")),
        warnings=tuple(missing_names(role, theirs, installed_modules(wheels))),
    )


def _packages(role: Role, wheels: Sequence[Wheel]) -> Unpacked:
    if role.install == "unpacked":
        return unpack_wheels(wheels, role.target)
    return Unpacked(files={f"wheels/{wheel.filename}": wheel.content for wheel in wheels})


def _check_unique(wheels: Sequence[Wheel]) -> None:
    names = [wheel.name for wheel in wheels]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"a role has more than one wheel of {', '.join(twice)}")


def _key(path: str, role: Role) -> str:
    """The path as the instance compares paths."""
    return path.lower() if role.target.is_windows else path


def _is_input(path: str, role: Role) -> bool:
    key = _key(path, role)
    return any(key.startswith(each) if each.endswith("/") else key == each for each in _INPUTS)


def _find(path: str, theirs: Mapping[str, Content], role: Role) -> str:
    """The project's own file at `path`, or nothing."""
    key = _key(path, role)
    return next((own for own in sorted(theirs) if _key(own, role) == key), "")


def _input_notes(role: Role, inputs: set[str]) -> Iterator[str]:
    found = [each for each in _INPUTS if any(_key(path, role).startswith(each) for path in inputs)]
    if found:
        have = "has its own" if len(found) == 1 else "have their own"
        yield f"{role.name}: {', '.join(found)} of the package {have} content; the project's is not shipped"


def _own_notes(role: Role, theirs: Mapping[str, Content], replaced: Mapping[str, str]) -> Iterator[str]:
    for path in sorted(replaced):
        yield f"{role.name}: {replaced[path]} is the project's own, used instead of ours"
        if path == "web.config" and role.static:
            yield f"{role.name}: the folders of `static` are not written to a web.config of the project's own"
    if role.has_site:
        for path in _VARIANTS:
            if own := _find(path, theirs, role):
                where = "on Azure" if path == "web.cloud.config" else "in the emulator"
                yield f"{role.name}: {own} is the project's own, used instead of web.config {where}"


def _missing_faults(role: Role, theirs: Mapping[str, Content]) -> Iterator[Fault]:
    """Settings that name what is in the project but does not go into the package."""
    remedy = "see what leaves it out: exclude, include, or the version control's ignore file"
    if role.startup_file and role.startup_file not in theirs:
        what = f"{role.startup_file!r} is not among the files that are shipped"
        yield Fault(toml_key(*TABLE, "roles", role.name, "startup-file"), what, remedy)
    folder = role.working_directory
    if folder != "." and not any(path.startswith(f"{folder}/") for path in theirs):
        what = f"no file below {folder!r} is shipped, so that the folder will not be there"
        yield Fault(toml_key(*TABLE, "roles", role.name, "working-directory"), what, remedy)
    own = [path for path in sorted(theirs) if _key(path, role).startswith(f"{FOLDER}/")]
    if role.install == "unpacked" and own:
        what = f'found "unpacked" with {own[0]}, accepted: without files of the role in {FOLDER}'
        remedy = 'rename that folder of the project, or choose "wheels"'
        yield Fault(toml_key(*TABLE, "roles", role.name, "install"), what, remedy)


def _path_faults(role: Role, approot: Mapping[str, Content], site: Mapping[str, Content]) -> list[Fault]:
    paths = {*approot, *site}
    if role.target.is_windows:
        faults = path_faults(paths, prefix_length=len(SITE if role.has_site else APPROOT))
    else:
        faults = package_faults(paths)
    start = "" if role.root == "." else f"{role.root}/"
    return [_told(fault, role, start) for fault in faults]


def _told(fault: Fault, role: Role, start: str) -> Fault:
    where = f"{start}{fault.where} (role {role.name})"
    if role.install == "unpacked" and fault.where.startswith(f"{FOLDER}/"):
        return replace(
            fault, where=where, remedy='it is a package\'s: choose install = "wheels" for the role'
        )
    return replace(fault, where=where)
