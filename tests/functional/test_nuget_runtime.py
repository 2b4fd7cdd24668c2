"""`runtime = "nuget"`: the build asks the feed once, and pins what the instances get."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import json
import threading
import zipfile
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from hatch_cloudrole.runtime.nuget import parse_answer, render_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .conftest import Shop

DAY = 24 * 60 * 60


def nupkg(version: str, *, dll: str = "python313.dll") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("python.nuspec", "tools/python.exe", f"tools/{dll}", "tools/Lib/os.py"):
            archive.writestr(zipfile.ZipInfo(name), version.encode())
    return buffer.getvalue()


@dataclass
class Feed:
    """A feed of the protocol v3; `asked` are the paths of the requests that it was given."""

    packages: dict[str, dict[str, bytes]] = field(default_factory=dict)
    wants: str = ""
    """What the Authorization header has to be; empty: nothing."""
    asked: list[str] = field(default_factory=list)
    documents: dict[str, bytes] = field(default_factory=dict)
    """Documents that are answered instead of the feed's own."""
    address: str = ""

    def answer(self, path: str) -> bytes | None:
        if path in self.documents:
            return self.documents[path]
        if path == "/v3/index.json":
            place = {"@id": f"{self.address}/flat/", "@type": "PackageBaseAddress/3.0.0"}
            return json.dumps({"version": "3.0.0", "resources": [place]}).encode()
        parts = path.split("/")[2:]
        held = self.packages.get(parts[0], {}) if path.startswith("/flat/") else {}
        if held and parts[1:] == ["index.json"]:
            return json.dumps({"versions": [*held]}).encode()
        if len(parts) == 3 and parts[2] == f"{parts[0]}.{parts[1]}.nupkg":
            return held.get(parts[1])
        return None


@pytest.fixture
def feed() -> Iterator[Feed]:
    known = Feed(
        packages={"python": {each: nupkg(each) for each in ("3.12.9", "3.13.1", "3.13.5", "3.13.6-rc1")}}
    )

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known.asked.append(self.path)
            body = known.answer(self.path)
            refused = known.wants and self.headers.get("Authorization") != known.wants
            self.send_response(401 if refused else 404 if body is None else 200)
            self.send_header("Content-Length", "0" if refused or body is None else str(len(body)))
            self.end_headers()
            if body is not None and not refused:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        known.address = f"http://127.0.0.1:{server.server_address[1]}"
        yield known
        server.shutdown()


@pytest.fixture
def later(cache: Path) -> Callable[[int], None]:
    """Call it with seconds, and what the store holds of feeds is so much older."""

    def age(seconds: int) -> None:
        [file] = [each for each in cache.rglob("resolutions/*") if each.read_text().startswith("[nuget]")]
        answer = parse_answer(file.read_text())
        assert answer
        file.write_text(render_answer(replace(answer, asked_at=answer.asked_at - seconds)))

    return age


def settings(feed: Feed, *more: str) -> str:
    return "\n".join(['runtime = "nuget"', f'nuget-feed = "{feed.address}/v3/index.json"', *more])


def runtime(shop: Shop, role: str = "Orders") -> dict[str, Any]:
    roles = {each["name"]: each["runtime"] for each in shop.report["versions"]["cspkg"]["roles"]}
    found: dict[str, Any] = roles[role]
    return found


def pinned(feed: Feed, version: str, package: str = "python") -> dict[str, Any]:
    return {
        "kind": "nuget",
        "version": version,
        "url": f"{feed.address}/flat/{package}/{version}/{package}.{version}.nupkg",
        "sha256": hashlib.sha256(feed.packages[package][version]).hexdigest(),
        "path": "",
    }


@pytest.mark.usefixtures("index")
def test_newest_release_of_the_minor_is_pinned_and_asked_for_once(
    shop: Shop, feed: Feed, later: Callable[[int], None], tmp_path: Path
) -> None:
    shop.write(target=settings(feed))
    ran = shop.build()
    assert ran.code == 0, ran.err
    assert runtime(shop, "Web") == runtime(shop) == pinned(feed, "3.13.5")
    assert shop.run("verify", str(shop.package)).code == 0
    shop.run("extract", "-q", str(shop.package), str(tmp_path / "x"))
    document = json.loads((tmp_path / "x/Roles/Orders/approot/bin/role.json").read_text())
    assert document["runtime"] == pinned(feed, "3.13.5")
    assert len(feed.asked) == 3, "two roles share one answer"
    first = shop.package.read_bytes()
    feed.packages["python"]["3.13.7"] = nupkg("3.13.7")
    later(DAY - 60)
    ran = shop.build()
    assert ran.code == 0
    assert "answered python 3.13.5 23 h 59 min ago; --refresh asks again" in ran.err
    assert len(feed.asked) == 3
    assert shop.package.read_bytes() == first
    assert shop.build("--refresh").code == 0
    assert runtime(shop) == pinned(feed, "3.13.7")


