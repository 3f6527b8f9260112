"""Sums over power-law modes, sum_{j<=v} j^-p / (1 + w j^{2 alpha}), for any real v up to infinity and any complex w.

Every quantity of the power-law random-feature model is such a sum: the trace of the feature covariance, the
effective ridge, the resolvent, the target's weight at each eigenvalue, the floor. The first ``HEAD`` terms are added
one by one; the rest is the integral with Gregory's end corrections, so the cost does not depend on v.

A sum up to a real v means its analytic continuation, the smooth function with S(v) = S(v - 1) + f(v):

    sum_{j <= v} f(j) = sum_{j >= 1} (f(j) - f(j + v))        wherever that converges.

It is the plain sum at integers and has all derivatives in v. `mode_sums` continues its sums alike.
"""

from fractions import Fraction
from functools import cache
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact

from solvable.numerics.complex_numbers import reciprocal, turn

HEAD = 128  # explicit terms: beyond them the summand is smooth on the scale of one index
ENDS = 10  # points of the end correction
SPLIT = 3.0  # |log(w x^{2 alpha})| beyond which the geometric series of 1/(1 + w x^{2 alpha}) is used
SERIES = 14  # its terms: exp(-3 * 14) < 1e-18
NODES = 24  # Gauss-Legendre nodes on each piece of the path between the two series; even


@cache
def gregory_weights(order: int = ENDS) -> np.ndarray:
    """Weights g with sum_{k>=0} f(k) = integral_0^inf f + sum_k g_k f(k), exact for polynomials of degree < order.

    The moments are the zeta-regularised sums: sum_k g_k k^n = zeta(-n), and 1 + zeta(0) = 1/2 for n = 0.
    Solved in rationals, because the Vandermonde matrix is ill-conditioned.
    """
    bernoulli = _bernoulli(order)
    moments = [Fraction(1, 2)] + [-bernoulli[n + 1] / (n + 1) for n in range(1, order)]
    rows = [[Fraction(k) ** n for k in range(order)] + [moments[n]] for n in range(order)]
    for i in range(order):
        pivot = next(r for r in range(i, order) if rows[r][i] != 0)
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for r in range(order):
            if r != i:
                rows[r] = [x - rows[r][i] * y for x, y in zip(rows[r], rows[i], strict=True)]
    return np.array([float(row[-1]) for row in rows])


def _bernoulli(count: int) -> list[Fraction]:
    numbers = [Fraction(1)]
    for m in range(1, count + 1):
        binomial, total = 1, Fraction(0)
        for k in range(m):
            total += binomial * numbers[k]
            binomial = binomial * (m + 1 - k) // (k + 1)
        numbers.append(-total / (m + 1))
    return numbers


def power_integral(a: Float[Array, "..."], start: Float[Array, "..."], stop: Float[Array, "..."]):
    """integral_start^stop e^{a y} dy, stable as a -> 0 and anchored at the larger end so that nothing overflows."""
    span = stop - start
    small = jnp.abs(a) * span < 1e-6
    size = jnp.where(small, 1.0, jnp.abs(a))
    x = jnp.where(small, 0.0, size * span)
    t = jnp.where(small, a * span, 0.0)
    ratio = jnp.where(small, span * (1 + t / 2 + t * t / 6), -jnp.expm1(-x) / size)
    return jnp.exp(a * jnp.where(small | (a < 0), start, stop)) * ratio


def log_size(v: Float[Array, ""] | float):
    """log v, with infinity as a number so large that e^-(log v) is 0 and so are its derivatives."""
    return jnp.minimum(jnp.log(v), 1e8)


