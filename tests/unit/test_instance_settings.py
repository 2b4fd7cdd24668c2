"""role.json as the instance reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from hatch_cloudrole.instance._cloudrole.faults import SettingsError
from hatch_cloudrole.instance._cloudrole.settings import Endpoint, PinnedWheel, parse_settings, read_settings

if TYPE_CHECKING:
    from pathlib import Path

PLAIN: dict[str, Any] = {
    "schema": 1,
    "role": "Orders",
    "service": "Contoso",
    "version": "1.2.0",
    "type": "web",
    "python": "3.13.17",
    "platform": "win_amd64",
    "arguments": ["a b"],
    "environment": {"MODE": "live"},
    "server": "direct",
    "endpoint": {"name": "Http", "protocol": "http", "port": 80},
    "wheels": [{"file": "a-1-py3-none-any.whl", "name": "a", "version": "1", "sha256": "AB", "size": 3}],
    "later": "keys that a later release adds are none of our business",
}


def test_every_value_arrives() -> None:
    settings = parse_settings(PLAIN, "role.json")
    assert settings.minor == "3.13"
    assert settings.arguments == ("a b",)
    assert settings.endpoint == Endpoint("Http", "http", 80)
    assert settings.wheels == (PinnedWheel("a-1-py3-none-any.whl", "a", "1", "ab", 3),)
    assert (settings.startup_file, settings.working_directory, settings.search_paths) == ("", ".", ())
    assert not settings.has_site


def test_null_server_is_none() -> None:
    assert parse_settings({**PLAIN, "server": None, "endpoint": None}, "x").server == ""


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"schema": 2}, "schema 2, but this role.py reads 1"),
        ({"role": None}, "role is None, not a text"),
        ({"arguments": "a b"}, "arguments is 'a b', not a list of texts"),
        ({"arguments": [1]}, "not a list of texts"),
        ({"environment": {"A": 1}}, "not an object of texts"),
        ({"wheels": [{"file": "a"}]}, r"wheels\[0\]: name is None"),
        (
            {"endpoint": {"name": "Http", "protocol": "http", "port": "80"}},
            "endpoint: port is '80', not a whole",
        ),
    ],
)
def test_fault_names_the_key_and_what_was_found(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        parse_settings({**PLAIN, **changed}, "role.json")


def test_byte_order_mark_of_an_editor_is_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "role.json"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(PLAIN).encode())
    assert read_settings(file).role == "Orders"


@pytest.mark.parametrize("data", [None, b"{", b"\xff\xfe"])
def test_file_that_cannot_be_read_is_named(tmp_path: Path, data: bytes | None) -> None:
    file = tmp_path / "role.json"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(SettingsError, match="deploy the package again"):
        read_settings(file)
