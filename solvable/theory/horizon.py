"""Settings that change in time, or several moments a mode, over any number of steps, in blocks of steps."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from solvable.forms.algorithms import Moments
from solvable.forms.curve import Curve
from solvable.forms.spectrum import Spectrum
from solvable.numerics.coupled_steps import Coupled
from solvable.numerics.long_run import long_run
from solvable.theory.stability import finish
from solvable.theory.typical import part_kept, typical

SPREAD = 512  # steps on each side of a horizon at which the largest rate is looked for


def between_steps(spectrum: Spectrum, algorithm: Moments) -> bool:
    """Whether the algorithm's settings can be evaluated at times between steps (a table of rates cannot)."""
    try:
        eqx.filter_eval_shape(algorithm.decay, spectrum.eigvals[:1], jnp.zeros(()))
    except (TypeError, IndexError):
        return False
    return True


@eqx.filter_jit
def in_blocks(full: Spectrum, algorithm: Moments, steps) -> tuple[Curve, Bool[Array, ""]]:
    """The curve at ``steps`` below 2^53, and whether its error is bounded: 1e-9 of the risk above the floor a block.

    Where it is not, the risk is NaN from some step on.
    """
    records = jnp.asarray(steps, float)
    stops = jax.lax.stop_gradient(_around(algorithm.kinks))
    looked_at = _spread(records[-1], stops)
    # Where not all of an outlier's smear decays, how much of it is kept depends on the largest rate of all steps.
    whole = algorithm.stationary | (part_kept(full, algorithm, looked_at) >= 1)
    spectrum = typical(full, algorithm, looked_at)
    eigvals, mass = spectrum.eigvals, spectrum.mass

    def coefficients(t):
        return algorithm.decay(eigvals, t), algorithm.injection(eigvals, t) * mass[:, None]

    def probe(t):
        edge = spectrum.edge[None].real
        return jnp.concatenate([f(edge, t).ravel() for f in (algorithm.decay, algorithm.injection)])

    system = Coupled(coefficients, probe, eigvals, spectrum.floor.real, algorithm.observation())
    risk, fine = long_run(system, algorithm.start(spectrum), records, stops)
    return finish(full, algorithm, steps, jnp.where(whole, risk, jnp.nan)), fine & whole


def _around(kinks: Float[Array, " kinks"]) -> Float[Array, " stops"]:
    """The whole steps between which a kink lies; a step on which it lies stands alone."""
    before = jnp.floor(kinks)
    return jnp.concatenate([before, before + 1])


def _spread(last: Float[Array, ""], stops: Float[Array, " stops"]) -> Float[Array, " steps"]:
    """Steps from 0 to before ``last``, dense at both ends, and those around kinks."""
    near = jnp.floor(last ** jnp.linspace(0.0, 1.0, SPREAD))
    even = jnp.floor(jnp.linspace(0.0, last - 1, 2 * SPREAD))
    return jnp.clip(jnp.concatenate([near - 1, last - near, even, stops]), 0.0, last - 1)
