"""How to build, as opposed to what: the flags of the command line, each an environment variable too."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault, ProjectError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PREFIX", "Options", "cache_folder"]

PREFIX = "HATCH_CLOUDROLE_"
"""`--locked` is `HATCH_CLOUDROLE_LOCKED`, and so on."""

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """`jobs` is how many files are fetched at a time; `cache_dir` None means the user's cache folder."""

    locked: bool = False
    refresh: bool = False
    offline: bool = False
    jobs: int = 8
    cache_dir: Path | None = None

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Options:
        """Read the environment variables.

        :raises ProjectError: one has a value that it cannot have; all of them are named.
        """
        faults: list[Fault] = []

        def flag(name: str) -> bool:
            value = env.get(PREFIX + name, "").strip().lower()
            if value not in _TRUE | _FALSE:
                faults.append(Fault(PREFIX + name, f"found {value!r}; use 1 or 0"))
            return value in _TRUE

        jobs_text = env.get(f"{PREFIX}JOBS", "") or "8"
        if not jobs_text.isascii() or not jobs_text.isdigit() or not 1 <= int(jobs_text) <= 64:
            faults.append(Fault(f"{PREFIX}JOBS", f"found {jobs_text!r}; use a number from 1 to 64"))
            jobs_text = "8"
        cache = env.get(f"{PREFIX}CACHE_DIR", "")
        options = cls(
            locked=flag("LOCKED"),
            refresh=flag("REFRESH"),
            offline=flag("OFFLINE"),
            jobs=int(jobs_text),
            cache_dir=Path(cache) if cache else None,
        )
        if faults:
            raise ProjectError("The environment has settings that cannot be used", faults)
        return options


def cache_folder(options: Options) -> Path:
    """The cache folder that is meant: the user's own unless another is named."""
    if options.cache_dir is not None:
        return options.cache_dir.expanduser().absolute()
    import platformdirs

    return platformdirs.user_cache_path("hatch-cloudrole", appauthor=False)
