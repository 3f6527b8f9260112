"""A data set as a model: its spectrum, and learning curves predicted from it beside measured ones."""

import jax
import numpy as np
import pytest

import solvable as sv
from solvable.models import from_data

KEY = jax.random.key(5)
RNG = np.random.default_rng(0)


def gaussian_data(count, width=12, noise=0.3):
    """A known law: eigenvalues k^-1.6, target power k^-2.8."""
    index = np.arange(1.0, width + 1)
    features = RNG.standard_normal((count, width)) * index**-0.8
    return features, features @ index**-0.6 + noise * RNG.standard_normal(count)


@pytest.fixture(scope="module")
def digits():
    data = pytest.importorskip("sklearn.datasets").load_digits()
    return data.data / 16 - (data.data / 16).mean(0), np.eye(10)[data.target] - 0.1


def test_the_law_behind_many_data_is_recovered():
    features, targets = gaussian_data(40_000)
    model, index = from_data(features, targets), np.arange(1.0, 13)
    np.testing.assert_allclose(model.eigvals, index**-1.6, rtol=0.05)
    assert float(model.floor) == pytest.approx(0.09, rel=4.5 * np.sqrt(2 / 40_000))
    np.testing.assert_allclose(np.abs(model.target)[:4], index[:4] ** -0.6, rtol=0.1)


def test_noise_and_power_are_unbiased_on_few_data():
    """Mean over 200 data sets of 40 points: the noise spends 12 of 40 degrees of freedom on the modes."""
    found = [from_data(*gaussian_data(40)) for _ in range(200)]
    floors = np.array([float(m.floor) for m in found])
    assert abs(floors.mean() - 0.09) < 4.5 * floors.std(ddof=1) / np.sqrt(200)
    assert (floors.mean() - 0.09 * 28 / 40) > 4.5 * floors.std(ddof=1) / np.sqrt(200)


def test_features_and_their_kernel_are_one_model():
    features, targets = gaussian_data(9)  # fewer data than features
    direct, kernel = from_data(features, targets), from_data(targets=targets, kernel=features @ features.T)
    np.testing.assert_allclose(direct.eigvals, kernel.eigvals, rtol=1e-10)
    np.testing.assert_allclose(np.abs(direct.target), np.abs(kernel.target), rtol=1e-8)
    assert float(direct.floor) < 1e-25
    assert float(np.sum(direct.eigvals * direct.target**2)) == pytest.approx((targets**2).mean(), rel=1e-12)
    np.testing.assert_allclose(np.linalg.norm(direct.vectors, axis=0), 1, rtol=1e-10)
    curves = [
        sv.measure_learning_curve(*data, [3, 6], 0.01, kernel=k, num_subsets=3, key=KEY)
        for data, k in (((features, targets), None), ((None, targets), features @ features.T))
    ]
    np.testing.assert_allclose(curves[0].risk, curves[1].risk, rtol=1e-9)


def test_duplicate_constant_and_zero_columns():
    features, targets = gaussian_data(60, 4)
    plain = from_data(features, targets)
    doubled = from_data(np.hstack([features, features[:, :1], np.zeros((60, 1))]), targets)
    assert doubled.eigvals.shape == (4,)  # a copy and a column of zeros add no direction
    assert float(doubled.floor) == pytest.approx(float(plain.floor), rel=1e-10)
    intercept = from_data(np.hstack([features, np.ones((60, 1))]), targets + 3.0)
    assert intercept.eigvals.shape == (5,)
    assert float(intercept.floor) == pytest.approx(float(plain.floor), rel=0.2)


def test_centered_data_fewer_than_features_leave_no_noise_to_measure():
    """n - 1 modes explain all but the mean: one degree of freedom is no estimate of the noise."""
    features, targets = gaussian_data(9)
    model = from_data(features - features.mean(0), targets)
    assert model.eigvals.shape == (8,)
    assert float(model.floor) == pytest.approx(targets.mean() ** 2, rel=1e-9)


