"""Both resolvers, side by side: the same packages, the same refusals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import wheelmaker as make

from hatch_cloudrole.toml import loads

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.conftest import Shop

RESOLVERS = ["uv", "pip-tools"]
PLATFORMS = ["win_amd64", "manylinux_2_28_x86_64"]


def lock_with(shop: Shop, resolver: str, *, target: str = "", role: str = "") -> dict[str, Any]:
    """The lock that a resolver gives, less which of the wheels that fit are not used."""
    shop.write(target=f'resolver = "{resolver}"\n{target}', role=role)
    ran = shop.run("lock", str(shop.root))
    assert ran.code == 0, ran.err
    return loads((shop.root / "pylock.cloudrole.toml").read_text())


def pip_is_at_least(major: int) -> bool:
    from importlib.metadata import version

    return int(version("pip").split(".")[0]) >= major


@pytest.mark.usefixtures("index")
def test_the_locks_are_equal(shop: Shop) -> None:
    """Names, versions, files, addresses, hashes and which role needs what."""
    assert lock_with(shop, "uv") == lock_with(shop, "pip-tools")


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize("platform", PLATFORMS)
def test_markers_and_tags_are_those_of_the_target(shop: Shop, platform: str) -> None:
    """Windows needs colorama, others uvloop; the compiled package has a wheel for each."""
    found = []
    for resolver in RESOLVERS:
        shop.write(target=f'resolver = "{resolver}"\nplatform = "{platform}"')
        text = (shop.root / "pyproject.toml").read_text()
        web, orders = (text.index(f"roles.{name}]") for name in ("Web", "Orders"))
        start = text.rindex("[", 0, web)
        (shop.root / "pyproject.toml").write_text(text[:start] + text[text.rindex("[", 0, orders) :])
        ran = shop.run("lock", str(shop.root))
        assert ran.code == 0, ran.err
        found.append(loads((shop.root / "pylock.cloudrole.toml").read_text()))
    assert found[0] == found[1]
    names = {package["name"] for package in found[1]["packages"]}
    assert ("colorama" in names, "uvloop" in names) == (platform == "win_amd64", platform != "win_amd64")
    markupsafe = next(each for each in found[1]["packages"] if each["name"] == "markupsafe")
    tag = "win_amd64" if platform == "win_amd64" else "manylinux_2_17_x86_64"
    assert [wheel["name"] for wheel in markupsafe["wheels"]] == [f"markupsafe-3.0-cp313-cp313-{tag}.whl"]


@pytest.mark.usefixtures("index")
def test_the_packages_have_equal_bytes(shop: Shop) -> None:
    packages = []
    for resolver in RESOLVERS:
        shop.write(target=f'resolver = "{resolver}"')
        ran = shop.build()
        assert ran.code == 0, ran.err
        assert f"with {resolver}" in ran.err
        packages.append(shop.package.read_bytes())
    assert packages[0] == packages[1]


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize("resolver", RESOLVERS)
def test_requirements_files_extras_constraints_and_local_wheels(shop: Shop, resolver: str) -> None:
    vendor = shop.root / "vendor"
    vendor.mkdir()
    data = make.wheel_bytes("tool", "2.0", requires=["uvloop; extra == 'fast'"], extras=["fast"])
    (vendor / make.wheel_name("tool", "2.0")).write_bytes(data)
    (shop.root / "orders" / "requirements.txt").write_text(
        "tool[fast]\n-c limits.txt\nrequests>=1 ; os_name == 'nt'\n"
    )
    (shop.root / "orders" / "limits.txt").write_text("uvloop<1\n")
    lock = lock_with(shop, resolver, target='find-links = ["vendor"]')
    orders = lock["tool"]["hatch-cloudrole"]["roles"]["Orders"]
    assert {"tool", "uvloop", "requests", "flask"} <= set(orders)
    tool = next(each for each in lock["packages"] if each["name"] == "tool")
    assert tool["wheels"][0]["path"] == "vendor/tool-2.0-py3-none-any.whl"
    ran = shop.build("--locked")
    assert ran.code == 0, ran.err


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize("resolver", RESOLVERS)
def test_what_has_no_solution_is_named(shop: Shop, resolver: str) -> None:
    for wanted, words in (
        ('"requests>99"', "requests>99"),
        ('"click==8.1", "colorama>=5"', "colorama>=5"),
        ('"no-such-package"', "no-such-package"),
    ):
        shop.write(target=f'resolver = "{resolver}"')
        file = shop.root / "pyproject.toml"
        file.write_text(file.read_text().replace('"requests"', wanted))
        ran = shop.build()
        assert ran.code == 3, ran.err
        assert words in ran.err
        assert "Traceback" not in ran.err
        assert "/tmp" not in ran.err
        assert shop.artifacts() == []


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize("resolver", RESOLVERS)
def test_an_sdist_that_cannot_tell_what_it_needs(shop: Shop, resolver: str) -> None:
    vendor = shop.root / "vendor"
    vendor.mkdir()
    broken = make.sdist_bytes("broken", setup="raise SystemExit('no compiler here')\nTAG = 1")
    (vendor / "broken-1.0.tar.gz").write_bytes(broken)
    shop.write(target=f'resolver = "{resolver}"\nfind-links = ["vendor"]')
    file = shop.root / "pyproject.toml"
    file.write_text(file.read_text().replace('"requests"', '"broken"'))
    ran = shop.build()
    assert ran.code == 4, ran.err
    assert "broken" in ran.err


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize("resolver", RESOLVERS)
def test_the_project_cannot_replace_the_resolver(shop: Shop, resolver: str) -> None:
    """A module of the project that is named like one of pip's is not run."""
    for name in ("pip", "piptools", "click", "json"):
        (shop.root / f"{name}.py").write_text("raise SystemExit('the project took over')\n")
    lock_with(shop, resolver)


