"""``sv.predict_learning_curve``: how far more data would go, from a data set at hand, in one call."""

import dataclasses
import importlib
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Key

from solvable.algorithms.base import AbstractAlgorithm
from solvable.algorithms.ridge import Ridge
from solvable.arguments import check_flag, check_real
from solvable.models.from_data import check_data, from_data
from solvable.simulation.learning_curve import check_sizes
from solvable.simulation.prediction_band import MOST_SAMPLES, prediction_band
from solvable.theory.optimal_penalty import optimal_penalty
from solvable.theory.ridge import ridge_map


@dataclasses.dataclass(frozen=True)
class PredictedLearningCurve:
    """Risk against the number of training samples, with a band for its mean.

    Attributes:
        sizes: numbers of training samples; shape (sizes,).
        risk: predicted mean squared error on new data; shape (sizes,).
        low, high: band of the mean over training sets of that size; shape (sizes,).
        ratio: risk measured on subsets over the risk predicted from halves of the data, at min(size, n / 2).
        penalty: of the ridge regression.
        num_data: data the prediction rests on; beyond half of it nothing is measured.
        confidence: level of the band.
    """

    sizes: np.ndarray
    risk: np.ndarray
    low: np.ndarray
    high: np.ndarray
    ratio: np.ndarray
    penalty: float
    num_data: int
    confidence: float

    def plot(self, **options: Any) -> Any:
        """The curve with its band: ``sv.plots.learning_curve``."""
        return importlib.import_module("solvable.plots").learning_curve(self, **options)


def predict_learning_curve(
    X: Any,
    y: Any,
    sizes: Any,
    *,
    penalty: float | str = "optimal",
    kernel: bool = False,
    confidence: float = 0.95,
    key: Key[Array, ""] | None = None,
) -> PredictedLearningCurve:
    """The learning curve of ridge regression on data like these, at sizes below and beyond their number.

    Columns are used as they are: center X and y, or add a constant column. The theory takes the data to be as good as
    Gaussian; the band is measured on subsets and holds that error (`prediction_band`).

    Args:
        X: features, shape (data, features); with ``kernel`` the kernel matrix, shape (data, data).
        y: targets, shape (data,) or (data, outputs).
        sizes: numbers of training samples >= 1.
        penalty: ridge penalty, a number >= 0, or "optimal" for the best one at the largest size within half the data.
        kernel: whether X is a kernel matrix.
        confidence: level of the band, in (0, 1).
        key: random key of the subsets; None for a fixed one.

    Raises:
        ValueError: an argument is impossible.
    """
    part = {"features": None, "kernel": X} if check_flag("kernel", kernel) else {"features": X, "kernel": None}
    matrix, targets = check_data(part["features"], y, part["kernel"])
    key = jax.random.key(0) if key is None else key
    if isinstance(penalty, str) and penalty == "optimal":
        largest = int(check_sizes(sizes, MOST_SAMPLES, "integers >= 1").max())
        model = from_data(part["features"], targets, kernel=part["kernel"], samples=min(largest, len(matrix) // 2))
        strength = float(np.asarray(optimal_penalty(model).penalty))
    else:
        check_real("penalty", penalty, 'a finite number >= 0, or "optimal"', lambda x: 0 <= x < np.inf)
        strength = float(penalty)
    algorithm: AbstractAlgorithm = Ridge(strength)

    def predict(model, at):
        return ridge_map(model, samples=at, penalty=strength).risk

    band = prediction_band(
        part["features"], targets, sizes, algorithm, predict=predict, kernel=part["kernel"], confidence=confidence,
        key=key,
    )  # fmt: skip
    return PredictedLearningCurve(
        band.sizes, band.predicted[:, 0], band.low[:, 0], band.high[:, 0], band.ratio[:, 0], strength, len(matrix),
        float(confidence),
    )  # fmt: skip


predict_learning_curve.references = ("atanasov2024",)  # type: ignore[attr-defined]
