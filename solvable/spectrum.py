"""The lowered form of a model or of one draw: all that a one-pass theory may look at."""

import equinox as eqx
from jaxtyping import Array, Inexact


class Spectrum(eqx.Module):
    """Eigenvalues of the feature covariance with their multiplicities and initial errors.

    Any sum over eigendirections, ``sum_j h(lambda_j)`` or ``sum_j h(lambda_j) error_j`` with ``h`` analytic, is
    ``sum_k mass_k h(eigvals_k)`` or ``sum_k error_k h(eigvals_k)`` (real part).

    For one draw the eigenvalues are real and every mass is 1. For the deterministic equivalent they are the nodes
    of a contour around the spectrum in the upper half plane: complex, their conjugates folded in, so that a sum is
    the real part of the sum over nodes. A mode with eigenvalue, mass and error 0 is absent.

    Attributes:
        eigvals: eigenvalues lambda_k of the feature covariance (never their square roots); shape (modes,).
        mass: number of eigendirections at each mode; shape (modes,).
        error: initial squared parameter error E[Delta_k(0)^2], summed over the mode; shape (modes,).
        floor: risk of the best linear predictor plus label noise; shape ().
        edge: largest eigenvalue, real; shape ().
    """

    eigvals: Inexact[Array, " modes"]
    mass: Inexact[Array, " modes"]
    error: Inexact[Array, " modes"]
    floor: Inexact[Array, ""]
    edge: Inexact[Array, ""]
