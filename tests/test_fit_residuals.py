"""The errors of a fit against dense matrices, and what is said where the points are not one power law."""

import warnings

import numpy as np
import pytest
from scipy import stats

import solvable as sv
from solvable.fits.power_law import PowerLawWarning, fit_power_law
from solvable.fits.residuals import scatter

RNG = np.random.default_rng(2)
JACOBIAN = RNG.standard_normal((9, 3)) + np.arange(9)[:, None] ** np.arange(3)
DATA = RNG.standard_normal(9) * np.linspace(0.5, 2, 9)
INVERSE = np.linalg.pinv(JACOBIAN)
RESIDUAL = DATA - JACOBIAN @ INVERSE @ DATA
NODES, WEIGHTS = np.polynomial.legendre.leggauss(64)


def toeplitz(rho):
    return rho ** np.abs(np.subtract.outer(np.arange(9), np.arange(9)))


def test_correlated_errors_are_those_of_dense_matrices():
    """Density of rho, generalised least squares for s^2, and the variance of the ordinary estimate."""
    basis = np.linalg.qr(JACOBIAN)[0]
    density, stderr = np.empty(64), np.empty((64, 3))
    for i, rho in enumerate(NODES):
        inverse = np.linalg.inv(toeplitz(rho))
        normal = basis.T @ inverse @ basis
        left = RESIDUAL - basis @ np.linalg.solve(normal, basis.T @ inverse @ RESIDUAL)
        square = left @ inverse @ left
        density[i] = (np.linalg.det(toeplitz(rho)) * np.linalg.det(normal)) ** -0.5 * square**-3.0
        stderr[i] = np.sqrt(square / 6 * np.diag(INVERSE @ toeplitz(rho) @ INVERSE.T))
    found = scatter(INVERSE, JACOBIAN, RESIDUAL, correlated=True, robust=False)
    chance = WEIGHTS * density / (WEIGHTS * density).sum()
    np.testing.assert_allclose(found.chance, chance, rtol=1e-7)
    np.testing.assert_allclose(found.stderr, stderr, rtol=1e-7)
    assert found.correlation == pytest.approx(chance @ NODES, rel=1e-8)
    assert found.positive == pytest.approx(chance[NODES > 0].sum(), rel=1e-8)
    np.testing.assert_array_equal(found.freedom, 6)
    for i, half in enumerate(found.half_width(0.9)):
        assert chance @ stats.t.sf(half / stderr[:, i], 6) == pytest.approx(0.05, rel=1e-6)
    at_mean = scatter(INVERSE, JACOBIAN, RESIDUAL, correlated=True, robust=False).covariance
    inverse = np.linalg.inv(toeplitz(found.correlation))
    left = RESIDUAL - basis @ np.linalg.solve(basis.T @ inverse @ basis, basis.T @ inverse @ RESIDUAL)
    wanted = (left @ inverse @ left) / 6 * INVERSE @ toeplitz(found.correlation) @ INVERSE.T
    np.testing.assert_allclose(at_mean, wanted, rtol=1e-8)


def test_independent_errors_are_student_t_and_unequal_ones_the_sandwich():
    plain = scatter(INVERSE, JACOBIAN, RESIDUAL, correlated=False, robust=False)
    error = np.sqrt(RESIDUAL @ RESIDUAL / 6 * np.diag(INVERSE @ INVERSE.T))
    np.testing.assert_allclose(plain.half_width(0.95), stats.t.ppf(0.975, 6) * error, rtol=1e-9)
    robust = scatter(INVERSE, JACOBIAN, RESIDUAL, correlated=False, robust=True)
    hat = JACOBIAN @ INVERSE
    sandwich = INVERSE @ np.diag(RESIDUAL**2 / (1 - np.diag(hat))) @ INVERSE.T
    np.testing.assert_allclose(np.diag(robust.covariance), np.diag(sandwich), rtol=1e-9)
    np.testing.assert_allclose(robust.stderr[0], np.sqrt(np.diag(sandwich)), rtol=1e-9)
    for i, row in enumerate(INVERSE):
        share = np.diag(row**2 / (1 - np.diag(hat)))
        values = np.linalg.eigvalsh((np.eye(9) - hat) @ share @ (np.eye(9) - hat))
        assert robust.freedom[i] == pytest.approx(values.sum() ** 2 / (values**2).sum(), rel=1e-9)


def test_an_estimate_that_depends_on_no_residual_has_no_error():
    found = scatter(np.vstack([INVERSE[:1], np.zeros((1, 9))]), JACOBIAN, RESIDUAL, correlated=True, robust=True)
    assert found.half_width(0.95)[1] == 0
    assert found.half_width(0.95)[0] > 0
    exact = scatter(INVERSE, JACOBIAN, 0 * RESIDUAL, correlated=True, robust=True)
    np.testing.assert_array_equal(exact.half_width(0.95), 0)


def test_a_point_that_no_other_checks_leaves_the_plain_errors():
    """With leverage 1 its residual is 0 whatever its error: the sandwich would call it exact."""
    alone = np.column_stack([JACOBIAN[:, 0], np.arange(9) == 4])
    inverse = np.linalg.pinv(alone)
    residual = DATA - alone @ inverse @ DATA
    plain, robust = (scatter(inverse, alone, residual, correlated=False, robust=r) for r in (False, True))
    np.testing.assert_allclose(robust.half_width(0.9), plain.half_width(0.9), rtol=1e-12)


