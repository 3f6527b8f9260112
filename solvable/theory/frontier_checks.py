"""What a frontier may be asked for: eager checks of the law, the algorithm and the computes.

An algorithm may be a function of the model at each width, and of the horizon, the number of steps of the run: a
schedule is stretched to the horizon it is planned for, and every point of a frontier is a run of its own. One function
takes both, as a peak rate at which narrow models are stable depends on the model.
"""

import inspect
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from solvable.algorithms.base import AbstractAlgorithm, AbstractModewise, check_settings
from solvable.arguments import answer, check_broadcast, check_reals, is_function, refusal, shown
from solvable.forms.spectrum import Spectrum
from solvable.method import form_of
from solvable.models.base import HasWidths
from solvable.numerics.inversion import FIRST
from solvable.numerics.long_run import LONGEST
from solvable.theory import renewal
from solvable.theory.horizon import between_steps

LEAST_WIDEST = 4  # widths from 2 to there are tried at least
HORIZON = 4 * FIRST  # steps with which a function of the horizon is tried first


class Constant(eqx.Module):
    """The same algorithm for every model."""

    algorithm: Any
    planned: ClassVar[bool] = False

    def __call__(self, model: Any, horizon: Any = None) -> Any:
        return self.algorithm


class Asked(eqx.Module):
    """The function of the model, and of the horizon, that the user gave; its errors name the argument.

    Attributes:
        function: what was given.
        wanted: for the errors.
        planned: whether it takes the horizon.
    """

    function: Callable[..., Any]
    wanted: str = eqx.field(static=True)
    planned: bool = eqx.field(static=True)

    def __call__(self, model: Any, horizon: Any = None) -> Any:
        return answer("algorithm", self.wanted, self.function, model, *([horizon] if self.planned else []))


Builder = Constant | Asked


def require_family(model: Any, *fields: str) -> None:
    """Raise unless ``model`` is a law over all widths, with these fields besides."""
    missing = [name for name in fields if not hasattr(model, name)]
    if not isinstance(model, HasWidths) or missing:
        wanted = ", ".join(("at_width", *fields))
        raise ValueError(f"model: wanted a law with {wanted}, like PowerLawRF; got {shown(model)}")


def as_builder(algorithm: Any) -> Builder:
    """``algorithm`` as a function of the model at each width, and of the horizon.

    Raises:
        ValueError: it is neither an algorithm nor a function.
    """
    if isinstance(algorithm, AbstractAlgorithm):
        return Constant(algorithm)
    wanted = "an algorithm, or a function of the model (or of the model and the horizon) that returns one"
    if not is_function(algorithm):
        raise refusal("algorithm", wanted, algorithm)
    return Asked(algorithm, wanted, _count_required(algorithm) >= 2)


def _count_required(function: Callable[..., Any]) -> int:
    """Arguments that have to be given by their place."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1
    placed = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    return sum(p.kind in placed and p.default is p.empty for p in parameters)


def common_batch(algorithms: list[Any]) -> int:
    """The batch size of all widths: compute counts samples.

    Raises:
        ValueError: one is no algorithm, has no batch size, or has another one than the rest.
    """
    for each in algorithms:
        if not isinstance(each, AbstractAlgorithm):
            raise refusal("algorithm", "a function of the model that returns an algorithm", each)
    sizes = [each.batch_size for each in algorithms]
    wanted = "one batch size at every width and step, as compute counts samples"
    for each, size in zip(algorithms, sizes, strict=True):
        if callable(size):
            given = f"{type(each).__name__}, whose batch size changes in time"
            raise ValueError(f"algorithm: wanted {wanted}; got {given}")
    if not isinstance(sizes[0], int) or any(size != sizes[0] for size in sizes):
        raise ValueError(f"algorithm: wanted {wanted}; got {sizes}")
    return sizes[0]


class Checked(NamedTuple):
    """What the exact frontier is computed of.

    Attributes:
        build: the algorithm as a function of the model at each width, and of the horizon.
        batch: its batch size.
        closed: whether its frontier is known in closed form in time: constant settings, one moment a mode.
    """

    build: Builder
    batch: int
    closed: bool


def checked_builder(model: Any, algorithm: Any, *fields: str) -> Checked:
    """The algorithm for the exact frontier.

    Raises:
        ValueError: the model is no law over widths with these fields, or the algorithm has no exact frontier.
    """
    require_family(model, *fields)
    form = form_of(model, Spectrum, reader="the frontier")
    jax.eval_shape(lambda: model.lower(form))  # refuses what the model itself refuses, and compiles nothing
    build = as_builder(algorithm)
    if model.widest < LEAST_WIDEST:
        raise ValueError(f"model: wanted a law with {LEAST_WIDEST} inputs or more for its frontier; got {shown(model)}")
    samples = [build(model, HORIZON), build(model.at_width(_another(model)), 2 * HORIZON)]
    batch = common_batch(samples)
    for sample, horizon in zip(samples, (HORIZON, 2 * HORIZON), strict=True):
        _check_algorithm(sample, horizon)
    return Checked(build, batch, renewal.applies(samples[0]) and not build.planned)


def _another(model: Any) -> Any:
    """A width that is not the model's own."""
    return 2 * model.width if 2 * model.width <= model.widest else model.width / 2


def check_longest(build: Builder, model: Any, longest: float) -> None:
    """Raise unless the settings are possible at the steps of the longest run, and in it.

    Raises:
        ValueError: they are not; the message names the first step where.
    """
    horizon = int(min(longest, LONGEST - 1))
    check_settings(build(model, horizon), horizon)


def _check_algorithm(sample: Any, horizon: int) -> None:
    """Raise unless its second moments are known, at times between steps too, and its settings possible."""
    wanted = "algorithm: wanted one whose second moments are known, such as SGD, HeavyBall or a wrapper of them"
    if not isinstance(sample, AbstractModewise):
        raise ValueError(
            f"{wanted}; got {shown(sample)}, which states no moments. With widths, steps and method=Simulation(...), "
            "compute_frontier measures the frontier of any algorithm"
        )
    check_settings(sample, horizon)
    if not between_steps(jnp.ones(()), sample):
        given = f"{shown(sample)}, whose settings are a table of steps"
        raise ValueError(f"{wanted}, with settings at any time; got {given}")


def checked_points(alpha: Any, beta: Any, ratio: Any) -> list[np.ndarray]:
    """alpha, beta and ambient / width at each point, in float64 and of one shape.

    Raises:
        ValueError: one is impossible; alpha + beta <= 1/2 is not, it has no frontier.
    """
    wanted = "numbers >= 1, finite where alpha <= 1/2"
    points = check_broadcast(
        alpha=check_reals("alpha", alpha, "numbers from above 0 to 100", lambda x: (x > 0) & (x <= 100)),
        beta=check_reals("beta", beta, "numbers from -100 to 100", lambda x: np.abs(x) <= 100),
        ratio=check_reals("ratio", ratio, wanted, lambda x: x >= 1),
    )
    if (np.isinf(points[2]) & (points[0] <= 0.5)).any():
        raise ValueError(f"ratio: wanted {wanted}; got infinity with alpha = {points[0].min():g}")
    return points


def checked_compute(compute: Any, batch: int) -> Float[np.ndarray, "..."]:
    """The values of f in float64.

    Raises:
        ValueError: one is not finite, or allows fewer than FIRST steps at width 4, room for an optimum above width 2.
    """
    least = 4.0 * FIRST * batch
    return check_reals("compute", compute, f"finite values >= {least:g}", lambda x: np.isfinite(x) & (x >= least))
