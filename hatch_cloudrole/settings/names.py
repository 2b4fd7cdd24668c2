"""Names and expressions that the field has rules for: roles, endpoints, modules, handlers, VM sizes, hashes.

Each function takes what a user wrote and gives what the model holds, or raises ValueError, whose text is the
remedy where there is one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hatch_cloudrole.settings.kinds import Text, filled
from hatch_cloudrole.settings.wording import show

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "CERTIFICATE",
    "COMMAND",
    "CONFIGURATION_NAME",
    "HANDLER",
    "INDEX_URL",
    "MODEL_NAME",
    "MODULE",
    "PATTERN",
    "REQUIREMENT",
    "ROLE_NAME",
    "SETTING_NAME",
    "SHA256",
    "URL",
    "URL_PREFIX",
    "VARIABLE_NAME",
    "VM_SIZE",
    "legal_service_name",
    "probe_path",
    "store_name",
    "xpath",
]

_IDENTIFIER = r"[^\W\d]\w*"
# Windows keeps these names for devices, with any extension.
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)


def _matching(pattern: str) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def parse(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError
        return text

    return parse


def _role_name(text: str) -> str:
    # Service and role names end up in part names, file names and URLs, where more than this needs escapes.
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*(?<!\.)", text):
        raise ValueError
    if _DEVICE.match(text):
        raise ValueError("Windows keeps this name for a device; choose another")
    return text


def legal_service_name(project: str) -> str:
    """The project's name as a service name: what is not allowed becomes `_`."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", project).rstrip(".")
    return name if re.match(r"[A-Za-z_]", name) and not _DEVICE.match(name) else f"_{name}"


def _pattern(text: str) -> str:
    """A gitignore pattern that can match something.

    :raises ValueError: it is none.
    """
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([filled(text)])
    except ValueError:
        raise ValueError from None
    return text


def _handler(text: str) -> str:
    """Check a handler: `package.module:attribute` or dotted throughout, `()` where a name is to be called.

    The first name is always a module, and the last one of the dotted form never is, as wfastcgi has it.
    """
    attributes = rf"{_IDENTIFIER}(\(\))?(\.{_IDENTIFIER}(\(\))?)*"
    dotted = rf"{_IDENTIFIER}\.{attributes}"
    with_colon = rf"{_IDENTIFIER}(\.{_IDENTIFIER})*:{attributes}"
    if re.fullmatch(f"{dotted}|{with_colon}", text):
        return text
    if re.fullmatch(_IDENTIFIER, text):
        raise ValueError(f"name the object in the module too, as in {show(text + ':app')}")
    raise ValueError


def _requirement(text: str) -> str:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        Requirement(text)
    except InvalidRequirement as fault:
        raise ValueError(str(fault).splitlines()[0]) from None
    return text.strip()


_RETIRED_SIZES = {
    "extrasmall": "Standard_A1_v2",
    "small": "Standard_A1_v2",
    "medium": "Standard_A2_v2",
    "large": "Standard_A4_v2",
    "extralarge": "Standard_A8_v2",
    "a5": "Standard_A2m_v2",
    "a6": "Standard_A4m_v2",
    "a7": "Standard_A8m_v2",
}
_GONE_SIZES = {"a8", "a9", "a10", "a11", "msodsg5"}


def _vm_size(text: str) -> str:
    if re.fullmatch(r"Standard_[A-Za-z0-9_-]+", text):
        return text
    if new := _RETIRED_SIZES.get(text.lower()):
        raise ValueError(f"that name is retired; write {show(new)}")
    if re.fullmatch(r"standard_[A-Za-z0-9_-]+", text, re.IGNORECASE):
        raise ValueError(f"did you mean {show('Standard_' + text.partition('_')[2])}?")
    if text.lower() in _GONE_SIZES:
        raise ValueError("that size is retired and has no successor; choose a current one")
    raise ValueError


def _url(text: str) -> str:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        # urllib's text may quote a password.
        raise ValueError from None
    if not fits or re.search(r"\s", text):
        raise ValueError
    return text


def _index_url(text: str) -> str:
    return text if re.fullmatch(r"file://\S+", text) else _url(text)


def _url_prefix(text: str) -> str:
    segments = text.rstrip("/").split("/")
    if segments[0] or not segments[1:] or any(part in ("", ".", "..") for part in segments[1:]):
        raise ValueError
    if not re.fullmatch(r"[A-Za-z0-9._~/-]+", text):
        raise ValueError
    return "/".join(segments)


def store_name(text: str) -> str:
    """The name of a certificate store.

    :raises ValueError: it is empty or too long.
    """
    return _matching(r"(?=.*\S)[^\\\r\n\t]{1,256}")(text)


def probe_path(text: str) -> str:
    """A path that a load balancer asks for.

    :raises ValueError: it is none.
    """
    return _matching(r"/[^\s#]*")(text)


def xpath(text: str) -> str:
    """A path into the document that the role environment gives an instance.

    :raises ValueError: it cannot be one; the text is the remedy.
    """
    if not text.startswith("/RoleEnvironment/"):
        raise ValueError('it begins with "/RoleEnvironment/", as in "/RoleEnvironment/Deployment/@id"')
    return text


_PLUGINS = "microsoft.windowsazure.plugins."


def _setting_name(text: str) -> str:
    if text.lower().startswith(_PLUGINS):
        raise ValueError(
            "it is the setting of a plugin (diagnostics, remote desktop), and extended support takes none: "
            "add the extension to the deployment instead"
        )
    return _matching(_MODEL_NAME)(text)


_MODEL_NAME = r"[A-Za-z_]([^^\\/:*?\"<>|'`\x00-\x1f]*[^^\\/:*?\"<>|'`\x00-\x1f.\s])?"

ROLE_NAME = Text("a letter or _, then letters, digits, _, - and . (not as the last)", _role_name)
CONFIGURATION_NAME = Text(
    "letters, digits, _, - and . (neither first nor last)",
    _matching(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_-])?"),
)
MODEL_NAME = Text(
    "a letter or _, then anything but ^ \\ / : * ? \" < > | ' ` (neither . nor blank as the last)",
    _matching(_MODEL_NAME),
)
"""Endpoints, local storages, certificates: the name pattern of the service definition's schema."""
SETTING_NAME = Text(MODEL_NAME.accepted, _setting_name)
"""The same without what extended support refuses."""
VARIABLE_NAME = Text("a name without = and not empty", _matching(r"(?=.*\S)[^=\x00-\x1f]+"))
MODULE = Text("a dotted module name", _matching(rf"{_IDENTIFIER}(\.{_IDENTIFIER})*"))
HANDLER = Text('"module:object" or "module.object", () after a name that is to be called', _handler)
REQUIREMENT = Text('a requirement as in "waitress>=3" (PEP 508)', _requirement)
VM_SIZE = Text('a VM size such as "Standard_A1_v2"', _vm_size)
URL = Text("an http:// or https:// address", _url)
INDEX_URL = Text("an http://, https:// or file:// address", _index_url)
URL_PREFIX = Text('a URL path such as "/static" of letters, digits, . _ ~ and -', _url_prefix)
SHA256 = Text("64 hexadecimal digits", lambda text: _matching(r"[0-9a-f]{64}")(text.lower()))
CERTIFICATE = Text("the name of a certificate", filled)
PATTERN = Text("a gitignore pattern", _pattern)
COMMAND = Text("a command of 1 to 256 characters on one line", _matching(r"(?=.*\S)[^\r\n]{1,256}"))
