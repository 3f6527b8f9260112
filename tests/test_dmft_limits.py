"""The mean-field dynamics at its limits: late times, endless data, endless width, printed numbers, exponents."""

import numpy as np
import pytest
from scipy.optimize import brentq

from solvable.algorithms import SGD, GradientFlow, Ridge
from solvable.models import LinearProblem, PowerLawRF
from solvable.theory import DMFT, Recursion, decompose, decompose_training
from solvable.verbs.solve import log_steps, solve

LATE = [10**15]


def power_law(a, b, width, samples, ambient=np.inf, noise=0.0):
    """Eigenvalues k^-b, target power k^-a, in the letters of Bordelon et al."""
    return PowerLawRF(b / 2, (a - b) / 2, width, ambient, noise=noise, samples=samples)


def ridgeless(model):
    """L = {sum [k/(lam+k) - k lam (N-z)/((lam+k)^2 (N-q))] lam w^2 + noise^2} / {1 - (q (N - 2z) + z^2)/(T (N-q))}."""
    j = np.arange(1.0, model.ambient + 1)
    lam, power = j ** (-2 * model.alpha), j ** (-2 * model.alpha - 2 * model.beta)
    width, samples = model.width, model.samples
    least = min(width, samples)
    kappa = np.exp(brentq(lambda x: (lam / (lam + np.exp(x))).sum() - least, -60, 5, xtol=1e-14, rtol=1e-15))
    share = lam / (lam + kappa)
    z, q = share.sum(), (share**2).sum()
    if width < samples:
        left = power @ (1 - share)  # (N - z) / (N - q) = 0
    else:
        left = power @ (1 - share - share * (1 - share) * (width - z) / (width - q))
    return (left + model.noise**2) / (1 - (q * (width - 2 * z) + z**2) / (samples * (width - q)))


@pytest.mark.parametrize(
    ("width", "samples", "noise"),
    [(40, 100, 0.1), (100, 40, 0.1), *(pytest.param(*n, 0.0, marks=pytest.mark.slow) for n in ((40, 100), (100, 40)))],
)
def test_late_training_is_the_ridgeless_closed_form(width, samples, noise):
    model = power_law(1.5, 1.25, width, samples, ambient=200, noise=noise)
    for algorithm in (SGD(0.2, None), GradientFlow(0.2)):
        curve = solve(model, algorithm, DMFT(), LATE)
        assert curve.risk[0] == pytest.approx(ridgeless(model), rel=1e-10)
        assert curve.stats["limit_risk"] == pytest.approx(ridgeless(model), rel=1e-10)
        assert abs(curve.train_risk[0]) <= 1e-20 if samples < width else curve.train_risk[0] > 0


@pytest.mark.parametrize(
    ("width", "samples"),
    [(1e9, 1e5), *(pytest.param(*n, marks=pytest.mark.slow) for n in ((1e5, 1e9), (3e8, 2e8)))],
)
@pytest.mark.slow
def test_late_training_is_ridgeless_regression_in_all_its_parts(width, samples):
    model = power_law(1.7, 1.3, width, samples, noise=0.1)
    late = decompose_training(model, SGD(0.3, None), [10**17])
    parts = decompose(model, Ridge(0.0))
    for name in ("risk", "bias", "features", "inputs", "features_inputs", "noise", "noise_features", "label"):
        assert getattr(late, name)[0] == pytest.approx(float(getattr(parts, name)), rel=1e-9, abs=1e-10 * 0.01), name


@pytest.mark.parametrize(
    "law", [(0.7, 0.6, 50, 200, 0.2), pytest.param((0.9, 0.8, 1e6, np.inf, 0.0), marks=pytest.mark.slow)]
)
def test_endless_data_is_one_pass_training_on_the_population_gradient(law):
    """Two theories that share no code: contour nodes of the feature spectrum, and the two-point equations."""
    alpha, beta, width, ambient, noise = law
    steps = log_steps(10**15, 60)
    stream = PowerLawRF(alpha, beta, width, ambient, noise=noise)
    exact = solve(stream, SGD(0.3, None), Recursion(), steps).risk
    ours = solve(stream, SGD(0.3, None), DMFT(), steps)
    assert ours.train_risk is None
    np.testing.assert_allclose(ours.risk, exact, rtol=1e-9)
    many = PowerLawRF(alpha, beta, width, ambient, noise=noise, samples=1e30)
    np.testing.assert_allclose(solve(many, SGD(0.3, None), DMFT(), steps).risk, exact, rtol=1e-9)


def test_minibatches_of_a_stream_are_the_recursion():
    model = PowerLawRF(0.7, 0.6, 20, 80)
    steps = [0, 5, 1000]
    ours, exact = (solve(model, SGD(0.3, 4), method(), steps) for method in (DMFT, Recursion))
    np.testing.assert_array_equal(ours.risk, exact.risk)


