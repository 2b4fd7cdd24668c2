"""Read requirements files, and all that they include, into plain requirements, constraints and options.

The format is pip's: https://pip.pypa.io/en/stable/reference/requirements-file-format/. Resolvers differ in
what of it they read, so they are handed what comes out here, never the files themselves.
"""

from __future__ import annotations

import codecs
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from hatch_cloudrole.errors import Fault, ProjectError
from hatch_cloudrole.lock.direct import BadReferenceError, applies, normal_requirement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from hatch_cloudrole.target import Target

__all__ = ["Contents", "logical_lines", "read_requirements"]

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_VALUES = {
    "-r": "--requirement",
    "-c": "--constraint",
    "-e": "--editable",
    "-i": "--index-url",
    "--pypi-url": "--index-url",
    "-f": "--find-links",
}
_WITH_VALUE = {
    *_VALUES.values(),
    "--extra-index-url",
    "--no-binary",
    "--only-binary",
    "--trusted-host",
    "--use-feature",
}
_FLAGS = {"--no-index", "--pre", "--prefer-binary", "--require-hashes"}
# They decide nothing here: wheels are always preferred, and features are those of pip.
_IGNORED = {"--prefer-binary", "--use-feature"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What requirements files hold.

    `requirements` and `constraints` are PEP 508 where a name is known, else a path or an address; `hashes`
    maps a package to the SHA-256 digests that it may have; `options` are lines as a requirements file has
    them, folders absolute, in the order in which they were read.
    """

    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    hashes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    options: tuple[str, ...] = ()


def read_requirements(
    files: Sequence[Path], *, root: Path, target: Target, env: Mapping[str, str]
) -> Contents:
    """Everything in `files` that counts for `target`. A file that includes itself is read once.

    `root` is the project: paths count from it, as for pip and uv when they are run there, or else from the
    file's own folder. `env` gives the values of `${NAME}`.

    :raises ProjectError: it names every line that cannot be used, and every file that cannot be read.
    """
    reader = _Reader(root=root, target=target, env=env)
    for file in files:
        reader.read(file, constraint=False)
    if reader.faults:
        raise ProjectError("The requirements cannot be used", dict.fromkeys(reader.faults))
    return Contents(
        requirements=tuple(sorted(set(reader.requirements))),
        constraints=tuple(sorted(set(reader.constraints))),
        hashes={name: frozenset(reader.hashes[name]) for name in sorted(reader.hashes)},
        options=tuple(dict.fromkeys(reader.options)),
    )


def decode(data: bytes) -> str:
    """The text of a requirements file: what its byte order mark says (as PowerShell writes one), else UTF-8.

    :raises UnicodeDecodeError: it is neither.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding)
    return data.decode("utf-8")


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a requirements file with their numbers: continued ones joined, comments left out."""
    parts: list[str] = []
    start = 0
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        start = start if parts else number
        comment = line.lstrip().startswith("#")
        if line.endswith("\\") and not comment:
            parts.append(line[:-1])
            continue
        # A comment ends what was continued, as for pip.
        joined = " ".join([*parts, "" if comment else line])
        parts = []
        stripped = re.sub(r"(^|\s+)#.*$", "", joined).strip()
        if stripped:
            yield start, stripped


class _Reader:
    def __init__(self, *, root: Path, target: Target, env: Mapping[str, str]) -> None:
        self.root = root
        self.target = target
        self.env = env
        self.requirements: list[str] = []
        self.constraints: list[str] = []
        self.hashes: dict[str, set[str]] = {}
        self.options: list[str] = []
        self.faults: list[Fault] = []
        self._read: set[tuple[Path, bool]] = set()

    def read(self, path: Path, *, constraint: bool, where: str = "") -> None:
        path = path.resolve()
        if (path, constraint) in self._read:
            return
        self._read.add((path, constraint))
        try:
            text = decode(path.read_bytes())
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            asked = f", which {where} names," if where else ""
            self.faults.append(
                Fault(self._shown(path), f"a requirements file{asked} that cannot be read: {why}")
            )
            return
        for number, line in logical_lines(text):
            place = f"{self._shown(path)}:{number}"
            expanded = _VARIABLE.sub(lambda match: self.env.get(match[1]) or match[0], line)
            if expanded.startswith("-"):
                self._options(expanded, path, place, constraint=constraint)
            else:
                self._requirement(expanded, path, place, constraint=constraint)

    def _shown(self, path: Path) -> str:
        root = self.root.resolve()
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name

    def _fault(self, place: str, what: str, remedy: str = "") -> None:
        self.faults.append(Fault(place, what, remedy))

    def _options(self, line: str, path: Path, place: str, *, constraint: bool) -> None:
        try:
            words = shlex.split(line, posix=not re.search(r"[A-Za-z]:\\", line))
        except ValueError as error:
            self._fault(place, f"cannot be read: {error}")
            return
        while words:
            word = words.pop(0)
            name, equals, value = word.partition("=")
            if re.match(r"-[a-z].", word):  # -rfile.txt
                name, equals, value = word[:2], "=", word[2:].removeprefix("=")
            name = _VALUES.get(name, name)
            if name in _FLAGS and not equals:
                self._keep(name)
            elif name in _WITH_VALUE and (equals or words):
                self._option(name, value if equals else words.pop(0), path, place, constraint=constraint)
            elif name in _WITH_VALUE:
                self._fault(place, f"{name} has no value")
            else:
                known = ", ".join(sorted({"--hash", *_WITH_VALUE, *_FLAGS} - _IGNORED - {"--editable"}))
                self._fault(place, f"{name} is no option that can be used here; accepted: {known}")

    def _keep(self, option: str) -> None:
        if option.partition(" ")[0] not in _IGNORED:
            self.options.append(option)

    def _option(self, name: str, value: str, path: Path, place: str, *, constraint: bool) -> None:
        if name == "--editable":
            self._fault(
                place,
                f"-e {value} would be an editable install, a link to a folder that no instance has",
                f"leave -e out ({value}): the folder is then built to a wheel, which is packed",
            )
        elif name in {"--requirement", "--constraint"}:
            if "://" in value:
                self._fault(place, f"{value} is an address", "keep a copy of that file in the project")
                return
            self.read(path.parent / value, constraint=constraint or name == "--constraint", where=place)
        elif name == "--find-links" and "://" not in value:
            folder = next((each for each in (path.parent / value, self.root / value) if each.exists()), None)
            if folder is None:
                self._fault(place, f"there is no folder {value}, neither beside this file nor in the project")
            else:
                self._keep(f"{name} {folder.resolve().as_posix()}")
        else:
            self._keep(f"{name} {value}")

    def _requirement(self, line: str, path: Path, place: str, *, constraint: bool) -> None:
        text, *rest = re.split(r"\s(?=--[a-z])", line)
        try:
            text = normal_requirement(text.strip(), root=self.root, beside=path.parent, target=self.target)
        except BadReferenceError as error:
            self._fault(place, str(error), error.remedy)
            return
        if not text:
            return
        self._hashes(text, rest, place)
        (self.constraints if constraint else self.requirements).append(text)

    def _hashes(self, text: str, options: Sequence[str], place: str) -> None:
        found: set[str] = set()
        for option in options:
            match = re.fullmatch(r"--hash(?:=|\s+)(\w+):([0-9a-fA-F]+)", option.strip())
            if match is None:
                name = re.split(r"[=\s]", option.strip(), maxsplit=1)[0]
                self._fault(
                    place, f"{name} is for one tool's own build and cannot be passed on; accepted: --hash"
                )
            elif match[1] == "sha256":
                found.add(match[2].lower())
        if not options or not applies(text, self.target):
            return
        if not found and any("--hash" in option for option in options):
            self._fault(
                place, "its hashes are not sha256, the one that indexes tell", "give --hash=sha256:..."
            )
            return
        try:
            name = canonicalize_name(Requirement(text).name)
        except InvalidRequirement:
            self._fault(place, "has a hash, but its file name does not say which package it is")
            return
        if found:
            # Two lines about one package must both be satisfied.
            self.hashes[name] = self.hashes[name] & found if name in self.hashes else found
