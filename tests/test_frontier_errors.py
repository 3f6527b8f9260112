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
    return sv.fits.measure_frontier(
        WIDTH, STEPS, runs(seed), approach="isoflop", compute=compute, num_samples=num_samples, key=jax.random.key(seed)
    )


def test_the_standard_errors_are_the_spread_over_repeated_experiments():
    """Risk, width and both exponents within 12%: 200 experiments measure a spread to 5%."""
    repeated = [frontier(seed, 0) for seed in range(200)]
    claimed = [frontier(seed, 60) for seed in range(30)]
    for name in ("risk", "width"):
        values = np.log([getattr(f, name) for f in repeated])
        errors = np.array([getattr(f, name + "_stderr") / getattr(f, name) for f in claimed])
        ratio = np.sqrt((errors**2).mean() / values.var(axis=0, ddof=1).mean())
        assert ratio == pytest.approx(1, abs=0.12), name
    for name in ("loss_exponent", "width_exponent"):
        spread = np.std([getattr(f.fit(), name).value for f in repeated], ddof=1)
        errors = np.array([getattr(f.fit(), name).stderr for f in claimed])
        assert np.sqrt((errors**2).mean()) / spread == pytest.approx(1, abs=0.12), name


def test_the_standard_errors_are_those_of_the_resampled_optima():
    found = frontier(0)
    for name in ("risk", "width"):
        samples = getattr(found, f"log_{name}_samples")
        assert samples.shape == (400, 10)
        expected = getattr(found, name) * samples.std(axis=0, ddof=1)
        np.testing.assert_allclose(getattr(found, f"{name}_stderr"), expected, rtol=1e-12)


def test_intervals_of_the_exponents_are_normal():
    """Of 68.27% and 95.45%: one and two standard errors on either side of the value."""
    found = frontier(1)
    for confidence, width in ((0.6826894921370859, 1), (0.9544997361036416, 2)):
        fit = found.fit(confidence=confidence)
        for estimate in (fit.loss_exponent, fit.width_exponent):
            assert estimate.stderr > 0
            assert estimate.low == pytest.approx(estimate.value - width * estimate.stderr, rel=1e-9)
            assert estimate.high == pytest.approx(estimate.value + width * estimate.stderr, rel=1e-9)
