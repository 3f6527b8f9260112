"""The deterministic equivalent is the mean over draws, up to its O(1/width) bias."""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.algorithms import SGD
from solvable.models import PowerLawRF
from solvable.theory import Recursion
from solvable.verbs.solve import solve

WIDTH, DRAWS = 200, 32
STEPS = np.array([0, 10, 30, 100, 300, 1000, 3000, 10_000])
# Relative bias of the mean over draws: measured as 0.4 to 1.3 over the width for the floor; twice that is allowed.
BIAS = 2.6 / WIDTH


@partial(jax.jit, static_argnames="ambient")
def rows(keys, alpha, beta, rate, ambient):
    """Floor and risks of each draw."""

    def row(key):
        problem = PowerLawRF(alpha, beta, WIDTH, ambient).draw(key)
        return jnp.append(solve(problem, SGD(rate, 1), Recursion(), STEPS).risk, problem.floor)

    return jax.lax.map(row, keys)


def averages(model, rate):
    """Mean and standard error over draws of the exact risk, and of the floor."""
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(0), DRAWS)
        drawn = np.asarray(rows(keys, *map(jnp.asarray, (model.alpha, model.beta, rate)), model.ambient))
    return drawn.mean(0), drawn.std(0, ddof=1) / math.sqrt(DRAWS)


@pytest.mark.parametrize(
    ("alpha", "beta", "ambient"),
    [
        (0.7, 0.3, 800),
        *(
            pytest.param(*law, marks=pytest.mark.slow)
            for law in ((0.45, 0.9, 800), (1.0, 0.7, math.inf), (1.0, 0.6, 800), (0.7, 1.2, 800), (0.3, 0.4, 800))
        ),
    ],
)
def test_mean_over_draws(alpha, beta, ambient):
    model = PowerLawRF(alpha, beta, WIDTH, ambient)
    rate = 0.5 / float(model.trace())
    mean, stderr = averages(model, rate)
    theory = np.array([*solve(model, SGD(rate, 1), Recursion(), STEPS).risk, float(model.floor())])
    excess = np.abs(mean - theory) - BIAS * theory
    assert (excess <= 4 * stderr).all(), (mean / theory - 1, stderr / theory)
    # At the start the risk does not depend on the draw.
    assert mean[0] == pytest.approx(theory[0], rel=1e-3 if math.isinf(ambient) else 1e-9)


@pytest.mark.parametrize("alpha", [0.75, 1.0])
def test_infinite_ambient_dimension_is_the_limit_of_large_ones(alpha):
    """What is missing beyond v coordinates shrinks as the tail of the trace, v^{1 - 2 alpha}, in the floor too."""
    gaps = []
    for ambient in (1e6, 1e8, math.inf):
        model = PowerLawRF(alpha, 0.6, WIDTH, ambient)
        gaps.append(np.array([float(model.floor()), *solve(model, SGD(0.2, 1), Recursion(), STEPS).risk]))
    coarse, fine = (np.abs(gap / gaps[-1] - 1).max() for gap in gaps[:2])
    assert coarse / fine == pytest.approx(100 ** (2 * alpha - 1), rel=0.05)
    assert fine < 2e-3


def test_the_draw_of_an_infinite_ambient_dimension_keeps_its_moments():
    """tr K over draws is sum_j D_j |w_j|^2 with mean zeta(2 alpha): coordinates drawn one by one, plus a tail."""
    from scipy.special import zeta

    model = PowerLawRF(0.7, 0.6, 50, math.inf)
    traces = np.array([float(model.draw(jax.random.key(k)).eigvals.sum()) for k in range(24)])
    assert traces.mean() == pytest.approx(zeta(1.4), abs=4 * traces.std(ddof=1) / math.sqrt(24))


def test_noise_adds_to_the_floor_only_through_the_same_recursion():
    """Label noise raises the floor by noise^2 in the model as in every draw."""
    noisy, clean = PowerLawRF(0.7, 0.6, 50, 200, noise=0.3), PowerLawRF(0.7, 0.6, 50, 200)
    assert float(noisy.floor()) == pytest.approx(float(clean.floor()) + 0.09, rel=1e-12)
    key = jax.random.key(0)
    assert float(noisy.draw(key).floor) == pytest.approx(float(clean.draw(key).floor) + 0.09, rel=1e-12)
