"""The least-squares power law with a floor: Levenberg-Marquardt in the logarithm, from several floors."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx
from jaxtyping import Array, Float

_LEAST_RATIO = 1e-2  # model / y below which the logarithm is continued linearly, so that a step may cross zero
_PAD = 16  # points are padded to a multiple of this, so that fits of similar size share one compiled program
_STARTS = (0.0, 0.5, 0.9, 0.99)  # first guesses of the floor, in units of the smallest y


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


def minimise(x, y, weight, fitted: bool, floor: float):
    """The best of the starts: parameters in units of (mean log x, min y), Jacobian, weighted residual.

    Raises:
        RuntimeError: no start converged.
    """
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
