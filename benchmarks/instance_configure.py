"""How long `role.py configure` takes beside `pip install` of the same wheels with the same interpreter.

    python benchmarks/instance_configure.py FOLDER [PYTHON]

FOLDER holds the wheels, for the machine that this runs on; PYTHON (default: this one) has pip. Prints seconds.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent / folder) for folder in ("fixtures", ".")]

from rolemaker import HOST_PLATFORM, RoleOnInstance  # noqa: E402 - not installed, found through the line above

ROUNDS = 3


def seconds(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begin


def main(folder: Path, python: str) -> None:
    said = subprocess.run(
        [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], check=True, capture_output=True
    )
    wheels = sorted(folder.glob("*.whl"))
    data = {wheel.name: wheel.read_bytes() for wheel in wheels}
    timings: dict[str, list[float]] = {"pip install": [], "configure": [], "configure again": []}
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as scratch:
            role = RoleOnInstance(Path(scratch) / "role", python, said.stdout.decode().strip(), HOST_PLATFORM)
            role.make(data)
            timings["configure"].append(seconds(role.command("configure")))
            timings["configure again"].append(seconds(role.command("configure")))
            pip = [python, "-m", "pip", "--isolated", "install", "--no-deps", "--no-index"]
            target = ["--no-warn-script-location", "--target", f"{scratch}/pip"]
            timings["pip install"].append(seconds([*pip, *target, *map(str, wheels)]))
    for name, values in timings.items():
        print(f"{name:16} {min(values):7.2f}   of {', '.join(f'{value:.2f}' for value in values)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else sys.executable)
