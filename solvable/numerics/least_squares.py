"""Least squares on one data set, directly: penalised, shortest, and along the gradient flow."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def penalised(features: Float[Array, "rows width"], residual: Float[Array, " rows"], total) -> Float[Array, " width"]:
    """argmin |features x - residual|^2 + total |x|^2, from the smaller of the two normal equations."""
    rows, width = features.shape
    solve = partial(jax.scipy.linalg.solve, assume_a="pos")
    if width <= rows:
        return solve(features.T @ features + total * jnp.eye(width), features.T @ residual)
    return features.T @ solve(features @ features.T + total * jnp.eye(rows), residual)


def shortest(features: Float[Array, "rows width"], residual: Float[Array, " rows"], total) -> Float[Array, " width"]:
    """The shortest least-squares solution, by the singular values."""
    return jnp.linalg.lstsq(features, residual)[0]


def flow(
    features: Float[Array, "rows width"], residual: Float[Array, " rows"], samples, times: Float[Array, " times"]
) -> Float[Array, "times width"]:
    """(1 - exp(-tau F^T F / samples)) F^+ residual at every time tau, by the singular values of F."""
    left, values, right = jnp.linalg.svd(features, full_matrices=False)
    present = values > max(features.shape) * jnp.finfo(float).eps * values[0]
    best = jnp.where(present, left.T @ residual / jnp.where(present, values, 1.0), 0.0)
    return (-jnp.expm1(-times[:, None] * values**2 / samples) * best) @ right
