"""The direction of largest margin, by SciPy's active-set solver of nonnegative least squares."""

import numpy as np
from scipy.optimize import nnls

SEPARATED = 1e-9  # of a margin, relative to the longest point: below it there is none
EXACT = 1e-7  # of the gap between the margin and its upper bound, relative
MOST = 100  # iterations a point


def largest_margin(points: np.ndarray) -> tuple[np.ndarray, float]:
    """(w, kappa): the unit direction that maximises kappa = min_i w . points_i; NaN where no direction has it > 0.

    The shortest w with w . points_i >= 1 is a least-distance problem: with u >= 0 minimising |P^T u|^2 + (1 - sum u)^2,
    w is along P^T u (Lawson and Hanson 1974, chapter 23). Any such u bounds every margin by |P^T u| / sum u, and the
    result is returned only where margin and bound agree.

    Args:
        points: y_i x_i; shape (samples, dimension).

    Raises:
        RuntimeError: the solver did not converge.
    """
    matrix = np.vstack([points.T, np.ones(len(points))])
    dual = nnls(matrix, np.append(np.zeros(points.shape[1]), 1.0), maxiter=MOST * len(points))[0]
    direction = points.T @ dual
    length = np.linalg.norm(direction)
    scale = np.linalg.norm(points, axis=1).max()
    if length <= SEPARATED * scale * dual.sum():  # a mixture of the points is zero: every margin is 0 at most
        return np.full(points.shape[1], np.nan), np.nan
    unit = direction / length
    margin, bound = (points @ unit).min(), length / dual.sum()
    if not bound - margin <= EXACT * scale:
        raise RuntimeError(f"the largest margin did not converge: it is between {margin:g} and {bound:g}")
    return unit, float(margin)
