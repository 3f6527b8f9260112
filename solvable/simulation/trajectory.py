"""The step loop of one run: memory independent of the number of steps, risk recorded at requested steps only.

Three nested loops. The outer one draws a chunk of steps, outside the step loop, because drawing is cheapest
in bulk, and one chunk ahead, because a carried array is computed once where an expression would be recomputed
by every reader; the middle one stops at every recorded step; the inner one does nothing but gradient and
update. The bounds are the same for all runs, so `jax.vmap` over runs keeps them loops.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from solvable.forms.algorithms import Steps
from solvable.simulation.samplers import AbstractSampler


class Progress(eqx.Module):
    """Where a run stands: all that is needed to go on with it.

    Attributes:
        step: steps taken.
        params: parameters after ``step`` steps; shape (coords,).
        state: the optimizer's state.
        risks: risk at the requested steps, 0 where still to come; shape (records,), or (records, 2) for the population
            and the training risk of a finite data set.
        start: what is recorded of the parameters before the first step; shape (), or (2,).
    """

    step: Int[Array, ""]
    params: Float[Array, "... coords"]
    state: Any
    risks: Float[Array, "..."]
    start: Float[Array, "..."]


def begin(sampler: AbstractSampler, algorithm: Steps, steps: Int[Array, " records"]) -> Progress:
    """A run before its first step, step 0 recorded if it is wanted."""
    params = sampler.initial
    state = algorithm.init(params)
    judged = algorithm.observed(params, state)
    start = sampler.risk(judged)
    blank = jnp.zeros(steps.shape + start.shape, params.dtype)
    _, risks = _record(sampler, steps, jnp.int32(0), jnp.int32(0), judged, blank)
    return Progress(jnp.int32(0), params, state, risks, start)


def advance(
    sampler: AbstractSampler,
    algorithm: Steps,
    steps: Int[Array, " records"],
    key: Key[Array, ""],
    progress: Progress,
    until: Int[Array, ""],
    *,
    chunk: int,
) -> Progress:
    """The run after ``until`` steps in all. Stopping at multiples of ``chunk`` changes no bit of what follows.

    Args:
        sampler, algorithm, key, chunk: as `trajectory`.
        steps: strictly increasing step numbers, int32; those above ``until`` are left for later.
        progress: the run so far.
        until: where to stop, int32, at most the last of ``steps``.
    """
    streams = sampler.streams(key)
    draw = lambda start: sampler.draw(streams, start + jnp.arange(chunk, dtype=jnp.int32))  # noqa: E731

    def one_chunk(carry):
        start, stop, drawn, record, params, state, risks = carry
        prepared = sampler.prepare(drawn)

        def one_step(t, moving):
            params, state = moving
            share = jax.tree.map(lambda x: jax.lax.dynamic_index_in_dim(x, t - start, keepdims=False), prepared)
            return algorithm.update(params, state, sampler.gradient(share, params), t)

        def one_segment(carry):
            t, record, params, state, risks = carry
            until = jnp.minimum(stop, steps[record])
            params, state = jax.lax.fori_loop(t, until, one_step, (params, state))
            record, risks = _record(sampler, steps, until, record, algorithm.observed(params, state), risks)
            return until, record, params, state, risks

        segment = (start, record, params, state, risks)
        done, *rest = jax.lax.while_loop(lambda c: c[0] < stop, one_segment, segment)
        return done, done + jnp.minimum(chunk, until - done), draw(done), *rest

    # The first pass takes no step and only draws, so that the drawing is compiled once.
    nothing = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(draw, jnp.int32(0)))
    recorded = (steps <= progress.step).sum(dtype=jnp.int32)
    carry = (progress.step, progress.step, nothing, recorded, progress.params, progress.state, progress.risks)
    done, _, _, _, *moving = jax.lax.while_loop(lambda c: c[0] < until, one_chunk, carry)
    params, state, risks = moving
    return Progress(done, params, state, risks, progress.start)


def trajectory(
    sampler: AbstractSampler,
    algorithm: Steps,
    steps: Int[Array, " records"],
    key: Key[Array, ""],
    *,
    chunk: int,
) -> tuple[Float[Array, "records *risks"], Float[Array, " coords"]]:
    """One run: the risk at ``steps`` and the last parameters.

    Args:
        sampler: the source of gradients.
        algorithm: the optimizer.
        steps: strictly increasing step numbers, int32, 0 being before the first update; shape (records,).
        key: the run's key; step t uses numbers that depend on (key, t) only.
        chunk: how many steps are drawn at once. Changes the speed, not the numbers.
    """
    start = begin(sampler, algorithm, steps)
    end = advance(sampler, algorithm, steps, key, start, steps[-1], chunk=chunk)
    return end.risks, end.params


def _record(sampler: AbstractSampler, steps: Array, now: Any, record: Array, params: Array, risks: Array):
    """Write the risk of ``params`` if ``now`` is the next step to record."""
    due = steps[record] == now
    risk = jnp.where(due, sampler.risk(params), risks[record])
    return record + due.astype(jnp.int32), risks.at[record].set(risk)
