"""The compute-optimal frontier in one call: exact for a theory, measured from curves for anything else."""

from typing import Any, get_args

import numpy as np
from jaxtyping import Array, Key

from solvable.arguments import check_choice, check_flag, check_integers, refusal
from solvable.fits.checks import check_increasing
from solvable.fits.measured_frontier import Approach, MeasuredFrontier, measure_frontier
from solvable.keys import require_key, stream
from solvable.method import AbstractMethod
from solvable.theory.exact_frontier import theory_frontier
from solvable.theory.frontier import Frontier
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
    tune_rate: bool = False,
    key: Key[Array, ""] | None = None,
) -> Frontier | MeasuredFrontier:
    """Least risk at each compute f = width * steps * batch_size, and the width that attains it.

    Without ``widths``: the exact frontier of the typical draw, continuous in width, with local exponents
    (`theory_frontier`). With ``widths``: each width is solved by ``method`` at ``steps`` and the frontier is read off
    the curves (`measure_frontier`), by lower ``"envelope"`` or by ``"isoflop"`` parabolas, with bootstrap errors over
    the runs of a simulation.

    Args:
        model: a law with ``at_width``, such as `PowerLawRF`; ambient / width is kept.
        algorithm: an algorithm, the same at every width and however long it runs; or a function of the model at each
            width that returns one; or a function of the model and the horizon, the number of steps of the run:
            ``lambda model, horizon: SGD(schedules.cosine(0.5 / model.trace(), horizon))``. Then every point of the
            frontier, and every step of every measured curve, is the end of a run of its own. The exact frontier takes
            whatever states second moments; curves can be measured for all that ``method`` takes.
        compute: values of f; for measured curves the default is 25 values between what the curves reach.
        method: how to obtain the curves; a `Simulation`, or a theory for comparison.
        widths, steps: the family of curves.
        approach: ``"envelope"`` or ``"isoflop"``, for measured curves.
        tune_rate: whether to multiply the learning rate (of a schedule: the peak) by the factor that gives the least
            risk at each width and horizon; for the exact frontier.
        key: random key of the simulation and of the bootstrap; a theory's curves need none.

    Raises:
        ValueError: an argument is missing or impossible.
    """
    if widths is None:
        if method is not None or steps is not None:
            raise ValueError("widths: wanted a list of widths, as method or steps was given; got None")
        if compute is None:
            raise ValueError("compute: wanted the values of f for the exact frontier; got None")
        return theory_frontier(model, algorithm, compute, tune_rate=tune_rate)
    if check_flag("tune_rate", tune_rate):
        raise ValueError("tune_rate: wanted False where curves are measured at given widths; got True")
    check_choice("approach", approach, get_args(Approach))
    if method is None or steps is None:
        raise ValueError("method, steps: wanted both to measure curves at the given widths; got None for one")
    sizes, steps = _checked_widths(widths), check_integers("steps", steps, "a nonempty vector of integers")
    if key is not None:
        require_key(key, "for the simulation and the bootstrap")
    compute = None if compute is None else check_increasing("compute", compute)
    require_family(model)
    batch, curves = _measured([model.at_width(width) for width in sizes], algorithm, method, steps, key)
    return measure_frontier(
        np.asarray(sizes), steps, curves, compute=compute, batch_size=batch, approach=approach, key=key
    )


def _measured(laws: list[Any], algorithm: Any, method: AbstractMethod, steps: np.ndarray, key: Any):
    """(batch size, risks of shape (widths, steps) or (widths, runs, steps)); a planned algorithm runs for each step."""
    build = as_builder(algorithm)
    trainers = [build(law, int(steps[-1])) for law in laws]
    batch, curves = common_batch(trainers), []
    for law, trainer in zip(laws, trainers, strict=True):
        own = None if key is None else stream(key, f"width {law.width}")
        if build.planned:
            plans = [build(law, max(int(last), 1)) for last in steps]
            ends = [_risks(law, plan, method, steps[i : i + 1], own) for i, plan in enumerate(plans)]
            curves.append(np.concatenate(ends, -1))
        else:
            curves.append(_risks(law, trainer, method, steps, own))
    return batch, np.stack(curves)


def _risks(law: Any, algorithm: Any, method: AbstractMethod, steps: np.ndarray, key: Any) -> np.ndarray:
    """The risk at ``steps``, of every run where there are several."""
    curve = solve(law, algorithm, method, steps, key=key)
    return np.asarray(curve.stats.get("runs", curve.risk), np.float64)


def _checked_widths(widths: Any) -> list[int]:
    wanted = "3 or more increasing integers >= 1"
    sizes = check_integers("widths", widths, wanted, least=1).tolist()
    if len(sizes) < 3:
        raise refusal("widths", wanted, widths)
    return sizes
