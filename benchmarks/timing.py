"""Seconds of several functions, side by side."""

import statistics
import time


def alternating(*functions, repeats):
    """Seconds of each function in ``repeats`` rounds, called in turns after one warming call each."""
    for function in functions:
        function()
    times = [[] for _ in functions]
    for _ in range(repeats):
        for function, kept in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            kept.append(time.perf_counter() - start)
    return times


def medians(*functions, repeats=7):
    """Median seconds of each function."""
    return [statistics.median(kept) for kept in alternating(*functions, repeats=repeats)]


def best(*functions, repeats=3):
    """Least seconds of each function."""
    return [min(kept) for kept in alternating(*functions, repeats=repeats)]
