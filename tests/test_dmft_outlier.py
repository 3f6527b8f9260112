"""Near the threshold of the typical draw the mean-field theory has its largest eigenvalue as one number."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.algorithms import SGD
from solvable.forms import Result
from solvable.models import PowerLawRF
from solvable.theory import DMFT, Recursion, correlations, decompose_training, responses
from solvable.theory.sections import everywhere, lower
from solvable.theory.two_point import pairs, same_time
from solvable.verbs.solve import solve

STEPS = np.array([0, 1, 2, 5, 10, 30, 64, 100, 1000])
NOISE, AMBIENT = 0.1, 200
lowered = jax.jit(lower, static_argnums=2)


def model(width, samples, alpha=0.8):
    """All with as many modes, so that one compiled program serves them."""
    return PowerLawRF(alpha, 0.3, width, AMBIENT, noise=NOISE, samples=samples)


def threshold(model):
    return float(solve(model, SGD(0.1, None), DMFT(), [1]).stats["critical_learning_rate"])


def end_of_band(model):
    with jax.enable_x64(True):
        return 2 / float(lowered(model.population(), jnp.asarray(0.1), False).edge)


@functools.cache
def draws(width, samples, count):
    """(eigenvalues of F^T F / P, what takes the parameters to errors, gradient, to residuals, labels, target)."""
    rng, j = np.random.default_rng(0), np.arange(1.0, AMBIENT + 1)
    root, target, found = j**-0.8, j**-0.3, []
    for _ in range(count):
        w = rng.standard_normal((AMBIENT, width)) / np.sqrt(width)
        x = rng.standard_normal((samples, AMBIENT)) * root
        y = x @ target + NOISE * rng.standard_normal(samples)
        features = x @ w
        s, basis = np.linalg.eigh(features.T @ features / samples)
        rows = features @ basis
        found.append((np.maximum(s, 1e-14), root[:, None] * w @ basis, rows.T @ y / samples, rows, y, root * target))
    return found


def trained(draw, part):
    """Risk and training risk at STEPS of descent at a part of the draw's own threshold."""
    s, errors, gradient, rows, y, target = draw
    theta = gradient * (1 - (1 - part * 2 / s[-1] * s) ** STEPS[:, None]) / s
    return ((target - theta @ errors.T) ** 2).sum(1) + NOISE**2, ((y - theta @ rows.T) ** 2).mean(1)


@pytest.mark.parametrize(
    ("width", "samples", "count", "tolerance"),
    [pytest.param(100, 200, 220, 0.04, marks=pytest.mark.slow), (50, 60, 400, 0.06)],
)
@pytest.mark.parametrize("rate", [1.6, 1.75, 1.9])
def test_at_a_part_of_the_threshold_it_is_the_mean_over_draws_at_that_part_of_theirs(
    width, samples, count, tolerance, rate
):
    """Beyond the end of the band; at the ordinary rate 0.3 the differences are 1.6% and 2.1%."""
    law = model(width, samples)
    part = rate / threshold(law)
    assert end_of_band(law) < rate < threshold(law)
    found = np.array([trained(draw, part) for draw in draws(width, samples, count)])
    mean, stderr = found.mean(0), found.std(0) / np.sqrt(count)
    assert (stderr < tolerance / 3 * mean).all()
    curve = solve(law, SGD(rate, None), DMFT(), STEPS)
    assert curve.result == Result.SUCCESS
    np.testing.assert_allclose(curve.risk, mean[0], rtol=tolerance)
    np.testing.assert_allclose(curve.train_risk, mean[1], rtol=tolerance)


@pytest.mark.parametrize(("width", "samples", "alpha"), [(20, 60, 0.8), (700, 600, 0.3), (10**8, 10**7, 0.8)])
def test_every_rate_below_the_threshold_has_an_answer(width, samples, alpha):
    law = model(width, samples, alpha)
    critical, end = threshold(law), end_of_band(law)
    limit = float(solve(law, SGD(0.3, None), DMFT(), [1]).stats["limit_risk"])
    for part in (-0.01, 0.01, 0.5, 0.999):
        rate = end + part * (critical - end)
        curve = solve(law, SGD(rate, None), DMFT(), [0, 1, 60, 70, 10**15])
        assert curve.result == Result.SUCCESS
        assert np.isfinite(curve.risk).all()
        assert np.isfinite(curve.train_risk).all()
        if width <= 1000:
            assert curve.risk[-1] == pytest.approx(limit, rel=1e-6)
    below, above = (solve(law, SGD((1 + x) * critical, None), DMFT(), [0, 1, 60, 70, 10**9]) for x in (-1e-9, 1e-9))
    np.testing.assert_allclose(above.risk[:4], below.risk[:4], rtol=1e-5)
    assert above.result == Result.DIVERGENT


@pytest.mark.parametrize("width", [20, 100])
@pytest.mark.slow
def test_on_a_stream_it_is_the_one_pass_theory(width):
    """Two contours, in two planes, around the same outlier."""
    law = PowerLawRF(0.8, 0.3, width, AMBIENT)
    critical = threshold(law)
    for part in (0.9, 0.99):
        risks = [solve(law, SGD(part * critical, None), method, STEPS).risk for method in (DMFT(), Recursion())]
        np.testing.assert_allclose(*risks, rtol=1e-8)


