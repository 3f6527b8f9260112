"""How much of its spread a model's outlier keeps at an algorithm's rates."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from solvable.forms.algorithms import Moments
from solvable.forms.spectrum import Spectrum
from solvable.numerics.outlier import kept

DOUBLINGS = 12  # the growth of a transition from its power 2^12


def typical(spectrum: Spectrum, algorithm: Moments, count: int = 1) -> Spectrum:
    """The spectrum of a model as the algorithm meets it in the typical draw, in ``count`` steps; of a draw, its own.

    The largest eigenvalue is smeared, as it is over draws, where all of its smear decays. Where some would grow it is
    one number, as it is in the typical draw.
    """
    if spectrum.spread is None:
        return spectrum
    reach = jax.lax.stop_gradient(spectrum.spread.real.max())
    ends = spectrum.edge + reach * jnp.array([1.0, 2.0])

    def least(part, step):
        return jnp.minimum(part, kept(*_decays(algorithm.decay(ends, step)))), None

    part = jnp.ones(())
    part = least(part, 0)[0] if algorithm.stationary else jax.lax.scan(least, part, jnp.arange(count))[0]
    return spectrum.narrowed(part)


def _decays(decay: Float[Array, "modes k k"]) -> Float[Array, " modes"]:
    """How fast each mode decays: its decay, or minus the logarithm of the transition's largest eigenvalue."""
    if decay.shape[-1] == 1:
        return decay[:, 0, 0]
    power, growth = jnp.eye(decay.shape[-1]) - decay, jnp.zeros(decay.shape[0])
    for n in range(DOUBLINGS + 1):
        size = jnp.abs(power).max((-1, -2))
        growth = growth + jnp.log(size) / 2**n
        power = power / size[:, None, None]
        power = power @ power
    return -growth
