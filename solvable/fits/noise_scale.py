"""The gradient noise scale from gradients of two batch sizes.

The batch-mean gradient of B samples has E |G_B|^2 = |G|^2 + tr Sigma / B, so that two batch sizes give both terms
(McCandlish et al. 2018, appendix A.1),

    |G|^2 = (B |G_B|^2 - b |G_b|^2) / (B - b),        tr Sigma = (|G_b|^2 - |G_B|^2) / (1 / b - 1 / B),

without bias, and their ratio estimates B_simple.
"""

import dataclasses
import math
from typing import Any

import numpy as np
from scipy import stats

from solvable.arguments import check_real, check_reals
from solvable.fits.power_law import Estimate


@dataclasses.dataclass(frozen=True)
class NoiseScaleEstimate:
    """B_simple from measured gradients.

    Attributes:
        simple: B_simple = tr Sigma / |G|^2. Its interval is Fieller's, of a ratio of correlated means: it has no upper
            end where the measurements cannot tell |G|^2 from 0. Its standard error is of first order.
        gradient: |G|^2; it may come out negative where it is lost in the noise.
        covariance: tr Sigma, of one sample's gradient.
    """

    simple: Estimate
    gradient: Estimate
    covariance: Estimate


def estimate_noise_scale(
    small_norms: Any, large_norms: Any, *, small: Any, large: Any, confidence: float = 0.95
) -> NoiseScaleEstimate:
    """B_simple by the two-batch estimator, with intervals from the spread of repeated measurements.

    Args:
        small_norms, large_norms: squared norms |G_b|^2 and |G_B|^2 of batch-mean gradients at the same parameters, one
            pair for each independent repetition; shape (repetitions,), at least 2.
        small, large: the batch sizes b < B.
        confidence: level of the intervals, in (0, 1).

    Raises:
        ValueError: an argument is impossible.
    """
    check_real("small", small, "a number >= 1", lambda b: 1 <= b < math.inf)
    check_real("large", large, f"a number above small = {float(small):g}", lambda b: float(small) < b < math.inf)
    check_real("confidence", confidence, "a number in (0, 1)", lambda p: 0 < p < 1)
    norms = []
    for name, values in (("small_norms", small_norms), ("large_norms", large_norms)):
        norms.append(check_reals(name, values, "two or more finite values >= 0",
                                 lambda x: (x >= 0) & np.isfinite(x), ndim=1))  # fmt: skip
    if len(norms[0]) < 2 or len(norms[0]) != len(norms[1]):
        shapes = f"shapes {norms[0].shape} and {norms[1].shape}"
        raise ValueError(f"small_norms, large_norms: wanted two vectors of one length >= 2; got {shapes}")
    b, big = float(small), float(large)
    gradient = (big * norms[1] - b * norms[0]) / (big - b)
    covariance = (norms[0] - norms[1]) / (1 / b - 1 / big)
    t = float(stats.t.isf((1 - confidence) / 2, len(gradient) - 1))
    mean, error = _mean(gradient), _mean(covariance)
    parts = [Estimate(m, s, m - t * s, m + t * s) for m, s in (mean, error)]
    return NoiseScaleEstimate(_ratio(covariance, gradient, t), *parts)


def _mean(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5)


def _ratio(above: np.ndarray, below: np.ndarray, t: float) -> Estimate:
    """mean(above) / mean(below), with the ratios r that |mean(above - r below)| <= t of its standard errors allows."""
    (m, _), (n, _) = _mean(above), _mean(below)
    value = m / n if n > 0 else math.inf
    stderr = _mean(above - value * below)[1] / n if n > 0 else math.inf
    (va, cov), (_, vb) = np.cov(above, below) / len(above)
    # a r^2 - 2 h r + c <= 0
    a, h, c = n**2 - t**2 * vb, m * n - t**2 * cov, m**2 - t**2 * va
    root = math.sqrt(max(h**2 - a * c, 0.0))
    if a > 0 and n > 0:
        return Estimate(value, stderr, (h - root) / a, (h + root) / a)
    # 0 is possible for |G|^2: no ratio above the lower end can be excluded.
    low = c / (h + root) if h + root > 0 else 0.0
    return Estimate(value, stderr, max(low, 0.0), math.inf)
