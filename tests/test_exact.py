"""Exact: the risk on one data set equals the loop it stands for, at any time, and the mean over batches is exact."""

import itertools

import jax
import numpy as np
import pytest
from scipy.linalg import expm

import solvable as sv
from solvable.algorithms.gradient_flow import GradientFlow

KEY = jax.random.key(3)
SIZES = (7, 12, 30)  # samples below, at and above the width 12
STEPS = np.array([0, 1, 2, 5, 40, 300])


def draw(samples, noise=0.2):
    return sv.PowerLawRF(0.8, 0.6, 12, 40, noise=noise, samples=samples).draw(KEY)


def risks(data, params):
    """(population risk, training risk), in NumPy."""
    delta = params - np.asarray(data.target)
    residual = np.asarray(data.features) @ params - np.asarray(data.targets)
    return float(data.floor) + (np.asarray(data.eigvals) * delta**2).sum(), (residual**2).mean()


def descend(data, rate, steps):
    """Full-batch gradient descent step by step."""
    features, targets = np.asarray(data.features), np.asarray(data.targets)
    params, found = np.array(data.initial, float), []
    for t in range(max(steps) + 1):
        found.append(risks(data, params))
        params = params - rate(t) * features.T @ (features @ params - targets) / len(targets)
    return np.array(found)[np.asarray(steps)].T


@pytest.mark.parametrize("samples", SIZES)
@pytest.mark.parametrize("fraction", [0.3, 0.95])  # of the largest stable rate; above 1/2 some directions overshoot
def test_full_batch_descent_equals_its_loop(samples, fraction):
    data = draw(samples)
    rate = fraction * 2 / float(data.sample().eigvals.max())
    curve = sv.solve(data, sv.SGD(rate, None), sv.Exact(), STEPS)
    population, training = descend(data, lambda t: rate, STEPS)
    np.testing.assert_allclose(curve.risk, population, rtol=1e-11)
    np.testing.assert_allclose(curve.train_risk, training, rtol=1e-9, atol=1e-15)
    assert curve.risk.dtype == np.float64
    assert curve.result == 0


def test_a_schedule_equals_its_loop():
    data = draw(9)

    def rate(t):
        return 0.5 / (1 + t / 20)

    curve = sv.solve(data, sv.SGD(rate, None), sv.Exact(), STEPS)
    population, training = descend(data, rate, STEPS)
    np.testing.assert_allclose(curve.risk, population, rtol=1e-12)
    np.testing.assert_allclose(curve.train_risk, training, rtol=1e-11)


@pytest.mark.parametrize("samples", SIZES)
@pytest.mark.parametrize("penalty", [0.0, 1e-3, 1.0])
def test_ridge_equals_its_normal_equations(samples, penalty):
    data = draw(samples)
    features, targets = np.asarray(data.features), np.asarray(data.targets)
    if penalty:
        params = np.linalg.solve(features.T @ features / samples + penalty * np.eye(12), features.T @ targets / samples)
    else:
        params = np.linalg.lstsq(features, targets, rcond=None)[0]
    curve = sv.solve(data, sv.Ridge(penalty), sv.Exact())
    population, training = risks(data, params)
    assert curve.risk[0] == pytest.approx(population, rel=1e-9)
    assert curve.train_risk[0] == pytest.approx(training, rel=1e-9, abs=1e-20)


@pytest.mark.parametrize("samples", SIZES)
def test_descent_for_ever_is_ridgeless_regression(samples):
    data = draw(samples)
    late = sv.solve(data, sv.SGD(0.4, None), sv.Exact(), [10**15])
    ridgeless = sv.solve(data, sv.Ridge(0.0), sv.Exact())
    assert late.risk[0] == pytest.approx(ridgeless.risk[0], rel=1e-10)
    assert late.train_risk[0] == pytest.approx(ridgeless.train_risk[0], rel=1e-10, abs=1e-25)


def test_a_small_penalty_tends_to_no_penalty_and_a_large_one_to_the_start():
    data = draw(12)
    tiny, none, huge = (sv.solve(data, sv.Ridge(x), sv.Exact()).risk[0] for x in (1e-16, 0.0, 1e12))
    assert tiny == pytest.approx(none, rel=1e-6)
    assert huge == pytest.approx(risks(data, np.zeros(12))[0], rel=1e-10)


