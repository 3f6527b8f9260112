"""The best split of a compute into width and whole runs, each with its own number of steps, many computes at once.

With f the compute and n = f / (width B) steps, psi(log n, log f) = log risk at the end of the run of n steps. Steps are
whole, and the widths tried are those that spend f exactly. At the minimum over n, by implicit differentiation,

    eta = -psi_c,            xi = 1 - d log n* / d log f = 1 + psi_nc / psi_nn,        c = log f at fixed n,

where psi_c is a difference in width alone, so that no run is ever cut short (`optimum` has constant settings, and takes
derivatives in the steps). Rates that are tuned are at their optimum, and drop out of psi_c.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from solvable.numerics.inversion import FIRST
from solvable.numerics.long_run import LONGEST
from solvable.theory.frontier import Frontier
from solvable.theory.optimum import NARROW, SATURATED, STENCIL, scan_parts
from solvable.theory.run_ends import Runs

COARSE, FINE = 1e-5, 1e-9  # error allowed in a block: while looking, and at the end
APART = 0.03  # difference in log width for psi_c
ROUGH = 1e-3  # log risk by which it is no polynomial of degree 4 in log width, over the last widths: not smooth
RATES = np.linspace(-8.0, 2.0, 11)  # logarithms of factors of the learning rate that are tried first
AROUND = np.linspace(-1.0, 1.0, 5)
ROUNDS = 4  # at most, of one search for the best factor: each goes to the edge or narrows by NARROWER
NARROWER = 0.3
NEWTON = 25
LAST = 0.06  # half-range in the logarithm of the factor at the end

Rows = Float[np.ndarray, "tasks tried"]


class Found(NamedTuple):
    """The best run at each compute; shape (tasks,)."""

    log_width: Float[np.ndarray, " tasks"]
    log_risk: Float[np.ndarray, " tasks"]
    loss_exponent: Float[np.ndarray, " tasks"]
    width_exponent: Float[np.ndarray, " tasks"]
    interior: Bool[np.ndarray, " tasks"]
    log_factor: Float[np.ndarray, " tasks"]


class Planned(NamedTuple):
    """The frontier of runs, by `best_runs`.

    Attributes:
        ends: from `Runs` and a tolerance to log risks.
        batch: samples a step.
        tuned: whether the learning rate is multiplied by its best factor.
        stages: as `solvable.theory.optimum.stages_for`.
        widest: the largest width that the law has.
    """

    ends: Callable[[Runs, float], Float[np.ndarray, "..."]]
    batch: int
    tuned: bool
    stages: int
    widest: float = np.inf

    def __call__(self, tasks: Float[np.ndarray, "tasks numbers"]) -> Frontier:
        """At tasks (..., compute), what is before it being the point of the law."""
        points, compute = np.broadcast_to(0.0, (len(tasks), 3)), tasks[:, -1]
        points = tasks[:, :-1] if tasks.shape[1] == 4 else points
        found = best_runs(Search(self, points, np.log(compute)), self.stages)
        width = np.exp(found.log_width)
        parts: Any = (
            compute, np.exp(found.log_risk), width, compute / (width * self.batch), found.loss_exponent,
            found.width_exponent, found.interior, np.full(len(tasks), np.nan), np.exp(found.log_factor),
        )  # fmt: skip
        return Frontier(*parts)


class Search:
    """The search over log width, and over the factor of the learning rate where it is tuned."""

    def __init__(self, planned: Planned, points: Rows, log_compute: Float[np.ndarray, " tasks"]):
        self.ends, self.points, self.tuned = planned.ends, points, planned.tuned
        self.budget = log_compute[:, None] - np.log(planned.batch)
        # Rounding the steps to whole numbers moves the width by half a step in FIRST at most.
        self.high = np.minimum(self.budget[:, 0] - np.log(FIRST), np.log(planned.widest) - 0.5 / FIRST)
        self.low = np.maximum(np.log(2.0), self.budget[:, 0] - np.log(LONGEST - 1))

    def log_risk(self, log_width, log_steps, log_factor, tolerance):
        """Log risk at arrays (tasks, ...)."""
        log_width, log_steps, log_factor = np.broadcast_arrays(log_width, log_steps, log_factor)
        shape = (*log_width.shape, 3)
        point = np.broadcast_to(self.points.reshape(-1, *(1,) * (log_width.ndim - 1), 3), shape)
        runs = Runs(point, np.exp(log_width), np.rint(np.exp(log_steps)), np.exp(log_factor))
        return self.ends(runs, tolerance)

    def whole(self, log_width: Rows) -> tuple[Rows, Rows]:
        """Log widths that spend the compute in whole steps, and the log steps."""
        log_steps = np.log(np.maximum(np.rint(np.exp(self.budget - log_width)), FIRST))
        return self.budget - log_steps, log_steps

    def best_factor(self, log_width, log_steps, start, reach: float, last: float):
        """Best log factors from around ``start``, shape as log_width, to within a reach of ``last``."""
        x, reaches = np.array(start), np.full(start.shape, reach)
        for _ in range(ROUNDS):
            if (reaches <= last).all():
                break
            tried = x[..., None] + reaches[..., None] * AROUND
            k = _low(self.log_risk(log_width[..., None], log_steps[..., None], tried, COARSE)).argmin(-1)
            edge = (k == 0) | (k == len(AROUND) - 1)
            x = np.take_along_axis(tried, k[..., None], -1)[..., 0]
            reaches = np.where(edge, reaches, np.maximum(NARROWER * reaches, last))
        return x

    def first(self, log_width, log_steps):
        """(log risk, log factor) with no guess of the factor.

        Raises:
            ValueError: the least risk may be that of a run whose error is not bounded at any rate.
        """
        rates = RATES if self.tuned else np.zeros(1)
        values = self.log_risk(log_width[..., None], log_steps[..., None], rates, COARSE)
        unknown: Any = np.isnan(values).all(-1)
        values = _low(values)
        least = values.min(-1)
        rows, k = np.arange(len(least)), least.argmin(-1)
        beside = unknown[rows, np.maximum(k - 1, 0)] | unknown[rows, np.minimum(k + 1, least.shape[1] - 1)]
        if beside.any():
            raise ValueError(
                "algorithm: wanted one whose runs have a bounded error (settings smooth between the kinks they state; "
                "for the typical draw of a model, no modes that oscillate for long); got one whose error is not at "
                f"{np.exp(log_steps[unknown].min()):.0f} steps"
            )
        return least, rates[values.argmin(-1)]


def best_runs(search: Search, stages: int) -> Found:
    """The best runs of all tasks: a look over all widths, then around the best, then with exponents."""
    parts, gaps = scan_parts()
    span = search.high - search.low
    width, steps = search.whole(search.low[:, None] + span[:, None] * parts)
    value, factor = search.first(width, steps)
    k = value.argmin(1)
    rows, unit = np.arange(len(k)), np.linspace(-1.0, 1.0, STENCIL)
    center, gap, least, around = width[rows, k], span * gaps[k], value[rows, k], 0.5 * (RATES[1] - RATES[0])
    for shrink in (2.2 / (STENCIL - 1)) ** np.arange(stages):
        reach = np.minimum(np.maximum(gap * shrink, NARROW), span / 2)
        inside = np.clip(center, search.low + reach, search.high - reach)
        guess = inside[:, None] + reach[:, None] * unit
        near = np.stack([np.interp(g, w, f) for g, w, f in zip(guess, width, factor, strict=True)])
        width, steps = search.whole(guess)
        factor = search.best_factor(width, steps, near, around, LAST) if search.tuned else np.zeros(near.shape)
        value = _low(search.log_risk(width, steps, factor, COARSE))
        least = np.minimum(least, value.min(1))
        x, _, bottom = _lowest((width - inside[:, None]) / reach[:, None], value)
        center = np.where(bottom, inside + reach * x, width[rows, value.argmin(1)])
        around = 4 * LAST
    return _finish(search, center, np.minimum(NARROW, span / 2), width, factor, least)


def _finish(search: Search, center, reach, known_width, known_factor, least) -> Found:
    """Values and slopes to the full precision, at widths around the best one."""
    inside = np.clip(center, search.low + reach, search.high - reach)
    guess = inside[:, None] + reach[:, None] * np.linspace(-1.0, 1.0, STENCIL)
    near = np.stack([np.interp(g, w, f) for g, w, f in zip(guess, known_width, known_factor, strict=True)])
    width, steps = search.whole(guess)
    sharp, factor = np.ones(len(width), bool), np.zeros(near.shape)
    if search.tuned:
        start = search.best_factor(width, steps, near, 4 * LAST, LAST)
        tried = start[..., None] + LAST * AROUND
        flat = _low(search.log_risk(width[..., None], steps[..., None], tried, FINE))
        flat = flat.reshape(-1, len(AROUND))
        x, _, bottom = _lowest(np.broadcast_to(AROUND, flat.shape), flat)
        factor = start + LAST * x.reshape(start.shape)
        sharp = bottom.reshape(start.shape).all(1)
    value, above, below = (_low(search.log_risk(width + d, steps, factor, FINE)) for d in (0.0, APART, -APART))
    place = (width - inside[:, None]) / reach[:, None]
    x, bend, bottom = _lowest(place, value)
    with np.errstate(invalid="ignore"):
        slope, slope_bend, _ = _polynomial(place, (above - below) / (2 * APART), x)
        log_risk = _polynomial(place, value, x)[0]
        xi = 1 - slope_bend * reach / bend  # d slope / d width over d^2 value / d width^2
        smooth = _roughness(place, value) < ROUGH
        interior = sharp & bottom & smooth & (log_risk <= least + COARSE) & (np.abs(xi) > SATURATED)
    best = np.stack([np.interp(c, w, f) for c, w, f in zip(inside + reach * x, width, factor, strict=True)])
    return Found(inside + reach * x, log_risk, -slope, xi, interior, best)


def _low(values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Values of which no unknown one is the least."""
    return np.where(np.isnan(values), np.inf, values)


