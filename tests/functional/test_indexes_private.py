"""Indexes of every kind: private, several, without hashes or metadata, behind redirects; and no secret gets out."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import wheelmaker as make

from hatch_cloudrole.toml import loads
from hatch_cloudrole.wheels import fetch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.functional.conftest import Ran, Shop

RESOLVERS = ["uv", "pip-tools"]
USER, PASSWORD = "bot", "s3cr3t-p4ss"


@pytest.fixture(params=RESOLVERS)
def resolver(request: pytest.FixtureRequest, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> str:
    """The project is resolved with each of them."""
    monkeypatch.setattr(fetch, "_RETRIES", 0)
    shop.write(target=f'resolver = "{request.param}"')
    name: str = request.param
    return name


@pytest.fixture
def private(index: make.IndexServer, monkeypatch: pytest.MonkeyPatch) -> make.IndexServer:
    """An index that wants a password, which nothing has been told of yet."""
    monkeypatch.delenv("UV_DEFAULT_INDEX")
    index.credentials = (USER, PASSWORD)
    return index


def with_user(url: str, userinfo: str = f"{USER}:{PASSWORD}") -> str:
    return url.replace("://", f"://{userinfo}@")


def add_settings(shop: Shop, line: str) -> None:
    file = shop.root / "pyproject.toml"
    file.write_text(file.read_text().replace('python = "3.13"', f'python = "3.13"\n{line}'))


class Ways:
    """How a user may tell pip or uv of an index and its credentials."""

    def __init__(
        self, shop: Shop, folder: Path, monkeypatch: pytest.MonkeyPatch, server: make.IndexServer
    ) -> None:
        self.shop, self.folder, self.monkeypatch, self.server = shop, folder, monkeypatch, server
        self.env = monkeypatch.setenv

    def settings(self) -> None:
        add_settings(self.shop, f'index-url = "{with_user(self.server.url)}"')

    def uv_environment(self) -> None:
        self.env("UV_DEFAULT_INDEX", with_user(self.server.url))

    def pip_environment(self) -> None:
        self.env("PIP_INDEX_URL", with_user(self.server.url))

    def pip_file(self) -> None:
        self._pip_file(with_user(self.server.url))

    def _pip_file(self, url: str, more: str = "") -> None:
        (self.folder / "pip.conf").write_text(f"[global]\nindex-url = {url}\n{more}")
        self.env("PIP_CONFIG_FILE", str(self.folder / "pip.conf"))

    def uv_file(self) -> None:
        (self.folder / "uv.toml").write_text(
            f'[[index]]\nurl = "{with_user(self.server.url)}"\ndefault = true\n'
        )
        self._uv_file()

    def _uv_file(self) -> None:
        self.monkeypatch.delenv("UV_NO_CONFIG")
        self.env("UV_CONFIG_FILE", str(self.folder / "uv.toml"))

    def named_index(self) -> None:
        text = f'[[index]]\nname = "in-house"\nurl = "{self.server.url}"\ndefault = true\n'
        (self.folder / "uv.toml").write_text(text)
        self._uv_file()
        self.env("UV_INDEX_IN_HOUSE_USERNAME", USER)
        self.env("UV_INDEX_IN_HOUSE_PASSWORD", PASSWORD)

    def netrc(self) -> None:
        self._netrc("127.0.0.1")
        self._pip_file(self.server.url)

    def netrc_for_the_user_of_the_address(self) -> None:
        self._netrc("127.0.0.1")
        self._pip_file(with_user(self.server.url, USER))

    def _netrc(self, *hosts: str) -> None:
        file = self.folder / "netrc"
        file.write_text("".join(f"machine {host}\nlogin {USER}\npassword {PASSWORD}\n" for host in hosts))
        file.chmod(0o600)
        self.env("NETRC", str(file))

    def keyring(self) -> None:
        """A program of that name, as pip and uv start it."""
        programs = self.folder / "programs"
        programs.mkdir()
        program = programs / "keyring"
        program.write_text(
            f"#!{sys.executable}\nimport sys\n"
            f"if '127.0.0.1' not in ' '.join(sys.argv): sys.exit(1)\n"
            # as newer releases of pip ask the real one
            f"if '--output=json' in sys.argv:\n"
            f'    print(\'{{"username": "{USER}", "password": "{PASSWORD}"}}\')\n'
            f"    sys.exit()\n"
            f"if '--mode' in sys.argv or 'creds' in ' '.join(sys.argv): print('{USER}')\n"
            f"print('{PASSWORD}')\n"
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self.env("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
        self._pip_file(with_user(self.server.url, USER), "keyring-provider = subprocess\n")


def no_secret(shop: Shop, cache: Path, *runs: Ran) -> None:
    """What was written and what is left behind holds no password, nor what it looks like inside a header."""
    import base64

    encoded = base64.b64encode(f"{USER}:{PASSWORD}".encode())
    files = [*(shop.root / "dist").glob("*"), *shop.root.glob("pylock*"), *cache.rglob("*")]
    assert [path for path in files if path.is_file()]
    for path in files:
        if path.is_file():
            data = path.read_bytes()
            assert PASSWORD.encode() not in data, path
            assert encoded not in data, path
    for ran in runs:
        assert PASSWORD not in ran.out + ran.err
        assert encoded.decode() not in ran.out + ran.err


@pytest.mark.parametrize("way", [name for name in vars(Ways) if not name.startswith("_")])
def test_a_private_index_is_used_and_its_password_goes_nowhere_else(
    shop: Shop, private: make.IndexServer, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    resolver: str, way: str,
) -> None:  # fmt: skip
    if way == "keyring" and sys.platform == "win32":
        pytest.skip("the program of this test is a script")
    if way == "netrc_for_the_user_of_the_address" and resolver == "pip-tools":
        pytest.skip("pip itself looks for no password there once an address names a user")
    (tmp_path / "configuration").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    getattr(Ways(shop, tmp_path / "configuration", monkeypatch, private), way)()
    runs = [shop.run("check", str(shop.root)), shop.run("lock", str(shop.root)), shop.build()]
    assert [ran.code for ran in runs] == [0, 0, 0], runs[-1].err + runs[1].err
    runs += [shop.run(each, str(shop.package)) for each in ("inspect", "verify")]
    no_secret(shop, cache, *runs)


@pytest.mark.usefixtures("resolver")
def test_a_wrong_password_is_said_without_showing_it(
    shop: Shop, private: make.IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", with_user(private.url, f"{USER}:wr0ng%40%2F@pass"))
    ran = shop.build()
    assert ran.code == 6, ran.err
    assert "401" in ran.err
    assert "wr0ng" not in ran.err
    assert "pass" not in ran.err.replace("password", "")
    assert shop.artifacts() == []


@pytest.mark.usefixtures("resolver")
def test_an_address_whose_password_is_not_encoded_is_not_shown(
    shop: Shop, private: make.IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", with_user(private.url, f"{USER}:wr0ng/pass"))
    ran = shop.build()
    assert ran.code == 2, ran.err
    assert "%2F" in ran.err
    assert "wr0ng" not in ran.err


@pytest.mark.usefixtures("resolver")
def test_a_file_that_wants_another_password_is_refused_by_name(
    shop: Shop, private: make.IndexServer, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", with_user(private.url))
    assert shop.run("lock", str(shop.root)).code == 0
    private.credentials = (USER, "changed")
    ran = shop.build()
    assert ran.code == 6
    assert "flask-3.0-py3-none-any.whl" in ran.err
    assert "credentials" in ran.err
    assert PASSWORD not in ran.err


# Several


@pytest.fixture
def second(tmp_path: Path) -> Iterator[make.IndexServer]:
    """Another index, which has a newer requests and a newer uvloop."""
    folder = tmp_path / "second"
    names = {"requests": "2.5", "colorama": "0.9"}
    make.write_index(
        folder,
        {make.wheel_name(name, version): make.wheel_bytes(name, version) for name, version in names.items()},
    )
    with make.serving(folder) as server:
        yield server


def wheels(shop: Shop) -> set[str]:
    return {f"{each['name']} {each['version']}" for each in shop.report["versions"]["cspkg"]["wheels"]}


@pytest.mark.usefixtures("resolver")
def test_of_several_indexes_in_pips_words_the_best_version_is_taken(
    shop: Shop, index: make.IndexServer, second: make.IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UV_DEFAULT_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", second.url)
    ran = shop.build()
    assert ran.code == 0, ran.err
    assert {"requests 2.5", "colorama 0.9", "flask 3.0"} <= wheels(shop)


@pytest.mark.usefixtures("resolver")
def test_the_index_of_the_settings_is_the_only_one(
    shop: Shop, index: make.IndexServer, second: make.IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UV_DEFAULT_INDEX")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", second.url)
    monkeypatch.setenv("UV_INDEX", second.url)
    add_settings(shop, f'index-url = "{index.url}"')
    ran = shop.build()
    assert ran.code == 0, ran.err
    assert {"requests 2.0", "colorama 0.4"} <= wheels(shop)
    assert second.requests == []


@pytest.mark.usefixtures("resolver")
def test_a_package_may_have_an_index_of_its_own(
    shop: Shop,
    index: make.IndexServer,
    second: make.IndexServer,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """uv's explicit index: what names it comes from it, and nothing else is asked of it."""
    monkeypatch.delenv("UV_NO_CONFIG")
    monkeypatch.setenv("UV_INDEX_HOUSE_USERNAME", USER)
    monkeypatch.setenv("UV_INDEX_HOUSE_PASSWORD", PASSWORD)
    second.credentials = (USER, PASSWORD)
    with (shop.root / "pyproject.toml").open("a") as file:
        file.write(
            f'[[tool.uv.index]]\nname = "house"\nurl = "{second.url}"\nexplicit = true\n'
            '[tool.uv.sources]\nrequests = { index = "house" }\n'
        )
    ran = shop.build()
    assert ran.code == 0, ran.err
    assert {"requests 2.5", "colorama 0.4"} <= wheels(shop)
    assert {path for path in second.requests if path.startswith("/simple/")} == {"/simple/requests/"}
    assert not any("/simple/requests" in path for path in index.requests)
    no_secret(shop, cache, ran)


