"""Ridge regression and gradient flow on a finite data set, solved directly: no step loop."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from solvable.algorithms.base import AbstractAlgorithm
from solvable.algorithms.gradient_flow import GradientFlow
from solvable.algorithms.ridge import Ridge
from solvable.arguments import is_concrete
from solvable.models.base import AbstractProblem
from solvable.models.finite import FiniteProblem
from solvable.numerics.padding import rounded_up
from solvable.numerics.precision import in_float64


def has_no_steps(algorithm: AbstractAlgorithm) -> bool:
    """Whether the parameters are a function of the data, or of the data and time."""
    return isinstance(algorithm, Ridge | GradientFlow)


@in_float64
def solve_directly(problem: AbstractProblem, algorithm: AbstractAlgorithm, steps) -> Float[Array, "steps 2"]:
    """(population risk, training risk) at ``steps`` on the data of ``problem``, in float64.

    Raises:
        ValueError: ``problem`` has no finite data set.
    """
    if not isinstance(problem, FiniteProblem):
        raise ValueError(f"samples: wanted a finite data set for {type(algorithm).__name__}(); got a fresh stream")
    rows, width = ((0, rounded_up(n) - n) for n in np.shape(problem.features))
    pad = np.pad if is_concrete(*jax.tree.leaves(problem)) else jnp.pad
    initial, best, eigvals = (pad(x, width) for x in (problem.init(), problem.target, problem.eigvals))
    features, targets = pad(problem.features, (rows, width)), pad(problem.targets, rows)
    times = np.asarray(steps, float)
    return _risks(features, targets, initial, best, eigvals, problem.floor, problem.samples, algorithm, times)


@eqx.filter_jit
def _risks(features, targets, initial, best, eigvals, floor, samples, algorithm, steps):
    """On data with absent samples and modes, so that problems of similar size share one compiled program."""
    features, targets, initial, best, eigvals = (
        jnp.asarray(x, float) for x in (features, targets, initial, best, eigvals)
    )
    residual = targets - features @ initial
    if isinstance(algorithm, Ridge):
        total = samples * jnp.asarray(algorithm.penalty, float)
        change = jnp.broadcast_to(
            jax.lax.cond(total > 0, _penalised, _shortest, features, residual, total), (len(steps), len(initial))
        )
    else:
        change = _flow(features, residual, samples, jnp.asarray(algorithm.learning_rate, float) * steps)
    params = initial + change
    population = floor + (eigvals * (params - best) ** 2).sum(1)
    return jnp.stack([population, ((params @ features.T - targets) ** 2).sum(1) / samples], axis=1)


def _penalised(features, residual, total):
    """argmin |features x - residual|^2 + total |x|^2, from the smaller of the two normal equations."""
    rows, width = features.shape
    solve = partial(jax.scipy.linalg.solve, assume_a="pos")
    if width <= rows:
        return solve(features.T @ features + total * jnp.eye(width), features.T @ residual)
    return features.T @ solve(features @ features.T + total * jnp.eye(rows), residual)


def _shortest(features, residual, total):
    """The shortest least-squares solution, by the singular values."""
    return jnp.linalg.lstsq(features, residual)[0]


def _flow(features, residual, samples, times):
    """(1 - exp(-tau Phi^T Phi / samples)) Phi^+ residual at every time tau, by the singular values of Phi."""
    left, values, right = jnp.linalg.svd(features, full_matrices=False)
    present = values > max(features.shape) * jnp.finfo(float).eps * values[0]
    best = jnp.where(present, left.T @ residual / jnp.where(present, values, 1.0), 0.0)
    return (-jnp.expm1(-times[:, None] * values**2 / samples) * best) @ right
