"""The standard normal law: its density, its distribution function, and the mean square of its positive part."""

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erf
from jaxtyping import Array, Float


def density(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """phi(x) = exp(-x^2 / 2) / sqrt(2 pi)."""
    return jnp.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


def distribution(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Phi(x), to the absolute precision of float64."""
    return (1 + erf(x / np.sqrt(2))) / 2


def positive_square(x: Float[Array, "..."]) -> tuple[Float[Array, "..."], Float[Array, "..."], Float[Array, "..."]]:
    """E (x + xi)_+^2 = (1 + x^2) Phi(x) + x phi(x) of a standard normal xi, its derivative, half its second one."""
    below, at = distribution(x), density(x)
    return (1 + x**2) * below + x * at, 2 * (x * below + at), below
