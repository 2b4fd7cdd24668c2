"""The command line: what it says of itself, what errors become, and what it does not load."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from hatch_cloudrole import __version__
from hatch_cloudrole.cli import main as cli
from hatch_cloudrole.content import Content
from hatch_cloudrole.errors import (
    CloudRoleError,
    Fault,
    PackageError,
    ProjectError,
    ResolutionError,
    TransportError,
    WheelError,
)
from hatch_cloudrole.options import Options
from hatch_cloudrole.report import BuildReport, merge_report

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("kind", "code"),
    [(ProjectError, 2), (ResolutionError, 3), (WheelError, 4), (PackageError, 5), (TransportError, 6)],
)
def test_each_kind_of_error_has_its_exit_code(kind: type[CloudRoleError], code: int) -> None:
    assert kind.exit_code == code


def test_an_error_shows_every_fault_with_its_remedy() -> None:
    error = ProjectError("Two things", [Fault("a.b", "is wrong", "mend it"), Fault("", "so is this")])
    assert str(error) == "Two things\n  - a.b: is wrong\n    Next: mend it\n  - so is this"


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert __version__ in capsys.readouterr().out
    assert cli.run(["--help"]) == 0
    out = capsys.readouterr().out
    for name in ("build", "check", "lock", "inspect", "verify", "extract", "cache"):
        assert f"  {name} " in out


@pytest.mark.parametrize("argv", [["nonsense"], ["build", "--nonsense"], ["verify", "missing.cspkg"]])
def test_a_wrong_call_is_said_so_without_a_traceback(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(argv) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"not a zip", "zip"), (b"", "zip"), (b"PK\x05\x06" + b"\0" * 18, "no Cloud Service package")],
)
def test_a_file_that_is_no_package_is_an_invalid_package(
    data: bytes, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import re

    file = tmp_path / "x.cspkg"
    file.write_bytes(data)
    for command in (
        ["verify", str(file)],
        ["inspect", str(file)],
        ["extract", str(file), str(tmp_path / "out")],
    ):
        assert cli.run(command) == 5
        message = capsys.readouterr().err
        assert re.search(words, message), message
    assert not (tmp_path / "out").exists()


def test_the_environment_speaks_for_the_flags() -> None:
    options = Options.from_environment(
        {"HATCH_CLOUDROLE_LOCKED": "1", "HATCH_CLOUDROLE_OFFLINE": "true", "HATCH_CLOUDROLE_JOBS": "3"}
    )
    assert (options.locked, options.refresh, options.offline, options.jobs) == (True, False, True, 3)


def test_the_environment_is_refused_with_every_fault() -> None:
    with pytest.raises(ProjectError) as caught:
        Options.from_environment({"HATCH_CLOUDROLE_LOCKED": "maybe", "HATCH_CLOUDROLE_JOBS": "0"})
    assert [fault.where for fault in caught.value.faults] == [
        "HATCH_CLOUDROLE_JOBS",
        "HATCH_CLOUDROLE_LOCKED",
    ]


def test_the_plugin_is_light_for_builds_of_other_targets() -> None:
    """Hatch loads every plugin for any target: that must not cost what only we need."""
    import importlib

    heavy = ("requests", "rich", "uv", "pbs_installer", "click", "packaging.pylock")
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith("hatch_cloudrole")}
    hidden = {name: sys.modules.pop(name) for name in heavy if name in sys.modules}
    try:
        importlib.import_module("hatch_cloudrole.hatch.plugin")
        assert not [name for name in heavy if name in sys.modules]
        assert "hatch_cloudrole.pipeline" not in sys.modules
    finally:
        for name in [name for name in sys.modules if name.startswith("hatch_cloudrole")]:
            del sys.modules[name]
        sys.modules.update(before)
        sys.modules.update(hidden)


def report(target_version: str, version: str = "1.0") -> BuildReport:
    return BuildReport(
        service="Shop",
        version=version,
        target_version=target_version,
        artifacts={f"Shop.{target_version}": Content.of_bytes(b"x")},
        roles=(),
        origins={},
        locks=(),
        fetched_bytes=0,
        timings={"write": 0.12345},
    )


def test_a_report_keeps_other_target_versions_of_the_same_build() -> None:
    text = merge_report(merge_report("", report("cspkg")), report("zip"))
    assert sorted(json.loads(text)["versions"]) == ["cspkg", "zip"]
    assert sorted(json.loads(merge_report(text, report("zip", "2.0")))["versions"]) == ["zip"]
    assert sorted(json.loads(merge_report("not json", report("zip")))["versions"]) == ["zip"]
