"""A long list of modes as a short one with the same sums sum_j D_j / (D_j + w) and sum_j p_j / (D_j + w).

The largest eigenvalues stay alone. The others are gathered where they lie within a factor of ``RATIO`` of each other,
and every gathering is a Gauss quadrature of its own discrete measure, once for the count and once for the target power:
``POINTS`` nodes that have its first 2 POINTS moments (Gautschi, Orthogonal Polynomials, section 2.2). The sums are then
right to 1e-11 for |arg w| < pi - 0.2, as near as the contours of `resolvent` come to modes that do not stand alone.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

ALONE = 128  # largest modes that stay as they are
RATIO = 1.25
POINTS = 10
SAME = 1e-10  # relative difference of two sums of the same list
FEW = 1024  # modes of a list that is short enough as it is


class Merged(NamedTuple):
    """Nodes of the two sums; eigenvalues relative to the largest.

    Attributes:
        eigvals, mass: nodes of sums over modes.
        places, power: nodes of sums over modes weighted by their target power.
        stands_for: sums of the eigenvalues and powers of the list, by which another list is told.
    """

    eigvals: Float[np.ndarray, " nodes"]
    mass: Float[np.ndarray, " nodes"]
    places: Float[np.ndarray, " others"]
    power: Float[np.ndarray, " others"]
    stands_for: Float[np.ndarray, " two"]

    def fits(self, eigvals: Any, power: Any) -> Any:
        """Whether it stands for this list, relative to its largest eigenvalue."""
        return (abs(eigvals.sum() / self.stands_for[0] - 1) < SAME) & (abs(power.sum() / self.stands_for[1] - 1) < SAME)


def merge(eigvals: Float[np.ndarray, " modes"], power: Float[np.ndarray, " modes"]) -> Merged | None:
    """The short list; None where the list, decreasing, is short already."""
    if len(eigvals) <= FEW:
        return None
    relative = eigvals / eigvals[0]
    sums = np.array([relative.sum(), power.sum()])
    return Merged(*_nodes(relative, np.ones_like(relative)), *_nodes(relative, power), sums)


def _nodes(x: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rest = x[ALONE:]
    level = np.floor(np.log(rest[0] / rest) / np.log(RATIO))
    ends = np.flatnonzero(np.diff(level)) + 1
    parts = [(x[:ALONE], weight[:ALONE])]
    parts += [_gauss(a, b) for a, b in zip(np.split(rest, ends), np.split(weight[ALONE:], ends), strict=True)]
    nodes, weights = zip(*parts, strict=True)
    return np.concatenate(nodes), np.concatenate(weights)


def _gauss(x: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most ``POINTS`` nodes of a discrete measure, by Lanczos with full reorthogonalisation."""
    total, center, half = weight.sum(), (x[0] + x[-1]) / 2, (x[0] - x[-1]) / 2
    if len(x) <= POINTS or total == 0:
        return (x, weight) if total else (x[:0], weight[:0])
    if half == 0:
        return x[:1], np.array([total])
    t, basis = (x - center) / half, [np.sqrt(weight / total)]
    diagonal, off = [], []
    for _ in range(POINTS):
        v = t * basis[-1]
        diagonal.append(v @ basis[-1])
        for u in (*basis, *basis):
            v = v - (u @ v) * u
        size = np.sqrt(v @ v)
        if size < 1e-12:  # there are no more places than that
            break
        off.append(size)
        basis.append(v / size)
    off = off[: len(diagonal) - 1]
    nodes, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1))
    return center + half * nodes, total * vectors[0] ** 2
