"""Complex arithmetic in the form that XLA compiles to fast code."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float, Inexact


def reciprocal(z: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
    """1 / z without the scaling of the complex division, which is several times slower; |z|^2 must not overflow."""
    if not jnp.iscomplexobj(z):
        return 1 / z
    scale = 1 / (z.real**2 + z.imag**2)
    return jax.lax.complex(z.real * scale, -z.imag * scale)


def turn(angle: Float[Array, "*shape"]) -> Complex[Array, "*shape"]:
    """e^{i angle}, without the exponential of the zero real part that the complex one takes."""
    return jax.lax.complex(jnp.cos(angle), jnp.sin(angle))
