"""The whole way from a project to its package, with the real uv and a local index."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import wheelmaker as make
from packaging.pylock import Pylock

from hatch_cloudrole.toml import loads

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.functional.conftest import Shop

WINDOWS_WEB = {"click", "colorama", "flask", "markupsafe", "wfastcgi"}


def wheels(shop: Shop, role: str) -> set[str]:
    report = shop.report["versions"]["cspkg"]
    files = next(each["wheels"] for each in report["roles"] if each["name"] == role)
    return {name.split("-")[0] for name in files}


@pytest.mark.usefixtures("index")
def test_a_package_holds_the_right_wheels_and_every_artifact_is_named(shop: Shop) -> None:
    ran = shop.build()
    assert ran.code == 0, ran.err
    assert wheels(shop, "Web") == WINDOWS_WEB
    assert wheels(shop, "Orders") == {"click", "colorama", "flask", "markupsafe", "requests"}
    assert [Path(line).name for line in ran.out.splitlines()] == [
        "shop-1.2.cspkg",
        "shop-1.2.Cloud.cscfg",
        "shop-1.2.Local.cscfg",
        "shop-1.2.csdef",
        "shop-1.2.report.json",
    ]
    assert all(Path(line).is_file() for line in ran.out.splitlines())
    assert shop.run("verify", str(shop.package)).code == 0


@pytest.mark.usefixtures("index")
def test_another_target_gets_other_wheels(shop: Shop) -> None:
    shop.write(target='platform = "manylinux_2_28_x86_64"', role="")
    text = (
        (shop.root / "pyproject.toml")
        .read_text()
        .replace('wsgi-handler = "app:app"', 'wsgi-handler = "app:app"\nserver = "direct"')
    )
    (shop.root / "pyproject.toml").write_text(text)
    ran = shop.build()
    # The local index has no waitress, which serves the role: there is no solution, and that is said.
    assert ran.code == 3
    assert "waitress" in ran.err
    (shop.root / "pyproject.toml").write_text(
        text.split("[tool.hatch.build.targets.cloudrole.roles.Web]")[0]
        + """
