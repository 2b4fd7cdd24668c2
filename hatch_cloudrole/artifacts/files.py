"""Writing artifacts: their folder, the small files, and what goes wrong when a large one is written."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault, TransportError, WheelError
from hatch_cloudrole.wheels.damaged import damaged_wheels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from hatch_cloudrole.content import Content
    from hatch_cloudrole.pipeline import Build, Prepared

__all__ = ["guarded_writing", "make_folder", "write_documents"]


@contextmanager
def guarded_writing(
    build: Build, prepared: Prepared, path: Path, contents: Iterable[Content], *, once: bool = True
) -> Iterator[Callable[[int], None]]:
    """Show the user how `path` is written, and take wheels that turn out damaged out of the store.

    `contents` are all that is written, `once` each however often it occurs. Gives what is to be told the
    bytes as they are written.

    :raises WheelError: wheels in the store are not what was verified.
    """
    every = list(contents)
    sizes = {each.sha256: each.size for each in every}
    total = sum(sizes.values()) if once else sum(each.size for each in every)
    try:
        with build.world.progress.transfer(f"Writing {path.name}", total) as on_bytes:
            yield on_bytes
    except WheelError:
        raise damaged_wheels(prepared.store, prepared.houses.values()) from None


def make_folder(directory: Path) -> None:
    """Make the folder that artifacts go into.

    :raises TransportError: it cannot be made.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fault = Fault(str(directory), error.strerror or str(error), "name another folder")
        raise TransportError("The folder for the package cannot be made", [fault]) from None


def write_documents(directory: Path, documents: Mapping[str, bytes]) -> None:
    """Write small files by name, each whole or not at all.

    :raises TransportError: one cannot be written.
    """
    for name, data in documents.items():
        partial = directory / f".{name}.partial"
        try:
            partial.write_bytes(data)
            partial.replace(directory / name)
        except OSError as error:
            partial.unlink(missing_ok=True)
            fault = Fault(str(directory / name), error.strerror or str(error))
            raise TransportError("An artifact cannot be written", [fault]) from None
