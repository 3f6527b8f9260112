"""The stability threshold is where the recursion's matrix has an eigenvalue 1; below it the risk has a limit."""

import jax
import numpy as np
import plain
import pytest
from scipy.optimize import brentq

from solvable.algorithms import SGD
from solvable.forms import Result
from solvable.models import LinearProblem, PowerLawRF
from solvable.theory import Recursion, stability
from solvable.verbs.solve import solve


@pytest.fixture(scope="module")
def model():
    return PowerLawRF(0.7, 0.6, 60, 240)


@pytest.fixture(scope="module")
def problem(model):
    return model.draw(jax.random.key(2))


@pytest.mark.parametrize("batch_size", [1, 2, 16, 1000, None])
def test_threshold_is_where_the_largest_eigenvalue_of_the_matrix_is_one(problem, batch_size):
    top = problem.eigvals.max()

    def excess(rate):
        return np.linalg.eigvalsh(plain.matrix(problem.eigvals, rate, batch_size))[-1] - 1

    # At rate 0 the largest eigenvalue is 1 as well: start where it has clearly dipped below.
    start = 0.05 / problem.eigvals.sum()
    assert excess(start) < 0
    expected = brentq(excess, start, 2.5 / top, xtol=1e-14)
    report = stability(problem, SGD(0.1, batch_size))
    assert float(report.critical_learning_rate) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("what", ["problem", "model"])
def test_the_full_population_is_stable_up_to_two_over_the_largest_eigenvalue(request, what):
    subject = request.getfixturevalue(what)
    report = stability(subject, SGD(0.1, None))
    assert float(report.critical_learning_rate) == pytest.approx(2 / float(subject.spectrum().edge), rel=1e-12)
    assert float(report.kernel_norm) == 0


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("what", ["problem", "model"])
def test_kernel_norm_is_the_sum_of_the_formula(request, what, batch_size):
    """||K|| = sum_j (g/B) lam_j / (2 - g (1 + 1/B) lam_j)."""
    subject, g = request.getfixturevalue(what), 0.2
    s = subject.spectrum()
    terms = s.mass * (g / batch_size) * s.eigvals / (2 - g * (1 + 1 / batch_size) * s.eigvals)
    report = stability(subject, SGD(g, batch_size))
    assert float(report.kernel_norm) == pytest.approx(terms.sum().real, rel=1e-10)


@pytest.mark.parametrize("batch_size", [1, 4, None])
@pytest.mark.parametrize("what", ["problem", "model"])
def test_the_limit_is_reached(request, what, batch_size):
    subject = request.getfixturevalue(what)
    report = stability(subject, SGD(0.25, batch_size))
    late = solve(subject, SGD(0.25, batch_size), Recursion(), [10**15]).risk[0]
    expected = float(subject.spectrum().floor) / (1 - float(report.kernel_norm))
    assert float(report.limit_risk) == pytest.approx(expected, rel=1e-12)
    assert late == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("what", ["problem", "model"])
@pytest.mark.parametrize("batch_size", [1, 8, None])
def test_just_below_is_bounded_and_just_above_is_not(request, what, batch_size):
    subject = request.getfixturevalue(what)
    critical = float(stability(subject, SGD(0.1, batch_size)).critical_learning_rate)
    assert bool(stability(subject, SGD(critical * (1 - 1e-6), batch_size)).stable)
    above = stability(subject, SGD(critical * (1 + 1e-6), batch_size))
    assert not bool(above.stable)
    assert np.isinf(above.limit_risk)


def test_a_model_too_narrow_for_an_outlier_says_so():
    """Where none is apart, the end of the smeared spectrum grows while the typical draw decays: NaN and flagged."""
    model = PowerLawRF(0.7, 0.6, 3, 12)
    near = solve(model, SGD(0.985 * 2 / float(model.support()[1]), None), Recursion(), [0, 10, 1000, 10**6, 10**15])
    assert int(near.result) == Result.SUCCESS
    assert near.risk[-1] == pytest.approx(float(model.floor()), rel=1e-9)
    critical = float(stability(model, SGD(0.1, None)).critical_learning_rate)
    at = solve(model, SGD(0.9999 * critical, None), Recursion(), [0, 10, 1000])
    assert int(at.result) == Result.NONFINITE
    assert np.isnan(at.risk[-1])
    assert "must stay below" in at.message


def test_the_threshold_does_not_depend_on_the_rate_it_is_asked_at(problem):
    rates = [float(stability(problem, SGD(g, 2)).critical_learning_rate) for g in (1e-3, 0.1, 5.0)]
    np.testing.assert_allclose(rates, rates[0], rtol=1e-12)


def test_the_threshold_of_a_model_is_that_of_its_draws():
    """At width 400 and B = 1 the threshold self-averages: 2 / tr D to leading order, sd of a draw about 2%."""
    model = PowerLawRF(0.3, 0.6, 400, 1600)
    typical = float(stability(model, SGD(0.1, 1)).critical_learning_rate)
    draws = [float(stability(model.draw(jax.random.key(k)), SGD(0.1, 1)).critical_learning_rate) for k in range(4)]
    assert np.mean(draws) == pytest.approx(typical, rel=0.03)


def test_a_single_mode():
    """m' = (1 - 2x + (1 + 2/B) x^2) m with x = g lam: bounded up to x = 2 / (1 + 2/B)."""
    problem = LinearProblem([2.0], [1.0])
    for batch_size in (1, 3):
        critical = float(stability(problem, SGD(0.1, batch_size)).critical_learning_rate)
        assert critical == pytest.approx(1 / (1 + 2 / batch_size), rel=1e-10)


def test_a_schedule_has_no_threshold(problem):
    with pytest.raises(ValueError, match="algorithm: wanted constant settings"):
        stability(problem, SGD(lambda t: 0.1 / (1 + t), 1))
