"""Every way to build: the same package from each, and each fault said without a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.conftest import Shop

WHEEL = """
[tool.hatch.build.targets.wheel]
packages = ["web"]
[tool.hatch.build.targets.wheel.hooks.cloudrole]
"""
ON = {"HATCH_BUILD_HOOK_ENABLE_CLOUDROLE": "1"}
FRONT_ENDS = {
    "build, through the sdist": ["build", "--no-isolation"],
    "build": ["build", "--no-isolation", "--wheel"],
    "uv build, through the sdist": ["uv", "build", "--no-build-isolation", "--python", sys.executable],
    "uv build": ["uv", "build", "--no-build-isolation", "--python", sys.executable, "--wheel"],
    "hatchling build, wheel": ["hatchling", "build", "-t", "wheel"],
    "hatchling build, cloudrole": ["hatchling", "build", "-t", "cloudrole"],
}


def front_end(shop: Shop, *argv: str, **variables: str) -> subprocess.CompletedProcess[str]:
    pytest.importorskip(argv[0])
    return subprocess.run(
        [sys.executable, "-m", *argv],
        cwd=shop.root,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )


def with_hook(shop: Shop, table: str = "", **files: str) -> Shop:
    """The shop with the hook's table, whose contents are `table`."""
    shop.write(files=files)
    path = shop.root / "pyproject.toml"
    path.write_text(path.read_text() + WHEEL + table)
    return shop


def packages(shop: Shop) -> dict[str, bytes]:
    """The package and its documents; empties the folder."""
    found = {}
    for path in (shop.root / "dist").iterdir():
        if path.suffix in {".cspkg", ".csdef", ".cscfg", ".zip"}:
            found[path.name] = path.read_bytes()
        path.unlink()
    return found


@pytest.mark.usefixtures("index")
def test_every_front_end_gives_the_same_bytes(shop: Shop) -> None:
    """A role that is the project itself, a second one in a folder, and an artifact that git ignores."""
    with_hook(shop, **{".gitignore": "dist\n*.tmp\n", "README.md": "# Shop\n", "web/x.tmp": "ignored\n"})
    path = shop.root / "pyproject.toml"
    role = '[tool.hatch.build.targets.cloudrole.roles.Whole]\ntype = "worker"\nstartup-file = "orders/worker.py"\n'
    path.write_text(path.read_text() + role)
    assert shop.build().code == 0
    expected = packages(shop)
    assert sorted(expected) == [
        "shop-1.2.Cloud.cscfg",
        "shop-1.2.Local.cscfg",
        "shop-1.2.csdef",
        "shop-1.2.cspkg",
    ]
    for name, argv in FRONT_ENDS.items():
        done = front_end(shop, *argv, **ON)
        assert done.returncode == 0, (name, done.stdout, done.stderr)
        assert packages(shop) == expected, name


@pytest.mark.parametrize("table", ["", "enable-by-default = false\n"])
def test_the_hook_is_off_until_it_is_turned_on(shop: Shop, table: str) -> None:
    done = front_end(with_hook(shop, table), "hatchling", "build", "-t", "wheel")
    assert done.returncode == 0, done.stderr
    assert [name.rpartition(".")[2] for name in shop.artifacts()] == ["whl"]


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize(
    ("table", "variables"),
    [
        ("enable-by-default = true\n", {}),
        ("", {"HATCH_BUILD_HOOK_ENABLE_CLOUDROLE": "true"}),
        ("", {"HATCH_BUILD_HOOKS_ENABLE": "1"}),
    ],
)
def test_each_switch_turns_the_hook_on(shop: Shop, table: str, variables: dict[str, str]) -> None:
    done = front_end(with_hook(shop, table), "hatchling", "build", "-t", "wheel", **variables)
    assert done.returncode == 0, done.stderr
    assert "shop-1.2.cspkg" in packages(shop)


def test_hatch_can_turn_every_hook_off(shop: Shop) -> None:
    with_hook(shop, "enable-by-default = true\n")
    done = front_end(shop, "hatchling", "build", "-t", "wheel", HATCH_BUILD_NO_HOOKS="1")
    assert done.returncode == 0, done.stderr
    assert packages(shop) == {}


@pytest.mark.usefixtures("index")
def test_an_editable_wheel_and_an_sdist_bring_no_package(shop: Shop) -> None:
    with_hook(shop, "enable-by-default = true\n[tool.hatch.build]\ndev-mode-dirs = ['.']\n")
    for argv in (["-t", "wheel:editable"], ["-t", "sdist"]):
        done = front_end(shop, "hatchling", "build", *argv)
        assert done.returncode == 0, done.stderr
        assert packages(shop) == {}


