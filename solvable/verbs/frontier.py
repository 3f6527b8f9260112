"""The compute-optimal frontier in one call: exact for a theory, measured from curves for anything else."""

from typing import Any, get_args

import numpy as np
from jaxtyping import Array, Key

from solvable.arguments import check_choice, check_integers, refusal
from solvable.fits.checks import check_increasing
from solvable.fits.measured_frontier import Approach, MeasuredFrontier, measure_frontier
from solvable.keys import require_key, stream
from solvable.method import AbstractMethod
from solvable.theory.exact_frontier import Frontier, theory_frontier
from solvable.theory.frontier_checks import as_builder, common_batch, require_family
from solvable.verbs.solve import solve


def compute_frontier(
    model: Any,
    algorithm: Any,
    compute: Any = None,
    *,
    method: AbstractMethod | None = None,
    widths: Any = None,
    steps: Any = None,
    approach: Approach = "isoflop",
    key: Key[Array, ""] | None = None,
) -> Frontier | MeasuredFrontier:
    """Least risk at each compute f = width * steps * batch_size, and the width that attains it.

    Without ``widths``: the exact frontier of the typical draw, continuous in width, with local exponents
    (`theory_frontier`). With ``widths``: each width is solved by ``method`` at ``steps`` and the frontier is read off
    the curves (`measure_frontier`), by lower ``"envelope"`` or by ``"isoflop"`` parabolas, with bootstrap errors over
    the runs of a simulation.

    Args:
        model: a law with ``at_width``, such as `PowerLawRF`; ambient / width is kept.
        algorithm: an algorithm, or a function of the model at each width that returns one. The exact frontier needs a
            constant rate and one second moment per mode; curves can be measured for all that ``method`` takes.
        compute: values of f; for measured curves the default is 25 values between what the curves reach.
        method: how to obtain the curves; a `Simulation`, or a theory for comparison.
        widths, steps: the family of curves.
        approach: ``"envelope"`` or ``"isoflop"``, for measured curves.
        key: random key of the simulation and of the bootstrap; a theory's curves need none.

    Raises:
        ValueError: an argument is missing or impossible.
    """
    if widths is None:
        if method is not None or steps is not None:
            raise ValueError("widths: wanted a list of widths, as method or steps was given; got None")
        if compute is None:
            raise ValueError("compute: wanted the values of f for the exact frontier; got None")
        return theory_frontier(model, algorithm, compute)
    check_choice("approach", approach, get_args(Approach))
    if method is None or steps is None:
        raise ValueError("method, steps: wanted both to measure curves at the given widths; got None for one")
    sizes, steps = _checked_widths(widths), check_integers("steps", steps, "a nonempty vector of integers")
    if key is not None:
        require_key(key, "for the simulation and the bootstrap")
    compute = None if compute is None else check_increasing("compute", compute)
    require_family(model)
    laws = [model.at_width(width) for width in sizes]
    build = as_builder(algorithm)
    trainers = [build(law) for law in laws]
    batch = common_batch(trainers)
    curves = []
    for width, law, trainer in zip(sizes, laws, trainers, strict=True):
        own = None if key is None else stream(key, f"width {width}")
        curve = solve(law, trainer, method, steps, key=own)
        curves.append(np.asarray(curve.stats.get("runs", curve.risk), np.float64))
    return measure_frontier(
        np.asarray(sizes), steps, np.stack(curves), compute=compute, batch_size=batch,
        approach=approach, key=key,
    )


def _checked_widths(widths: Any) -> list[int]:
    wanted = "3 or more increasing integers >= 1"
    sizes = check_integers("widths", widths, wanted, least=1).tolist()
    if len(sizes) < 3:
        raise refusal("widths", wanted, widths)
    return sizes
