"""Run pip-compile for another machine than this one: a program of its own, started by `lock.pip_tools`.

pip evaluates markers, tags and Requires-Python for the interpreter it runs in, and pip-compile has no option
for another target. So this runs in a process of its own, where pip's answers to those three questions are the
target's. It is given the path of a JSON request, and writes a JSON answer beside it:

- `packages`, in the words of PEP 751, or
- `failure`: `kind` (`resolution`, `transport`, `wheel` or `setting`) and `text`, pip's words for it.
"""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatch_cloudrole.lock.pip_faults import Faults, PagesError, SettingError, failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Answer the request whose path is the only argument."""
    path = Path(argv[0])
    request = json.loads(path.read_text(encoding="utf-8"))
    # Only now, so that no module of the project can stand in for one of pip's.
    os.chdir(request["root"])
    faults = Faults()
    try:
        answer: dict[str, Any] = {"packages": _answer(request, faults)}
    except Exception as error:  # noqa: BLE001 - the caller tells its user, whatever it is
        answer = {"failure": failure(error, faults)}
    path.with_name("answer.json").write_text(json.dumps(answer), encoding="utf-8")
    return 0


def _answer(request: Mapping[str, Any], faults: Faults) -> list[dict[str, Any]]:
    from pip import __version__

    if request["exclude_newer"] and int(__version__.split(".")[0]) < 26:
        raise SettingError(f"pip {__version__} cannot resolve as of a moment")
    from pip._vendor.packaging import markers
    from piptools.repositories import pypi
    from piptools.scripts import compile as pip_compile

    environment = request["target"]["environment"]
    markers.default_environment = lambda: dict(environment)
    repositories: list[Any] = []
    pypi.create_command = functools.partial(_command, request, repositories)
    faults.listen()
    output = Path(request["output"])
    # pip-compile's own configuration files are about files that developers pin; here all is told.
    argv = [*request["sources"], "--constraint", request["constraints"], "--output-file", str(output)]
    argv += [
        "--no-config",
        "--resolver=backtracking",
        "--allow-unsafe",
        "--strip-extras",
        "--no-header",
        "--quiet",
    ]
    argv += ["--no-annotate", "--no-emit-index-url", "--no-emit-trusted-host", "--no-emit-options"]
    argv += ["--no-emit-find-links", "--rebuild", "--pip-args", "--no-input"]
    if request["exclude_newer"]:
        argv += ["--uploaded-prior-to", request["exclude_newer"]]
    pip_compile.cli.main(argv, standalone_mode=False)
    if faults.pages:
        raise PagesError
    return _packages(output.read_text(encoding="utf-8"), repositories[-1])


def _command(request: Mapping[str, Any], repositories: list[Any], name: str) -> Any:
    """The install command that pip-compile uses, but for the target and with the request's indexes."""
    from pip._internal.commands.install import InstallCommand

    version = tuple(int(part) for part in request["target"]["python"].split("."))

    class TargetCommand(InstallCommand):  # type: ignore[misc]
        def parse_args(self, args: list[str]) -> Any:
            options, rest = super().parse_args(args)
            for key, value in request["options"].items():
                setattr(options, key, value)
            options.find_links = [*options.find_links, *request["find_links"]]
            return options, rest

        def _build_package_finder(self, options: Any, session: Any, **_: Any) -> Any:
            target = _target_python(version, request["target"]["tags"])
            finder = super()._build_package_finder(options, session, target_python=target)
            _keep_to_indexes(finder, request["package_indexes"])
            repositories.append(_Repository(finder, session))
            return finder

        @classmethod
        def make_resolver(cls, preparer: Any, *args: Any, **options: Any) -> Any:
            # Once there is a solution, pip would fetch every file of it, for an installation.
            preparer.prepare_linked_requirements_more = lambda *_, **__: None
            return super().make_resolver(preparer, *args, **{**options, "py_version_info": version})

    return TargetCommand(name, "resolve for another machine")


def _target_python(version: tuple[int, ...], tags: Sequence[str]) -> Any:
    from pip._internal.models.target_python import TargetPython
    from pip._vendor.packaging.tags import Tag

    target = TargetPython(py_version_info=version)
    # Older and newer pip name the method differently, but both keep what it found here.
    target._valid_tags = [Tag(*tag.split("-")) for tag in tags]  # noqa: SLF001
    return target


