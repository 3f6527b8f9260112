"""The band around a predicted learning curve: what it is made of, and how often it holds the mean risk."""

import jax
import numpy as np
import pytest
from scipy import stats

import solvable as sv
from solvable.simulation import prediction_band

KEY = jax.random.key(3)
HALVES, SUBSETS = 6, 5


def gaussian_data(count, seed=0, width=6):
    rng, index = np.random.default_rng(seed), np.arange(1.0, width + 1)
    features = rng.standard_normal((count, width)) * index**-0.8
    return features, features @ index**-0.6 + 0.3 * rng.standard_normal(count)


X, Y = gaussian_data(40)
SIZES = np.array([5, 20, 21, 90])  # half of the data is 20


def band(predict, sizes=SIZES, algorithm=0.1, steps=None, **options):
    options = {"num_halves": HALVES, "num_subsets": SUBSETS, "confidence": 0.9, "key": KEY} | options
    return prediction_band(X, Y, sizes, algorithm, steps, predict=predict, **options)


def measured(sizes, *args):
    """The risks the band is built around: the same call with predictions of 1 shows them as ratios."""
    return band(lambda model, sizes: np.ones((len(sizes), len(args[1]) if args else 1)), sizes, *args).ratio


def test_up_to_half_of_the_data_the_band_lies_around_the_measured_risk():
    """With predictions that do not depend on the data, its width is the standard error of the trainings alone."""
    got = band(lambda model, sizes: np.full(len(sizes), 2.0))
    assert band(lambda model, sizes: np.ones(len(sizes)), [1]).low > 0  # one datum is a training set
    centre = np.sqrt(got.low * got.high)[:2]
    np.testing.assert_allclose(centre, measured(SIZES)[:2], rtol=1e-12)
    np.testing.assert_allclose(got.ratio, measured(SIZES) / 2, rtol=1e-12)
    np.testing.assert_array_equal(got.predicted, 2.0)


def test_beyond_half_of_the_data_the_band_holds_the_prediction_with_and_without_the_error_at_half():
    truth = measured(SIZES)
    for constant in (0.1, 10.0):  # far too low, far too high
        got = band(lambda model, sizes, constant=constant: np.full(len(sizes), constant))
        ends = np.sort(np.stack([np.full((2, 1), constant), truth[2:]]), axis=0)
        margin = np.sqrt(got.high / got.low)[1]  # at half of the data, from the same trainings
        np.testing.assert_allclose(got.low[2:], ends[0] / margin, rtol=1e-12)
        np.testing.assert_allclose(got.high[2:], ends[1] * margin, rtol=1e-12)
    np.testing.assert_array_equal(truth[1], truth[3])  # nothing is trained on more than half


def test_the_unit_of_the_targets_changes_nothing():
    one, other = (
        prediction_band(X, unit * Y, SIZES, 0.1, key=KEY, num_halves=HALVES, num_subsets=SUBSETS,
                        predict=lambda model, sizes, unit=unit: np.full(len(sizes), 2 * unit**2))
        for unit in (1.0, 10.0)
    )  # fmt: skip
    for name in ("low", "high", "predicted"):
        np.testing.assert_allclose(getattr(other, name), 100 * getattr(one, name), rtol=1e-9)
    np.testing.assert_allclose(other.ratio, one.ratio, rtol=1e-9)


def test_the_spread_of_predictions_from_halves_widens_the_band():
    """Predictions that are the mean target power of the data: their relative spread enters with Student's quantile."""
    seen = []

    def predict(model, sizes):
        seen.append(float(np.sum(model.eigvals * model.target**2) + model.floor))
        return np.full(len(sizes), seen[-1])

    wide, narrow = band(predict), band(lambda model, sizes: np.ones(len(sizes)))
    halves = np.array(seen[:HALVES])
    assert len(seen) == HALVES + 1
    unit = stats.t.ppf(0.95, HALVES - 1)
    errors = [np.log(b.high / b.low)[:2] / (2 * unit) for b in (wide, narrow)]
    np.testing.assert_allclose(errors[0] ** 2 - errors[1] ** 2, (halves.std(ddof=1) / halves.mean()) ** 2, rtol=1e-9)


def test_halves_scatter_as_data_sets_do():
    """The jackknife: predictions from halves spread as those from independent data sets, here 80 sets of 60 data.

    The prediction is the mean square of the targets, whose relative spread is sqrt(2 / 60) for normal targets.
    """

    def mean_square(model, sizes):
        return np.full(len(sizes), float(np.sum(model.eigvals * model.target**2) + model.floor))

    squares = []
    for seed in range(80):
        got = [
            prediction_band(*gaussian_data(60, seed), [30], 1e9, predict=predict, num_halves=12, num_subsets=2, key=KEY)
            for predict in (mean_square, lambda model, sizes: np.ones(len(sizes)))  # the second: trainings alone
        ]
        wide, narrow = (np.log(b.high / b.low)[0, 0] / (2 * stats.t.ppf(0.975, 11)) for b in got)
        squares.append(wide**2 - narrow**2)
    assert np.sqrt(np.mean(squares)) == pytest.approx(np.sqrt(2 / 60), rel=0.2)


