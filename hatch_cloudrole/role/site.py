r"""The site of a web role: what lies in `sitesroot\0`, where IIS serves it from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault
from hatch_cloudrole.role.handlers import Handler
from hatch_cloudrole.settings.place import TABLE
from hatch_cloudrole.settings.wording import toml_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hatch_cloudrole.content import Content
    from hatch_cloudrole.settings.model import Role

__all__ = ["site_faults", "site_files"]


def site_files(
    role: Role, theirs: Mapping[str, Content], approot: Mapping[str, Content]
) -> dict[str, Content]:
    """The site of `role`: its own files and web.config, without `bin`.

    A folder of `static` lies at its URL path too, so that IIS finds it without a virtual directory: a package
    stores equal content once, and the second place costs nothing. Of two URL paths the longer one counts.
    """
    site = {path: content for path, content in theirs.items() if not path.lower().startswith("bin/")}
    if "web.config" in approot:
        site["web.config"] = approot["web.config"]
    for url, folder in sorted(role.static, key=lambda each: len(each[0])):
        prefix = url.strip("/")
        if prefix.lower() != folder.lower():
            below = {
                path[len(folder) :]: content for path, content in theirs.items() if _is_below(path, folder)
            }
            site.update({f"{prefix}{rest}": content for rest, content in below.items()})
    return site


def site_faults(role: Role, theirs: Mapping[str, Content]) -> list[Fault]:
    """What in the settings of a role cannot work in its site, or would publish what it must not."""
    if not role.has_site:
        return []
    return [*_handler_faults(role), *_search_path_faults(role), *_static_faults(role, theirs)]


def _handler_faults(role: Role) -> Iterator[Fault]:
    if role.server == "httpplatform":
        key = "asgi-handler" if role.asgi_handler else "wsgi-handler"
        try:
            _ = Handler.parse(role.asgi_handler or role.wsgi_handler).object
        except ValueError as error:
            what = f'{error}, for which the server of "httpplatform" has no form'
            remedy = "name a function of your own that makes the application"
            yield Fault(toml_key(*TABLE, "roles", role.name, key), what, remedy)


def _search_path_faults(role: Role) -> Iterator[Fault]:
    for number, path in enumerate(role.search_paths):
        if ";" in path or "%" in path:
            where = toml_key(*TABLE, "roles", role.name, "search-paths", number)
            what = f"{path!r} has a character that has a meaning of its own in the PYTHONPATH of web.config"
            yield Fault(where, what, "rename the folder")


def _static_faults(role: Role, theirs: Mapping[str, Content]) -> Iterator[Fault]:
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
                path for path in theirs if _is_below(path.lower(), prefix) and not _is_below(path, folder)
            ]
            if others:
                what = (
                    f"IIS would serve {min(others)} to everybody too, which lies at that path by its own name"
                )
                yield Fault(where, what, "choose another URL path, or move that file")


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")