@pytest.mark.parametrize(("count", "spent"), [(14, 4), (13, 0)])
def test_noise_is_told_from_ten_data_more_than_modes_on(count, spent):
    features, targets = gaussian_data(count, 4)
    left = targets - features @ np.linalg.lstsq(features, targets)[0]
    assert float(from_data(features, targets).floor) == pytest.approx((left**2).sum() / (count - spent), rel=1e-9)


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_the_unit_of_the_features_decides_no_direction(unit):
    features, targets = gaussian_data(60, 4)
    assert from_data(unit * np.hstack([features, features]), targets).eigvals.shape == (4,)


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_a_kernel_of_few_directions_is_trained_as_its_features_in_any_unit(unit):
    """Six data in two directions, without a penalty: four eigenvalues of the kernel are rounding errors."""
    features, targets = gaussian_data(12, 2)
    features = unit * features
    curves = [
        sv.measure_learning_curve(*data, [6], 0.0, kernel=kernel, num_subsets=3, key=KEY)
        for data, kernel in (((features, targets), None), ((None, targets), features @ features.T))
    ]
    np.testing.assert_allclose(curves[1].risk, curves[0].risk, rtol=1e-6)


def test_outputs_add_up():
    features, targets = gaussian_data(50, 5)
    pair = from_data(features, np.stack([targets, 2 * targets], axis=1))
    single = from_data(features, targets)
    np.testing.assert_allclose(pair.eigvals * pair.target**2, 5 * single.eigvals * single.target**2, rtol=1e-10)
    assert float(pair.floor) == pytest.approx(5 * float(single.floor), rel=1e-10)


def test_measured_learning_curve_is_ridge_on_subsets():
    features, targets = gaussian_data(30, 5)
    curve = sv.measure_learning_curve(features, targets, [8], 0.1, num_subsets=2, key=KEY)
    assert curve.risk.shape == (1, 1)
    zero = sv.measure_learning_curve(features, targets, [8], 1e12, num_subsets=2, key=KEY)
    assert zero.risk[0, 0] == pytest.approx((targets**2).mean(), rel=0.6)
    flow = sv.measure_learning_curve(features, targets, [8], sv.GradientFlow(1.0), [0, 10**9], num_subsets=2, key=KEY)
    ridgeless = sv.measure_learning_curve(features, targets, [8], 0.0, num_subsets=2, key=KEY)
    assert flow.risk[0, 1] == pytest.approx(ridgeless.risk[0, 0], rel=1e-9)
    assert flow.train_risk[0, 1] == pytest.approx(ridgeless.train_risk[0, 0], rel=1e-9)


def test_the_standard_error_of_a_learning_curve_is_the_spread_of_repeated_curves():
    features, targets = gaussian_data(200, 3)
    curves = [
        sv.measure_learning_curve(features, targets, [5], 0.1, num_subsets=8, key=jax.random.key(seed))
        for seed in range(60)
    ]
    for risk, stderr in (("risk", "stderr"), ("train_risk", "train_stderr")):
        spread = np.std([getattr(c, risk) for c in curves], ddof=1)
        claimed = np.sqrt(np.mean([getattr(c, stderr) ** 2 for c in curves]))
        assert claimed == pytest.approx(spread, rel=0.3)  # 60 curves know a spread to 10%


def test_the_share_of_the_noise_is_taken_off_the_power_of_every_mode():
    """Mean over 400 data sets of 60 points, 4 modes of no power and noise 1: power 0 but for the cut at 0.

    A mode's measured power is (1 / 60) times a squared normal; less its share 1 / 60 and cut at zero, its mean is
    E[(z^2 - 1)+] / 60 = 2 phi(1) / 60, half of what it would be with the share left in.
    """
    rng = np.random.default_rng(8)
    power = [
        float(np.sum(model.eigvals * model.target**2))
        for model in (from_data(rng.standard_normal((60, 4)), rng.standard_normal(60)) for _ in range(400))
    ]
    expected = 4 * 2 * np.exp(-0.5) / np.sqrt(2 * np.pi) / 60
    assert np.mean(power) == pytest.approx(expected, rel=0.15)


def test_prediction_from_measured_eigenvalues_meets_gaussian_data():
    """Everything from data alone: 3000 points, the curve predicted, and the curve measured on subsets."""
    features, targets = gaussian_data(3000)
    sizes = np.array([30, 100, 300])
    measured = sv.measure_learning_curve(features, targets, sizes, 0.02, num_subsets=80, key=KEY)
    predicted = np.asarray(sv.theory.ridge_map(from_data(features, targets), samples=sizes, penalty=0.02).risk)
    np.testing.assert_allclose(predicted, measured.risk[:, 0], rtol=0.05)


