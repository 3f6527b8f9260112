"""Label noise enters a run with its own variance: started at the target, the first step adds a known risk."""

import jax
import numpy as np
import pytest

import solvable as sv

EIGVALS = np.linspace(1.0, 0.5, 24)
NOISE, RATE, BATCH = 0.7, 0.3, 6


@pytest.mark.parametrize("sampler", ["direct", "batch", "wishart"])
@pytest.mark.slow
def test_one_step_from_the_target_adds_the_variance_of_the_gradient_noise(sampler):
    """theta_1 - theta* = (g/B) sum_b eps_b f_b, so the risk grows by (g^2/B) noise^2 sum lambda^2.

    Of 4000 runs the mean is known to 0.8%; a tenth more label noise adds 21%.
    """
    target = np.linspace(1.0, -1.0, 24)
    problem = sv.LinearProblem(EIGVALS, target, NOISE**2, target)
    simulation = sv.Simulation(4000, sampler)
    risk = np.asarray(sv.solve(problem, sv.SGD(RATE, BATCH), simulation, [0, 1], key=jax.random.key(5)).risk, float)
    assert risk[0] == pytest.approx(NOISE**2, rel=1e-5)
    added = RATE**2 / BATCH * NOISE**2 * (EIGVALS**2).sum()
    assert (risk[1] - risk[0]) / added == pytest.approx(1, abs=0.03)
