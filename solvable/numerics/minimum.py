"""The minimum of a function of one variable."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

GOLDEN = (5**0.5 - 1) / 2


def golden_sections(
    function: Callable[[Float[Array, ""]], Float[Array, ""]], low: Float[Array, ""], high: Float[Array, ""], count: int
) -> Float[Array, ""]:
    """Where ``function`` is least between ``low`` and ``high``, to 0.62^count of their distance.

    It needs no derivative; a value that is NaN counts as infinite. Of a function with several minima it finds one.
    """

    def value(x):
        y = function(x)
        return jnp.where(jnp.isnan(y), jnp.inf, y)

    def section(_, carry):
        low, high, left, right, at_left, at_right = carry
        lower = at_left < at_right
        low, high = jnp.where(lower, low, left), jnp.where(lower, right, high)
        new = jnp.where(lower, high - GOLDEN * (high - low), low + GOLDEN * (high - low))
        at_new = value(new)
        left, right = jnp.where(lower, new, right), jnp.where(lower, left, new)
        at_left, at_right = jnp.where(lower, at_new, at_right), jnp.where(lower, at_left, at_new)
        return low, high, left, right, at_left, at_right

    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    start = (low, high, left, right, value(left), value(right))
    *_, left, right, at_left, at_right = jax.lax.fori_loop(0, count, section, start)
    return jnp.where(at_left < at_right, left, right)
