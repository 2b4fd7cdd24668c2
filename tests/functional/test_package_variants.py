"""Packages with the SDK's runtime, packages made from a seed, and zips with a folder a role."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sdkmaker import NAMES, make_sdk

from hatch_cloudrole.package import check_package, open_artifact, open_package

if TYPE_CHECKING:
    from tests.functional.conftest import Shop

pytestmark = pytest.mark.usefixtures("index")
DEFINITION = "{http://schemas.microsoft.com/ServiceHosting/2008/10/ServiceDefinition}"


def layouts(path: Path) -> dict[str, dict[str, bytes]]:
    """Every file of every role."""
    with open_artifact(path) as package:
        return {
            role: {name: content.read() for name, content in files.items()}
            for role, files in package.layouts.items()
        }


def failed(shop: Shop, *argv: str, code: int = 2) -> str:
    ran = shop.build(*argv)
    assert ran.code == code, ran.err
    assert "Traceback" not in ran.err
    assert shop.artifacts() == []
    return ran.err


# sdk-runtime


def test_the_sdk_runtime_is_in_each_role_with_the_host_program_of_its_kind(shop: Shop) -> None:
    make_sdk(shop.root / "sdk", (2, 9, 8699, 20))
    shop.write(target='sdk-runtime = "sdk/v2.9/runtimes/base"')
    ran = shop.build()
    assert ran.code == 0, ran.err
    assert r"no Azure SDK runtime" not in ran.err
    both = {f"base/{part}/{name}" for part in ("x64", "x86") for name in NAMES}
    found = {
        role: {name for name in files if name.startswith("base/")}
        for role, files in layouts(shop.package).items()
    }
    assert found["Web"] == both | {"base/x64/WaIISHost.exe.config"}
    assert found["Orders"] == both | {"base/x64/WaWorkerHost.exe.config"}
    assert check_package(shop.package) == []


def test_runtime_setup_names_what_the_role_has_of_the_sdk(shop: Shop) -> None:
    import xml.etree.ElementTree as ET

    base = make_sdk(shop.root / "sdk")
    (base.parent / "storage" / "cloud" / "x64").mkdir(parents=True)
    (base.parent / "storage" / "cloud" / "x64" / "mswacdmi.dll").write_bytes(b"MZ")
    shop.write(target='sdk-runtime = "sdk/v2.9/runtimes/base"')
    assert shop.build().code == 0
    files = layouts(shop.package)["Orders"]
    assert files["storage/cloud/x64/mswacdmi.dll"] == b"MZ"
    operations = [
        (each.get("type"), each.get("path"))
        for each in ET.fromstring(files["RuntimeSetup.Manifest"]).iter("Operation")
    ]
    assert operations == [
        ("Gac", r"base\x64\msshrtmi.dll"),
        ("Gac", r"base\x86\msshrtmi.dll"),
        ("Gac", r"storage\cloud\x64\mswacdmi.dll"),
        ("Path", r"base\x64"),
        ("Path", r"base\x86"),
    ]


@pytest.mark.parametrize(
    ("version", "expected"),
    [((2, 9, 6496, 3), "2.9.6496.3"), (None, "2.9.8699.20"), ((10, 0, 17763, 1), "2.9.8699.20")],
)
def test_every_document_has_the_version_of_the_sdk_where_it_is_known(
    shop: Shop, version: tuple[int, int, int, int] | None, expected: str
) -> None:
    import xml.etree.ElementTree as ET

    make_sdk(shop.root / "sdk", version)
    shop.write(target='sdk-runtime = "sdk"')
    (shop.root / "sdk").rename(shop.root / "moved")
    (shop.root / "moved" / "v2.9").rename(shop.root / "sdk")
    assert shop.build().code == 0
    with open_package(shop.package) as package:
        assert package.product_version == expected
        for role, files in package.layouts.items():
            assert ET.fromstring(files["RoleModel.xml"].read()).get("version") == expected
            support = ET.fromstring(package.parts[f"NamedStreams/SupportData/{role}/1.0"].read())
            assert support.findtext("SDKVersion") == expected
    assert check_package(shop.package) == []


def test_every_missing_file_of_the_sdk_is_named(shop: Shop) -> None:
    base = make_sdk(shop.root / "sdk")
    (base / "x64" / "WaIISHost.exe").unlink()
    (base / "x86" / "msshrtmi.dll").unlink()
    shop.write(target='sdk-runtime = "sdk/v2.9/runtimes/base"')
    message = failed(shop)
    assert "x64/WaIISHost.exe" in message
    assert "x86/msshrtmi.dll" in message
    assert "targets.cloudrole.sdk-runtime" in message
    (shop.root / "elsewhere").mkdir()
    shop.write(target='sdk-runtime = "elsewhere"')
    assert r"runtimes\base of an installed SDK" in failed(shop)


# seed


def test_a_package_from_a_seed_differs_in_approot_and_sitesroot_alone(shop: Shop, tmp_path: Path) -> None:
    make_sdk(shop.root / "sdk", (2, 9, 6496, 3))
    shop.write(target='sdk-runtime = "sdk/v2.9/runtimes/base"')
    assert shop.build().code == 0
    seed = tmp_path / "seed.cspkg"
    shop.package.rename(seed)
    shop.write(target=f'seed = "{seed.as_posix()}"', files={"web/app.py": "app = 1\n", "orders/new.py": ""})
    ran = shop.build()
    assert ran.code == 0, ran.err
    assert check_package(shop.package) == []
    document = json.loads(shop.run("diff", str(seed), str(shop.package), "--json").out)
    assert document["documents"] == {"added": [], "removed": [], "changed": []}
    assert document["product_version"] == {"from": "2.9.6496.3", "to": "2.9.6496.3"}
    changed = {
        (role["name"], kind, file["path"])
        for role in document["roles"]
        for kind, files in role["files"].items()
        for file in files
    }
    assert changed == {
        ("Web", "changed", "approot/app.py"),
        ("Web", "changed", "sitesroot/0/app.py"),
        ("Orders", "added", "approot/new.py"),
    }


def test_what_is_kept_of_a_seed_keeps_its_content_times_and_flags(shop: Shop, tmp_path: Path) -> None:
    from hatch_cloudrole.package.reader import read_structure

    assert shop.build().code == 0
    seed = tmp_path / "seed.cspkg"
    with zipfile.ZipFile(shop.package) as archive, zipfile.ZipFile(seed, "w", zipfile.ZIP_DEFLATED) as other:
        for info in archive.infolist():
            data = archive.read(info)
            if info.filename == "package.xml":
                data = data.replace(b"2020-02-02T00:00:00Z", b"2011-11-11T11:11:11.1234567Z")
                data = data.replace(b"<ReadOnly>false", b"<ReadOnly>true", 1)
            other.writestr(info, data, zipfile.ZIP_DEFLATED)
    shop.write(target=f'seed = "{seed.as_posix()}"', files={"web/app.py": "app = 2\n"})
    assert shop.build().code == 0
    files = {}
    for path in (seed, shop.package):
        with read_structure(path) as reading:
            files[path] = {
                (layout.role, file)
                for layout in reading.manifest.layouts
                for file in layout.files
                if not file.relative.startswith(("approot/", "sitesroot/"))
            }
            files[path] |= {each for each in reading.manifest.contents if "LocalContent" not in each.name}  # type: ignore[misc]
    assert files[seed] == files[shop.package]
    assert shop.build().code == 0
    first = shop.package.read_bytes()
    assert shop.build().code == 0
    assert shop.package.read_bytes() == first


def test_a_seed_with_other_roles_is_refused(shop: Shop, tmp_path: Path) -> None:
    assert shop.build().code == 0
    seed = tmp_path / "seed.cspkg"
    shop.package.rename(seed)
    for path in (shop.root / "dist").iterdir():
        path.unlink()
    target = f'seed = "{seed.as_posix()}"'
    shop.write(target=target)
    text = (shop.root / "pyproject.toml").read_text()
    (shop.root / "pyproject.toml").write_text(text.replace("roles.Orders", "roles.Parcels"))
    message = failed(shop)
    assert "seed.cspkg has no role Parcels; it has Orders, Web" in message
    assert "seed.cspkg has a role Orders, which the settings have not" in message
    (shop.root / "pyproject.toml").write_text(
        text.replace('wsgi-handler = "app:app"', 'wsgi-handler = "app:app"\nserver = "direct"')
    )
    assert "Web is a WebRole in seed.cspkg, and a WorkerRole by its settings" in failed(shop)
    shop.write(target=f'{target}\nsdk-runtime = "web"')
    assert "at most one of the two" in failed(shop)


def test_a_seed_whose_documents_need_a_file_that_is_gone_is_refused(shop: Shop, tmp_path: Path) -> None:
    task = r"startup-tasks = [{ command = 'bin\odbc.cmd' }]"
    shop.write(role=task, files={"orders/bin/odbc.cmd": "exit /b 0\n"})
    assert shop.build().code == 0
    seed = tmp_path / "seed.cspkg"
    shop.package.rename(seed)
    for path in (shop.root / "dist").iterdir():
        path.unlink()
    (shop.root / "orders" / "bin" / "odbc.cmd").unlink()
    shop.write(target=f'seed = "{seed.as_posix()}"')
    message = failed(shop)
    assert "approot/bin/odbc.cmd" in message
    assert list((shop.root / "dist").iterdir()) == []


def test_what_is_no_sound_package_is_no_seed(shop: Shop, tmp_path: Path) -> None:
    (shop.root / "seed.cspkg").write_bytes(b"PK, but nothing more")
    shop.write(target='seed = "seed.cspkg"')
    assert "is no zip file" in failed(shop, code=5)
    (shop.root / "seed.cspkg").unlink()
    assert "name a file that is" in failed(shop)
    shop.write()
    assert shop.build().code == 0
    shop.write(target='seed = "dist/shop-1.2.cspkg"')
    ran = shop.build()
    assert ran.code == 2
    assert "is what this build writes" in ran.err


def test_a_damaged_seed_leaves_the_package_that_was_there(shop: Shop, tmp_path: Path) -> None:
    assert shop.build().code == 0
    data = bytearray(shop.package.read_bytes())
    data[data.index(b"<RoleModel ") + 2] ^= 1
    (tmp_path / "seed.cspkg").write_bytes(data)
    before = shop.package.read_bytes()
    shop.write(target=f'seed = "{(tmp_path / "seed.cspkg").as_posix()}"')
    ran = shop.build()
    assert ran.code == 5, ran.err
    assert shop.package.read_bytes() == before
    assert not [name for name in shop.artifacts() if name.startswith(".")]


@pytest.mark.tools
def test_a_seed_that_dotnet_wrote_anew(shop: Shop, tmp_path: Path) -> None:
    tools = os.environ.get("CLOUDROLE_TEST_TOOLS")
    if not tools:
        pytest.skip("CLOUDROLE_TEST_TOOLS does not name the folder of the checking tools")
    assert shop.build().code == 0
    seed = tmp_path / "seed.cspkg"
    program = Path(tools, "dotnet-check", "dotnet-check")
    subprocess.run([program, "repack", shop.package, seed], check=True, capture_output=True)
    shop.write(target=f'seed = "{seed.as_posix()}"', files={"web/app.py": "app = 3\n"})
    ran = shop.build()
    assert ran.code == 0, ran.err
    document = json.loads(shop.run("diff", str(seed), str(shop.package), "--json").out)
    paths = {file["path"] for role in document["roles"] for files in role["files"].values() for file in files}
    assert paths == {"approot/app.py", "sitesroot/0/app.py"}
    assert document["documents"] == {"added": [], "removed": [], "changed": []}
    done = subprocess.run([program, "check", shop.package], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


# zip


def zip_of(shop: Shop) -> Path:
    return shop.root / "dist" / "shop-1.2.zip"


def test_a_zip_has_each_approot_as_a_folder(shop: Shop) -> None:
    ran = shop.build("-t", "zip", "-t", "cspkg")
    assert ran.code == 0, ran.err
    assert [Path(line).name for line in ran.out.splitlines()][:2] == ["shop-1.2.zip", "shop-1.2.cspkg"]
    approots = {
        f"{role}/{name.removeprefix('approot/')}": data
        for role, files in layouts(shop.package).items()
        for name, data in files.items()
        if name.startswith("approot/")
    }
    with zipfile.ZipFile(zip_of(shop)) as archive:
        infos = archive.infolist()
        assert {info.filename: archive.read(info) for info in infos} == approots
    assert [info.filename for info in infos] == sorted(approots)
    assert {info.compress_type for info in infos} == {zipfile.ZIP_STORED}
    assert {info.date_time for info in infos} == {(2020, 2, 2, 0, 0, 0)}
    assert "Web/web.config" in approots
    assert sorted(shop.report["versions"]) == ["cspkg", "zip"]
    assert [each["path"] for each in shop.report["versions"]["zip"]["artifacts"]] == ["shop-1.2.zip"]


def test_a_zip_alone_needs_no_values_of_settings_and_writes_no_service_documents(shop: Shop) -> None:
    shop.write(role='settings = { Mode = "{env:NOT_SET_ANYWHERE}" }')
    assert shop.build("-t", "zip").code == 0
    assert shop.artifacts() == ["shop-1.2.report.json", "shop-1.2.zip"]


def test_a_zip_is_the_same_under_another_umask_zone_and_folder(shop: Shop, tmp_path: Path) -> None:
    import shutil

    assert shop.build("-t", "zip").code == 0
    other = tmp_path / "another place"
    shutil.copytree(shop.root, other, ignore=shutil.ignore_patterns("dist"))
    env = {**os.environ, "TZ": "Pacific/Auckland", "LC_ALL": "C", "PYTHONHASHSEED": "4242"}
    done = subprocess.run(
        [sys.executable, "-c", "import os; os.umask(0o077); from hatch_cloudrole.cli.main import main; main()",
         "build", "--offline", "-q", "-t", "zip"], cwd=other, env=env, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (other / "dist" / "shop-1.2.zip").read_bytes() == zip_of(shop).read_bytes()


def linux_worker(shop: Shop) -> None:
    shop.write(target='platform = "manylinux_2_28_x86_64"')
    head = (shop.root / "pyproject.toml").read_text()
    start, end = (
        head.index(f"[tool.hatch.build.targets.cloudrole.roles.{name}]") for name in ("Web", "Orders")
    )
    (shop.root / "pyproject.toml").write_text(head[:start] + head[end:])


def test_shell_scripts_of_a_zip_are_executable_by_rule(shop: Shop) -> None:
    linux_worker(shop)
    (shop.root / "orders" / "worker.py").chmod(0o755)
    assert shop.build("-t", "zip").code == 0
    with zipfile.ZipFile(zip_of(shop)) as archive:
        modes = {info.filename: info.external_attr >> 16 for info in archive.infolist()}
    programs = {name for name, mode in modes.items() if mode == 0o100755}
    assert programs == {"Orders/bin/configure.sh", "Orders/bin/launch.sh"}
    assert set(modes.values()) == {0o100755, 0o100644}


@pytest.mark.skipif(sys.platform == "win32" or sys.version_info[:2] == (3, 9), reason="runs sh")
def test_an_unpacked_zip_configures_and_launches_here(shop: Shop, tmp_path: Path) -> None:
    """The whole point: no Service Runtime, one folder, two scripts."""
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    linux_worker(shop)
    text = (shop.root / "pyproject.toml").read_text()
    text = text.replace('python = "3.13"', f'python = "{minor}"').replace('"manylinux_2_28_x86_64"', '"host"')
    (shop.root / "pyproject.toml").write_text(text.replace('["flask"]', '["colorama"]'))
    (shop.root / "orders" / "worker.py").write_text("import colorama, requests\nprint('it works')\n")
    ran = shop.build("-t", "zip")
    assert ran.code == 0, ran.err
    with zipfile.ZipFile(zip_of(shop)) as archive:
        for info in archive.infolist():
            (tmp_path / "host" / Path(archive.extract(info, tmp_path / "host"))).chmod(
                info.external_attr >> 16
            )
    env = {"PATH": os.environ["PATH"], "PYTHON": sys.executable}
    for script in ("configure.sh", "launch.sh"):
        done = subprocess.run(
            [tmp_path / "host" / "Orders" / "bin" / script], env=env, capture_output=True, text=True, cwd="/"
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert "it works" in done.stdout


def test_verify_inspect_and_extract_take_a_zip(shop: Shop, tmp_path: Path) -> None:
    assert shop.build("-t", "zip").code == 0
    assert "valid (2 roles, 10 wheels)" in shop.run("verify", str(zip_of(shop))).out
    document = json.loads(shop.run("inspect", str(zip_of(shop)), "--json").out)
    assert {role["name"]: role["type"] for role in document["roles"]} == {"Web": "web", "Orders": "worker"}
    assert shop.run("extract", str(zip_of(shop)), str(tmp_path / "out"), "-q").code == 0
    assert (tmp_path / "out" / "Roles" / "Web" / "approot" / "app.py").read_text() == "app = None\n"


def test_verify_finds_what_is_wrong_with_a_zip(shop: Shop) -> None:
    assert shop.build("-t", "zip").code == 0
    data = bytearray(zip_of(shop).read_bytes())
    data[data.index(b"app = None") + 2] ^= 1
    broken = shop.root / "broken.zip"
    broken.write_bytes(data)
    ran = shop.run("verify", str(broken))
    assert ran.code == 5
    assert "Web/app.py" in ran.err
    with zipfile.ZipFile(zip_of(shop)) as archive, zipfile.ZipFile(broken, "w") as other:
        for info in archive.infolist():
            if "colorama" not in info.filename:
                other.writestr(info, archive.read(info))
        other.writestr("Web/../../evil", b"")
        other.writestr("stray/file.txt", b"")
    ran = shop.run("verify", str(broken))
    assert ran.code == 5
    assert "'..'" in ran.err
    assert shop.run("extract", str(broken), str(shop.root / "out")).code == 5
    assert not (shop.root / "out").exists()
    with zipfile.ZipFile(zip_of(shop)) as archive, zipfile.ZipFile(broken, "w") as other:
        for info in archive.infolist():
            if "colorama" not in info.filename:
                other.writestr(info, archive.read(info))
    ran = shop.run("verify", str(broken))
    assert ran.code == 5
    assert "colorama" in ran.err


def test_a_static_folder_at_another_path_is_a_note_of_the_zip(shop: Shop) -> None:
    shop.write(files={"web/public/logo.txt": "logo"})
    text = (shop.root / "pyproject.toml").read_text()
    (shop.root / "pyproject.toml").write_text(
        text.replace('wsgi-handler = "app:app"', 'wsgi-handler = "app:app"\nstatic = { "/s" = "public" }')
    )
    ran = shop.build("-t", "zip")
    assert "virtual directory /s that leads to public" in ran.err


def test_clean_removes_every_kind_of_artifact(shop: Shop) -> None:
    assert shop.build("-t", "zip", "-t", "cspkg").code == 0
    (shop.root / "dist" / "other.zip").write_bytes(b"")
    assert shop.build("-t", "zip", "--clean").code == 0
    assert shop.artifacts() == ["other.zip", "shop-1.2.report.json", "shop-1.2.zip"]


@pytest.mark.parametrize("folder", ["out", "out/deep", "."])
def test_what_an_earlier_build_left_is_no_part_of_the_next(shop: Shop, folder: str) -> None:
    """Wherever it was written: a role whose root is the project would grow with every build."""
    path = shop.root / "pyproject.toml"
    role = '[tool.hatch.build.targets.cloudrole.roles.Whole]\ntype = "worker"\nstartup-file = "orders/worker.py"\n'
    path.write_text(path.read_text() + role)
    output = shop.root / folder
    sizes = []
    for _ in range(2):
        ran = shop.build("-t", "zip", "-t", "cspkg", "-d", str(output))
        assert ran.code == 0, ran.err
        sizes.append([(output / f"shop-1.2.{kind}").read_bytes() for kind in ("zip", "cspkg")])
    assert sizes[0] == sizes[1]


# Several targets, several configurations


def test_two_targets_in_one_service_have_a_lock_and_the_right_wheels_each(shop: Shop) -> None:
    shop.write(role='platform = "manylinux_2_28_x86_64"')
    ran = shop.build()
    assert ran.code == 0, ran.err
    build = shop.report["versions"]["cspkg"]
    wheels = {role["name"]: {name.split("-")[0] for name in role["wheels"]} for role in build["roles"]}
    assert wheels["Web"] == {"click", "colorama", "flask", "markupsafe", "wfastcgi"}
    assert wheels["Orders"] == {"click", "uvloop", "flask", "markupsafe", "requests"}
    assert [lock["target"] for lock in build["locks"]] == ["cp313-win_amd64", "cp313-manylinux_2_28_x86_64"]
    tags = {name for role in build["roles"] for name in role["wheels"] if name.startswith("markupsafe")}
    assert len(tags) == 2
    assert shop.run("verify", str(shop.package)).code == 0
    locked = shop.run("lock", str(shop.root))
    assert locked.code == 0, locked.err
    names = sorted(path.name for path in shop.root.glob("pylock.*.toml"))
    assert len(names) == 2
    assert names[-1] == "pylock.cloudrole.toml" or "pylock.cloudrole.toml" in names
    again = shop.build("--locked", "-t", "cspkg", "-t", "zip")
    assert again.code == 0, again.err
    assert [lock["source"] for lock in shop.report["versions"]["zip"]["locks"]] == ["committed", "committed"]


def test_every_configuration_is_a_file_with_its_own_values(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    import xml.etree.ElementTree as ET

    monkeypatch.setenv("CONN", "from-outside")
    shop.write(
        role='settings = { Mode = "live", Conn = "{env:CONN}" }\n'
        'configurations.Staging = { instances = 3, settings = { Mode = "test" } }\n'
        'configurations.EU-2 = { settings = { Conn = "eu" } }'
    )
    assert shop.build().code == 0

    def values(name: str) -> tuple[str | None, dict[str | None, str | None]]:
        root = ET.parse(shop.root / "dist" / f"shop-1.2.{name}.cscfg").getroot()
        role = next(each for each in root if each.get("name") == "Orders")
        return role[0].get("count"), {each.get("name"): each.get("value") for each in role[1]}

    assert values("Cloud") == values("Local") == ("1", {"Mode": "live", "Conn": "from-outside"})
    assert values("Staging") == ("3", {"Mode": "test", "Conn": "from-outside"})
    assert values("EU-2") == ("1", {"Mode": "live", "Conn": "eu"})
