"""Answers to the page's questions as plain values for JSON, where a number that is not finite is None."""

import threading
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from solvable.explore import behind, curves
from solvable.explore.code import code
from solvable.explore.wish import Wish
from solvable.explore.words import limits
from solvable.exponents.phases import PHASES, boundaries, phase
from solvable.forms.curve import Result

WINDOW = {"alpha": (0.0, 1.5), "beta": (-0.9, 1.5)}  # of the plane of exponents
NOTES = {
    "stream": "",
    "momentum": "With momentum every step is visited: here up to step 768, one width, and no exact frontier.",
    "data": "A finite data set is descended in full batches: batch and momentum are without effect, and the exact "
    "frontier is one of fresh streams.",
}


def one_at_a_time(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` under a lock of its own, its last 256 answers kept: many threads then compile and compute once."""
    lock, kept = threading.Lock(), lru_cache(256)(function)

    @wraps(function)
    def locked(*arguments):
        with lock:
            return kept(*arguments)

    return locked


@one_at_a_time
def theory(wish: Wish) -> dict[str, Any]:
    """Curves, phase, what limits the risk, and the code."""
    found = curves.family(wish)
    steps, widths = curves.STEPS[wish.world], curves.WIDTHS[wish.world]
    lines = [
        {
            "width": wish.width * factor,
            "risk": plain(found.risk[i]),
            "train_risk": None if found.train_risk is None else plain(found.train_risk[i]),
            "learning_rate": float(found.rate[i]),
            "diverges": bool(found.result[i] != Result.SUCCESS),
        }
        for i, factor in enumerate(widths)
    ]
    return {
        "world": wish.world,
        "steps": steps.tolist(),
        "curves": lines,
        "chosen": widths.index(1.0),
        "phase": phase(wish.alpha, wish.beta)._asdict(),
        "limits": limits(wish, found),
        "note": NOTES[wish.world],
        "code": code(wish),
    }


@one_at_a_time
def simulation(wish: Wish, part: int) -> dict[str, Any]:
    """A few more runs; none where they would take too long."""
    found = behind.simulated(wish, part)
    if found is None:
        limit = f"width {behind.WIDEST}, {behind.MOST_SAMPLES} samples"
        return {"parts": 0, "note": f"Simulated up to {limit} on this page.", "steps": [], "runs": []}
    runs = [plain(run) for run in found.runs]
    return {"parts": behind.PARTS, "note": "", "steps": found.steps.tolist(), "runs": runs}


@one_at_a_time
def frontier(wish: Wish, part: int) -> dict[str, Any]:
    """A few more points of the frontier, smaller computes first; none where there is no exact one."""
    found = behind.frontier(wish, part)
    if found is None:
        return {"parts": 0}
    parts = len(behind.PER_BATCH) // behind.TOGETHER
    return {"parts": parts, **{name: plain(column) for name, column in found._asdict().items()}}


def plane() -> dict[str, Any]:
    """The lines between the phases, where to write their names, and the window."""
    fine = 160
    alpha, beta = (np.linspace(*WINDOW[name], 2 * fine + 1)[1::2] for name in ("alpha", "beta"))
    names = phase(alpha[:, None], beta[None]).name
    labels = {}
    for name in PHASES:
        i, j = np.nonzero(names == name)
        labels[name] = [float(alpha[i].mean()), float(beta[j].mean())]
    lines = {name: ends.tolist() for name, ends in boundaries(WINDOW["alpha"], WINDOW["beta"]).items()}
    return {"window": WINDOW, "lines": lines, "labels": labels}


def plain(column: ArrayLike) -> list[Any]:
    """Python numbers, None where one is not finite; truth values stay."""
    values = np.asarray(column)
    if values.dtype == bool:
        return values.tolist()
    return [value if np.isfinite(value) else None for value in values.astype(float).tolist()]
