"""The Azure SDK's runtime, from stand-in files of the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sdkmaker import NAMES, make_sdk, program

from hatch_cloudrole.artifacts.sdk_runtime import REQUIRED, read_sdk_runtime
from hatch_cloudrole.errors import ProjectError
from hatch_cloudrole.service import role_parts
from tests.settings_samples import WEB, WORKER, role

if TYPE_CHECKING:
    from pathlib import Path

BOTH = {f"base/{part}/{name}" for part in ("x64", "x86") for name in NAMES}


def test_the_names_are_those_of_sdk_2_9() -> None:
    assert set(REQUIRED) == set(NAMES)


def test_each_kind_of_role_gets_the_configuration_of_its_own_host(tmp_path: Path) -> None:
    runtime = read_sdk_runtime(make_sdk(tmp_path))
    assert set(runtime.of(role(WEB))) == BOTH | {"base/x64/WaIISHost.exe.config"}
    assert set(runtime.of(role(WORKER))) == BOTH | {"base/x64/WaWorkerHost.exe.config"}
    direct = role('type = "web"\nwsgi-handler = "m:app"\nserver = "direct"\n')
    assert "base/x64/WaWorkerHost.exe.config" in runtime.of(direct), "to Azure it is a worker"
    assert runtime.of(role(WEB))["base/x86/mswasr.dll"].read() == program("x86/mswasr.dll")


@pytest.mark.parametrize("start", ["v2.9/runtimes/base", "v2.9/runtimes", "v2.9"])
def test_a_folder_around_it_does_as_well(tmp_path: Path, start: str) -> None:
    make_sdk(tmp_path)
    assert set(read_sdk_runtime(tmp_path / start).files) >= BOTH


def test_the_case_of_names_does_not_count(tmp_path: Path) -> None:
    base = make_sdk(tmp_path)
    (base / "x64" / "WaIISHost.exe").rename(base / "x64" / "waiishost.EXE")
    (base / "x86").rename(base / "X86")
    files = set(read_sdk_runtime(base).files)
    assert {"base/x64/WaIISHost.exe", "base/x86/msshrtmi.dll"} <= files


def test_all_of_base_is_taken_and_the_storage_library_of_older_sdks(tmp_path: Path) -> None:
    base = make_sdk(tmp_path)
    (base / "Microsoft.WindowsAzure.ServiceRuntime.dll").write_bytes(b"MZ")
    (base / "x64" / "de").mkdir()
    (base / "x64" / "de" / "more.dll").write_bytes(b"MZ")
    (base / "emulator").mkdir()
    (base / "emulator" / "no.dll").write_bytes(b"MZ")
    storage = base.parent / "storage" / "cloud" / "x64"
    storage.mkdir(parents=True)
    (storage / "mswacdmi.dll").write_bytes(b"MZ")
    (storage / "other.dll").write_bytes(b"MZ")
    found = set(read_sdk_runtime(base).of(role(WORKER))) - BOTH - {"base/x64/WaWorkerHost.exe.config"}
    assert found == {
        "base/Microsoft.WindowsAzure.ServiceRuntime.dll",
        "base/x64/de/more.dll",
        "storage/cloud/x64/mswacdmi.dll",
    }


def test_what_is_missing_is_named_one_by_one(tmp_path: Path) -> None:
    base = make_sdk(tmp_path)
    for name in ("x64/WaWorkerHost.exe", "x86/WaHostBootstrapper.exe.config"):
        (base / name).unlink()
    with pytest.raises(ProjectError) as error:
        read_sdk_runtime(base)
    assert [fault.what.rpartition(" ")[2] for fault in error.value.faults] == [
        "x64/WaWorkerHost.exe",
        "x86/WaHostBootstrapper.exe.config",
    ]
    assert all(
        fault.where == "tool.hatch.build.targets.cloudrole.sdk-runtime" for fault in error.value.faults
    )
    assert error.value.faults[-1].remedy


def test_the_hosts_configurations_may_be_missing(tmp_path: Path) -> None:
    """What is installed of an SDK need not have them: they are made for .NET roles."""
    base = make_sdk(tmp_path)
    (base / "x64" / "WaIISHost.exe.config").unlink()
    assert set(read_sdk_runtime(base).of(role(WEB))) == BOTH


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ((2, 9, 8699, 20), "2.9.8699.20"),
        ((2, 7, 6499, 8), "2.7.6499.8"),
        ((1, 0, 0, 0), "2.9.8699.20"),
        ((6, 1, 7601, 1), "2.9.8699.20"),
        (None, "2.9.8699.20"),
    ],
)
def test_the_version_is_read_from_a_program_that_has_an_sdks(
    tmp_path: Path, version: tuple[int, int, int, int] | None, expected: str
) -> None:
    assert read_sdk_runtime(make_sdk(tmp_path, version)).version == expected


def test_a_version_resource_that_is_cut_short_is_none(tmp_path: Path) -> None:
    base = make_sdk(tmp_path, (2, 9, 1, 1))
    path = base / "x64" / "Microsoft.WindowsAzure.ServiceRuntime.dll"
    path.write_bytes(path.read_bytes()[:-40])
    assert read_sdk_runtime(base).version == "2.9.8699.20"


def test_without_the_runtime_nothing_of_the_documents_changes(tmp_path: Path) -> None:
    runtime = read_sdk_runtime(make_sdk(tmp_path))
    worker = role(WORKER)
    plain, full = role_parts(worker), role_parts(worker, sdk=runtime.sdk(worker))
    assert plain["RoleModel.xml"] == full["RoleModel.xml"]
    assert b"Gac" not in plain["RuntimeSetup.Manifest"]
    assert full["RuntimeSetup.Manifest"].count(b'"Gac"') == 2
