"""What a frontier may be asked for: eager checks of the law, the algorithm and the computes."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Float

from solvable.algorithms.base import AbstractAlgorithm, AbstractModewise, check_settings
from solvable.forms.spectrum import Spectrum
from solvable.method import read_model
from solvable.models.base import HasWidths
from solvable.numerics.inversion import FIRST

Builder = Callable[[Any], AbstractModewise]


class Constant(eqx.Module):
    """The same algorithm for every model."""

    algorithm: Any

    def __call__(self, model: Any) -> Any:
        return self.algorithm


def require_family(model: Any, *fields: str) -> None:
    """Raise unless ``model`` is a law over all widths, with these fields besides."""
    missing = [name for name in fields if not hasattr(model, name)]
    if not isinstance(model, HasWidths) or missing:
        wanted = ", ".join(("at_width", *fields))
        raise ValueError(f"model: wanted a law with {wanted}, like PowerLawRF; got {model!r}")


def as_builder(algorithm: Any) -> Callable[[Any], Any]:
    """``algorithm`` as a function of the model at each width.

    Raises:
        ValueError: it is neither an algorithm nor a function.
    """
    if isinstance(algorithm, AbstractAlgorithm):
        return Constant(algorithm)
    if callable(algorithm) and not isinstance(algorithm, type):
        return algorithm
    wanted = "algorithm: wanted an algorithm, or a function of the model that returns one"
    raise ValueError(f"{wanted}; got {algorithm!r}")


def common_batch(algorithms: list[Any]) -> int:
    """The batch size of all widths: compute counts samples.

    Raises:
        ValueError: one is no algorithm, has no batch size, or has another one than the rest.
    """
    for each in algorithms:
        if not isinstance(each, AbstractAlgorithm):
            raise ValueError(f"algorithm: wanted a function of the model that returns an algorithm; it gave {each!r}")
    sizes = [each.batch_size for each in algorithms]
    if sizes[0] is None or any(size != sizes[0] for size in sizes):
        raise ValueError(f"algorithm: wanted one batch size at every width, as compute counts samples; got {sizes}")
    return sizes[0]


def checked_builder(model: Any, algorithm: Any, *fields: str) -> tuple[Builder, int]:
    """The algorithm as a function of the model at each width, and its batch size.

    Raises:
        ValueError: the model is no law over widths with these fields, or the algorithm has no exact frontier.
    """
    require_family(model, *fields)
    read_model(model, Spectrum, reader="the frontier")
    build = as_builder(algorithm)
    samples = [build(model), build(model.at_width(2 * model.width))]
    batch = common_batch(samples)
    for sample in samples:
        _check_algorithm(sample)
    return build, batch


def _check_algorithm(sample: Any) -> None:
    """Raise unless the renewal form holds: constant coefficients and one moment per mode."""
    wanted = "algorithm: wanted a constant learning rate and one second moment per mode, like SGD(0.1)"
    if not isinstance(sample, AbstractModewise):
        raise ValueError(
            f"{wanted}; got {sample!r}, which states no moments. With widths, steps and method=Simulation(...), "
            "compute_frontier measures the frontier of any algorithm"
        )
    if not sample.stationary:
        raise ValueError(f"{wanted}; got {sample!r}, which follows a schedule")
    count = sample.count_moments()
    if count != 1 or not sample.plain:
        raise ValueError(f"{wanted}; got {sample!r}, which has {count}")
    check_settings(sample)


def checked_compute(compute: Any, batch: int) -> Float[np.ndarray, "..."]:
    """The values of f in float64.

    Raises:
        ValueError: one is not finite, or allows fewer than FIRST steps at width 4, room for an optimum above width 2.
    """
    values, least = np.asarray(compute, float), 4.0 * FIRST * batch
    if not values.size or not (np.isfinite(values) & (values >= least)).all():
        raise ValueError(f"compute: wanted finite values >= {least:g}; got {compute!r}")
    return values
