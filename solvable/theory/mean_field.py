"""What the mean-field theory of full-batch training is made of: responses and correlations.

Both are for the typical draw, at any recorded steps, with the letters of Bordelon, Atanasov, Pehlevan 2024 (arXiv
2402.01092). They take ``SGD(batch_size=None)`` and ``GradientFlow()`` with a constant learning rate.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from solvable.algorithms.base import AbstractAlgorithm
from solvable.arguments import check_integers
from solvable.forms.base import AbstractSubject
from solvable.numerics.complex_numbers import reciprocal
from solvable.numerics.precision import in_float64
from solvable.numerics.stepping import at_two_times
from solvable.theory.dmft import lowered, rate_of, recorded_times
from solvable.theory.sections import Section, Training, everywhere, first_section, inverse_place, lower, over_windows
from solvable.theory.two_point import one_point, pairs


class Responses(eqx.Module):
    """Responses of the typical draw as functions of the lag, per step.

    As operators in time R1 = 1 + r1 and R3 = 1 + r3; for gradient descent entry (t, s) of r1 is ``r1`` at lag t - s and
    0 at lag 0. For gradient flow they are densities per step, at lag 0 their limits from above.

    Attributes:
        lags: recorded lags, integers; shape (lags,).
        r1: response of the training residuals, R1 = 1 - df/P at a penalty; shape (lags,).
        r3: response of the features' gradients, R3 = 1 - df/N; shape (lags,).
        r02, r24: R02 = -df/R1 and R24 = -df/R3, with R1 = 1 / (1 - R02/P) and R3 = 1 / (1 - R24/N); shape (lags,).
        eigvals: population eigenvalues; shape (modes,).
        residual: H_k at the lag: what is left of the target along each of them; shape (lags, modes).
    """

    lags: Int[np.ndarray, " lags"]
    r1: Float[Array, " lags"]
    r3: Float[Array, " lags"]
    r02: Float[Array, " lags"]
    r24: Float[Array, " lags"]
    eigvals: Float[Array, " modes"]
    residual: Float[Array, "lags modes"]
    references = ("bordelon2024",)


class Correlations(eqx.Module):
    """Two-time correlations of the typical draw; the diagonals of c0 and c1 are the risk and the training risk.

    Attributes:
        steps: recorded steps; shape (steps,).
        c0: population error at two times, label noise included; shape (steps, steps).
        c1: training residuals, C1 = R1 C0 R1^T; a function of t + t' alone; shape (steps, steps).
        c2: gradients on the population modes; shape (steps, steps).
        c3: gradients of the features, C3 = R3 C2 R3^T; a function of t + t' alone; shape (steps, steps).
    """

    steps: Int[np.ndarray, " steps"]
    c0: Float[Array, "steps steps"]
    c1: Float[Array, "steps steps"]
    c2: Float[Array, "steps steps"]
    c3: Float[Array, "steps steps"]
    references = ("bordelon2024",)


@in_float64
def responses(model: AbstractSubject, algorithm: AbstractAlgorithm, lags: ArrayLike) -> Responses:
    """R1, R3, R02, R24 and H_k of the typical draw at integer lags >= 0, increasing.

    Where the largest eigenvalue is one number (see `solvable.theory.sections`) R02 and R24 have theirs at the zeros of
    R1 and R3, and invert them to O(1/P^2) and O(1/N^2).
    """
    population, descent = lowered(model, algorithm, "responses(...)")
    recorded = check_integers("lags", lags, "a nonempty vector of increasing integers >= 0")
    rate, continuous = rate_of(descent)
    plan = recorded_times(recorded, continuous)
    found = _responses(population, rate, plan.first, plan.times, plan.last, continuous)
    r1, r3, r02, r24, residual = (x[plan.place] for x in found)
    return Responses(recorded, r1, r3, r02, r24, population.eigvals, residual)


@eqx.filter_jit
def _responses(population, rate, first, times, last, continuous: bool):
    training = lower(population, rate, continuous)

    def at(section: Section):
        points, memory = section.points.at, section.coefficient * section.change / section.growth
        df = section.points.df
        r02, r24 = -df / points.of_samples, -df / points.of_width
        kernels = [(memory @ x).imag for x in (-df / population.samples, -df / population.width, r02, r24)]
        left = points.kappa[:, None] * reciprocal(points.kappa[:, None] + population.eigvals)
        return *kernels, (section.coefficient @ left).imag

    outlier = training.outlier
    if outlier is None:
        return everywhere(training, at, first, times, last)

    def found(place):
        return everywhere(training._replace(outlier=outlier._replace(place=place)), at, first, times, last)

    points = outlier.circle.points
    places = jnp.stack([training.largest, *(inverse_place(outlier, x) for x in (points.of_samples, points.of_width))])
    r1, r3, r02, r24, residual = jax.lax.map(found, places)
    return r1[0], r3[0], r02[1], r24[2], residual[0]


@in_float64
def correlations(model: AbstractSubject, algorithm: AbstractAlgorithm, steps: ArrayLike) -> Correlations:
    """C0, C1, C2, C3 of the typical draw at every pair of ``steps``, integers >= 0, increasing."""
    population, descent = lowered(model, algorithm, "correlations(...)")
    recorded = check_integers("steps", steps, "a nonempty vector of increasing integers >= 0")
    rate, continuous = rate_of(descent)
    plan = recorded_times(recorded, continuous)
    blocks = _correlations(population, rate, plan.first, plan.times, plan.last, continuous)
    c0, c1, c2, c3 = (x[plan.place][:, plan.place] for x in blocks)
    return Correlations(recorded, c0, c1, c2, c3)


@eqx.filter_jit
def _correlations(population, rate, first, times, last, continuous: bool):
    training = lower(population, rate, continuous)
    early = first_section(training, first)
    late = over_windows(training, lambda section: section, times, last)
    corner = _block(training, early, early)
    side = jax.lax.map(lambda section: _block(training, section, early), late)
    count, slots = times.shape
    each = lambda i: jax.tree.map(lambda x: x[i], late)  # noqa: E731
    rows, columns = np.tril_indices(count)
    lower_half = jax.lax.map(lambda ij: _block(training, each(ij[0]), each(ij[1])), (rows, columns))

    def assemble(corner, side, half):
        side = side.reshape(count * slots, -1)
        inner = jnp.zeros((count, count, slots, slots)).at[rows, columns].set(half)
        inner = inner.at[columns, rows].set(jnp.swapaxes(half, 1, 2)).swapaxes(1, 2).reshape(count * slots, -1)
        return jnp.block([[corner, side.T], [side, inner]])

    return jax.tree.map(assemble, corner, side, lower_half)


def _block(training: Training, a: Section, b: Section):
    """C0, C1, C2, C3 between the times of two sections, all sums about the anchor of the first."""
    left = one_point(training.modes, training.power, a.points.at, a.anchor)
    right = one_point(training.modes, training.power, b.points.at, a.anchor)
    direct, crossed = pairs(training.modes, training.noise, left, right, 1, 1)

    def transform(choose):
        return at_two_times(choose(direct), choose(crossed), a.coefficient, b.coefficient)

    return (
        transform(lambda p: p.c0),
        transform(lambda p: p.c0 * p.of_samples),
        transform(lambda p: p.x * p.of_samples),
        transform(lambda p: p.x * p.of_samples * p.of_width),
    )
