"""The compute-optimal frontier in one call: exact for a theory, measured from curves for anything else."""

from typing import Any

import numpy as np
from jaxtyping import Array, Key

from solvable.fits.frontier import Approach, measure_frontier
from solvable.fits.frontier import Frontier as MeasuredFrontier
from solvable.keys import stream
from solvable.method import AbstractMethod
from solvable.theory.frontier import Frontier, theory_frontier
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
        algorithm: an algorithm, or a function of the model at each width that returns one.
        compute: values of f; for measured curves the default is 25 values between what the curves reach.
        method: how to obtain the curves; a `Simulation`, or a theory for comparison.
        widths, steps: the family of curves.
        approach: ``"envelope"`` or ``"isoflop"``, for measured curves.
        key: random key of the simulation and of the bootstrap.

    Raises:
        ValueError: an argument is missing or impossible.
    """
    if widths is None:
        if method is not None or steps is not None:
            raise ValueError("widths: wanted a list of widths, as method or steps was given; got None")
        if compute is None:
            raise ValueError("compute: wanted the values of f for the exact frontier; got None")
        return theory_frontier(model, algorithm, compute)
    if method is None or steps is None or key is None:
        raise ValueError("method, steps, key: wanted all three to measure curves at the given widths; one is None")
    build = algorithm if not hasattr(algorithm, "batch_size") else lambda _: algorithm
    curves, batch = [], 1
    for width in widths:
        at_width = model.at_width(int(width))
        trainer = build(at_width)
        batch = trainer.batch_size
        curve = solve(at_width, trainer, method, steps, key=stream(key, f"width {int(width)}"))
        curves.append(np.asarray(curve.stats.get("runs", curve.risk), np.float64))
    return measure_frontier(
        np.asarray(widths), np.asarray(steps), np.stack(curves), compute=compute, batch_size=batch,
        approach=approach, key=key,
    )
