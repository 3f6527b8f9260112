"""Ridge regression on a finite data set, solved directly: no step loop."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from solvable.algorithms.base import AbstractAlgorithm
from solvable.algorithms.ridge import Ridge
from solvable.models.base import AbstractProblem
from solvable.models.finite import FiniteProblem
from solvable.numerics.precision import in_float64


def solve_once(problem: AbstractProblem, algorithm: AbstractAlgorithm) -> Float[Array, "2"]:
    """(population risk, training risk) of ridge regression on the data of ``problem``, in float64.

    Raises:
        ValueError: ``problem`` has no finite data set, or ``algorithm`` is not Ridge.
    """
    if not isinstance(algorithm, Ridge):
        raise ValueError(f"algorithm: wanted Ridge() or one that moves in steps; got {type(algorithm).__name__}")
    if not isinstance(problem, FiniteProblem):
        raise ValueError(f"samples: wanted a finite data set for {type(algorithm).__name__}(); got a fresh stream")
    return in_float64(_risks)(problem, algorithm.penalty)


def _risks(problem: FiniteProblem, penalty: Any):
    return _solve(
        *(jnp.asarray(x, float) for x in (problem.features, problem.targets, problem.initial)),
        *(jnp.asarray(x, float) for x in (problem.eigvals, problem.target, problem.floor, problem.samples, penalty)),
    )


@jax.jit
def _solve(features, targets, initial, eigvals, target, floor, samples, penalty):
    change = jax.lax.cond(penalty > 0, _penalised, _shortest, features, targets - features @ initial, samples * penalty)
    params = initial + change
    residual = features @ params - targets
    return jnp.stack([floor + (eigvals * (params - target) ** 2).sum(), (residual**2).sum() / samples])


def _penalised(features, residual, penalty):
    """argmin |features x - residual|^2 + penalty |x|^2, from the smaller of the two normal equations."""
    rows, width = features.shape
    solve = partial(jax.scipy.linalg.solve, assume_a="pos")
    if width <= rows:
        return solve(features.T @ features + penalty * jnp.eye(width), features.T @ residual)
    return features.T @ solve(features @ features.T + penalty * jnp.eye(rows), residual)


def _shortest(features, residual, penalty):
    """The shortest least-squares solution, by the singular values."""
    return jnp.linalg.lstsq(features, residual)[0]
