"""Inputs have the law they are said to have: of measured data in the original coordinates, of Gaussian latents."""

import jax
import numpy as np
import pytest

import solvable as sv

KEY = jax.random.key(6)


@pytest.mark.parametrize("sampler", ["direct", "wishart"])
@pytest.mark.slow
def test_a_measured_spectrum_is_descended_in_the_original_coordinates_too(sampler):
    """Batches of 8: the mean of 4000 runs (known to 0.7%) against the second moments of X^T X / n, by a NumPy loop."""
    rng = np.random.default_rng(1)
    features = rng.standard_normal((400, 6)) @ (rng.standard_normal((6, 6)) / 2)
    targets = features @ np.arange(1.0, 7) + 2.0 * rng.standard_normal(400)
    eigvals, vectors = np.linalg.eigh(features.T @ features / 400)
    best = np.linalg.lstsq(features, targets, rcond=None)[0]
    noise = ((features @ best - targets) ** 2).sum() / 394
    rate, batch, moment, expected = 0.1 / eigvals.max(), 8, (vectors.T @ best) ** 2, []
    for _ in range(31):
        expected.append(noise + eigvals @ moment)
        kept = 1 - 2 * rate * eigvals + (1 + 1 / batch) * (rate * eigvals) ** 2
        moment = kept * moment + rate**2 / batch * eigvals * expected[-1]
    problem, steps = sv.models.from_data(features, targets), np.array([0, 1, 5, 30])
    curve = sv.solve(problem, sv.SGD(rate, batch), sv.Simulation(4000, sampler), steps, key=KEY)
    np.testing.assert_allclose(curve.risk, np.array(expected)[steps], rtol=0.03)


def test_gaussian_latents_have_a_power_law_of_variances():
    """x_j ~ N(0, j^(-2 alpha)): 20,000 inputs measure a variance to 1%."""
    x = np.asarray(sv.NonlinearRF(manifold="gaussian", dimension=6, alpha=0.7).inputs(KEY, 20_000), float)
    np.testing.assert_allclose((x**2).mean(0), np.arange(1.0, 7) ** -1.4, rtol=0.05)
    correlation = np.corrcoef(x.T) - np.eye(6)
    assert np.abs(correlation).max() < 0.035
