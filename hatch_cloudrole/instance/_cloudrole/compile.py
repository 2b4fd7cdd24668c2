"""Byte-compiles packages in processes of their own, so that every processor helps.

As a program it reads lines of three paths from standard input: the source, the place of the result, and the
path that tracebacks will show. A source that does not compile is left as it is, for there are packages that
carry files for other versions. So are the tests that packages carry along, which nobody imports here: they
are the greater part of some packages, and would take most of the time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import cache_from_source
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = ["compile_tree"]

_FILES_WORTH_A_PROCESS = 100
_MOST_PROCESSES = 8


def compile_tree(folder: Path, files: Iterable[str], shown: Path) -> None:
    """Compile the modules `files` (paths below `folder`, with `/`), which will be moved to `shown`.

    The modules are dealt out in one fixed way and the processes hash alike, so that the result is the same
    each time on one machine.
    """
    modules = sorted(name for name in files if name.endswith(".py") and "/tests/" not in name)
    if not modules:
        return
    lines = []
    for name in modules:
        source = os.path.join(folder, *name.split("/"))
        target = cache_from_source(source)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        lines.append("\t".join((source, target, os.path.join(shown, *name.split("/")))))
    count = max(1, min(_MOST_PROCESSES, os.cpu_count() or 1, len(lines) // _FILES_WORTH_A_PROCESS))
    _run([lines[number::count] for number in range(count)])


def _run(shares: Sequence[Sequence[str]]) -> None:
    env = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
    for name in ("PYTHONPATH", "PYTHONSTARTUP", "PYTHONOPTIMIZE"):
        env.pop(name, None)
    command = [sys.executable, "-S", "-X", "utf8", os.path.abspath(__file__)]
    workers = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env
        )
        for _ in shares
    ]
    # Each reads everything before it starts, so this does not wait for one after another.
    for worker, share in zip(workers, shares):
        try:
            if worker.stdin is not None:
                worker.stdin.write("\n".join(share).encode("utf-8", "surrogateescape"))
                worker.stdin.close()
        except BrokenPipeError:
            pass  # packages work without being compiled
    for worker in workers:
        worker.wait()


def _compile(source: str, target: str, shown: str) -> None:
    """Compile one module; the folder of `target` exists already.

    It is not made here: a worker whose parent was killed must not bring back a folder that was cleaned up.
    """
    import importlib.util
    import marshal

    with open(source, "rb") as stream:
        data = stream.read()
        state = os.fstat(stream.fileno())
    code = compile(data, shown, "exec", dont_inherit=True, optimize=0)
    header = b"\0\0\0\0" + (int(state.st_mtime) & 0xFFFFFFFF).to_bytes(4, "little")
    header += (state.st_size & 0xFFFFFFFF).to_bytes(4, "little")
    with open(target, "wb") as stream:
        stream.write(importlib.util.MAGIC_NUMBER + header + marshal.dumps(code))


def main() -> None:
    """Compile what standard input names."""
    import warnings

    warnings.simplefilter("ignore")
    for line in sys.stdin.buffer.read().decode("utf-8", "surrogateescape").splitlines():
        try:
            _compile(*line.split("\t"))
        except FileNotFoundError:
            return  # the folder is gone, because the parent was killed and another run has cleaned up
        except (SyntaxError, ValueError, RecursionError, OSError, MemoryError):
            continue


if __name__ == "__main__":
    main()
