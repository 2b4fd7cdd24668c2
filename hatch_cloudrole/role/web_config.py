"""web.config of a web role under IIS: the handler, what it starts, and what IIS serves itself.

Its parts are as Python Tools had them, or, on request, as Azure Websites had them. What only an instance
knows is put in by `role.py configure`, which finds its places by the handler's name and `httpPlatform`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.role.handlers import Handler
from hatch_cloudrole.service.xmldoc import child, new, render

if TYPE_CHECKING:
    import xml.etree.ElementTree as ET
    from collections.abc import Collection, Iterator

    from hatch_cloudrole.settings.model import Role

__all__ = ["HANDLER", "HANDLER_NAME", "INTERPRETER", "PLACEHOLDER", "web_config"]

HANDLER_NAME = "PythonHandler"
HANDLER = "%FASTCGIHANDLER%"
"""Stands for the interpreter and what it runs for FastCGI, as IIS writes the two: `python.exe|program.py`."""
INTERPRETER = "%PYTHON%"
"""Stands for the interpreter."""
PLACEHOLDER = "handler.fcgi"
"""The empty file that the layout of Azure Websites leads requests to: IIS wants it to exist."""

_STARTUP_SECONDS = "60"
# Whatever starts the application adds the role's packages to these. wfastcgi would replace them again, before
# every request, by what stands here.
_NOT_HERE = ("PATH", "PYTHONPATH")


_NEWER_TYPES = {
    ".avif": "image/avif",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
"""Types that some release of IIS in use does not know, and answers 404 for."""


def web_config(role: Role, static_types: Collection[str] = ()) -> bytes:
    """The document for a role that has a site and a handler.

    `static_types` are the file name extensions, in lower case with their dot, among what IIS serves itself.

    :raises ProjectError: a value cannot stand in XML.
    """
    root = new("configuration")
    server = new("system.webServer")
    handlers = child(server, "handlers")
    if role.server == "httpplatform":
        _add_handler(handlers, modules="httpPlatformHandler")
        _add_platform(server, role)
    else:
        layout = _WEBSITES if role.web_config == "websites" else _EVERYTHING
        _add_handler(handlers, layout, modules="FastCgiModule", scriptProcessor=HANDLER)
        # wfastcgi makes every entry an environment variable.
        settings = child(root, "appSettings")
        for key, value in _app_settings(role):
            child(settings, "add", key=key, value=value)
    if role.web_config == "websites":
        _add_rewriting(server)
    root.append(server)
    for prefix in _outermost(role):
        # The tree has the files of the folder at the prefix, so that no virtual directory is needed.
        inner = child(child(root, "location", path=prefix), "system.webServer")
        if role.web_config != "websites":
            child(child(inner, "handlers"), "remove", name=HANDLER_NAME)
        _add_types(inner, static_types)
    return render(root)


def _outermost(role: Role) -> list[str]:
    """The URL paths of `static` that are not below another one, whose location holds for them too."""
    prefixes = [prefix.strip("/") for prefix, _ in role.static]
    return [
        each
        for each in prefixes
        if not any(each.lower().startswith(f"{other.lower()}/") for other in prefixes)
    ]


_EVERYTHING = ("*", "Unspecified")
_WEBSITES = (PLACEHOLDER, "Either")
"""The paths that go to the handler, and what IIS checks of them."""


def _add_handler(
    handlers: ET.Element, layout: tuple[str, str] = _EVERYTHING, *, modules: str, **more: str
) -> None:
    path, resource_type = layout
    child(
        handlers,
        "add",
        name=HANDLER_NAME,
        path=path,
        verb="*",
        modules=modules,
        **more,
        resourceType=resource_type,
        requireAccess="Script",
    )


def _add_rewriting(server: ET.Element) -> None:
    """Lead everything that is no file to the placeholder; wfastcgi sees the address as it was."""
    rule = child(
        child(child(server, "rewrite"), "rules"), "rule", name="Configure Python", stopProcessing="true"
    )
    child(rule, "match", url="(.*)", ignoreCase="false")
    child(child(rule, "conditions"), "add", input="{REQUEST_FILENAME}", matchType="IsFile", negate="true")
    child(rule, "action", type="Rewrite", url=f"{PLACEHOLDER}/{{R:1}}", appendQueryString="true")


def _add_types(server: ET.Element, static_types: Collection[str]) -> None:
    if found := sorted(set(static_types) & _NEWER_TYPES.keys()):
        content = child(server, "staticContent")
        for extension in found:
            # An entry that is there already would otherwise make the whole site fail.
            child(content, "remove", fileExtension=extension)
            child(content, "mimeMap", fileExtension=extension, mimeType=_NEWER_TYPES[extension])


def _app_settings(role: Role) -> Iterator[tuple[str, str]]:
    yield "WSGI_HANDLER", Handler.parse(role.wsgi_handler).dotted
    if role.web_config == "websites":
        # wfastcgi works in the folder of the site, which only the host knows.
        folders = dict.fromkeys((".", *role.search_paths))
        yield "pythonpath", ";".join(folder.replace("/", "\\") for folder in folders)
    if role.wsgi_log:
        yield "WSGI_LOG", role.wsgi_log
    yield from _variables(role).items()


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
