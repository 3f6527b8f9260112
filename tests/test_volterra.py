"""The Volterra equation, its forcing and its kernel, is the recursion in another form."""

import jax
import numpy as np
import plain
import pytest

from solvable.algorithms import SGD
from solvable.models import PowerLawRF
from solvable.theory import Recursion, Volterra, forcing, kernel
from solvable.verbs.solve import log_steps, solve

STEPS = log_steps(600, 40)  # more than two blocks of the forward substitution


@pytest.fixture(scope="module")
def model():
    return PowerLawRF(0.8, 0.6, 40, 160, noise=0.1)


@pytest.fixture(scope="module")
def problem(model):
    return model.draw(jax.random.key(1))


def schedule(t):
    return 0.4 / (1 + 0.02 * t)


@pytest.mark.parametrize("rate", [0.3, schedule])
@pytest.mark.parametrize("what", ["problem", "model"])
def test_equals_the_recursion(request, what, rate):
    subject, algorithm = request.getfixturevalue(what), SGD(rate, 2)
    ours, expected = (solve(subject, algorithm, method, STEPS) for method in (Volterra(), Recursion()))
    np.testing.assert_allclose(ours.risk, expected.risk, rtol=1e-9)
    assert int(ours.result) == int(expected.result) == 0


def test_a_divergent_run_too(problem):
    steps = STEPS[STEPS <= 300]  # 10^200 by then
    ours, expected = (solve(problem, SGD(1.5, 1), method, steps) for method in (Volterra(), Recursion()))
    np.testing.assert_allclose(ours.risk, expected.risk, rtol=1e-9)
    assert int(ours.result) == int(expected.result) == 1


@pytest.mark.parametrize("what", ["problem", "model"])
def test_forcing_and_kernel_are_sums_over_modes(request, what):
    """F(t) = sum_j lam_j error_j q_j^t and K(r) = (g^2/B) sum_j lam_j^2 mass_j q_j^r, by plain powers."""
    subject = request.getfixturevalue(what)
    s, g, batch_size = subject.spectrum(), 0.3, 2
    q = 1 - 2 * g * s.eigvals + (1 + 1 / batch_size) * g**2 * s.eigvals**2
    t = np.array([0, 1, 5, 100, 1000])
    powers = q ** t[:, None]
    np.testing.assert_allclose(
        forcing(subject, SGD(g, batch_size), t), (powers @ (s.eigvals * s.error)).real, rtol=1e-10
    )
    np.testing.assert_allclose(
        kernel(subject, SGD(g, batch_size), t),
        g**2 / batch_size * (powers @ (s.eigvals**2 * s.mass)).real,
        rtol=1e-10,
    )


def test_forcing_on_the_curve_is_the_forcing(problem):
    curve = solve(problem, SGD(0.3, 2), Volterra(), STEPS)
    np.testing.assert_allclose(curve.stats["forcing"], forcing(problem, SGD(0.3, 2), STEPS), rtol=1e-11)


def test_the_equation_holds_term_by_term(model):
    """P(t) = floor + F(t) + sum_{s<t} K(t-1-s) P(s), summed directly."""
    t = np.arange(200)
    f, k = forcing(model, SGD(0.3, 1), t), kernel(model, SGD(0.3, 1), t)
    risk = solve(model, SGD(0.3, 1), Recursion(), t).risk
    past = np.array([(k[:n][::-1] * risk[:n]).sum() for n in t])
    np.testing.assert_allclose(risk, model.floor() + f + past, rtol=1e-10)


def test_kernel_and_forcing_at_a_quadrillion_steps_vanish_without_error(problem):
    late = np.array([10**15])
    assert forcing(problem, SGD(0.3, 1), late) == 0
    assert kernel(problem, SGD(0.3, 1), late) == 0


def test_the_kernel_sums_to_its_norm(problem):
    curve = solve(problem, SGD(0.3, 1), Recursion(), [0, 1])
    total = kernel(problem, SGD(0.3, 1), np.arange(60_000)).sum()
    assert total == pytest.approx(float(curve.stats["kernel_norm"]), rel=1e-9)


@pytest.mark.parametrize(("rate", "limit"), [(0.3, 100_000), (schedule, 4_000)])
def test_too_many_steps_name_the_limit(problem, rate, limit):
    with pytest.raises(ValueError, match=rf"steps: wanted at most {limit} for Volterra\(\).*Recursion"):
        solve(problem, SGD(rate, 1), Volterra(), [0, limit + 1])


def test_a_schedule_has_no_kernel_of_one_time(problem):
    with pytest.raises(ValueError, match="algorithm: wanted constant settings"):
        kernel(problem, SGD(schedule, 1), np.arange(3))


def test_against_plain_numpy(problem):
    s = problem.spectrum()
    exact = plain.recursion(s.eigvals, s.mass, s.error, float(s.floor), 0.3, 2, int(STEPS[-1]))
    np.testing.assert_allclose(solve(problem, SGD(0.3, 2), Volterra(), STEPS).risk, exact[STEPS], rtol=1e-11)
