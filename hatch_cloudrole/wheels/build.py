"""Build a wheel from an sdist, in isolation, and write it anew so that its bytes depend on nothing else."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import sys
import zipfile
from typing import TYPE_CHECKING

from hatch_cloudrole.content import Content, chunks
from hatch_cloudrole.errors import Fault
from hatch_cloudrole.wheels.verify import BadWheelError, unsafe_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hatch_cloudrole.lock.indexes import Indexes
    from hatch_cloudrole.process import Runner

__all__ = ["BUILD_DATE", "BuildError", "build_wheel", "rewrite_wheel"]

BUILD_DATE = 1580601600
"""The date that every sdist is built with (seconds since the epoch, 2 February 2020): Hatch's own default."""

_ZIP_DATE = (2020, 2, 2, 0, 0, 0)


class BuildError(Exception):
    """An sdist did not become a wheel; holds the fault."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(str(fault))


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
) -> Path:
    """Build `sdist` to a wheel in `folder`, with its build requirements in an environment of their own.

    `root` is the project's folder.

    :raises BuildError: the build failed; the end of what it wrote is in the fault.
    """
    import uv

    argv = [uv.find_uv_bin(), "build", "--wheel", str(sdist), "--out-dir", str(folder), "--no-progress"]
    argv += ["--color", "never", "--python", sys.executable, "--no-python-downloads", "--no-create-gitignore"]
    for link in indexes.find_links:
        argv += ["--find-links", link]
    argv += indexes.arguments
    if offline:
        argv.append("--offline")
    if exclude_newer:
        argv += ["--exclude-newer", exclude_newer]
    build_env = {**indexes.applied_to(env), "SOURCE_DATE_EPOCH": str(BUILD_DATE), "PYTHONHASHSEED": "0"}
    build_env.pop("VIRTUAL_ENV", None)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        # uv reads its configuration in the folder it runs in: the project's, as when it resolves.
        done = run(argv, cwd=root, env=build_env)
    except OSError as error:
        raise BuildError(Fault(sdist.name, f"uv cannot be started: {error.strerror}")) from None
    wheels = sorted(folder.glob("*.whl"))
    if done.code or len(wheels) != 1:
        text = re.sub(r"(\w+://)[^/\s@]+@", r"\1", done.stderr.strip() or done.stdout.strip())
        tail = "\n      ".join(text.splitlines()[-15:])
        remedy = "pin a version that has a wheel, or put a wheel of it into a folder that find-links names"
        raise BuildError(Fault(sdist.name, f"it could not be built:\n      {tail}", remedy))
    return wheels[0]


def rewrite_wheel(source: Path, target: Path) -> Content:
    """Write the wheel `source` to `target`: members sorted, stored, with fixed dates, modes and a new RECORD.

    :raises BadWheelError: `source` is no sound wheel.
    """
    try:
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
            names = sorted(info.filename for info in old.infolist() if not info.is_dir())
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
                with old.open(name) as member, new.open(_info(name, executable=executable), "w") as out:
                    for chunk in chunks(member):  # type: ignore[arg-type]
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


def _info(name: str, *, executable: bool = False) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _ZIP_DATE)
    info.create_system = 3
    info.external_attr = (0o100755 if executable else 0o100644) << 16
    return info
