"""What the .gitignore files of a project ignore, those in its subfolders included."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["gitignore_matcher"]


def _patterns(text: str) -> Iterator[str]:
    """The lines that are patterns. Git passes over the others (`!` alone, say); the library refuses them."""
    from pathspec import GitIgnoreSpec

    for line in text.splitlines():
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError:
            continue
        yield line


def gitignore_matcher(gitignores: Mapping[str, str]) -> Callable[[str], bool]:
    """A function that says of a file's path whether git would ignore it.

    `gitignores` maps a folder (`.` is the top) to the text of its .gitignore. Paths have `/`. As gitignore(5)
    has it: the last pattern that matches decides, one of a nearer folder before any of a farther, and below
    an ignored folder nothing can be taken in again.
    """
    from pathspec import GitIgnoreSpec

    specs = {
        "" if folder == "." else f"{folder}/": GitIgnoreSpec.from_lines(_patterns(text))
        for folder, text in gitignores.items()
    }
    folders: dict[str, bool] = {"": False}

    def matches(path: str) -> bool:
        """Whether the patterns ignore `path` itself; a folder ends with `/`."""
        parts = path.rstrip("/").split("/")
        for depth in range(len(parts) - 1, -1, -1):
            start = "".join(f"{part}/" for part in parts[:depth])
            if spec := specs.get(start):
                verdict = spec.check_file(path[len(start) :]).include
                if verdict is not None:
                    return verdict
        return False

    def folder_is_ignored(folder: str) -> bool:
        if folder not in folders:
            above = folder[: folder.rstrip("/").rfind("/") + 1]
            folders[folder] = folder_is_ignored(above) or matches(folder)
        return folders[folder]

    def is_ignored(path: str) -> bool:
        return folder_is_ignored(path[: path.rfind("/") + 1]) or matches(path)

    return is_ignored