def _polynomial(x: Rows, values: Rows, at: Float[np.ndarray, " tasks"]) -> tuple:
    """(value, slope, bend) at ``at`` of the polynomials through all the values; NaN where one is not finite."""
    good = np.isfinite(values).all(1)
    coefficients = np.full(values.shape, np.nan)
    order = np.arange(x.shape[1])
    if good.any():
        coefficients[good] = np.linalg.solve(x[good, :, None] ** order, values[good, :, None])[..., 0]

    def derivative(k: int):
        falling = np.prod([order - j for j in range(k)], axis=0)
        return (coefficients * falling * at[:, None] ** np.maximum(order - k, 0)).sum(1)

    return tuple(derivative(k) for k in range(3))


def _lowest(x: Rows, values: Rows) -> tuple:
    """(place, bend there, whether it is a minimum between the first and the last) of the polynomials."""
    at = x[np.arange(len(x)), values.argmin(1)]
    with np.errstate(invalid="ignore", divide="ignore"):
        for _ in range(NEWTON):
            _, slope, bend = _polynomial(x, values, at)
            step = np.where(bend > 0, slope / bend, 0.3 * np.sign(slope))
            at = np.clip(at - np.clip(np.nan_to_num(step), -0.3, 0.3), x.min(1), x.max(1))
        _, slope, bend = _polynomial(x, values, at)
        bottom = (x.min(1) < at) & (at < x.max(1)) & (bend > 0) & (np.abs(slope) < 1e-9 * bend)
    return at, bend, bottom


def _roughness(x: Rows, values: Rows) -> Float[np.ndarray, " tasks"]:
    """How far the values are from a polynomial of degree 4."""
    values = np.where(np.isfinite(values), values, 0.0)
    powers = x[..., None] ** np.arange(5)
    fitted = powers @ (np.linalg.pinv(powers) @ values[..., None])
    return np.abs(fitted[..., 0] - values).max(1)
