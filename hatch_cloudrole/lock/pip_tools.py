"""Resolve with pip-tools: requirements and a target in, the same pins as uv's out."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hatch_cloudrole.errors import (
    CloudRoleError,
    Fault,
    ProjectError,
    ResolutionError,
    TransportError,
    WheelError,
)
from hatch_cloudrole.lock.credentials import redact
from hatch_cloudrole.lock.uv import pins_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hatch_cloudrole.lock.indexes import Indexes
    from hatch_cloudrole.lock.model import Pin
    from hatch_cloudrole.process import Runner
    from hatch_cloudrole.target import Target

__all__ = ["PipToolsResolver"]


class PipToolsResolver:
    """Runs pip-compile in a process whose pip answers for the target (see `lock.pip_compile`)."""

    name = "pip-tools"

    def __init__(
        self, *, run: Runner, env: Mapping[str, str], indexes: Indexes, root: Path, offline: bool = False
    ) -> None:
        self._run = run
        self._indexes = indexes
        self._root = root
        self._offline = offline
        # What pip would do to its own environment on this host is not what is asked about.
        own = ("PIP_REQUIRE_VIRTUALENV", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_PYTHON")
        self._env = {name: value for name, value in indexes.applied_to_pip(env).items() if name not in own}

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

        :raises ProjectError: the pip at hand cannot do what the settings ask for.
        :raises ResolutionError: there is no solution.
        :raises WheelError: an sdist did not tell its metadata.
        :raises TransportError: an index failed, or is needed with `offline`.
        """
        with tempfile.TemporaryDirectory(prefix="cloudrole-lock-") as name:
            folder = Path(name)
            for file, lines in (("requirements.in", requirements), ("constraints.in", constraints)):
                (folder / file).write_text("".join(f"{each}\n" for each in lines), encoding="utf-8")
            request = folder / "request.json"
            document = {
                "target": {
                    "python": target.python,
                    "environment": target.environment(),
                    "tags": [str(tag) for tag in target.tags()],
                },
                "root": os.fspath(self._root),
                "sources": [str(folder / "requirements.in"), *(str(file) for file in files)],
                "constraints": str(folder / "constraints.in"),
                "output": str(folder / "requirements.txt"),
                "exclude_newer": exclude_newer,
                **self._where(),
            }
            request.write_text(json.dumps(document), encoding="utf-8")
            argv = [sys.executable, "-m", "hatch_cloudrole.lock.pip_compile", str(request)]
            try:
                # In a folder of our own, so that no module of the project stands in for one of pip's.
                done = self._run(argv, cwd=folder, env=self._env)
            except OSError as error:
                raise TransportError(f"pip-tools cannot be started: {error.strerror}") from None
            try:
                answer: dict[str, Any] = json.loads((folder / "answer.json").read_text(encoding="utf-8"))
            except (OSError, ValueError):
                lines = redact(done.stderr.strip() or done.stdout.strip()).splitlines()[-5:]
                what = f"it ended with {done.code}: " + "\n    ".join(lines)
                raise TransportError("pip-tools did not finish", [Fault("pip-tools", what)]) from None
            if "failure" in answer:
                text = _reduced(redact(answer["failure"]["text"]), requirements)
                raise _explain(answer["failure"]["kind"], text, target, offline=self._offline)
            return tuple(pins_of(answer, folder))

    def _where(self) -> dict[str, Any]:
        """Where packages come from, in the words of `lock.pip_compile`'s request."""
        indexes = self._indexes
        links, options = list(indexes.pip_find_links), dict(indexes.pip_options)
        packages = {package: index.url for package, index in indexes.package_indexes.items()}
        if self._offline:
            # pip knows no such thing: what is left to it are the folders of this host.
            options["no_index"], packages = True, {}
            links = [link for link in links if "://" not in link]
        return {"options": options, "find_links": links, "package_indexes": packages}


def _explain(kind: str, text: str, target: Target, *, offline: bool) -> CloudRoleError:
    """The error that a failure of the child process stands for."""
    if kind == "setting":
        remedy = 'bring pip to 26.0 or newer, leave exclude-newer out, or use resolver = "uv"'
        return ProjectError("pip-tools cannot do what the settings ask for", [_fault(text, remedy)])
    if kind == "transport":
        remedy = "check the network, the index address and its credentials, then build again"
        if "is not installed" in text:
            remedy = 'install pip-tools beside this program, or use resolver = "uv"'
        return TransportError("The packages cannot be asked for", [_fault(text, remedy)])
    if kind == "wheel":
        remedy = "pin a version that has a wheel, or put a wheel of it into a folder that find-links names"
        return WheelError("A package could not be asked for its metadata", [_fault(text, remedy)])
    if offline:
        remedy = "build once without --offline, or commit a lock with `cloudrole lock`"
        return TransportError("--offline: local folders hold no solution", [_fault(text, remedy)])
    remedy = "loosen one of the requirements named above, or look at exclude-newer, python and platform"
    if "upload-time" in text:
        remedy = 'leave exclude-newer out, or use resolver = "uv"'
    return ResolutionError(f"The requirements have no solution for {target}", [_fault(text, remedy)])


def _fault(text: str, remedy: str) -> Fault:
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return Fault("pip-tools", "\n    ".join(lines), remedy)


def _reduced(text: str, requirements: Sequence[str]) -> str:
    """What pip says, without its general advice, our own temporary file and the wrapping of its causes."""
    text = re.split(
        r"\n*(?:To fix this you could try to|Additionally, some packages in these conflicts)", text
    )[0]
    text = re.sub(r"-r \S+requirements\.in \(line (\d+)\)", lambda line: requirements[int(line[1]) - 1], text)
    wrapped = r"(?i)HTTPS?ConnectionPool\([^)]*\): Max retries exceeded with url: \S+ \(Caused by (.+)\)$"
    text = re.sub(wrapped, r"\1", text, flags=re.MULTILINE)
    text = re.sub(r"<[\w.]+ object at 0x[0-9a-f]+>:? ?| ?\(from versions: none\)", "", text)
    text = re.sub(r"\w+Error\([\"'](.+)[\"']\)$", r"\1", text, flags=re.MULTILINE)
    return re.sub(r"\(from versions: .*?((?:, [^,)]+){5})\)", r"(from versions: ...\1)", text).strip()
