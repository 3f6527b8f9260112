"""Ridge regression on the labels of selected inputs: the typical student, in closed form but for one root.

With u = (a, b), a along the probe and b along the teacher's part orthogonal to it, labels y = sgn(cos(angle) a +
sin(angle) b), weights s, phi = 1 / kept_ratio and the penalty lam of `Ridge`:

    T = s g / (1 + s g),    E T + lam g = phi,
    w = (E[T u u^T] + (phi - E T))^-1 E[T u y],
    rest^2 = E[T^2 (y - w . u)^2] / (phi - E T^2),    error = arccos(w . t / sqrt(|w|^2 + rest^2)) / pi.

Without weights T is one number, kap = lam g / T is the effective ridge of lam = kap (1 - phi / (1 + kap)), and this is
the closed form behind deliberate practice (Askari-Hemmat et al. 2025, arXiv 2502.15588) in a derivation of our own.
Averages over either side of the threshold are closed.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erf, erfc
from jaxtyping import Array, Float

from solvable.forms.labels import Selected
from solvable.numerics.normal_law import density
from solvable.numerics.roots import bisect_log, newton

LEAST, MOST, HALVINGS = 1e-100, 1e100, 64
SMALLEST = 1e-100  # of a sine that divides


class Moments(NamedTuple):
    """Of the kept inputs on one side of the threshold: the part of the kept, E a^2, E b^2, E a y and E b y over it."""

    part: Float[Array, ""]
    squares: Float[Array, "2"]
    labels: Float[Array, "2"]


def _both_sides(kept: Selected) -> tuple[Moments, Moments]:
    """The moments below the threshold and above it."""
    edge, sine, cosine = kept.threshold, jnp.sin(kept.angle), jnp.cos(kept.angle)
    safe = jnp.maximum(sine, SMALLEST)
    mass, tail, lost = erf(edge / np.sqrt(2)), erfc(edge / np.sqrt(2)), 2 * edge * density(edge)
    seen = erf(edge / (np.sqrt(2) * safe)) * np.sqrt(2 / np.pi)
    cut = 2 * density(edge) * erf(edge * cosine / (safe * np.sqrt(2)))
    below = jnp.stack([cosine * seen - cut, sine * seen])
    every = np.sqrt(2 / np.pi) * jnp.stack([cosine, sine])
    inside, outside = kept.inside / kept.keep, kept.outside / kept.keep
    return (
        Moments(inside * mass, inside * jnp.stack([mass - lost, mass]), inside * below),
        Moments(outside * tail, outside * jnp.stack([tail + lost, tail]), outside * (every - below)),
    )


def label_ridge(kept: Selected, penalty: Float[Array, ""]) -> tuple[Float[Array, "2"], Float[Array, ""]]:
    """((a, b), rest): the typical student's parts along the probe and across, and the length of its other part.

    ``rest`` is infinite without a penalty where samples and dimensions are equally many.
    """
    sides, weights, phi = _both_sides(kept), kept.weights, 1 / kept.kept_ratio

    def shrunk(log_gain):
        gain = jnp.exp(log_gain)
        return [s * gain / (1 + s * gain) for s in weights]

    def excess(log_gain):
        mean = sum(side.part * t for side, t in zip(sides, shrunk(log_gain), strict=True))
        return mean + penalty * jnp.exp(log_gain) - phi

    start = jnp.log(bisect_log(lambda gain: excess(jnp.log(gain)), LEAST, MOST, HALVINGS))
    fits = (penalty == 0) & (phi >= 1)  # every label is fitted: the gain is infinite
    parts = [jnp.where(fits, 1.0, t) for t in shrunk(newton(excess, jnp.where(fits, 0.0, start), 2, 1.0))]
    mean = sum(side.part * t for side, t in zip(sides, parts, strict=True))
    squared = sum(side.part * t**2 for side, t in zip(sides, parts, strict=True))
    ridge = phi - mean
    labels = sum(side.labels * t for side, t in zip(sides, parts, strict=True))
    squares = sum(side.squares * t for side, t in zip(sides, parts, strict=True))
    student = labels / (squares + ridge)
    missed = sum(
        t**2 * (side.part - 2 * student @ side.labels + student**2 @ side.squares)
        for side, t in zip(sides, parts, strict=True)
    )
    spare = phi - squared
    return student, jnp.sqrt(jnp.where(spare > 0, missed / jnp.where(spare > 0, spare, 1.0), jnp.inf))
