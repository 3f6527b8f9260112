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
from solvable.models.base import AbstractProblem
from solvable.models.finite import FiniteProblem
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
    return _risks(problem, algorithm, np.asarray(steps, float))


@eqx.filter_jit
def _risks(problem: FiniteProblem, algorithm, steps):
    features, targets, initial, best = (
        jnp.asarray(x, float) for x in (problem.features, problem.targets, problem.init(), problem.target)
    )
    residual = targets - features @ initial
    if isinstance(algorithm, Ridge):
        total = problem.samples * jnp.asarray(algorithm.penalty, float)
        change = jnp.broadcast_to(
            jax.lax.cond(total > 0, _penalised, _shortest, features, residual, total), (len(steps), len(initial))
        )
    else:
        change = _flow(features, residual, problem.samples, jnp.asarray(algorithm.learning_rate, float) * steps)
    params = initial + change
    population = problem.floor + (jnp.asarray(problem.eigvals, float) * (params - best) ** 2).sum(1)
    return jnp.stack([population, ((params @ features.T - targets) ** 2).sum(1) / problem.samples], axis=1)


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
