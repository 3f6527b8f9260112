"""Near its threshold a model's curve is that of its typical draw, whose largest eigenvalue is one number."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.algorithms import SGD
from solvable.forms import Result
from solvable.models import PowerLawRF
from solvable.theory import Recursion, Volterra, stability
from solvable.theory.typical import typical
from solvable.verbs.solve import solve

STEPS = np.array([0, 1, 3, 10, 63, 64, 1000])


def threshold(model, batch_size=None):
    return float(stability(model, SGD(0.1, batch_size)).critical_learning_rate)


@pytest.fixture(scope="module")
def draws():
    """(eigenvalues, their shares of the risk, floor) of 400 draws at width 50."""
    alpha, beta, width, ambient = 0.8, 0.3, 50, 200
    rng, j = np.random.default_rng(0), np.arange(1.0, ambient + 1)
    eigvals, target, found = j ** (-2 * alpha), j**-beta, []
    for _ in range(400):
        features = rng.standard_normal((ambient, width)) / np.sqrt(width)
        lam, basis = np.linalg.eigh(features.T @ (eigvals[:, None] * features))
        share = (basis.T @ (features.T @ (eigvals * target))) ** 2 / lam
        found.append((lam, share, (eigvals * target**2).sum() - share.sum()))
    return PowerLawRF(alpha, beta, width, ambient), found


@pytest.mark.parametrize("part", [0.9, 0.97, 0.995])
def test_at_a_part_of_the_threshold_it_is_the_mean_over_draws_at_that_part_of_theirs(draws, part):
    """Within 4% at every step (the draws differ in their largest eigenvalue by 20%)."""
    model, found = draws
    risks = np.array([
        [(1 - part * 2 / lam[-1] * lam) ** (2 * t) @ share + floor for t in STEPS] for lam, share, floor in found
    ])  # fmt: skip
    mean, stderr = risks.mean(0), risks.std(0) / np.sqrt(len(risks))
    assert (stderr < 0.04 / 3 * mean).all()
    curve = solve(model, SGD(part * threshold(model), None), Recursion(), STEPS)
    assert curve.result == Result.SUCCESS
    np.testing.assert_allclose(curve.risk, mean, rtol=0.04)


@pytest.mark.parametrize("width", [12, 200, 10**6, 10**12])
def test_every_rate_below_the_threshold_has_an_answer(width):
    model = PowerLawRF(0.8, 0.3, width, 4 * width)
    critical = threshold(model)
    for part in (0.3, 0.6, 0.7, 0.8, 0.9, 0.999):
        curve = solve(model, SGD(part * critical, None), Recursion(), [0, 1, 60, 70, 10**15])
        assert curve.result == Result.SUCCESS
        assert np.isfinite(curve.risk).all()
        assert curve.risk[-1] < curve.risk[0]
    if width <= 10**6:  # wider ones have eigenvalues below 10^-15
        assert curve.risk[-1] == pytest.approx(float(model.floor()), rel=1e-6)
    assert solve(model, SGD(1.001 * critical, None), Recursion(), [10]).result == Result.DIVERGENT


def test_the_theories_agree_near_the_threshold():
    """Closed form, Volterra and the step-by-step recursion of a schedule, with the spread kept, in part, and gone."""
    model = PowerLawRF(0.8, 0.3, 50, 200)
    for part in (0.5, 0.7, 0.95):
        rate = part * threshold(model, 64)
        risks = [
            solve(model, SGD(lr, 64), method, STEPS).risk
            for lr, method in ((rate, Recursion()), (rate, Volterra()), (lambda t, g=rate: g + 0 * t, Recursion()))
        ]
        np.testing.assert_allclose(risks[1], risks[0], rtol=1e-9)
        np.testing.assert_allclose(risks[2], risks[0], rtol=1e-9)


def test_small_rates_and_draws_keep_their_spectrum():
    model = PowerLawRF(0.8, 0.3, 200, 800)
    with jax.enable_x64(True):
        spectrum = model.spectrum()
        for batch_size, part in ((1, 0.99), (8, 0.7), (None, 0.6)):
            kept = typical(spectrum, SGD(part * threshold(model, batch_size), batch_size))
            np.testing.assert_array_equal(kept.eigvals, spectrum.eigvals)
            np.testing.assert_allclose(kept.error, spectrum.error, rtol=1e-14)
        problem = model.draw(jax.random.key(0)).spectrum()
        assert typical(problem, SGD(1.0, None)) is problem


def test_the_risk_is_smooth_in_the_rate():
    """From all of the spread to none of it: the derivative is the difference quotient."""
    model = PowerLawRF(0.8, 0.3, 50, 200)
    critical = threshold(model)
    risk = lambda part: solve(model, SGD(part * critical, None), Recursion(), [3, 70]).risk  # noqa: E731
    with jax.enable_x64(True):
        for part in (0.62, 0.68, 0.75, 0.9):
            slope = jax.jvp(risk, (part,), (1.0,))[1]
            np.testing.assert_allclose(slope, (risk(part + 1e-5) - risk(part - 1e-5)) / 2e-5, rtol=1e-6)


def test_what_an_outlier_keeps_never_grows():
    model = PowerLawRF(0.8, 0.3, 50, 200)
    with jax.enable_x64(True):
        spectrum = model.spectrum()
        for part in np.linspace(0.5, 0.999, 30):
            algorithm = SGD(part * 2 / float(spectrum.edge), None)
            decay = algorithm.decay(typical(spectrum, algorithm).eigvals, 0)
            assert (jnp.abs(1 - decay) <= 1 + 1e-12).all()
