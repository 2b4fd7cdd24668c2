"""Resolve with uv: requirements and a target in, a PEP 751 lock out."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import Version

from hatch_cloudrole.content import Content
from hatch_cloudrole.errors import Fault, ResolutionError, TransportError, WheelError
from hatch_cloudrole.lock.alternatives import Alternatives
from hatch_cloudrole.lock.build_output import build_output_end
from hatch_cloudrole.lock.credentials import redact
from hatch_cloudrole.lock.model import Artifact, Directory, Pin, Vcs, clean_url, url_filename
from hatch_cloudrole.lock.remedies import remedies
from hatch_cloudrole.target import uv_platform
from hatch_cloudrole.toml import load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hatch_cloudrole.lock.indexes import Indexes
    from hatch_cloudrole.process import Finished, Runner
    from hatch_cloudrole.target import Target

__all__ = ["UvResolver", "blames_network", "pins_of"]

# What uv says when the network, not the requirements, is at fault.
_TRANSPORT = re.compile(
    r"error sending request|Failed to fetch|error decoding response|network was disabled|"
    r"\b(401|403) (Unauthorized|Forbidden)|valid authentication credentials|"
    r"HTTP status (client|server) error|"
    r"`Content-Type`|unexpected (HTML|JSON)|redirect|"
    r"timed? ?out|dns error|certificate",
    re.IGNORECASE,
)
_BUILD = re.compile(
    r"Failed to (build|download and build|prepare metadata)|build backend|Call to `", re.IGNORECASE
)


_FAILED_BUILD = re.compile(r"^error: Failed to (?:download and )?build `([\w.-]+)==([^`\s]+)`", re.MULTILINE)


def blames_network(text: str) -> bool:
    """Whether uv's own words, without those of a build that it quotes, say that the network failed."""
    own = re.split(r"^ *\[(?:stdout|stderr)\]$", text, maxsplit=1, flags=re.MULTILINE)[0]
    return bool(_TRANSPORT.search(own))


