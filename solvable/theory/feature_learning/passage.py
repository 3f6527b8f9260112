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
from solvable.theory.feature_learning.overlap_grid import POINTS, check_small, generator, step_length


def passage_time(model: AbstractSubject, algorithm: AbstractAlgorithm, overlap: float = 0.5) -> float:
    """Mean number of steps until the overlap first reaches ``overlap``; its absolute value where the link is even.

    The diffusion of `Diffusion` is absorbed there. Where noise outweighs the signal and keeps the overlap away the time
    is exponentially long, and infinite where it is no float64.

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
    time, length = _mean_time(subject, stated, np.asarray(overlap, float), even)
    check_small(length)
    return float(time)


@in_float64
def _mean_time(subject, algorithm, overlap, even: bool):
    return _solved(subject, algorithm, jnp.asarray(overlap), even), step_length(subject, algorithm)


@eqx.filter_jit
def _solved(subject: Overlap, algorithm: Spherical, overlap, even: bool):
    """The time from a point to the next is h_i = 1 / up_i + (down_i / up_i) h_{i-1}: a sum of positive terms."""
    process = generator(subject, algorithm)
    m, up, down, weights = process
    start = subject.start
    if even:  # the absolute value: both neighbours of 0 are one
        half = POINTS // 2
        m, up, down, weights = (x[half:] for x in process)
        up, weights = up.at[0].add(down[0]), weights.at[1:].multiply(2.0)
        start = None if start is None else jnp.abs(start)

    def onward(before, rates):
        up, down = rates
        here = jnp.where(up > 0, (1 + down * before) / up, jnp.inf)
        return here, here

    down = down.at[0].set(0.0)
    steps = jax.lax.scan(onward, jnp.zeros(()), (up, down))[1]
    time = jnp.cumsum(jnp.where(m < overlap, steps, 0.0)[::-1])[::-1]
    return weights @ time if start is None else jnp.interp(start, m, time)
