"""How much of its spread a model's outlier keeps at an algorithm's rates."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from solvable.forms.algorithms import Moments
from solvable.forms.spectrum import Spectrum
from solvable.numerics.outlier import kept

TOGETHER = 1024  # steps looked at together
DOUBLINGS = 34  # the growth of a transition from its power 2^34
STILL = 1e-9  # a growth or decay a step that is none: rates that have come down to 0


def typical(spectrum: Spectrum, algorithm: Moments, steps: Float[Array, " steps"] | None = None) -> Spectrum:
    """The spectrum of a model as the algorithm meets it in the typical draw; of a draw, its own.

    The largest eigenvalue is smeared, as it is over draws, where all of its smear decays. Where some would grow it is
    one number, as it is in the typical draw.

    Args:
        steps: those at which settings differ; None for constant settings.
    """
    if spectrum.spread is None:
        return spectrum
    return spectrum.narrowed(part_kept(spectrum, algorithm, steps))


def part_kept(spectrum: Spectrum, algorithm: Moments, steps: Float[Array, " steps"] | None) -> Float[Array, ""]:
    """The least part of its spread that the outlier keeps at any of ``steps``; 1 for one draw."""
    if spectrum.spread is None:
        return jnp.ones(())
    reach = jax.lax.stop_gradient(spectrum.spread.real.max())
    ends = spectrum.edge + reach * jnp.array([1.0, 2.0])

    def part(step):
        decays = _decays(algorithm.decay(ends, step))
        return kept(*jnp.where(jnp.abs(decays) < STILL, 0.0, decays))

    if algorithm.stationary or steps is None:
        return part(0)
    return jax.lax.map(part, steps, batch_size=TOGETHER).min()


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
