"""The interpreter that a package carries: the pinned build or the user's own archive, verified."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from hatch_cloudrole.content import Content
from hatch_cloudrole.errors import CloudRoleError, Fault, ProjectError, TransportError, raise_all
from hatch_cloudrole.lock.model import Artifact, clean_url
from hatch_cloudrole.runtime.archive import BadArchiveError, check_archive, is_zip, write_as_zip
from hatch_cloudrole.runtime.pinned import pinned_build, runtime_record
from hatch_cloudrole.wheels.fetch import FetchError, HashMismatchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hatch_cloudrole.progress import Progress
    from hatch_cloudrole.runtime.nuget_feed import Feeds
    from hatch_cloudrole.settings.model import Role, Runtime
    from hatch_cloudrole.target import Target
    from hatch_cloudrole.wheels.fetch import Fetcher
    from hatch_cloudrole.wheels.store import Store

__all__ = ["FOLDER", "Bundled", "Bundler"]

FOLDER = "runtime"
"""Where the archive lies in approot."""
_FIRST_FAMILY_WITH_TAR = 6
"""The os-family (6 is Server 2019) from which on Windows has tar.exe."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundled:
    """What a package says of its interpreter (`record`, for role.json), and the archive, if it has one."""

    record: Mapping[str, str]
    content: Content | None = None

    @property
    def files(self) -> dict[str, Content]:
        """The archive by its path from approot."""
        return {} if self.content is None else {self.record["path"]: self.content}


