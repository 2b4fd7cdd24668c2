"""Write the small files beside a package: whole or not at all, and never some without the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault, TransportError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["make_folder", "write_documents"]


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
