"""Random initial parameters add their own term to the typical risk, exactly, at the start and along the way."""

import jax
import numpy as np
import pytest

import solvable as sv

ALPHA, BETA, WIDTH, AMBIENT, STD = 0.6, 0.4, 60, 240, 0.7
MODEL = sv.PowerLawRF(ALPHA, BETA, WIDTH, AMBIENT, noise=0.2, init_std=STD)
SGD, STEPS = sv.SGD(0.15, 2), [0, 1, 10, 60]


@pytest.mark.parametrize("method", [pytest.param(sv.Recursion(), marks=pytest.mark.slow), sv.Volterra()])
def test_the_risk_at_the_start_is_the_power_of_target_and_parameters(method):
    """E |sqrt(D) (W theta - b)|^2 = sum j^(-2 alpha - 2 beta) + init_std^2 sum j^(-2 alpha), whatever the width."""
    j = np.arange(1.0, AMBIENT + 1)
    expected = (j ** (-2 * ALPHA - 2 * BETA)).sum() + STD**2 * (j ** (-2 * ALPHA)).sum() + 0.04
    assert sv.solve(MODEL, SGD, method, [0]).risk[0] == pytest.approx(expected, rel=1e-9)


def averaged(draw, std):
    """The draw with its start averaged: every mode's initial error is target^2 + std^2."""
    return sv.LinearProblem(draw.eigvals, np.sqrt(np.asarray(draw.target) ** 2 + std**2), float(draw.floor))


@pytest.mark.slow
def test_the_typical_risk_is_the_mean_over_draws():
    """What a start adds: theory of the law against the mean of 60 draws' exact recursions, within 3% at every step."""
    at_zero = sv.PowerLawRF(ALPHA, BETA, WIDTH, AMBIENT, noise=0.2)
    risk = lambda model: np.asarray(sv.solve(model, SGD, sv.Recursion(), STEPS).risk)  # noqa: E731
    draws = [at_zero.draw(key) for key in jax.random.split(jax.random.key(3), 60)]
    added = np.array([risk(averaged(d, STD)) - risk(averaged(d, 0.0)) for d in draws])
    theory = risk(MODEL) - risk(at_zero)
    assert (added.std(0, ddof=1) / np.sqrt(60) < 0.01 * theory).all()
    np.testing.assert_allclose(added.mean(0), theory, rtol=0.03)
