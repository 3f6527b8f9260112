"""Forward solution of discrete Volterra equations P(t) = f(t) + sum_{s<t} K(t, s) P(s).

Forward substitution, not a Fourier transform: every term is positive, so the solution keeps its relative accuracy
however far it decays.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

BLOCK = 256


@jax.jit
def solve_convolution(forcing: Float[Array, " steps"], kernel: Float[Array, " steps"]) -> Float[Array, " steps"]:
    """K(t, s) = kernel[t - 1 - s]. Blocks of steps: the past by a matrix product, the present by substitution."""
    count = forcing.shape[0]
    size = -(-count // BLOCK) * BLOCK
    f = jnp.zeros(size, forcing.dtype).at[:count].set(forcing)
    lagged = jnp.zeros(size + 1, kernel.dtype).at[1 : count + 1].set(kernel)  # lagged[t - s] = K(t, s)
    lag = jnp.arange(BLOCK)[:, None] - jnp.arange(BLOCK)
    within = jnp.where(lag > 0, lagged[jnp.maximum(lag, 0)], 0)
    identity = jnp.eye(BLOCK, dtype=within.dtype)

    def block(solution, b):
        def past(c, total):
            lags = jnp.clip((b - c) * BLOCK + lag, 0, size)
            old = jax.lax.dynamic_slice(solution, (c * BLOCK,), (BLOCK,))
            return total + lagged[lags] @ old

        start = jax.lax.dynamic_slice(f, (b * BLOCK,), (BLOCK,))
        known = jax.lax.fori_loop(0, b, past, start)
        new = jax.scipy.linalg.solve_triangular(identity - within, known, lower=True, unit_diagonal=True)
        return jax.lax.dynamic_update_slice(solution, new, (b * BLOCK,)), None

    return jax.lax.scan(block, jnp.zeros_like(f), jnp.arange(size // BLOCK))[0][:count]


@jax.jit
def solve_triangular(
    forcing: Float[Array, " steps"], kernel: Float[Array, "steps steps"]
) -> Float[Array, " steps"]:
    """K(t, s) = kernel[t, s], used for s < t only."""
    system = jnp.eye(forcing.shape[0], dtype=kernel.dtype) - jnp.tril(kernel, -1)
    return jax.scipy.linalg.solve_triangular(system, forcing, lower=True, unit_diagonal=True)


@jax.jit
def convolve(kernel: Float[Array, " steps"], risk: Float[Array, " steps"]) -> Float[Array, " steps"]:
    """sum_{s<t} kernel[t - 1 - s] risk[s], without a Fourier transform for the same reason."""
    count = kernel.shape[0]
    past = jnp.zeros(2 * count, risk.dtype).at[count + 1 :].set(risk[: count - 1])

    def lag(i, total):
        return total + kernel[i] * jax.lax.dynamic_slice(past, (count - i,), (count,))

    return jax.lax.fori_loop(0, count, lag, jnp.zeros(count, risk.dtype))


@jax.jit
def multiply(kernel: Float[Array, "steps steps"], risk: Float[Array, " steps"]) -> Float[Array, " steps"]:
    """sum_{s<t} kernel[t, s] risk[s]."""
    return jnp.tril(kernel, -1) @ risk
