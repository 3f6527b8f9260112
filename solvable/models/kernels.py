"""Kernels of wide random networks: their spectrum on the sphere, and the measured spectrum of a kernel matrix."""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from solvable.arguments import answer, check_integer, check_reals
from solvable.numerics.precision import in_float64

MOST_DIMENSION, MOST_DEGREES = 1000, 10_000  # of a sphere and its harmonics
ZONAL = "a function of an array of cosines that returns its finite values"


def check_cosine(cosine: Any) -> Any:
    """Cosines of angles, from -1 to 1 up to rounding.

    Raises:
        ValueError: they are none.
    """
    return check_reals("cosine", cosine, "numbers from -1 to 1", lambda x: np.abs(x) <= 1 + 1e-6)


@in_float64
def arc_cosine(cosine: Any, order: int = 1) -> Float[Array, "..."]:
    """E[sigma(w . x) sigma(w . x')] for unit vectors with x . x' = cosine, w ~ N(0, I) (Cho and Saul 2009).

    Order 1, sigma = ReLU: (sin t + (pi - t) cos t) / (2 pi); order 0, its derivative: (pi - t) / (2 pi).
    """
    order = check_integer("order", order, 0, 1, "0 or 1")
    angle = jnp.arccos(jnp.clip(check_cosine(cosine), -1, 1))
    if order == 0:
        return (jnp.pi - angle) / (2 * jnp.pi)
    return (jnp.sin(angle) + (jnp.pi - angle) * jnp.cos(angle)) / (2 * jnp.pi)


arc_cosine.references = ("cho2009",)  # type: ignore[attr-defined]


@in_float64
def relu_ntk(cosine: Any) -> Float[Array, "..."]:
    """Tangent kernel of one hidden ReLU layer on the unit sphere, both layers trained, no biases."""
    cosine = check_cosine(cosine)
    return arc_cosine(cosine, 1) + cosine * arc_cosine(cosine, 0)


@in_float64
def sphere_eigvals(
    kernel: Callable, dimension: int, degrees: int
) -> tuple[Float[Array, " degrees"], Float[Array, " degrees"]]:
    """Eigenvalues of kernel(x . x') on the unit sphere of intrinsic dimension m, and their multiplicities.

    Under the uniform law the eigenfunctions are the spherical harmonics of degree l, with (Funk and Hecke)

        lambda_l = integral k(cos t) P_l(cos t) sin^(m-1) t dt / integral sin^(m-1) t dt,

    P_l the Gegenbauer polynomial with P_l(1) = 1; l = 0 ... degrees - 1. Composite Gauss-Legendre quadrature in the
    angle, where the kernels of ReLU networks are smooth.

    For ReLU, odd degrees above 1 vanish; the others fall as l^-(m+1) (tangent kernel) or l^-(m+3) (arc-cosine of order
    1), so the i-th eigenvalue falls as i^-(1 + 1/m) or i^-(1 + 3/m).
    """
    dimension = check_integer("dimension", dimension, 1, MOST_DIMENSION)
    degrees = check_integer("degrees", degrees, 1, MOST_DEGREES)
    nodes, weights = np.polynomial.legendre.leggauss(32)
    panels = max(degrees // 8, 4)  # at most four oscillations of the highest polynomial in each
    angle = ((nodes + 1) / 2 + np.arange(panels)[:, None]).ravel() * np.pi / panels
    cosine, measure = np.cos(angle), np.tile(weights, panels) * np.sin(angle) ** (dimension - 1)
    values = check_reals("kernel", answer("kernel", ZONAL, kernel, jnp.asarray(cosine)), ZONAL)
    if values.shape != cosine.shape:
        raise ValueError(f"kernel: wanted {ZONAL}; got one that returns shape {values.shape}")
    weighted = values * measure / measure.sum()
    before, here, eigvals = np.zeros_like(cosine), np.ones_like(cosine), []
    for degree in range(degrees):
        eigvals.append(weighted @ here)
        if degree == 0:
            before, here = here, cosine
        else:
            ahead = (2 * degree + dimension - 1) * cosine * here - degree * before
            before, here = here, ahead / (degree + dimension - 1)
    return jnp.array(eigvals), jnp.array([_multiplicity(dimension, degree) for degree in range(degrees)], float)


def _multiplicity(dimension: int, degree: int) -> int:
    """Number of spherical harmonics of a degree on the sphere of intrinsic dimension ``dimension``."""
    lower = math.comb(degree + dimension - 2, dimension) if degree > 1 else 0
    return math.comb(degree + dimension, dimension) - lower


@in_float64
def kernel_eigvals(kernel: Any) -> Float[Array, " samples"]:
    """Eigenvalues of a kernel matrix over samples, divided by their number, in decreasing order.

    They estimate the eigenvalues of the kernel's integral operator: well where the index is far below the number of
    samples, not at all near it.

    Args:
        kernel: symmetric matrix k(x_i, x_j); shape (samples, samples). For features Phi, Phi @ Phi.T.

    Raises:
        ValueError: it is not a finite, symmetric, positive semidefinite matrix.
    """
    matrix = check_reals("kernel", kernel, "finite values", ndim=2)
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"kernel: wanted a square matrix; got shape {matrix.shape}")
    gap = np.abs(matrix - matrix.T).max()
    if gap > 1e-8 * np.abs(matrix).max():
        raise ValueError(f"kernel: wanted a symmetric matrix; got entries that differ by {gap:g}")
    eigvals = np.linalg.eigvalsh((matrix + matrix.T) / 2)[::-1] / len(matrix)
    if eigvals[-1] < -1e-8 * eigvals[0]:
        raise ValueError(f"kernel: wanted no negative eigenvalues; got {eigvals[-1]:g}")
    return jnp.maximum(eigvals, 0.0)
