"""What packs: well-known packages as a role's only dependency, for Windows and Linux.

usage: python benchmarks/packability.py [--page docs/packability.md] [NAME ...]

Each is resolved, fetched, packed and verified in a project of its own, with the index that this host uses. The
table goes to standard output, or into the page.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PLATFORMS = ("win_amd64", "manylinux_2_28_x86_64")
NAMES = [
    "django",
    "fastapi[standard]",
    "flask",
    "tornado",
    "aiohttp",
    "celery[redis]",
    "gunicorn",
    "sanic",
    "wagtail",
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "polars",
    "pyarrow",
    "matplotlib",
    "dask[complete]",
    "xgboost",
    "lightgbm",
    "onnxruntime",
    "azure-storage-blob",
    "azure-identity",
    "boto3",
    "google-cloud-storage",
    "psycopg[binary]",
    "psycopg2",
    "mysqlclient",
    "pyodbc",
    "oracledb",
    "pymssql",
    "confluent-kafka",
    "cryptography",
    "grpcio",
    "lxml",
    "pillow",
    "opencv-python-headless",
    "playwright",
    "uwsgi",
    "pywin32",
    "python-ldap",
    "jupyterlab",
]

PROJECT = """
[build-system]
requires = ["hatchling", "hatch-cloudrole"]
build-backend = "hatchling.build"
[project]
name = "sample"
version = "1.0"
dependencies = [{name}]
[tool.hatch.build.targets.cloudrole]
python = "3.13"
platform = "{platform}"
[tool.hatch.build.targets.cloudrole.roles.Worker]
type = "worker"
startup-file = "worker.py"
"""


def attempt(name: str, platform: str) -> str:
    """One cell of the table: wheels and size, or the exit code and why."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "pyproject.toml").write_text(PROJECT.format(name=json.dumps(name), platform=platform))
        (root / "worker.py").write_text("")
        command = [sys.executable, "-m", "hatch_cloudrole"]
        done = subprocess.run(
            [*command, "build", str(root), "--json", "-q"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            return f"no (exit {done.returncode}): {reason(done.stderr)}"
        report = json.loads(done.stdout)["versions"]["cspkg"]
        package = root / "dist" / "sample-1.0.cspkg"
        subprocess.run([*command, "verify", str(package)], check=True, capture_output=True)
        built = sum(1 for wheel in report["wheels"] if wheel["built_from"])
        more = f", {built} built from sdists" if built else ""
        count = len(report["wheels"])
        return f"{count} wheel{'s' * (count != 1)}, {package.stat().st_size / 1e6:.1f} MB{more}"


def reason(message: str) -> str:
    """The first fault, short enough for a table."""
    faults = re.findall(r"^  - (.*)$", message, re.MULTILINE)
    text = re.sub(r"\s+", " ", "; ".join(faults) or message.strip().splitlines()[0])
    return (text[:157] + "...") if len(text) > 160 else text


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--page", type=Path)
    options = parser.parse_args()
    lines = ["| package | win_amd64 | manylinux_2_28_x86_64 |", "|---|---|---|"]
    for name in options.names:
        cells = [attempt(name, platform).replace("|", r"\|") for platform in PLATFORMS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
        print(lines[-1], file=sys.stderr, flush=True)
    table = "\n".join(lines) + "\n"
    if options.page is None:
        print(table, end="")
        return
    page = options.page.read_text(encoding="utf-8")
    start, end = "<!-- table -->\n", "<!-- end -->"
    before, rest = page.split(start)
    options.page.write_text(before + start + table + end + rest.split(end)[1], encoding="utf-8", newline="\n")
    print(os.fspath(options.page))


if __name__ == "__main__":
    main()
