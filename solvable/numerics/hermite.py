"""Orthonormal Hermite polynomials h_k of a standard normal number: E h_j(x) h_k(x) = 1 where j = k, else 0."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def hermite(coefficients: Float[Array, " degrees"], x: Float[Array, "*points"]):
    """g(x) = sum_k c_k h_k(x) and its derivative, each of the shape of ``x``.

    sqrt(k + 1) h_{k+1} = x h_k - sqrt(k) h_{k-1}, and h_k' = sqrt(k) h_{k-1}.
    """
    before, now = jnp.zeros_like(x), jnp.ones_like(x)
    value, slope = coefficients[0] * now, jnp.zeros_like(x)
    for k in range(1, coefficients.shape[0]):
        before, now = now, (x * now - (k - 1) ** 0.5 * before) / k**0.5
        value, slope = value + coefficients[k] * now, slope + coefficients[k] * k**0.5 * before
    return value, slope


def gauss_hermite(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of E f(x), x ~ N(0, 1), exact for polynomials of degree 2 count - 1."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    return nodes, weights / weights.sum()