[tool.hatch.build.targets.cloudrole.roles.Orders]
type = "worker"
root = "orders"
startup-file = "worker.py"
"""
    )
    ran = shop.build()
    assert ran.code == 0, ran.err
    assert wheels(shop, "Orders") == {"click", "flask", "markupsafe", "uvloop"}


@pytest.mark.usefixtures("index")
def test_a_second_build_reaches_for_nothing(shop: Shop, no_outside: Callable[[], None]) -> None:
    """Warm: no resolver, no network, no process; and the same bytes."""
    assert shop.build().code == 0
    first = shop.package.read_bytes()
    no_outside()
    ran = shop.build()
    assert ran.code == 0, ran.err
    assert shop.package.read_bytes() == first
    report = shop.report["versions"]["cspkg"]
    assert report["cache"] == {"hits": 6, "fetched": 0, "built": 0, "fetched_bytes": 0}
    assert "--refresh" in ran.err


@pytest.mark.usefixtures("index")
def test_one_changed_dependency_is_fetched_alone(shop: Shop, index: make.IndexServer) -> None:
    assert shop.build().code == 0
    shop.write(role="").write()
    text = (shop.root / "pyproject.toml").read_text().replace('["requests"]', '["uvloop"]')
    (shop.root / "pyproject.toml").write_text(text)
    index.requests.clear()
    assert shop.build().code == 0
    assert [path for path in index.requests if path.endswith(".whl")].count(
        "/files/uvloop-0.9-py3-none-any.whl"
    ) >= 1
    assert shop.report["versions"]["cspkg"]["cache"]["fetched"] == 1


@pytest.mark.usefixtures("index")
def test_the_wheelhouse_installs_offline_with_pip(shop: Shop, tmp_path: Path) -> None:
    pytest.importorskip("pip")
    assert shop.build().code == 0
    assert shop.run("extract", str(shop.package), str(tmp_path / "out")).code == 0
    approot = tmp_path / "out" / "Roles" / "Web" / "approot"
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--find-links", "wheels",
         "--require-hashes", "--only-binary", ":all:", "--platform", "win_amd64", "--python-version", "3.13",
         "--target", str(tmp_path / "target"), "-r", "requirements.txt"],
        cwd=approot, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "target" / "wfastcgi.py").is_file()
    pylock = Pylock.from_dict(loads((approot / "pylock.toml").read_text()))
    assert {package.name for package in pylock.packages} == WINDOWS_WEB


@pytest.mark.usefixtures("index")
def test_two_roles_with_the_same_dependencies_cost_little_more_than_one(shop: Shop, tmp_path: Path) -> None:
    """The wheels are stored once. Tiny wheels would measure our scripts, so the dependency is large here."""
    big = make.wheel_bytes("big", files={"big.bin": os.urandom(3 << 20)})
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / make.wheel_name("big")).write_bytes(big)
    sizes = []
    for extra in ("", '\n[tool.hatch.build.targets.cloudrole.roles.Second]\ntype = "worker"\nroot = "orders"\n'
                      'startup-file = "worker.py"\ndependencies = ["requests", "big"]\n'):  # fmt: skip
        shop.write(target=f'find-links = ["{tmp_path / "vendor"}"]')
        text = (shop.root / "pyproject.toml").read_text().replace('["requests"]', '["requests", "big"]')
        (shop.root / "pyproject.toml").write_text(text + extra)
        ran = shop.build()
        assert ran.code == 0, ran.err
        sizes.append(shop.package.stat().st_size)
    assert sizes[0] < sizes[1] < sizes[0] * 1.03


@pytest.mark.usefixtures("index")
def test_no_output_names_a_folder_of_this_host(shop: Shop, tmp_path: Path) -> None:
    """Wheels of a local folder leave no address behind, in the lock, the report or the package."""
    (tmp_path / "vendor-secret").mkdir()
    (tmp_path / "vendor-secret" / make.wheel_name("local")).write_bytes(make.wheel_bytes("local"))
    shop.write(target=f'find-links = ["{tmp_path / "vendor-secret"}"]')
    text = (shop.root / "pyproject.toml").read_text().replace('["requests"]', '["local"]')
    (shop.root / "pyproject.toml").write_text(text)
    assert shop.run("lock", str(shop.root)).code == 0
    ran = shop.build("--locked")
    assert ran.code == 0, ran.err
    for path in [*(shop.root / "dist").iterdir(), shop.root / "pylock.cloudrole.toml"]:
        assert b"vendor-secret" not in path.read_bytes(), path


def test_no_output_holds_the_credentials_of_the_index(
    shop: Shop, index: make.IndexServer, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    index.credentials = ("someone", "s3cr3t-pw")
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.url.replace("://", "://someone:s3cr3t-pw@"))
    locked = shop.run("lock", str(shop.root))
    built = shop.build()
    assert (locked.code, built.code) == (0, 0), built.err
    for path in [*(shop.root / "dist").iterdir(), shop.root / "pylock.cloudrole.toml", *cache.rglob("*")]:
        assert path.is_dir() or b"s3cr3t-pw" not in path.read_bytes(), path
    for text in (locked.out, locked.err, built.out, built.err):
        assert "s3cr3t-pw" not in text


# Locks


@pytest.mark.usefixtures("index")
def test_a_committed_lock_is_enforced_and_renewed(shop: Shop) -> None:
    assert shop.build("--locked").code == 2
    ran = shop.run("lock", str(shop.root))
    assert ran.code == 0, ran.err
    path = shop.root / "pylock.cloudrole.toml"
    assert ran.out.strip() == str(path)
    document = loads(path.read_text())
    assert document["tool"]["hatch-cloudrole"]["roles"]["Web"] == sorted(WINDOWS_WEB)
    assert shop.build("--locked").code == 0
    shop.write(role='features = []\nenvironment = { A = "b" }')
    assert shop.build("--locked").code == 0, "what is not an input of the resolution leaves the lock alone"
    text = (shop.root / "pyproject.toml").read_text().replace('["flask"]', '["flask", "uvloop"]')
    (shop.root / "pyproject.toml").write_text(text)
    stale = shop.build("--locked")
    assert stale.code == 2
    assert "cloudrole lock" in stale.err
    unlocked = shop.build()
    assert unlocked.code == 0
    assert "no longer fits" in unlocked.err


# Same bytes everywhere


@pytest.mark.usefixtures("index", "cache")
def test_hatchling_and_the_command_line_give_the_same_bytes(shop: Shop) -> None:
    assert shop.build().code == 0
    ours = {
        path.name: path.read_bytes() for path in (shop.root / "dist").glob("shop*") if path.suffix != ".json"
    }
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "cloudrole"],
        cwd=shop.root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    theirs = {
        path.name: path.read_bytes() for path in (shop.root / "dist").glob("shop*") if path.suffix != ".json"
    }
    assert theirs == ours


@pytest.mark.usefixtures("index")
def test_bytes_do_not_depend_on_umask_zone_locale_seed_or_folder(shop: Shop, tmp_path: Path) -> None:
    import shutil

    assert shop.build().code == 0
    first = shop.package.read_bytes()
    other = tmp_path / "another place"
    shutil.copytree(shop.root, other, ignore=shutil.ignore_patterns("dist"))
    for path in other.rglob("*.py"):
        path.chmod(0o755)
    env = {**os.environ, "TZ": "Pacific/Auckland", "LC_ALL": "C", "PYTHONHASHSEED": "4242"}
    done = subprocess.run(
        [sys.executable, "-c", "import os, sys; os.umask(0o077); from hatch_cloudrole.cli.main import main; main()",
         "build", "--offline", "-q"], cwd=other, env=env, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (other / "dist" / "shop-1.2.cspkg").read_bytes() == first


@pytest.mark.usefixtures("index")
def test_the_date_is_that_of_source_date_epoch(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert shop.build().code == 0
    with zipfile.ZipFile(shop.package) as archive:
        assert archive.infolist()[0].date_time == (2023, 11, 14, 22, 13, 20)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    ran = shop.build()
    assert ran.code == 2
    assert "SOURCE_DATE_EPOCH: found 'yesterday'" in ran.err


# What goes wrong


def clean(ran: object, shop: Shop, code: int) -> str:
    """The exit code is right, there is no traceback and no artifact; gives the message."""
    assert ran.code == code, ran.err  # type: ignore[attr-defined]
    assert "Traceback" not in ran.err  # type: ignore[attr-defined]
    assert shop.artifacts() == []
    return ran.err  # type: ignore[attr-defined,no-any-return]


@pytest.mark.usefixtures("index")
def test_no_solution(shop: Shop) -> None:
    shop.write(role="# none\n")
    text = (shop.root / "pyproject.toml").read_text().replace('["requests"]', '["requests>99"]')
    (shop.root / "pyproject.toml").write_text(text)
    assert "requests>99" in clean(shop.build(), shop, 3)


def test_an_index_that_is_down(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    assert "127.0.0.1:9" in clean(shop.build(), shop, 6)


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "the file is gone"), (403, "credentials"), (500, "answers 500")],
)
def test_a_wheel_that_the_index_does_not_give(
    shop: Shop, index: make.IndexServer, status: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hatch_cloudrole.wheels import fetch

    monkeypatch.setattr(fetch, "_RETRIES", 0)
    assert shop.run("lock", str(shop.root)).code == 0
    index.answers["colorama-0.4-py3-none-any.whl"] = lambda handler: handler.send_error(status)
    message = clean(shop.build(), shop, 6)
    assert "colorama-0.4-py3-none-any.whl" in message
    assert words in message


def test_other_bytes_than_were_pinned(shop: Shop, index: make.IndexServer) -> None:
    assert shop.run("lock", str(shop.root)).code == 0

    def wrong(handler: object) -> None:
        body = make.wheel_bytes("colorama", "0.4", files={"evil.py": b""})
        handler.send_response(200)  # type: ignore[attr-defined]
        handler.send_header("Content-Length", str(len(body)))  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]
        handler.wfile.write(body)  # type: ignore[attr-defined]

    index.answers["colorama-0.4-py3-none-any.whl"] = wrong
    assert "was pinned" in clean(shop.build(), shop, 4)
    index.answers.clear()
    assert shop.build().code == 0, "the store is as sound as before"


def test_a_wheel_that_is_cut_short(
    shop: Shop, index: make.IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hatch_cloudrole.wheels import fetch

    monkeypatch.setattr(fetch, "_RETRIES", 0)
    assert shop.run("lock", str(shop.root)).code == 0

    def short(handler: object) -> None:
        handler.send_response(200)  # type: ignore[attr-defined]
        handler.send_header("Content-Length", "1000")  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]
        handler.wfile.write(b"PK")  # type: ignore[attr-defined]

    index.answers["colorama-0.4-py3-none-any.whl"] = short
    assert "colorama" in clean(shop.build(), shop, 6)


@pytest.mark.usefixtures("index")
def test_a_dependency_that_has_no_wheel_for_the_target(shop: Shop) -> None:
    """The sdist builds, but to a wheel for another machine: every such package is named, with what was found."""
    vendor = shop.root / "vendor"
    vendor.mkdir()
    for name in ("one", "two"):
        data = make.sdist_bytes(name, setup='TAG = "cp313-cp313-manylinux_2_17_x86_64"')
        (vendor / f"{name}-1.0.tar.gz").write_bytes(data)
    shop.write(target='find-links = ["vendor"]')
    text = (shop.root / "pyproject.toml").read_text().replace('["requests"]', '["one", "two"]')
    (shop.root / "pyproject.toml").write_text(text)
    message = clean(shop.build(), shop, 4)
    for name in ("one", "two"):
        assert f"{name} 1.0: no wheel fits cp313-win_amd64" in message
        assert f"{name}-1.0-cp313-cp313-manylinux_2_17_x86_64.whl" in message


@pytest.mark.usefixtures("index")
def test_a_build_that_fails_shows_the_end_of_what_it_wrote(shop: Shop) -> None:
    vendor = shop.root / "vendor"
    vendor.mkdir()
    (vendor / "broken-1.0.tar.gz").write_bytes(
        make.sdist_bytes(
            "broken", setup="def build_wheel(*a, **k): raise SystemExit('no compiler here')\nTAG = 1"
        )
    )
    shop.write(target='find-links = ["vendor"]')
    text = (shop.root / "pyproject.toml").read_text().replace('["requests"]', '["broken"]')
    (shop.root / "pyproject.toml").write_text(text)
    assert shop.build().code == 4
    assert shop.artifacts() == []


@pytest.mark.usefixtures("index")
def test_offline_without_what_it_takes(shop: Shop) -> None:
    assert "--offline" in clean(shop.build("--offline"), shop, 6)


@pytest.mark.usefixtures("index")
def test_a_corrupted_store_is_noticed_while_writing(shop: Shop, cache: Path) -> None:
    assert shop.build().code == 0
    for path in shop.root.joinpath("dist").iterdir():
        path.unlink()
    record = next((cache / "v1" / "wheels" / "flask").glob("*.json"))
    file = cache / "v1" / "files" / record.stem[:2] / record.stem
    data = bytearray(file.read_bytes())
    data[50] ^= 1
    file.write_bytes(bytes(data))
    message = clean(shop.build(), shop, 4)
    assert "flask-3.0-py3-none-any.whl" in message
    assert "build again" in message
    assert shop.build().code == 0, "the damaged wheel is gone, and is fetched again"


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="needs a user who may be refused")
@pytest.mark.usefixtures("index")
def test_a_folder_that_may_not_be_written(shop: Shop) -> None:
    (shop.root / "dist").mkdir(mode=0o500)
    assert shop.build().code == 6


def test_a_folder_without_a_project(tmp_path: Path, shop: Shop) -> None:
    (tmp_path / "empty").mkdir()
    ran = shop.run("build", str(tmp_path / "empty"))
    assert ran.code == 2
    assert "pyproject.toml" in ran.err


def test_check_and_build_name_every_fault_of_the_settings(shop: Shop) -> None:
    shop.write(target='platfrom = "win_amd64"\nos-family = 4', role='vm-size = "Small"')
    for ran in (shop.run("check", str(shop.root)), shop.build()):
        message = clean(ran, shop, 2)
        for words in ("platfrom", "os-family", "vm-size"):
            assert words in message


def test_check_shows_the_resolved_settings(shop: Shop) -> None:
    ran = shop.run("check", str(shop.root), "--json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert document["schema"] == 1
    assert document["files"] == {"Web": ["app.py"], "Orders": ["worker.py"]}
    assert "Role Orders" in shop.run("check", str(shop.root)).out


# Packages


@pytest.mark.usefixtures("index")
def test_inspect_and_extract_show_the_same_files(shop: Shop, tmp_path: Path) -> None:
    assert shop.build().code == 0
    document = json.loads(shop.run("inspect", str(shop.package), "--json").out)
    assert shop.run("extract", str(shop.package), str(tmp_path / "out")).code == 0
    for role in document["roles"]:
        folder = tmp_path / "out" / "Roles" / role["name"]
        found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert {each["path"] for each in role["files"]} == found
    assert "flask-3.0-py3-none-any.whl" in shop.run("inspect", str(shop.package)).out


def test_cache_info_counts(shop: Shop, index: make.IndexServer) -> None:
    assert shop.build().code == 0
    document = json.loads(shop.run("cache", "info", "--json").out)
    assert (document["wheels"], document["built"]) == (6, 1)
    assert "Wheels:      6" in shop.run("cache", "info").out


def test_what_hatch_and_the_version_control_leave_out_is_not_shipped(shop: Shop) -> None:
    """Nested ignore files count, `artifacts` bring a file back, compiled modules stay, another dist is not packed."""
    (shop.root / ".gitignore").write_text("*.log\n")
    shop.write(
        target='directory = "out"\nartifacts = ["orders/generated.dat"]',
        files={
            "orders/.gitignore": "generated.*\n",
            "orders/generated.txt": "no",
            "orders/generated.dat": "yes",
            "orders/run.log": "no",
            "orders/native.pyd": "yes",
        },
    )
    document = json.loads(shop.run("check", str(shop.root), "--json").out)
    assert document["files"]["Orders"] == ["generated.dat", "native.pyd", "worker.py"]


def test_a_build_folder_below_a_role_is_not_packed(shop: Shop, index: make.IndexServer) -> None:
    shop.write(target='directory = "orders/out"')
    for _ in range(2):
        assert shop.build().code == 0
    document = json.loads(shop.run("check", str(shop.root), "--json").out)
    assert document["files"]["Orders"] == ["worker.py"]


def test_check_names_paths_that_windows_cannot_hold(shop: Shop) -> None:
    shop.write(files={"orders/aux.py": "", "orders/Worker.py": ""})
    ran = shop.run("check", str(shop.root))
    assert ran.code == 2
    assert "aux.py" in ran.err
    assert "Worker.py" in ran.err
