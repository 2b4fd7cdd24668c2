"""The build hook: whoever builds a wheel, with whatever front end, gets the package beside it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

from hatch_cloudrole.errors import CloudRoleError, Fault, ProjectError

if TYPE_CHECKING:
    from hatchling.builders.config import BuilderConfig

__all__ = ["CloudRoleBuildHook"]

_TABLE = "tool.hatch.build.targets.wheel.hooks.cloudrole"
_SWITCH = "enable-by-default"
_VARIABLES = ("HATCH_BUILD_HOOK_ENABLE_CLOUDROLE", "HATCH_BUILD_HOOKS_ENABLE")
_KEYS = (_SWITCH, "dependencies", "require-runtime-dependencies", "require-runtime-features")

if TYPE_CHECKING:
    _Base = BuildHookInterface[BuilderConfig]
else:
    _Base = BuildHookInterface


class CloudRoleBuildHook(_Base):
    """Builds the target versions that the settings of the `cloudrole` target name, into the wheel's folder.

    It does so for the ordinary wheel alone, never for an editable one, nor for the other targets that a hook
    of `[tool.hatch.build.hooks]` runs for; and only when it has been turned on: Hatch runs a hook unless it
    is turned off, but this one takes time, and `twine upload dist/*` would meet what it writes.
    """

    PLUGIN_NAME = "cloudrole"

    def clean(self, versions: list[str]) -> None:
        """Remove what earlier builds of the package left beside the wheel."""
        from hatch_cloudrole.hatch.builder import CloudRoleBuilder

        try:
            if self.target_name == "wheel" and _is_on(self.config):
                builder = CloudRoleBuilder(self.root, metadata=self.metadata, app=self.app)
                builder.clean(self.directory, versions)
        except CloudRoleError:
            return  # the build that follows will say what is wrong

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        from hatch_cloudrole.hatch.builder import BUILDING, CloudRoleBuilder, build_all

        if self.target_name != "wheel" or version != "standard" or os.environ.get(BUILDING):
            return
        try:
            if not _is_on(self.config):
                return
            builder = CloudRoleBuilder(self.root, metadata=self.metadata, app=self.app)
            builder.raises = True
            for path in build_all(builder, Path(self.directory)):
                self.app.display_info(path)
            for note in dict.fromkeys(note for report in builder.reports for note in report.notes):
                self.app.display_info(note)
        except CloudRoleError as error:
            Path(artifact_path).unlink(missing_ok=True)  # all that was asked for, or nothing
            self.app.abort(str(_from_sdist(error, Path(self.root))), code=error.exit_code)


def _is_on(table: dict[str, Any]) -> bool:
    """Whether the user wants the hook to run.

    :raises ProjectError: its table has a key that nobody reads, or no boolean as the switch.
    """
    faults = [
        Fault(f"{_TABLE}.{key}", f"unknown key, accepted: {', '.join(_KEYS)}",
              "settings belong into [tool.hatch.build.targets.cloudrole]")
        for key in sorted(table.keys() - set(_KEYS))
    ]  # fmt: skip
    switch = table.get(_SWITCH, False)
    if not isinstance(switch, bool):
        faults.append(Fault(f"{_TABLE}.{_SWITCH}", f"found {switch!r}, accepted: true or false"))
    if faults:
        raise ProjectError("The settings of the build hook cannot be used", faults)
    return switch or any(os.environ.get(name) in {"1", "true"} for name in _VARIABLES)


def _from_sdist(error: CloudRoleError, root: Path) -> CloudRoleError:
    """The error, with what to look at first when the build runs in an unpacked sdist."""
    if not isinstance(error, ProjectError) or not (root / "PKG-INFO").is_file():
        return error
    what = "this wheel is built from the sdist, which holds only what the target sdist selects"
    remedy = (
        "let [tool.hatch.build.targets.sdist] include the roles' folders and files, "
        "or build the wheel from the project: `python -m build --wheel`, `uv build --wheel`"
    )
    return type(error)(error.summary, [*error.faults, Fault("", what, remedy)])
