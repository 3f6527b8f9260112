"""Fitting one power law with a floor, y = prefactor * x^(-exponent) + floor, with honest intervals.

A law that decays has a **positive** exponent; one that grows has a negative exponent.

The fit minimises the weighted squares of log y - log(model): relative errors count, not absolute ones.
Weights are (y / stderr)^2 where standard errors are given, and equal otherwise. With k free parameters and n
points the covariance is s^2 (J^T W J)^-1 with s^2 = (weighted squares) / (n - k), and intervals are Student-t
of n - k degrees of freedom: standard errors set the relative weights, the scatter sets the scale.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx
from jaxtyping import Array, Float
from scipy import stats

from solvable.fits.checks import check_points

_LEAST_RATIO = (
    1e-2  # model / y below which the logarithm is continued linearly, so that a step may cross zero
)
_PAD = 16  # points are padded to a multiple of this, so that fits of similar size share one compiled program
_STARTS = (0.0, 0.5, 0.9, 0.99)  # first guesses of the floor, in units of the smallest y


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A fitted number: value, standard error and confidence interval (low, high)."""

    value: float
    stderr: float
    low: float
    high: float

    def __float__(self) -> float:
        return self.value

    def __contains__(self, truth: float) -> bool:
        """Whether ``truth`` lies in the interval."""
        return self.low <= truth <= self.high


@dataclasses.dataclass(frozen=True)
class PowerLawFit:
    """y = prefactor * x^(-exponent) + floor.

    Attributes:
        exponent: positive for a law that decays.
        prefactor: its interval is the exponential of the interval of its logarithm.
        floor: of standard error 0 if it was given.
        covariance: of (exponent, log prefactor, floor); shape (3, 3), zero where the floor was given.
        residual: log y - log(model) at each point; shape (points,).
        reduced_chi_square: weighted squares over degrees of freedom. Near 1 if the given standard errors
            explain the scatter; without standard errors, the variance of the residual.
        confidence: level of the intervals.
    """

    exponent: Estimate
    prefactor: Estimate
    floor: Estimate
    covariance: np.ndarray
    residual: np.ndarray
    reduced_chi_square: float
    confidence: float

    def __call__(self, x: Any) -> np.ndarray:
        """The fitted law at ``x``."""
        x = np.asarray(x, dtype=np.float64)
        return self.prefactor.value * x**-self.exponent.value + self.floor.value


def fit_power_law(
    x: Any, y: Any, *, floor: float | str = 0.0, stderr: Any = None, confidence: float = 0.95
) -> PowerLawFit:
    """Fit y = prefactor * x^(-exponent) + floor, a positive exponent for a law that decays.

    Args:
        x: positive, shape (points,).
        y: positive, shape (points,).
        floor: the floor as a number, or "fit" to fit it (it may come out negative).
        stderr: standard errors of y, positive, shape (points,); None weighs relative errors equally.
        confidence: level of the intervals, in (0, 1).

    Raises:
        ValueError: an argument is out of range, or the points do not determine the parameters.
        RuntimeError: the minimisation did not converge.
    """
    if isinstance(floor, str) and floor != "fit":
        raise ValueError(f'floor: wanted a number or "fit"; got {floor!r}')
    fitted = isinstance(floor, str)
    x, y, weight = check_points(x, y, stderr, parameters=3 if fitted else 2)
    if not fitted and not np.isfinite(floor):
        raise ValueError(f'floor: wanted a finite number or "fit"; got {floor!r}')
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: wanted a number in (0, 1); got {confidence!r}")
    known = 0.0 if isinstance(floor, str) else float(floor)
    params, jacobian, residual = _minimise(x, y, weight, fitted, known)
    value, covariance, variance = _untangle(
        params, jacobian, residual, np.log(x).mean(), float(y.min()), known
    )
    quantile = float(stats.t.ppf((1 + confidence) / 2, len(x) - len(params)))
    exponent, log_prefactor, level = (
        Estimate(v, e, v - quantile * e, v + quantile * e)
        for v, e in zip(value.tolist(), np.sqrt(np.diag(covariance)).tolist(), strict=True)
    )
    return PowerLawFit(
        exponent, _exponential(log_prefactor), level, covariance, residual / weight, variance, confidence
    )


fit_power_law.references = ("optimistix2024",)  # type: ignore[attr-defined]


