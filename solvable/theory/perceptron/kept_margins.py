"""Quadrature over the kept inputs, as a student sees them: the margins of its two directions, and their weights.

A student w has a part a along the probe and a part b along the teacher's part orthogonal to it, both in units of the
length of the rest, whose margin is a standard normal. With z along the probe (z > 0 by symmetry) and y across, the
teacher's label is sgn(cos(angle) z + sin(angle) y), and the student's margin has the mean

    a v_1 + b v_2,    (v_1, v_2) = label * (z, y).

What is integrated falls like exp(-x^2 / 2) where x = k - a v_1 - b v_2 is negative. Integrals end where x = -`REACH`,
so that a strip of width 1 / a at the teacher's boundary is resolved at any a.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from solvable.forms.labels import Selected
from solvable.numerics.normal_law import density

Nodes = tuple[Float[Array, " nodes"], Float[Array, " nodes"], Float[Array, " nodes"]]  # v_1, v_2, weights
Rule = Callable[[Selected, Float[Array, ""], Float[Array, "2"]], Nodes]

REACH = 8.5  # exp(-REACH^2 / 2) is 2e-16
LEAST = 1e-3  # a part of the student below which its margin cuts no integral short
SMALLEST_ANGLE = 1e-8  # in a cotangent


def _gauss(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (nodes + 1) / 2, weights / 2


LINE, ALONG, ACROSS = _gauss(64), _gauss(24), _gauss(32)


def _between(low, high, rule) -> tuple[Float[Array, "*ends nodes"], Float[Array, "*ends nodes"]]:
    return low + (high - low) * rule[0], (high - low) * rule[1]


def _regions(kept: Selected):
    """(lowest z, highest z, density of the kept over that of all) of each side of the threshold that holds some."""
    edge, far = kept.threshold, jnp.sqrt(kept.threshold**2 + REACH**2)
    near, rest = (0.0, edge, kept.inside / kept.keep), (edge, far, kept.outside / kept.keep)
    return {"hard": (near,), "easy": (rest,), "random": (rest,), "mixed": (near, rest)}[kept.selection]


def perfect_probe(kept: Selected, level: Float[Array, ""], parts: Float[Array, "2"]) -> Nodes:
    """The rule for angle 0, where v_1 = z and nothing depends on y: 64 nodes a side of the threshold.

    Args:
        level: k, the margin in the units of ``parts``.
        parts: (a, b); b must be 0.
    """
    along = jnp.maximum(parts[0], LEAST)
    found = []
    for low, high, part in _regions(kept):
        z, weights = _between(low, jnp.clip((level + REACH) / along, low, high), LINE)
        found.append((z, 2 * density(z) * part * weights))
    z, weights = (jnp.concatenate(x) for x in zip(*found, strict=True))
    return z, jnp.zeros_like(z), weights


def any_probe(kept: Selected, level: Float[Array, ""], parts: Float[Array, "2"]) -> Nodes:
    """The rule for any angle from 0 to pi / 2: 3072 nodes a side of the threshold.

    Args:
        level, parts: as in `perfect_probe`, with b >= 0.
    """
    sine = jnp.maximum(jnp.sin(kept.angle), SMALLEST_ANGLE)
    along, across = jnp.maximum(parts, LEAST)
    found = []
    for low, high, part in _regions(kept):
        # Beyond the first the label is the probe's; beyond the second nothing is left where it is.
        breaks = jnp.stack([REACH * sine, (level + REACH * (1 + parts[1])) / along])
        middle, end = jnp.clip(jnp.sort(breaks), low, high)
        for ends in ((low, middle), (middle, end)):
            z, weights = _between(*ends, ALONG)
            found.append((z, 2 * density(z) * part * weights))
    z, weights = (jnp.concatenate(x)[:, None] for x in zip(*found, strict=True))
    boundary, far = z * jnp.cos(kept.angle) / sine, level + REACH
    low = jnp.maximum(-boundary, -REACH)
    y, dy = _between(low, jnp.clip((far - along * z) / across, low, REACH), ACROSS)
    end = jnp.clip((far + along * z) / across, boundary, jnp.sqrt(boundary**2 + REACH**2))
    other, other_dy = _between(boundary, end, ACROSS)  # where the label is not the probe's; y is -other there
    ones = jnp.ones_like(y)
    first, second = jnp.concatenate([z * ones, -z * ones]), jnp.concatenate([y, other])
    weights = jnp.concatenate([weights * density(y) * dy, weights * density(other) * other_dy])
    return first.ravel(), second.ravel(), weights.ravel()
