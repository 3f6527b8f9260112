"""What is doubtful about a fit, each in one sentence. A fit without doubts is a success."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

DECADE = 10.0
BENT = 3.5  # standard errors of a curvature of the residuals that is taken to be real
SINGULAR = 1e-7  # ratio of singular values from which a direction of the parameters is free
FLOOR_SHARE = 0.01  # of the smallest target: a floor below it is no floor
FLOOR_RANGE = 10.0  # ratio of the ends of a floor's interval from which it is unknown
REACHED = 0.02  # share of the starts that must end at the best optimum
LOST = 0.05  # share of the resamples that may fail to converge


class Doubt(NamedTuple):
    """One doubt: its ``kind``, a word for programs, and a sentence."""

    kind: str
    text: str


class FitWarning(UserWarning):
    """A fit is not a success; `Fit.doubts` say why."""


def about_span(columns: Mapping[str, np.ndarray], variables: tuple[str, ...]) -> list[Doubt]:
    """Variables that span less than a decade."""
    found = []
    for name in variables:
        ratio = columns[name].max() / columns[name].min()
        if ratio < DECADE * (1 - 1e-9):
            found.append(Doubt("span", f"{name} spans a factor of {ratio:.3g}, less than a decade"))
    return found


def about_search(converged: bool, reached: float, starts: int) -> list[Doubt]:
    """A search without an end, or an optimum that one start in many found."""
    if not converged:
        return [Doubt("not_converged", f"the search did not converge from the best of {starts} starts")]
    if reached < REACHED and starts > 1:
        return [Doubt("starts", f"{reached:.1%} of {starts} starts reached the optimum: there may be a better one")]
    return []


def about_resamples(failed: float) -> list[Doubt]:
    """Resamples whose search did not converge."""
    if failed <= LOST:
        return []
    return [Doubt("not_converged", f"{failed:.0%} of the resamples did not converge: the intervals leave them out")]


def about_directions(names: tuple[str, ...], jacobian: Float[np.ndarray, "points free"]) -> list[Doubt]:
    """Combinations of parameters that no point of the data depends on."""
    norms = np.linalg.norm(jacobian, axis=0)
    dead = norms <= SINGULAR * norms.max()
    lost = [name for name, gone in zip(names, dead, strict=True) if gone]
    alive = jacobian[:, ~dead] / norms[~dead]
    values, rows = np.linalg.svd(alive, full_matrices=False)[1:]
    if len(values) and values[-1] < SINGULAR * values[0]:
        left = [name for name, gone in zip(names, dead, strict=True) if not gone]
        weight = np.abs(rows[values < SINGULAR * values[0]]).max(axis=0)
        lost += [name for name, share in zip(left, weight, strict=True) if share > 0.1]
    if not lost:
        return []
    return [Doubt("not_identified", f"the data do not determine {', '.join(lost)}: any value fits as well")]


def about_floor(name: str | None, floor: Mapping[str, float], target: np.ndarray) -> list[Doubt]:
    """A floor that the data do not tell from 0; ``floor`` has its value and interval, low and high."""
    if name is None or not floor:
        return []
    low, high = floor["low"], floor["high"]
    if low > FLOOR_SHARE * target.min() and high < FLOOR_RANGE * low:
        return []
    text = f"the floor {name} is not identified ({low:.3g} to {high:.3g}, the smallest target is {target.min():.3g})"
    return [Doubt("floor", text + ": what is extrapolated depends on it")]


def about_residuals(
    columns: Mapping[str, np.ndarray], variables: tuple[str, ...], residual: np.ndarray, jacobian: np.ndarray
) -> list[Doubt]:
    """Residuals that bend along a variable: the z of a quadratic in its logarithm beside what the fit can absorb."""
    found = []
    for name in variables:
        x = np.log(columns[name])
        if len(np.unique(x)) < 4 or np.ptp(x) == 0:
            continue
        bend = ((x - x.mean()) / x.std()) ** 2
        design = np.column_stack([jacobian, np.ones_like(x), bend])
        keep = np.linalg.norm(design, axis=0) > 0
        basis, triangle = np.linalg.qr(design[:, keep] / np.linalg.norm(design[:, keep], axis=0))
        free = len(x) - basis.shape[1]
        if free < 3 or abs(triangle[-1, -1]) < 1e-6:
            continue
        left = residual - basis @ (basis.T @ residual)
        sigma = np.sqrt((left**2).sum() / free)
        if np.linalg.norm(residual) <= 1e-9 * np.sqrt(len(x)):
            continue
        z = float(basis[:, -1] @ residual / max(sigma, 1e-300))
        if abs(z) > BENT:
            found.append(Doubt("curvature", f"the residuals bend along {name} (z = {z:.1f}): the law does not hold"))
    return found


def about_bounds(lying: list[str]) -> list[Doubt]:
    """Parameters that ended on a bound."""
    return [Doubt("on_bound", f"the optimum lies on a bound: {'; '.join(lying)}")] if lying else []
