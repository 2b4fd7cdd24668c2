"""What every test gets: a clean environment, and for unit and property tests no way to the outside."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PURE = ("unit", "property")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees this host's configuration of pip, uv, Hatch or ourselves, nor the user's cache."""
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_", "HATCH_", "CLOUDROLE_HOME", "SOURCE_DATE")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("HATCH_CLOUDROLE_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(autouse=True)
def _no_outside(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unit and property tests that start a program or open a connection are wrong, and told so."""
    if request.path.relative_to(TESTS).parts[0] in PURE:

        def forbidden(*_args: object, **_kwargs: object) -> None:
            raise AssertionError("a unit test must not reach outside")

        monkeypatch.setattr(subprocess, "Popen", forbidden)
        monkeypatch.setattr(socket.socket, "connect", forbidden)
