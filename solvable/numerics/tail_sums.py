"""Sums over one stretch of a power law, start < j <= stop, from an index on where it is smooth.

    sum_{start < j <= stop} f(j) = integral_start^stop f(j) dj - sum_k g_k f(start - k) + sum_k g_k f(stop - k)

with Gregory's weights g of `power_sums`, the last term absent where ``stop`` is infinite. The indices are counted in a
``unit``, x = j / unit, so that no power of a large index overflows.
"""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from solvable.numerics.complex_numbers import reciprocal
from solvable.numerics.power_sums import ENDS, gregory_weights, log_size, power_integral, tail_integral


def _ends(start: int, stop: float, unit: int) -> tuple[np.ndarray, np.ndarray]:
    """Points x of the end corrections and their weights."""
    k, weights = np.arange(ENDS), gregory_weights()
    if math.isinf(stop):
        return (start - k) / unit, -weights
    return np.concatenate([start - k, stop - k]) / unit, np.concatenate([-weights, weights])


def stretch_sum_and_slope(
    p: Float[Array, "..."], w: Complex[Array, "..."], alpha: Float[Array, ""], start: int, stop: float, unit: int
) -> tuple[Complex[Array, "..."], Complex[Array, "..."]]:
    """S(w) = sum_{start < j <= stop} x^-p / (1 + w x^{2 alpha}), and w dS/dw; accurate as `power_sums` from HEAD on.

    p is a number, or an array to be broadcast against w. An infinite ``stop`` needs p + 2 alpha > 1.
    """
    points, weight = _ends(start, stop, unit)
    first, last = start / unit, stop / unit
    size = w[..., None] * points ** (2 * alpha)
    share = reciprocal(1 + size)
    summand = points ** -p[..., None] * share
    integral = tail_integral(p, w, alpha, jnp.asarray(first), jnp.asarray(last))
    end = 0.0 if math.isinf(stop) else last * summand[..., ENDS]
    stretched = (end - first * summand[..., 0] - (1 - p) * integral) / (2 * alpha)
    total = (summand * weight).sum(-1) + unit * integral
    return total, unit * stretched - (summand * size * share * weight).sum(-1)


def stretch_power(p: Any, start: int, stop: float, unit: int) -> Float[Array, ""]:
    """sum_{start < j <= stop} x^-p, p > 1 where ``stop`` is infinite."""
    points, weight = _ends(start, stop, unit)
    ends = jnp.log(jnp.asarray(start / unit)), log_size(jnp.asarray(stop / unit))
    return points**-p @ weight + unit * power_integral(1 - p, *ends)