def test_kernels_and_steps():
    steps = [0, 3, 30]
    got = band(lambda model, sizes: np.ones((len(sizes), 3)), [5, 30], sv.GradientFlow(0.5), steps)
    assert got.low.shape == got.high.shape == got.predicted.shape == got.ratio.shape == (2, 3)
    np.testing.assert_array_equal(got.steps, steps)
    kernel = prediction_band(
        None, Y, [5, 30], sv.GradientFlow(0.5), steps, kernel=X @ X.T, num_halves=HALVES, num_subsets=SUBSETS,
        confidence=0.9, key=KEY, predict=lambda model, sizes: np.ones((len(sizes), 3)),
    )  # fmt: skip
    np.testing.assert_allclose(kernel.low, got.low, rtol=1e-8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sizes": [0]}, "sizes: wanted integers >= 1"),
        ({"sizes": [[5]]}, "sizes: wanted integers >= 1"),
        ({"sizes": []}, "sizes: wanted integers >= 1"),
        ({"num_halves": 3}, "num_halves"),
        ({"num_subsets": 1}, "num_subsets"),
        ({"confidence": 1.0}, "confidence"),
        ({"key": None}, "key"),
        ({"algorithm": sv.SGD(0.1, 1), "steps": [1]}, "algorithm"),
        ({"predict": lambda model, sizes: np.ones(3)}, r"predict: wanted finite risks > 0 of shape \(8, 1\)"),
        ({"predict": lambda model, sizes: 0.0 * sizes}, "predict"),
        ({"predict": lambda model, sizes: np.nan * sizes}, "predict"),
    ],
)
def test_bad_arguments_are_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        band(**{"predict": lambda model, sizes: np.ones(len(sizes))} | options)
    with pytest.raises(ValueError, match="features: wanted at least 8"):
        prediction_band(X[:7], Y[:7], [2], 0.1, predict=lambda model, sizes: np.ones(len(sizes)), key=KEY)


def standardised(name):
    data = getattr(pytest.importorskip("sklearn.datasets"), f"load_{name}")()
    if name == "digits":
        return data.data / 16 - (data.data / 16).mean(0), np.eye(10)[data.target] - 0.1
    return tuple((x - x.mean(0)) / x.std(0) for x in (data.data, data.target))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["breast_cancer", "diabetes", "digits", "gaussian"])
def test_predictions_hold_from_four_times_the_modes_on_and_are_too_low_at_fewer_samples(name):
    """The table of `docs/finite_data.md`; run with -s to print it."""
    features, targets = gaussian_data(600, 1, 30) if name == "gaussian" else standardised(name)
    count, width = features.shape
    sizes, model = np.array([width // 2, width, 2 * width, 4 * width]), sv.models.from_data(features, targets)
    for part, allowed in ((0.01, 0.1), (0.1, 0.05)):
        penalty = part * (features**2).sum() / count / width
        measured = sv.measure_learning_curve(features, targets, sizes, penalty, num_subsets=100, key=KEY)
        ratio = np.asarray(sv.ridge_map(model, samples=sizes, penalty=penalty).risk) / measured.risk[:, 0]
        error = 100 * (measured.stderr / measured.risk)[:, 0]
        print(name, part, sizes, np.round(100 * (ratio - 1), 1), "+-", np.round(error, 1))
        assert abs(ratio[3] - 1) < allowed
        assert name != "breast_cancer" or ratio[2] < 1 - 0.03


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["breast_cancer", "diabetes", "digits", "gaussian"])
def test_a_90_percent_band_holds_the_mean_risk_of_the_whole_data_set(name):
    """Bands from a quarter of the data at hand, against the mean risk measured with all data, at five sizes.

    The mean over sizes of 16 data sets: at 0.9 it has a standard deviation of at most 0.075.
    """
    features, targets = gaussian_data(600, 1, 30) if name == "gaussian" else standardised(name)
    count, width = features.shape
    quarter = count // 4
    sizes = np.unique([width // 2, width, quarter // 2, quarter, 2 * quarter])
    penalty = 0.03 * (features**2).sum() / count / width
    truth = sv.measure_learning_curve(features, targets, sizes, penalty, num_subsets=200, key=KEY).risk
    held = []
    for seed in range(16):
        chosen = np.random.default_rng(seed).permutation(count)[:quarter]
        got = prediction_band(
            features[chosen], targets[chosen], sizes, penalty, confidence=0.9, key=jax.random.key(seed),
            predict=lambda model, sizes: sv.ridge_map(model, samples=sizes, penalty=penalty).risk,
        )  # fmt: skip
        held.append((got.low <= truth) & (truth <= got.high))
        assert (got.high / got.low < 3).all()
    print(name, sizes, np.mean(held, axis=0).ravel())
    assert np.mean(held) > 0.85
