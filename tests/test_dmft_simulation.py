"""The typical draw of the mean-field theory against plain NumPy training of many draws."""

import numpy as np
import pytest

from solvable.algorithms import SGD
from solvable.models import PowerLawRF
from solvable.theory import DMFT, decompose_training, ensemble
from solvable.verbs.solve import solve

STEPS = [0, 1, 3, 10, 30, 100]
RATE, MODES, NOISE = 0.3, 300, 0.3
A, B = 1.5, 1.25


def model(width, samples):
    return PowerLawRF(B / 2, (A - B) / 2, width, MODES, noise=NOISE, samples=samples)


def train(rng, width, samples, features=1, data=1):
    """Test and training risk at STEPS of one draw, and the risk of the mean prediction of all features * data systems.

    Errors v = w - A^T theta / sqrt(N) of gradient descent from zero, in the population basis.
    """
    k = np.arange(1.0, MODES + 1)
    lam, target = k**-B, k ** ((B - A) / 2)
    maps = [rng.standard_normal((width, MODES)) / np.sqrt(width) for _ in range(features)]
    sets = [np.sqrt(lam) * rng.standard_normal((samples, MODES)) for _ in range(data)]
    noises = [NOISE * rng.standard_normal(samples) for _ in range(data)]
    errors = np.zeros((features, data, len(STEPS), MODES))
    fit = np.zeros(len(STEPS))
    for i, a in enumerate(maps):
        for j, (x, eps) in enumerate(zip(sets, noises, strict=True)):
            phi = x @ a.T
            y, theta, record = x @ target + eps, np.zeros(width), 0
            for t in range(STEPS[-1] + 1):
                residual = y - phi @ theta
                if t == STEPS[record]:
                    errors[i, j, record] = target - a.T @ theta
                    fit[record] += (residual**2).mean() / (features * data)
                    record += 1
                theta += RATE * phi.T @ residual / samples
    risk = lambda v: (lam * v**2).sum(-1) + NOISE**2  # noqa: E731
    return risk(errors[0, 0]), fit, risk(errors.mean((0, 1)))


def average(draws, width, samples, **counts):
    rng = np.random.default_rng(width + 7 * samples)
    runs = np.array([train(rng, width, samples, **counts) for _ in range(draws)])
    return runs.mean(0), runs.std(0, ddof=1) / np.sqrt(draws)


@pytest.mark.parametrize(("width", "samples"), [pytest.param(140, 100, marks=pytest.mark.slow), (100, 140)])
def test_test_and_training_risk_within_two_percent(width, samples):
    (risk, fit, _), (error, fit_error, _) = average(600, width, samples)
    curve = solve(model(width, samples), SGD(RATE, None), DMFT(), STEPS)
    assert (error < 0.005 * risk).all()
    assert (fit_error < 0.008 * fit).all()
    np.testing.assert_allclose(risk, curve.risk, rtol=0.02)
    np.testing.assert_allclose(fit, curve.train_risk, rtol=0.02)


@pytest.mark.slow
def test_an_ensemble_with_bagging_within_two_and_a_half_percent():
    """Two draws of the features times two data sets: the mean of four predictions."""
    width, samples = 120, 100
    (_, _, risk), _ = average(150, width, samples, features=2, data=2)
    theory = ensemble(model(width, samples), SGD(RATE, None), STEPS, features=2, data=2)
    np.testing.assert_allclose(risk, theory, rtol=0.025)
    parts = decompose_training(model(width, samples), SGD(RATE, None), STEPS)
    assert (parts.risk[3:] > 1.02 * theory[3:]).all()


@pytest.mark.slow
def test_what_is_left_of_the_difference_is_one_over_the_size():
    """The bias of the typical draw is c/N: twice the difference at 2N minus that at N is 0 to 4.5 standard errors."""
    found = []
    for scale, draws in ((1, 1600), (2, 800)):
        width, samples = 60 * scale, 40 * scale
        (risk, fit, _), (error, fit_error, _) = average(draws, width, samples)
        curve = solve(model(width, samples), SGD(RATE, None), DMFT(), STEPS)
        found.append((np.array([risk - curve.risk, fit - curve.train_risk]), np.array([error, fit_error])))
    (small, small_error), (large, large_error) = found
    assert (abs(small) < 4.5 * small_error + 0.02).all()
    z = (2 * large - small) / np.hypot(2 * large_error, small_error)
    assert (abs(z) < 4.5).all()
