"""The rules of web roles: what they run, what runs it, and where it listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.settings.model import Endpoint

if TYPE_CHECKING:
    from hatch_cloudrole.settings.tables import Read

__all__ = ["check_web", "default_endpoints"]

OWN_WEB_CONFIG = ("web.config", "web.cloud.config")
"""Files with which a role says itself what IIS runs."""


def default_endpoints() -> tuple[Endpoint, ...]:
    """What a web role listens on when nothing is said."""
    return (Endpoint(name="Http", protocol="http", port=80),)


def check_web(role: Read) -> None:
    """Report what is wrong with settings of a web role that are right one by one."""
    # A server that is refused is none: whatever depends on it cannot be judged.
    server = role.values.get("server") if role.has("server") else "fastcgi"
    _check_handler(role, server)
    target = role.values.get("target")
    if server in {"fastcgi", "httpplatform"} and target is not None and not target.is_windows:
        given = "" if role.has("server") else ", the default,"
        role.place.at("server").fault(
            f'found "{server}"{given} with platform "{target.platform}", accepted: "direct", for IIS is '
            "on Windows alone"
        )
    if server == "direct" and role.values.get("static"):
        role.place.at("static").fault(
            'found with server = "direct", accepted: with a server under IIS, which serves the folders',
            "let the application serve its files, or choose another server",
        )
    if server:
        _check_fastcgi_only(role, server)
        _check_log(role)
    if server and role.sound("endpoints"):
        _check_endpoints(role, "direct" if server == "direct" else "IIS")


def _check_handler(role: Read, server: str | None) -> None:
    wsgi, asgi = role.has("wsgi-handler"), role.has("asgi-handler")
    if wsgi and asgi:
        role.place.fault("found both wsgi-handler and asgi-handler, accepted: exactly one of them")
    if asgi and server == "fastcgi":
        given = "" if role.has("server") else ", the default,"
        role.place.at("server").fault(
            f'found "fastcgi"{given} with asgi-handler, accepted: "httpplatform" or "direct" with it'
        )
    # Whether there is a web.config is not known without the folder that would hold it.
    if wsgi or asgi or role.place.folder is None or server is None:
        return
    if server == "direct":
        role.place.fault("found neither wsgi-handler nor asgi-handler, accepted: exactly one of them")
    elif not any(role.place.has_file(name) for name in OWN_WEB_CONFIG):
        role.place.fault(
            "found neither wsgi-handler nor asgi-handler, accepted: exactly one of them, "
            "or web.config or web.cloud.config in the role's root"
        )


def _check_fastcgi_only(role: Read, server: str) -> None:
    for key in ("web-config", "wsgi-log"):
        plain = key == "web-config" and role.values.get("web_config") == "cloud-service"
        if server != "fastcgi" and role.has(key) and not plain:
            role.place.at(key).fault(f'found with server = "{server}", accepted: with "fastcgi" alone')


def _check_log(role: Read) -> None:
    for name, _ in role.values.get("environment", ()):
        if role.has("wsgi-log") and name.upper() == "WSGI_LOG":
            role.place.at("environment").at(name).fault("found with wsgi-log, accepted: one of the two")


def _check_endpoints(role: Read, server: str) -> None:
    given: tuple[Endpoint, ...] = role.values.get("endpoints") or default_endpoints()
    # The server of a direct role speaks plain HTTP, whatever the load balancer calls it.
    protocols = ("http", "tcp") if server == "direct" else ("http", "https")
    fitting = [each for each in given if each.protocol in protocols and each.type != "instance-input"]
    if not fitting:
        found = ", ".join(
            each.protocol if each.type != "instance-input" else f"{each.protocol} ({each.type})"
            for each in given
        )
        role.place.at("endpoints").fault(
            f"found {found} alone, accepted: at least one endpoint with protocol {' or '.join(protocols)}"
        )
    elif server == "direct" and not any(each.instance_port for each in fitting):
        role.place.at("endpoints").fault(
            "found no port that is known beforehand, accepted: at least one endpoint with port or local-port "
            "as a number, for the server to listen on"
        )
