"""Kernels of wide random networks: their spectrum on the sphere, and the measured spectrum of a kernel matrix."""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from solvable.numerics.precision import in_float64


@in_float64
def arc_cosine(cosine: Any, order: int = 1) -> Float[Array, "..."]:
    """E[sigma(w . x) sigma(w . x')] for unit vectors with x . x' = cosine, w ~ N(0, I) (Cho and Saul 2009).

    Order 1, sigma = ReLU: (sin t + (pi - t) cos t) / (2 pi); order 0, its derivative: (pi - t) / (2 pi).
    """
    if order not in (0, 1):
        raise ValueError(f"order: wanted 0 or 1; got {order!r}")
    angle = jnp.arccos(jnp.clip(cosine, -1, 1))
    if order == 0:
        return (jnp.pi - angle) / (2 * jnp.pi)
    return (jnp.sin(angle) + (jnp.pi - angle) * jnp.cos(angle)) / (2 * jnp.pi)


arc_cosine.references = ("cho2009",)  # type: ignore[attr-defined]


@in_float64
def relu_ntk(cosine: Any) -> Float[Array, "..."]:
    """Tangent kernel of one hidden ReLU layer on the unit sphere, both layers trained, no biases."""
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
    for name, value, least in (("dimension", dimension, 1), ("degrees", degrees, 1)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ValueError(f"{name}: wanted an integer >= {least}; got {value!r}")
    nodes, weights = np.polynomial.legendre.leggauss(32)
    panels = max(degrees // 8, 4)  # at most four oscillations of the highest polynomial in each
    angle = ((nodes + 1) / 2 + np.arange(panels)[:, None]).ravel() * np.pi / panels
    cosine, measure = np.cos(angle), np.tile(weights, panels) * np.sin(angle) ** (dimension - 1)
    weighted = np.asarray(kernel(jnp.asarray(cosine))) * measure / measure.sum()
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
    matrix = np.asarray(kernel, float)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(matrix) < 1:
        raise ValueError(f"kernel: wanted a square matrix; got shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise ValueError("kernel: wanted finite values; got NaN or infinity")
    gap = np.abs(matrix - matrix.T).max()
    if gap > 1e-8 * np.abs(matrix).max():
        raise ValueError(f"kernel: wanted a symmetric matrix; got entries that differ by {gap:g}")
    eigvals = np.linalg.eigvalsh((matrix + matrix.T) / 2)[::-1] / len(matrix)
    if eigvals[-1] < -1e-8 * eigvals[0]:
        raise ValueError(f"kernel: wanted no negative eigenvalues; got {eigvals[-1]:g}")
    return jnp.maximum(eigvals, 0.0)
