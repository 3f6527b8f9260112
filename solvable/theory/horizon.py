"""Settings that change in time, or several moments a mode, over any number of steps, in blocks of steps."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact

from solvable.forms.algorithms import Moments
from solvable.forms.curve import Curve
from solvable.forms.spectrum import Spectrum
from solvable.numerics.coupled_steps import Coupled
from solvable.numerics.long_run import TOLERANCE, long_run
from solvable.theory.stability import finish
from solvable.theory.typical import part_kept, typical

SPREAD = 512  # steps on each side of a horizon at which the largest rate is looked for


def between_steps(eigval: Inexact[Array, ""], algorithm: Moments) -> bool:
    """Whether the algorithm's settings can be evaluated at times between steps (a table of rates cannot)."""
    try:
        with jax.enable_x64(True):
            eqx.filter_eval_shape(algorithm.decay, jnp.asarray(eigval)[None], jnp.zeros(()))
    except (TypeError, IndexError):
        return False
    return True


@eqx.filter_jit
def in_blocks(full: Spectrum, algorithm: Moments, steps) -> tuple[Curve, Bool[Array, ""]]:
    """The curve at ``steps`` below 2^53, and whether its error is bounded: 1e-9 of the risk above the floor a block.

    Where it is not, the risk is NaN from some step on.
    """
    records = jnp.asarray(steps, float)
    looked_at = looked(algorithm, records[-1])
    # Where not all of an outlier's smear decays, how much of it is kept depends on the largest rate of all steps.
    whole = algorithm.stationary | (part_kept(full, algorithm, looked_at) >= 1)
    risk, fine = blocks(typical(full, algorithm, looked_at), algorithm, records)
    fine = fine & ~jnp.isnan(risk).any()
    return finish(full, algorithm, steps, jnp.where(whole, risk, jnp.nan)), fine & whole


def blocks(spectrum: Spectrum, algorithm: Moments, records: Float[Array, " records"], tolerance: Any = TOLERANCE):
    """The risk at increasing steps, in blocks of a spectrum as it stands, and whether its error is bounded."""
    eigvals, mass = spectrum.eigvals, spectrum.mass

    def coefficients(t):
        return algorithm.decay(eigvals, t), algorithm.injection(eigvals, t) * mass[:, None]

    def probe(t):
        edge = spectrum.edge[None].real
        return jnp.concatenate([f(edge, t).ravel() for f in (algorithm.decay, algorithm.injection)])

    system = Coupled(coefficients, probe, eigvals, spectrum.floor.real, algorithm.observation())
    return long_run(system, algorithm.start(spectrum), records, _stops(algorithm), tolerance)


def looked(algorithm: Moments, last: Float[Array, ""]) -> Float[Array, " steps"]:
    """Steps before ``last`` among which the settings that drive the largest eigenvalue hardest are looked for."""
    return _spread(last, _stops(algorithm))


def _stops(algorithm: Moments) -> Float[Array, " stops"]:
    return jax.lax.stop_gradient(_around(algorithm.kinks))


def _around(kinks: Float[Array, " kinks"]) -> Float[Array, " stops"]:
    """The whole steps between which a kink lies; a step on which it lies stands alone."""
    before = jnp.floor(kinks)
    return jnp.concatenate([before, before + 1])


def _spread(last: Float[Array, ""], stops: Float[Array, " stops"]) -> Float[Array, " steps"]:
    """Steps from 0 to before ``last``, dense at both ends, and those around kinks."""
    near = jnp.floor(last ** jnp.linspace(0.0, 1.0, SPREAD))
    even = jnp.floor(jnp.linspace(0.0, last - 1, 2 * SPREAD))
    return jnp.clip(jnp.concatenate([near - 1, last - near, even, stops]), 0.0, last - 1)
