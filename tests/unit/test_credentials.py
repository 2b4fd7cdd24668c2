"""Whose password goes where, and that none is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hatch_cloudrole.errors import ProjectError
from hatch_cloudrole.lock.credentials import Account, Keyring, account_for, accounts, redact, with_account
from hatch_cloudrole.process import Finished

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at https://me:pw@x.example/simple", "at https://x.example/simple"),
        ("https://token@x.example", "https://x.example"),
        ("https://me:p@ss@x.example/a@b", "https://x.example/a@b"),
        ("mail me@x.example, see https://x.example", "mail me@x.example, see https://x.example"),
        ("https://a:1@x and http://b:2@y", "https://x and http://y"),
    ],
)
def test_addresses_lose_user_and_password(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_an_account_is_read_back_from_an_address() -> None:
    url = with_account("https://old:one@x.example:8443/simple", "me@home", "p/w:@")
    assert list(accounts([url])) == [Account("https://x.example:8443/simple", "me@home", "p/w:@")]
    assert list(accounts(["/folder", "file:///folder", ""])) == []


def test_an_account_shows_no_password() -> None:
    assert "s3cret" not in repr(Account("https://x.example", "me", "s3cret"))


def test_an_address_that_is_none_is_refused_unseen() -> None:
    with pytest.raises(ProjectError, match="%2F") as caught:
        list(accounts(["https://me:pw/s3cret@x.example/simple"]))
    assert "s3cret" not in str(caught.value)


TEAM = Account("https://x.example/team/simple", "team", "1")
OTHER = Account("https://x.example/other/simple", "other", "2")
OPEN = Account("https://x.example/open/simple")


@pytest.mark.parametrize(
    ("url", "account"),
    [
        ("https://x.example/team/files/a.whl", TEAM),
        ("https://x.example/other/files/a.whl", OTHER),
        ("https://X.example/team/simple/a/", TEAM),
        ("http://x.example/team/files/a.whl", None),
        ("https://x.example:444/team/files/a.whl", None),
        ("https://y.example/team/files/a.whl", None),
    ],
)
def test_an_account_is_for_its_host_and_the_nearest_path(url: str, account: Account | None) -> None:
    """One host may hold the indexes of several teams."""
    assert account_for(url, [OPEN, OTHER, TEAM]) == account


def test_where_paths_do_not_decide_the_account_with_a_user_is_meant() -> None:
    assert account_for("https://x.example/files/a.whl", [OPEN, TEAM]) == TEAM


@dataclass
class FakeKeyring:
    known: dict[str, str] = field(default_factory=dict)
    asked: list[list[str]] = field(default_factory=list)

    def __call__(self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> Finished:
        words = [each for each in argv[1:] if each not in {"-m", "keyring"}]
        self.asked.append(words)
        answer = self.known.get(" ".join(words))
        return Finished(0, answer + "\n", "") if answer else Finished(1, "", "")


def ring(program: FakeKeyring, provider: str = "subprocess") -> Keyring:
    return Keyring(provider, program, {"PATH": ""}, Path())


def test_the_keyring_is_asked_for_the_index_then_for_the_host_and_once() -> None:
    program = FakeKeyring({"get x.example team": "pw"})
    keyring = ring(program)
    account = Account("https://x.example/team/simple", "team")
    for _ in range(2):
        assert keyring.find("https://x.example/files/a.whl", account) == ("team", "pw")
    assert program.asked == [["get", "https://x.example/team/simple", "team"], ["get", "x.example", "team"]]


def test_the_keyring_may_know_the_user_too() -> None:
    program = FakeKeyring({"--mode creds get x.example": "me\npw"})
    assert ring(program).find("https://x.example/a.whl", None) == ("me", "pw")
    assert ring(FakeKeyring()).find("https://x.example/a.whl", None) is None


@pytest.mark.parametrize("provider", ["", "auto", "disabled"])
def test_a_keyring_that_nobody_asked_for_is_left_alone(provider: str) -> None:
    program = FakeKeyring()
    assert ring(program, provider).find("https://x.example/a.whl", TEAM) is None
    assert program.asked == []
