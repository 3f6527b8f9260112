"""A result draws itself: its figure is found by name when asked for, as figures are heavy and know the results."""

import importlib
from typing import Any


def draw(name: str, result: Any, *arguments: Any, **options: Any) -> Any:
    """``sv.plots.NAME(result, ...)``."""
    return getattr(importlib.import_module("solvable.plots"), name)(result, *arguments, **options)
