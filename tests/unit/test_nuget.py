"""What the documents of a NuGet feed say, and which build of CPython is taken."""

from __future__ import annotations

import json

import pytest

from hatch_cloudrole.runtime.nuget import (
    Answer,
    BadFeedError,
    choose,
    index_address,
    package_base,
    package_id,
    parse_answer,
    render_answer,
    versions,
)
from hatch_cloudrole.target import Target

INDEX = "https://n.example/v3/index.json"


@pytest.mark.parametrize(
    ("platform", "package"), [("win_amd64", "python"), ("win32", "pythonx86"), ("win_arm64", "pythonarm64")]
)
def test_package_is_the_one_of_the_architecture(platform: str, package: str) -> None:
    assert package_id(Target.parse("3.13", platform)) == package


@pytest.mark.parametrize(
    ("feed", "address"),
    [
        ("https://n.example/v3/index.json", INDEX),
        ("https://n.example/v3", INDEX),
        ("https://n.example/v3/", INDEX),
        ("https://me:secret@n.example/v3/", INDEX),
        ("https://n.example/v3?key=1", f"{INDEX}?key=1"),
    ],
)
def test_feed_may_be_named_by_its_index_or_its_folder(feed: str, address: str) -> None:
    assert index_address(feed) == address


def index(*resources: object) -> bytes:
    return json.dumps({"version": "3.0.0", "resources": resources}).encode()


@pytest.mark.parametrize(
    "place", ["https://p.example/flat", "https://p.example/flat/", "https://me:x@p.example/flat/"]
)
def test_place_of_the_packages_is_found_among_the_resources(place: str) -> None:
    search = {"@id": "https://n.example/q", "@type": "SearchQueryService"}
    resource = {"@id": place, "@type": "PackageBaseAddress/3.0.0"}
    assert package_base(index("odd", search, resource), INDEX) == "https://p.example/flat/"
    several = {"@id": "../flat", "@type": ["Other", "PackageBaseAddress/3.0.0"]}
    assert package_base(index(several), INDEX) == "https://n.example/flat/"


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"<feed/>", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[]", "it lists no resources"),
        (b'{"resources": {}}', "it lists no resources"),
        (index({"@id": 1, "@type": "PackageBaseAddress/3.0.0"}), "names no PackageBaseAddress/3.0.0"),
        (index({"@id": "file:///x", "@type": "PackageBaseAddress/3.0.0"}), "no http:// or https:// address"),
    ],
)
def test_what_is_no_service_index_is_told(document: bytes, why: str) -> None:
    with pytest.raises(BadFeedError, match=why.replace("/", "/")):
        package_base(document, INDEX)


def test_versions_are_listed() -> None:
    assert versions(b'{"versions": ["3.13.1", 4, "3.13.2"]}') == ("3.13.1", "3.13.2")
    with pytest.raises(BadFeedError, match="it is no list of versions"):
        versions(b'{"versions": "3.13.1"}')


LISTED = ("3.12.11", "3.13.0-rc2", "3.13.9", "3.13.10", "3.13.11-a1", "3.14.0", "3.1.3", "3.13.0.1")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("3.13", "3.13.10"),
        ("3.13.9", "3.13.9"),
        ("3.13.11", None),
        ("3.13.0", None),
        ("3.1", "3.1.3"),
        ("3.15", None),
    ],
)
def test_newest_release_of_a_minor_or_exactly_the_one_that_is_named(wanted: str, found: str | None) -> None:
    assert choose(LISTED, wanted) == found
    assert choose(reversed(LISTED), wanted) == found


def test_answer_is_kept_as_text() -> None:
    answer = Answer(version="3.13.9", url='https://n.example/"a"\\b', sha256="0" * 64, asked_at=17)
    assert parse_answer(render_answer(answer)) == answer
    assert parse_answer("") is None
    assert parse_answer('[nuget]\nversion = "3.13.9"\n') is None
    assert parse_answer("lock-version =") is None
