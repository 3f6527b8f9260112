"""How many steps until a neuron has found its direction."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from solvable.algorithms.base import AbstractAlgorithm
from solvable.arguments import check_real
from solvable.forms.algorithms import Spherical
from solvable.forms.base import AbstractSubject
from solvable.forms.feature_learning import Overlap
from solvable.method import read
from solvable.numerics.precision import in_float64
from solvable.theory.feature_learning.overlap_grid import generator


def passage_time(model: AbstractSubject, algorithm: AbstractAlgorithm, overlap: float = 0.5) -> float:
    """Mean number of steps until the overlap first reaches ``overlap``; its absolute value where the link is even.

    The diffusion of `Diffusion` is absorbed there: with A its generator, the mean time t solves A t = -1. Infinite where
    it is never reached: noise that outweighs the signal keeps the overlap away.

    Args:
        model: `SingleIndex`, or a draw of it.
        algorithm: `SphericalSGD`.
        overlap: in (0, 1).

    Raises:
        ValueError: an argument is impossible.
    """
    subject, stated = read(model, algorithm, Overlap, Spherical, reader="passage_time(...)")
    check_real("overlap", overlap, "a number in (0, 1)", lambda x: 0 < x < 1)
    even = not np.any(np.asarray(subject.link)[1::2])
    return float(_mean_time(subject, stated, np.asarray(overlap, float), even))


@in_float64
def _mean_time(subject, algorithm, overlap, even: bool):
    return _solved(subject, algorithm, jnp.asarray(overlap), even)


@eqx.filter_jit
def _solved(subject: Overlap, algorithm: Spherical, overlap, even: bool):
    process = generator(subject, algorithm)
    m = process.points
    inside = (jnp.abs(m) if even else m) < overlap
    up, down = (jnp.where(inside, rate, 0.0) for rate in (process.up, process.down))
    scale = jnp.where(inside, up + down, 1.0)  # of each row, whose rates span many decades
    source = jnp.where(inside, 1.0, 0.0) / scale
    rows = -down / scale, jnp.ones_like(m), -up / scale
    time = jax.lax.linalg.tridiagonal_solve(*rows, source[:, None])[:, 0]
    if subject.start is None:
        return process.weights @ time
    return jnp.interp(subject.start, m, time)
