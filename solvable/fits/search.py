"""The search for the best parameters: optimistix' Levenberg-Marquardt from many starts, or for many resamples, at once.

Every loss is written as half the sum of squares of roots, `AbstractLoss.roots`; a resample weighs each square. The
penalty of a fit with one number held (`held`) is one more square.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
import optimistix as optx
from jaxtyping import Array, Float

from solvable.fits.chart import scaled, unconstrained
from solvable.fits.laws.base import AbstractLaw

PAD = 16  # points are padded to a multiple of this: fits of similar size share one compiled program
CHUNK = 64  # searches that move together
ROUND = 32  # steps after which those that have ended leave
MOST_ROUNDS = 20
COARSE = 1e-4  # tolerance on the way to the last delta
OPTIMAL = 1e-6  # cosine between the roots and a column of their Jacobian at an optimum (MINPACK's test)


class Points(NamedTuple):
    """The data of a fit, in units where each variable is about 1; padded points weigh nothing."""

    variables: dict[str, Any]
    log_target: Any
    scale: Any  # standard error of log target, 1 where it is not known
    weight: Any
    units: dict[str, Any]


class Found(NamedTuple):
    """Ends of searches: theta, the loss, whether each is an optimum, and its number of steps."""

    theta: np.ndarray
    loss: np.ndarray
    converged: np.ndarray
    steps: np.ndarray


class Held(NamedTuple):
    """One number held by a stiff spring: stiffness * (direction . unconstrained(theta) - value)."""

    direction: Any
    value: Any
    stiffness: Any


def log_residual(law: AbstractLaw, theta, points: Points) -> Float[Array, " points"]:
    """log prediction - log target of every point."""
    values = scaled(law, theta, points.units)
    prediction = law(values, points.variables)
    safe = jnp.where(prediction > 0, prediction, 1.0)
    return jnp.where(prediction > 0, jnp.log(safe), jnp.nan) - points.log_target


def roots(law, loss, theta, points: Points, weight, delta) -> Float[Array, " points"]:
    """Half the sum of their squares is the loss."""
    found = loss.roots(log_residual(law, theta, points), points, delta)
    # weight 0 times a root that overflowed would be NaN
    return jnp.where(weight > 0, found * jnp.sqrt(weight), 0.0)


@eqx.filter_jit
def _descend(law, loss, starts, points: Points, weights, held: Held | None, delta, tolerance):
    """A few steps of every search: theta, the loss, whether it is an optimum, and the number of steps."""
    solver = optx.LevenbergMarquardt(rtol=tolerance, atol=tolerance, linear_solver=lx.Normal(lx.Cholesky()))

    def one(start, weight, held):
        def rows(theta, _):
            found = roots(law, loss, theta, points, weight, delta)
            if held is None:
                return found
            pull = held.stiffness * (held.direction @ unconstrained(law, theta, points.units) - held.value)
            return jnp.append(found, pull)

        found = optx.least_squares(rows, solver, start, max_steps=ROUND, throw=False)
        theta = jnp.where(jnp.isfinite(found.value).all(), found.value, start)
        jacobian, residual = jax.jacfwd(lambda t: (rows(t, None),) * 2, has_aux=True)(theta)
        norm = jnp.linalg.norm(residual)
        cosine = jnp.abs(jacobian.T @ residual) / (jnp.linalg.norm(jacobian, axis=0) * norm + 1e-300)
        optimal = (cosine.max() < OPTIMAL) | (norm < 1e-12 * jnp.sqrt(weight.sum()))
        plain = residual[: len(weight)]  # without the pull
        ended = found.result == optx.RESULTS.successful
        return theta, (plain**2).sum() / 2, optimal | ended, found.stats["num_steps"]

    return jax.vmap(one, in_axes=(0, 0, None if held is None else 0))(starts, weights, held)


def descend(
    law: AbstractLaw, loss: Any, starts, points: Points, weights=None, held: Held | None = None, *,
    tolerance: float = 1e-10, deltas: tuple[float, ...] | None = None,
) -> Found:  # fmt: skip
    """Search from every start; with ``weights`` of shape (searches, points), each with its own.

    The searches go in rounds of a few steps; those that have ended leave, so that nobody waits for the slowest.
    """
    theta, total = np.array(starts, float), len(starts)
    value, steps = np.full(total, np.inf), np.zeros(total, int)
    converged = np.zeros(total, bool)
    weights = np.broadcast_to(points.weight, (total, len(points.weight))) if weights is None else weights
    size = min(CHUNK, total)
    stages: tuple[float, ...] = loss.deltas if deltas is None else deltas
    for stage, delta in enumerate(stages):
        last, converged[:] = stage == len(stages) - 1, False
        for _ in range(MOST_ROUNDS if last else 2):
            left = np.flatnonzero(~converged)
            for first in range(0, len(left), size):
                here = left[np.minimum(np.arange(first, first + size), len(left) - 1)]  # the last one is repeated
                pull = None if held is None else Held(*(np.asarray(part)[here] for part in held))
                close = tolerance if last else COARSE
                with jax.enable_x64(True):
                    found = _descend(law, loss, theta[here], points, weights[here], pull, delta, close)
                count = min(size, len(left) - first)
                moved, *rest = (np.asarray(part)[:count] for part in found)
                theta[here[:count]] = moved
                value[here[:count]], converged[here[:count]], more = rest
                steps[here[:count]] += more
            if converged.all():
                break
    return Found(theta, value, converged, steps)


@eqx.filter_jit
def _linearise(law, theta, points: Points):
    return log_residual(law, theta, points), jax.jacfwd(lambda t: log_residual(law, t, points))(theta)


def linearise(law: AbstractLaw, theta, points: Points, count: int):
    """Log residual (points,) and its Jacobian (points, free) at theta, without the padding."""
    with jax.enable_x64(True):
        residual, jacobian = _linearise(law, theta, points)
    return np.asarray(residual)[:count], np.asarray(jacobian)[:count]


def make_points(law: AbstractLaw, columns: dict[str, np.ndarray], stderr: np.ndarray | None) -> Points:
    """The data in units of the geometric means, padded."""
    means = {name: np.float64(np.exp(np.log(columns[name]).mean())) for name in (*law.variables, law.target)}
    units = {name: np.float64(1.0) if name in law.raw else means[law.shared.get(name, name)] for name in means}
    target = columns[law.target]
    padding = (0, -len(target) % PAD)
    scale = np.ones_like(target) if stderr is None else stderr / target
    return Points(
        {name: np.pad(columns[name] / units[name], padding, mode="edge") for name in law.variables},
        np.pad(np.log(target / units[law.target]), padding),
        np.pad(scale, padding, constant_values=1.0),
        np.pad(np.ones_like(target), padding),
        units,
    )
