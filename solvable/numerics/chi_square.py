"""Exact chi-square numbers by counter, vectorised over steps.

Marsaglia and Tsang 2000 ("A simple method for generating gamma variables"): with a = k/2, d = a - 1/3, c =
1/sqrt(9 d), x normal, y = c x, u uniform, the number 2 d (1 + y)^3 is chi-square with k degrees of freedom if

    log u < 3 d (log(1 + y) - y + y^2/2 - y^3/3).

The bracket starts at -y^4/4. Written that way the test keeps its precision in float32 at any k, where the
usual form loses it to cancellation.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, UInt32

from solvable.numerics.normals import normal_pairs, uniforms

_MOST_ATTEMPTS = 1 << 20  # attempts have counters below twice this; one fails once in twenty times
_SERIES = 14  # terms of the bracket for |y| < 1/4: the first one left out is below 1e-9 of the first one kept


@partial(jax.jit, static_argnames=("k", "dtype"))
def chi_square(words: UInt32[Array, "2"], steps: Int[Array, " steps"], k: int, dtype) -> Float[Array, " steps"]:
    """One chi-square number with ``k >= 0`` degrees of freedom a step; 0 when k is 0.

    The number of a step depends on (words, step, k) only: attempt n uses its own counters, never a running
    state.
    """
    if k == 0:
        return jnp.zeros(len(steps), dtype)
    if k == 1:
        return normal_pairs(words, steps, 1, dtype)[:, 0].real ** 2
    return _accepted(words, steps, jnp.asarray(k, dtype), dtype)


@partial(jax.jit, static_argnames="dtype")
def chi_square_of(
    words: UInt32[Array, "2"], steps: Int[Array, " steps"], degrees: Float[Array, " steps"], dtype
) -> Float[Array, " steps"]:
    """One chi-square number a step, with ``degrees[i] >= 0`` degrees of freedom, any real number; 0 where they are 0.

    Below 2 degrees the attempts would not be accepted with the right law: chi^2_k = U^(2/k) chi^2_{k+2}, U uniform.
    """
    degrees = jnp.asarray(degrees, dtype)
    few, some = degrees < 2, degrees > 0
    whole = _accepted(words, steps, jnp.where(few, degrees + 2, degrees), dtype)
    u = uniforms(words, steps, 2 * _MOST_ATTEMPTS, dtype)
    part = jnp.exp(2 / jnp.where(some, degrees, 1) * jnp.log(u))
    return jnp.where(some, jnp.where(few, part, 1) * whole, 0)


def _accepted(words, steps, degrees, dtype):
    """The attempt that is accepted first, at ``degrees`` >= 1."""
    d = degrees / 2 - jnp.asarray(1 / 3, dtype)
    c = 1 / jnp.sqrt(9 * d)

    def attempt(carry):
        number, accepted, n = carry
        x = normal_pairs(words, steps, 1, dtype, first=2 * n)[:, 0].real
        u = uniforms(words, steps, 2 * n + 1, dtype)
        y = c * x
        inside = y > -1
        y = jnp.where(inside, y, 0)
        new = inside & (jnp.log(u) < 3 * d * _log_remainder(y)) & ~accepted
        return jnp.where(new, 2 * d * (1 + y) ** 3, number), accepted | new, n + 1

    start = (jnp.zeros(len(steps), dtype), jnp.zeros(len(steps), bool), jnp.int32(0))
    return jax.lax.while_loop(lambda carry: ~carry[1].all(), attempt, start)[0]


def _log_remainder(y: Float[Array, " steps"]) -> Float[Array, " steps"]:
    """log(1 + y) - y + y^2/2 - y^3/3, without cancellation near 0."""
    series = jnp.zeros_like(y)
    for n in range(3 + _SERIES, 3, -1):
        series = series * y + (1 if n % 2 else -1) / n
    direct = jnp.log1p(y) - y * (1 - y * (0.5 - y / 3))
    return jnp.where(jnp.abs(y) < 0.25, series * y**4, direct)
