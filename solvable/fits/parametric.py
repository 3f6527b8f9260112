"""One law fitted by one loss: from a table of columns to an optimum with its uncertainty and its doubts."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Key

from solvable.fits import doubts
from solvable.fits.chart import on_bound, start_points
from solvable.fits.doubts import Doubt
from solvable.fits.laws.base import AbstractLaw
from solvable.fits.methods.losses import AbstractLoss, LeastSquares
from solvable.fits.rows import Columns
from solvable.fits.search import Found, descend, linearise, make_points
from solvable.fits.uncertainty import AbstractUncertainty, Optimum, Spread, all_physical

SAME = 1e-4  # relative difference of losses at which two starts ended at one optimum


FEW = 4  # starts that go on to the later deltas of a loss


class Solved(NamedTuple):
    """What a method hands back to the verb: numbers by the parameters' names, and how they were found."""

    values: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    stderr: dict[str, float]
    samples: dict[str, np.ndarray]
    objective: float
    residual: np.ndarray
    num_points: int
    search: dict[str, float]
    doubts: list[Doubt]


def solve(
    law: AbstractLaw,
    loss: AbstractLoss,
    columns: Columns,
    uncertainty: AbstractUncertainty,
    confidence: float,
    groups: np.ndarray | None,
    key: Key[Array, ""],
) -> Solved:
    """The best parameters of a law on checked columns, which may hold standard errors as "stderr".

    Raises:
        RuntimeError: no start ended at finite parameters.
    """
    stderr = columns.get("stderr")
    if stderr is None and isinstance(loss, LeastSquares) and not loss.log:
        stderr = np.ones_like(columns[law.target])
    points, count = make_points(law, columns, stderr), len(columns[law.target])
    found = descend(law, loss, start_points(law, points.units), points, deltas=loss.deltas[:1])
    best, reached = _best(found)
    starts = len(found.loss)
    if len(loss.deltas) > 1:
        few = found.theta[np.argsort(np.where(np.isfinite(found.loss), found.loss, np.inf))[:FEW]]
        found = descend(law, loss, few, points, deltas=loss.deltas[1:])
        best, _ = _best(found)
    optimum = Optimum(law, loss, points, found.theta[best], float(found.loss[best]), count, groups)
    residual, jacobian = linearise(law, optimum.theta, points, count)
    spread = uncertainty.spread(optimum, confidence, key)
    values = {name: float(v[0]) for name, v in all_physical(law, optimum.theta[None], points.units).items()}
    samples = all_physical(law, spread.samples, points.units)
    intervals, stderr = _intervals(law, spread, samples, confidence), _errors(law, spread, samples)
    scales = tuple(name for name in law.variables if name not in law.labels)
    said = [
        *doubts.about_search(bool(found.converged[best]), reached, starts),
        *spread.doubts,
        *doubts.about_bounds(on_bound(law, values)),
        *doubts.about_directions(law.free, jacobian),
        *_about_floor(law, intervals, columns),
        *doubts.about_span(columns, scales),
        *doubts.about_residuals(columns, scales, residual, jacobian),
    ]
    search = {"starts": starts, "reached": reached, "steps": float(np.median(found.steps))}
    return Solved(values, intervals, stderr, samples, optimum.value, -residual, count, search, said)


def _best(found: Found) -> tuple[int, float]:
    """The start with the least loss, and the share of starts that ended there; those that converged come first."""
    value = np.where(np.isfinite(found.loss) & np.isfinite(found.theta).all(axis=1), found.loss, np.inf)
    if not np.isfinite(value).any():
        raise RuntimeError(f"the fit did not converge: none of {len(value)} starts ended at finite parameters")
    least = value.min()
    near = value <= least * (1 + SAME) + 1e-18
    good = near & found.converged
    chosen = np.where(good if good.any() else near, value, np.inf)
    return int(np.argmin(chosen)), float(near.mean())


def _intervals(law, spread: Spread, samples, confidence) -> dict[str, tuple[float, float]]:
    tails = [50 * (1 - confidence), 50 * (1 + confidence)]
    ends = spread.intervals
    if ends is None:
        ends = np.array([np.percentile(samples[name], tails) for name in law.free])
    fixed = {name: (value, value) for name, value in law.fixed}
    free = {name: (float(low), float(high)) for name, (low, high) in zip(law.free, ends, strict=True)}
    return {name: {**fixed, **free}[name] for name in law.parameters}


def _errors(law, spread: Spread, samples) -> dict[str, float]:
    found = spread.stderr
    if found is None:
        found = [np.std(samples[name], ddof=1) if len(samples[name]) > 1 else np.nan for name in law.free]
    return {**dict.fromkeys(law.parameters, 0.0), **{k: float(v) for k, v in zip(law.free, found, strict=True)}}


def _about_floor(law: AbstractLaw, intervals, columns: Columns) -> list[Doubt]:
    if law.floor is None or law.floor in dict(law.fixed):
        return []
    low, high = intervals[law.floor]
    return doubts.about_floor(law.floor, {"low": low, "high": high}, columns[law.target])
