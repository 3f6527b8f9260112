"""The exact mean of the risk over the data, given the features: the second-moment recursion."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from solvable.forms.algorithms import Moments
from solvable.forms.base import Reading
from solvable.forms.curve import Curve
from solvable.forms.spectrum import Spectrum
from solvable.method import AbstractMethod
from solvable.numerics.inversion import FIRST, WINDOW, windows
from solvable.numerics.padding import padded, rounded_up
from solvable.theory import renewal
from solvable.theory.horizon import Seen, follow, judged_risk
from solvable.theory.stability import finish


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
        if renewal.applies(algorithm):
            return _closed_form(subject, algorithm, steps).at(steps)
        return follow(subject, algorithm, steps, RISK).at(steps)


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


def _ended(spectrum: Spectrum, algorithm: Moments, steps, numbers) -> Curve:
    return finish(spectrum, algorithm, steps, numbers[:, 0])


RISK = Seen(judged_risk, _ended)  # the curve of the risk, as what is seen of a run