@pytest.mark.parametrize("samples", SIZES)
def test_gradient_flow_is_the_matrix_exponential(samples):
    data = draw(samples)
    features, targets = np.asarray(data.features), np.asarray(data.targets)
    covariance = features.T @ features / samples
    curve = sv.solve(data, GradientFlow(0.4), sv.Exact(), STEPS)
    best = np.linalg.pinv(features) @ targets
    for t, population, training in zip(STEPS, curve.risk, curve.train_risk, strict=True):
        params = best - expm(-0.4 * t * covariance) @ best
        assert (population, training) == pytest.approx(risks(data, params), rel=1e-8, abs=1e-15)


def enumerate_batches(data, rate, batch_size, last):
    """Mean risks after ``last`` steps over every sequence of batches drawn with replacement."""
    features, targets = np.asarray(data.features), np.asarray(data.targets)
    found = []
    for sequence in itertools.product(range(len(targets)), repeat=batch_size * last):
        params = np.zeros(features.shape[1])
        for batch in np.array(sequence, int).reshape(last, batch_size):
            f = features[batch]
            params = params - rate * f.T @ (f @ params - targets[batch]) / batch_size
        found.append(risks(data, params))
    return np.mean(found, axis=0)


@pytest.mark.parametrize(("batch_size", "samples", "last"), [(1, 3, 5), (2, 2, 4), (2, 4, 3), (3, 3, 2)])
def test_the_mean_over_batches_equals_every_sequence_enumerated(batch_size, samples, last):
    """Width 3: fewer samples than features, as many, and more."""
    problem = sv.LinearProblem([1.0, 0.5, 0.2], [1.0, -1.0, 2.0], 0.1)
    data = sv.models.FiniteProblem.gaussian(problem, KEY, samples)
    curve = sv.solve(data, sv.SGD(0.3, batch_size), sv.Exact(), np.arange(last + 1))
    for t in range(1, last + 1):
        population, training = enumerate_batches(data, 0.3, batch_size, t)
        assert curve.risk[t] == pytest.approx(population, rel=1e-13)
        assert curve.train_risk[t] == pytest.approx(training, rel=1e-13)


def test_a_huge_batch_is_the_full_batch_and_a_schedule_is_followed():
    data = draw(9)

    def rate(t):
        return 0.5 / (1 + t / 20)

    full = sv.solve(data, sv.SGD(rate, None), sv.Exact(), STEPS)
    huge = sv.solve(data, sv.SGD(rate, 10**9), sv.Exact(), STEPS)
    np.testing.assert_allclose(huge.risk, full.risk, rtol=1e-7)
    assert (sv.solve(data, sv.SGD(rate, 1), sv.Exact(), STEPS).train_risk[1:] > full.train_risk[1:]).all()


def test_the_initial_parameters_count():
    """Started at the target there is nothing to learn but noise; the null directions keep their start."""
    lam, target = np.array([1.0, 0.6, 0.3, 0.1]), np.array([1.0, 2.0, -1.0, 0.5])
    data = sv.models.FiniteProblem.gaussian(sv.LinearProblem(lam, target, 0.0, target), KEY, 2)
    for algorithm, steps in ((sv.SGD(0.3, None), [0, 10**6]), (sv.Ridge(0.1), None)):
        curve = sv.solve(data, algorithm, sv.Exact(), steps)
        np.testing.assert_allclose(curve.risk, 0, atol=1e-28)


def test_growth_is_reported():
    data = draw(9)
    top = float(data.sample().eigvals.max())
    assert sv.solve(data, sv.SGD(2.1 / top, None), sv.Exact(), [0, 50]).result == sv.Result.DIVERGENT
    assert sv.solve(data, sv.SGD(1.9 / top, None), sv.Exact(), [0, 50]).result == sv.Result.SUCCESS
    assert sv.solve(data, sv.SGD(9 / top, 1), sv.Exact(), [0, 5000]).result != sv.Result.SUCCESS


def test_what_exact_cannot_do_is_refused_by_name():
    with pytest.raises(ValueError, match="algorithm: wanted one that states how its error shrinks"):
        sv.solve(draw(5), sv.Optax(), sv.Exact(), [1])
    with pytest.raises(ValueError, match="steps: wanted at most 1000000"):
        sv.solve(draw(5), sv.SGD(0.1, 2), sv.Exact(), [10**7])


@pytest.mark.parametrize("flag", [False, True])
def test_the_same_numbers_whatever_the_flags(flag):
    with jax.enable_x64(flag):
        curve = sv.solve(draw(9), sv.SGD(0.3, 2), sv.Exact(), [0, 5])
    reference = sv.solve(draw(9), sv.SGD(0.3, 2), sv.Exact(), [0, 5])
    np.testing.assert_allclose(curve.risk, reference.risk, rtol=1e-13)
