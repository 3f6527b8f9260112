"""The largest eigenvalue of the typical draw, where it stands alone, beside the rest of the spectrum.

The deterministic equivalent smears an isolated eigenvalue into a band of half-width 2 / sqrt(width); in the typical
draw it is one number. With S_1(w) = S(w) - 1/(1 + w), the modes without the largest, D_1 = 1, it lies at

    z_1(-max(1, t)),        z_1(w) = -w (1 - S_1(w) / d),   z_1'(-t) = 0        (Baik, Ben Arous, Peche 2005),

times the median of |W_1|^2 ~ chi^2_d / d, W_1 the row of its mode. That is the mean of the band where the mode stands
out, the end of the others' support where it does not, and differentiable where one becomes the other. The median over
draws agrees to about 0.3 / width.

Sums over the whole spectrum are contour integrals in w, so one contour around all modes is as good as two: one around
the others, laid around the support of their own law, and a circle around -D_1, both with the integrands of all modes.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Complex, Float

from solvable.numerics.resolvent import (
    Contour,
    Ellipse,
    Law,
    Others,
    contour,
    edges,
    half_angles,
    sum_and_slope,
    turning,
)

CIRCLE = 24  # nodes of the upper half of a circle with nothing singular within a factor 2 of its radius: 2^-48
CLEAR = 2.5  # how many times its distance from the others' support the contour around them stays off the outlier


class Split(NamedTuple):
    """Contours around all modes: the last ``CIRCLE`` nodes around the outlier, of weight 0 if it is not apart."""

    contour: Contour
    largest: Float[Array, ""]  # lambda_1
    spread: Complex[Array, " nodes"]  # z - lambda_1 around the outlier, 0 elsewhere


def largest(law: Law) -> Float[Array, ""]:
    """lambda_1 of the typical draw; S without the pole at -D_1 is its mean over a circle, where nothing cancels."""
    d = law.width
    # With one feature more before one is taken out, z_1 of the same width; constant factors aside.
    others = Others(law.alpha, d + 1, law.ambient, jnp.ones(()))
    t = jax.lax.stop_gradient(jnp.maximum(1.0, turning(others)))
    radius = (t - 2.0 ** (-2 * jax.lax.stop_gradient(law.alpha))) / 2
    total, _ = sum_and_slope(others, -t + radius * jnp.exp(1j * half_angles(CIRCLE)))
    return t * (1 - (total.real.mean() - 1) / d) * median_square(d)


def median_square(count: Float[Array, "..."]) -> Float[Array, "..."]:
    """Median of chi^2 / count with ``count`` degrees of freedom (Wilson and Hilferty 1931): 1% at 2, 3% at 1."""
    return (1 - 2 / (9 * count)) ** 3


def split(law: Law, kappa: Float[Array, ""], nodes: int) -> Split:
    """The contours of a law with effective ridge kappa: two where the outlier is apart, else one around everything."""
    fixed, kappa = jax.lax.stop_gradient((law, kappa))
    top = largest(law)
    others = Others(fixed.alpha, fixed.width, fixed.ambient, jnp.ones(()))
    rest, whole = edges(others, kappa), edges(fixed, kappa)
    clear = Ellipse.around(fixed, *rest, nodes).right_end(CLEAR)
    gap = 1 - 2.0 ** (-2 * fixed.alpha)
    apart = (jnp.log(jax.lax.stop_gradient(top)) > clear) & (fixed.width * gap > 4)
    left, right = (jnp.where(apart, a, b) for a, b in zip(rest, whole, strict=True))
    around = contour(law, left, right, nodes, others._replace(taken=jnp.where(apart, 1.0, 0.0)))
    circle = _circle(law, jnp.minimum(1 / jnp.sqrt(fixed.width), gap / 2), apart)
    spread = jnp.concatenate([jnp.zeros_like(around.z), jnp.where(apart, circle.z - top, 0.0)])
    return Split(jax.tree.map(lambda a, b: jnp.concatenate([a, b]), around, circle), top, spread)


def _circle(law: Law, radius: Float[Array, ""], apart: Bool[Array, ""]) -> Contour:
    """The circle w = -1 - radius e^{i theta}: at radius 1 / sqrt(width) z goes to and fro along the band itself."""
    turn = jnp.exp(1j * half_angles(CIRCLE))
    w = jax.lax.stop_gradient(-1 - radius * turn)
    total, slope = sum_and_slope(law, w)
    z = -w * (1 - total / law.width)
    along = (1 - (total + w * slope) / law.width) * radius * turn / CIRCLE
    return Contour(z, w, jnp.where(apart, along, 0.0), total)


def kept(near: Float[Array, ""], far: Float[Array, ""]) -> Float[Array, ""]:
    """The part of its spread that an outlier keeps, from 1 down to 0, twice differentiable.

    Args:
        near: how fast a mode decays whose eigenvalue is lambda_1 + b, the end of the band; < 0 where it grows, 0 where
            nothing moves.
        far: the same at lambda_1 + 2 b.

    Means over the band are means over draws, to leading order, as long as no draw grows. With the threshold lambda_c
    beyond lambda_1 + 2 b all of the spread is kept; none of it with lambda_c below lambda_1 + b, where the typical draw
    still decays while the end of the band grows; the part lies below (lambda_c - lambda_1) / b always.
    """
    inside = far < 0
    x = jnp.where(inside, jnp.clip(near / jnp.where(inside, near - far, 1.0), 0.0, 1.0), 1.0)
    return jnp.where(near < 0, 0.0, x**3 * (10 - 15 * x + 6 * x**2))
