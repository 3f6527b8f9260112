"""Sizes that arrays are padded to."""


from typing import Any

import numpy as np


def padded(x: Any, count: int) -> Any:
    """``count`` rows: those of ``x``, the last one repeated; none if there is none."""
    return x[np.minimum(np.arange(count), len(x) - 1)] if len(x) else x


def rounded_up(size: int) -> int:
    """The next of 1, 2, 3, 4, 6, 8, 12, ...: arrays padded to such sizes share compiled programs, two an octave."""
    power = 1 << (size - 1).bit_length()
    return power * 3 // 4 if 4 <= power and size <= power * 3 // 4 else power


def rounded_up_coarsely(size: int) -> int:
    """8, 64, then as `rounded_up`: for programs that take seconds to compile where a spare row takes microseconds."""
    return 8 if size <= 8 else 64 if size <= 64 else rounded_up(size)
