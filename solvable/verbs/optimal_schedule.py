"""The schedule of least risk at a horizon, within a family or free in form, by gradient."""

import math
from collections.abc import Callable
from typing import Any, ClassVar, Literal, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float
from scipy.optimize import minimize

from solvable.algorithms import schedules
from solvable.algorithms.base import AbstractAlgorithm
from solvable.algorithms.sgd import SGD
from solvable.arguments import answer, check_choice, check_integer, refusal
from solvable.forms.algorithms import Moments
from solvable.forms.base import AbstractSubject
from solvable.forms.spectrum import Spectrum
from solvable.method import read
from solvable.numerics.long_run import LONGEST
from solvable.numerics.precision import in_float64
from solvable.theory.horizon import in_blocks
from solvable.verbs.best_rate import ABOVE_FLOOR, spectrum_of

Family = Literal["constant", "linear", "cosine", "power", "wsd", "free"]
SHORTEST = 64  # steps of a horizon
PEAKS = np.geomspace(1e-6, 2.0, 30)  # times 1 / largest eigenvalue: where the search for the peak begins
PER_DECADE = 1.5  # knots of the free form, of the time from the start and of the time to the end
STEPS = 400  # of the minimiser, at most
UNSTABLE = 1e6  # stands for a log that is infinite
FLAT = 1e-4  # largest slope at a minimum, of log excess in a parameter; steps smaller than rounding end a search too


class OptimalSchedule(eqx.Module):
    """The best of a family of schedules.

    Attributes:
        schedule: of the learning rate.
        risk: at the horizon.
        excess: the same above the floor.
        parameters: the schedule's, by name: peak, exponent, cooldown; the coefficients of the free form.
        converged: whether the risk above the floor is flat there, relative to its size, in all parameters.
    """

    schedule: schedules.AbstractSchedule
    risk: Float[Array, ""]
    excess: Float[Array, ""]
    parameters: dict[str, Float[Array, "..."]]
    converged: Bool[Array, ""]
    references: ClassVar[tuple[str, ...]] = ("li2026",)


def _schedule(family: str, x: Float[Array, " parameters"], horizon: Float[Array, ""]) -> Any:
    """(schedule, parameters by name) at unconstrained parameters, the first of which is the log of the peak."""
    peak = jnp.exp(x[0])
    if family == "constant":
        return schedules.constant(peak), {"peak": peak}
    if family in ("linear", "cosine"):
        return getattr(schedules, family)(peak, horizon), {"peak": peak}
    if family == "power":
        return schedules.power(peak, horizon, jnp.exp(x[1])), {"peak": peak, "exponent": jnp.exp(x[1])}
    if family == "wsd":
        part = jax.nn.sigmoid(x[1])
        return schedules.wsd(peak, horizon, part), {"peak": peak, "cooldown": part}
    return schedules.log_spline(x, horizon), {"coefficients": x}


def _start(family: str, log_peak: float, horizon: int) -> np.ndarray:
    """Unconstrained parameters at a peak: a linear decay, its power, half a cooldown, a line that falls at the end."""
    if family == "free":
        knots = schedules.log_spline(np.zeros(_count(horizon)), horizon).times
        return log_peak - np.logaddexp(0.0, np.asarray(knots))  # log(1 - t / T) in the logit of time
    return np.array([log_peak, 0.0] if family in ("power", "wsd") else [log_peak])


def _count(horizon: int) -> int:
    return 3 + math.ceil(2 * PER_DECADE * math.log10(horizon))


@in_float64
def optimal_schedule(
    model: AbstractSubject,
    horizon: int,
    family: Family = "power",
    *,
    build: Callable[[Any], Any] = SGD,
    nodes: int | None = None,
) -> OptimalSchedule:
    """The learning rates that leave the least risk after ``horizon`` steps of one pass.

    The risk is that of `Recursion`, in blocks of steps, and is differentiated in every parameter; BFGS (SciPy)
    minimises the logarithm of its excess over the floor, from the best of a scan of peaks. In theory (Li et al. 2026,
    arXiv 2602.06797; with a = 2 alpha + 2 beta and b = 2 alpha) the best schedule of easy tasks, a >= b, tends to
    (1 - t / T)^(2 b - 1), and that of hard ones to a constant rate with a vanishing cooldown, both late:
    `docs/theory.md` has numbers.

    Args:
        model: a law, whose typical draw is meant, or one draw; on a fresh stream.
        horizon: T, whole, from 64 steps on.
        family: "constant", "linear", "cosine"; "power", peak (1 - t / T)^exponent; "wsd", with its cooldown; "free", a
            cubic spline of the logarithm of the rate in the logarithms of t and T - t (`schedules.log_spline`).
        build: from a schedule to the optimizer; ``lambda rate: HeavyBall(rate, 0.9, 4)``. The same function at another
            horizon needs no new compilation.
        nodes: contour nodes of a law's spectrum, where it takes them; fewer are faster.

    Returns:
        The schedule with its risk; ``converged`` is False where a better one may exist.

    Raises:
        ValueError: an argument is impossible, ``build`` returns what has no second moments, or no rate is stable.
    """
    check_choice("family", family, get_args(Family))
    horizon = check_integer("horizon", horizon, SHORTEST, LONGEST - 1)
    wanted = "a function of a schedule that returns an algorithm"
    sample = SGD() if build is SGD else answer("build", wanted, build, schedules.constant(0.1))
    if not isinstance(sample, AbstractAlgorithm):
        raise refusal("build", wanted, sample)
    read(model, sample, Spectrum, Moments, reader="optimal_schedule(...)")
    spectrum = spectrum_of(model, nodes)
    last, scale = jnp.asarray(horizon, float), float(spectrum.edge.real)

    def descend(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = _with_slope(jnp.asarray(x), spectrum, build, family, last)
        if np.isfinite(value) and np.isfinite(slope).all():
            return float(value), np.asarray(slope)
        return UNSTABLE, np.zeros(len(x))

    starts = [_start(family, math.log(p / scale), horizon) for p in PEAKS]
    start = min(starts, key=lambda x: descend(x)[0])
    if descend(start)[0] >= UNSTABLE:
        wanted = f"an optimizer that is stable at some rate for {horizon} steps"
        raise refusal("build", wanted, build)
    found = minimize(descend, start, jac=True, method="BFGS", options={"gtol": FLAT / 10, "maxiter": STEPS}).x
    value, slope = descend(found)
    schedule, parameters = _schedule(family, found, last)
    excess = jnp.exp(value)
    return OptimalSchedule(schedule, spectrum.floor.real + excess, excess, parameters, np.abs(slope).max() < FLAT)


@eqx.filter_jit
def _with_slope(x: Float[Array, " parameters"], spectrum: Spectrum, build: Any, family: str, last: Float[Array, ""]):
    """(value, slope) of the log of the risk above the floor, compiled once for all horizons."""

    def log_excess(x):
        excess, fine = in_blocks(spectrum, build(_schedule(family, x, last)[0]), last[None], ABOVE_FLOOR)
        value = jnp.where(fine & (excess > 0), jnp.log(excess), jnp.inf)
        return value, value

    if family == "free":
        (value, _), slope = jax.value_and_grad(log_excess, has_aux=True)(x)
        return value, slope
    # Forward mode compiles in half the time, and costs one run for each parameter.
    slope, value = jax.jacfwd(log_excess, has_aux=True)(x)
    return value, slope