@jax.jit
def whole_and_parts(population, rate, first, times, last):
    """Risk and training risk from contours around all of the spectrum, and around the outlier and the rest apart."""
    training = lower(population, rate, False)

    def risks(section):
        direct, crossed = pairs(training.modes, training.noise, section.points, section.points, 1, 1)
        of = lambda pair: jnp.stack([pair.c0, pair.c0 * pair.of_samples])  # noqa: E731
        return jax.vmap(same_time, (0, 0, None), 1)(of(direct), of(crossed), section.coefficient)

    def at(taken):
        outlier = training.outlier._replace(part=jnp.asarray(1.0), taken=jnp.asarray(taken))
        return everywhere(training._replace(outlier=outlier), risks, first, times, last)

    return at(False), at(True), training.outlier.circle.apart


@pytest.mark.parametrize(
    ("width", "samples", "alpha"), [(100, 200, 0.8), (17, 24, 0.8), (200, 300, 0.3), (1e8, 1e7, 1)]
)
def test_the_outlier_and_the_rest_make_the_whole(width, samples, alpha):
    """With all of its spread, at rates where everything decays: to 10^-8 where it is only just apart."""
    with jax.enable_x64(True):
        population, last = model(width, samples, alpha).population(), jnp.array([256.0, 4096.0])
        times = last[:, None] * np.array([0.25, 0.6, 1.0])
        for part in (0.75, 0.9):
            rate = jnp.asarray(part * end_of_band(model(width, samples, alpha)))
            whole, parts, apart = whole_and_parts(population, rate, jnp.arange(64.0), times, last)
            assert apart
            np.testing.assert_allclose(parts, whole, rtol=1e-8)


def test_small_rates_keep_all_of_the_spread():
    law = model(100, 200)
    with jax.enable_x64(True):
        for rate, taken in ((0.6 * end_of_band(law), False), (end_of_band(law), True)):
            assert bool(lowered(law.population(), jnp.asarray(rate), False).outlier.taken) == taken


@pytest.mark.slow
def test_the_risk_is_smooth_in_the_rate():
    """From all of the spread to none of it: the derivative is the difference quotient."""
    law = model(50, 60)
    critical = threshold(law)
    risk = lambda part: solve(law, SGD(part * critical, None), DMFT(), [3, 70]).risk  # noqa: E731
    with jax.enable_x64(True):
        for part in (0.55, 0.65, 0.9):
            slope = jax.jvp(risk, (part,), (1.0,))[1]
            np.testing.assert_allclose(slope, (risk(part + 1e-5) - risk(part - 1e-5)) / 2e-5, rtol=1e-5)


@pytest.mark.parametrize("rate", [1.4, 1.75])
@pytest.mark.slow
def test_correlations_have_the_same_outlier(rate):
    """Spread in part, and not at all."""
    law, algorithm, steps = model(100, 200), SGD(rate, None), np.array([0, 1, 2, 63, 64, 300])
    curve, found = solve(law, algorithm, DMFT(), steps), correlations(law, algorithm, steps)
    np.testing.assert_allclose(np.diag(found.c0), curve.risk, rtol=1e-10)
    np.testing.assert_allclose(np.diag(found.c1), curve.train_risk, rtol=1e-10)
    np.testing.assert_allclose(found.c1[1, 3], found.c1[0, 4], rtol=1e-10)


@pytest.mark.slow
def test_parts_have_the_same_outlier():
    law, algorithm, steps = model(100, 200), SGD(1.75, None), np.array([0, 1, 2, 63, 64, 300])
    parts = decompose_training(law, algorithm, steps)
    np.testing.assert_allclose(parts.risk, solve(law, algorithm, DMFT(), steps).risk, rtol=1e-10)
    for part in (parts.bias, parts.features, parts.inputs, parts.features_inputs, parts.noise, parts.noise_features):
        assert (part > -1e-11).all()


@pytest.mark.parametrize(("rate", "tolerance"), [(1.0, 1e-14), (1.75, 1e-4), (1.95, 1e-4)])
@pytest.mark.slow
def test_inverse_responses_have_their_outlier_in_their_own_place(rate, tolerance):
    """R1 (1 - R02/P) = 1 and R3 (1 - R24/N) = 1: exactly with all of the spread, to O(1/size^2) with none."""
    found, start = responses(model(100, 200), SGD(rate, None), np.arange(120)), np.eye(120)[0]
    for forward, back in ((found.r1, found.r02 / 200), (found.r3, found.r24 / 100)):
        np.testing.assert_allclose(np.convolve(start + forward, start - back)[:120], start, atol=tolerance)


def test_what_is_apart():
    """One eigenvalue, with room between it and the others; not a pair, and not at sizes that smear it into them."""
    with jax.enable_x64(True):
        for width, samples, alpha, apart in ((20, 60, 0.8, 1), (12, 9, 0.8, 0), (100, 200, 0.3, 0), (200, 300, 0.3, 1)):
            training = lowered(model(width, samples, alpha).population(), jnp.asarray(1.0), False)
            assert bool(training.outlier.circle.apart) == apart
