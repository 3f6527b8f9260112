"""The exact mean of the risk over the data, given the features: the second-moment recursion."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from solvable.arrays import is_concrete
from solvable.forms.algorithms import Moments
from solvable.forms.base import Reading
from solvable.forms.curve import Curve
from solvable.forms.spectrum import Spectrum
from solvable.method import AbstractMethod
from solvable.numerics.coupled_steps import DIGITS, ROUNDING
from solvable.numerics.inversion import FIRST, WINDOW, windows
from solvable.numerics.long_run import LONGEST
from solvable.numerics.padding import padded, rounded_up
from solvable.theory import renewal
from solvable.theory.horizon import between_steps, in_blocks
from solvable.theory.stability import finish
from solvable.theory.typical import typical

LONGEST_SCAN = 10_000_000  # steps where every step is visited; its risk is kept until the end
SHORTEST_BLOCKS = 4_096  # steps from which blocks of steps are cheaper than steps
A_RECORD = 16  # steps that cost what a record costs


class Recursion(AbstractMethod):
    """Expected risk of a one-pass algorithm, exact for Gaussian features at any finite size.

        M_j' = (I - decay_j) M_j + injection_j mass_j risk,     risk = floor + sum_j lambda_j M_j[0].

    On a problem the mean is over the data given this draw; on a model it is that of the typical draw. One moment per
    mode and constant settings are solved in closed form in time (step 10^15 costs what step 10 costs). Schedules, and
    optimizers with several moments, are followed in blocks of steps whose error is bounded (`horizon`); where no such
    blocks exist every step is visited. The risk that is reported is that of the judged parameters (averaged iterates),
    the risk that feeds noise that of the parameters where the gradient is taken.

    Source: Paquette et al. 2024 (arXiv 2405.15074) for the model; the recursion is the Gaussian fourth-moment
    identity E[phi phi^T D D^T phi phi^T] = 2 K D D^T K + K tr(K D D^T).
    """

    references: ClassVar[tuple[str, ...]] = ("paquette2024", "weideman2007")

    @property
    def reads(self):
        return (Reading(Spectrum, Moments),)

    def curve(self, subject: Spectrum, algorithm: Moments, steps: np.ndarray, *, key=None) -> Curve:
        """The expected risk at ``steps``.

        Raises:
            ValueError: a step is too late where every step has to be visited.
        """
        solve = _closed_form if renewal.applies(algorithm) else _follow
        return solve(subject, algorithm, steps).at(steps)


def _closed_form(spectrum: Spectrum, algorithm: Moments, steps: np.ndarray) -> Curve:
    early = steps < FIRST
    times, last, late = windows(steps[~early])
    index = np.concatenate([steps[early], FIRST + late]).astype(np.int64)
    times, last, index = (padded(x, rounded_up(len(x))) for x in (times, last, index))
    return _evaluate(spectrum, algorithm, times, last, index)


@eqx.filter_jit
def _evaluate(spectrum, algorithm, times, last, index) -> Curve:
    """The curve at ``index`` among the steps before FIRST and the ``times`` after them."""
    law = renewal.lower(spectrum, algorithm)
    shift = jnp.log1p(renewal.growth(law))
    late = renewal.at_times(law, times, last, WINDOW, shift)
    late = jnp.where(renewal.resolved(law), late, jnp.nan)
    risk = jnp.concatenate([renewal.first_steps(law), late.reshape(-1)])[index]
    return finish(spectrum, algorithm, index, risk)


def _follow(spectrum: Spectrum, algorithm: Moments, steps: np.ndarray) -> Curve:
    """In blocks of steps where that is cheaper and their error is bounded, else step by step."""
    longest, records = int(steps[-1]), padded(steps, rounded_up(len(steps)))
    if max(SHORTEST_BLOCKS, A_RECORD * len(steps)) < longest < LONGEST and between_steps(spectrum.edge, algorithm):
        curve, bounded = in_blocks(spectrum, algorithm, records)
        if not is_concrete(bounded) or bounded:
            return curve
    if longest > LONGEST_SCAN:
        raise ValueError(
            f"steps: wanted at most {LONGEST_SCAN} where the settings of {type(algorithm).__name__} are not smooth, or "
            f"the risk is not, so that every step is visited; got {longest}"
        )
    curve, clear = _scan(spectrum, algorithm, longest + 1, records)
    if is_concrete(clear) and not clear.all():
        raise ValueError(
            f"steps: wanted fewer for the typical draw of a model where modes of {type(algorithm).__name__} oscillate "
            "for long, as rounding leaves no digits of its contour's sums (a draw of the model has no such limit); got "
            f"{longest}"
        )
    return curve


@eqx.filter_jit
def _scan(full: Spectrum, algorithm: Moments, count: int, steps) -> tuple[Curve, Bool[Array, " steps"]]:
    """The curve, and whether rounding leaves digits of each risk; NaN where it does not."""
    spectrum = typical(full, algorithm, jnp.arange(count))
    eigvals, mass, judged = spectrum.eigvals, spectrum.mass, algorithm.observation()

    def step(moments, t):
        risk = spectrum.floor + (eigvals * moments[:, 0]).sum().real
        seen = risk if algorithm.plain else spectrum.floor + (eigvals * (moments @ judged)).sum().real
        decayed = jnp.einsum("jab,jb->ja", algorithm.decay(eigvals, t), moments)
        injected = algorithm.injection(eigvals, t) * (mass * risk)[:, None]
        clear = jnp.asarray(True)
        if jnp.iscomplexobj(eigvals):  # nodes of a contour may grow and cancel
            parts = (jnp.abs(eigvals) * (jnp.abs(moments) @ jnp.abs(judged))).sum()
            clear = ~(ROUNDING * parts > DIGITS * jnp.abs(seen))
        return moments - decayed + injected, (seen, clear)

    risk, clear = jax.lax.scan(step, algorithm.start(spectrum), jnp.arange(count))[1]
    risk, clear = risk[steps], clear[steps]
    return finish(full, algorithm, steps, jnp.where(clear, risk, jnp.nan)), clear
