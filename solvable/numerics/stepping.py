"""Contours that turn functions of a penalty into functions of the step.

A residual that shrinks by 1 - g s at every step (gradient descent with learning rate g) or by e^{-g s} (its flow) along
an eigenvector of eigenvalue s has, with the ridge residual f(rho) = rho / (rho + s),

    (1 - g s)^t = (1 / 2 pi i) integral z^t f((z - 1) / g) dz / (z - 1),
    e^{-g s t}  = (1 / 2 pi i) integral e^{x t} f(x / g) dx / x,

around the spectrum. Every rule below gives nodes and, at each time, coefficients with f(t) = Im sum_k c_k f(rho_k) for
a function that is real on the real axis; in two variables the same coefficients serve on both sides (`at_two_times`).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from solvable.numerics.inversion import WINDOW, nodes_and_weights

CIRCLE = 384  # nodes for the steps before FIRST
MARGIN = 0.05  # log radius of the circle beyond the spectrum: aliasing e^-38, rounding times e^(0.05 * 126)
FADED = 40.0  # a part of the spectrum that has shrunk to e^-40 by the end of a window is kept at that size


class Rule(NamedTuple):
    """Penalties of one sign of Im s, the real penalty that their path starts from, and coefficients at some times."""

    start: Float[Array, ""]
    rho: Complex[Array, " nodes"]
    coefficient: Complex[Array, "times nodes"]
    growth: Complex[Array, " nodes"]  # z, the factor of one step; 1 in continuous time
    change: Complex[Array, " nodes"]  # z - 1; g rho in continuous time


def circle(rate: Float[Array, ""], left, right, times: Float[Array, " times"]) -> Rule:
    """Gradient descent at the first steps: a circle in z that meets the real axis at ``left`` and ``right`` > 1."""
    center, radius = (right + left) / 2, (right - left) / 2
    away = radius * jnp.exp(1j * jnp.pi * (jnp.arange(CIRCLE) + 0.5) / CIRCLE)
    z = center + away
    powers = jnp.exp(times[:, None] * jnp.log(z))
    return Rule((right - 1) / rate, (z - 1) / rate, 1j * powers * away / ((z - 1) * CIRCLE), z, z - 1)


def _hyperbola(last: Float[Array, ""], shift: Float[Array, ""]):
    s, weight = nodes_and_weights(WINDOW, last, shift)
    vertex = shift + WINDOW.mu * (1 - jnp.sin(WINDOW.phi)) / last
    return vertex, s, weight


def shrinking(rate: Float[Array, ""], last: Float[Array, ""], times: Float[Array, " times"]) -> Rule:
    """Gradient descent in the window [last / 4, last], eigenvalues with 0 <= g s < 1: z = e^s near 1."""
    vertex, s, weight = _hyperbola(last, jnp.zeros_like(last))
    gap = jnp.expm1(s)
    coefficient = weight * jnp.exp(s * (times[:, None] + 1)) / gap
    return Rule(jnp.expm1(vertex) / rate, gap / rate, coefficient, jnp.exp(s), gap)


def beyond(ratio: Float[Array, ""], last: Float[Array, ""]) -> Float[Array, ""]:
    """The shift of `alternating` around eigenvalues up to one with g s - 1 = ``ratio``, the largest."""
    return jnp.log(jnp.maximum(ratio, jnp.exp(-FADED / last)))


def through(ratio: Float[Array, ""], last: Float[Array, ""]) -> Float[Array, ""]:
    """The shift of `alternating` whose contour starts at the eigenvalue with g s - 1 = ``ratio`` > 0."""
    return jnp.log(ratio) - WINDOW.mu * (1 - jnp.sin(WINDOW.phi)) / last


def alternating(rate: Float[Array, ""], shift, last: Float[Array, ""], times: Float[Array, " times"]) -> Rule:
    """Gradient descent in the same window, eigenvalues with g s > 1: z = -e^s, singular where s < ``shift``."""
    vertex, s, weight = _hyperbola(last, shift)
    size = jnp.exp(s)
    coefficient = weight * alternating_power(size, times) * size / (1 + size)
    return Rule(-(1 + jnp.exp(vertex)) / rate, -(1 + size) / rate, coefficient, -size, -(1 + size))


def alternating_power(size: Complex[Array, " nodes"], times: Float[Array, " times"]) -> Complex[Array, "times nodes"]:
    """(-size)^t at integers t."""
    return (1 - 2 * jnp.mod(times, 2))[:, None] * jnp.exp(times[:, None] * jnp.log(size))


def flowing(rate: Float[Array, ""], last: Float[Array, ""], times: Float[Array, " times"]) -> Rule:
    """Gradient flow in the window [last / 4, last]."""
    vertex, s, weight = _hyperbola(last, jnp.zeros_like(last))
    return Rule(vertex / rate, s / rate, weight * jnp.exp(s * times[:, None]) / s, jnp.ones_like(s), s)


def at_two_times(direct, crossed, left, right):
    """f(t, t') from f(rho_i, rho_j), f(rho_i, conj rho_j) and the coefficients at t and t'.

    Shapes (..., i, j), (..., i, j), (..., times, i), (..., times', j) -> (..., times, times').
    """
    across = left @ crossed @ jnp.swapaxes(right.conj(), -1, -2)
    return (across - left @ direct @ jnp.swapaxes(right, -1, -2)).real / 2
