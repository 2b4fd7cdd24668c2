"""Where everything lies on an instance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .settings import Settings

__all__ = ["Places"]


@dataclass(frozen=True)
class Places:
    """The folders of one role: `approot` as deployed, `home` for what `configure` makes, `logs`."""

    approot: Path
    home: Path
    logs: Path
    is_unpacked: bool = False

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

    def of_role(self, settings: Settings) -> Places:
        """The same for this role, whose packages may lie in approot as they are used."""
        return replace(self, is_unpacked=settings.is_unpacked)

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
        """Where Python finds the packages: what `configure` made of the wheels, or what was deployed."""
        return self.approot / "lib" if self.is_unpacked else self.installed

    @property
    def installed(self) -> Path:
        """What `configure` makes of the wheels."""
        return self.home / "site-packages"

    @property
    def compiled(self) -> Path:
        """Where Python keeps compiled modules of packages that lie where nothing can be written."""
        return self.home / "pycache"

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
