"""The power laws of a measured spectrum, with the ranges of the index over which they hold."""

import dataclasses
from typing import Any

import numpy as np

from solvable.arguments import check_integers, check_real, check_reals, refusal, shown
from solvable.fits.power_law import PowerLawFit, fit_power_law

PER_OCTAVE = 6  # indices taken of every factor of two: each scale counts the same
FEWEST = 8  # indices that a fit needs


@dataclasses.dataclass(frozen=True)
class SpectrumFit:
    """lambda_k ~ k^(-2 alpha) and sum_{k' >= k} power_k' ~ k^(-(2 alpha + 2 beta - 1)), each over its own range.

    Attributes:
        eigvals: fit of the eigenvalues against their index, from 1.
        eigvals_range: first and last index over which that law holds.
        tail: fit of the target power of all modes from k on; None where no power was given.
        tail_range: first and last index over which that law holds.
    """

    eigvals: PowerLawFit
    eigvals_range: tuple[int, int]
    tail: PowerLawFit | None = None
    tail_range: tuple[int, int] | None = None

    @property
    def alpha(self) -> float:
        """Exponent of the standard deviations of the inputs."""
        return self.eigvals.exponent.value / 2

    @property
    def beta(self) -> float:
        """Exponent of the target: tail exponent = 2 alpha + 2 beta - 1."""
        if self.tail is None:
            raise ValueError("power: wanted the target power in the fit for beta; got None")
        return (self.tail.exponent.value + 1) / 2 - self.alpha


def fit_spectrum(
    eigvals: Any, power: Any = None, *, tolerance: float = 0.1, between: tuple[int, int] | None = None
) -> SpectrumFit:
    """Fit power laws to eigenvalues in decreasing order, and to the tail sums of the target power.

    The range is the longest one, in the logarithm of the index, in which no point is further than ``tolerance`` (in the
    logarithm) from the fitted line, unless ``between`` gives it. Points are spaced evenly in the logarithm. The
    intervals measure the scatter about the line over that range, not the sampling error of the eigenvalues: the last
    third of a spectrum measured on few data is bent down, and it is for ``between`` to leave it out.

    Args:
        eigvals: positive, decreasing; shape (modes,). Trailing zeros are left out.
        power: target power lambda_k w_k^2 of each mode, nonnegative; shape (modes,).
        tolerance: largest deviation of ln(eigenvalue) from the line.
        between: first and last index to fit.

    Raises:
        ValueError: fewer than 8 indices are in the range, or no range is that long, or values are impossible.
    """
    natural = lambda x: np.isfinite(x) & (x >= 0)  # noqa: E731
    values = check_reals("eigvals", eigvals, "finite values >= 0 in decreasing order", natural, ndim=1)
    if (np.diff(values) > 0).any():
        raise ValueError(f"eigvals: wanted finite values >= 0 in decreasing order; got {shown(eigvals)}")
    check_real("tolerance", tolerance, "a number > 0", lambda x: x > 0)
    values = values[values > 0]
    fit, found = _longest("eigvals", values, tolerance, between)
    if power is None:
        return SpectrumFit(fit, found)
    shape = np.shape(eigvals)
    shares = check_reals("power", power, f"finite values >= 0 of shape {shape}", natural)
    if shares.shape != shape:
        raise ValueError(f"power: wanted finite values >= 0 of shape {shape}; got shape {shares.shape}")
    tail = shares[: len(values)][::-1].cumsum()[::-1]
    return SpectrumFit(fit, found, *_longest("power", tail[tail > 0], tolerance, between))


def _longest(name: str, values: np.ndarray, tolerance: float, between: tuple[int, int] | None):
    """The fit over the longest range, and the range."""
    wanted = f"two increasing indices from 1 to {len(values)}"
    first, last = 1, len(values)
    if between is not None:
        ends = check_integers("between", between, wanted, least=1)
        if len(ends) != 2 or ends[1] > len(values):
            raise refusal("between", wanted, between)
        first, last = int(ends[0]), int(ends[1])
    count = max(int(np.log2(last / first) * PER_OCTAVE) + 1, 2)
    index = np.unique(np.rint(np.geomspace(first, last, count)).astype(int))
    if len(index) < FEWEST:
        raise ValueError(f"{name}: wanted at least {FEWEST} indices to fit, about 10 modes; got {len(index)}")
    x, y = np.log(index), np.log(values[index - 1])
    best = (0, len(index)) if between is not None else _widest_straight(x, y, tolerance)
    if best is None:
        raise ValueError(f"{name}: wanted a range of {FEWEST} indices within {tolerance} of a power law; got none")
    chosen = index[best[0] : best[1]]
    return fit_power_law(chosen, values[chosen - 1]), (int(chosen[0]), int(chosen[-1]))


def _widest_straight(x: np.ndarray, y: np.ndarray, tolerance: float) -> tuple[int, int] | None:
    """The slice, longest in x, whose least-squares line misses no point by more than ``tolerance``."""
    spans = [(i, j) for i in range(len(x)) for j in range(i + FEWEST, len(x) + 1)]
    for i, j in sorted(spans, key=lambda s: x[s[0]] - x[s[1] - 1]):
        line = np.polyval(np.polyfit(x[i:j], y[i:j], 1), x[i:j])
        if np.abs(line - y[i:j]).max() <= tolerance:
            return i, j
    return None
