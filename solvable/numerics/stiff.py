"""Stiff differential equations y' = f(y): the linearly implicit Euler step, extrapolated.

One Euler step of size h is y + (1 - h J)^-1 h f(y), with the Jacobian J of the beginning. Its error is a series in h,
so that the same interval in 1, 2, ..., ORDER steps gives an order of ORDER by Aitken's and Neville's table. It damps
fast modes at any step size (Deuflhard, Hairer, Zugck 1987; Hairer and Wanner, Solving ODEs II, section IV.9).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

ORDER = 6
MOST = 100_000  # attempted steps

Inverse = Callable[[Any, Any], Any]


def integrate(
    field: Callable[[Any], Any],
    inverse: Callable[[Any], Inverse],
    start: Inexact[Array, " *state"],
    times: Float[Array, " times"],
    tolerance: float,
) -> Inexact[Array, " times *state"]:
    """The state at ``times``, increasing and >= 0; NaN from where the steps became too many.

    Args:
        field: f.
        inverse: y -> (h, v) -> (1 - h J(y))^-1 v.
        start: y at time 0, with entries of order 1.
        tolerance: largest error of an entry in one step.
    """
    largest = lambda y: jnp.abs(y).max()  # noqa: E731

    def attempt(carry):
        count, time, proposed, y, record, out = carry
        left = times[record] - time
        h = jnp.minimum(proposed, left)
        new, error = _extrapolated(field, inverse(y), y, h)
        error = jnp.where(jnp.isfinite(largest(error)), largest(error), jnp.inf)
        good = error <= tolerance
        factor = jnp.clip(0.8 * (tolerance / jnp.maximum(error, 1e-300)) ** (1 / ORDER), 0.1, 5.0)
        grown = jnp.where(good & (h < proposed), jnp.maximum(proposed, h * factor), h * factor)
        due = good & (h >= left)
        y = jnp.where(good, new, y)
        time = jnp.where(due, times[record], jnp.where(good, time + h, time))
        out = out.at[record].set(jnp.where(due, y, out[record]))
        return count + 1, time, grown, y, record + due, out

    blank = jnp.full((len(times), *start.shape), jnp.nan, start.dtype)
    first = 1e-3 / jnp.maximum(largest(field(start)), 1e-300)
    carry = (0, jnp.zeros((), times.dtype), first, start, 0, blank)
    return jax.lax.while_loop(lambda c: (c[4] < len(times)) & (c[0] < MOST), attempt, carry)[-1]


def _extrapolated(field, solve: Inverse, y, h):
    """(y after h, an estimate of its error)."""
    counts = jnp.arange(1, ORDER + 1)

    def steps(count):
        step = h / count
        return jax.lax.fori_loop(0, count, lambda _, z: z + solve(step, step * field(z)), y)

    table = older = jax.lax.map(steps, counts)
    for k in range(1, ORDER):
        ratio = (counts[k:] / counts[:-k] - 1).reshape(-1, *[1] * y.ndim)
        table, older = table[1:] + jnp.diff(table, axis=0) / ratio, table
    return table[0], table[0] - older[-1]
