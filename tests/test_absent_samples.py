"""Rows of zeros are absent samples: risks, training risks and the noise of batches are those of the samples present."""

import jax
import numpy as np
import pytest

import solvable as sv

KEY = jax.random.key(11)
STEPS = [0, 1, 5, 40]


def pair(samples, width=6, absent=5):
    """A data set, and the same with rows of zeros behind it."""
    problem = sv.LinearProblem(np.linspace(1.0, 0.2, width), np.ones(width), 0.3)
    data = sv.models.FiniteProblem.gaussian(problem, KEY, samples)
    features, targets = np.pad(data.features, ((0, absent), (0, 0))), np.pad(data.targets, (0, absent))
    return data, sv.models.FiniteProblem(problem, features, targets, samples)


def training_risk(data, params):
    present = int(data.samples)
    features, targets = np.asarray(data.features)[:present], np.asarray(data.targets)[:present]
    return ((features @ params - targets) ** 2).mean()


@pytest.mark.parametrize("samples", [4, 9])
@pytest.mark.parametrize("batch_size", [None, 2])
def test_exact_sees_the_samples_present(samples, batch_size):
    """Fewer samples than features, and more: then no parameters reach the training data."""
    data, padded = pair(samples)
    curves = [sv.solve(d, sv.SGD(0.3, batch_size), sv.Exact(), STEPS) for d in (data, padded)]
    assert curves[0].train_risk[0] == pytest.approx(training_risk(data, np.zeros(6)), rel=1e-12)
    np.testing.assert_allclose(curves[1].risk, curves[0].risk, rtol=1e-10)
    np.testing.assert_allclose(curves[1].train_risk, curves[0].train_risk, rtol=1e-10)


@pytest.mark.parametrize("samples", [4, 9])
def test_the_simulation_sees_the_samples_present(samples):
    """Full-batch descent, its training risk also by a loop in NumPy."""
    data, padded = pair(samples)
    curves = [sv.solve(d, sv.SGD(0.3, None), sv.Simulation(), STEPS, key=KEY) for d in (data, padded)]
    params, found = np.zeros(6), []
    features, targets = np.asarray(data.features, float), np.asarray(data.targets, float)
    for _ in range(STEPS[-1] + 1):
        found.append(training_risk(data, params))
        params = params - 0.3 * features.T @ (features @ params - targets) / samples
    for curve in curves:
        np.testing.assert_allclose(curve.train_risk, np.array(found)[STEPS], rtol=2e-5)
    np.testing.assert_allclose(curves[1].risk, curves[0].risk, rtol=2e-6)


def test_batches_are_drawn_from_the_samples_present():
    """The mean over batches of the padded data is the exact mean of the data; training risk first, at step 0."""
    data, padded = pair(9)
    exact = sv.solve(data, sv.SGD(0.3, 3), sv.Exact(), STEPS)
    curve = sv.solve(padded, sv.SGD(0.3, 3), sv.Simulation(4000), STEPS, key=KEY)
    assert curve.train_risk[0] == pytest.approx(exact.train_risk[0], rel=1e-5)
    np.testing.assert_allclose(curve.risk, exact.risk, rtol=0.03)
    np.testing.assert_allclose(curve.train_risk, exact.train_risk, rtol=0.03)


def test_the_training_risk_of_a_draw_counts_the_samples_present():
    for data in pair(9):
        assert float(data.train_risk(np.ones(6))) == pytest.approx(training_risk(data, np.ones(6)), rel=1e-6)
