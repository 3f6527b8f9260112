"""Ensembles over features and bags of data: the risk of averaged predictors, by simulation."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from solvable.algorithms.base import AbstractAlgorithm, check_settings
from solvable.arguments import check_integer
from solvable.forms.algorithms import Filter
from solvable.forms.base import Reading
from solvable.forms.draws import DataLaw
from solvable.keys import require_key, stream
from solvable.method import check_kind, match, recorded_steps
from solvable.models.base import AbstractModel
from solvable.models.checks import concrete_size
from solvable.numerics.precision import in_float64

MOST_MEMBERS = 10**6  # of each kind


class Ensemble(eqx.Module):
    """Risks of averaged predictors.

    Attributes:
        steps: recorded steps; shape (steps,).
        risk: population risk of the predictor averaged over the first e + 1 draws of features and the first b + 1 bags
            of data, label noise included; shape (runs, steps, num_features, num_bags).
        overlap: mean inner product of the errors of two members, E_x (f - y*)(f' - y*), label noise left out, that
            share both features and data, features only, data only, or nothing; shape (4, runs, steps). Averaging E
            draws of features and B bags leaves
            nothing + (features - nothing) / E + (data - nothing) / B + (both - features - data + nothing) / (E B).
    """

    steps: Int[np.ndarray, " steps"]
    risk: Float[Array, "runs steps features bags"]
    overlap: Float[Array, "4 runs steps"]


def simulate_ensemble(
    model: AbstractModel,
    algorithm: AbstractAlgorithm,
    steps: Any = None,
    *,
    num_features: int = 1,
    num_bags: int = 1,
    num_runs: int = 1,
    key: Key[Array, ""],
) -> Ensemble:
    """Train every pair of ``num_features`` draws of features and ``num_bags`` data sets, and average predictors.

    All members see the same inputs where they share a bag: the data are drawn in the ambient space, x and its label,
    once a bag, and mapped through each member's own features. Ensembling averages over features at fixed data, bagging
    over independent data sets of ``model.samples`` each (Bordelon, Atanasov, Pehlevan 2024, arXiv 2402.01092, section
    on ensembling).

    Args:
        model: a law of random features with ``samples`` set and a finite ambient dimension (`PowerLawRF`).
        algorithm: `Ridge`, `GradientFlow` or full-batch `SGD`.
        steps: as in `solve`; None for `Ridge`.
        num_features, num_bags: size of the ensemble.
        num_runs: independent repetitions.
        key: random key; a larger ensemble extends a smaller one.

    Raises:
        ValueError: an argument is impossible.
    """
    require_key(key, "to draw from")
    counts = (("num_features", num_features), ("num_bags", num_bags), ("num_runs", num_runs))
    num_features, num_bags, num_runs = (check_integer(name, value, 1, MOST_MEMBERS) for name, value in counts)
    check_kind("model", model, AbstractModel)
    check_kind("algorithm", algorithm, AbstractAlgorithm)
    match(model, algorithm, (Reading(DataLaw, Filter),), "simulate_ensemble(...)")
    check_settings(algorithm)
    times: Any = recorded_steps(algorithm, steps)
    keys = [jax.random.fold_in(stream(key, "run"), run) for run in range(num_runs)]
    runs = [_one_run(model, algorithm, times, num_features, num_bags, k) for k in keys]
    risk, overlap = zip(*runs, strict=True)
    risks, overlaps = np.stack(risk), np.stack(overlap, axis=1)
    return Ensemble(times, risks, overlaps)  # pyright: ignore[reportArgumentType]


@in_float64
def _one_run(model: AbstractModel, algorithm, steps, num_features: int, num_bags: int, key):
    """risk (steps, features, bags) and overlap (4, steps) of one repetition."""
    samples = concrete_size("samples", model.samples, "drawing a data set")
    law = dataclasses.replace(model, samples=None)
    draws: list[Any] = [law.draw(jax.random.fold_in(stream(key, "features"), e)) for e in range(num_features)]
    ambient = [draw.ambient_draw() for draw in draws]
    maps, start = jnp.stack([a.features() for a in ambient]), jnp.stack([jnp.asarray(a.start, float) for a in ambient])
    readout, noise = jnp.asarray(ambient[0].readout), jnp.asarray(ambient[0].noise)
    return _train(maps, start, readout, noise, key, algorithm, jnp.asarray(steps, float), num_bags, samples)


@eqx.filter_jit
def _train(maps, start, labels, noise, key, algorithm, steps, num_bags: int, samples: int):
    """Every member's error as a function of the ambient inputs, F theta - b, and the risks of their averages."""

    def bag(index):
        one = jax.random.fold_in(stream(key, "data"), index)
        inputs = jax.random.normal(stream(one, "inputs"), (samples, len(labels)), jnp.float32).astype(float)
        eps = jax.random.normal(stream(one, "noise"), (samples,), jnp.float32).astype(float)
        targets = inputs @ labels + noise * eps
        member = lambda m: _error(m[0], m[1], inputs, targets, labels, algorithm, steps)  # noqa: E731
        return jax.lax.map(member, (maps, start))

    errors = jax.lax.map(bag, jnp.arange(num_bags))  # (bags, features, steps, ambient)
    count = jnp.arange(1.0, num_bags + 1)[:, None] * jnp.arange(1.0, len(maps) + 1)
    means = errors.cumsum(0).cumsum(1) / count[..., None, None]
    risk = (means**2).sum(-1).transpose(2, 1, 0) + noise**2
    return risk, _overlaps(errors)


def _error(factor, start, inputs, targets, labels, algorithm, steps):
    """F theta_t - b at every step; theta_t by the singular values of the features inputs @ F."""
    features = inputs @ factor
    left, values, right = jnp.linalg.svd(features, full_matrices=False)
    present = values > max(features.shape) * jnp.finfo(float).eps * values[0]
    best = jnp.where(present, left.T @ (targets - features @ start) / jnp.where(present, values, 1.0), 0.0)
    learned = algorithm.filter(jnp.where(present, values**2 / len(targets), 0.0), steps)[1]
    return (start + (learned * best) @ right) @ factor.T - labels


def _overlaps(errors):
    """Mean products over pairs of members that share both, features, data, nothing; NaN where there is no such pair."""
    bags, features = errors.shape[:2]
    products = jnp.einsum("befv,cdfv->becdf", errors, errors)
    same_bag, same_features = jnp.eye(bags)[:, None, :, None], jnp.eye(features)[None, :, None, :]
    kinds = (
        same_bag * same_features, (1 - same_bag) * same_features, same_bag * (1 - same_features),
        (1 - same_bag) * (1 - same_features),
    )  # fmt: skip
    return jnp.stack([(products * kind[..., None]).sum((0, 1, 2, 3)) / kind.sum() for kind in kinds])
