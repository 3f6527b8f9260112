"""The learning rate of least expected risk, for every horizon, batch size and width asked for.

For a schedule the horizon is part of the choice: each horizon is a separate run with its own schedule and its own best
peak. Rates are tried over a window, even in the logarithm, and the best of them is refined by golden sections.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from solvable.algorithms import AbstractLinear, BatchSchedule
from solvable.algorithms.base import AbstractAlgorithm, check_settings
from solvable.arguments import check_integer, check_integers, check_reals, check_window, refusal
from solvable.forms.algorithms import Moments
from solvable.forms.base import AbstractSubject
from solvable.forms.spectrum import Spectrum
from solvable.method import read, read_model
from solvable.models.base import HasWidths
from solvable.numerics.inversion import FIRST, SINGLE
from solvable.numerics.long_run import LONGEST
from solvable.numerics.minimum import golden_sections
from solvable.numerics.precision import in_float64
from solvable.theory import renewal
from solvable.theory.frontier_checks import Asked, Constant
from solvable.theory.horizon import Seen, between_steps, in_blocks, judged_risk

Build = Callable[[Any], Any]
TOGETHER = 16  # closed forms evaluated side by side
SECTIONS = 32  # golden sections: the rate to 10^-6 where the risk has the digits for it
SMALLEST = 0.01  # of the rate at which the fastest mode is just learned within the horizon
LARGEST = 8.0  # times the inverse of the largest eigenvalue
LOOKS = 64  # at a schedule, for its largest value
MOST_RATES = 10**6


class BestRate(eqx.Module):
    """The best learning rate, of shape (steps,), with an axis of batch sizes after and of widths before where given.

    Attributes:
        rate: the best factor on the algorithm's own learning rate: of an algorithm whose rate is 1, or a schedule that
            peaks at 1, the best rate or peak itself.
        risk: the expected risk there, of the judged parameters at the last step.
        excess: the same above the floor.
        interior: whether the best rate lies within the window, and not at its ends.
        unresolved: how many of the rates tried have no answer whose error is bounded; they count as bad ones.
    """

    rate: Float[Array, "..."]
    risk: Float[Array, "..."]
    excess: Float[Array, "..."]
    interior: Bool[Array, "..."]
    unresolved: Int[Array, "..."]


@in_float64
def best_learning_rate(
    model: AbstractSubject,
    algorithm: AbstractAlgorithm | Build,
    steps: Any,
    *,
    batch_size: Any = None,
    width: Any = None,
    rates: int = 64,
    window: Any = None,
    nodes: int | None = None,
) -> BestRate:
    """The learning rate of least expected risk after ``steps`` steps.

    One moment per mode and constant settings are solved in closed form at any horizon; everything else in blocks of
    steps with a bounded error, as `Recursion`.

    Args:
        model: a law or a draw on a fresh stream.
        algorithm: an optimizer with second moments; or a function of the horizon that returns one, for schedules:
            ``lambda T: sv.SGD(sv.schedules.linear(1.0, T))``. The horizon is then traced.
        steps: horizons, increasing integers from 1 to 2^53.
        batch_size: batch sizes in place of the algorithm's own, numbers >= 1, infinity for the population gradient.
        width: widths in place of the model's own, for a law with ``at_width``.
        rates: how many rates are tried before the best is refined.
        window: (low, high) factors between which they are tried; the default reaches from rates at which nothing is
            learned to rates at which SGD cannot be stable.
        nodes: contour nodes of a law's spectrum, where it takes them; fewer are faster.

    Raises:
        ValueError: an argument is impossible, or the algorithm's settings cannot be evaluated between steps.
    """
    reader = "best_learning_rate(...)"
    horizons = check_integers("steps", steps, "a nonempty vector of integers", least=1)
    if horizons[-1] > LONGEST:
        raise ValueError(f"steps: wanted integers from 1 to 2^53; got {horizons[-1]}")
    read_model(model, Spectrum, reader=reader)
    build, sizes = checked_build(model, algorithm, horizons, batch_size, reader)
    rates = check_integer("rates", rates, 3, MOST_RATES)
    if window is not None:
        window = check_window("window", window)
        if window[0] <= 0:
            raise refusal("window", "a window (low, high) with 0 < low < high", window)
        window = np.array(window)
    laws = _laws(model, width)
    found = [_best(spectrum_of(law, nodes), build, horizons.astype(float), sizes, rates, window) for law in laws]
    shape = (len(horizons), *np.shape(sizes))
    results = [jax.tree.map(lambda x: x.reshape(shape), one) for one in found]
    return results[0] if width is None else jax.tree.map(lambda *x: jnp.stack(x), *results)


def checked_build(model, algorithm: Any, horizons, batch_size: Any, reader: str) -> tuple[Build, Any]:
    """The algorithm as a function of the horizon, and the batch sizes as an array or None.

    Raises:
        ValueError: what it returns states no second moments, or is not smooth in time, or takes no other batch size.
    """
    wanted = "an algorithm, or a function of the horizon that returns one"
    build = Constant(algorithm) if isinstance(algorithm, AbstractAlgorithm) else Asked(algorithm, wanted, planned=False)
    for last in {int(horizons[0]), int(horizons[-1])}:
        sample = build(float(last))
        if not isinstance(sample, AbstractAlgorithm):
            raise refusal("algorithm", wanted, sample)
        spectrum, moments = read(model, sample, Spectrum, Moments, reader=reader)
        check_settings(sample, last)
        if not between_steps(spectrum.edge, moments):
            raise refusal("algorithm", "settings that can be evaluated between steps (no tables)", sample)
        if batch_size is not None and not isinstance(sample, AbstractLinear):
            raise refusal("batch_size", f"None for {type(sample).__name__}, which is no row of the table", batch_size)
    if batch_size is None:
        return build, None
    sizes = check_reals("batch_size", batch_size, "numbers >= 1", lambda b: b >= 1, largest=np.inf)
    if np.ndim(sizes) > 1:
        raise refusal("batch_size", "a number or a vector of them", batch_size)
    return build, sizes


def _laws(model: Any, width: Any) -> list[Any]:
    if width is None:
        return [model]
    widths = check_reals("width", width, "a vector of finite numbers >= 1", lambda n: (n >= 1) & np.isfinite(n), ndim=1)
    if not isinstance(model, HasWidths):
        raise refusal("model", "a law with at_width, like PowerLawRF, for several widths", model)
    return [model.at_width(n) for n in widths]


def spectrum_of(model: Any, nodes: int | None) -> Spectrum:
    """The spectrum of a law, with this number of contour nodes if it is given, or that of a draw.

    Raises:
        ValueError: ``nodes`` is none, or is given for a model without a contour.
    """
    if nodes is None:
        return model.lower(Spectrum)
    nodes = check_integer("nodes", nodes, 64, 10**5)
    if not isinstance(model, HasWidths):
        raise refusal("nodes", "None for a model whose spectrum is no contour", nodes)
    family: Any = model
    return family.spectrum(nodes)


@eqx.filter_jit
def _best(spectrum: Spectrum, build: Build, horizons, sizes, rates: int, window) -> BestRate:
    sizes = None if sizes is None else jnp.asarray(sizes, float).reshape(-1)
    places = [jnp.repeat(horizons, 1 if sizes is None else len(sizes))]
    if sizes is not None:
        places.append(jnp.tile(sizes, len(horizons)))

    def one(at: Any):
        return best_of(spectrum, build, *at, rates=rates, window=window)

    return jax.lax.map(one, tuple(places))


def best_of(
    spectrum: Spectrum, build: Build, last, size=None, *, rates: int, window=None, sections: int = SECTIONS
) -> BestRate:
    """The best rate at one horizon and batch size, which may be traced."""
    algorithm = build(last)
    if size is not None:
        algorithm = BatchSchedule(algorithm, size)

    def risk(log_rates):
        return excess_risk(spectrum, algorithm, jnp.exp(log_rates), last)

    low, high = jnp.log(jnp.stack(_window(spectrum, algorithm, last))) if window is None else jnp.log(window)
    grid = low + (high - low) * jnp.linspace(0.0, 1.0, rates)
    values = risk(grid)
    best = jnp.argmin(jnp.where(jnp.isnan(values), jnp.inf, values))
    ends = grid[jnp.maximum(best - 1, 0)], grid[jnp.minimum(best + 1, rates - 1)]
    log_rate = golden_sections(lambda x: risk(x[None])[0], *ends, sections)
    excess = risk(log_rate[None])[0]
    # Where sections end at a risk above that of the grid (it is flat to rounding) the grid's own rate is kept.
    worse = ~(excess <= values[best])
    log_rate, excess = jnp.where(worse, grid[best], log_rate), jnp.where(worse, values[best], excess)
    interior = (best > 0) & (best < rates - 1) & jnp.isfinite(excess)
    unresolved = jnp.isnan(values).sum()
    return BestRate(jnp.exp(log_rate), spectrum.floor.real + excess, excess, interior, unresolved)


def _window(spectrum: Spectrum, algorithm: Any, last):
    own: Any = algorithm.learning_rate
    rate, edge = own, spectrum.edge.real
    if callable(own):
        times = jnp.floor(jnp.linspace(0.0, 1.0, LOOKS + 1)[:-1] * last)
        rate = jax.vmap(lambda t: jnp.asarray(own(t), float))(times).max()
    return SMALLEST / (rate * edge * last), LARGEST / (rate * edge)


def excess_risk(spectrum: Spectrum, algorithm: Any, factors: Float[Array, " rates"], last) -> Float[Array, " rates"]:
    """The risk above the floor after ``last`` steps, for many factors on the rate; infinite where it blew up."""
    one = _closed_form if renewal.applies(algorithm) else _in_blocks
    together = TOGETHER if renewal.applies(algorithm) else None
    return jax.lax.map(lambda f: one(spectrum, algorithm.rescale(f), last), factors, batch_size=together)


def _closed_form(spectrum: Spectrum, algorithm: Any, last):
    law = renewal.lower(spectrum, algorithm)
    time = jnp.maximum(last, float(FIRST))
    late = renewal.above_floor(law, time[None, None], time[None], SINGLE, jnp.log1p(renewal.growth(law)))[0, 0]
    late = jnp.where(renewal.resolved(law), late, jnp.nan)
    early = renewal.first_steps(law)[jnp.minimum(last, FIRST - 1.0).astype(int)] - law.floor
    return jnp.where(last < FIRST, early, late)


def _in_blocks(spectrum: Spectrum, algorithm: Any, last):
    return in_blocks(spectrum, algorithm, last[None], ABOVE_FLOOR)[0]


def _above_floor(spectrum: Spectrum, algorithm: Moments):
    weights, offset = judged_risk(spectrum, algorithm)
    return weights, 0.0 * offset


def _number(spectrum: Spectrum, algorithm: Moments, steps, numbers):
    return numbers[0, 0]


ABOVE_FLOOR = Seen(_above_floor, _number)  # the risk above the floor at one step
