"""The compute-optimal frontier of measured curves: best risk and best width at each compute.

The risk is given at several widths along the same steps; compute is f = width * steps * batch_size. At each f
the curves are interpolated in log risk against log f, and their minimum is found in one of two ways:

    envelope   the lowest curve, refined by the parabola through it and its two neighbours in log width
    isoflop    the least-squares parabola of log risk in log width around the lowest curve

Along the frontier risk ~ f^(-eta) and width ~ f^xi. The points of a frontier share their runs and are not
independent, so every error here comes from resampling whole runs.

Source: the approaches 1 and 2 of Hoffmann et al. 2022.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any, Literal

import jax
import numpy as np
from jaxtyping import Array, Float, Key
from scipy import special

from solvable.arguments import MOST, check_choice, check_integer, check_real
from solvable.fits.checks import check_compute, check_curves
from solvable.fits.estimate import Estimate
from solvable.keys import require_key

Approach = Literal["envelope", "isoflop"]


@dataclasses.dataclass(frozen=True)
class FrontierFit:
    """Exponents over a window of compute: risk ~ compute^(-loss_exponent), width ~ compute^width_exponent.

    The intervals are NaN where the curves had no runs to resample.
    """

    loss_exponent: Estimate
    width_exponent: Estimate
    window: tuple[float, float]
    num_points: int


@dataclasses.dataclass(frozen=True)
class MeasuredFrontier:
    """Best risk and width at each compute.

    Attributes:
        compute: width * steps * batch_size; shape (points,).
        risk, width: at the optimum; shape (points,).
        risk_stderr, width_stderr: bootstrap standard errors, NaN without runs; shape (points,).
        interior: whether the optimum is bracketed, neither at the smallest or largest width, nor cut off
            by the first or last step; shape (points,).
        loss_exponent, width_exponent: local eta = -dlog risk/dlog f and xi = dlog width/dlog f, from a line
            through the interior points within half a decade; NaN elsewhere; shape (points,).
        log_risk_samples, log_width_samples: the optimum for resampled runs, shape (samples, points). Their
            spread is scaled by sqrt(R / (R - 1)) for R runs: a plain bootstrap of few runs is too narrow.
    """

    compute: np.ndarray
    risk: np.ndarray
    width: np.ndarray
    risk_stderr: np.ndarray
    width_stderr: np.ndarray
    interior: np.ndarray
    loss_exponent: np.ndarray
    width_exponent: np.ndarray
    log_risk_samples: np.ndarray
    log_width_samples: np.ndarray

    def fit(self, low: float = 0.0, high: float = np.inf, *, confidence: float = 0.95) -> FrontierFit:
        """Both exponents from straight lines through the interior points with low <= compute <= high.

        Raises:
            ValueError: fewer than 3 such points, or a confidence outside (0, 1).
        """
        check_real("confidence", confidence, "a number in (0, 1)", lambda p: 0 < p < 1)
        check_real("low", low, "a number", lambda x: True)
        check_real("high", high, "a number", lambda x: True)
        use = self.interior & (self.compute >= low) & (self.compute <= high)
        if use.sum() < 3:
            raise ValueError(
                f"low, high: wanted 3 or more interior points with compute in [{low:.3g}, {high:.3g}]; got "
                f"{use.sum()} of {self.interior.sum()}: widen the window, the widths or the steps"
            )
        x = np.log(self.compute[use])
        quantile = float(special.ndtri((1 + confidence) / 2))

        def estimate(values: np.ndarray, samples: np.ndarray, sign: float) -> Estimate:
            value = sign * float(_slope(x, np.log(values[use])))
            error = float(np.std(_slope(x, samples[:, use]), ddof=1)) if len(samples) > 1 else np.nan
            return Estimate(value, error, value - quantile * error, value + quantile * error)

        return FrontierFit(
            estimate(self.risk, self.log_risk_samples, -1.0),
            estimate(self.width, self.log_width_samples, 1.0),
            (float(self.compute[use][0]), float(self.compute[use][-1])),
            int(use.sum()),
        )


def measure_frontier(
    width: Any,
    steps: Any,
    risk: Any,
    *,
    batch_size: int = 1,
    approach: Approach = "envelope",
    compute: Any = None,
    span: float = 4.0,
    num_samples: int = 200,
    key: Key[Array, ""] | None = None,
) -> MeasuredFrontier:
    """The compute-optimal frontier of a family of curves.

    Args:
        width: increasing, shape (widths,); at least 3.
        steps: increasing, >= 0, shape (steps,); step 0 costs nothing and is left out.
        risk: positive, shape (widths, steps), or (widths, runs, steps) to have errors.
        batch_size: samples per step.
        approach: "envelope" or "isoflop".
        compute: where to look, increasing; None for 64 log-spaced values reached by at least three widths.
        span: for "isoflop", the parabola uses widths within this factor of the lowest one, and at least 3.
        num_samples: resampled families of runs, if there are at least 2 runs.
        key: randomness of the resampling; needed with 2 or more runs.

    Raises:
        ValueError: an argument of the wrong shape or range, or no compute reached by three widths.
    """
    width, steps, risk = check_curves(width, steps, risk)
    check_choice("approach", approach, ("envelope", "isoflop"))
    check_real("batch_size", batch_size, "a number of samples >= 1", lambda x: 1 <= x < np.inf)
    check_real("span", span, "a number > 1", lambda x: x > 1)
    span = float(span)
    num_samples = check_integer("num_samples", num_samples, 0, MOST)
    cost = width[:, None] * steps * float(batch_size)
    compute = check_compute(compute, cost)
    num_runs = risk.shape[1]
    if key is not None:
        require_key(key, "to resample the runs")
    if num_runs > 1 and num_samples > 0 and key is None:
        raise ValueError("key: wanted a key to resample the runs (or num_samples=0); got None")

    def optimum(mean_risk):
        curves = _interpolate(np.log(cost), np.log(mean_risk), np.log(compute))
        return _minimum(np.log(width), curves, np.log(span) if approach == "isoflop" else 0.0)

    log_risk, log_width, interior = optimum(risk.mean(axis=1))
    centre = np.stack([log_risk, log_width])[:, None]
    samples = centre + np.empty((2, 0, len(compute)))
    if key is not None and num_runs > 1 and num_samples > 0:
        drawn = np.stack([optimum(mean)[:2] for mean in _resampled_means(risk, num_samples, key)], axis=1)
        samples = centre + np.sqrt(num_runs / (num_runs - 1)) * (drawn - centre)
    enough = samples.shape[1] > 1
    error = samples.std(axis=1, ddof=1) if enough else np.full((2, len(compute)), np.nan)
    return MeasuredFrontier(
        compute=compute,
        risk=np.exp(log_risk),
        width=np.exp(log_width),
        risk_stderr=np.exp(log_risk) * error[0],
        width_stderr=np.exp(log_width) * error[1],
        interior=interior,
        loss_exponent=-_local_slope(np.log(compute), log_risk, interior),
        width_exponent=_local_slope(np.log(compute), log_width, interior),
        log_risk_samples=samples[0],
        log_width_samples=samples[1],
    )


measure_frontier.references = ("hoffmann2022",)  # type: ignore[attr-defined]


def _resampled_means(risk, num_samples: int, key) -> Iterator[np.ndarray]:
    """Means over runs drawn with replacement, whole runs, separately at each width."""
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel())
    for _ in range(num_samples):
        chosen = rng.integers(risk.shape[1], size=(*risk.shape[:2], 1))
        yield np.take_along_axis(risk, chosen, axis=1).mean(axis=1)


def _interpolate(log_cost, log_risk, log_compute) -> Float[np.ndarray, "widths points"]:
    """Each curve at each compute, by straight lines in log-log; NaN outside its first and last step."""
    curves = zip(log_cost, log_risk, strict=True)
    return np.stack([np.interp(log_compute, x, y, left=np.nan, right=np.nan) for x, y in curves])


def _minimum(log_width, curves, span: float):
    """(log risk, log width, interior) of the parabola around the lowest curve at each compute.

    ``span`` is half the parabola's window in log width; the two neighbours are always in it. Where the lowest
    curve lacks a neighbour, or the parabola has no minimum inside its window, the lowest curve stands.
    """
    filled = np.where(np.isnan(curves), np.inf, curves)
    lowest = filled.argmin(axis=0)
    points = np.arange(curves.shape[1])
    best_risk, best_width = filled[lowest, points], log_width[lowest].copy()
    interior = np.zeros(len(points), dtype=bool)
    for point, i in enumerate(lowest):
        if not (0 < i < len(log_width) - 1 and np.isfinite(filled[i - 1 : i + 2, point]).all()):
            continue
        near = np.abs(log_width - log_width[i]) <= span + 1e-12
        near[i - 1 : i + 2] = True
        near &= np.isfinite(filled[:, point])
        x = log_width[near] - log_width[i]
        curvature, slope, height = np.polyfit(x, filled[near, point], 2)
        vertex = -slope / (2 * curvature) if curvature > 0 else np.inf
        if x[0] < vertex < x[-1]:
            interior[point] = True
            best_width[point] = log_width[i] + vertex
            best_risk[point] = height + slope * vertex / 2
    return best_risk, best_width, interior


def _slope(x, y):
    """Slope of the least-squares line through (x, y), along the last axis of y."""
    centred = x - x.mean()
    return (y * centred).sum(-1) / (centred**2).sum()


def _local_slope(x, y, use, half_window: float = np.log(10) / 2):
    """Slope of y against x around each point of ``use``; NaN elsewhere, and with fewer than 3 points near."""
    slope = np.full(len(x), np.nan)
    for point in np.flatnonzero(use):
        near = use & (np.abs(x - x[point]) <= half_window + 1e-12)
        if near.sum() >= 3:
            slope[point] = _slope(x[near], y[near])
    return slope
