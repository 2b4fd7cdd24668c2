"""The commands that packages bring, as files that work from site-packages (pure).

No launcher program can travel with us, so on Windows a command is a batch file beside a Python script, which
shells find through PATH; elsewhere it is a Python script that names its interpreter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .wheel import EntryPoint

__all__ = ["entry_script", "is_python_script", "wheel_script"]

_LONGEST_SHEBANG = 127
"""What older Linux kernels read of the first line."""

_BODY = """\
import os
import site
import sys

site.addsitedir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from {module} import {first}
sys.argv[0] = {name!r}
sys.exit({attribute}())
"""

_FIND_PYTHON_SH = b"""\
#!/bin/sh
'''exec' "${CLOUDROLE_PYTHON:-$(cat -- "$(dirname -- "$0")/../../.cloudrole/python.txt")}" "$0" "$@"
' '''
"""
_DEFAULT_PYTHON_BATCH = (
    '@setlocal DisableDelayedExpansion\r\n@if not defined CLOUDROLE_PYTHON set "CLOUDROLE_PYTHON={}"\r\n'
)
_FIND_PYTHON_BATCH = (
    "@setlocal DisableDelayedExpansion\r\n"
    '@if not defined CLOUDROLE_PYTHON set /p CLOUDROLE_PYTHON=<"%~dp0..\\..\\.cloudrole\\python.txt"\r\n'
)
"""The role's program and its children have the variable; others know where `configure` writes it down."""


def entry_script(point: EntryPoint, python: str | None, *, windows: bool) -> dict[str, bytes]:
    """File name -> content of the command of an entry point, for the interpreter `python`.

    Here and below None means the one that runs the role, which is found when the command is started.
    """
    first = point.attribute.partition(".")[0]
    body = _BODY.format(module=point.module, first=first, attribute=point.attribute, name=point.name)
    return _files(point.name, body.encode("utf-8"), python, windows=windows)


def is_python_script(data: bytes) -> bool:
    """Whether a script of a wheel asks for the interpreter's path in its first line (PEP 427)."""
    return data.startswith(b"#!python")


def wheel_script(name: str, data: bytes, python: str | None, *, windows: bool) -> dict[str, bytes]:
    """File name -> content of a script that lies in a wheel as `name`."""
    if not is_python_script(data):
        return {name: data}
    return _files(name, data.partition(b"\n")[2], python, windows=windows)


def _files(name: str, body: bytes, python: str | None, *, windows: bool) -> dict[str, bytes]:
    if not windows:
        return {name: (_FIND_PYTHON_SH if python is None else _shebang(python)) + body}
    stem = name.removesuffix(".py")
    find = _FIND_PYTHON_BATCH if python is None else _DEFAULT_PYTHON_BATCH.format(python.replace("%", "%%"))
    batch = f'{find}@"%CLOUDROLE_PYTHON%" "%~dp0{stem}-script.py" %*\r\n@exit /b %ERRORLEVEL%\r\n'
    # cmd.exe reads a batch file in the code page of the machine; a variable holds whatever there is.
    data = batch.encode("oem" if python is not None and _has_oem() else "utf-8", "replace")
    return {f"{stem}.cmd": data, f"{stem}-script.py": body}


def _has_oem() -> bool:
    try:
        "".encode("oem")
    except LookupError:
        return False
    return True


def _shebang(python: str) -> bytes:
    """The first line, or lines that sh and Python both read where a kernel could not follow one."""
    if " " not in python and len(python) + 2 <= _LONGEST_SHEBANG:
        return b"#!" + python.encode("utf-8", "surrogateescape") + b"\n"
    quoted = "'" + python.replace("'", "'\"'\"'") + "'"
    line = f"'''exec' {quoted} \"$0\" \"$@\"\n' '''\n"
    return b"#!/bin/sh\n" + line.encode("utf-8", "surrogateescape")
