"""Where everything lies on an instance."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Places"]


@dataclass(frozen=True)
class Places:
    """The folders of one role: `approot` as deployed, `home` for what `configure` makes, `logs`."""

    approot: Path
    home: Path
    logs: Path

    @classmethod
    def of(cls, approot: Path, env: Mapping[str, str]) -> Places:
        """Find them; `CLOUDROLE_HOME` and `CLOUDROLE_LOG_DIR` move two of them, relative to approot."""
        home = approot / (env.get("CLOUDROLE_HOME") or ".cloudrole")
        if env.get("CLOUDROLE_LOG_DIR"):
            logs = approot / env["CLOUDROLE_LOG_DIR"]
        elif env.get("DiagnosticStore"):
            logs = Path(env["DiagnosticStore"]) / "LogFiles"
        else:
            logs = approot / "logs"
        return cls(approot, home, logs)

    @property
    def bin(self) -> Path:
        return self.approot / "bin"

    @property
    def role_py(self) -> Path:
        return self.bin / "role.py"

    @property
    def role_json(self) -> Path:
        return self.bin / "role.json"

    @property
    def wheels(self) -> Path:
        return self.approot / "wheels"

    @property
    def site_packages(self) -> Path:
        return self.home / "site-packages"

    @property
    def scripts(self) -> Path:
        """The console scripts of the packages, where `pip install --target` has them too."""
        return self.site_packages / "bin"

    @property
    def python_txt(self) -> Path:
        """Holds the path of the interpreter that `configure` ran with, for the launching script."""
        return self.home / "python.txt"

    @property
    def startup(self) -> Path:
        """The folder that, on PYTHONPATH, gives a Python process the packages."""
        return self.bin / "_cloudrole" / "startup"
