"""The pylock.toml of a role in its package: PEP 751, every wheel by its path beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hatch_cloudrole.lock.model import clean_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hatch_cloudrole.target import Target
    from hatch_cloudrole.wheels.model import Wheel

__all__ = ["role_pylock"]


def role_pylock(wheels: Sequence[Wheel], target: Target, *, packed: bool = True) -> str:
    """The lock that installers read: `path` is where the wheel lies in approot, `url` where it came from.

    Where they are not `packed` into approot, only a wheel that has no other address has a path, as it must.
    """
    import tomli_w

    packages: list[dict[str, Any]] = []
    for wheel in sorted(wheels, key=lambda each: each.name):
        entry: dict[str, Any] = {"name": wheel.filename}
        if wheel.url:
            entry["url"] = clean_url(wheel.url)
        if packed or not wheel.url:
            entry["path"] = f"wheels/{wheel.filename}"
        entry["size"] = wheel.content.size
        entry["hashes"] = {"sha256": wheel.content.sha256}
        package: dict[str, Any] = {"name": str(wheel.name), "version": str(wheel.version)}
        if wheel.requires_python:
            package["requires-python"] = wheel.requires_python
        packages.append({**package, "wheels": [entry]})
    document = {
        "lock-version": "1.0",
        "requires-python": f"=={target.minor}.*",
        "created-by": "hatch-cloudrole",
        "packages": packages,
    }
    return tomli_w.dumps(document)
