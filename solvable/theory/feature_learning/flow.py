"""Gradient flow of a two-layer linear network with many hidden units, closed in one vector."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from solvable.forms.algorithms import Flowing
from solvable.forms.base import Reading
from solvable.forms.curve import Curve
from solvable.forms.feature_learning import Network
from solvable.forms.spectrum import Spectrum
from solvable.method import AbstractMethod
from solvable.numerics.stiff import integrate

TOLERANCE = 1e-10  # of the part of a mode that is not learnt, in one step


class Flow(AbstractMethod):
    """Population gradient flow of f(x) = w^T A x / (gamma N), in the limit of many hidden units N.

    With the function's parameters b = A^T w / (gamma N), g = Lambda (w* - b), M = A^T A / N and u = |w|^2 / N, the
    weights' own flow at the rate gamma^2 N closes (Bordelon, Atanasov, Pehlevan 2024, arXiv 2409.17858, for the model):

        b' = (M + u) g,   M' = gamma^2 (b g^T + g b^T),   u' = 2 gamma^2 b . g,   M(0) = I, u(0) = 1, b(0) = 0.

    It closes in b alone, because A A^T - w w^T is conserved:

        u = sqrt(1 + gamma^2 |b|^2),   M = I + gamma^2 b b^T / (1 + u),
        b' = (1 + u) g + gamma^2 (b . g) / (1 + u) b.

    Writing b_k = w*_k (1 - r_k), r is a function of the eigenvalue alone, so that a sum over modes is a sum over the
    nodes of the typical draw's spectrum: random features of width 10^12 cost what those of width 100 do. The equation
    is stiff, and is solved by an extrapolated implicit method to 1e-10 a step.

    It takes no steps of a finite size, no batches and no finite number of hidden units: those add terms of order
    learning rate and 1 / N. The curve's ``stats`` hold ``gain``, u at the steps: the kernel is M + u. Derivatives are
    by forward mode.
    """

    references: ClassVar[tuple[str, ...]] = ("bordelon2024b",)

    @property
    def reads(self):
        return (Reading(Network, Flowing),)

    def curve(self, subject: Network, algorithm: Flowing, steps, *, key=None) -> Curve:
        """The risk at ``steps`` of the flow, time being learning_rate * step."""
        times = jnp.asarray(algorithm.learning_rate, float) * jnp.asarray(steps, float)
        risk, gain = _risk(subject.spectrum, jnp.asarray(subject.gamma, float), times)
        return Curve.of(steps, risk, start=subject.spectrum.start_risk, diverges=False, stats={"gain": gain})


@eqx.filter_jit
def _risk(spectrum: Spectrum, gamma: Float[Array, ""], times: Float[Array, " times"]):
    """Risk and gain u at ``times``."""
    eigvals, power = jnp.asarray(spectrum.eigvals), jnp.asarray(spectrum.error)
    field, inverse = _equation(eigvals, power, gamma)
    left = integrate(field, inverse, jnp.ones_like(eigvals), times, TOLERANCE)
    risk = (left**2 @ (eigvals * power)).real + spectrum.floor.real
    return risk, jnp.sqrt(1 + gamma**2 * ((1 - left) ** 2 @ power).real)


def _equation(eigvals: Inexact[Array, " modes"], power: Inexact[Array, " modes"], gamma: Float[Array, ""]):
    """The field r' and the solution of (1 - h J) x = v, for r = 1 - b / w*.

        r' = -(1 + u) lambda r - c (1 - r),   c = gamma^2 (b . g) / (1 + u).

    J is diagonal but for the two sums |b|^2 and b . g that couple the modes, a matrix of rank two.
    """

    def sums(r):
        return ((1 - r) ** 2 @ power).real, (r * (1 - r) @ (eigvals * power)).real

    def coefficients(r):
        square, pull = sums(r)
        u = jnp.sqrt(1 + gamma**2 * square)
        return u, gamma**2 * pull / (1 + u)

    def field(r):
        u, c = coefficients(r)
        return -(1 + u) * eigvals * r - c * (1 - r)

    def inverse(r):
        u, c = coefficients(r)
        by_square, by_pull = gamma**2 / (2 * u), gamma**2 / (1 + u)  # du / d|b|^2 and dc / d(b . g)
        columns = jnp.stack([by_square * (c / (1 + u) * (1 - r) - eigvals * r), -by_pull * (1 - r)], 1)
        rows = jnp.stack([-2 * power * (1 - r), eigvals * power * (1 - 2 * r)])
        diagonal = c - (1 + u) * eigvals

        def solve(h, v):
            alone, spread = v / (1 - h * diagonal), columns / (1 - h * diagonal)[:, None]
            small = jnp.eye(2) - h * (rows @ spread).real
            return alone + h * spread @ jnp.linalg.solve(small, (rows @ alone).real)

        return solve

    return field, inverse