def _keep_to_indexes(finder: Any, indexes: Mapping[str, str]) -> None:
    """Have the packages that `indexes` names looked for in that index and nowhere else."""
    from pip._internal.models.search_scope import SearchScope
    from pip._vendor.packaging.utils import canonicalize_name

    collector = finder._link_collector  # noqa: SLF001
    collect = collector.collect_sources

    def collect_sources(project_name: str, *args: Any, **kwargs: Any) -> Any:
        everywhere = collector.search_scope
        url = indexes.get(canonicalize_name(project_name))
        if url:
            collector.search_scope = SearchScope.create(find_links=[], index_urls=[url], no_index=False)
        try:
            return collect(project_name, *args, **kwargs)
        finally:
            collector.search_scope = everywhere

    collector.collect_sources = collect_sources


class _Repository:
    """Where the files of a pinned package are, asked of the very finder that resolved it.

    Nothing is fetched again but a file whose index does not say its hash.
    """

    def __init__(self, finder: Any, session: Any) -> None:
        self._finder = finder
        self._session = session

    def artifacts(self, name: str, version: str) -> dict[str, Any]:
        from pip._vendor.packaging.version import Version

        links: dict[str, Any] = {}
        for candidate in self._finder.find_all_candidates(name):
            if candidate.version == Version(version):
                links.setdefault(candidate.link.filename, candidate.link)
        wheels = [link for link in links.values() if link.is_wheel]
        wheels.sort(key=lambda link: (self._rank(link.filename), link.filename))
        sdists = [link for link in links.values() if not link.is_wheel]
        sdists.sort(key=lambda link: (not link.filename.endswith(".tar.gz"), link.filename))
        found = [*wheels[:1], *sdists[:1]]
        entry: dict[str, Any] = {}
        known = [link for link in wheels if link == found[0] or _sha256(link)]
        if known:
            entry["wheels"] = [self.artifact(link) for link in known]
        if sdists and (not wheels or _sha256(sdists[0])):
            entry["sdist"] = self.artifact(sdists[0])
        return entry

    def _rank(self, filename: str) -> int:
        from pip._internal.models.wheel import Wheel

        tags = self._finder.target_python._valid_tags  # noqa: SLF001
        return min(index for index, tag in enumerate(tags) if tag in Wheel(filename).file_tags)

    def artifact(self, link: Any) -> dict[str, Any]:
        entry: dict[str, Any] = {"name": link.filename, "hashes": {"sha256": _sha256(link)}}
        if link.is_file:
            return {**entry, "path": link.file_path}
        if not entry["hashes"]["sha256"]:
            entry["hashes"]["sha256"] = self._hash(link)
        return {**entry, "url": link.url_without_fragment}

    def _hash(self, link: Any) -> str:
        import hashlib

        from pip._internal.network.utils import HEADERS, raise_for_status, response_chunks

        with self._session.get(link.url_without_fragment, headers=HEADERS, stream=True) as response:
            raise_for_status(response)
            digest = hashlib.sha256()
            for chunk in response_chunks(response):
                digest.update(chunk)
        return digest.hexdigest()


def _sha256(link: Any) -> str:
    return str((link.as_hashes()._allowed.get("sha256") or [""])[0])  # noqa: SLF001


def _packages(text: str, repository: _Repository) -> list[dict[str, Any]]:
    """What pip-compile wrote, one requirement a line, in the words of PEP 751."""
    from pip._internal.models.link import Link

    packages: list[dict[str, Any]] = []
    for line in text.splitlines():
        if pinned := re.match(r"([\w.-]+)===?([^\s;]+)", line):
            name, version = pinned.groups()
            packages.append({"name": name, "version": version, **repository.artifacts(name, version)})
        elif direct := re.match(r"(?:-e +)?([\w.-]+) @ (\S+)", line):
            name, link = direct[1], Link(direct[2])
            packages.append({"name": name, **_direct(link, repository)})
        elif line.startswith("-e "):
            packages.append({"name": line[3:].strip().rpartition("/")[2], "directory": {"path": line[3:]}})
    return packages


def _direct(link: Any, repository: _Repository) -> dict[str, Any]:
    if link.is_vcs:
        return {"vcs": {"url": link.url_without_fragment}}
    if link.is_existing_dir():
        return {"directory": {"path": link.file_path}}
    return {"archive": repository.artifact(link)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
