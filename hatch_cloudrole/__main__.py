"""`python -m hatch_cloudrole`: the same as the `cloudrole` command."""

from __future__ import annotations

from hatch_cloudrole.cli.main import main

if __name__ == "__main__":
    main()
