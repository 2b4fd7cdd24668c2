"""Write what is made from the options anew, the reference and the schema: `python .ci/reference.py`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from hatch_cloudrole.schema import FILE  # noqa: E402
from hatch_cloudrole.settings.reference import renew  # noqa: E402
from hatch_cloudrole.settings.schema import render_schema  # noqa: E402

page = ROOT / "docs" / "configuration.md"
page.write_text(renew(page.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
FILE.write_text(render_schema(), encoding="utf-8", newline="\n")
