"""web.config of a web role under IIS: the handler, what it starts, and what IIS serves itself.

Its parts are as Python Tools had them. What only an instance knows is put in by `role.py configure`, which
finds its places by the handler's name and by the element `httpPlatform`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.role.handlers import Handler
from hatch_cloudrole.service.xmldoc import child, new, render

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET

    from hatch_cloudrole.settings.model import Role

__all__ = ["HANDLER", "HANDLER_NAME", "INTERPRETER", "web_config"]

HANDLER_NAME = "PythonHandler"
HANDLER = "%FASTCGIHANDLER%"
"""Stands for the interpreter and what it runs for FastCGI, as IIS writes the two: `python.exe|program.py`."""
INTERPRETER = "%PYTHON%"
"""Stands for the interpreter."""

_STARTUP_SECONDS = "60"
# Whatever starts the application adds the role's packages to these. wfastcgi would replace them again, before
# every request, by what stands here.
_NOT_HERE = ("PATH", "PYTHONPATH")


def web_config(role: Role) -> bytes:
    """The document for a role that has a site and a handler.

    :raises ProjectError: a value cannot stand in XML.
    """
    root = new("configuration")
    server = new("system.webServer")
    handlers = child(server, "handlers")
    if role.server == "httpplatform":
        _add_handler(handlers, modules="httpPlatformHandler")
        _add_platform(server, role)
    else:
        _add_handler(handlers, modules="FastCgiModule", scriptProcessor=HANDLER)
        settings = child(root, "appSettings")
        handler = Handler.parse(role.wsgi_handler).dotted
        # wfastcgi makes every entry an environment variable.
        for key, value in {"WSGI_HANDLER": handler, **_variables(role)}.items():
            child(settings, "add", key=key, value=value)
    root.append(server)
    for prefix, _folder in role.static:
        # The tree has the files of the folder at the prefix, so that no virtual directory is needed.
        location = child(root, "location", path=prefix.strip("/"))
        child(child(child(location, "system.webServer"), "handlers"), "remove", name=HANDLER_NAME)
    return render(root)


def _add_handler(handlers: ET.Element, *, modules: str, **more: str) -> None:
    child(
        handlers,
        "add",
        name=HANDLER_NAME,
        path="*",
        verb="*",
        modules=modules,
        **more,
        resourceType="Unspecified",
        requireAccess="Script",
    )


def _add_platform(server: ET.Element, role: Role) -> None:
    """Add what starts a server of its own; `configure` says with which arguments."""
    platform = child(
        server,
        "httpPlatform",
        processPath=INTERPRETER,
        # A log that the site's identity may not write keeps the whole site from starting.
        stdoutLogEnabled="false",
        startupTimeLimit=_STARTUP_SECONDS,
        processesPerApplication="1",
    )
    variables = child(platform, "environmentVariables")
    for name, value in _variables(role).items():
        child(variables, "environmentVariable", name=name, value=value)


def _variables(role: Role) -> dict[str, str]:
    taken = (*_NOT_HERE, "WSGI_HANDLER") if role.server != "httpplatform" else _NOT_HERE
    return {name: value for name, value in role.environment if name.upper() not in taken}
