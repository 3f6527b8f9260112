"""The form of a fresh stream: all that a one-pass theory may look at."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from solvable.forms.base import AbstractForm


class Spectrum(AbstractForm):
    """Eigenvalues of the feature covariance with their multiplicities and initial errors.

    Any sum over eigendirections, ``sum_j h(lambda_j)`` or ``sum_j h(lambda_j) error_j`` with ``h`` analytic, is
    ``sum_k mass_k h(eigvals_k)`` or ``sum_k error_k h(eigvals_k)`` (real part).

    For one draw the eigenvalues are real and every mass is 1. For the deterministic equivalent they are the nodes
    of a contour around the spectrum in the upper half plane: complex, their conjugates folded in, so that a sum is
    the real part of the sum over nodes. A mode with eigenvalue, mass and error 0 is absent.

    The start of an optimizer that shrinks the parameters themselves (weight decay) depends on the target too. With the
    initial error Delta = theta_0 - theta* of a direction, `error`, `cross` and `target` are E Delta^2, E Delta theta*
    and E theta*^2. Where training starts at zero they are error, -error and error, the default.

    Attributes:
        eigvals: eigenvalues lambda_k of the feature covariance (never their square roots); shape (modes,).
        mass: number of eigendirections at each mode; shape (modes,).
        error: initial squared parameter error E Delta^2, summed over the mode; shape (modes,).
        floor: risk of the best linear predictor plus label noise; shape ().
        edge: largest eigenvalue, real; shape ().
        cross: E Delta theta*, summed over the mode; shape (modes,).
        target: E theta*^2, summed over the mode; shape (modes,).
        spread: eigvals - edge on the nodes around a largest eigenvalue that stands alone, 0 elsewhere; shape (modes,).
            None for one draw, whose largest eigenvalue is a number.
    """

    eigvals: Inexact[Array, " modes"]
    mass: Inexact[Array, " modes"]
    error: Inexact[Array, " modes"]
    floor: Inexact[Array, ""]
    edge: Inexact[Array, ""]
    cross: Inexact[Array, " modes"]
    target: Inexact[Array, " modes"]
    spread: Inexact[Array, " modes"] | None
    what: ClassVar[str] = "the spectrum of a fresh stream (Spectrum)"
    data: ClassVar[bool | None] = False
    stackable: ClassVar[bool] = True

    def __init__(self, eigvals, mass, error, floor, edge, cross=None, target=None, spread=None):
        self.eigvals, self.mass, self.error, self.floor, self.edge = eigvals, mass, error, floor, edge
        self.cross = -error if cross is None else cross
        self.target = error if target is None else target
        self.spread = spread

    @property
    def start_risk(self) -> Inexact[Array, ""]:
        """Risk of the initial parameters."""
        return (self.eigvals * self.error).sum().real + self.floor

    def smeared(self) -> "Spectrum":
        """The spectrum whose largest eigenvalue keeps all of its spread at any rate."""
        return Spectrum(self.eigvals, self.mass, self.error, self.floor, self.edge, self.cross, self.target)

    def narrowed(self, kept: Float[Array, ""]) -> "Spectrum":
        """The spectrum with a part of its outlier's spread; each mode keeps its share of the risk, eigvals * error."""
        if self.spread is None:
            return self
        eigvals = self.eigvals - (1 - kept) * self.spread
        ratio = jnp.where(self.spread == 0, 1, self.eigvals / jnp.where(eigvals == 0, 1, eigvals))
        error, cross, target = (ratio * x for x in (self.error, self.cross, self.target))
        return Spectrum(eigvals, self.mass, error, self.floor, self.edge, cross, target, kept * self.spread)

