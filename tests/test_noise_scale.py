"""The gradient noise scale: in closed form, by two batches, in a simulated run; a batch that follows it."""

import jax
import numpy as np
import optax
import pytest

import solvable as sv
from solvable.fits import estimate_noise_scale
from solvable.theory import horizon

KEY = jax.random.key(0)
K = np.arange(1.0, 7)
PROBLEM = sv.LinearProblem(K**-1.4, K**-0.6, 0.2)
STEPS = np.array([0, 1, 5, 20])


@pytest.mark.parametrize("batch", [8, None])
def test_the_next_step_changes_the_risk_by_what_gradient_curvature_and_noise_say(batch):
    """E risk(t + 1) - risk(t) = -2 g |G|^2 + g^2 (G^T K G + tr(K Sigma) / B), to rounding."""
    g, sgd = 0.3, sv.SGD(0.3, batch)
    found = sv.theory.noise_scale(PROBLEM, sgd, STEPS)
    risk = sv.solve(PROBLEM, sgd, sv.Recursion(), np.arange(22)).risk
    np.testing.assert_allclose(found.risk, risk[STEPS], rtol=1e-13)
    noise = 0.0 if batch is None else found.weighted / batch
    change = -2 * g * found.gradient + g**2 * (found.curvature + noise)
    np.testing.assert_allclose(change, risk[STEPS + 1] - risk[STEPS], rtol=1e-9)
    if batch is not None:
        np.testing.assert_allclose(found.best_step(batch), found.gradient / (found.curvature + noise), rtol=1e-13)
        best = sv.solve(PROBLEM, sv.SGD(float(found.best_step(batch)[0]), batch), sv.Recursion(), [0, 1]).risk
        assert best[0] - best[1] == pytest.approx(float(found.best_drop(batch)[0]), rel=1e-9)


def test_one_sample_gradients_have_the_covariance_of_the_formula():
    """tr Sigma and tr(K Sigma) at the start, by Gauss-Hermite sums over the one direction that has a gradient."""
    eigvals, target, floor = np.array([1.0, 0.5]), np.array([2.0, 0.0]), 0.3
    found = sv.theory.noise_scale(sv.LinearProblem(eigvals, target, floor), sv.SGD(0.1, 1), [0])
    z, w = np.polynomial.hermite_e.hermegauss(12)
    w = w / w.sum()
    residual = (-target[0] * z) ** 2  # its square without label noise; that has variance ``floor``
    squared = np.array([(w * z**2 * (residual + floor)).sum(), eigvals[1] * (w * (residual + floor)).sum()])
    gradient = np.array([eigvals[0] * -target[0], 0.0])
    variance = squared - gradient**2
    assert float(found.covariance[0]) == pytest.approx(variance.sum(), rel=1e-12)
    assert float(found.weighted[0]) == pytest.approx((eigvals * variance).sum(), rel=1e-12)
    assert float(found.simple[0]) == pytest.approx(variance.sum() / (gradient**2).sum(), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", [sv.SGD(0.1, 2), sv.HeavyBall(0.02, 0.9, 2), sv.EMA(sv.SGD(0.1, 2), 0.9)])
def test_blocks_of_steps_equal_steps(algorithm, monkeypatch):
    steps = [10, 4000, 20_000]
    blocks = sv.theory.noise_scale(PROBLEM, algorithm, steps)
    monkeypatch.setattr(horizon, "SHORTEST_BLOCKS", horizon.LONGEST_SCAN)
    single = sv.theory.noise_scale(PROBLEM, algorithm, steps)
    np.testing.assert_allclose(blocks.simple, single.simple, rtol=1e-8)
    np.testing.assert_allclose(blocks.noise, single.noise, rtol=1e-8)


def test_two_batches_give_back_what_they_were_made_of():
    gradient, covariance = 2.0, 30.0
    norms = [np.array([1.0, 1.1, 0.9]) * (gradient + covariance / size) for size in (2, 16)]
    found = estimate_noise_scale(*norms, small=2, large=16)
    assert found.gradient.value == pytest.approx(gradient)
    assert found.covariance.value == pytest.approx(covariance)
    assert found.simple.value == pytest.approx(15.0)
    assert found.simple.low == pytest.approx(15.0)  # numerator and denominator vary together
    lost = estimate_noise_scale([30.0, 31.0, 29.5, 30.2], [3.8, 3.6, 3.9, 3.7], small=1, large=8)
    assert lost.simple.high == np.inf
    assert 0 < lost.simple.low < np.inf


def test_measured_along_runs_it_is_that_of_the_theory():
    sgd = sv.SGD(0.1, 2)
    theory = sv.theory.noise_scale(PROBLEM, sgd, STEPS)
    found = sv.simulation.measure_noise_scale(PROBLEM, sgd, STEPS, small=8, large=64, num_runs=3000, key=KEY)
    for name in ("gradient", "covariance"):
        error = getattr(found, f"{name}_stderr")
        assert (error < 0.08 * getattr(theory, name)).all()
        assert (np.abs(getattr(found, name) - getattr(theory, name)) < 4.5 * error).all()
    assert (np.abs(found.simple / theory.simple - 1) < 0.25).all()
    assert ((found.low < found.simple) & (found.simple < found.high)).all()


@pytest.mark.slow
def test_an_optimizer_without_a_theory_is_measured_too():
    problem = sv.PowerLawRF(0.7, 0.7, 8, 32).draw(KEY)
    adam = sv.Optax(optax.adam(1e-3), 4)
    found = sv.simulation.measure_noise_scale(problem, adam, [0, 50], num_runs=400, key=KEY)
    start = sv.theory.noise_scale(problem, sv.SGD(0.1, 1), [0])
    assert abs(found.gradient[0] - start.gradient[0]) < 4.5 * found.gradient_stderr[0]
    with pytest.raises(ValueError, match="algorithm: wanted one that states its second moments"):
        sv.theory.noise_scale(problem, adam, [0])


@pytest.mark.slow
def test_a_batch_that_follows_its_noise_scale_does():
    found = sv.adaptive_batch(PROBLEM, sv.SGD(0.3), 500, factor=2.0)
    every = np.arange(501)
    ramp = sv.BatchSchedule(sv.SGD(0.3), found.size)
    along = sv.theory.noise_scale(PROBLEM, ramp, every)
    size = np.asarray(jax.vmap(found.size)(every.astype(float)))
    assert float(found.error) < 0.01
    np.testing.assert_allclose(size, 1 + 2 * (along.noise - 1), rtol=0.02)
    np.testing.assert_allclose(found.examples[-1], size[:-1].sum(), rtol=1e-3)
    np.testing.assert_allclose(found.risk, along.risk[found.steps], rtol=1e-9)
    with pytest.raises(ValueError, match="algorithm: wanted an optimizer that is linear"):
        sv.adaptive_batch(PROBLEM, sv.Optax(optax.adam(1e-3), 4), 500)


def test_a_log_polynomial_is_that_of_chebyshev():
    from numpy.polynomial import chebyshev

    c, t = np.array([0.3, -1.0, 0.5, 0.2]), np.array([0.0, 3.0, 1e3, 1e6])
    x = 2 * np.log1p(np.minimum(t, 1e4)) / np.log1p(1e4) - 1
    found = jax.vmap(sv.schedules.log_polynomial(c, 1e4))(t)
    np.testing.assert_allclose(found, np.exp(chebyshev.chebval(x, c)), rtol=1e-5)
