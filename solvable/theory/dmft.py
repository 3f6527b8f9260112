"""Dynamical mean-field theory of full-batch training: test and training risk when a finite data set is reused."""

from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from solvable.algorithms.base import AbstractAlgorithm
from solvable.arrays import as_float64
from solvable.forms.algorithms import Descent, Moments
from solvable.forms.base import AbstractSubject, Reading
from solvable.forms.curve import Curve
from solvable.forms.population import Endless, Population
from solvable.forms.spectrum import Spectrum
from solvable.method import AbstractMethod, check_kind, read
from solvable.numerics.inversion import FIRST, RATIO, windows
from solvable.numerics.padding import padded, rounded_up
from solvable.theory.recursion import Recursion
from solvable.theory.ridge_equations import ridge_risk
from solvable.theory.sections import Section, everywhere, lower
from solvable.theory.two_point import pairs, same_time

SLOTS, ROWS = 16, 4  # windows and their times come in multiples of these


class DMFT(AbstractMethod):
    """Risk and training risk of gradient descent or flow on a finite data set, for the typical draw.

    The responses and correlations of the mean-field theory are those of ridge regression at a complex penalty
    (see `solvable.theory.two_point`); a contour around the spectrum of the sample covariance turns penalties into
    times. No equation in time is solved: step 10^15 costs what step 10 costs, at any width and number of samples.
    It takes ``SGD(batch_size=None)`` and ``GradientFlow()`` with a constant learning rate. On a fresh stream
    (samples=None) they are descent and flow of the population risk; anything else on a stream goes to `Recursion`.

    The typical draw is not the mean over draws: they differ by O(1/width + 1/samples). Descent is stable up to 2 over
    its largest eigenvalue. The theory smears that into a band. Where an eigenvalue stands alone the band narrows to one
    number as the learning rate nears the threshold (see `solvable.theory.sections`). Where none does, at few features
    or samples, learning rates at which the end of the band grows while the typical draw decays have no answer: NaN.

    Source: Bordelon, Atanasov, Pehlevan 2024 (arXiv 2402.01092).
    """

    references: ClassVar[tuple[str, ...]] = ("bordelon2024", "atanasov2024", "weideman2007")

    @property
    def reads(self):
        return Reading(Population, Descent), Reading(Endless, Descent), Reading(Spectrum, Moments)

    def curve(self, subject: Population | Spectrum, algorithm: Any, steps: np.ndarray, *, key=None) -> Curve:
        """The risk at ``steps``, with the training risk where there is a data set."""
        if isinstance(subject, Spectrum):
            return Recursion().curve(subject, algorithm, steps, key=key)
        rate, continuous = rate_of(algorithm)
        plan = recorded_times(steps, continuous)
        place = padded(plan.place, rounded_up(len(steps)))
        return _curve(subject, rate, plan.first, plan.times, plan.last, place, continuous).at(steps)


def rate_of(algorithm: Descent) -> tuple[Float[Array, ""], bool]:
    """(learning rate, whether time is continuous)."""
    return as_float64(algorithm.learning_rate), algorithm.continuous


def lowered(model: AbstractSubject, algorithm: AbstractAlgorithm, reader: str) -> tuple[Population, Descent]:
    """The population of a data set or of a stream, and the descent on it, for the functions beside `DMFT`."""
    check_kind("model", model, AbstractSubject)
    forms = Endless if model.samples is None else Population
    return read(model, algorithm, forms, Descent, reader=reader)


class RecordedTimes(NamedTuple):
    """Recorded steps in groups: the first ones, and windows [last / 4, last].

    ``place`` says where each step is among the first ones and the slots of all windows, laid end to end.
    """

    first: Float[np.ndarray, " first"]
    times: Float[np.ndarray, "windows slots"]
    last: Float[np.ndarray, " windows"]
    place: np.ndarray


def recorded_times(steps: np.ndarray, continuous: bool) -> RecordedTimes:
    """The groups of some steps. Descent has 64 first steps. Flow has step 0 alone, its windows begin at step 1."""
    count = 1 if continuous else FIRST
    steps = np.asarray(steps)
    early = steps < count
    times, last, late = windows(np.asarray(steps[~early], float) * (FIRST / count))
    place = np.zeros(len(steps), int)
    place[early] = steps[early]
    # Padded, so that most lists of steps have one of a few shapes and are compiled for once.
    slots, rows = max(SLOTS, times.shape[1]), -(-max(len(last), 1) // ROWS) * ROWS
    late = late // times.shape[1] * slots + late % times.shape[1]
    place[~early] = count + late
    last = np.append(last, np.full(rows - len(last), last[-1] if len(last) else FIRST * RATIO))
    filled = np.repeat(last[:, None], slots, axis=1)
    filled[: times.shape[0], : times.shape[1]] = times
    scale = count / FIRST
    return RecordedTimes(np.arange(float(count)), filled * scale, last * scale, place)


@eqx.filter_jit
def _curve(population: Population, rate, first, times, last, place, continuous: bool) -> Curve:
    risk, train, largest, limit = _risks(population, rate, first, times, last, continuous)
    risk, train = risk[place], train[place]
    divergent = jnp.asarray(False) if continuous else rate * largest > 2
    risk, train = (jnp.where(divergent & ~jnp.isfinite(x), jnp.inf, x) for x in (risk, train))
    stats = {"limit_risk": jnp.where(divergent, jnp.inf, limit)}
    if not continuous:
        stats["critical_learning_rate"] = 2 / largest
    train = None if isinstance(population, Endless) else train
    start = population.power.sum() + population.noise**2
    return Curve.of(place, risk, start=start, diverges=divergent, stats=stats, train_risk=train)


def _risks(population: Population, rate, first, times, last, continuous: bool):
    training = lower(population, rate, continuous)

    def risks(section: Section):
        points = section.points
        direct, crossed = pairs(training.modes, training.noise, points, points, 1, 1)
        test = same_time(direct.c0, crossed.c0, section.coefficient)
        return test, same_time(direct.c0 * direct.of_samples, crossed.c0 * crossed.of_samples, section.coefficient)

    risk, train = everywhere(training, risks, first, times, last)
    return risk, train, training.largest, ridge_risk(population, jnp.zeros(())).risk
