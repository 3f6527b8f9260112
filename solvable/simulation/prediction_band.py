"""How far a learning curve predicted from a data set may be off: a band, from training and predicting on subsets.

Two errors are told apart, with n data at hand and a size P.

- *The theory's*: real data are not Gaussian, and the typical draw is not the mean. Up to P = n/2 it is measured: q(P)
  is the mean risk of training on P of the data and testing on the others, and the band lies around q(P). Beyond, the
  prediction p(P) from all data leads, and the band holds both p(P) and p(P) q(n/2) / p_half(n/2), with p_half the
  prediction from half of the data: the error at n/2, which shrank as P grew for every data set tried.
- *That of the data*, of which there are only n: the relative spread of predictions from random halves. Half the data,
  drawn without replacement, scatter about all of them as all of them do about the population (delete-half jackknife).
  Predictions show it without the scatter of training sets.

Source: Shao, Wu 1989 (jackknife by halves).
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, Int, Key
from scipy import special

from solvable.algorithms.base import AbstractAlgorithm
from solvable.arguments import answer, check_integer, check_real, check_reals, is_function, refusal
from solvable.keys import require_key, stream
from solvable.models.base import AbstractModel
from solvable.models.from_data import check_data, from_data
from solvable.simulation.learning_curve import MOST_TRAINED, check_sizes, measure_learning_curve

FEWEST = 8  # data: halves of 4
MOST_SAMPLES = 2**53  # of a size, which is an integer in float64
PREDICTS = "a function of a model and sizes that returns its risks"


class PredictionBand(eqx.Module):
    """A predicted learning curve and where the mean risk lies.

    Attributes:
        sizes: numbers of training samples; shape (sizes,).
        steps: recorded steps; shape (steps,), one for an algorithm without steps.
        predicted: from all data; shape (sizes, steps).
        low, high: band for the mean risk over training sets of that size; shape (sizes, steps).
        ratio: risk measured over risk predicted from halves of the data, at min(size, n/2): how far the prediction is
            to be trusted; shape (sizes, steps).
        confidence: level of the band.
    """

    sizes: Int[np.ndarray, " sizes"]
    steps: Int[np.ndarray, " steps"]
    predicted: Float[np.ndarray, "sizes steps"]
    low: Float[np.ndarray, "sizes steps"]
    high: Float[np.ndarray, "sizes steps"]
    ratio: Float[np.ndarray, "sizes steps"]
    confidence: float


def prediction_band(
    features: Any = None,
    targets: Any = None,
    sizes: Any = (),
    algorithm: AbstractAlgorithm | float = 0.0,
    steps: Any = None,
    *,
    predict: Callable[[AbstractModel, Int[np.ndarray, " sizes"]], Any],
    kernel: Any = None,
    num_halves: int = 24,
    num_subsets: int = 48,
    confidence: float = 0.95,
    key: Key[Array, ""],
) -> PredictionBand:
    """The learning curve predicted from a data set, with a band that holds the mean risk.

    Args:
        features, targets, kernel: as in `from_data`.
        sizes: numbers of training samples >= 1; beyond half of the data the band rests on the prediction.
        algorithm, steps: as in `measure_learning_curve`.
        predict: ``predict(model, sizes)`` gives the risk of a model made by `from_data`, shape (sizes,) or (sizes,
            steps), for instance ``lambda model, sizes: sv.ridge_map(model, samples=sizes, penalty=0.1).risk``.
        num_halves: random halves to predict from, at least 4.
        num_subsets: training sets of every size, at least 2.
        confidence: level of the band, in (0, 1).
        key: random key.

    Raises:
        ValueError: an argument is impossible.
    """
    require_key(key, "to choose halves")
    matrix, targets = check_data(features, targets, kernel)
    num_halves = check_integer("num_halves", num_halves, 4, MOST_TRAINED)
    if not is_function(predict):
        raise refusal("predict", PREDICTS, predict)
    check_real("confidence", confidence, "a number in (0, 1)", lambda x: 0 < x < 1)
    sizes, half = check_sizes(sizes, MOST_SAMPLES, "integers >= 1"), len(matrix) // 2
    if len(matrix) < FEWEST:
        raise ValueError(f"features: wanted at least {FEWEST} data to split in halves; got {len(matrix)}")
    capped = np.minimum(sizes, half)
    curve = measure_learning_curve(
        features, targets, capped, algorithm, steps, kernel=kernel, num_subsets=num_subsets, key=stream(key, "measure")
    )

    def forecast(chosen):
        part = {"features": matrix[chosen]} if kernel is None else {"kernel": matrix[np.ix_(chosen, chosen)]}
        model = from_data(targets=targets[chosen], **part)
        return _predicted(predict, model, np.append(sizes, capped), len(curve.steps))

    keys = [jax.random.fold_in(stream(key, "half"), i) for i in range(num_halves)]
    halves = np.stack([forecast(np.asarray(jax.random.permutation(k, len(matrix)))[:half]) for k in keys])
    whole, beyond = forecast(np.arange(len(matrix)))[: len(sizes)], (sizes > half)[:, None]
    at_sizes, at_capped = np.split(halves, 2, axis=1)
    ratio = curve.risk / at_capped.mean(0)
    spread = at_sizes.std(axis=0, ddof=1) / at_sizes.mean(0)
    error = np.hypot(spread, curve.stderr / curve.risk)
    margin = np.exp(special.stdtrit(num_halves - 1, (1 + confidence) / 2) * error)
    low = np.where(beyond, whole * np.minimum(ratio, 1.0), curve.risk) / margin
    high = np.where(beyond, whole * np.maximum(ratio, 1.0), curve.risk) * margin
    return PredictionBand(sizes, curve.steps, whole, low, high, ratio, confidence)


def _predicted(predict, model, sizes, steps: int) -> Float[np.ndarray, "sizes steps"]:
    """What ``predict`` returns, if it is a risk at every size and step."""
    wanted = f"finite risks > 0 of shape {(len(sizes), steps)}"
    found = answer("predict", PREDICTS, predict, model, sizes)
    risk = check_reals("predict", found, wanted, lambda x: (x > 0) & np.isfinite(x))
    risk = risk[:, None] if risk.ndim == 1 else risk
    if risk.shape != (len(sizes), steps):
        raise ValueError(f"predict: wanted {wanted}; got shape {risk.shape}")
    return risk
