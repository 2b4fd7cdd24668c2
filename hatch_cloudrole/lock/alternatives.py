"""What else there is: the wheels that the indexes have for a version, and the newest with a fitting one.

Asked only when a build fails, of uv, because it knows the indexes of this host and their credentials.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from hatch_cloudrole.lock.model import url_filename
from hatch_cloudrole.lock.remedies import Found
from hatch_cloudrole.process import TimeLimitError
from hatch_cloudrole.target import NEWEST_PATCH, uv_platform
from hatch_cloudrole.toml import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hatch_cloudrole.lock.indexes import Indexes
    from hatch_cloudrole.process import Runner
    from hatch_cloudrole.target import Target

__all__ = ["Alternatives"]

_SECONDS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Alternatives:
    """Asks uv, as this host has it configured. It never fails: what it cannot find out is not known."""

    run: Runner
    env: Mapping[str, str]
    indexes: Indexes
    root: Path
    offline: bool = False
    exclude_newer: str = ""

    def find(self, name: str, version: str, target: Target) -> Found:
        """What there is besides `name` `version` for `target`."""
        if self.offline:
            return Found()
        return Found(wheels=self._wheels(name, version), newest=self._newest(name, target))

    def _newest(self, name: str, target: Target) -> str | None:
        platform, macos = uv_platform(target)
        more = ["--only-binary", ":all:", "--python-platform", platform, "--python-version", target.python]
        packages, words = self._ask(name, more, {"MACOSX_DEPLOYMENT_TARGET": macos} if macos else {})
        if packages is not None:
            return next((str(each.get("version", "")) for each in packages), None)
        return "" if "no usable wheels" in words or "no wheels with a matching" in words else None

    def _wheels(self, name: str, version: str) -> tuple[str, ...] | None:
        """Every wheel of the version: uv lists all platforms, and the asked Python with all newer ones."""
        for python in NEWEST_PATCH.values():
            packages, _ = self._ask(f"{name}=={version}", ["--universal", "--python-version", python], {})
            if packages is not None:
                return tuple(
                    sorted(_filename(each) for package in packages for each in package.get("wheels", []))
                )
        return None

    def _ask(
        self, requirement: str, more: Sequence[str], extra: Mapping[str, str]
    ) -> tuple[list[Mapping[str, Any]] | None, str]:
        import uv

        with tempfile.TemporaryDirectory(prefix="cloudrole-ask-") as folder:
            asked, output = Path(folder, "asked.in"), Path(folder, "pylock.toml")
            asked.write_text(f"{requirement}\n", encoding="utf-8")
            argv = [uv.find_uv_bin(), "pip", "compile", str(asked), "--output-file", str(output), "--no-deps"]
            argv += ["--format", "pylock.toml", "--quiet", "--no-progress", "--color", "never", *more]
            argv += ["--python", sys.executable, "--no-python-downloads"]
            for link in self.indexes.find_links:
                argv += ["--find-links", link]
            argv += self.indexes.arguments
            if self.exclude_newer:
                argv += ["--exclude-newer", self.exclude_newer]
            env = {**self.indexes.applied_to(self.env), **extra}
            for variable in ("VIRTUAL_ENV", "UV_PYTHON", "UV_SYSTEM_PYTHON"):
                env.pop(variable, None)
            try:
                done = self.run(argv, cwd=self.root, env=env, timeout=_SECONDS)
                if done.code:
                    return None, done.stderr
                packages = load(output).get("packages", [])
            except (OSError, ValueError, TimeLimitError):
                return None, ""
        name = canonicalize_name(requirement.partition("==")[0])
        return [each for each in packages if each.get("name") == name], ""


def _filename(entry: Mapping[str, Any]) -> str:
    url, path = str(entry.get("url", "")), str(entry.get("path", ""))
    return str(entry.get("name") or (url_filename(url) if url else Path(path).name))