class Bundler:
    """Gets archives: from the store, the project or the network, each one once."""

    def __init__(
        self,
        *,
        store: Store,
        fetcher: Fetcher,
        root: Path,
        progress: Progress,
        feeds: Feeds,
        offline: bool = False,
        os_family: int = 7,
    ) -> None:
        self._store = store
        self._fetcher = fetcher
        self._root = root
        self._progress = progress
        self._feeds = feeds
        self._offline = offline
        self._os_family = os_family
        self._done: dict[tuple[Runtime, Target], Bundled | CloudRoleError] = {}

    def bundle_all(self, roles: Iterable[Role]) -> dict[str, Bundled]:
        """`bundle` for each role, by its name; what is wrong with several is told at once.

        :raises CloudRoleError: as `bundle`, and where an archive cannot be read or kept.
        """
        bundled: dict[str, Bundled] = {}
        errors: list[CloudRoleError] = []
        for role in roles:
            try:
                bundled[role.name] = self.bundle(role)
            except OSError as error:
                fault = Fault(str(error.filename), error.strerror or str(error))
                errors.append(TransportError("The interpreter's archive cannot be read or kept", [fault]))
            except CloudRoleError as error:
                errors.append(error)
        raise_all(errors)
        return bundled

    def bundle(self, role: Role) -> Bundled:
        """What the package of `role` holds of its interpreter.

        :raises ProjectError: there is none for the target, or the user's archive is not what it must be.
        :raises TransportError: it did not arrive, or is not here and `--offline` was given.
        """
        key = (role.runtime, role.target)
        if key not in self._done:
            where = f"tool.hatch.build.targets.cloudrole.roles.{role.name}.runtime"
            try:
                self._done[key] = self._bundle(role, where)
            except CloudRoleError as error:
                self._done[key] = error  # it would fail for the next role as well
        done = self._done[key]
        if isinstance(done, CloudRoleError):
            raise done
        return done

    def _bundle(self, role: Role, where: str) -> Bundled:
        runtime, target = role.runtime, role.target
        if runtime.kind == "bundled":
            version, url, sha256 = pinned_build(target, where)
            content = self._fetched(Artifact(filename=_tail(url), sha256=sha256, url=url), where)
            name, url = _tail(url), clean_url(url)
        elif runtime.kind == "url":
            version, url, sha256, name = target.python, runtime.url, runtime.sha256, _tail(runtime.url)
            content = self._fetched(Artifact(filename=name, sha256=sha256, url=url), where)
            url = clean_url(url)
            self._check(self._store.file(sha256), name, target, where)
        elif runtime.kind == "path":
            version, url, name = target.python, "", Path(runtime.path).name
            content = self._own(self._root / runtime.path, runtime.sha256, where)
            self._check(self._root / runtime.path, name, target, where)
        elif runtime.kind == "nuget":
            answer = self._feeds.find(runtime, target, where)
            pinned = {"version": answer.version, "url": answer.url, "sha256": answer.sha256, "path": ""}
            return Bundled(record={"kind": runtime.kind, **pinned})
        else:
            return Bundled(record=runtime_record(runtime, target, where=where))
        if target.is_windows and self._os_family < _FIRST_FAMILY_WITH_TAR and not is_zip(name):
            name = name.removesuffix(".tar.gz") + ".zip"
            path = self._root / runtime.path if runtime.kind == "path" else self._store.file(content.sha256)
            content = self._as_zip(path, name, where)
        record = {
            "kind": runtime.kind,
            "version": version,
            "url": url,
            "sha256": content.sha256,
            "path": f"{FOLDER}/{name}",
        }
        return Bundled(record=record, content=content)

    def _fetched(self, artifact: Artifact, where: str) -> Content:
        path = self._store.file(artifact.sha256)
        if self._store.has(artifact.sha256):
            content = Content.of_file(path)
            if content.sha256 == artifact.sha256:
                return content
            path.unlink(missing_ok=True)  # damaged: as good as absent
        if self._offline:
            what = f"{artifact.filename} is not in the store"
            remedy = "build once without --offline, or name a file with { path = ..., sha256 = ... }"
            raise TransportError("--offline lacks the interpreter", [Fault(where, what, remedy)])
        summary = "The interpreter of the instances did not arrive"
        try:
            with self._progress.step(f"Fetching {artifact.filename}"), self._store.partial() as partial:
                content = self._fetcher.fetch(artifact, partial, on_bytes=lambda _: None)
                self._store.adopt(partial, artifact.sha256)
        except HashMismatchError as error:
            fault = Fault(where, error.fault.what, "find out why the file changed; do not just change sha256")
            raise TransportError(summary, [fault]) from None
        except FetchError as error:
            remedy = "check the network, or name a copy with { url = ..., sha256 = ... } or { path = ... }"
            what = f"{error.fault.where}: {error.fault.what}"
            raise TransportError(summary, [Fault(where, what, remedy)]) from None
        return Content.known(path, size=content.size, sha256=content.sha256, crc32=content.crc32)

    def _own(self, path: Path, sha256: str, where: str) -> Content:
        content = Content.of_file(path)
        if content.sha256 != sha256:
            what = f"the SHA-256 of {path} is {content.sha256}, but sha256 says {sha256}"
            raise ProjectError("The interpreter is not what the settings say", [Fault(where, what)])
        return content

    def _check(self, path: Path, name: str, target: Target, where: str) -> None:
        try:
            check_archive(path, name, target)
        except BadArchiveError as error:
            raise ProjectError("The interpreter cannot be used", [Fault(where, f"{name}: {error}")]) from None

    def _as_zip(self, source: Path, name: str, where: str) -> Content:
        """The archive for a Windows without tar.exe; it enters the store under its own SHA-256."""
        try:
            with self._progress.step(f"Writing {name}"), self._store.partial() as partial:
                write_as_zip(source, partial)
                content = Content.of_file(partial)
                path = self._store.adopt(partial, content.sha256)
        except BadArchiveError as error:
            raise ProjectError("The interpreter cannot be used", [Fault(where, f"{name}: {error}")]) from None
        return Content.known(path, size=content.size, sha256=content.sha256, crc32=content.crc32)


def _tail(url: str) -> str:
    return unquote(urlsplit(url).path).rpartition("/")[2]
