"""Coupled recursions over any number of steps, in blocks as long as their estimated error allows.

Blocks are chosen as steps of a stiff differential equation are: a block whose error is too large is tried again
shorter, down to steps taken one by one, which have no error. So whatever cannot be skipped is visited: the first steps,
a kink of the settings, an oscillation that has not died. The cost grows with the logarithm of the number of steps where
settings change on the scale of the time to their kinks and ends.

Derivatives hold the blocks fixed: the solution does not depend on them.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from solvable.numerics.coupled_steps import STAGES, Coupled, State, block, checked_block, steps
from solvable.numerics.sum_collocation import SHORTEST

TOLERANCE = 1e-9  # of the error in a block, relative to what is recorded above the floor
BLOCKS = 1024  # at most, besides one for each record
GROWN = 1e100  # times what was recorded at the start: beyond, it is infinite
LONGEST = 2**53  # steps are counted in float64


def long_run(
    system: Coupled,
    start: State,
    records: Float[Array, " records"],
    stops: Float[Array, " stops"],
    tolerance: Float[Array, ""] | float = TOLERANCE,
) -> tuple[Float[Array, "records numbers"], Bool[Array, ""]]:
    """The numbers recorded at ``records``, increasing steps below LONGEST, and whether every block's error is bounded.

    Where it is not, records from the block in question on are NaN, as is one of which rounding leaves no digits. Where
    the recursion grows beyond GROWN they are infinite.

    Args:
        stops: more steps at which a block has to end: before a kink of the coefficients.
        tolerance: error allowed in a block, relative to what is recorded above the floor.
    """
    functions = lambda s: (s.coefficients, s.probe)  # noqa: E731
    explicit = tuple(eqx.filter_closure_convert(f, jnp.zeros(())) for f in functions(system))
    system = eqx.tree_at(functions, system, explicit)
    return _run(system, start, records, jax.lax.stop_gradient(stops), tolerance)


@eqx.filter_custom_jvp
def _run(system, start, records, stops, tolerance):
    recorded, fine, _ = _adapt(system, start, records, stops, tolerance)
    return recorded, fine


@_run.def_jvp
def _run_jvp(primals, tangents):
    system, start, records, stops, tolerance = primals
    recorded, fine, lengths = _adapt(system, start, records, stops, tolerance)
    replay = lambda system, start: _replay(system, start, records, lengths)  # noqa: E731
    _, change = eqx.filter_jvp(replay, (system, start), tangents[:2])
    return (recorded, fine), (change, None)


def _adapt(system: Coupled, start: State, records, stops, tolerance):
    """Records, whether all is bounded, and the lengths of the blocks; unused blocks have length 0."""
    ends = jnp.concatenate([records, stops])
    last, most = records[-1], BLOCKS + len(ends)
    begin = system.record(start)

    def going(carry):
        t, _, _, count, tries, grown, _ = carry
        return (t < last) & (count < most) & (tries < 2 * most) & ~grown

    def attempt(carry):
        t, wish, state, count, tries, _, (lengths, seen) = carry
        length = _fit(wish, jnp.min(jnp.where(ends > t, ends, last)) - t)
        short = length <= SHORTEST
        new, ratio = jax.lax.cond(
            short,
            lambda: (steps(system, state, t, length), jnp.zeros(())),
            lambda: checked_block(system, state, t, jnp.maximum(length, SHORTEST), tolerance),
        )
        good = short | (ratio <= 1)
        state = jnp.where(good, new, state)
        value = system.record(state)
        slot = jnp.where(good, count, most)  # out of bounds: dropped
        shown = jnp.where(system.clear(state), value, jnp.nan)
        kept = lengths.at[slot].set(length, mode="drop"), seen.at[slot].set(shown, mode="drop")
        wish = _next_wish(wish, length, ratio, short)
        grown = ~(jnp.abs(value) < GROWN * jnp.abs(begin).max()).all()
        return t + jnp.where(good, length, 0.0), wish, state, count + good, tries + 1, grown, kept

    blank = jnp.zeros(most), jnp.zeros((most, len(begin)))
    first = (jnp.zeros(()), jnp.asarray(2.0 * SHORTEST), start, 0, 0, jnp.asarray(False), blank)
    t, _, _, _, _, grown, (lengths, seen) = jax.lax.while_loop(going, attempt, first)
    beyond = jnp.where(grown, jnp.inf, jnp.nan)
    recorded = jnp.where(records[:, None] <= t, _at(records, lengths, seen, begin), beyond)
    return recorded, (t >= last) | grown, lengths


def _fit(wish, room):
    """A length of at most ``room``, whole, that leaves no rest too short for a block, where that can be."""
    length = jnp.minimum(jnp.floor(wish), room)
    rest = room - length
    halved = jnp.floor(room / 2)
    length = jnp.where((length > SHORTEST) & (rest > 0) & (rest < SHORTEST), halved, length)
    return jnp.where(length <= SHORTEST, jnp.minimum(SHORTEST, room), length)


def _next_wish(wish, length, ratio, short):
    """The next length: as for a method of order 2 STAGES - 2, never shortened by a stop."""
    factor = jnp.clip(0.8 * jnp.maximum(ratio, 1e-30) ** (-1 / (2 * STAGES - 2)), 0.2, 4.0)
    factor = jnp.where(jnp.isfinite(ratio), factor, 0.2)
    block = jnp.where(ratio <= 1, jnp.maximum(length * factor, jnp.where(length < wish, wish, 0.0)), length * factor)
    return jnp.where(short, jnp.maximum(wish, 2.0 * SHORTEST), block)


def _at(records, lengths, seen, begin):
    """What was recorded where a block ended at a record; ``begin`` before the first step."""
    after = jnp.cumsum(lengths)
    index = jnp.searchsorted(after, records)
    return jnp.where(records[:, None] == 0, begin, seen[jnp.minimum(index, len(seen) - 1)])


def _replay(system: Coupled, start: State, records, lengths):
    """The records again, by the blocks found: what derivatives are taken of."""

    def one(carry, length):
        t, state = carry
        move = lambda: jax.lax.cond(  # noqa: E731
            length <= SHORTEST,
            lambda: steps(system, state, t, length),
            lambda: block(system, state, t, jnp.maximum(length, SHORTEST))[0],
        )
        state = jax.lax.cond(length > 0, move, lambda: state)
        return (t + length, state), system.record(state)

    seen = jax.lax.scan(jax.checkpoint(one), (jnp.zeros(()), start), lengths)[1]
    return _at(records, lengths, seen, system.record(start))
