"""How long an instance takes with `role.py configure` and its start, beside `pip install` of the same wheels.

    python benchmarks/instance_configure.py FOLDER [PYTHON [MODULE...]]

FOLDER holds the wheels, for the machine that this runs on; PYTHON (default: this one) has pip. The program of the
role imports each MODULE (default: those that have the name of a wheel). Prints seconds, of wheels that are
installed, and of packages that the build has laid out (`install = "unpacked"`); all on the same interpreter, one
after another, several times. Every start has to find the same versions and import the same modules.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent / folder) for folder in ("fixtures", ".")]

from rolemaker import HOST_PLATFORM, RoleOnInstance  # noqa: E402 - not installed, found through the line above

ROUNDS = 3
PROGRAM = """
import importlib, importlib.metadata, sys
for name in {modules!r}:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        if {strict}:
            raise
found = [(each.metadata["Name"], each.version) for each in importlib.metadata.distributions()]
print(sorted(each for each in found if each[0] in {names!r}))
print(sorted(sys.modules))
"""


def seconds(command: list[str], seen: list[bytes] | None = None) -> float:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begin = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, env=env)
    if seen is not None:
        seen.append(done.stdout)
    return time.perf_counter() - begin


def main(folder: Path, python: str, modules: list[str]) -> None:
    said = subprocess.run(
        [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], check=True, capture_output=True
    )
    wheels = sorted(folder.glob("*.whl"))
    data = {wheel.name: wheel.read_bytes() for wheel in wheels}
    names = [wheel.name.split("-")[0] for wheel in wheels]
    spellings = [*names, *(name.replace("_", "-") for name in names)]
    program = PROGRAM.format(modules=modules or names, strict=bool(modules), names=spellings)
    timings: dict[str, list[float]] = {}
    seen: list[bytes] = []

    def measure(name: str, command: list[str], *, told: bool = False) -> None:
        timings.setdefault(name, []).append(seconds(command, seen if told else None))

    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as scratch:
            for install in ("wheels", "unpacked"):
                place = Path(scratch) / install
                role = RoleOnInstance(place, python, said.stdout.decode().strip(), HOST_PLATFORM)
                role.make(data, {"worker.py": program}, install=install)
                measure(f"{install}: configure", role.command("configure"))
                measure(f"{install}: configure again", role.command("configure"))
                measure(f"{install}: first start", role.command("launch"), told=True)
                measure(f"{install}: later start", role.command("launch"), told=True)
            pip = [python, "-m", "pip", "--isolated", "install", "--no-deps", "--no-index"]
            target = ["--no-warn-script-location", "--target", f"{scratch}/pip"]
            measure("pip install", [*pip, *target, *map(str, wheels)])
    if len(set(seen)) != 1:
        sys.exit("the starts did not import the same: " + b"\n".join(sorted(set(seen))).decode())
    pip_seconds = min(timings["pip install"])
    for name, values in timings.items():
        best = min(values)
        ratio = f"{best / pip_seconds:5.2f} of pip"
        print(f"{name:27} {best:7.2f}   {ratio}   of {', '.join(f'{value:.2f}' for value in values)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else sys.executable, sys.argv[3:])