@pytest.mark.slow
def test_digits_ridge_and_descent_are_predicted(digits):
    features, targets = digits
    sizes = np.array([100, 400])
    measured = sv.measure_learning_curve(features, targets, sizes, 0.03, num_subsets=8, key=KEY)
    model = from_data(features, targets)
    assert model.eigvals.shape == (61,)  # 3 of the 64 pixels never change
    predicted = np.asarray(sv.theory.ridge_map(model, samples=sizes, penalty=0.03).risk)
    np.testing.assert_allclose(predicted, measured.risk[:, 0], rtol=0.04)
    algorithm, steps = sv.SGD(0.2, None), [1, 10, 100]
    measured = sv.measure_learning_curve(features, targets, [200], algorithm, steps, num_subsets=8, key=KEY)
    curve = sv.solve(from_data(features, targets, samples=200), algorithm, sv.DMFT(), steps)
    np.testing.assert_allclose(curve.risk, measured.risk[0], rtol=0.04)
    np.testing.assert_allclose(curve.train_risk, measured.train_risk[0], rtol=0.06)


def test_exponents_and_their_range_are_found():
    index = np.arange(1.0, 1001)
    eigvals = np.where(index < 300, index**-1.5, 300**3 * index**-4.5)
    power = -np.diff(np.append(index**-1.2, 0.0))  # sums to k^-1.2 from k on
    fit = sv.fits.fit_spectrum(eigvals, power, tolerance=0.05)
    assert fit.eigvals.exponent.value == pytest.approx(1.5, abs=0.02)
    assert fit.eigvals_range[0] == 1
    assert 300 / 2 ** (1 / 6) <= fit.eigvals_range[1] <= 300 * 2 ** (1 / 6)  # to a step of the grid
    assert fit.alpha == pytest.approx(0.75, abs=0.01)
    assert fit.tail.exponent.value == pytest.approx(1.2, abs=1e-6)
    assert fit.beta == pytest.approx(0.35, abs=0.01)
    chosen = sv.fits.fit_spectrum(eigvals, between=(400, 1000))
    assert chosen.eigvals.exponent.value == pytest.approx(4.5, abs=1e-6)
    assert chosen.eigvals_range == (400, 1000)


X, Y = gaussian_data(20, 3)
BAD = {
    "nan": (lambda: from_data(np.where(np.arange(3) == 1, np.nan, X), Y), r"features: .*columns \[1\]"),
    "nan target": (lambda: from_data(X, np.full(20, np.nan)), "targets"),
    "lengths": (lambda: from_data(X, Y[:5]), "targets"),
    "one datum": (lambda: from_data(X[:1], Y[:1]), "features: wanted at least 2"),
    "zeros": (lambda: from_data(0 * X, Y), "features"),
    "neither": (lambda: from_data(targets=Y), "features"),
    "both": (lambda: from_data(X, Y, kernel=X @ X.T), "features"),
    "asymmetric": (lambda: from_data(targets=Y[:2], kernel=np.array([[1.0, 2.0], [0.0, 1.0]])), "kernel"),
    "negative": (lambda: from_data(targets=Y[:2], kernel=np.array([[1.0, 2.0], [2.0, 1.0]])), "kernel"),
    "few modes": (lambda: sv.fits.fit_spectrum(from_data(X, Y).eigvals), "eigvals: wanted at least 8"),
    "between": (lambda: sv.fits.fit_spectrum(np.arange(20.0)[::-1], between=(5, 50)), "between"),
    "increasing": (lambda: sv.fits.fit_spectrum(np.arange(20.0)), "eigvals"),
    "size": (lambda: sv.measure_learning_curve(X, Y, [20], 0.1, key=KEY), "sizes"),
    "algorithm": (lambda: sv.measure_learning_curve(X, Y, [5], sv.SGD(0.1, 1), [1], key=KEY), "algorithm"),
    "samples": (lambda: from_data(X, Y, samples=0), "samples"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_measured_is_refused_by_name(case):
    build, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        build()