def _residual(params: Float[Array, " k"], points: Any) -> Float[Array, " points"]:
    """Weighted log y - log(model); parameters (exponent, log of the power at mean log x[, floor / min y])."""
    log_x, y, weight, known = points
    floor = params[2] if params.shape[0] == 3 else known
    ratio = (jnp.exp(params[1] - params[0] * log_x) + floor) / y
    inside = jnp.where(ratio > _LEAST_RATIO, ratio, 1.0)
    log_ratio = jnp.where(
        ratio > _LEAST_RATIO, jnp.log(inside), jnp.log(_LEAST_RATIO) + ratio / _LEAST_RATIO - 1
    )
    return -weight * log_ratio


@functools.partial(jax.jit, static_argnames="fitted")
def _solve(points: Any, fitted: bool):
    """Levenberg-Marquardt from each starting floor: parameters, sums of squares, and whether each converged.

    A start already at the optimum ends without a success code, as rounding rejects every further step. So a
    residual orthogonal to the columns of the Jacobian (MINPACK's test), or as small as rounding, counts too.
    """
    log_x, y, weight, known = points
    solver = optx.LevenbergMarquardt(rtol=1e-10, atol=1e-10)

    def from_floor(floor):
        above = jnp.log(jnp.maximum(y - floor, 1e-3 * y))
        total = weight.sum()
        mean_x, mean_y = (weight * log_x).sum() / total, (weight * above).sum() / total
        slope = (weight * (log_x - mean_x) * above).sum() / (weight * (log_x - mean_x) ** 2).sum()
        start = jnp.stack([-slope, mean_y - slope * mean_x, floor])[: 3 if fitted else 2]
        found = optx.least_squares(_residual, solver, start, points, max_steps=256, throw=False)
        residual, jacobian = _residual(found.value, points), jax.jacfwd(_residual)(found.value, points)
        norm = jnp.linalg.norm(residual)
        cosine = jnp.abs(jacobian.T @ residual) / (jnp.linalg.norm(jacobian, axis=0) * norm + 1e-300)
        optimal = (cosine.max() < 1e-6) | (norm < 1e-12 * jnp.linalg.norm(weight))
        return found.value, norm**2, optimal | (found.result == optx.RESULTS.successful)

    return jax.vmap(from_floor)(jnp.asarray(_STARTS) if fitted else known[None])


@jax.jit
def _linearise(params, points):
    return jax.jacfwd(_residual)(params, points), _residual(params, points)


def _minimise(x, y, weight, fitted: bool, floor: float):
    """The best of the starts: parameters in units of (mean log x, min y), Jacobian, weighted residual."""
    log_x, scale = np.log(x), y.min()
    log_x = log_x - log_x.mean()
    padding = (0, -len(x) % _PAD)
    with jax.enable_x64(True):
        points = (
            np.pad(log_x, padding),
            np.pad(y / scale, padding, constant_values=1.0),
            np.pad(weight / weight.max(), padding),  # a padded point has weight 0
            np.float64(floor / scale),
        )
        params, squares, converged = (np.asarray(part) for part in _solve(points, fitted))
        squares = np.where(converged & np.isfinite(squares), squares, np.inf)
        if not np.isfinite(squares).any():
            raise RuntimeError(
                f"the power-law fit did not converge from any of {len(squares)} starts; "
                f"x spans {x.min():.3g} to {x.max():.3g}, y spans {y.min():.3g} to {y.max():.3g}"
            )
        best = params[np.argmin(squares)]
        jacobian, residual = (np.asarray(part)[: len(x)] * weight.max() for part in _linearise(best, points))
    return best, jacobian, residual


def _untangle(params, jacobian, residual, centre: float, scale: float, floor: float):
    """(exponent, log prefactor, floor), their covariance, and the variance of the weighted residual."""
    variance = float((residual**2).sum() / (len(residual) - len(params)))
    change = np.array([[1, 0, 0], [centre, 1, 0], [0, 0, scale]], dtype=np.float64)[:, : len(params)]
    value = change @ params + np.array([0, np.log(scale), floor if len(params) == 2 else 0.0])
    triangle = np.linalg.qr(jacobian, mode="r")
    diagonal = np.abs(np.diag(triangle))
    if diagonal.min() <= 1e-14 * diagonal.max():  # the points do not determine every parameter
        return value, np.full((3, 3), np.inf), variance
    root = change @ np.linalg.inv(triangle)
    return value, variance * root @ root.T, variance


def _exponential(log: Estimate) -> Estimate:
    """The estimate of exp(.), its interval the image of the interval of the logarithm."""
    with np.errstate(over="ignore"):
        low, value, high = np.exp([log.low, log.value, log.high]).tolist()
    return Estimate(value, value * log.stderr, low, high)
