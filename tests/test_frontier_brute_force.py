"""The exact frontier is the least typical risk over all widths, and its exponents are the derivatives of that."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import solvable as sv

ALPHA, BETA, RATIO, COMPUTE, APART = 0.8, 0.45, 4, 1e8, 0.05
SGD = sv.SGD(0.2, 1)


def log_risk(log_width, compute):
    """At width compute / steps, with the integer number of steps nearest to compute / width."""
    steps = round(compute / np.exp(log_width))
    width = compute / steps
    model = sv.PowerLawRF(ALPHA, BETA, width, RATIO * width)
    return np.log(float(sv.solve(model, SGD, sv.Recursion(), [steps]).risk[0]))


def brute_force(compute, guess):
    """(log width, log risk) of the minimum, by polynomials through nine widths around it."""
    best = guess
    for reach in (0.4, 0.3):
        x = best + reach * np.linspace(-1, 1, 9)
        curve = np.polynomial.Polynomial.fit(x, [log_risk(value, compute) for value in x], 6)
        best = minimize_scalar(curve, bounds=(x[0], x[-1]), method="bounded", options={"xatol": 1e-10}).x
    return best, curve(best)


@pytest.mark.slow
def test_the_frontier_and_its_exponents_by_brute_force():
    found = sv.compute_frontier(sv.PowerLawRF(ALPHA, BETA, 100, RATIO * 100), SGD, [COMPUTE])
    start = np.log(found.width[0]) + 0.1
    below, (width, risk), above = (brute_force(COMPUTE * np.exp(d), start + d / 2) for d in (-APART, 0.0, APART))
    assert bool(found.interior[0])
    assert found.steps[0] * found.width[0] == pytest.approx(COMPUTE, rel=1e-12)
    assert np.log(found.width[0]) == pytest.approx(width, abs=2e-5)
    assert np.log(found.risk[0]) == pytest.approx(risk, abs=2e-6)
    assert found.loss_exponent[0] == pytest.approx(-(above[1] - below[1]) / (2 * APART), abs=1e-5)
    assert found.width_exponent[0] == pytest.approx((above[0] - below[0]) / (2 * APART), abs=1e-3)
