"""Cut what a failed build wrote down to what helps its reader."""

from __future__ import annotations

import re

from hatch_cloudrole.lock.credentials import redact

__all__ = ["build_output_end"]

_LINES = 12
_WIDTH = 200


def build_output_end(text: str) -> str:
    """The last lines of what uv and a build backend wrote, indented for a fault, without credentials.

    uv's own log, its hints (which are about its options) and its summary go, unless there is nothing else.
    """
    text = redact(text)
    text = re.split(r"^hint: ", text, maxsplit=1, flags=re.MULTILINE)[0]
    before, _, after = text.rpartition("error: Failed to build ")
    of_backend = re.split(r"^ *\[stderr\]$|^ *\[stdout\]$", after, flags=re.MULTILINE)
    lines = _lines(of_backend[-1]) if len(of_backend) > 1 else []
    lines = lines or _lines(before) or _lines(text)
    return "\n".join(f"        {line}" for line in lines[-_LINES:])


def _lines(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    said = [line[margin:] for line in lines if not line.startswith(("DEBUG ", "Building wheel from source"))]
    return [line if len(line) <= _WIDTH else f"{line[: _WIDTH - 4]} ..." for line in said]
