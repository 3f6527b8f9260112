"""The loss along any schedule of the learning rate, each drop of the rate with a power-law tail of its own."""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from solvable.arguments import check_reals, refusal
from solvable.fits.laws.base import AbstractLaw


def as_rates(value: Any) -> np.ndarray:
    """Learning rates of every schedule and step, a row each.

    Raises:
        ValueError: one is not positive.
    """
    wanted = "rates > 0 of shape (schedules, steps)"
    rates = check_reals("rates", value, wanted, lambda x: np.isfinite(x) & (x > 0))
    rates = rates[None] if rates.ndim == 1 else rates
    if rates.ndim != 2 or rates.shape[1] < 2:
        raise refusal("rates", wanted, value)
    return rates


class MultiPower(AbstractLaw):
    """L(t) = L0 + A S(t)^-alpha - B sum_{k <= t} (eta_{k-1} - eta_k) (1 - (1 + C eta_k^-gamma S_k(t))^-beta).

    S(t) = sum_{i <= t} eta_i and S_k(t) = sum_{k <= i <= t} eta_i. In the solvable models of this package it holds with
    gamma = 0 and beta = 1 - 1 / (2 alpha_spectrum), up to the feedback of the risk on its own noise.

    Attributes:
        rates: learning rate of each step from 0 on, after the warmup, the same number of steps for each schedule.

    The variables of a row are "S", the step t >= 1, and "schedule", from 1 on. The cost is points times steps.

    Source: Luo et al. 2025, eq. 4.
    """

    rates: Any = eqx.field(converter=as_rates)
    references: ClassVar[tuple[str, ...]] = ("luo2025",)
    formula: ClassVar[str] = "L = L0 + A S^-alpha - B sum_k (eta_{k-1} - eta_k) (1 - (1 + C eta_k^-gamma S_k)^-beta)"
    floor: ClassVar[str | None] = "L0"
    raw: ClassVar[tuple[str, ...]] = ("S", "schedule")
    labels: ClassVar[tuple[str, ...]] = ("schedule",)
    variables = ("S", "schedule")
    parameters = ("L0", "A", "alpha", "B", "C", "beta", "gamma")
    positive = ("L0", "A", "B", "C", "beta")

    def __call__(self, parameters, variables):
        p, rates = parameters, jnp.asarray(self.rates)
        step, row = (jnp.asarray(variables[name]) for name in self.variables)
        step, row = jnp.broadcast_arrays(step.astype(int), row.astype(int) - 1)
        area = jnp.cumsum(rates, axis=1)
        ends = jnp.arange(1, rates.shape[1])
        here, left = rates[row][..., 1:], area[row, step][..., None] - area[row][..., :-1]
        drop = rates[row][..., :-1] - here
        left = jnp.where(ends <= step[..., None], left, 0.0)
        gone = 1 - (1 + p["C"] * here ** -p["gamma"] * left) ** -p["beta"]
        return p["L0"] + p["A"] * area[row, step] ** -p["alpha"] - p["B"] * (drop * gone).sum(-1)

    def factors(self, parameters, units):
        return {name: units["L"] for name in ("L0", "A", "B")}

    def starts(self):
        total, peak = float(np.sum(self.rates, axis=1).max()), float(np.max(self.rates))
        scale = {"A": tuple(x * total**0.5 for x in (0.05, 0.3)), "B": (0.1 / peak, 1 / peak)}
        late = {"C": (3 / total, 100 / total), "beta": (0.4,), "gamma": (0.0, 0.5)}
        return {"L0": (0.3, 0.8), "alpha": (0.5,), **scale, **late}
