"""Many runs on one draw or on many: which of them are simulated together."""

import math
from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from solvable.arrays import library, to_numpy
from solvable.forms.algorithms import Steps
from solvable.method import STRIDE
from solvable.numerics.grouping import grouped_map
from solvable.simulation.samplers import AbstractSampler
from solvable.simulation.trajectory import trajectory

CHUNK_NUMBERS = 1 << 18  # numbers drawn at once: 1 MB in float32, the size of a core's second-level cache
RUNS_NUMBERS = 1 << 16  # numbers one step of all runs in flight draws: hides the loop, stays in cache
DRAWS_NUMBERS = 1 << 26  # numbers held for the draws in flight
INSIDE_NUMBERS = 1 << 26  # numbers held by the runs in flight that draw inside the step


def _runs(sampler: AbstractSampler, algorithm: Steps, records, keys, draws_in_flight: int):
    """The risk of each run of one draw, shape (runs, records)."""
    if not is_random(sampler):  # all runs are one
        risks = trajectory(sampler, algorithm, records, keys[0], chunk=STRIDE)[0]
        return jnp.broadcast_to(risks, (len(keys), *risks.shape))
    size, chunk = in_flight(sampler, len(keys), draws_in_flight)
    one = lambda key: trajectory(sampler, algorithm, records, key, chunk=chunk)[0]  # noqa: E731
    return grouped_map(jax.vmap(one), keys, size)


def is_random(sampler: AbstractSampler) -> bool:
    """Whether runs differ: a sampler without streams has no random numbers."""
    return bool(jax.tree.leaves(eqx.filter_eval_shape(lambda: sampler.streams(jax.random.key(0)))))


def in_flight(sampler: AbstractSampler, runs: int, draws: int) -> tuple[int, int]:
    """How many runs of one draw to simulate at a time, and how many steps to draw at once (a divisor of STRIDE)."""
    per_step = max(_step_numbers(sampler), 1)
    inside = INSIDE_NUMBERS // max(draws * sampler.drawn_inside, 1)
    size = min(runs, _clip(min(RUNS_NUMBERS // per_step, inside), 1, 256))
    chunk = _clip(CHUNK_NUMBERS // (per_step * size * draws), 1, STRIDE)
    return size, 1 << (chunk.bit_length() - 1)


@eqx.filter_jit
def runs_of_one(sampler: AbstractSampler, algorithm: Steps, records, keys):
    """The risk of each run of one draw at the steps ``records``, one key a run, and the risk before the first step.

    Compiles once per shapes: parameters, steps and keys are arguments. Shapes (runs, records) and ().
    """
    return _runs(sampler, algorithm, records, keys, 1), start_risk(sampler)


@eqx.filter_jit
def _runs_of_many(samplers: AbstractSampler, algorithm: Steps, records, keys, members):
    """As `runs_of_one`, over stacked draws, of which draw i has the keys numbered ``members[i]``.

    Shapes (draws, runs, records) and (), the mean risk at the start.
    """
    draws = len(members)
    runs = jax.vmap(lambda sampler, k: _runs(sampler, algorithm, records, k, draws))(samplers, keys[members])
    return runs, jax.vmap(start_risk)(samplers).mean()


def start_risk(sampler: AbstractSampler) -> Float[Array, ""]:
    """Population risk of the parameters before the first step."""
    return sampler.risk(sampler.initial).reshape(-1)[0]


def runs_of_draws(
    source: Callable[[int], AbstractSampler], draws: int, algorithm: Steps, records, keys
) -> tuple[Float[Array, "runs steps *risks"], Float[Array, ""]]:
    """The risk of each run, run r on draw r mod ``draws``, and the mean risk of the first draws before the first step.

    As many draws are simulated at a time as memory allows.

    Args:
        source: the sampler of a draw, by its number; all of the same shape.
        draws: number of draws, a divisor of the number of ``keys``.
        algorithm, records, keys: as in `runs_of_one`.
    """
    first, of_draw = source(0), np.arange(len(keys)).reshape(-1, draws).T
    size = _draws_in_flight(first, of_draw.shape[1], draws)
    parts = []
    for start in range(0, draws, size):
        members = [min(i, draws - 1) for i in range(start, start + size)]
        unique = [source(i) if i else first for i in dict.fromkeys(members)]
        samplers = unique + unique[-1:] * (size - len(unique))
        stacked = jax.tree.map(lambda *leaves: library(*leaves).stack(leaves), *samplers)
        parts.append(_runs_of_many(stacked, algorithm, records, keys, of_draw[members]))
    runs, starts = zip(*parts, strict=True)
    runs = to_numpy(runs)
    return _in_order(library(*runs).concatenate(runs)[:draws]), starts[0]


def runs_draw_by_draw(
    source: Callable[[int], AbstractSampler], draws: int, algorithm: Steps, records, keys
) -> tuple[Float[Array, "runs steps *risks"], Float[Array, ""]]:
    """As `runs_of_draws`, with one draw at a time in memory."""
    of_draw = keys.reshape(-1, draws).T
    found = [jax.tree.map(to_numpy, runs_of_one(source(i), algorithm, records, of_draw[i])) for i in range(draws)]
    runs = [runs for runs, _ in found]
    return _in_order(library(*runs).stack(runs)), found[0][1]


def _in_order(risks: Float[Array, "draws each steps *risks"]) -> Float[Array, "runs steps *risks"]:
    """Run r is number r // draws of draw r mod draws."""
    return risks.swapaxes(0, 1).reshape(-1, *risks.shape[2:])


@partial(jax.jit, static_argnames="count")
def numbered_keys(key: Key[Array, ""], count: int) -> Key[Array, " count"]:
    """Keys 0, 1, ... of a stream: more keys extend fewer."""
    return jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(count))


def _clip(value: int, low: int, high: int) -> int:
    return max(low, min(value, high))


def _step_numbers(sampler: AbstractSampler) -> int:
    """Numbers one run draws ahead in one step; nothing for a sampler that draws inside the step."""
    drawn = eqx.filter_eval_shape(lambda: sampler.draw(sampler.streams(jax.random.key(0)), jnp.arange(1)))
    return sum(math.prod(x.shape) * (2 if jnp.iscomplexobj(x) else 1) for x in jax.tree.leaves(drawn))


def _draws_in_flight(sampler: AbstractSampler, runs: int, draws: int) -> int:
    """How many draws to simulate at a time, in groups as even as can be."""
    held = sum(math.prod(x.shape) for x in jax.tree.leaves(sampler))
    most = _clip(min(RUNS_NUMBERS // (sampler.initial.shape[-1] * runs), DRAWS_NUMBERS // held), 1, 256)
    return -(-draws // -(-draws // most))
