r"""web.config of a web role under IIS: the handler, what it starts, and what IIS serves itself.

Its parts are as Python Tools had them. What only an instance knows is put in by `role.py configure`, which
finds its places by the handler's name, and by the entry `SITE_PACKAGES` of a PYTHONPATH.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.role.handlers import Handler
from hatch_cloudrole.service.xmldoc import child, new, render

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET

    from hatch_cloudrole.settings.model import Role

__all__ = ["HANDLER", "HANDLER_NAME", "INTERPRETER", "SITE_PACKAGES", "web_config"]

HANDLER_NAME = "PythonHandler"
HANDLER = "%FASTCGIHANDLER%"
"""Stands for `<python>|<wfastcgi.py>`."""
INTERPRETER = "%PYTHON%"
"""Stands for the interpreter."""
SITE_PACKAGES = r"%RoleRoot%\approot\.cloudrole\site-packages"
"""Where packages are installed unless CLOUDROLE_HOME says otherwise. wfastcgi expands the variable, and to
nothing where IIS does not have it: what is left is right too, because it starts on the drive of the role."""

_STARTUP_SECONDS = "60"


def web_config(role: Role) -> bytes:
    """The document for a role that has a site.

    :raises ProjectError: a value cannot stand in XML.
    :raises ValueError: the server has no form for the handler, which `site_faults` reports.
    """
    root = new("configuration")
    server = new("system.webServer")
    handlers = child(server, "handlers")
    if role.server == "httpplatform":
        _add_handler(handlers, modules="httpPlatformHandler")
        _add_platform(server, role)
    else:
        settings = child(root, "appSettings")
        for key, value in _fastcgi_settings(role).items():
            child(settings, "add", key=key, value=value)
        _add_handler(handlers, modules="FastCgiModule", scriptProcessor=HANDLER)
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


def _fastcgi_settings(role: Role) -> dict[str, str]:
    """What wfastcgi reads; it makes every entry an environment variable too.

    It changes to the site's root before it reads them, so that relative search paths hold.
    """
    own = ("WSGI_HANDLER", "PYTHONPATH")
    others = {name: value for name, value in role.environment if name.upper() not in own}
    return {
        "WSGI_HANDLER": Handler.parse(role.wsgi_handler).dotted,
        "PYTHONPATH": _python_path(role),
        **others,
    }


def _python_path(role: Role) -> str:
    """The role's search paths, then what its environment says, then the packages."""
    own = [value for name, value in role.environment if name.upper() == "PYTHONPATH" and value]
    return ";".join([*(path.replace("/", "\\") for path in role.search_paths), *own, SITE_PACKAGES])


def _add_platform(server: ET.Element, role: Role) -> None:
    """Add what starts the server, in the site's root and with the port in a variable."""
    target, is_factory = Handler.parse(role.asgi_handler or role.wsgi_handler).object
    if role.asgi_handler:
        words = ["-m uvicorn --host 127.0.0.1 --port %HTTP_PLATFORM_PORT%", "--factory" * is_factory, target]
    else:
        words = ["-m waitress --listen=127.0.0.1:%HTTP_PLATFORM_PORT%", "--call" * is_factory, target]
    platform = child(
        server,
        "httpPlatform",
        processPath=INTERPRETER,
        arguments=" ".join(filter(None, words)),
        # A log that the site's identity may not write keeps the whole site from starting.
        stdoutLogEnabled="false",
        startupTimeLimit=_STARTUP_SECONDS,
        processesPerApplication="1",
    )
    variables = child(platform, "environmentVariables")
    others = {name: value for name, value in role.environment if name.upper() != "PYTHONPATH"}
    for name, value in {"PYTHONPATH": _python_path(role), **others}.items():
        child(variables, "environmentVariable", name=name, value=value)
