"""The standard errors of a measured frontier are the spread that known errors of the curves give it."""

import jax
import numpy as np
import pytest

import solvable as sv

WIDTH = 2.0 ** np.arange(4, 14)
STEPS = np.unique(np.round(np.geomspace(1, 1e6, 120)))
RUNS, SIZE = 3, 0.003


def runs(seed):
    """3 width^-0.6 + 2 steps^-0.9, where every run of a width is off by a factor of its own, at all steps alike."""
    factors = np.exp(SIZE * np.random.default_rng(seed).standard_normal((len(WIDTH), RUNS, 1)))
    return (3 * WIDTH[:, None] ** -0.6 + 2 * STEPS**-0.9)[:, None] * factors


def frontier(seed, num_samples=400):
    compute = np.geomspace(1e4, 1e7, 10)
    return sv.measure_frontier(
        WIDTH, STEPS, runs(seed), approach="isoflop", compute=compute, num_samples=num_samples, key=jax.random.key(seed)
    )


def test_the_standard_errors_are_the_spread_over_repeated_experiments():
    """Risk and width each within 12%: 200 experiments measure a spread to 5%, ten points of compute average it."""
    repeated = [frontier(seed, 0) for seed in range(200)]
    claimed = [frontier(seed, 60) for seed in range(30)]
    for name in ("risk", "width"):
        values = np.log([getattr(f, name) for f in repeated])
        errors = np.array([getattr(f, name + "_stderr") / getattr(f, name) for f in claimed])
        ratio = np.sqrt((errors**2).mean() / values.var(axis=0, ddof=1).mean())
        assert ratio == pytest.approx(1, abs=0.12), name


def test_the_standard_errors_are_those_of_the_resampled_optima():
    found = frontier(0)
    for name in ("risk", "width"):
        samples = getattr(found, f"log_{name}_samples")
        assert samples.shape == (400, 10)
        expected = getattr(found, name) * samples.std(axis=0, ddof=1)
        np.testing.assert_allclose(getattr(found, f"{name}_stderr"), expected, rtol=1e-12)
