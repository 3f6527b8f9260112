"""A batch size that follows the noise scale of the very run that it shapes.

    B(t) = 1 + factor (B_noise(t) - 1),      1 - 1 / B_noise = G^T K G / tr(K Sigma) there,

with the noise scale along the run with batches B(t): a fixed point, found by iteration. Noise that the run puts into
its own parameters raises G^T K G; factors above half the learning rate outgrow it, smaller ones leave the batch finite.
"""

from typing import Any, Literal

import equinox as eqx
import numpy as np
from jaxtyping import Float, Int
from numpy.polynomial import chebyshev

from solvable.algorithms import AbstractLinear, BatchSchedule
from solvable.algorithms.base import AbstractAlgorithm
from solvable.algorithms.schedules import log_polynomial
from solvable.arguments import check_choice, check_integer, check_real, refusal
from solvable.forms.base import AbstractSubject
from solvable.numerics.long_run import LONGEST
from solvable.numerics.precision import in_float64
from solvable.theory.noise_scale import NoiseScale, noise_scale

DEGREE = 24  # of the polynomial in the logarithm of time
POINTS = 97  # at which it is fitted
ITERATIONS = 200
SETTLED = 1e-7  # change of log B
ENDLESS = 1e100  # where the iteration starts: a batch without noise, from which it settles in a few rounds


class AdaptiveBatch(eqx.Module):
    """A run whose batch follows its noise scale.

    Attributes:
        size: B as a function of the step, a `solvable.schedules.log_polynomial`: ``sv.BatchSchedule(algorithm, size)``
            is the run.
        steps: steps at which what follows is given, increasing to the last; shape (steps,).
        batch: B there.
        risk: the expected risk there, floor included.
        examples: examples used up to there, sum of B over the steps before.
        error: largest difference of log B from that of its own noise scale.
    """

    size: log_polynomial
    steps: Int[Any, " steps"]
    batch: Float[Any, " steps"]
    risk: Float[Any, " steps"]
    examples: Float[Any, " steps"]
    error: Float[Any, ""]
    references = ("mccandlish2018",)


@in_float64
def adaptive_batch(
    model: AbstractSubject,
    algorithm: AbstractAlgorithm,
    last: int,
    *,
    factor: float = 1.0,
    scale: Literal["noise", "simple"] = "noise",
) -> AdaptiveBatch:
    """The batch size that is at every step a fixed factor times the noise scale of its own run.

    Args:
        model: a law or a draw on a fresh stream.
        algorithm: an `AbstractLinear` optimizer; its own batch size is not used.
        last: steps of the run, from 64 to 2^53.
        factor: of the noise scale, > 0.
        scale: "noise", B_noise, or "simple", B_simple.

    Raises:
        ValueError: an argument is impossible.
        RuntimeError: the iteration did not settle.
    """
    last = check_integer("last", last, 64, LONGEST - 1)
    check_real("factor", factor, "a finite number > 0", lambda x: 0 < x < np.inf)
    check_choice("scale", scale, ("noise", "simple"))
    steps = np.unique(np.concatenate([np.arange(8), np.rint(np.geomspace(8, last, POINTS))]).astype(np.int64))
    along = noise_scale(model, _with_batch(algorithm, ENDLESS), steps)
    fitted = np.zeros(1)
    for _ in range(ITERATIONS):
        wanted = _follows(along, scale, float(factor))
        before, fitted = fitted, _fit(steps, wanted, last)
        along = noise_scale(model, _with_batch(algorithm, log_polynomial(fitted, float(last))), steps)
        if len(before) == len(fitted) and np.abs(before - fitted).max() < SETTLED:
            break
    else:
        raise RuntimeError(f"factor: the batch did not settle within {ITERATIONS} iterations at {float(factor):g}")
    size = log_polynomial(fitted, float(last))
    batch = np.asarray(size(steps.astype(float)))
    error = np.abs(np.log(batch / _follows(along, scale, float(factor)))).max()
    return AdaptiveBatch(size, steps, batch, along.risk, _examples(size, steps), error)


def _with_batch(algorithm: Any, size: Any) -> Any:
    if not isinstance(algorithm, AbstractLinear):
        raise refusal("algorithm", "an optimizer that is linear in the gradient, whose batch can change", algorithm)
    return BatchSchedule(algorithm, size)


def _follows(along: NoiseScale, scale: str, factor: float) -> Float[np.ndarray, " steps"]:
    return 1 + factor * (np.asarray(getattr(along, scale)) - 1)


def _fit(steps: np.ndarray, batch: np.ndarray, last: int) -> Float[np.ndarray, " coefficients"]:
    if not np.isfinite(batch).all():
        raise ValueError(f"model: wanted a gradient that is not zero along the run; got none at step {steps[0]}")
    place = 2 * np.log1p(steps) / np.log1p(last) - 1
    return chebyshev.chebfit(place, np.log(batch), DEGREE)


def _examples(size: log_polynomial, steps: np.ndarray) -> Float[np.ndarray, " steps"]:
    """Sums of B over the steps before, by Gauss's rule between the steps, one by one at first."""
    nodes, weights = np.polynomial.legendre.leggauss(8)
    left, width = steps[:-1].astype(float), np.diff(steps).astype(float)
    # The sum over whole steps is the integral from half a step before the first to half a step before the last.
    inside = left[:, None] - 0.5 + width[:, None] * (nodes + 1) / 2
    smooth = width * (np.asarray(size(np.maximum(inside, 0.0))) @ weights) / 2
    single = np.asarray(size(left))
    return np.concatenate([[0.0], np.cumsum(np.where(width == 1, single, smooth))])