@pytest.mark.usefixtures("index")
def test_answer_of_yesterday_is_renewed_without_fetching_the_same_package_again(
    shop: Shop, feed: Feed, later: Callable[[int], None]
) -> None:
    shop.write(target=settings(feed))
    assert shop.build().code == 0
    later(DAY + 60)
    assert shop.build().code == 0
    assert [path for path in feed.asked if path.endswith(".nupkg")] == [
        "/flat/python/3.13.5/python.3.13.5.nupkg"
    ]
    assert len(feed.asked) == 5
    later(30 * DAY)
    feed.wants = "nobody"
    ran = shop.build("--offline")
    assert ran.code == 0, ran.err
    assert len(feed.asked) == 5


@pytest.mark.usefixtures("index")
def test_exact_version_and_architecture_are_respected(shop: Shop, feed: Feed) -> None:
    feed.packages["pythonx86"] = {each: nupkg(each) for each in ("3.13.1", "3.13.5")}
    text = settings(feed).replace("/index.json", "")
    shop.write(target=text, role='python = "3.13.1"\nplatform = "win32"\nproject-dependencies = false')
    ran = shop.build()
    assert ran.code == 0, ran.err
    assert runtime(shop) == pinned(feed, "3.13.1", "pythonx86")
    assert runtime(shop, "Web") == pinned(feed, "3.13.5")


@pytest.mark.usefixtures("index")
def test_account_of_the_feed_stays_here(shop: Shop, feed: Feed, tmp_path: Path, cache: Path) -> None:
    feed.wants = f"Basic {base64.b64encode(b'me:s3cret').decode()}"
    text = settings(feed).replace("http://", "http://me:s3cret@")
    ran = shop.write(target=text).build()
    assert ran.code == 0, ran.err
    assert runtime(shop) == pinned(feed, "3.13.5")
    shop.run("extract", "-q", str(shop.package), str(tmp_path / "x"))
    for folder in (tmp_path / "x", shop.root / "dist", cache):
        for path in folder.rglob("*"):
            assert not path.is_file() or b"s3cret" not in path.read_bytes(), path
    assert "s3cret" not in ran.err + ran.out
    feed.wants = "another"
    ran = shop.build("--refresh")
    assert ran.code == 6
    assert "answers 401: it wants credentials, or others than it got" in ran.err
    assert "s3cret" not in ran.err


@pytest.mark.usefixtures("index")
def test_feed_that_lacks_the_build_is_told_with_what_it_has(shop: Shop, feed: Feed) -> None:
    shop.write(target=settings(feed), role='python = "3.13.4"')
    ran = shop.build()
    assert ran.code == 2
    assert "has no release 3.13.4 of python, only 3.13.1, 3.13.5, 3.13.6-rc1" in ran.err
    shop.write(target=settings(feed), role='platform = "win_arm64"\nproject-dependencies = false')
    ran = shop.build()
    assert ran.code == 2
    assert "roles.Orders.runtime: 127.0.0.1:" in ran.err
    assert "has no package pythonarm64" in ran.err
    assert shop.artifacts() == []


@pytest.mark.usefixtures("index")
def test_offline_build_that_never_asked_says_so(shop: Shop, feed: Feed) -> None:
    assert shop.build().code == 0
    ran = shop.write(target=settings(feed)).build("--offline")
    assert ran.code == 6
    assert "has of python 3.13 is not in the store" in ran.err
    assert feed.asked == []


@pytest.mark.usefixtures("index")
def test_what_is_no_feed_or_no_interpreter_is_told(shop: Shop, feed: Feed) -> None:
    shop.write(target=settings(feed))
    feed.documents["/v3/index.json"] = b"<html>sign in</html>"
    ran = shop.build()
    assert ran.code == 2
    assert "does not answer as a NuGet v3 feed does: it is not JSON" in ran.err
    assert "accepted: the address of its service index" in ran.err
    feed.documents.clear()
    feed.packages["python"]["3.13.5"] = nupkg("3.13.5", dll="python312.dll")
    ran = shop.build()
    assert ran.code == 2
    assert "python.3.13.5.nupkg: no CPython 3.13 for win_amd64 is in it" in ran.err
    feed.packages["python"]["3.13.5"] = nupkg("3.13.5")
    assert shop.build().code == 0


@pytest.mark.usefixtures("index")
def test_feed_that_is_not_there_is_a_fault_of_transport(shop: Shop, feed: Feed) -> None:
    ran = shop.write(target=settings(feed).replace("/v3/", "/gone/")).build()
    assert ran.code == 6
    assert f"{feed.address}/gone/index.json: 127.0.0.1:" in ran.err
    assert "answers 404" in ran.err
