"""What is known of a wheel once it has been verified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.utils import NormalizedName
    from packaging.version import Version

    from hatch_cloudrole.content import Content

__all__ = ["Provenance", "Wheel"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wheel:
    """A verified wheel.

    `url` is where it came from without credentials, empty for a local folder or a wheel built here;
    `requires_dist` are its dependencies as its METADATA has them (PEP 508); `built_from` is the SHA-256 of
    the sdist it was built from (for a folder or a commit: the store's key of it), empty for a wheel that was
    fetched.
    """

    filename: str
    name: NormalizedName
    version: Version
    content: Content
    url: str = ""
    requires_dist: tuple[str, ...] = ()
    requires_python: str = ""
    provides_extra: tuple[str, ...] = ()
    built_from: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """How a wheel was built from an sdist.

    `sdist` and `wheel` are file names, `sha256` is the sdist's; `requires` are the build requirements that it
    declares, `used` those that were installed (`name==version`, empty when unknown); `host` is the machine in
    words and `python` the X.Y.Z that built; `audited` says whether auditwheel repaired the result.
    """

    sdist: str
    sha256: str
    wheel: str
    requires: tuple[str, ...] = ()
    used: tuple[str, ...] = ()
    host: str = ""
    python: str = ""
    audited: bool = False
