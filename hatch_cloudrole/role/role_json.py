"""role.json: what the scripts on an instance know of their role. Its schema is docs/role.schema.json."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hatch_cloudrole.settings.model import Role, Service
    from hatch_cloudrole.wheels.model import Wheel

__all__ = ["SCHEMA", "role_json"]

SCHEMA = 1
"""Raised whenever a script that reads the document must know that it changed."""

_RUNTIME = ("kind", "version", "url", "sha256", "path")


def role_json(
    service: Service, role: Role, wheels: Sequence[Wheel], *, runtime: Mapping[str, str], lib_sha256: str = ""
) -> bytes:
    """The document, ASCII, its keys in one order. Sizes are in bytes.

    `runtime` says where an instance gets its interpreter, `lib_sha256` is of the list of unpacked packages.
    Values of `settings` are not in it: they come with the service configuration, and may be secret.
    """
    document = {
        "schema": SCHEMA,
        "role": role.name,
        "service": service.name,
        "version": service.version,
        "type": role.type,
        "python": role.target.python,
        "platform": role.target.platform,
        "interpreter": role.deployed_python_interpreter_path,
        "runtime": {key: runtime[key] for key in _RUNTIME},
        "startup_file": role.startup_file,
        "startup_module": role.startup_module,
        "arguments": list(role.arguments),
        "search_paths": list(role.search_paths),
        "working_directory": role.working_directory,
        "environment": dict(role.environment),
        "server": role.server,
        "wsgi_handler": role.wsgi_handler,
        "asgi_handler": role.asgi_handler,
        "endpoint": _endpoint(role),
        "static": dict(role.static),
        "local_storage": [storage.name for storage in role.local_storage],
        "install": role.install,
        "lib_sha256": lib_sha256,
        "wheels": [
            {
                "file": wheel.filename,
                "name": wheel.name,
                "version": str(wheel.version),
                "sha256": wheel.content.sha256,
                "size": wheel.content.size,
            }
            for wheel in sorted(wheels, key=lambda each: each.filename)
        ],
    }
    return json.dumps(document, ensure_ascii=True, indent=2).encode("ascii") + b"\n"


def _endpoint(role: Role) -> dict[str, Any] | None:
    """The endpoint that a web role's server listens on: its first one that speaks HTTP.

    Without IIS that may be one of plain TCP, whose port is known beforehand; what speaks http goes first.
    """
    protocols = ("http", "tcp") if role.server == "direct" else ("http", "https")
    if role.type == "web":
        fitting = [
            each
            for each in role.endpoints
            if each.protocol in protocols and each.type != "instance-input" and each.instance_port
        ]
        for each in sorted(fitting, key=lambda each: each.protocol == "tcp"):
            return {"name": each.name, "protocol": each.protocol, "port": each.instance_port}
    return None
