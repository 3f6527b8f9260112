"""The critical batch size by the three definitions in use, with the learning rate tuned at every batch and horizon.

A loss is set as a target: what the best run on ``samples`` fresh examples reaches with the smallest batch. Then

    overhead     the largest batch that reaches it with at most 1 + overhead times the examples (20% in Zhang et al.);
    trade-off    E_min / S_min: (S / S_min - 1) (E / E_min - 1) = 1 for the steps S and examples E that reach the target
                 (McCandlish et al. 2018, equation 2.11), S_min steps at infinite batch, E_min examples at the smallest;
    noise scale  B_simple and B_noise (McCandlish et al. 2018, equations 2.8 and 2.9) at the end of the fastest run, of
                 S_min steps at infinite batch, and at the end of the best run with the smallest batch.

They need not agree, not even in their exponents.
"""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.optimize import brentq

from solvable.algorithms.base import AbstractAlgorithm
from solvable.algorithms.wrappers import BatchSchedule
from solvable.arguments import check_real, check_reals
from solvable.forms.base import AbstractSubject
from solvable.forms.spectrum import Spectrum
from solvable.method import read_model
from solvable.numerics.long_run import LONGEST
from solvable.numerics.precision import in_float64
from solvable.theory.horizon import Seen, in_blocks
from solvable.theory.noise_scale import gradients, scales
from solvable.verbs.best_rate import Build, best_of, checked_build, spectrum_of

RATES = 16  # tried at every batch and horizon
SECTIONS = 18  # golden sections after that: the rate to 10^-3, the risk to 10^-5
PRECISE = 1e-4  # of a logarithm of batch or steps
FEWEST = 1000.0  # steps of the run that sets the target
NOTHING = 1e-300  # what is left above the floor where all is learned, to rounding
WHOLE = 1e4  # steps from which horizons are rounded to whole ones; the risk is interpolated between shorter ones


class CriticalBatch(eqx.Module):
    """Critical batch sizes at several numbers of samples; every attribute has shape (samples,).

    Attributes:
        samples: D, the examples of the best run with the smallest batch, which sets the target.
        target: its risk above the floor.
        fewest_steps: S_min, the steps of the fastest run that reaches it, with an infinite batch.
        overhead: the largest batch that reaches it with (1 + overhead) D examples.
        tradeoff: D / S_min.
        simple, noise: B_simple and B_noise at the end of the fastest run.
        simple_best, noise_best: B_simple and B_noise at the end of the best run with the smallest batch.
    """

    samples: Float[Array, " samples"]
    target: Float[Array, " samples"]
    fewest_steps: Float[Array, " samples"]
    overhead: Float[Array, " samples"]
    tradeoff: Float[Array, " samples"]
    simple: Float[Array, " samples"]
    noise: Float[Array, " samples"]
    simple_best: Float[Array, " samples"]
    noise_best: Float[Array, " samples"]
    references = ("mccandlish2018", "zhang2024critical")


@in_float64
def critical_batch_size(
    model: AbstractSubject,
    algorithm: AbstractAlgorithm | Build,
    samples: Any,
    *,
    overhead: float = 0.2,
    smallest: float = 1.0,
    nodes: int | None = None,
) -> CriticalBatch:
    """The critical batch size at every number of samples, by each definition.

    Every run has the learning rate (the peak of its schedule) that is best for its batch and horizon: a few hundred
    curves for each number of samples, 1 second in all at a constant rate and 20 to 60 for a schedule.

    Args:
        model: a law or a draw on a fresh stream.
        algorithm: an `AbstractLinear` optimizer, or a function of the horizon that returns one, as for
            `best_learning_rate`; its own batch size is not used.
        samples: D, increasing numbers, at least 1000 times ``smallest``.
        overhead: what is allowed over D, above 0.
        smallest: the batch of the run that sets the target.
        nodes: contour nodes of a law's spectrum, where it takes them; fewer are faster.

    Raises:
        ValueError: an argument is impossible, or the target cannot be reached otherwise: the tuned risk of the smallest
            batch rises with the samples, or an infinite batch needs more than ``samples`` steps.
    """
    check_real("overhead", overhead, "a finite number > 0", lambda x: 0 < x < math.inf)
    check_real("smallest", smallest, "a finite number >= 1", lambda x: 1 <= x < math.inf)
    least = FEWEST * float(smallest)
    wanted = f"a vector of numbers from {least:g} to 2^53"
    budgets = check_reals("samples", samples, wanted, lambda x: (x >= least) & (x <= LONGEST), ndim=1)
    read_model(model, Spectrum, reader="critical_batch_size(...)")
    shortest = np.array([FEWEST, budgets.max()]).astype(int)
    build, _ = checked_build(model, algorithm, shortest, [smallest], "critical_batch_size(...)")
    spectrum = spectrum_of(model, nodes)
    columns = [_one(spectrum, build, float(d), float(overhead), float(smallest)) for d in budgets]
    return CriticalBatch(budgets, *np.array(columns, float).T)


