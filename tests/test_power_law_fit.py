"""The power-law fit is the least-squares optimum, and its intervals cover the truth as often as they say."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import curve_fit

from solvable.fits.power_law import fit_power_law

X = np.logspace(1, 4, 30)
LAW = 3 * X**-0.7


def noisy(law, size, seed):
    return law * np.exp(size * np.random.default_rng(seed).standard_normal(law.shape))


@pytest.mark.parametrize("exponent", [0.7, 2.0, -0.4])
@pytest.mark.parametrize("floor", [0.0, 0.02])
def test_a_law_without_noise_is_recovered_and_decay_is_positive(exponent, floor):
    fit = fit_power_law(X, 3 * X**-exponent + floor, floor=floor)
    assert float(fit.exponent) == pytest.approx(exponent, abs=1e-9)
    assert float(fit.prefactor) == pytest.approx(3, rel=1e-9)
    np.testing.assert_allclose(fit(X), 3 * X**-exponent + floor, rtol=1e-9)


@pytest.mark.parametrize("floor", [0.0, 1e-4, 0.02, 5.0])
def test_an_unknown_floor_is_recovered(floor):
    fit = fit_power_law(X, LAW + floor, floor="fit")
    assert float(fit.floor) == pytest.approx(floor, abs=1e-9)
    assert float(fit.exponent) == pytest.approx(0.7, abs=1e-8)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("free", [False, True])
def test_values_and_covariance_are_those_of_scipy(free, weighted):
    y = noisy(LAW + 0.02, 0.05, seed=1)
    stderr = y * np.linspace(0.01, 0.1, y.size) if weighted else None
    errors = y * 0.03 if stderr is None else stderr  # equal relative errors are no errors, and no sandwich
    fit = fit_power_law(X, y, floor="fit" if free else 0.02, stderr=errors, errors="independent")

    def model(x, exponent, log_prefactor, floor=0.02):
        return np.log(np.exp(log_prefactor) * x**-exponent + floor)

    start = [0.7, 1.0, 0.02] if free else [0.7, 1.0]
    sigma = stderr / y if weighted else None
    value, covariance = curve_fit(model, X, np.log(y), start, sigma=sigma, xtol=1e-14, ftol=1e-14)
    got = [float(fit.exponent), np.log(float(fit.prefactor)), float(fit.floor)][: len(start)]
    np.testing.assert_allclose(got, value, rtol=1e-6)
    np.testing.assert_allclose(fit.covariance[: len(start), : len(start)], covariance, rtol=1e-4)
    np.testing.assert_allclose(fit.residual, np.log(y) - model(X, *value), atol=1e-7)


def test_unequal_errors_are_weighted_and_their_scale_is_measured():
    sizes = np.where(np.arange(30) % 2 == 0, 0.01, 0.3)
    errors = {"weighted": [], "equal": []}
    chi = []
    for seed in range(50):
        y = LAW * np.exp(sizes * np.random.default_rng(seed).standard_normal(30))
        fit = fit_power_law(X, y, stderr=sizes * y)
        chi.append(fit.reduced_chi_square)
        errors["weighted"].append(float(fit.exponent) - 0.7)
        errors["equal"].append(float(fit_power_law(X, y).exponent) - 0.7)
    assert np.std(errors["weighted"]) < 0.2 * np.std(errors["equal"])
    assert np.mean(chi) == pytest.approx(1, abs=0.15)
    scaled = fit_power_law(X, y, stderr=10 * sizes * y)  # errors overstated tenfold: same intervals
    assert scaled.exponent.stderr == pytest.approx(fit.exponent.stderr, rel=1e-6)
    assert scaled.reduced_chi_square == pytest.approx(fit.reduced_chi_square / 100, rel=1e-6)


def test_a_higher_confidence_is_a_wider_interval():
    y = noisy(LAW, 0.05, seed=3)
    narrow, wide = (fit_power_law(X, y, confidence=level) for level in (0.5, 0.99))
    for name in ("exponent", "prefactor"):
        small, large = getattr(narrow, name), getattr(wide, name)
        assert large.low < small.low < small.value < small.high < large.high
        assert small.value == large.value


def test_units_of_x_and_y_change_only_the_prefactor_and_the_floor():
    y = noisy(LAW + 0.02, 0.02, seed=4)
    one = fit_power_law(X, y, floor="fit")
    other = fit_power_law(1e12 * X, 1e-9 * y, floor="fit")
    assert float(other.exponent) == pytest.approx(float(one.exponent), rel=1e-6)
    assert other.exponent.stderr == pytest.approx(one.exponent.stderr, rel=1e-4)
    assert float(other.floor) == pytest.approx(1e-9 * float(one.floor), rel=1e-5)
    assert float(other.prefactor) == pytest.approx(1e-9 * 1e12**0.7 * float(one.prefactor), rel=0.2)


def test_float32_input_is_fitted_in_float64():
    fit = fit_power_law(jnp.asarray(X, jnp.float32), jnp.asarray(LAW, jnp.float32))
    assert float(fit.exponent) == pytest.approx(0.7, abs=1e-6)
    assert fit.covariance.dtype == fit.residual.dtype == np.float64


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        ([1, 2], [1, 0.5], {}, "x: wanted more than 2 points.*got 2 points"),
        ([1, 2, 3], [3, 2, 1], {"floor": "fit"}, "x: wanted more than 3 points"),
        ([2, 2, 2, 2], [3, 2, 1, 1], {}, "got 4 points at 1 distinct x"),
        ([0, 1, 2], [3, 2, 1], {}, "x: wanted finite values > 0; got 0.0 at index 0"),
        ([1, 2, 3], [3, -2, 1], {}, "y: wanted finite values > 0; got -2.0 at index 1"),
        ([1, 2, 3], [3, 2, np.nan], {}, "y:.*nan at index 2"),
        ([1, 2, np.inf], [3, 2, 1], {}, "x:.*inf at index 2"),
        ([1, 2, 3], [3, 2], {}, r"shapes \(3,\) and \(2,\)"),
        ([[1, 2, 3]], [[3, 2, 1]], {}, "vectors"),
        ([1, 2, 3], [3, 2, 1], {"floor": "guess"}, "floor.*'guess'"),
        ([1, 2, 3], [3, 2, 1], {"floor": np.nan}, "floor.*nan"),
        ([1, 2, 3], [3, 2, 1], {"stderr": [1, 1]}, r"stderr.*\(3,\)"),
        ([1, 2, 3], [3, 2, 1], {"stderr": [1, 1, 0]}, "stderr"),
        ([1, 2, 3], [3, 2, 1], {"confidence": 95}, "confidence.*95"),
    ],
)
def test_bad_arguments_are_refused_by_name(x, y, options, message):
    with pytest.raises(ValueError, match=message):
        fit_power_law(x, y, **options)
