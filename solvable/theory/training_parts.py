"""Bias and variances of the risk along full-batch training, ensembles and bagging."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from solvable.algorithms.base import AbstractAlgorithm
from solvable.forms.base import AbstractSubject
from solvable.numerics.precision import in_float64
from solvable.theory.dmft import Section, everywhere, lower, lowered, rate_of, schedule
from solvable.theory.mean_field import check_recorded
from solvable.theory.two_point import pairs, same_time


class RiskParts(eqx.Module):
    """The typical risk along training and the parts that it is the sum of; each of shape (steps,).

    The predictor depends on the features, on the training inputs and on the label noise. A part is the variance over
    what it names of the average over the rest, or what two of them together have beyond that (the same parts as those
    of ridge regression, which they become after infinitely many steps without a penalty).

    Attributes:
        risk: population mean squared error.
        bias: squared error of the predictor averaged over everything, sum_k lambda_k w_k^2 H_k(t)^2.
        features: variance over features.
        inputs: variance over training inputs.
        features_inputs: interaction of features and inputs.
        noise: variance over label noise with the features averaged.
        noise_features: the rest of the variance over label noise.
        label: sigma^2, the noise of the test labels.
    """

    risk: Float[Array, " steps"]
    bias: Float[Array, " steps"]
    features: Float[Array, " steps"]
    inputs: Float[Array, " steps"]
    features_inputs: Float[Array, " steps"]
    noise: Float[Array, " steps"]
    noise_features: Float[Array, " steps"]
    label: Float[Array, " steps"]
    references = ("bordelon2024",)

    def averaged(self, features: float = 1, data: float = 1) -> Float[Array, " steps"]:
        """Risk of the mean prediction of all features * data systems made of so many draws of each; inf allowed."""
        for name, count in (("features", features), ("data", data)):
            if not count >= 1:
                raise ValueError(f"{name}: wanted a number of independent draws >= 1; got {count!r}")
        over_data = (self.inputs + self.noise) / data
        return self.label + self.bias + self.features / features + over_data + self._interaction / (features * data)

    @property
    def _interaction(self):
        return self.features_inputs + self.noise_features


@in_float64
def decompose_training(model: AbstractSubject, algorithm: AbstractAlgorithm, steps: Any) -> RiskParts:
    """Bias and variances of the typical risk at integer ``steps`` >= 0, increasing, by cross-correlators.

    Two systems that share their features, their data, both or neither obey the same equations without the terms of
    what they do not share.
    """
    population, descent = lowered(model, algorithm, "decompose_training(...)")
    rate, continuous = rate_of(descent)
    plan = schedule(check_recorded("steps", steps), continuous)
    parts = _parts(population, rate, plan.first, plan.times, plan.last, continuous)
    return jax.tree.map(lambda x: x[plan.place], parts)


@eqx.filter_jit
def _parts(population, rate, first, times, last, continuous: bool) -> RiskParts:
    training = lower(population, rate)
    noise = population.noise

    shared = jnp.array([[0, 0], [1, 0], [0, 1], [1, 1], [0, 1], [1, 1]])
    noises = noise * jnp.array([0, 0, 0, 0, 1, 1])

    def overlaps(section: Section):
        def overlap(case):
            (features, data), sigma = case
            direct, crossed = pairs(training.modes, sigma, section.points, section.points, features, data, True)
            return same_time(direct.c0, crossed.c0, section.coefficient)

        return jax.lax.map(overlap, (shared, noises)).T

    found = everywhere(training, overlaps, first, times, last, continuous)
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
    model: AbstractSubject, algorithm: AbstractAlgorithm, steps: Any, *, features: float = 1, data: float = 1
) -> Float[Array, " steps"]:
    """Risk of the mean prediction over ``features`` draws of the features and ``data`` data sets, all combinations.

    ``features=E`` alone is an ensemble of E models on one data set, ``data=B`` alone is bagging: one set of features
    trained on B independent data sets. ``inf`` averages completely.
    """
    return decompose_training(model, algorithm, steps).averaged(features, data)