@pytest.mark.parametrize("algorithm", [SGD(0.3, None), pytest.param(GradientFlow(0.3), marks=pytest.mark.slow)])
@pytest.mark.slow
def test_endless_width_and_data_is_the_population(algorithm):
    """sum_k lambda_k w_k^2 r_t(lambda_k)^2, r_t the residual of one mode; width is infinite for a listed problem."""
    lam = np.arange(1.0, 41) ** -1.3
    steps = np.array([0, 1, 2, 7, 63, 64, 300, 10**4])
    rate = 0.3
    residual = np.exp(-rate * np.outer(steps, lam)) if algorithm.continuous else (1 - rate * lam) ** steps[:, None]
    exact = (lam**1.2 * residual**2).sum(1) + 0.04
    problem = LinearProblem(lam, lam**0.1, floor=0.04)
    np.testing.assert_allclose(solve(problem, algorithm, DMFT(), steps).risk, exact, rtol=1e-10)


def test_printed_risks():
    """a = 1.5, b = 1.25, M = 200, P = 60, N = 90, no noise, rate 1.05 / sum lambda."""
    rate = 1.05 / (np.arange(1.0, 201) ** -1.25).sum()
    curve = solve(power_law(1.5, 1.25, 90, 60, 200), SGD(rate, None), DMFT(), [0, 1, 3, 10, 30, 60])
    np.testing.assert_allclose(curve.risk, [2.4711, 1.8273, 1.2829, 0.8443, 0.6153, 0.5331], atol=6e-5)
    np.testing.assert_allclose(curve.train_risk, [2.4711, 1.7547, 1.1510, 0.6481, 0.3560, 0.2336], atol=6e-5)


@pytest.mark.slow
def test_printed_early_effect_of_the_width():
    """N (L(N) - L(inf)) at steps 2, 10, 20 without a data limit: the effect is 1/N, to 1%, and so is that of P."""
    lam = np.arange(1.0, 151) ** -1.25
    rate, steps = 1 / lam.sum(), [2, 10, 20]
    exact = np.array([(np.arange(1.0, 151) ** -1.5 * (1 - rate * lam) ** (2 * t)).sum() for t in steps])
    sizes = np.array([400.0, 800.0, 1600.0])
    wide = [solve(power_law(1.5, 1.25, n, None, 150), SGD(rate, None), DMFT(), steps).risk for n in sizes]
    effect = sizes[:, None] * (np.array(wide) - exact)
    np.testing.assert_allclose(effect[0], [1.402, 5.085, 6.665], rtol=3e-3)
    np.testing.assert_allclose(effect[-1], [1.404, 5.099, 6.679], rtol=3e-3)
    np.testing.assert_allclose(effect[1:], effect[:-1], rtol=1e-2)
    long = [solve(power_law(1.5, 1.25, 1e12, p, 150), SGD(rate, None), DMFT(), steps).risk for p in sizes]
    reused = sizes[:, None] * (np.array(long) - exact)
    np.testing.assert_allclose(reused[:, 1], [3.905, 3.909, 3.911], rtol=1e-3)
    np.testing.assert_allclose(reused[1:], reused[:-1], rtol=1e-2)


def slope(x, y):
    return -np.log(y[1] / y[0]) / np.log(x[1] / x[0])


@pytest.mark.parametrize(
    ("a", "b"),
    [(3.2, 1.5), *(pytest.param(*law, marks=pytest.mark.slow) for law in ((1.5, 1.25), (2.0, 1.5), (3.0, 1.25)))],
)
@pytest.mark.slow
def test_exponents_of_time_samples_and_width(a, b):
    """(a-1)/b, min(a-1, 2b) and min(a-1, b), the last where notes on the paper quote min(a-1, 2b)."""
    huge, rate = 1e13, SGD(0.5, None)
    times = [10**6, 10**7]
    in_time = solve(power_law(a, b, huge, huge), rate, DMFT(), times).risk
    assert slope(times, in_time) == pytest.approx((a - 1) / b, abs=0.02)
    sizes = [1e3, 1e4]
    late = [10**16]
    in_samples = [solve(power_law(a, b, huge, p), rate, DMFT(), late).risk[0] for p in sizes]
    in_width = [solve(power_law(a, b, n, huge), rate, DMFT(), late).risk[0] for n in sizes]
    assert slope(sizes, in_samples) == pytest.approx(min(a - 1, 2 * b), abs=0.02)
    assert slope(sizes, in_width) == pytest.approx(min(a - 1, b), abs=0.02)


def test_without_a_penalty_width_equal_to_samples_is_a_peak():
    risks = [solve(power_law(1.5, 1.25, n, 100, 200), SGD(0.2, None), DMFT(), [10**9]) for n in (50, 100, 180)]
    assert risks[1].risk[0] > 5 * max(risks[0].risk[0], risks[2].risk[0])
    assert risks[1].stats["limit_risk"] == np.inf


def test_the_gap_of_reuse_grows_in_time_and_early_as_one_over_samples():
    steps = [0, 1, 2, 5, 20, 100]
    gaps = []
    for samples in (400.0, 800.0):
        curve = solve(power_law(1.5, 1.25, 90, samples, 200), SGD(0.3, None), DMFT(), steps)
        gaps.append(samples * (curve.risk - curve.train_risk))
        assert (np.diff(gaps[-1]) > 0).all()
    np.testing.assert_allclose(gaps[0][1:4], gaps[1][1:4], rtol=1e-2)
