"""What parts, roles and files of a package may be called (pure)."""

from __future__ import annotations

import re

__all__ = ["file_path_fault", "part_name_fault", "path_set_faults", "printable", "role_name_fault"]

_ROLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+")
_RESERVED_PARTS = re.compile(r"(.*/)?_rels(/.*)?|\[content_types\]\.xml|package\.xml", re.IGNORECASE)
_DEVICE = re.compile(r"(CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(COM|LPT)[1-9\u00b9\u00b2\u00b3])", re.IGNORECASE)
# Control characters, what Windows forbids, surrogates and the two code points that XML cannot hold.
_FORBIDDEN = re.compile('[\x00-\x1f\x7f<>:"|?*\\\\\ud800-\udfff\ufffe\uffff]')


def role_name_fault(name: str) -> str:
    """Say what is wrong with a role's name, or nothing.

    A role's name becomes part of part names and a folder name, so it needs no escaping in either.
    """
    if not _ROLE.fullmatch(name):
        return "a role's name is a letter or '_', then letters, digits, '_', '.' and '-'"
    return file_path_fault(name)


def part_name_fault(name: str) -> str:
    """Say what is wrong with the name of a part (relative, with `/`), or nothing.

    The rules are those of OPC (ECMA-376 part 2), less the characters that would have to be escaped.
    """
    for segment in name.split("/"):
        if not segment:
            return "a part's name is neither empty nor absolute and has no empty segment"
        if segment.endswith("."):
            return "no segment of a part's name ends with a dot"
        if not _SEGMENT.fullmatch(segment):
            return "a part's name holds nothing but ASCII letters, digits and . _ ~ - /"
    if _RESERVED_PARTS.fullmatch(name):
        return "this name belongs to the package itself"
    return ""


def file_path_fault(path: str) -> str:
    r"""Say what is wrong with the path of a file below its role's root (relative, with `/`), or nothing.

    A role is unpacked on Windows, so that every name must be one that Windows can hold; a path that passes
    stays below any folder it is joined to, on every system.
    """
    if found := _FORBIDDEN.search(path):
        return f"the character {found[0]!a} stands in no file name on Windows"
    for segment in path.split("/"):
        if not segment:
            return "a file's path is neither empty nor absolute and has no empty segment"
        if segment in {".", ".."}:
            return f"a file's path has no {segment!r} segment"
        if segment[-1] in ". ":
            return f"Windows drops the dot or space at the end of {segment!r}"
        if _DEVICE.fullmatch(segment.split(".")[0].rstrip(" ")):
            return f"{segment!r} is a device on Windows"
    return ""


def path_set_faults(paths: list[str]) -> list[tuple[str, str]]:
    """Find the paths that cannot lie in one folder on Windows with the others: (path, what is wrong)."""
    seen: dict[str, str] = {}
    faults = [
        (path, f"differs from {other!r} in nothing but case")
        for path in paths
        if (other := seen.setdefault(path.lower(), path)) != path
    ]
    for path in paths:
        folder = path.lower()
        while folder := folder.rpartition("/")[0]:
            if folder in seen:
                faults.append((path, f"lies in {seen[folder]!r}, which is a file"))
                break
    return faults


def printable(name: str) -> str:
    """A name from somewhere else, with nothing in it that would do more to a terminal than show."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in name)
