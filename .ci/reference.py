"""Write the generated parts of docs/configuration.md anew: `python .ci/reference.py`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from hatch_cloudrole.settings.reference import renew  # noqa: E402

page = ROOT / "docs" / "configuration.md"
page.write_text(renew(page.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
