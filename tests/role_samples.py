"""Small roles, wheels and project files for the tests of the role tree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import wheelmaker as make
from packaging.utils import canonicalize_name
from packaging.version import Version

from hatch_cloudrole.content import Content
from hatch_cloudrole.role.files import ProjectFile
from hatch_cloudrole.role.tree import RoleTree, build_role_tree
from hatch_cloudrole.settings.model import Endpoint, Role, Service
from hatch_cloudrole.target import Target
from hatch_cloudrole.wheels.model import Wheel

WINDOWS = Target("3.13.5", "win_amd64")
LINUX = Target("3.13.5", "manylinux_2_28_x86_64")
RUNTIME = {
    "kind": "download",
    "version": "3.13.5",
    "url": "https://example.com/a.tar.gz",
    "sha256": "0" * 64,
    "path": "",
}
SCRIPTS = {
    "bin/ps.cmd": b"ours",
    "bin/ConfigureCloudService.ps1": b"ours",
    "bin/LaunchWorker.ps1": b"ours",
    "bin/role.py": b"ours",
    "bin/_cloudrole/__init__.py": b"",
}


def worker(**settings: Any) -> Role:
    return Role(**{"name": "Orders", "type": "worker", "target": WINDOWS, **settings})


def web(**settings: Any) -> Role:
    defaults: dict[str, Any] = {
        "name": "Web",
        "type": "web",
        "target": WINDOWS,
        "server": "fastcgi",
        "wsgi_handler": "app:app",
        "endpoints": (Endpoint(name="Http", protocol="http", port=80),),
    }
    return Role(**{**defaults, **settings})


def service(*roles: Role) -> Service:
    return Service(name="Shop", version="1.2", roles=roles)


def wheel(name: str, version: str = "1.0", files: dict[str, bytes] | None = None) -> Wheel:
    data = make.wheel_bytes(name, version, files=files)
    return Wheel(
        filename=f"{name.replace('-', '_')}-{version}-py3-none-any.whl",
        name=canonicalize_name(name),
        version=Version(version),
        content=Content.of_bytes(data),
    )


def project(*paths: str, forced: tuple[str, ...] = ()) -> list[ProjectFile]:
    """Files of a project by their path, as Hatch hands them over."""
    return [ProjectFile(Path("/project") / path, path, path in forced) for path in (*paths, *forced)]


def contents(*paths: str, **texts: str) -> dict[str, Content]:
    """Files by path, each holding its path; a keyword `app_py` is the text of app.py."""
    files = {path: Content.of_bytes(path.encode("utf-8", "surrogatepass")) for path in paths}
    files.update(
        {name.replace("_py", ".py"): Content.of_bytes(text.encode()) for name, text in texts.items()}
    )
    return files


def tree(role: Role, files: dict[str, Content], wheels: tuple[Wheel, ...] = (), **more: Any) -> RoleTree:
    values = {"pylock": b"lock", "scripts": SCRIPTS, "runtime": RUNTIME, **more}
    return build_role_tree(service(role), role, files=files, wheels=wheels, **values)
