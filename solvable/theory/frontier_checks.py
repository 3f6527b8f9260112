"""What a frontier may be asked for: eager checks of the law, the algorithm and the computes."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float

from solvable.algorithms.base import AbstractAlgorithm, AbstractModewise, check_settings
from solvable.arguments import answer, check_broadcast, check_reals, is_function, refusal, shown
from solvable.forms.spectrum import Spectrum
from solvable.method import form_of
from solvable.models.base import HasWidths
from solvable.numerics.inversion import FIRST

Builder = Callable[[Any], AbstractModewise]
LEAST_WIDEST = 4  # widths from 2 to there are tried at least


class Constant(eqx.Module):
    """The same algorithm for every model."""

    algorithm: Any

    def __call__(self, model: Any) -> Any:
        return self.algorithm


class Asked(eqx.Module):
    """The function of the model that the user gave; its errors name the argument."""

    function: Callable[[Any], Any]
    wanted: str = eqx.field(static=True)

    def __call__(self, model: Any) -> Any:
        return answer("algorithm", self.wanted, self.function, model)


def require_family(model: Any, *fields: str) -> None:
    """Raise unless ``model`` is a law over all widths, with these fields besides."""
    missing = [name for name in fields if not hasattr(model, name)]
    if not isinstance(model, HasWidths) or missing:
        wanted = ", ".join(("at_width", *fields))
        raise ValueError(f"model: wanted a law with {wanted}, like PowerLawRF; got {shown(model)}")


def as_builder(algorithm: Any) -> Callable[[Any], Any]:
    """``algorithm`` as a function of the model at each width.

    Raises:
        ValueError: it is neither an algorithm nor a function.
    """
    if isinstance(algorithm, AbstractAlgorithm):
        return Constant(algorithm)
    wanted = "an algorithm, or a function of the model that returns one"
    if not is_function(algorithm):
        raise refusal("algorithm", wanted, algorithm)
    return Asked(algorithm, wanted)


def common_batch(algorithms: list[Any]) -> int:
    """The batch size of all widths: compute counts samples.

    Raises:
        ValueError: one is no algorithm, has no batch size, or has another one than the rest.
    """
    for each in algorithms:
        if not isinstance(each, AbstractAlgorithm):
            raise refusal("algorithm", "a function of the model that returns an algorithm", each)
    sizes = [each.batch_size for each in algorithms]
    if not isinstance(sizes[0], int) or any(size != sizes[0] for size in sizes):
        raise ValueError(f"algorithm: wanted one batch size at every width, as compute counts samples; got {sizes}")
    return sizes[0]


def checked_builder(model: Any, algorithm: Any, *fields: str) -> tuple[Builder, int]:
    """The algorithm as a function of the model at each width, and its batch size.

    Raises:
        ValueError: the model is no law over widths with these fields, or the algorithm has no exact frontier.
    """
    require_family(model, *fields)
    form = form_of(model, Spectrum, reader="the frontier")
    jax.eval_shape(lambda: model.lower(form))  # refuses what the model itself refuses, and compiles nothing
    build = as_builder(algorithm)
    if model.widest < LEAST_WIDEST:
        raise ValueError(f"model: wanted a law with {LEAST_WIDEST} inputs or more for its frontier; got {shown(model)}")
    samples = [build(model), build(model.at_width(_another(model)))]
    batch = common_batch(samples)
    for sample in samples:
        _check_algorithm(sample)
    return build, batch


def _another(model: Any) -> Any:
    """A width that is not the model's own."""
    return 2 * model.width if 2 * model.width <= model.widest else model.width / 2


def _check_algorithm(sample: Any) -> None:
    """Raise unless the renewal form holds: constant coefficients and one moment per mode."""
    wanted = "algorithm: wanted a constant learning rate and one second moment per mode, like SGD(0.1)"
    if not isinstance(sample, AbstractModewise):
        raise ValueError(
            f"{wanted}; got {shown(sample)}, which states no moments. With widths, steps and method=Simulation(...), "
            "compute_frontier measures the frontier of any algorithm"
        )
    if not sample.stationary:
        raise ValueError(f"{wanted}; got {shown(sample)}, which follows a schedule")
    count = sample.count_moments()
    if count != 1 or not sample.plain:
        raise ValueError(f"{wanted}; got {shown(sample)}, which has {count}")
    check_settings(sample)


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