def _one(spectrum: Spectrum, build: Build, samples: float, overhead: float, smallest: float) -> tuple[float, ...]:
    def risk(batch: float, examples: float) -> float:
        """The logarithm of the tuned risk above the floor; at real numbers of steps, between those of whole ones."""
        return _tuned(spectrum, build, examples / batch, batch)

    target = _tuned(spectrum, build, samples / smallest, smallest)
    more = (1 + overhead) * samples
    largest = _root(lambda x: risk(math.exp(x), more) - target, math.log(smallest), math.log(more), "overhead")
    steps = _root(
        lambda x: target - _tuned(spectrum, build, math.exp(x), math.inf), 0.0, math.log(samples), "samples"
    )
    fewest = math.exp(steps)
    quick, best = (_at_end(spectrum, build, *run) for run in ((fewest, math.inf), (samples / smallest, smallest)))
    return math.exp(target), fewest, math.exp(largest), samples / fewest, *quick, *best


def _root(increasing: Callable[[float], float], low: float, high: float, name: str) -> float:
    """Where an increasing function of a logarithm is 0; its end where it is negative up to there."""
    ends = increasing(low), increasing(high)
    if not np.isfinite(ends).all():
        raise ValueError(f"{name}: wanted numbers at which every tuned risk has a bounded error; got one that has none")
    if ends[0] >= 0 or ends[1] <= 0:
        return low if ends[0] >= 0 else high
    return float(brentq(increasing, low, high, xtol=PRECISE))  # pyright: ignore[reportArgumentType]


def _tuned(spectrum: Spectrum, build: Build, steps: float, batch: float) -> float:
    """The logarithm of the tuned risk above the floor, linear in log steps between whole numbers of them."""
    below = max(1.0, math.floor(steps))
    ends = [below] if steps == below or steps > WHOLE else [below, below + 1]
    logs = [float(_log_risk(spectrum, build, jnp.asarray(x), jnp.asarray(batch))) for x in ends]
    if len(ends) == 1:
        return logs[0]
    return float(np.interp(math.log(max(steps, below)), np.log(ends), logs))


@eqx.filter_jit
def _log_risk(spectrum: Spectrum, build: Build, last, size):
    excess = best_of(spectrum, build, last, size, rates=RATES, sections=SECTIONS).excess
    return jnp.log(jnp.maximum(excess, NOTHING))


def _at_end(spectrum: Spectrum, build: Build, steps: float, batch: float) -> tuple[float, float]:
    numbers = (jnp.asarray(x) for x in (max(1.0, math.floor(steps)), batch))
    *_, simple, noise = _noise_at_end(spectrum, build, *numbers)
    return float(simple[0]), float(noise[0])


@eqx.filter_jit
def _noise_at_end(spectrum: Spectrum, build: Build, last, size):
    """The rate is found to all its digits: at the edge of stability the noise scale depends on them."""
    rate = best_of(spectrum, build, last, size, rates=RATES).rate
    algorithm = BatchSchedule(build(last), size).rescale(rate)
    return in_blocks(spectrum, algorithm, last[None], Seen(gradients, scales))[0]
