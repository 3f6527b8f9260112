"""The step at which a neuron first reaches an overlap, run by run."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Key

from solvable.algorithms.base import AbstractAlgorithm
from solvable.arguments import MOST, check_integer, check_real
from solvable.forms.algorithms import Spherical
from solvable.forms.base import AbstractSubject
from solvable.forms.feature_learning import NeuronDraw, NeuronLaw, Overlap
from solvable.keys import require_key, stream
from solvable.method import read, read_model
from solvable.numerics.grouping import grouped_map
from solvable.simulation.neuron import neuron
from solvable.simulation.runs import numbered_keys

CHUNK = 256  # steps between looks at who has arrived
TOGETHER = 256  # runs in step


def passage_steps(
    model: AbstractSubject,
    algorithm: AbstractAlgorithm,
    overlap: float = 0.5,
    *,
    last: int,
    num_runs: int = 64,
    key: Key[Array, ""],
) -> Int[np.ndarray, " runs"]:
    """The step after which the overlap first is ``overlap`` or more, of each run; -1 where it is not by step ``last``.

    Its absolute value counts where the link is even. The chain of the overlap is simulated, in O(batch) numbers a step
    whatever the dimension. ``sv.theory.passage_time`` gives the mean.

    Args:
        model: `SingleIndex`, each run with a direction of its own, or a draw of it.
        algorithm: `SphericalSGD`.
        overlap: in (0, 1).
        last: where to give up, below 2^31.
        num_runs: independent runs.
        key: random key; more runs extend fewer.

    Raises:
        ValueError: an argument is impossible.
    """
    require_key(key, "for the runs")
    check_real("overlap", overlap, "a number in (0, 1)", lambda x: 0 < x < 1)
    last, num_runs = check_integer("last", last, 1, 2**31 - 1 - CHUNK), check_integer("num_runs", num_runs, 1, MOST)
    stated = read(model, algorithm, Overlap, Spherical, reader="passage_steps(...)")[1]
    subject = read_model(model, NeuronDraw, NeuronLaw, reader="passage_steps(...)")
    draws = numbered_keys(stream(key, "draw"), num_runs)
    if isinstance(subject, NeuronDraw):
        problem, starts = subject.problem, np.full(num_runs, float(subject.problem.start))
    else:
        problem, starts = subject.law.draw(draws[0]), jax.vmap(lambda k: subject.law.draw(k).start)(draws)
    sampler = neuron(problem, stated, "auto", jax.dtypes.canonicalize_dtype(float))
    even = not np.any(np.asarray(problem.link)[1::2])
    starts = jnp.asarray(starts, sampler.initial.dtype)
    return np.asarray(_passages(sampler, starts, numbered_keys(stream(key, "run"), num_runs), overlap, last, even))


@eqx.filter_jit
def _passages(sampler, starts, keys, overlap, last, even: bool):
    one = partial(_passage, sampler, overlap, last, even)
    return grouped_map(lambda runs: jax.vmap(lambda run: one(*run))(runs), (starts, keys), TOGETHER)


def _passage(sampler, overlap, last, even: bool, start, key):
    """The chunks of one run, until it has arrived."""
    streams = sampler.streams(key)

    def arrived(params):
        return (jnp.abs(params[0]) if even else params[0]) >= overlap

    def step(params, prepared):
        params = params - sampler.gradient(prepared, params)
        return params, arrived(params)

    def chunk(carry):
        step_now, params, _ = carry
        numbers = sampler.prepare(sampler.draw(streams, step_now + jnp.arange(CHUNK, dtype=jnp.int32)))
        params, there = jax.lax.scan(step, params, numbers, length=CHUNK)
        first = jnp.where(there.any(), step_now + 1 + jnp.argmax(there), -1).astype(jnp.int32)
        return step_now + CHUNK, params, first

    params = eqx.tree_at(lambda s: s.start, sampler, start).initial
    found = jnp.where(arrived(params), 0, -1).astype(jnp.int32)
    carry = jnp.int32(0), params, found
    found = jax.lax.while_loop(lambda c: (c[2] < 0) & (c[0] < last), chunk, carry)[2]
    return jnp.where(found <= last, found, -1)