@pytest.mark.usefixtures("index")
def test_a_global_hook_runs_once_and_for_the_wheel_alone(shop: Shop) -> None:
    path = shop.root / "pyproject.toml"
    hook = '[tool.hatch.build.hooks.cloudrole]\nenable-by-default = true\n[tool.hatch.build.targets.wheel]\npackages = ["web"]\n'
    path.write_text(path.read_text() + hook)
    for target, count in (("cloudrole", 1), ("sdist", 0), ("wheel", 1)):
        done = front_end(shop, "hatchling", "build", "-t", target)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("Writing shop-1.2.cspkg (") == count
        assert ("shop-1.2.cspkg" in packages(shop)) == bool(count)


@pytest.mark.usefixtures("index")
def test_the_hook_builds_the_versions_that_the_target_names(shop: Shop) -> None:
    shop.write(target='versions = ["zip", "cspkg"]')
    path = shop.root / "pyproject.toml"
    path.write_text(path.read_text() + WHEEL)
    assert front_end(shop, "hatchling", "build", "-t", "wheel", **ON).returncode == 0
    assert {"shop-1.2.zip", "shop-1.2.cspkg"} <= packages(shop).keys()
    done = front_end(shop, "hatchling", "build", "-t", "cloudrole:zip")
    assert done.returncode == 0, done.stderr
    assert list(packages(shop)) == ["shop-1.2.zip"]


@pytest.mark.usefixtures("index")
def test_cleaning_takes_the_packages_along(shop: Shop) -> None:
    with_hook(shop)
    assert front_end(shop, "hatchling", "build", "-t", "wheel", **ON).returncode == 0
    (shop.root / "dist" / "shop-1.1.cspkg").write_bytes(b"an earlier one")
    assert front_end(shop, "hatchling", "build", "-t", "wheel", "--clean-only").returncode == 0
    assert "shop-1.1.cspkg" in shop.artifacts(), "the hook is off, so it has nothing to clean"
    assert front_end(shop, "hatchling", "build", "-t", "wheel", "--clean-only", **ON).returncode == 0
    assert shop.artifacts() == []


# What goes wrong


@pytest.mark.parametrize(
    ("front", "code"),
    [
        (["hatchling", "build", "-t", "cloudrole"], 2),
        (["hatchling", "build", "-t", "wheel"], 2),
        (["build", "--no-isolation", "--wheel"], 1),
        (["uv", "build", "--no-build-isolation", "--python", sys.executable, "--wheel"], 2),
    ],
    ids=["hatchling-cloudrole", "hatchling-wheel", "build", "uv"],
)
def test_a_fault_of_the_settings_is_said_without_a_traceback(shop: Shop, front: list[str], code: int) -> None:
    with_hook(shop)
    path = shop.root / "pyproject.toml"
    path.write_text(path.read_text().replace('python = "3.13"', 'pyhton = "3.13"'))
    done = front_end(shop, *front, **ON)
    output = done.stdout + done.stderr
    assert done.returncode == code, output
    assert 'did you mean "python"?' in output
    assert "Traceback" not in output
    assert set(shop.artifacts()) <= {".gitignore"}, "no wheel without the package that was asked for"


@pytest.mark.parametrize("front", ["build, through the sdist", "uv build, through the sdist"])
def test_an_sdist_without_the_roles_files_is_the_remedy(shop: Shop, front: str) -> None:
    with_hook(shop, "[tool.hatch.build.targets.sdist]\nonly-include = ['web']\n")
    done = front_end(shop, *FRONT_ENDS[front], **ON)
    output = done.stdout + done.stderr
    assert done.returncode != 0
    assert "name a folder that is in the project" in output
    assert "[tool.hatch.build.targets.sdist]" in output
    assert "Traceback" not in output


def test_a_setting_in_the_hooks_own_table_is_refused(shop: Shop) -> None:
    with_hook(shop, 'enable-by-default = true\nplatform = "win32"\n')
    done = front_end(shop, "hatchling", "build", "-t", "wheel")
    assert done.returncode == 2, done.stderr
    assert "wheel.hooks.cloudrole.platform: unknown key" in done.stderr
    with_hook(shop, 'enable-by-default = "yes"\n')
    done = front_end(shop, "hatchling", "build", "-t", "wheel")
    assert done.returncode == 2, done.stderr
    assert "found 'yes', accepted: true or false" in done.stderr


def test_a_hook_without_roles_says_so(shop: Shop, tmp_path: Path) -> None:
    (shop.root / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "shop"\nversion = "1.2"\n' + WHEEL + "enable-by-default = true\n"
    )
    done = front_end(shop, "hatchling", "build", "-t", "wheel")
    assert done.returncode == 2
    assert "The project has no roles" in done.stderr
