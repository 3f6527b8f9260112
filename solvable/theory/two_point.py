"""Correlations of ridge residuals at two penalties, from which those of training at two times follow.

In the frequency domain the mean-field equations of gradient descent (Bordelon, Atanasov, Pehlevan 2024, arXiv
2402.01092) are those of ridge regression at a complex penalty rho, and their correlations at two penalties a linear
system of two unknowns. With kappa, kappa' the effective ridges, df = sum lambda / (lambda + kappa),
S = sum lambda / ((lambda + kappa)(lambda + kappa')), q = sum lambda^2 / (...) = df - kappa' S,
p_1 = kappa kappa' sum lambda w^2 / (...), p_2 = kappa kappa' sum lambda^2 w^2 / (...):

    C0 (1 - d q/P) - f X S/N = p_1 + d sigma^2,          C0: population error, noise included
    X (1 - f q/N) - d C0 kappa kappa' S/P = p_2,         X = C2 / (R1 R1')
    C1 = R1 R1' C0,   C2 = R1 R1' X,   C3 = R3 R3' C2,   R1 = 1 - df/P,   R3 = 1 - df/N.

f = 1 if the two systems share their features, d = 1 if they share their data, else 0. For f = d = 1 the determinant is
(rho - rho') / (kappa - kappa'). S and the sum in p_1 are divided differences of one-point sums h, taken about an anchor
kappa_a close to both, which keeps their digits: with e = kappa - kappa_a,

    (h - h') / (kappa' - kappa) = (e h_a - e' h_a') / (e - e'), h_a = sum weight / ((lambda + kappa_a)(lambda + kappa)).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Complex, Float, Inexact

from solvable.numerics.complex_numbers import reciprocal
from solvable.numerics.effective_ridge import Modes, Point


class OnePoint(NamedTuple):
    """All that a pair needs of each of its two penalties; any shape, all fields alike."""

    at: Point
    offset: Inexact[Array, "..."]  # e = kappa - kappa_a
    df: Inexact[Array, "..."]
    pull: Inexact[Array, "..."]  # sum lambda w^2 / (lambda + kappa)
    df_anchored: Inexact[Array, "..."]
    pull_anchored: Inexact[Array, "..."]
    df_steep: Inexact[Array, "..."]  # the sums of 1 / (lambda + kappa)^2, where a pair is one point twice
    pull_steep: Inexact[Array, "..."]


class Pair(NamedTuple):
    """C0 and X for pairs of penalties, with the factors that turn them into C1, C2, C3."""

    c0: Complex[Array, "left right"]
    x: Complex[Array, "left right"]
    of_samples: Complex[Array, "left right"]  # R1 R1'
    of_width: Complex[Array, "left right"]  # R3 R3'


def one_point(modes: Modes, power: Float[Array, " modes"], at: Point, anchor: Float[Array, ""]) -> OnePoint:
    """One-point sums at given penalties; ``anchor`` is kappa_a - kappa_0 > 0, a constant."""
    anchor = jax.lax.stop_gradient(anchor)
    near = 1 / (modes.eigvals + modes.origin + anchor)
    mass = modes.mass * modes.eigvals
    pole = reciprocal(modes.eigvals + at.kappa[..., None])
    sums = pole @ jnp.stack([mass, power, mass * near, power * near], -1)
    steep = pole**2 @ jnp.stack([mass, power], -1)
    return OnePoint(at, at.delta - anchor, *jnp.moveaxis(sums, -1, 0), *jnp.moveaxis(steep, -1, 0))


def pair(
    modes: Modes,
    noise: Float[Array, ""],
    a: OnePoint,
    b: OnePoint,
    features: ArrayLike,
    data: ArrayLike,
) -> Pair:
    """Every pair of a penalty of ``a`` (rows) and of ``b`` (columns), about one anchor.

    ``features`` and ``data`` are f and d, whether the two systems share them, 0 or 1.
    """
    left = jax.tree.map(lambda x: x[:, None], a)
    right = jax.tree.map(lambda x: x[None, :], b)
    once = left.offset == right.offset
    gap = jnp.where(once, 1.0, left.offset - right.offset)

    def difference(name, limit):
        ends = left.offset * getattr(left, name) - right.offset * getattr(right, name)
        return jnp.where(once, limit, ends / gap)

    ratio = difference("df_anchored", left.df_steep)
    overlap = difference("pull_anchored", left.pull_steep)
    kappa, other = left.at.kappa, right.at.kappa
    q = left.df - other * ratio
    target = kappa * other * overlap + data * noise**2
    moved = kappa * other * (left.pull - other * overlap)
    free_width, free_samples = 1 - features * q / modes.width, 1 - data * q / modes.samples
    one_system = jnp.where(once, left.at.slope, (left.at.rho - right.at.rho) / gap)
    determinant = jnp.where(features * data == 1, one_system, free_width * free_samples)
    c0 = (target * free_width + features * moved * ratio / modes.width) / determinant
    x = (moved * free_samples + data * kappa * other * ratio / modes.samples * target) / determinant
    return Pair(c0, x, left.at.of_samples * right.at.of_samples, left.at.of_width * right.at.of_width)


def conjugate(points: OnePoint) -> OnePoint:
    """The same at the conjugate penalties."""
    return jax.tree.map(jnp.conj, points)


def pairs(
    modes: Modes, noise, a: OnePoint, b: OnePoint, features: ArrayLike, data: ArrayLike
) -> tuple[Pair, Pair]:
    """Pairs of ``a`` with ``b`` and of ``a`` with the conjugates of ``b``: the two halves of `at_two_times`."""
    return pair(modes, noise, a, b, features, data), pair(modes, noise, a, conjugate(b), features, data)


def same_time(direct, crossed, coefficient):
    """The diagonal of `at_two_times`: shapes (i, j), (i, j), (times, i) -> (times,)."""
    across = ((coefficient @ crossed) * coefficient.conj()).sum(-1)
    return (across - ((coefficient @ direct) * coefficient).sum(-1)).real / 2

