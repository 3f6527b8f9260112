"""Bias and variances of the risk along full-batch training, ensembles and bagging."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from solvable.algorithms.base import AbstractAlgorithm
from solvable.arguments import check_integers
from solvable.forms.base import AbstractSubject
from solvable.numerics.precision import in_float64
from solvable.theory.dmft import lowered, rate_of, recorded_times
from solvable.theory.risk_parts import RiskParts, check_draws
from solvable.theory.sections import Section, everywhere, lower
from solvable.theory.two_point import pairs, same_time


@in_float64
def decompose_training(model: AbstractSubject, algorithm: AbstractAlgorithm, steps: ArrayLike) -> RiskParts:
    """The typical risk at integer ``steps`` >= 0, increasing, as a sum of bias and variances (`RiskParts`).

    Take two systems that share their features, their data, both or neither. The overlap of their errors obeys the
    equations of `solvable.theory.two_point`, where the term of what they do not share is absent. Differences of the
    four overlaps, with and without noise, are the parts. After infinitely many steps they are those of ridge
    regression without a penalty.
    """
    population, descent = lowered(model, algorithm, "decompose_training(...)")
    recorded = check_integers("steps", steps, "a nonempty vector of increasing integers >= 0")
    rate, continuous = rate_of(descent)
    plan = recorded_times(recorded, continuous)
    parts = _parts(population, rate, plan.first, plan.times, plan.last, continuous)
    return jax.tree.map(lambda x: x[plan.place], parts)


@eqx.filter_jit
def _parts(population, rate, first, times, last, continuous: bool) -> RiskParts:
    training = lower(population, rate, continuous)
    noise = population.noise

    shared = jnp.array([[0, 0], [1, 0], [0, 1], [1, 1], [0, 1], [1, 1]])
    noises = noise * jnp.array([0, 0, 0, 0, 1, 1])

    def overlaps(section: Section):
        def overlap(case):
            (features, data), sigma = case
            direct, crossed = pairs(training.modes, sigma, section.points, section.points, features, data)
            return same_time(direct.c0, crossed.c0, section.coefficient)

        return jax.lax.map(overlap, (shared, noises)).T

    found = everywhere(training, overlaps, first, times, last)
    bias, by_features, by_data, both, noisy_data, risk = found.T
    label = jnp.full_like(risk, 1.0) * noise**2
    by_noise = noisy_data - by_data - label
    return RiskParts(
        risk=risk,
        bias=bias,
        features=by_features - bias,
        inputs=by_data - bias,
        features_inputs=both - by_features - by_data + bias,
        noise=by_noise,
        noise_features=risk - both - label - by_noise,
        label=label,
    )


def ensemble(
    model: AbstractSubject, algorithm: AbstractAlgorithm, steps: ArrayLike, *, features: float = 1, data: float = 1
) -> Float[Array, " steps"]:
    """Risk of the mean prediction over ``features`` draws of the features and ``data`` data sets, all combinations.

    ``features=E`` alone is an ensemble of E models on one data set, ``data=B`` alone is bagging: one set of features
    trained on B independent data sets. ``inf`` averages completely.
    """
    check_draws(features, data)
    return decompose_training(model, algorithm, steps).averaged(features, data)
