"""What prune takes out of the store, and what it leaves."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest
import wheelmaker as make

from hatch_cloudrole.content import Content
from hatch_cloudrole.errors import TransportError
from hatch_cloudrole.target import Target
from hatch_cloudrole.wheels.model import Provenance
from hatch_cloudrole.wheels.prune import DAY, prune
from hatch_cloudrole.wheels.store import Store
from hatch_cloudrole.wheels.verify import read_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from hatch_cloudrole.wheels.model import Wheel

WINDOWS = Target.parse("3.13", "win_amd64")
NOW = time.time()


def keep(store: Store, name: str, *, days: float, sdist: str = "") -> Wheel:
    """A wheel in the store that was last used `days` ago, built from `sdist` if there is one."""
    filename = make.wheel_name(name)
    with store.partial(filename) as partial:
        partial.write_bytes(make.wheel_bytes(name))
        wheel = store.add_wheel(
            partial, read_wheel(partial, filename, content=Content.of_file(partial), built_from=sdist)
        )
    age(record(store, wheel), days)
    age(store.file(wheel.content.sha256), 400)
    if sdist:
        store.add_built(WINDOWS, wheel, Provenance(sdist="x.tar.gz", sha256=sdist, wheel=filename))
        age(next((store.root / "built").glob(f"{sdist}-*")), 400)
    return wheel


def record(store: Store, wheel: Wheel) -> Path:
    return store.root / "wheels" / wheel.name / f"{wheel.content.sha256}.json"


def age(path: Path, days: float) -> None:
    os.utime(path, (NOW - days * DAY, NOW - days * DAY))


def test_wheels_that_were_not_used_for_long_go_and_the_others_stay(tmp_path: Path) -> None:
    store = Store(tmp_path)
    old, new = keep(store, "old", days=31, sdist="a" * 64), keep(store, "new", days=29, sdist="b" * 64)
    freed = prune(store, now=NOW)
    assert (freed.wheels, store.usage().files, store.usage().built) == (1, 1, 1)
    assert freed.bytes > old.content.size
    assert store.wheel(old.name, old.content.sha256) is None
    assert store.built_wheel("b" * 64, WINDOWS) == new
    assert prune(store, now=NOW, days=10).wheels == 0, "it has just been used"


def test_a_hit_is_use_and_is_noted_once_a_day_at_most(tmp_path: Path) -> None:
    store = Store(tmp_path)
    wheel = keep(store, "demo", days=40)
    assert store.wheel(wheel.name, wheel.content.sha256) is not None
    assert prune(store, now=NOW).wheels == 0
    age(record(store, wheel), 0.5)
    before = record(store, wheel).stat().st_mtime
    assert store.wheel(wheel.name, wheel.content.sha256) is not None
    assert record(store, wheel).stat().st_mtime == before


def test_a_store_that_cannot_be_written_still_gives_its_wheels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    wheel = keep(store, "demo", days=40)

    def refused(*_args: object, **_kwargs: object) -> None:
        raise PermissionError(1, "not permitted")

    monkeypatch.setattr(os, "utime", refused)
    assert store.wheel(wheel.name, wheel.content.sha256) == wheel


def test_what_belongs_to_nothing_goes_after_a_day(tmp_path: Path) -> None:
    store = Store(tmp_path)
    keep(store, "demo", days=0)
    for name, days in (("0" * 64, 2.0), ("1" * 64, 0.1)):
        path = store.file(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"orphan")
        age(path, days)
        folder = store.root / "partial" / f"1-{name[:4]}"
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "file").write_bytes(b"12345")
        age(folder, days)
        store.write_resolution(name[:4], "text")
    age(store.root / "resolutions" / "0000.toml", 8)
    freed = prune(store, now=NOW)
    assert (freed.wheels, freed.partial, freed.resolutions) == (0, 1, 1)
    assert [path.name for path in (store.root / "partial").iterdir()] == ["1-1111"]
    assert store.has("1" * 64)
    assert not store.has("0" * 64)
    assert store.read_resolution("1111") == "text"


def test_everything_goes_but_the_work_of_builds_that_may_run(tmp_path: Path) -> None:
    store = Store(tmp_path)
    keep(store, "demo", days=0, sdist="a" * 64)
    store.write_resolution("key", "text")
    with store.partial() as partial:
        partial.write_bytes(b"arriving")
        freed = prune(store, now=NOW, everything=True)
        assert partial.read_bytes() == b"arriving"
    usage = store.usage()
    assert (freed.wheels, freed.resolutions) == (1, 1)
    assert (usage.files, usage.wheels, usage.built, usage.resolutions) == (0, 0, 0, 0)


def test_a_record_without_its_file_goes(tmp_path: Path) -> None:
    store = Store(tmp_path)
    wheel = keep(store, "demo", days=0)
    store.file(wheel.content.sha256).unlink()
    prune(store, now=NOW)
    assert store.usage().wheels == 0


def test_an_empty_store_is_no_fault(tmp_path: Path) -> None:
    assert prune(Store(tmp_path / "none"), now=NOW).bytes == 0


def test_what_cannot_be_removed_is_named_and_the_rest_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pathlib import Path as RealPath

    store = Store(tmp_path)
    one, two = keep(store, "one", days=90), keep(store, "two", days=90)
    unlink = RealPath.unlink

    def guarded(path: Path, *, missing_ok: bool = False) -> None:
        if path == store.file(one.content.sha256):
            raise PermissionError(13, "Permission denied")
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(RealPath, "unlink", guarded)
    with pytest.raises(TransportError, match="Permission denied"):
        prune(store, now=NOW)
    assert not store.has(two.content.sha256)
    monkeypatch.undo()
    assert prune(store, now=NOW).bytes == one.content.size, "without its record it belongs to nothing"


def test_a_built_wheel_remembers_how_it_was_built(tmp_path: Path) -> None:
    store = Store(tmp_path)
    wheel = keep(store, "demo", days=0, sdist="a" * 64)
    how = Provenance(sdist="x.tar.gz", sha256="a" * 64, wheel=wheel.filename, requires=("r",), used=("r==1",))
    store.add_built(WINDOWS, wheel, how)
    assert store.provenance(wheel) == how
    path = next((store.root / "built").glob("*.json"))
    document = json.loads(path.read_text())
    document["provenance"]["unknown"] = 1
    path.write_text(json.dumps(document))
    assert store.provenance(wheel) is None, "written by another version"
