"""What the slow tests need from their surroundings: they skip with the reason, or fail where all must run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

EXAMPLES = Path(__file__).parents[2] / "fixtures" / "projects"


def missing(reason: str) -> NoReturn:
    """Skip; but where everything must run, a test that cannot is a failure."""
    if os.environ.get("CLOUDROLE_TEST_REQUIRE_ALL"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def network() -> None:
    """The real package index."""
    if not os.environ.get("CLOUDROLE_TEST_NETWORK"):
        missing("CLOUDROLE_TEST_NETWORK is not set: the real package index is not used")


@pytest.fixture
def tools() -> Path:
    """The folder of the checking tools."""
    folder = os.environ.get("CLOUDROLE_TEST_TOOLS", "")
    if not folder:
        missing("CLOUDROLE_TEST_TOOLS does not name the folder of the checking tools")
    return Path(folder)


@pytest.fixture
def wine() -> Path:
    """The folder of real Windows CPython under Wine."""
    folder = os.environ.get("CLOUDROLE_TEST_WINE", "")
    if not folder:
        missing("CLOUDROLE_TEST_WINE does not name a folder with Windows CPython under Wine")
    return Path(folder)


@pytest.fixture(params=[11, 12], ids=lambda minor: f"3.{minor}")
def windows_minor(request: pytest.FixtureRequest, wine: Path) -> int:
    """Each Windows CPython besides 3.13, with which most tests run, as its minor number."""
    minor: int = request.param
    if not (wine / f"py3{minor}" / "python.exe").exists():
        missing(f"there is no Windows CPython 3.{minor} in {wine}")
    return minor


@pytest.fixture
def pythons() -> list[str]:
    """Other interpreters of this host, with whom the same bytes must come out."""
    found = [each for each in os.environ.get("CLOUDROLE_TEST_PYTHONS", "").split(":") if each]
    if not found:
        missing("CLOUDROLE_TEST_PYTHONS names no other interpreters")
    return found


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all slow tests, so that a wheel is fetched once."""
    return tmp_path_factory.mktemp("slow-cache")
