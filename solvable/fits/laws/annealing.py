"""The loss along any schedule of the learning rate, from areas under it."""

from typing import Any, ClassVar, NamedTuple

import numpy as np
from scipy import signal

from solvable.arguments import check_real, check_reals
from solvable.fits.laws.base import AbstractLaw


class Areas(NamedTuple):
    """S1 and S2 after each step; shape (steps,)."""

    S1: np.ndarray
    S2: np.ndarray


def annealing_areas(rates: Any, decay: float = 0.999) -> Areas:
    """The areas of `Annealing` after each step of a schedule.

    S1(t) = sum_{i <= t} eta_i and S2(t) = sum_{i <= t} sum_{k <= i} (eta_{k-1} - eta_k) decay^(i - k), with
    eta_{-1} = eta_0.

    Args:
        rates: learning rate of each step, after the warmup; shape (steps,).
        decay: how fast a drop of the rate is forgotten, per step; in (0, 1).

    Raises:
        ValueError: a rate is negative, or ``decay`` is not in (0, 1).
    """
    rates = check_reals("rates", rates, "finite numbers >= 0", lambda x: np.isfinite(x) & (x >= 0), ndim=1)
    check_real("decay", decay, "a number in (0, 1)", lambda x: 0 < x < 1)
    drops = -np.diff(rates, prepend=rates[0])
    return Areas(rates.cumsum(), np.cumsum(np.asarray(signal.lfilter([1.0], [1.0, -float(decay)], drops))))


class Annealing(AbstractLaw):
    """L(S1, S2) = L0 + A S1^-alpha - C S2, with the areas of `annealing_areas`.

    In the solvable models of this package the drop after a change of the rate has a power-law tail; here it has one
    exponential: expect it to fail on horizons far beyond the data.

    Source: Tissue, Wang, Wang 2024, eq. 1.
    """

    references: ClassVar[tuple[str, ...]] = ("tissue2024",)
    formula: ClassVar[str] = "L = L0 + A S1^-alpha - C S2"
    floor: ClassVar[str | None] = "L0"
    variables = ("S1", "S2")
    parameters = ("L0", "A", "alpha", "C")
    positive = ("L0", "A", "C")

    def __call__(self, parameters, variables):
        p, v = parameters, variables
        return p["L0"] + p["A"] * v["S1"] ** -p["alpha"] - p["C"] * v["S2"]

    def factors(self, parameters, units):
        decay = units["S1"] ** parameters["alpha"]
        return {"L0": units["L"], "A": units["L"] * decay, "C": units["L"] / units["S2"]}

    def starts(self):
        return {"L0": (0.3, 0.8), "A": (0.1, 0.5), "alpha": (0.2, 0.5, 1.0), "C": (1e-3, 0.05)}
