"""A build that is ended from outside takes along what it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import wheelmaker as make

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.conftest import Shop


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def eventually(condition: object, seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.1)
    return False


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.usefixtures("index", "cache")
def test_a_build_that_is_ended_leaves_no_process_and_no_artifact(
    shop: Shop, tmp_path: Path, number: int
) -> None:
    mark = tmp_path / "backend.pid"
    setup = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(120)"
    vendor = shop.root / "vendor"
    vendor.mkdir()
    (vendor / "slow-1.0.tar.gz").write_bytes(make.sdist_bytes("slow", setup=setup))
    shop.write(target='find-links = ["vendor"]')
    text = (shop.root / "pyproject.toml").read_text().replace('["requests"]', '["slow"]')
    (shop.root / "pyproject.toml").write_text(text)
    process = subprocess.Popen(
        [sys.executable, "-m", "hatch_cloudrole", "build", str(shop.root)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert eventually(lambda: mark.is_file() and mark.read_text())
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "stopped" in err
    assert "Traceback" not in err
    assert eventually(lambda: not alive(int(mark.read_text())))
    assert shop.artifacts() == []