# What an index may lack


@pytest.mark.usefixtures("resolver")
def test_hashes_that_an_index_does_not_give_are_computed(
    shop: Shop, tmp_path: Path, index_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import re

    shutil.copytree(index_folder, tmp_path / "bare")
    for page in (tmp_path / "bare" / "simple").rglob("index.html"):
        page.write_text(re.sub("#sha256=[0-9a-f]+", "", page.read_text()))
    with make.serving(tmp_path / "bare") as server:
        monkeypatch.setenv("UV_DEFAULT_INDEX", server.url)
        ran = shop.run("lock", str(shop.root))
        assert ran.code == 0, ran.err
        ran = shop.build()
        assert ran.code == 0, ran.err
    lock = loads((shop.root / "pylock.cloudrole.toml").read_text())
    artifacts = [
        each for package in lock["packages"] for each in (*package.get("wheels", ()), package.get("sdist"))
    ]
    hashes = [each["hashes"]["sha256"] for each in artifacts if each]
    assert len(hashes) == 6
    assert all(len(each) == 64 for each in hashes)


def test_with_metadata_files_no_wheel_is_opened_to_resolve(
    shop: Shop, tmp_path: Path, resolver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each wheel is fetched once, by us: resolvers read the metadata files of the index (PEP 658)."""
    requires = {"flask": b"Requires-Dist: click\n", "click": b"", "requests": b"", "wfastcgi": b""}
    files, metadata = {}, {}
    for name, more in requires.items():
        wheel = make.wheel_name(name)
        files[wheel] = make.wheel_bytes(name, requires=["click"] if more else [])
        metadata[wheel] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode() + more
    make.write_index(tmp_path / "index", files, metadata=metadata)
    with make.serving(tmp_path / "index") as server:
        monkeypatch.setenv("UV_DEFAULT_INDEX", server.url)
        assert shop.run("lock", str(shop.root)).code == 0
        if resolver == "uv" or pip_reads_metadata_files():
            assert [path for path in server.requests if path.endswith(".whl")] == []
        server.requests.clear()
        assert shop.build().code == 0
        assert sorted(path for path in server.requests if path.endswith(".whl")) == sorted(
            f"/files/{wheel}" for wheel in files
        )


def pip_reads_metadata_files() -> bool:
    from importlib.metadata import version

    return tuple(int(part) for part in version("pip").split(".")[:2]) >= (23, 2)


# Redirects


def elsewhere(other: make.IndexServer) -> Callable[[Any], None]:
    """Answers that send on to the same path of another server, under another host name."""
    port = urlsplit(other.origin).port

    def answer(handler: Any) -> None:
        handler.send_response(302)
        handler.send_header("Location", f"http://localhost:{port}{handler.path}")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


@pytest.mark.usefixtures("resolver")
@pytest.mark.parametrize("wanted", [False, True], ids=["open", "with-its-own-password"])
def test_credentials_do_not_follow_a_redirect_to_another_host(
    shop: Shop, private: make.IndexServer, index_folder: Path, tmp_path: Path, cache: Path,
    monkeypatch: pytest.MonkeyPatch, wanted: bool,
) -> None:  # fmt: skip
    """The files are on another host, which gets no password but its own."""
    monkeypatch.setenv("UV_DEFAULT_INDEX", with_user(private.url))
    with make.serving(index_folder) as files:
        private.answers = {".whl": elsewhere(files), ".tar.gz": elsewhere(files)}
        if wanted:
            files.credentials = ("reader", "other-p4ss")
            netrc = tmp_path / "netrc"
            netrc.write_text("machine localhost\nlogin reader\npassword other-p4ss\n")
            netrc.chmod(0o600)
            monkeypatch.setenv("NETRC", str(netrc))
        ran = shop.build()
        assert ran.code == 0, ran.err
        assert any(path.endswith(".whl") for path in files.requests)
        given = {each for each in files.authorizations if each}
    import base64

    own = f"Basic {base64.b64encode(b'reader:other-p4ss').decode()}"
    assert given == ({own} if wanted else set())
    no_secret(shop, cache, ran)


# Offline


@pytest.mark.usefixtures("resolver")
def test_offline_a_folder_may_be_all_the_index_there_is(
    shop: Shop, index_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Resolved and built for the first time without network: no server is named that could answer."""
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    shutil.copytree(index_folder / "files", shop.root / "vendor")
    add_settings(shop, 'find-links = ["vendor"]')
    ran = shop.build("--offline")
    assert ran.code == 0, ran.err
    assert "vendor" not in json.dumps(shop.report["versions"]["cspkg"]["wheels"])


@pytest.mark.usefixtures("resolver", "index")
def test_offline_without_what_it_takes(shop: Shop) -> None:
    ran = shop.build("--offline")
    assert ran.code == 6
    assert "--offline" in ran.err
    assert shop.artifacts() == []