def _detour(b, left, right, angle):
    """integral of e^{b y} / (1 + e^y) from left + i angle down to the real axis, along it, and up to right + i angle.

    Both legs use the same phases, and Gauss-Legendre nodes come in pairs t, 1 - t: one sine and cosine serves four.
    """
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    t, weight = jnp.asarray((nodes + 1) / 2), jnp.asarray(weights / 2)
    b, angle, width = b[..., None], angle[..., None], (right - left)[..., None]
    x = left[..., None] + width * t
    along = (width * weight * jnp.exp(b * x) / (1 + jnp.exp(x))).sum(-1)
    half = t[: NODES // 2]
    phase, power = turn(half * angle), turn(b * half * angle)
    whole, whole_power = turn(angle), turn(b * angle)
    end = jnp.stack([left, right])[..., None]
    size = jnp.exp(end)
    pair = power * reciprocal(1 + size * phase) + whole_power * power.conj() * reciprocal(
        1 + size * whole * phase.conj()
    )
    down, up = (1j * angle * jnp.exp(b * end) * weight[: NODES // 2] * pair).sum(-1)
    return along + up - down


def _fermi_integral(b, start, stop, angle):
    """integral of e^{b y} / (1 + e^y) dy from start + i angle to stop + i angle, |angle| <= pi, start and stop real.

    Series in e^y on the left, in e^-y on the right; between them a detour over the real axis, which
    keeps away from the poles at +-i pi however close ``angle`` is to pi. All arguments have one shape.
    """
    left, right = jnp.clip(start, -SPLIT, SPLIT), jnp.clip(stop, -SPLIT, SPLIT)
    low_stop, high_start = jnp.minimum(stop, -SPLIT), jnp.maximum(start, SPLIT)
    # Written out, because at a tie the derivative of a minimum is shared between both sides.
    low_start = jnp.where(start <= low_stop, start, low_stop)
    high_stop = jnp.where(stop >= high_start, stop, high_start)
    n = np.arange(SERIES)
    # The first row is the series on the left, sum (-1)^n e^{(b + n) y}, the second sum (-1)^n e^{(b - 1 - n) y}.
    rates = jnp.stack([b[..., None] + n, b[..., None] - 1 - n])
    starts, stops = jnp.stack([low_start, high_start]), jnp.stack([low_stop, high_stop])
    size = power_integral(rates, starts[..., None], stops[..., None])
    phases = turn(angle[..., None] * n) * (-1.0) ** n
    low, high = (jnp.stack([phases, phases.conj()]) * size).sum(-1)
    low, high = turn(b * angle) * low, turn((b - 1) * angle) * high
    # Where nothing lies between, the legs cancel, but only to the rounding of terms that may dwarf the rest.
    between = (stop > -SPLIT) & (start < SPLIT)
    return low + high + jnp.where(between, _detour(b, left, right, angle), 0)


def tail_integral(p, w, alpha, start, stop):
    """integral_start^stop x^-p / (1 + w x^{2 alpha}) dx by y = log(w x^{2 alpha})."""
    b = (1 - p) / (2 * alpha)
    log_w, angle = jnp.log(jnp.abs(w)), jnp.angle(w)
    y0, y1 = log_w + 2 * alpha * jnp.log(start), log_w + 2 * alpha * log_size(stop)
    prefactor = jnp.exp(-b * log_w) * turn(-b * angle) / (2 * alpha)
    return prefactor * _fermi_integral(*jnp.broadcast_arrays(b, y0, y1, angle))


class _Parts(NamedTuple):
    """sum_{j <= v} f(j) = sum_i weight_i f(points_i) + integral_start^stop f(x) dx."""

    points: Float[Array, " points"]
    weight: Float[Array, " points"]
    start: Float[Array, ""]
    stop: Float[Array, ""]


def _parts(v: Float[Array, ""] | float) -> _Parts:
    """Where f is needed for its sum up to v.

    With v = n + shift, n an integer, and any N >= n,

        sum_{j <= v} f(j) = sum_{j <= N} f(j) - sum_{n < j <= N} f(j + shift) + sum_{N < j <= N + shift} f(j),

    and beyond N the summand is smooth, so that Gregory's formula gives the last sum at a real end: the integral and
    the difference of two end corrections, 0 where shift is. Beyond ``HEAD`` modes, n = N = HEAD; below, N is HEAD / 2
    + n // 2, which takes no more evaluations.
    """
    v = jnp.asarray(v, float)
    n = jnp.floor(jnp.minimum(v, HEAD))
    shift = jnp.where(v < HEAD, v - n, 0.0)
    start = HEAD // 2 + jnp.floor(n / 2)
    stop = jnp.where(v < HEAD, start + shift, v)
    slot = jnp.arange(1.0, HEAD + 1)
    shifted = slot > start  # of a short sum: n + 1 + shift, ..., N + shift, as far as there are any
    head = jnp.where(shifted, n + shift + slot - start, slot)
    sign = jnp.where(shifted, jnp.where(slot <= 2 * start - n, -1.0, 0.0), 1.0)
    weights, k = jnp.asarray(gregory_weights()), jnp.arange(ENDS)
    last, ends = jnp.where(jnp.isinf(v), start, stop), jnp.where(jnp.isinf(v), 0, weights)
    return _Parts(
        jnp.concatenate([head, start - k, last - k]), jnp.concatenate([sign, -weights, ends]), start, stop
    )


def power_sum(
    p: Float[Array, "..."], w: Inexact[Array, "..."], alpha: Float[Array, ""], v: Float[Array, ""]
) -> Complex[Array, "..."]:
    """sum_{j=1}^{v} j^{-p} / (1 + w j^{2 alpha}), any shape of w != 0 off the poles w = -j^{-2 alpha}.

    p is a number, or an array to be broadcast against w. ``v`` >= 1 is real (see the module) and may be infinite when
    ``p + 2 alpha > 1``. Relative accuracy about 1e-12 for ``|arg w| < pi - 0.3``, and on the negative axis left of -1.
    At a real v < ``HEAD`` it is 1e-12 up to |arg w| = 2 only: nearer to the negative axis the continuation has poles
    beyond v, and 1e-9 is left at 2.5. Real w > 0 gives a complex array with zero imaginary part: take ``.real``.
    """
    return power_sum_and_slope(p, w, alpha, v)[0]


def power_sum_and_slope(
    p: Float[Array, "..."], w: Inexact[Array, "..."], alpha: Float[Array, ""], v: Float[Array, ""]
) -> tuple[Complex[Array, "..."], Complex[Array, "..."]]:
    """S(w), the `power_sum`, and w dS/dw; the slope to the absolute accuracy of S.

    The integral T(w) of x^-p f(w x^{2 alpha}) from a to b needs no second one: w dT/dw is its change under a stretch of
    x, ((b^{1-p} f(w b^{2 alpha}) - a^{1-p} f(w a^{2 alpha})) - (1 - p) T) / (2 alpha).
    """
    p, w = jnp.asarray(p, float), jnp.asarray(w, dtype=complex)
    points, weight, start, stop = _parts(v)
    size = w[..., None] * points ** (2 * alpha)
    share = reciprocal(1 + size)
    summand = points ** -p[..., None] * share
    integral = tail_integral(p, w, alpha, start, stop)
    first, last = start * summand[..., HEAD], jnp.where(jnp.isinf(v), 0.0, points[-ENDS]) * summand[..., -ENDS]
    stretched = (last - first - (1 - p) * integral) / (2 * alpha)
    return (summand * weight).sum(-1) + integral, stretched - (summand * size * share * weight).sum(-1)


def harmonic_sum(p: Float[Array, ""], v: Float[Array, ""] | float) -> Float[Array, ""]:
    """sum_{j=1}^{v} j^{-p}, v >= 1 real (see the module), infinite when p > 1."""
    points, weight, start, stop = _parts(v)
    return points**-p @ weight + power_integral(1 - p, jnp.log(start), log_size(stop))
