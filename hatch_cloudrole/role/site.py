r"""The site of a web role: what lies in `sitesroot\0`, where IIS serves it from."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault
from hatch_cloudrole.role.web_config import PLACEHOLDER
from hatch_cloudrole.settings.place import TABLE
from hatch_cloudrole.settings.wording import toml_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hatch_cloudrole.content import Content
    from hatch_cloudrole.settings.model import Role

__all__ = ["shown_notes", "site_faults", "site_files", "static_types"]


def site_files(
    role: Role, theirs: Mapping[str, Content], approot: Mapping[str, Content]
) -> dict[str, Content]:
    """The site of `role`: its own files and web.config, without `bin`.

    A folder of `static` lies at its URL path too, so that IIS finds it without a virtual directory: a package
    stores equal content once, and the second place costs nothing. Of two URL paths the longer one counts.
    """
    site = {path: content for path, content in theirs.items() if not path.lower().startswith("bin/")}
    for ours in ("web.config", PLACEHOLDER):
        if ours in approot:
            site[ours] = approot[ours]
    for url, folder in sorted(role.static, key=lambda each: len(each[0])):
        prefix = url.strip("/")
        if prefix.lower() != folder.lower():
            below = {
                path[len(folder) :]: content for path, content in theirs.items() if _is_below(path, folder)
            }
            site.update({f"{prefix}{rest}": content for rest, content in below.items()})
    return site


def site_faults(role: Role, theirs: Mapping[str, Content]) -> Iterator[Fault]:
    """What in the settings of a role with a site cannot work there, or would publish what it must not."""
    own = {path.lower() for path in theirs} & {"web.config", "web.cloud.config"}
    if not own and not (role.wsgi_handler or role.asgi_handler):
        where = toml_key(*TABLE, "roles", role.name)
        what = "the role has no handler, and its own web.config is not among the files that are shipped"
        yield Fault(where, what, "see what leaves it out, or set wsgi-handler")
    for url, folder in role.static:
        where = toml_key(*TABLE, "roles", role.name, "static", url)
        if folder == "." or _is_below(f"{folder}/", "bin"):
            what = f"{folder!r} holds more than a site may show: IIS would serve all of it to everybody"
            yield Fault(where, what, "name a folder that holds only what everybody may see")
        elif not any(_is_below(path, folder) for path in theirs):
            what = f"no file below {folder!r} is shipped, so that there would be nothing to serve"
            yield Fault(
                where, what, "see what leaves it out; `artifacts` takes in what version control ignores"
            )
        else:
            prefix = url.strip("/").lower()
            others = [
                path for path in theirs if _is_below(path.lower(), prefix) and not _is_static(path, role)
            ]
            if others:
                what = (
                    f"IIS would serve {min(others)} to everybody too, which lies at that path by its own name"
                )
                yield Fault(where, what, "choose another URL path, or move that file")


def static_types(role: Role, theirs: Iterable[str]) -> set[str]:
    """The extensions, in lower case with their dot, of the files that IIS serves itself."""
    return {posixpath.splitext(path)[1].lower() for path in theirs if _is_static(path, role)}


_SERVED = {
    ".css",
    ".csv",
    ".htm",
    ".html",
    ".jpg",
    ".js",
    ".json",
    ".pdf",
    ".png",
    ".svg",
    ".txt",
    ".xml",
    ".zip",
}
"""Types that every IIS knows, of files that projects have for themselves too."""


def shown_notes(role: Role, theirs: Iterable[str]) -> Iterator[str]:
    """A line for the layout in which IIS serves whatever is there, when that is more than `static`."""
    if role.web_config == "websites":
        others = [
            path
            for path in theirs
            if posixpath.splitext(path)[1].lower() in _SERVED
            and not _is_static(path, role)
            and not path.lower().startswith("bin/")
        ]
        if others:
            more = f" and {len(others) - 1} more files" if others[1:] else ""
            yield (
                f'{role.name}: with web-config = "websites" IIS serves {min(others)}{more} outside '
                "the folders of `static` to everybody"
            )


def _is_static(path: str, role: Role) -> bool:
    return any(_is_below(path, folder) for _, folder in role.static)


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")
