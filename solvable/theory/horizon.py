"""Settings that change in time, or several moments a mode, over any number of steps, in blocks of steps."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Inexact

from solvable.arrays import is_concrete
from solvable.forms.algorithms import Moments
from solvable.forms.spectrum import Spectrum
from solvable.numerics.coupled_steps import Coupled, has_digits
from solvable.numerics.long_run import LONGEST, TOLERANCE, long_run
from solvable.numerics.padding import padded, rounded_up
from solvable.theory.typical import part_kept, typical

SPREAD = 512  # steps on each side of a horizon at which the largest rate is looked for
LONGEST_SCAN = 10_000_000  # steps where every step is visited; what is seen of each is kept until the end
SHORTEST_BLOCKS = 4_096  # steps from which blocks of steps are cheaper than steps
A_RECORD = 16  # steps that cost what a record costs


class Seen(NamedTuple):
    """What is seen of the moments on the way, and what becomes of it, all in one compiled program.

    Attributes:
        weights: (spectrum, algorithm) to (v, offset): numbers offset + sum_j v_j . M_j; shapes (numbers, modes, k) and
            (numbers,).
        finish: (spectrum, algorithm, steps, numbers at the steps) to the answer.
    """

    weights: Callable[[Spectrum, Moments], tuple[Inexact[Array, "numbers modes k"], Float[Array, " numbers"]]]
    finish: Callable[[Spectrum, Moments, Any, Float[Array, "steps numbers"]], Any]


def judged_risk(spectrum: Spectrum, algorithm: Moments):
    """The risk of the judged parameters, as one number to see."""
    return (spectrum.eigvals[:, None] * algorithm.observation())[None], spectrum.floor.real[None]


def follow(spectrum: Spectrum, algorithm: Moments, steps: np.ndarray, seen: Seen) -> Any:
    """What is seen at ``steps``, padded: in blocks of steps where that is cheaper and their error is bounded.

    Raises:
        ValueError: a step is too late where every step has to be visited.
    """
    longest, records = int(steps[-1]), padded(steps, rounded_up(len(steps)))
    if max(SHORTEST_BLOCKS, A_RECORD * len(steps)) < longest < LONGEST and between_steps(spectrum.edge, algorithm):
        answer, bounded = in_blocks(spectrum, algorithm, records, seen)
        if not is_concrete(bounded) or bounded:
            return answer
    if longest > LONGEST_SCAN:
        raise ValueError(
            f"steps: wanted at most {LONGEST_SCAN} where the settings of {type(algorithm).__name__} are not smooth, or "
            f"the risk is not, so that every step is visited; got {longest}"
        )
    answer, clear = step_by_step(spectrum, algorithm, longest + 1, records, seen)
    if is_concrete(clear) and not clear.all():
        raise ValueError(
            f"steps: wanted fewer for the typical draw of a model where modes of {type(algorithm).__name__} oscillate "
            "for long, as rounding leaves no digits of its contour's sums (a draw of the model has no such limit); got "
            f"{longest}"
        )
    return answer


def between_steps(eigval: Inexact[Array, ""], algorithm: Moments) -> bool:
    """Whether the algorithm's settings can be evaluated at times between steps (a table of rates cannot)."""
    try:
        with jax.enable_x64(True):
            eqx.filter_eval_shape(algorithm.decay, jnp.asarray(eigval)[None], jnp.zeros(()))
    except (TypeError, IndexError):
        return False
    return True


@eqx.filter_jit
def step_by_step(full: Spectrum, algorithm: Moments, count: int, steps, seen: Seen) -> tuple[Any, Bool[Array, "..."]]:
    """What is seen at ``steps``, of ``count`` steps that are all visited, and whether rounding leaves digits of it."""
    spectrum = typical(full, algorithm, jnp.arange(count))
    eigvals, mass = spectrum.eigvals, spectrum.mass
    weights, offset = seen.weights(spectrum, algorithm)

    def step(moments, t):
        risk = spectrum.floor + (eigvals * moments[:, 0]).sum().real
        numbers = offset + (weights * moments).sum((-2, -1)).real
        decayed = jnp.einsum("jab,jb->ja", algorithm.decay(eigvals, t), moments)
        injected = algorithm.injection(eigvals, t) * (mass * risk)[:, None]
        # Nodes of a contour may grow and cancel; eigenvalues of a draw cannot.
        clear = has_digits(weights, moments, numbers) if jnp.iscomplexobj(eigvals) else jnp.ones(len(offset), bool)
        return moments - decayed + injected, (numbers, clear)

    numbers, clear = (x[steps] for x in jax.lax.scan(step, algorithm.start(spectrum), jnp.arange(count))[1])
    return seen.finish(full, algorithm, steps, jnp.where(clear, numbers, jnp.nan)), clear


@eqx.filter_jit
def in_blocks(full: Spectrum, algorithm: Moments, steps, seen: Seen) -> tuple[Any, Bool[Array, ""]]:
    """What is seen at ``steps`` below 2^53, and whether its error is bounded: 1e-9 above the floor a block.

    Where it is not, the numbers are NaN from some step on.
    """
    records = jnp.asarray(steps, float)
    looked_at = looked(algorithm, records[-1])
    # Where not all of an outlier's smear decays, how much of it is kept depends on the largest rate of all steps.
    whole = algorithm.stationary | (part_kept(full, algorithm, looked_at) >= 1)
    spectrum = typical(full, algorithm, looked_at)
    numbers, fine = blocks(spectrum, algorithm, records, seen.weights(spectrum, algorithm))
    fine = fine & whole & ~jnp.isnan(numbers).any()
    return seen.finish(full, algorithm, steps, jnp.where(whole, numbers, jnp.nan)), fine


def blocks(
    spectrum: Spectrum, algorithm: Moments, records: Float[Array, " records"], weights: Any, tolerance: Any = TOLERANCE
) -> tuple[Float[Array, "records numbers"], Bool[Array, ""]]:
    """Numbers at increasing steps, in blocks of a spectrum as it stands, and whether their error is bounded.

    Args:
        weights: of the numbers, as `Seen.weights` returns them.
        tolerance: as `long_run`.
    """
    eigvals, mass = spectrum.eigvals, spectrum.mass

    def coefficients(t):
        return algorithm.decay(eigvals, t), algorithm.injection(eigvals, t) * mass[:, None]

    def probe(t):
        edge = spectrum.edge[None].real
        return jnp.concatenate([f(edge, t).ravel() for f in (algorithm.decay, algorithm.injection)])

    system = Coupled(coefficients, probe, eigvals, spectrum.floor.real, *weights)
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