X = np.logspace(0, 3, 25)


@pytest.mark.parametrize("errors", ["correlated", "independent"])
@pytest.mark.parametrize("floor", [0.0, 0.01])
def test_points_that_bend_are_told_and_the_interval_holds_both_ends(errors, floor):
    """log(y - floor) = -0.5 log x + 0.01 (log x)^2: local exponents 0.5 and 0.5 - 0.02 log 1000, curvature 0.02."""
    y = np.exp(-0.5 * np.log(X) + 0.01 * np.log(X) ** 2) + floor
    with pytest.warns(PowerLawWarning, match="not one power law"):
        fit = fit_power_law(X, y, errors=errors, floor=floor)
    last = 0.5 - 0.02 * np.log(1000)
    assert fit.curvature.value == pytest.approx(0.02, rel=0.02)
    assert fit.curvature_z > 5
    assert [float(e) for e in fit.local_exponents] == pytest.approx([0.5, last], abs=0.002)
    assert fit.exponent.low <= float(fit.local_exponents[1])
    assert fit.exponent.high >= float(fit.local_exponents[0])
    assert fit.exponent.high < 0.53
    assert last < float(fit.exponent) < 0.5
    if floor == 0:
        assert fit_power_law(X, 1 / y, errors=errors, warn=False).curvature_z < -5


def test_a_bend_of_less_than_a_percent_widens_the_interval_without_a_warning():
    y = np.exp(-0.5 * np.log(X) + 1e-4 * np.log(X) ** 2)
    fit = fit_power_law(X, y)  # warnings are errors here
    assert "not one power law" in fit.message
    assert fit.exponent.low == pytest.approx(0.5 - 2e-4 * np.log(1000), abs=2e-5)
    assert fit.exponent.high == pytest.approx(0.5, abs=2e-5)


@pytest.mark.parametrize("exponent", [0.5, 2.0])
def test_a_bend_of_one_percent_of_the_exponent_is_worth_a_warning(exponent):
    bent = np.log(X) ** 2 * exponent / (2 * np.log(1000))
    fit_power_law(X, np.exp(-exponent * np.log(X) + 0.0092 * bent))
    with pytest.warns(PowerLawWarning, match="not one power law"):
        fit_power_law(X, np.exp(-exponent * np.log(X) + 0.012 * bent))


def test_the_order_of_the_points_changes_nothing():
    y = 3 * X**-0.7 * np.exp(0.05 * RNG.standard_normal(25))
    order = RNG.permutation(25)
    one, other = fit_power_law(X, y), fit_power_law(X[order], y[order])
    assert other.exponent.low == pytest.approx(one.exponent.low, rel=1e-9)
    assert other.residual_correlation == pytest.approx(one.residual_correlation, rel=1e-9)
    np.testing.assert_allclose(other.residual, one.residual[order], atol=1e-12)


def test_what_too_few_points_cannot_tell_is_nan_and_exact_points_have_no_doubt():
    fit = fit_power_law([1, 2, 4], [1, 0.6, 0.2])
    assert np.isnan(fit.curvature_z)
    assert np.isnan(float(fit.local_exponents[0]))
    assert fit.message == ""
    repeated = fit_power_law([1, 1, 2, 2], [1, 0.9, 0.5, 0.6])  # two distinct x have no curvature
    assert np.isnan(repeated.curvature_z)
    exact = fit_power_law(X, 3 * X**-0.7)
    assert exact.message == ""
    assert exact.curvature_z == exact.curvature.value == exact.curvature.stderr == exact.curvature.high == 0
    assert [float(e) for e in exact.local_exponents] == pytest.approx([0.7, 0.7])


def test_parameters_that_the_points_do_not_determine_have_endless_intervals():
    """A constant is a floor and no power, or a power of exponent 0 and no floor."""
    fit = fit_power_law(X, np.ones(25), floor="fit")
    for estimate in (fit.exponent, fit.floor):
        assert (estimate.stderr, estimate.low, estimate.high) == (np.inf, -np.inf, np.inf)
    assert (fit.prefactor.low, fit.prefactor.high) == (0, np.inf)
    assert fit.residual_correlation == 0
    assert fit.message == ""


def test_warnings_can_be_left_to_the_message():
    y = np.exp(-0.5 * np.log(X) + 0.01 * np.log(X) ** 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "not one power law" in fit_power_law(X, y, warn=False).message


@pytest.mark.slow
def test_the_exact_frontier_is_not_one_power_law():
    """Local exponents .545 to .565 from 10^6 to 10^12, .577 in the end: one slope would be .558 and nothing else."""
    compute = np.logspace(6, 12, 19)
    frontier = sv.compute_frontier(sv.PowerLawRF(0.8, 0.45, 256, 1024), sv.SGD(0.2, batch_size=1), compute)
    with pytest.warns(PowerLawWarning, match="not one power law"):
        fit = fit_power_law(compute, np.asarray(frontier.risk))
    assert fit.exponent.low < 0.55
    assert fit.exponent.high > 0.565
    assert "says nothing of other x" in fit.message
