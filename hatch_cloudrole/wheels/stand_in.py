"""A stand-in for this plugin in the isolated builds of projects that require it: nothing of it runs there.

Without one, the wheel of a project that packages itself would bring in the plugin with all that it needs,
and a project whose build hook is ours would package itself without end.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from hatch_cloudrole import __version__
from hatch_cloudrole.toml import load

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["with_stand_in"]

_METADATA = f"Metadata-Version: 2.1\nName: hatch-cloudrole\nVersion: {__version__}\n"
_MODULE = b'''"""Stands in for hatch-cloudrole in builds that it starts: its build hook does nothing."""

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.plugin import hookimpl


class NoHook(BuildHookInterface):
    PLUGIN_NAME = "cloudrole"


@hookimpl
def hatch_register_build_hook():
    return NoHook
'''


def with_stand_in(env: Mapping[str, str], tree: Path, folder: Path) -> dict[str, str]:
    """`env` for building the project in `tree`, with a stand-in in `folder` when it requires the plugin."""
    # uv separates the files of this variable by spaces.
    if not _requires_plugin(tree) or " " in str(folder):
        return dict(env)
    wheel = folder / f"hatch_cloudrole-{__version__}-py3-none-any.whl"
    _write(wheel)
    constraint = folder / "build-constraints.txt"
    constraint.write_text(f"hatch-cloudrole @ {wheel.as_uri()}\n", encoding="utf-8")
    files = [each for each in (env.get("UV_BUILD_CONSTRAINT", ""), str(constraint)) if each]
    return {**env, "UV_BUILD_CONSTRAINT": " ".join(files)}


def _requires_plugin(tree: Path) -> bool:
    try:
        requires = load(tree / "pyproject.toml")["build-system"]["requires"]
        names = {canonicalize_name(Requirement(each).name) for each in requires}
    except (OSError, ValueError, KeyError, TypeError, InvalidRequirement):
        return False
    return "hatch-cloudrole" in names


def _write(path: Path) -> None:
    info = f"hatch_cloudrole-{__version__}.dist-info"
    members = {
        "hatch_cloudrole_stand_in.py": _MODULE,
        f"{info}/METADATA": _METADATA.encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": b"[hatch]\ncloudrole = hatch_cloudrole_stand_in\n",
    }
    record = ""
    for name, data in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(data)}\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 2, 2, 0, 0, 0)), data)
        archive.writestr(
            zipfile.ZipInfo(f"{info}/RECORD", (2020, 2, 2, 0, 0, 0)), f"{record}{info}/RECORD,,\n"
        )
