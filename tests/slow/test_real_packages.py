"""Real packages from the real index, judged by programs that are not ours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hatch_cloudrole.toml import loads

EXAMPLES = Path(__file__).parents[2] / "fixtures" / "projects"

PROJECT = """
[build-system]
requires = ["hatchling", "hatch-cloudrole"]
build-backend = "hatchling.build"
[project]
name = "sample"
version = "1.0"
dependencies = {dependencies}
[tool.hatch.build.targets.cloudrole]
python = "{python}"
platform = "{platform}"
[tool.hatch.build.targets.cloudrole.roles.Worker]
type = "worker"
startup-file = "worker.py"
"""

MARKERS = ["click", "portalocker", "tzlocal", "uvicorn[standard]", "ipython", "psycopg[binary]"]

MANY = [
    "Django", "pandas", "scikit-learn", "pyarrow", "lxml", "cryptography", "azure-storage-blob", "azure-identity",
    "azure-keyvault-secrets", "azure-servicebus", "azure-data-tables", "azure-monitor-opentelemetry", "celery[redis]",
    "sqlalchemy", "psycopg[binary]", "pydantic", "fastapi", "uvicorn[standard]", "requests", "httpx", "pillow",
    "openpyxl", "jinja2", "rich", "boto3", "paramiko", "matplotlib",
]  # fmt: skip


def make_project(root: Path, dependencies: list[str], *, platform: str, python: str = "3.13") -> Path:
    root.mkdir(parents=True)
    text = PROJECT.format(dependencies=json.dumps(dependencies), platform=platform, python=python)
    (root / "pyproject.toml").write_text(text)
    (root / "worker.py").write_text("print('ready')\n")
    return root


def build(root: Path, cache: Path, *argv: str, python: str = sys.executable) -> dict[str, object]:
    """Build as a user would, in a process of its own; gives the report."""
    env = {**os.environ, "HATCH_CLOUDROLE_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [python, "-m", "hatch_cloudrole", "build", str(root), "--json", *argv],
        capture_output=True,
        text=True,
        env=env,
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, object] = json.loads(done.stdout)["versions"]["cspkg"]
    return report


def names(report: dict[str, object]) -> set[str]:
    return {wheel["name"] for wheel in report["wheels"]}  # type: ignore[attr-defined]


def verify(package: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hatch_cloudrole", "verify", str(package)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def install_offline(approot: Path, target: Path, platform: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--find-links", "wheels",
         "--require-hashes", "--only-binary", ":all:", "--platform", platform, "--python-version", "3.13",
         "--implementation", "cp", "--target", str(target), "-r", "requirements.txt"],
        cwd=approot, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def extract(package: Path, folder: Path, role: str) -> Path:
    subprocess.run(
        [sys.executable, "-m", "hatch_cloudrole", "extract", "-q", str(package), str(folder)], check=True
    )
    return folder / "Roles" / role / "approot"


@pytest.mark.network
@pytest.mark.usefixtures("network")
def test_markers_are_those_of_the_target(tmp_path: Path, shared_cache: Path) -> None:
    """The same requirements give Windows what Windows needs, Linux what Linux needs, and install offline."""
    windows = make_project(tmp_path / "windows", MARKERS, platform="win_amd64")
    report = build(windows, shared_cache)
    assert {"colorama", "tzdata", "psycopg-binary"} <= names(report)
    assert not {"uvloop", "pexpect", "ptyprocess"} & names(report)
    verify(windows / "dist" / "sample-1.0.cspkg")
    approot = extract(windows / "dist" / "sample-1.0.cspkg", tmp_path / "w", "Worker")
    install_offline(approot, tmp_path / "wt", "win_amd64")

    linux = make_project(tmp_path / "linux", MARKERS, platform="manylinux_2_28_x86_64")
    report = build(linux, shared_cache)
    assert {"uvloop", "pexpect", "ptyprocess"} <= names(report)
    assert not {"colorama"} & names(report)
    verify(linux / "dist" / "sample-1.0.cspkg")


@pytest.mark.network
@pytest.mark.usefixtures("network")
def test_sixty_wheels_in_flat_memory(tmp_path: Path, shared_cache: Path, tools: Path) -> None:
    root = make_project(tmp_path / "many", MANY, platform="win_amd64")
    report = build(root, shared_cache)
    assert len(report["wheels"]) >= 60  # type: ignore[arg-type]
    package = root / "dist" / "sample-1.0.cspkg"
    verify(package)
    script = (
        "import resource, sys; from hatch_cloudrole.cli.main import run; code = run(sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024); sys.exit(code)"
    )
    env = {**os.environ, "HATCH_CLOUDROLE_CACHE_DIR": str(shared_cache)}
    done = subprocess.run(
        [sys.executable, "-c", script, "build", str(root), "-q"], capture_output=True, text=True, env=env
    )
    assert done.returncode == 0, done.stderr
    peak = int(done.stdout.splitlines()[-1])
    assert peak < 150, f"{peak} MiB for a package of {package.stat().st_size >> 20} MiB"
    judge(tools, package)


def judge(tools: Path, *files: Path) -> None:
    """What Microsoft's schemas and .NET's own libraries say: valid, and the manifest as .NET writes it."""
    dotnet = subprocess.run(
        [str(tools / "dotnet-check" / "dotnet-check"), "check", *map(str, files)],
        capture_output=True,
        text=True,
    )
    assert dotnet.returncode == 0, dotnet.stdout + dotnet.stderr
    lines = dotnet.stdout.splitlines()
    assert len(lines) == len(files), f"a remark beside the verdicts: {dotnet.stdout}"
    schemas = subprocess.run(
        [sys.executable, str(tools / "validate_service_model.py"), *map(str, files)],
        capture_output=True,
        text=True,
    )
    assert schemas.returncode == 0, schemas.stdout + schemas.stderr


@pytest.mark.network
@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("example", ["guestbook", "data-worker", "django-site", "fastapi-direct"])
def test_the_examples(example: str, tmp_path: Path, shared_cache: Path, tools: Path) -> None:
    """Every artifact is accepted by programs of others; what .NET repacks is accepted by us, with the same files."""
    root = tmp_path / example
    shutil.copytree(EXAMPLES / example, root, ignore=shutil.ignore_patterns("dist"))
    build(root, shared_cache)
    files = [path for path in (root / "dist").iterdir() if path.suffix in {".cspkg", ".csdef", ".cscfg"}]
    assert len(files) >= 4
    judge(tools, *files)
    package = next(path for path in files if path.suffix == ".cspkg")
    verify(package)
    repacked = tmp_path / "repacked.cspkg"
    dotnet = str(tools / "dotnet-check" / "dotnet-check")
    subprocess.run([dotnet, "repack", str(package), str(repacked)], check=True, capture_output=True)
    verify(repacked)
    shown = []
    for each in (package, repacked):
        done = subprocess.run(
            [sys.executable, "-m", "hatch_cloudrole", "inspect", "--json", str(each)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        document = json.loads(done.stdout)
        shown.append([(role["name"], role["files"]) for role in document["roles"]])
    assert shown[0] == shown[1]
    with zipfile.ZipFile(package) as archive:
        assert archive.testzip() is None


@pytest.mark.network
@pytest.mark.usefixtures("network")
def test_every_front_end_and_every_python_gives_the_same_bytes(
    tmp_path: Path, shared_cache: Path, pythons: list[str]
) -> None:
    """hatchling, the command line, and the command line of other CPythons, with sdists built anew by each."""
    root = tmp_path / "guestbook"
    shutil.copytree(EXAMPLES / "guestbook", root, ignore=shutil.ignore_patterns("dist"))
    build(root, shared_cache)
    package = next((root / "dist").glob("*.cspkg"))
    first = package.read_bytes()
    env = {**os.environ, "HATCH_CLOUDROLE_CACHE_DIR": str(shared_cache)}
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "cloudrole"],
        cwd=root,
        env=env,
        check=True,
        capture_output=True,
    )
    assert package.read_bytes() == first
    source = Path(__file__).parents[2]
    for number, python in enumerate(pythons):
        venv = tmp_path / f"venv{number}"
        subprocess.run([python, "-m", "venv", str(venv)], check=True)
        own = venv / "bin" / "python"
        subprocess.run([str(own), "-m", "pip", "install", "-q", str(source)], check=True, capture_output=True)
        other = tmp_path / f"elsewhere {number}"
        shutil.copytree(root, other, ignore=shutil.ignore_patterns("dist"))
        build(other, tmp_path / f"cache{number}", python=str(own))
        assert next((other / "dist").glob("*.cspkg")).read_bytes() == first, python


@pytest.mark.network
@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("platform", ["win_amd64", "manylinux_2_28_x86_64", "macosx_11_0_arm64"])
def test_both_resolvers_give_the_same_set(tmp_path: Path, shared_cache: Path, platform: str) -> None:
    """Markers, extras, and packages that have nothing but an sdist."""
    root = make_project(tmp_path / "both", [*MARKERS, "docopt"], platform=platform)
    uv, pip_tools = (locked(root, shared_cache, resolver) for resolver in ("uv", "pip-tools"))
    assert uv == pip_tools
    assert len(uv) > 20
    assert "docopt" in {name for name, _ in uv}


@pytest.mark.network
@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("example", ["guestbook", "data-worker"])
def test_both_resolvers_give_the_same_set_for_the_examples(
    example: str, tmp_path: Path, shared_cache: Path
) -> None:
    root = tmp_path / example
    shutil.copytree(EXAMPLES / example, root, ignore=shutil.ignore_patterns("dist"))
    assert locked(root, shared_cache, "uv") == locked(root, shared_cache, "pip-tools")


def locked(root: Path, cache: Path, resolver: str) -> set[tuple[str, str]]:
    """Name and version of every package that a resolver pins for the project."""
    file = root / "pyproject.toml"
    lines = [line for line in file.read_text().splitlines() if not line.startswith("resolver =")]
    lines.insert(lines.index("[tool.hatch.build.targets.cloudrole]") + 1, f'resolver = "{resolver}"')
    file.write_text("\n".join(lines) + "\n")
    env = {**os.environ, "HATCH_CLOUDROLE_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, "-m", "hatch_cloudrole", "lock", str(root)], capture_output=True, text=True, env=env
    )
    assert done.returncode == 0, done.stderr
    packages = loads((root / "pylock.cloudrole.toml").read_text())["packages"]
    return {(package["name"], package["version"]) for package in packages}
