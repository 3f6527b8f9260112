"""The root of one increasing function of one variable: bisection to find it, Newton's method to give it derivatives.

The bisection is a loop written out: by optimistix's, which does the same, programs take 12 to 23% longer to compile.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Function = Callable[[Float[Array, "..."]], Float[Array, "..."]]


def bisect(
    increasing: Function, low: Float[Array, "..."] | float, high: Float[Array, "..."] | float, iterations: int
) -> Float[Array, "..."]:
    """The root in [low, high] of an increasing function, to (high - low) / 2^(iterations + 1); elementwise.

    Only the sign of the function is used, and its ends are never evaluated. Where there is no root the result is the
    end next to it: ``high`` if the function is negative throughout, ``low`` if it is positive. It is a constant to
    differentiation; `newton` gives it derivatives.
    """
    least, most = (jax.lax.stop_gradient(jnp.asarray(x, float)) for x in (low, high))
    bracket = jnp.broadcast_arrays(least, jnp.maximum(least, most))

    def halve(_, bracket):
        low, high = bracket
        middle = low + (high - low) / 2
        below = jax.lax.stop_gradient(increasing(middle)) < 0
        return [jnp.where(below, middle, low), jnp.where(below, high, middle)]

    least, most = jax.lax.fori_loop(0, iterations, halve, bracket)
    return least + (most - least) / 2


def bisect_log(
    increasing: Function, low: Float[Array, ""] | float, high: Float[Array, ""] | float, iterations: int
) -> Float[Array, ""]:
    """`bisect` in the logarithm of a variable > 0."""
    low, high = (jnp.log(jnp.maximum(x, 1e-300)) for x in (low, high))
    return jnp.exp(bisect(lambda x: increasing(jnp.exp(x)), low, high, iterations))


def newton(function: Function, start: Float[Array, ""], iterations: int, longest: float) -> Float[Array, ""]:
    """Newton's method from ``start``, no step longer than ``longest``.

    Each iteration squares the error, and gives the root one more order of derivatives in all that ``function`` closes
    over.
    """

    def improve(_, x):
        value, slope = jax.jvp(function, (x,), (jnp.ones_like(x),))
        return x - jnp.clip(value / slope, -longest, longest)

    return jax.lax.fori_loop(0, iterations, improve, start)
