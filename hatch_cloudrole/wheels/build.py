"""Build a wheel from an sdist, in isolation, and write it anew so that its bytes depend on nothing else."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import sys
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hatch_cloudrole.content import Content, chunks
from hatch_cloudrole.errors import Fault
from hatch_cloudrole.lock.build_output import build_output_end
from hatch_cloudrole.lock.uv import blames_network
from hatch_cloudrole.process import TimeLimitError
from hatch_cloudrole.wheels.verify import BadWheelError, unsafe_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from hatch_cloudrole.lock.indexes import Indexes
    from hatch_cloudrole.process import Runner

__all__ = ["BUILD_DATE", "BuildError", "BuiltWheel", "build_wheel", "rewrite_wheel"]

BUILD_DATE = 1580601600
"""The date that every sdist is built with (seconds since the epoch, 2 February 2020): Hatch's own default."""

_UV_LOG = "uv_dispatch=debug"
"""The part of uv's log that says what is installed into the environment of a build."""

_ZIP_DATE = (2020, 2, 2, 0, 0, 0)


class BuildError(Exception):
    """An sdist did not become a wheel; holds the fault, and whether the network is to blame."""

    def __init__(self, fault: Fault, *, transport: bool = False) -> None:
        self.fault = fault
        self.transport = transport
        super().__init__(str(fault))


@dataclass(frozen=True, slots=True)
class BuiltWheel:
    """A wheel that an sdist was built to, and the build requirements that were installed for it.

    `used` is `name==version` of each, empty where uv did not say.
    """

    path: Path
    used: tuple[str, ...] = ()


def build_wheel(
    sdist: Path,
    folder: Path,
    *,
    run: Runner,
    env: Mapping[str, str],
    indexes: Indexes,
    root: Path,
    offline: bool = False,
    exclude_newer: str = "",
    python: str = sys.executable,
    seconds: float = 600,
) -> BuiltWheel:
    """Build `sdist` to a wheel in `folder` with `python`, in an environment of its own.

    `root` is the project's folder; a build that takes longer than `seconds` is stopped.

    :raises BuildError: the build failed; the end of what it wrote is in the fault.
    """
    import uv

    argv = [uv.find_uv_bin(), "build", "--wheel", str(sdist), "--out-dir", str(folder), "--no-progress"]
    argv += ["--color", "never", "--python", python, "--no-python-downloads", "--no-create-gitignore"]
    for link in indexes.find_links:
        argv += ["--find-links", link]
    argv += indexes.arguments
    if offline:
        argv.append("--offline")
    if exclude_newer:
        argv += ["--exclude-newer", exclude_newer]
    build_env = {**indexes.applied_to(env), "SOURCE_DATE_EPOCH": str(BUILD_DATE), "PYTHONHASHSEED": "0"}
    build_env["RUST_LOG"] = _UV_LOG
    build_env.pop("VIRTUAL_ENV", None)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        # uv reads its configuration in the folder it runs in: the project's, as when it resolves.
        done = run(argv, cwd=root, env=build_env, timeout=seconds)
    except OSError as error:
        raise BuildError(Fault(sdist.name, f"uv cannot be started: {error.strerror}")) from None
    except TimeLimitError:
        what = f"its build was stopped, because it had not ended within {seconds / 60:g} minutes"
        raise BuildError(Fault(sdist.name, what)) from None
    wheels = sorted(folder.glob("*.whl"))
    if done.code or len(wheels) != 1:
        text = build_output_end(done.stderr.strip() or done.stdout)
        own_words = done.stderr.rpartition("error: Failed to build")[2]
        if blames_network(own_words):
            what = f"what its build requires did not arrive:\n{text}"
            remedy = "check the network, the index address and its credentials, then build again"
            if offline:
                remedy = "build once without --offline"
            raise BuildError(Fault(sdist.name, what, remedy), transport=True)
        raise BuildError(Fault(sdist.name, f"its build failed:\n{text}"))
    return BuiltWheel(wheels[0], _used(done.stderr))


def _used(log: str) -> tuple[str, ...]:
    found = re.findall(r"^DEBUG Installing build requirements?: (.+)$", log, re.MULTILINE)
    return tuple(sorted({each.strip() for line in found for each in line.split(",") if "==" in each}))


def rewrite_wheel(source: Path, target: Path) -> Content:
    """Write the wheel `source` to `target`: members sorted, stored, with fixed dates, modes and a new RECORD.

    What says who built it goes: compiled Python (`__pycache__`), the Generator of WHEEL and the order of its
    tags, line ends of WHEEL and METADATA. The fields of METADATA stay as the build backend wrote them, since
    they have a meaning; another version of the backend may write others (`exclude-newer` fixes that version).

    :raises BadWheelError: `source` is no sound wheel.
    """
    try:
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
            names = sorted(
                info.filename
                for info in old.infolist()
                if not info.is_dir() and not re.search(r"(^|/)__pycache__/[^/]+\.pyc$", info.filename)
            )
            record = next((name for name in names if re.fullmatch(r"[^/]+\.dist-info/RECORD", name)), "")
            if not record or any(unsafe_name(name) for name in names) or len(set(names)) != len(names):
                raise BadWheelError("it has no RECORD, a name twice, or one that leads outside")
            # Metadata last, as the format asks for, so that it can be read and changed cheaply.
            names.sort(key=lambda name: (name.split("/")[0].endswith(".dist-info"), name))
            rows: list[tuple[str, str, str]] = []
            for name in names:
                if name == record:
                    continue
                old_info = old.getinfo(name)
                executable = bool((old_info.external_attr >> 16) & 0o111)
                digest, size = hashlib.sha256(), 0
                normal = _normal(name)
                with old.open(name) as member, new.open(_info(name, executable=executable), "w") as out:
                    parts = [normal(member.read())] if normal else chunks(member)  # type: ignore[arg-type]
                    for chunk in parts:
                        out.write(chunk)
                        digest.update(chunk)
                        size += len(chunk)
                encoded = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
                rows.append((name, f"sha256={encoded}", str(size)))
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows([*rows, (record, "", "")])
            new.writestr(_info(record), text.getvalue())
    except (zipfile.BadZipFile, OSError, RuntimeError) as error:
        raise BadWheelError(f"it is no sound zip archive ({error})") from None
    return Content.of_file(target)


def _normal(name: str) -> Callable[[bytes], bytes] | None:
    """What takes the builder's traces out of the member `name`, None where it stays as it is."""
    if re.fullmatch(r"[^/]+\.dist-info/WHEEL", name):
        return _normal_wheel
    return _lf if re.fullmatch(r"[^/]+\.dist-info/METADATA", name) else None


def _lf(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n")


def _normal_wheel(data: bytes) -> bytes:
    """WHEEL with its fields in the order of its specification, our name as Generator, and sorted tags."""
    lines = [line for line in _lf(data).decode("utf-8", "replace").splitlines() if ":" in line]
    fields = [(key.strip(), value.strip()) for key, _, value in (line.partition(":") for line in lines)]
    kept = [field for field in fields if field[0] != "Generator"]
    order = {"Wheel-Version": 0, "Generator": 1, "Root-Is-Purelib": 2, "Tag": 3}
    ordered = sorted(
        [*kept, ("Generator", "hatch-cloudrole")], key=lambda each: (order.get(each[0], 4), each)
    )
    return "".join(f"{key}: {value}\n" for key, value in ordered).encode()


def _info(name: str, *, executable: bool = False) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _ZIP_DATE)
    info.create_system = 3
    info.external_attr = (0o100755 if executable else 0o100644) << 16
    return info
