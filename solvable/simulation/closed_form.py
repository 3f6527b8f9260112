"""Algorithms without steps on a finite data set (ridge regression, gradient flow), solved directly."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from solvable.arrays import is_concrete
from solvable.forms.algorithms import Solution
from solvable.models.finite import FiniteProblem
from solvable.numerics.padding import rounded_up
from solvable.numerics.precision import in_float64


@in_float64
def solve_directly(problem: FiniteProblem, algorithm: Solution, steps: np.ndarray) -> Float[Array, "steps 2"]:
    """(population risk, training risk) at ``steps`` on the data of ``problem``, in float64."""
    rows, width = ((0, rounded_up(n) - n) for n in np.shape(problem.features))
    pad = np.pad if is_concrete(*jax.tree.leaves(problem)) else jnp.pad
    initial, best, eigvals = (pad(x, width) for x in (problem.initial, problem.target, problem.eigvals))
    features, targets = pad(problem.features, (rows, width)), pad(problem.targets, rows)
    times = np.asarray(steps, float)
    return _risks(features, targets, initial, best, eigvals, problem.floor, problem.samples, algorithm, times)


@eqx.filter_jit
def _risks(features, targets, initial, best, eigvals, floor, samples, algorithm: Solution, steps):
    """On data with absent samples and modes, so that problems of similar size share one compiled program."""
    features, targets, initial, best, eigvals = (
        jnp.asarray(x, float) for x in (features, targets, initial, best, eigvals)
    )
    params = initial + algorithm.solution(features, targets - features @ initial, samples, steps)
    population = floor + (eigvals * (params - best) ** 2).sum(1)
    return jnp.stack([population, ((params @ features.T - targets) ** 2).sum(1) / samples], axis=1)
