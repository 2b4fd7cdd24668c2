"""A warm build beside a plain stored zip of the same bytes, in one run.

usage: python benchmarks/warm_build.py [PROJECT] [--rounds N]

PROJECT (default: the data-worker example) is built once to fill the store. Then, in turn: a warm build in a
process of its own, the starting of an interpreter that does nothing, and a process that writes what the
package holds to a plain stored zip. The medians and the ratio of the first to the last are printed; the warm
build must give the bytes of the first build, or the run fails.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent

PLAIN = """
import sys, zipfile
from pathlib import Path
source, target = map(Path, sys.argv[1:])
with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
    for path in sorted(source.iterdir()):
        archive.write(path, path.name)
"""


def timed(argv: list[str], env: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(argv, check=True, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "project", nargs="?", type=Path, default=HERE.parent / "fixtures" / "projects" / "data-worker"
    )
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = folder / "project"
        shutil.copytree(options.project, project, ignore=shutil.ignore_patterns("dist"))
        # An installed program has its bytecode; a checkout gets it from the first build.
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        env["HATCH_CLOUDROLE_CACHE_DIR"] = str(folder / "cache")
        build = [sys.executable, "-m", "hatch_cloudrole", "build", str(project), "-q"]
        cold = timed(build, env)
        package = next((project / "dist").glob("*.cspkg"))
        first = hashlib.sha256(package.read_bytes()).hexdigest()
        contents = folder / "contents"
        unpack = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])"
        subprocess.run([sys.executable, "-c", unpack, str(package), str(folder / "parts")], check=True)
        shutil.copytree(folder / "parts" / "LocalContent", contents)
        plain = [sys.executable, "-c", PLAIN, str(contents), str(folder / "plain.zip")]
        rows: dict[str, list[float]] = {"warm build": [], "plain stored zip": [], "interpreter alone": []}
        for _ in range(options.rounds):
            rows["warm build"].append(timed(build, env))
            rows["plain stored zip"].append(timed(plain, env))
            rows["interpreter alone"].append(timed([sys.executable, "-c", "pass"], env))
        if hashlib.sha256(package.read_bytes()).hexdigest() != first:
            sys.exit("the warm build gave other bytes than the first")
        print(
            f"{package.name}: {package.stat().st_size / 1e6:.1f} MB, same bytes each time; cold build {cold:.1f} s"
        )
        medians = {row: statistics.median(times) for row, times in rows.items()}
        for row, times in rows.items():
            print(
                f"{row:18} median {medians[row]:.3f} s  ({min(times):.3f} to {max(times):.3f}, {len(times)} rounds)"
            )
        over = medians["warm build"] - medians["plain stored zip"]
        print(
            f"warm build / plain zip: {medians['warm build'] / medians['plain stored zip']:.2f}; {over:.3f} s more"
        )


if __name__ == "__main__":
    main()
