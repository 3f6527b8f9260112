"""The gradient noise scale of a simulated run, measured as one measures it on a real one: by two batch sizes."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from solvable.algorithms.base import AbstractAlgorithm, check_settings
from solvable.arguments import MOST, check_integer, check_real
from solvable.fits.noise_scale import estimate_noise_scale
from solvable.forms.algorithms import Rotatable, Steps
from solvable.forms.base import AbstractSubject, Reading
from solvable.forms.draws import Reduction, StreamDraw
from solvable.keys import require_key, stream
from solvable.method import check_kind, match, recorded_steps
from solvable.numerics.grouping import grouped_map
from solvable.simulation.runs import in_flight, numbered_keys
from solvable.simulation.samplers import MOST_DRAWN, AbstractSampler, resized
from solvable.simulation.streaming import Simulation
from solvable.simulation.trajectory import advance, begin


class MeasuredNoiseScale(eqx.Module):
    """B_simple along simulated runs, with its interval from the spread over runs.

    Attributes:
        steps: recorded steps; shape (steps,), as of all that follows.
        simple: mean tr Sigma over mean |G|^2; infinite where |G|^2 is lost in the noise.
        stderr: its standard error, of first order.
        low, high: its interval at the level asked for (`solvable.fits.estimate_noise_scale`).
        gradient, gradient_stderr: |G|^2, averaged over runs, and its standard error.
        covariance, covariance_stderr: tr Sigma, likewise.
    """

    steps: Int[Any, " steps"]
    simple: Float[Any, " steps"]
    stderr: Float[Any, " steps"]
    low: Float[Any, " steps"]
    high: Float[Any, " steps"]
    gradient: Float[Any, " steps"]
    gradient_stderr: Float[Any, " steps"]
    covariance: Float[Any, " steps"]
    covariance_stderr: Float[Any, " steps"]
    references = ("mccandlish2018",)


def measure_noise_scale(
    problem: AbstractSubject,
    algorithm: AbstractAlgorithm,
    steps: Any,
    *,
    small: int = 1,
    large: int = 64,
    num_runs: int = 64,
    confidence: float = 0.95,
    key: Key[Array, ""],
) -> MeasuredNoiseScale:
    """Run the optimizer; at ``steps`` draw two gradients at its parameters, of ``small`` and of ``large`` samples.

    The gradients are drawn besides those that the optimizer is given, which go on as without them.

    Args:
        problem: one draw on a fresh stream.
        algorithm: anything that moves step by step, optax optimizers too.
        steps: increasing integers from 0 to 2^31 - 1.
        small, large: the two batch sizes; the larger should not be far below B_simple.
        num_runs: independent runs, at least 2.
        confidence: level of the intervals.
        key: random key.

    Raises:
        ValueError: an argument is impossible.
    """
    check_kind("problem", problem, AbstractSubject)
    check_kind("algorithm", algorithm, AbstractAlgorithm)
    require_key(key, "for the simulation's draws")
    reads = Reading(Reduction, Rotatable), Reading(StreamDraw, Steps)
    reading = match(problem, algorithm, reads, "measure_noise_scale(...)")
    steps = recorded_steps(algorithm, steps)
    check_settings(algorithm, int(steps[-1]))
    if steps[-1] >= 2**31:
        raise ValueError(f"steps: wanted steps below 2^31 for a simulation; got {steps[-1]}")
    num_runs = check_integer("num_runs", num_runs, 2, MOST)
    small = check_integer("small", small, 1, MOST_DRAWN)
    large = check_integer("large", large, small + 1, MOST_DRAWN)
    check_real("confidence", confidence, "a number in (0, 1)", lambda p: 0 < p < 1)
    assert isinstance(algorithm, Steps)
    source = Simulation(num_runs).source(problem.lower(reading.subject), algorithm)
    probes = tuple(resized(source, size) for size in (small, large))
    keys = numbered_keys(stream(key, "run"), num_runs)
    norms = np.asarray(_norms(source, probes, algorithm, steps.astype(np.int32), keys), np.float64)
    return _summary(steps, norms, small, large, confidence)


def _summary(steps, norms: Float[np.ndarray, "runs steps sizes"], small: int, large: int, confidence: float):
    columns = []
    for t in range(len(steps)):
        pair = norms[:, t, 0], norms[:, t, 1]
        at = estimate_noise_scale(*pair, small=small, large=large, confidence=confidence)
        simple = at.simple.value, at.simple.stderr, at.simple.low, at.simple.high
        others = at.gradient.value, at.gradient.stderr, at.covariance.value, at.covariance.stderr
        columns.append((*simple, *others))
    return MeasuredNoiseScale(steps, *np.array(columns).T)


@eqx.filter_jit
def _norms(source: AbstractSampler, probes: tuple[AbstractSampler, ...], algorithm: Steps, records, keys):
    """Squared norms of the probes' gradients along every run, shape (runs, records, probes)."""
    size, chunk = in_flight(source, len(keys), 1)

    def one(key):
        def to_record(progress, index):
            progress = advance(source, algorithm, records, key, progress, records[index], chunk=chunk)
            norms = [_squared(probe, stream(key, f"probe {i}"), records[index], progress.params)
                     for i, probe in enumerate(probes)]  # fmt: skip
            return progress, jnp.stack(norms)

        return jax.lax.scan(to_record, begin(source, algorithm, records), jnp.arange(len(records)))[1]

    return grouped_map(jax.vmap(one), keys, size)


def _squared(probe: AbstractSampler, key, step, params):
    prepared = probe.prepare(probe.draw(probe.streams(key), step[None]))
    gradient = probe.gradient(jax.tree.map(lambda x: x[0], prepared), params)
    return (gradient**2).sum()
