"""The exact mean of the risk over the data, given the features: the second-moment recursion."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from solvable.algorithms.base import AbstractModewise
from solvable.curve import Curve
from solvable.method import AbstractMethod, View
from solvable.models.base import AbstractModel, require_fresh_stream
from solvable.numerics.inversion import FIRST, WINDOW, windows
from solvable.spectrum import Spectrum
from solvable.theory import renewal
from solvable.theory.stability import finish, require_modewise

LONGEST_SCAN = 10_000_000  # steps of a schedule: every step is visited and its risk kept until the end


class Recursion(AbstractMethod[AbstractModewise]):
    """Expected risk of a one-pass algorithm, exact for Gaussian features at any finite size.

        M_j' = (I - decay_j) M_j + injection_j mass_j risk,     risk = floor + sum_j lambda_j M_j[0].

    On a problem the mean is over the data given this draw; on a model it is that of the typical draw. A constant
    learning rate is solved in closed form in time (step 10^15 costs what step 10 costs); a schedule is iterated.

    Source: Paquette et al. 2024 (arXiv 2405.15074) for the model; the recursion is the Gaussian fourth-moment
    identity E[phi phi^T D D^T phi phi^T] = 2 K D D^T K + K tr(K D D^T).
    """

    references: ClassVar[tuple[str, ...]] = ("paquette2024", "weideman2007")

    def view(self, model, algorithm) -> View:
        return "spectrum" if model.samples is None else "model"

    def curve(self, model: AbstractModel, algorithm: AbstractModewise, steps: np.ndarray, *, key=None) -> Curve:
        require_modewise(algorithm, "Recursion()")
        require_fresh_stream(model, "Recursion()")
        spectrum = model.spectrum()
        if renewal.applies(spectrum, algorithm):
            risk = _closed_form(spectrum, algorithm, steps)
        else:
            risk = _iterate(spectrum, algorithm, steps)
        return finish(spectrum, algorithm, steps, risk)


def _closed_form(spectrum: Spectrum, algorithm: AbstractModewise, steps: np.ndarray):
    early = steps < FIRST
    times, last, index = windows(steps[~early])
    first, late = _evaluate(spectrum, algorithm, times, last)
    return jnp.concatenate([first[steps[early]], late.reshape(-1)[index]])


@eqx.filter_jit
def _evaluate(spectrum, algorithm, times, last):
    law = renewal.lower(spectrum, algorithm)
    shift = jnp.log1p(renewal.growth(law))
    late = renewal.at_times(law, times, last, WINDOW, shift)
    return renewal.first_steps(law), jnp.where(renewal.resolved(law), late, jnp.nan)


def _iterate(spectrum: Spectrum, algorithm: AbstractModewise, steps: np.ndarray):
    longest = int(steps[-1])
    if longest > LONGEST_SCAN:
        raise ValueError(
            f"steps: wanted at most {LONGEST_SCAN} where the learning rate follows a schedule (every step is "
            f"visited; a constant rate has no limit); got {longest}"
        )
    return _scan(spectrum, algorithm, longest + 1)[steps]


@eqx.filter_jit
def _scan(spectrum: Spectrum, algorithm: AbstractModewise, count: int):
    eigvals, mass = spectrum.eigvals, spectrum.mass

    def step(moments, t):
        risk = spectrum.floor + (eigvals * moments[:, 0]).sum().real
        decayed = jnp.einsum("jab,jb->ja", algorithm.decay(eigvals, t), moments)
        injected = algorithm.injection(eigvals, t) * (mass * risk)[:, None]
        return moments - decayed + injected, risk

    k = eqx.filter_eval_shape(algorithm.injection, eigvals, 0).shape[-1]
    start = jnp.zeros((eigvals.shape[0], k), eigvals.dtype).at[:, 0].set(spectrum.error)
    return jax.lax.scan(step, start, jnp.arange(count))[1]
