"""Package a Python project, with every wheel it needs, for machines without compiler or network."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