def test_roles_that_resolve_together_have_one_resolver(shop: Shop) -> None:
    shop.write(target='resolver = "uv"', role='resolver = "pip-tools"')
    ran = shop.build()
    assert ran.code == 2
    assert "roles.Orders.resolver" in ran.err


@pytest.mark.usefixtures("index")
@pytest.mark.skipif(pip_is_at_least(26), reason="this pip can resolve as of a moment")
def test_an_old_pip_refuses_exclude_newer_clearly(shop: Shop) -> None:
    shop.write(target='resolver = "pip-tools"\nexclude-newer = "2026-01-31"')
    ran = shop.build()
    assert ran.code == 2
    assert "exclude-newer" in ran.err
    assert "26.0" in ran.err


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_exclude_newer_counts_to_the_second(
    shop: Shop, tmp_path: Path, index_folder: Path, monkeypatch: pytest.MonkeyPatch, resolver: str
) -> None:
    """A bare date means its end, in UTC: what came a second later is not taken."""
    if resolver == "pip-tools" and not pip_is_at_least(26):
        pytest.skip("this pip cannot resolve as of a moment")
    import shutil

    shutil.copytree(index_folder, tmp_path / "index")
    make.write_index(
        tmp_path / "index",
        {make.wheel_name("requests", each): make.wheel_bytes("requests", each) for each in ("2.1", "2.2")},
    )
    times = {"2.1": "2026-01-31T23:59:59Z", "2.2": "2026-02-01T00:00:00Z"}
    with make.serving(tmp_path / "index") as server:
        for page in (tmp_path / "index" / "simple").iterdir():
            server.answers[f"/simple/{page.name}/"] = json_page(tmp_path / "index", page.name, times)
        monkeypatch.setenv("UV_DEFAULT_INDEX", server.url)
        lock = lock_with(shop, resolver, target='exclude-newer = "2026-01-31"')
    versions = {each["name"]: each["version"] for each in lock["packages"]}
    assert versions["requests"] == "2.1"


def json_page(folder: Path, project: str, times: dict[str, str]) -> Any:
    """The page of a project in JSON (PEP 691, 700), in which each file has its time."""
    import hashlib

    files = []
    for path in sorted((folder / "files").iterdir()):
        if path.name.lower().startswith(f"{project}-"):
            version = path.name.split("-")[1]
            data = path.read_bytes()
            files.append(
                {
                    "filename": path.name,
                    "url": f"../../files/{path.name}",
                    "hashes": {"sha256": hashlib.sha256(data).hexdigest()},
                    "size": len(data),
                    "upload-time": times.get(version, "2025-01-01T00:00:00Z"),
                }
            )
    body = json.dumps(
        {"meta": {"api-version": "1.1"}, "name": project, "files": files, "versions": []}
    ).encode()

    def answer(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/vnd.pypi.simple.v1+json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer
