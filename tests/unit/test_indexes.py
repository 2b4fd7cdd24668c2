"""What this host's configuration of pip and uv says about indexes, without running either."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hatch_cloudrole.lock.index_files import pip_config_files
from hatch_cloudrole.lock.indexes import Indexes, read_indexes


def read(tmp_path: Path, env: dict[str, str] | None = None, **settings: object) -> Indexes:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    root = tmp_path / "project"
    root.mkdir(exist_ok=True)
    env = env or {}
    files = [Path(env["PIP_CONFIG_FILE"])] if "PIP_CONFIG_FILE" in env else []
    return read_indexes(env=env, root=root, home=home, pip_files=files, **settings)  # type: ignore[arg-type]


def write_pip_config(tmp_path: Path, text: str) -> dict[str, str]:
    path = tmp_path / "pip.conf"
    path.write_text(text)
    return {"PIP_CONFIG_FILE": str(path)}


def test_nothing_configured_changes_nothing(tmp_path: Path) -> None:
    indexes = read(tmp_path)
    assert (indexes.environment, indexes.arguments, indexes.find_links) == ({}, (), ())
    assert indexes.authentication("https://anywhere.example/x.whl") is None


def test_pips_indexes_are_told_to_uv_with_pips_meaning(tmp_path: Path) -> None:
    env = write_pip_config(
        tmp_path,
        "[global]\nindex-url = https://me:s3cret@index.example/simple\n"
        "extra-index-url =\n    https://a.example/simple\n    https://b.example/simple\n"
        "trusted-host = a.example\nfind-links = /wheels\n",
    )
    indexes = read(tmp_path, env)
    assert indexes.environment["UV_DEFAULT_INDEX"] == "https://me:s3cret@index.example/simple"
    assert indexes.environment["UV_INDEX"] == "https://a.example/simple https://b.example/simple"
    assert indexes.environment["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert indexes.environment["UV_INSECURE_HOST"] == "a.example"
    assert indexes.find_links == ("/wheels",)
    assert indexes.authentication("https://index.example/files/x.whl") == ("me", "s3cret")
    assert indexes.authentication("https://other.example/files/x.whl") is None
    assert indexes.authentication("http://index.example/files/x.whl") is None, "never in the clear"


def test_pips_environment_wins_over_its_files(tmp_path: Path) -> None:
    env = {**write_pip_config(tmp_path, "[global]\nindex-url = https://file.example\n")}
    env["PIP_INDEX_URL"] = "https://environment.example"
    assert read(tmp_path, env).environment["UV_DEFAULT_INDEX"] == "https://environment.example"


def test_uvs_own_configuration_wins_over_pips(tmp_path: Path) -> None:
    env = write_pip_config(tmp_path, "[global]\nindex-url = https://pip.example\nfind-links = /pip\n")
    env["UV_DEFAULT_INDEX"] = "https://me:pw@uv.example/simple"
    indexes = read(tmp_path, env)
    assert "UV_DEFAULT_INDEX" not in indexes.environment
    assert indexes.find_links == ()
    assert indexes.authentication("https://uv.example/x.whl") == ("me", "pw")


def test_the_settings_win_over_everything(tmp_path: Path) -> None:
    env = {"PIP_INDEX_URL": "https://pip.example", "UV_INDEX": "https://uv.example"}
    indexes = read(tmp_path, env, index_url="https://settings.example", find_links=("vendor",))
    merged = indexes.applied_to(env)
    assert merged["UV_DEFAULT_INDEX"] == "https://settings.example"
    assert "UV_INDEX" not in merged
    assert indexes.find_links == (str(tmp_path / "project" / "vendor"),)


def test_a_named_index_of_the_project_gets_its_credentials_from_the_environment(tmp_path: Path) -> None:
    read(tmp_path)
    (tmp_path / "project" / "pyproject.toml").write_text(
        '[[tool.uv.index]]\nname = "in-house"\nurl = "https://house.example/simple"\n'
    )
    env = {
        "PIP_CONFIG_FILE": os.devnull,
        "UV_INDEX_IN_HOUSE_USERNAME": "bot",
        "UV_INDEX_IN_HOUSE_PASSWORD": "p@ss/word",
    }
    assert read(tmp_path, env).authentication("https://house.example/x.whl") == ("bot", "p@ss/word")


@pytest.mark.parametrize(("value", "argument"), [("true", ("--no-index",)), ("0", ())])
def test_pips_no_index_is_kept(tmp_path: Path, value: str, argument: tuple[str, ...]) -> None:
    env = write_pip_config(tmp_path, f"[global]\nno-index = {value}\n")
    assert read(tmp_path, env).arguments == argument


def test_certificates_and_proxies_of_pip_serve_uv_and_downloads(tmp_path: Path) -> None:
    env = write_pip_config(
        tmp_path, "[global]\ncert = /ca.pem\nproxy = http://proxy.example:3128\ntimeout = 7\n"
    )
    indexes = read(tmp_path, env)
    assert indexes.environment["SSL_CERT_FILE"] == indexes.ca_file == "/ca.pem"
    assert indexes.environment["HTTPS_PROXY"] == indexes.proxy == "http://proxy.example:3128"
    assert indexes.timeout == 7.0


def test_a_broken_pip_configuration_stops_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, write_pip_config(tmp_path, "no section\n= nothing\n")).environment == {}


def test_the_fingerprint_changes_with_the_index_but_not_with_the_password(tmp_path: Path) -> None:
    prints = [
        read(tmp_path, {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": url}).fingerprint()
        for url in ("https://a:1@x.example", "https://a:2@x.example", "https://a:1@y.example")
    ]
    assert prints[0] == prints[1] != prints[2]


def test_pips_files_are_looked_for_where_pip_looks(tmp_path: Path) -> None:
    files = pip_config_files({"PIP_CONFIG_FILE": str(tmp_path / "mine.conf")}, tmp_path)
    assert files[-1] == tmp_path / "mine.conf"
    assert any(tmp_path in file.parents for file in files[:-1])
    assert pip_config_files({"PIP_CONFIG_FILE": os.devnull}, tmp_path) == []


# uv's words for pip


def test_uvs_indexes_are_told_to_pip(tmp_path: Path) -> None:
    read(tmp_path)
    (tmp_path / "project" / "uv.toml").write_text(
        'index = [\n  { name = "in-house", url = "https://house.example/simple" },\n'
        '  { url = "https://default.example/simple", default = true },\n'
        '  { name = "only", url = "https://only.example/simple", explicit = true },\n]\n'
        'find-links = ["/uv-wheels"]\n[sources]\nTorch_Thing = { index = "only" }\n'
    )
    env = {
        "PIP_CONFIG_FILE": os.devnull,
        "UV_INDEX_IN_HOUSE_USERNAME": "bot",
        "UV_INDEX_IN_HOUSE_PASSWORD": "p@ss",
        "UV_INSECURE_HOST": "default.example",
    }
    indexes = read(tmp_path, env)
    assert indexes.pip_options == {
        "index_url": "https://default.example/simple",
        "extra_index_urls": ["https://bot:p%40ss@house.example/simple"],
        "trusted_hosts": ["default.example"],
    }
    assert indexes.pip_find_links == ("/uv-wheels",)
    assert {name: index.url for name, index in indexes.package_indexes.items()} == {
        "torch-thing": "https://only.example/simple"
    }
    assert indexes.is_insecure("https://default.example:8443/x.whl")
    assert not indexes.is_insecure("https://house.example/x.whl")


def test_pips_own_configuration_wins_over_uvs_for_pip(tmp_path: Path) -> None:
    env = {"PIP_EXTRA_INDEX_URL": "https://pip.example", "UV_DEFAULT_INDEX": "https://uv.example"}
    assert read(tmp_path, env).pip_options == {}


def test_an_explicit_index_of_uv_does_not_hide_the_index_of_pip(tmp_path: Path) -> None:
    read(tmp_path)
    (tmp_path / "project" / "uv.toml").write_text(
        '[[index]]\nname = "only"\nurl = "https://only.example"\nexplicit = true\n'
    )
    indexes = read(tmp_path, {"PIP_INDEX_URL": "https://pip.example"})
    assert indexes.environment["UV_DEFAULT_INDEX"] == "https://pip.example"


def test_the_settings_win_for_pip_too(tmp_path: Path) -> None:
    env = {"PIP_EXTRA_INDEX_URL": "https://pip.example", "UV_INDEX": "https://uv.example"}
    options = read(tmp_path, env, index_url="https://settings.example").pip_options
    assert (options["index_url"], options["extra_index_urls"]) == ("https://settings.example", [])


def test_a_keyring_that_one_tool_was_told_of_is_asked_by_the_other(tmp_path: Path) -> None:
    assert (
        read(tmp_path, {"PIP_KEYRING_PROVIDER": "import"}).environment["UV_KEYRING_PROVIDER"] == "subprocess"
    )
    indexes = read(tmp_path, {"UV_KEYRING_PROVIDER": "subprocess"})
    assert (indexes.keyring, indexes.pip_environment["PIP_KEYRING_PROVIDER"]) == ("subprocess", "subprocess")
    assert read(tmp_path, {"PIP_KEYRING_PROVIDER": "auto"}).keyring == ""
