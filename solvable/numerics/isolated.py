"""A largest sample eigenvalue that stands alone: what separates it from the rest, and the contour around it.

Behind features and data the deterministic equivalent smears the largest eigenvalue into a band. In the plane of the
effective ridge kappa the band is the image of a closed curve around -lambda_1, the rest that of curves around the other
-lambda_k, and -rho rises from the end of the rest to the start of the band as -kappa does. Functions of one and of two
penalties are analytic outside those curves. So a circle between them picks the outlier's part of any sum over
eigenvalues; which circle is all the same.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float

from solvable.numerics.complex_numbers import turn
from solvable.numerics.effective_ridge import Modes, Point, locate
from solvable.numerics.roots import bisect_log

CIRCLE = 32  # nodes of the upper half of the circle
CLEAR = 1.15  # least radius over that of the band's curve, and at most the rest's over it: sums to 2e-9 there
WIDEST = 1.7  # radius over that of the band's curve: the image of the circle ends 15% beyond the band
SEARCH = 64  # points between -lambda_1 and -lambda_2, in the logarithm of the distance to the first, where to look
NEAREST = 1e-8  # the nearest of them, of the distance between the two
BISECTIONS = 40


class Isolated(NamedTuple):
    """The circle around the outlier, if it is ``apart``; ``gap`` is an eigenvalue between it and the rest."""

    apart: Bool[Array, ""]
    gap: Float[Array, ""]
    delta: Float[Array, ""]  # kappa - kappa_0 of the penalty -gap
    points: Point
    weight: Complex[Array, " nodes"]  # f(t) = Im sum_k weight_k (factor of t steps)_k f(rho_k)


def isolated(modes: Modes, turning: Float[Array, ""]) -> Isolated:
    """What separates the largest eigenvalue from the rest; ``turning`` is that of `right_edge`."""
    fixed = jax.lax.stop_gradient(modes)
    first = fixed.eigvals.max()
    top = fixed.eigvals == first
    second = jnp.where(top | (fixed.mass == 0), 0.0, fixed.eigvals).max()
    alone = jnp.where(top, fixed.mass, 0).sum() == 1
    space = first - second

    def rising(x):
        """The slope of -rho at kappa = -first + x, < 0 beyond the band's curve where df exceeds a size."""
        at = locate(fixed, x - first - fixed.origin)
        return jnp.where((at.of_width > 0) & (at.of_samples > 0), at.slope, -1.0)

    trial = space * jnp.geomspace(NEAREST, 1 - NEAREST, SEARCH)
    slope = rising(trial)
    found = trial[jnp.argmax(slope * trial)]
    ends = jnp.stack([NEAREST * space, found]), jnp.stack([found, space])
    near, far = bisect_log(lambda x: rising(x) * np.array([1, -1]), *ends, BISECTIONS)
    center, inner = (near - first + turning) / 2, (near - first - turning) / 2
    ratio = (far - first - center) / inner
    apart = alone & (slope.max() > 0) & (ratio > CLEAR**2)
    radius = jnp.where(apart, inner * jnp.minimum(jnp.sqrt(ratio), WIDEST), first / 2)
    center = jnp.where(apart, center, -first)
    e = turn((jnp.arange(CIRCLE) + 0.5) * np.pi / CIRCLE)
    points = locate(modes, jax.lax.stop_gradient(center - fixed.origin + radius * e))
    weight = 1j * points.slope * jax.lax.stop_gradient(radius * e) / (points.rho * CIRCLE)
    delta = (near + far) / 2 - first - fixed.origin
    return Isolated(apart, -locate(fixed, delta).rho, delta, points, weight)
