"""Gradient noise feeds on itself: `risk_law` is the late-time solution of the Volterra equation, with its constants."""

import numpy as np
import pytest
from scipy.special import gamma, zeta

from solvable.exponents.pieces import risk_law

ALPHA, BETA, RATE = 1.0, 1.5, 0.01


def volterra(noise, last, modes=1000):
    """P(t) = F(t) + sum_{r < t} K(t - 1 - r) P(r) over population modes, step by step; and the sum of K.

    F(t) = sum_j j^(-2a-2b) q_j^t and K(t) = noise g^2 sum_j j^(-4a) q_j^t with q_j = exp(-2 g j^(-2a)).
    """
    j = np.arange(1.0, modes + 1)
    eigvals, kept = j ** (-2 * ALPHA), np.exp(-2 * RATE * j ** (-2 * ALPHA))
    moment, risk = j ** (-2 * BETA), np.empty(last + 1)
    for step in range(last + 1):
        risk[step] = eigvals @ moment
        moment = kept * moment + noise * RATE**2 * eigvals * risk[step]
    return risk, (noise * RATE**2 * eigvals**2 / (1 - kept)).sum()


@pytest.mark.parametrize("norm", [0.3, 0.6])
def test_late_risk_is_the_law_with_two_powers_of_one_minus_the_norm(norm):
    """A kernel t^(-3/2) is corrected by its own square at relative order t^(-1/2): two times remove that order.

    What is left is the sum over steps against the integral over time, of relative order g.
    """
    steps = np.array([20_000, 80_000])
    noise = norm / volterra(1.0, 0)[1]
    risk, found = volterra(noise, steps[-1])
    assert found == pytest.approx(norm, rel=1e-12)
    ratio = risk[steps] / risk_law(ALPHA, BETA, 1e30, RATE, 1 / noise, steps, kernel_norm=norm)
    assert 2 * ratio[1] - ratio[0] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("norm", [0.0, 0.25, 0.5, 0.9])
def test_the_law_is_its_pieces_with_one_and_two_powers(norm):
    """Pieces written out from Paquette et al. 2024, in the limit of infinite width (no floor, no distortion)."""
    steps, batch_size = 1e5, 3
    time, gap = 2 * RATE * steps, 1 - norm
    source = 2 * ALPHA + 2 * BETA - 1
    mean = gamma(source / (2 * ALPHA)) / (2 * ALPHA) * time ** (-source / (2 * ALPHA))
    response = gamma(2 - 1 / (2 * ALPHA)) / (2 * ALPHA) * time ** (-2 + 1 / (2 * ALPHA)) * RATE**2 / batch_size
    expected = mean / gap + response * zeta(2 * BETA) / (2 * RATE) / gap**2
    found = float(risk_law(ALPHA, BETA, 1e30, RATE, batch_size, steps, kernel_norm=norm))
    assert found == pytest.approx(expected, rel=1e-12)
