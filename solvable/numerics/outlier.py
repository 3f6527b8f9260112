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
import numpy as np
from jaxtyping import Array, Complex, Float

from solvable.numerics.resolvent import (
    LEFT,
    RIDGE,
    RIGHT,
    Contour,
    Ellipse,
    Law,
    Others,
    contour,
    course,
    half_angles,
    height,
    landmarks,
    ridge_and_sums,
)

CIRCLE = 24  # nodes of the upper half of a circle with nothing singular within a factor 2 of its radius: 2^-48
CLEAR = 2.5  # how many times its distance from the others' support the contour around them stays off the outlier


class Marks(NamedTuple):
    """Where a law's spectrum lies."""

    ridge: Float[Array, ""]  # kappa, differentiable
    largest: Float[Array, ""]  # lambda_1 of the typical draw, differentiable
    rest: tuple[Float[Array, ""], Float[Array, ""]]  # support without the largest mode
    whole: tuple[Float[Array, ""], Float[Array, ""]]  # support of everything


class Split(NamedTuple):
    """Contours around all modes: the last ``CIRCLE`` nodes around the outlier, of weight 0 if it is not apart."""

    contour: Contour
    spread: Complex[Array, " nodes"]  # z - lambda_1 around the outlier, 0 elsewhere
    target: Complex[Array, " nodes"]  # R(w)
    floor: Float[Array, ""]  # F_0 = kappa R(kappa)


def marks(law: Law) -> Marks:
    """All landmarks of a law, in one search and one evaluation.

    lambda_1 is z_1(-t) with z_1 that of the others at one feature more, before one is taken out (constant factors
    aside, which move no turning point); S without the pole at -D_1 is its mean over a circle, where nothing cancels.
    """
    d = law.width
    many = Others.of(law, jnp.stack([d, d, d, d, d, d + 1]), np.array([0, 0, 0, 1, 1, 1.0]))
    w = landmarks(many, (RIDGE, LEFT, RIGHT, LEFT, RIGHT, RIGHT))
    t = jnp.maximum(1.0, -w[-1])
    radius = (t - jax.lax.stop_gradient(law.inputs.second)) / 2
    points = jnp.concatenate([w[1:5], -t + radius * jnp.exp(1j * half_angles(CIRCLE))])
    others = Others(law.inputs, d, jnp.concatenate([many.taken[1:5], jnp.ones(CIRCLE)]))
    ridge, total = ridge_and_sums(law, w[0], others, points)
    largest = t * (1 - (total[4:].real.mean() - 1) / d) * median_square(d)
    ends = jax.lax.stop_gradient(height(law, w[1:5], total[:4]))
    left = jnp.where(law.square, 0.0, ends[::2])
    return Marks(ridge, largest, (left[1], ends[3]), (left[0], ends[1]))


def median_square(count: Float[Array, "..."]) -> Float[Array, "..."]:
    """Median of chi^2 / count with ``count`` degrees of freedom (Wilson and Hilferty 1931): 1% at 2, 3% at 1."""
    return (1 - 2 / (9 * count)) ** 3


def split(law: Law, marks: Marks, nodes: int) -> Split:
    """The contours of a law with these `marks`: two where the outlier is apart, else one around everything."""
    fixed, top = jax.lax.stop_gradient(law), marks.largest
    clear = Ellipse.around(fixed, *marks.rest, nodes).right_end(CLEAR)
    gap = 1 - fixed.inputs.second
    apart = (jnp.log(jax.lax.stop_gradient(top)) > clear) & (fixed.width * gap > 4)
    left, right = (jnp.where(apart, a, b) for a, b in zip(marks.rest, marks.whole, strict=True))
    around = course(Others.of(fixed, fixed.width, apart), left, right, nodes)
    # The circle w = -1 - radius e^{i theta}: at radius 1 / sqrt(width) z goes to and fro along the band itself.
    radius = jnp.where(apart, jnp.minimum(1 / jnp.sqrt(fixed.width), gap / 2), 0.5)
    turn = jnp.exp(1j * half_angles(CIRCLE))
    w = jnp.concatenate([around, jax.lax.stop_gradient(-1 - radius * turn), marks.ridge[None]])
    total, slope, target = law.inputs.all_sums(w)
    one = contour(law, around, total[:nodes])
    z = -w * (1 - total / law.width)
    along = (1 - (total + slope)[nodes:-1] / law.width) * radius * turn / CIRCLE
    weight = jnp.concatenate([one.weight, jnp.where(apart, along, 0.0)])
    spread = jnp.concatenate([jnp.zeros_like(around), jnp.where(apart, z[nodes:-1] - top, 0.0)])
    return Split(Contour(z[:-1], w[:-1], weight, total[:-1]), spread, target[:-1], (marks.ridge * target[-1]).real)


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