class UvResolver:
    """Runs uv in the project's folder, so that it finds its own configuration where users keep it."""

    name = "uv"

    def __init__(
        self, *, run: Runner, env: Mapping[str, str], indexes: Indexes, root: Path, offline: bool = False
    ) -> None:
        self._run = run
        self._indexes = indexes
        self._root = root
        self._offline = offline
        self._env = indexes.applied_to(env)
        # The interpreter and its virtual environment are ours, not what is asked about.
        for name in ("VIRTUAL_ENV", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_CUSTOM_COMPILE_COMMAND"):
            self._env.pop(name, None)

    def resolve(
        self,
        requirements: Sequence[str],
        files: Sequence[Path],
        *,
        target: Target,
        exclude_newer: str = "",
        constraints: Sequence[str] = (),
    ) -> tuple[Pin, ...]:
        """Pin `requirements` and what the requirements `files` ask for, with all that they need.

        :raises ResolutionError: there is no solution.
        :raises WheelError: an sdist did not tell its metadata.
        :raises TransportError: an index failed, or is needed with `offline`.
        """
        with tempfile.TemporaryDirectory(prefix="cloudrole-lock-") as name:
            folder = Path(name)
            source = self._write_source(folder, requirements)
            (folder / "constraints.in").write_text(
                "".join(f"{each}\n" for each in constraints), encoding="utf-8"
            )
            output = folder / "pylock.toml"
            argv, extra = self._command(folder, [source, *files], target, exclude_newer)
            try:
                done = self._run(argv, cwd=self._root, env={**self._env, **extra})
            except OSError as error:
                raise TransportError(f"uv cannot be started: {error.strerror}") from None
            if done.code:
                raise self._explain(done, target, exclude_newer)
            return tuple(pins_of(load(output), folder))

    def _write_source(self, folder: Path, requirements: Sequence[str]) -> Path:
        """The requirements as a file for uv: it gives a package an index of its own only in a project."""
        packages = self._indexes.package_indexes
        if not packages:
            source = folder / "requirements.in"
            source.write_text("".join(f"{each}\n" for each in requirements), encoding="utf-8")
            return source
        import tomli_w

        indexes = {index.name: {"name": index.name, "url": index.url, "explicit": index.explicit}
                   for index in packages.values()}  # fmt: skip
        document = {
            "project": {"name": "cloudrole-inputs", "version": "0", "dependencies": list(requirements)},
            "tool": {
                "uv": {
                    "index": [indexes[name] for name in sorted(indexes)],
                    "sources": {package: {"index": packages[package].name} for package in sorted(packages)},
                }
            },
        }
        source = folder / "pyproject.toml"
        source.write_text(tomli_w.dumps(document), encoding="utf-8")
        return source

    def _explain(self, done: Finished, target: Target, exclude_newer: str) -> Exception:
        """The error for what uv refused. Of a failed build, what else there is."""
        broken = _FAILED_BUILD.search(done.stderr)
        if broken is None or blames_network(done.stderr):
            return _explain(done, target)
        name, version = canonicalize_name(broken[1]), broken[2]
        alternatives = Alternatives(
            run=self._run,
            env=self._env,
            indexes=self._indexes,
            root=self._root,
            offline=self._offline,
            exclude_newer=exclude_newer,
        )
        what = "its sdist does not tell what it needs, because its build failed:\n"
        what += build_output_end(done.stderr)
        remedy = remedies(name, version, target, alternatives.find(name, version, target))
        return WheelError(
            "An sdist could not be asked for its metadata", [Fault(f"{name} {version}", what, remedy)]
        )

    def _command(
        self, folder: Path, files: Sequence[Path], target: Target, exclude_newer: str
    ) -> tuple[list[str], dict[str, str]]:
        import uv

        platform, macos = uv_platform(target)
        argv = [
            uv.find_uv_bin(),
            "pip",
            "compile",
            *(str(file) for file in files),
        ]
        argv += [
            "--constraints",
            str(folder / "constraints.in"),
            "--output-file",
            str(folder / "pylock.toml"),
        ]
        argv += ["--format", "pylock.toml", "--no-header", "--no-annotate", "--color", "never", "--quiet"]
        argv += ["--python-platform", platform, "--python-version", target.python, "--no-progress"]
        # Sdists that must be asked for their metadata are asked by this interpreter; none is downloaded.
        argv += ["--python", sys.executable, "--no-python-downloads"]
        for link in self._indexes.find_links:
            argv += ["--find-links", link]
        argv += self._indexes.arguments
        if exclude_newer:
            argv += ["--exclude-newer", exclude_newer]
        if self._offline:
            argv.append("--offline")
        argv += _options_for_command_line(files)
        return argv, {"MACOSX_DEPLOYMENT_TARGET": macos} if macos else {}


def _options_for_command_line(files: Sequence[Path]) -> list[str]:
    """What uv passes over in a file of options: it wants that on the command line."""
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    options = ["--prerelease", "allow"] if "--pre" in lines else []
    for line in lines:
        name, _, value = line.partition(" ")
        if name == "--trusted-host":
            options += ["--allow-insecure-host", value]
    return options


def _explain(done: Finished, target: Target) -> Exception:
    """The error that uv's exit code and words stand for."""
    text = redact(done.stderr.strip() or done.stdout.strip())
    details = re.sub(r"^(error|warning): ?", "", text, flags=re.MULTILINE)
    details = "\n    ".join(line.rstrip() for line in details.splitlines() if line.strip())
    if blames_network(text):
        remedy = "check the network, the index address and its credentials, then build again"
        if "network was disabled" in text:
            remedy = "build once without --offline, or commit a lock with `cloudrole lock`"
        return TransportError("The packages cannot be asked for", [Fault("uv", details, remedy)])
    if "invalid package format" in text:
        remedy = "report it to whoever serves this file, and pin another version meanwhile"
        return WheelError("A wheel could not be asked for its metadata", [Fault("uv", details, remedy)])
    if _BUILD.search(text):
        remedy = "pin a version that has a wheel, or put a wheel of it into a folder that find-links names"
        return WheelError("An sdist could not be asked for its metadata", [Fault("uv", details, remedy)])
    remedy = "loosen one of the requirements named above, or look at exclude-newer, python and platform"
    return ResolutionError(f"The requirements have no solution for {target}", [Fault("uv", details, remedy)])


def pins_of(document: Mapping[str, Any], folder: Path) -> list[Pin]:
    """The pins of the lock that uv wrote.

    :raises WheelError: a package is a folder in an archive.
    """
    pins: dict[str, Pin] = {}
    faults: list[Fault] = []
    for package in document.get("packages", []):
        name = canonicalize_name(package["name"])
        version = Version(package["version"]) if "version" in package else None
        if "directory" in package or "vcs" in package:
            # A source tree may say another version each time it is built.
            pins[name] = Pin(name=name, version=None, source=_source(package, folder))
            continue
        wheels = [_artifact(each, folder) for each in package.get("wheels", [])]
        sdist = _artifact(package["sdist"], folder) if "sdist" in package else None
        if "archive" in package:
            if package["archive"].get("subdirectory"):
                remedy = "name its repository (git+https://...), or build a wheel of it into find-links"
                faults.append(Fault(str(name), "is a folder in an archive, which cannot be built", remedy))
                continue
            archive = _artifact(package["archive"], folder)
            if archive.filename.endswith(".whl"):
                wheels = [archive]
            else:
                sdist = archive
        pins[name] = Pin(
            name=name,
            version=version or _version_of(wheels, sdist),
            wheels=tuple(wheels),
            sdist=sdist,
            direct="archive" in package,
        )
    if faults:
        raise WheelError("Some packages cannot be built", faults)
    return [pins[name] for name in sorted(pins)]


def _source(package: Mapping[str, Any], folder: Path) -> Vcs | Directory:
    if "directory" in package:
        table = package["directory"]
        path = folder / table["path"] / table.get("subdirectory", "")
        return Directory(path=path.resolve().as_posix())
    table = package["vcs"]
    url = str(table.get("url", ""))
    path = url2pathname(unquote(urlsplit(url).path)) if url.startswith("file:") else ""
    return Vcs(
        commit=str(table["commit-id"]),
        url="" if path else clean_url(url),
        path=Path(path).as_posix() if path else "",
        requested=str(table.get("requested-revision", "")),
        subdirectory=str(table.get("subdirectory", "")),
    )


def _version_of(wheels: Sequence[Artifact], sdist: Artifact | None) -> Version | None:
    """The version in a file's name, which is all there is of a package that was named by address.

    None when the name says none: that of a repository's archive, say.
    """
    from packaging.utils import parse_sdist_filename

    try:
        if wheels:
            return parse_wheel_filename(wheels[0].filename)[1]
        if sdist:
            return parse_sdist_filename(sdist.filename)[1]
    except (InvalidWheelFilename, ValueError):
        pass
    return None


def _artifact(entry: Mapping[str, Any], folder: Path) -> Artifact:
    """An artifact of uv's lock, which lies in `folder`."""
    url, path = str(entry.get("url", "")), str(entry.get("path", ""))
    filename = str(entry.get("name") or (url_filename(url) if url else Path(path).name))
    if url.startswith("file:"):
        url, path = "", url2pathname(unquote(urlsplit(url).path))
    if path:
        path = (folder / path).resolve().as_posix()
    sha256 = str(entry.get("hashes", {}).get("sha256", "")).lower()
    if path and not sha256:
        sha256 = Content.of_file(Path(path)).sha256
    return Artifact(
        filename=filename, sha256=sha256, url=clean_url(url) if url else "", path=path, size=entry.get("size")
    )
