r"""Paths that an instance, or the package itself, cannot hold."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from hatch_cloudrole.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["APPROOT", "SITE", "package_faults", "path_faults"]

APPROOT = "E:\\approot\\"
"""Where Azure unpacks a role: on drive E: or F:, which take turns."""
SITE = "E:\\sitesroot\\0\\"
"""Where Azure unpacks the site of a web role."""

_LONGEST_FILE = 259
_LONGEST_FOLDER = 247
"""MAX_PATH is 260 with the final NUL; a folder must leave room for a name of 8.3 characters."""

_DEVICE = re.compile("(con|prn|aux|nul|conin\\$|conout\\$|(com|lpt)[1-9\xb9\xb2\xb3])", re.IGNORECASE)
_FORBIDDEN = re.compile('[<>:"|?*]')
# What XML 1.0, which the package's manifest is, cannot hold, and line ends and tabs, which no file needs.
_UNWRITABLE = re.compile("[\x00-\x1f\ud800-\udfff\ufffe\uffff]")


def package_faults(paths: Iterable[str]) -> list[Fault]:
    """What keeps `paths` (with `/`) out of any package.

    That is what its manifest cannot write, what would leave the role's folder, and a path that is both a file
    and a folder.
    """
    files = set(paths)
    faults = [fault for path in sorted(files) for fault in _package_faults(path)]
    clashes = sorted(files & {folder for path in files for folder in _folders(path)})
    return [
        *faults,
        *(Fault(path, "is a file and a folder at once", "rename one of the two") for path in clashes),
    ]


def path_faults(paths: Iterable[str], *, prefix_length: int) -> list[Fault]:
    """What keeps `paths` (with `/`) out of a package for Windows, or off the disk of its instance.

    `prefix_length` is the length of the folder they are unpacked to, as of `APPROOT`. A folder's name is
    reported once, whatever it holds. Windows' own rules are those of "Naming Files, Paths, and Namespaces".
    """
    files = set(paths)
    faults = package_faults(files)
    folders = {folder for path in files for folder in _folders(path)}
    for path in sorted(files | folders):
        name = path.rpartition("/")[2]
        faults += _name_faults(path, name)
    for path in sorted(folders):
        faults += _length_faults(path, prefix_length, _LONGEST_FOLDER, "folder")
    for path in sorted(files):
        faults += _length_faults(path, prefix_length, _LONGEST_FILE, "file")
    return [*faults, *_case_faults(files | folders)]


def _folders(path: str) -> Iterator[str]:
    parts = path.split("/")
    return ("/".join(parts[:number]) for number in range(1, len(parts)))


def _package_faults(path: str) -> Iterator[Fault]:
    if found := _UNWRITABLE.search(path):
        shown = path.encode("ascii", "backslashreplace").decode()
        yield Fault(shown, f"has the character U+{ord(found[0]):04X} in its name", "rename it")
    if "\\" in path:
        yield Fault(path, "has a backslash in its name, which separates folders in a package", "rename it")
    if any(part in {"", ".", ".."} for part in path.split("/")):
        yield Fault(path, "leads out of the role's folder, or nowhere", "give it a plain relative path")


def _name_faults(path: str, name: str) -> Iterator[Fault]:
    if name in {"", ".", ".."}:
        return
    if _DEVICE.fullmatch(name.partition(".")[0].rstrip(" ")):
        yield Fault(path, f"Windows keeps the name {name!r} for a device, with any extension", "rename it")
    if name.endswith((".", " ")):
        last = "a dot" if name.endswith(".") else "a space"
        yield Fault(path, f"its name ends with {last}, which Windows drops", "rename it")
    if found := _FORBIDDEN.search(name):
        yield Fault(path, f"has {found[0]} in its name, which Windows does not allow", "rename it")


def _length_faults(path: str, prefix_length: int, longest: int, kind: str) -> Iterator[Fault]:
    # Windows counts UTF-16 units.
    length = prefix_length + len(path.encode("utf-16-le", "surrogatepass")) // 2
    if length > longest:
        yield Fault(
            path,
            f"is {length} characters long on an instance, which adds {prefix_length} in front; "
            f"Windows takes {longest} for a {kind}",
            "shorten the names in it, or move it up",
        )


def _case_faults(paths: Iterable[str]) -> Iterator[Fault]:
    """Names in one folder that Windows takes for one name."""
    same = defaultdict(list)
    for path in sorted(paths):
        folder, _, name = path.rpartition("/")
        same[folder, _upper(name)].append(path)
    for first, *others in same.values():
        for path in others:
            yield Fault(path, f"differs from {first} in upper and lower case alone", "rename one of the two")


def _upper(name: str) -> str:
    """The name as Windows compares it: one character for one, and no other letter becomes an ASCII one."""

    def upper(char: str) -> str:
        big = char.upper()
        return big if len(big) == 1 and big.isascii() == char.isascii() and char <= "\uffff" else char

    return "".join(map(upper, name))
