"""The law of one neuron's overlap with the direction it looks for, under spherical SGD in high dimension."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from solvable.forms.algorithms import Spherical
from solvable.forms.base import Reading
from solvable.forms.curve import Curve
from solvable.forms.feature_learning import Overlap
from solvable.method import AbstractMethod
from solvable.numerics.stiff import integrate
from solvable.theory.feature_learning.overlap_grid import Generator, check_small, generator, risk_at, step_length

TOLERANCE = 1e-7  # of expectations of order 1, in one step


class Diffusion(AbstractMethod):
    """The expected risk from the closed equation of the overlap m = w . w*, its noise included.

    In high dimension d, and at steps that move w by little, m is a diffusion with the mean and variance of one step,

        dm = [ eta (1 - m^2) h(m) - (eta^2 / 2) m d E p^2 / B ] dt + eta sqrt((1 - m^2) E q^2 / B) dW,   eta = rate / d,

    in which the first term is the gradient of half the risk, the second is what projecting the noise back to the sphere
    costs, and the third is the noise that decides where m ~ d^(-1/2) (Ben Arous, Gheissari, Jagannath 2021,
    arXiv 2003.10409; Saad and Solla 1995 for the closed equations). What is left out vanishes with the rate and as d
    grows. Expectations given the start obey the backward equation, which is solved on a grid at any number of steps:
    step 10^15 costs what step 1000 does.

    A law starts from the overlap of a uniform direction, a draw from its own. ``stats`` hold the mean ``overlap``, the
    mean of its absolute value ``aligned``, and the standard deviation of the risk over runs ``spread``, too large where
    runs differ by less than the grid spreads them (g = h_1 in high dimension).
    """

    references: ClassVar[tuple[str, ...]] = ("benarous2021", "saad1995")

    @property
    def reads(self):
        return (Reading(Overlap, Spherical),)

    def curve(self, subject: Overlap, algorithm: Spherical, steps, *, key=None) -> Curve:
        """The mean risk over directions and samples.

        Raises:
            ValueError: a step moves the neuron by more than its length, which is no diffusion.
        """
        risk, square, overlap, aligned = _expectations(subject, algorithm, jnp.asarray(steps, float))
        check_small(step_length(subject, algorithm))
        spread = jnp.sqrt(jnp.maximum(square - risk**2, 0.0))
        start = 2 * (subject.link[1:] ** 2).sum() + subject.noise**2
        stats = {"overlap": overlap, "aligned": aligned, "spread": spread}
        return Curve.of(steps, risk, start=start, diverges=False, stats=stats)


@eqx.filter_jit
def _expectations(subject: Overlap, algorithm: Spherical, steps):
    """Mean risk, its mean square, mean overlap and mean absolute overlap; each of shape (steps,)."""
    process = generator(subject, algorithm)
    m = process.points
    risk = risk_at(subject, m)
    scale = jnp.maximum(risk.max(), 1e-300)
    first = jnp.stack([risk / scale, (risk / scale) ** 2, m, jnp.abs(m)], 1)
    expected = integrate(process.apply, lambda _: lambda h, v: solve(process, h, v), first, steps, TOLERANCE)
    start = subject.start
    if start is None:
        found = jnp.einsum("p,tpc->tc", process.weights, expected)
    else:
        found = jax.vmap(jax.vmap(lambda u: jnp.interp(start, m, u), 1))(expected)
    least = subject.noise**2  # below it is rounding
    return jnp.maximum(found[:, 0] * scale, least), found[:, 1] * scale**2, found[:, 2], found[:, 3]


def solve(process: Generator, h, v):
    """(1 - h A)^-1 v for the generator A."""
    diagonal = 1 + h * (process.up + process.down)
    return jax.lax.linalg.tridiagonal_solve(-h * process.down, diagonal, -h * process.up, v)
