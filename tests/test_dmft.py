"""The contour form of the mean-field dynamics is the dense time-domain one: risk, responses, correlations, parts."""

import functools

import jax
import numpy as np
import plain_dmft as plain
import pytest
import scipy.linalg

from solvable.algorithms import SGD, GradientFlow, Optax
from solvable.forms import Population, Result
from solvable.models import AbstractModel, HasPopulation, PowerLawRF
from solvable.numerics.effective_ridge import prepare, right_edge
from solvable.theory import DMFT, correlations, decompose_training, ensemble, responses
from solvable.verbs.solve import solve

STEPS = 76  # beyond 64, where one contour takes over from another
MODES = 16
EIGVALS = np.arange(1.0, MODES + 1) ** -1.25
POWER = np.arange(1.0, MODES + 1) ** -1.5
TRACE = EIGVALS.sum()
# width, samples, noise, learning rate * trace; the last two rates are close to 2 / (largest sample eigenvalue)
CASES = {
    "fewer samples than width": (14.0, 9.0, 0.3, 1.0),
    "fewer features than samples": (9.0, 14.0, 0.3, 1.0),
    "width = samples": (10.0, 10.0, 0.2, 1.5),
    "all modes learned": (40.0, 60.0, 0.5, 2.0),
    "all inputs are features": (np.inf, 12.0, 0.1, 1.0),
    "a fresh stream": (12.0, np.inf, 0.1, 1.0),
    "close to instability": (12.0, 9.0, 0.2, 1.98),
}


class Listed(HasPopulation, AbstractModel):
    """A population as a list of modes."""

    listed: Population

    def population(self):
        return self.listed

    def draw(self, key):
        raise NotImplementedError


class ListedData(Listed):
    """The same, with a data set."""

    samples: float = 1.0


def listed(width, samples, noise, eigvals=EIGVALS, power=POWER):
    mass = np.ones(len(eigvals))
    return ListedData(Population(eigvals, mass, power, *(np.asarray(float(x)) for x in (width, samples, noise))))


@functools.cache
def dense(width, samples, noise, rate, features=True, data=True):
    population = (EIGVALS, np.ones(MODES), POWER, width, samples, noise)
    return plain.correlations(population, rate, STEPS, features, data)


@pytest.mark.parametrize("name", CASES)
def test_risk_and_training_risk_equal_the_time_domain(name):
    *sizes, scale = CASES[name]
    rate = scale / TRACE
    c0, c1, _, _ = dense(*sizes, rate)
    curve = solve(listed(*sizes), SGD(rate, None), DMFT(), np.arange(STEPS))
    assert curve.result == Result.SUCCESS
    np.testing.assert_allclose(curve.risk, np.diag(c0), rtol=1e-11)
    np.testing.assert_allclose(curve.train_risk, np.diag(c1), rtol=1e-10)
    assert (curve.stderr == 0).all()


def end_of_band(width, samples, noise):
    """Where the support of the theory's sample spectrum ends."""
    with jax.enable_x64(True):
        return float(right_edge(prepare(EIGVALS, np.ones(MODES), width, samples))[0])


@pytest.mark.slow
def test_a_rate_close_to_instability_is_one():
    *sizes, scale = CASES["close to instability"]
    curve = solve(listed(*sizes), SGD(scale / TRACE, None), DMFT(), [1])
    assert curve.result == Result.SUCCESS
    assert 0.9 < scale / TRACE * end_of_band(*sizes) / 2 < 1


def test_a_divergent_run_grows_as_the_time_domain_does():
    sizes = (12.0, 9.0, 0.3)
    limit = float(solve(listed(*sizes), SGD(0.1, None), DMFT(), [1]).stats["critical_learning_rate"])
    rate = 1.05 * limit
    c0, c1, _, _ = dense(*sizes, rate)
    curve = solve(listed(*sizes), SGD(rate, None), DMFT(), [*range(STEPS), 10**6])
    assert curve.result == Result.DIVERGENT
    np.testing.assert_allclose(curve.risk[:-1], np.diag(c0), rtol=1e-8)
    np.testing.assert_allclose(curve.train_risk[:-1], np.diag(c1), rtol=1e-8)
    assert curve.risk[-1] == np.inf


@pytest.mark.slow
def test_where_no_eigenvalue_is_apart_it_has_no_answer_between_the_end_of_the_band_and_the_threshold():
    """The typical draw decays, the smeared spectrum does not: NaN and flagged at every step, parts as well as risk."""
    sizes = (12.0, 9.0, 0.3)
    model, end = listed(*sizes), 2 / end_of_band(*sizes)
    assert solve(model, SGD(0.999 * end, None), DMFT(), [10**6]).result == Result.SUCCESS
    limit = float(solve(model, SGD(0.1, None), DMFT(), [1]).stats["critical_learning_rate"])
    assert end < 0.8 * limit
    for rate in (1.001 * end, 0.999 * limit):
        curve = solve(model, SGD(rate, None), DMFT(), [0, 1, 60, 10**6])
        assert curve.result == Result.NONFINITE
        assert np.isnan(curve.risk).all()
        assert np.isnan(curve.train_risk).all()
        assert np.isnan(decompose_training(model, SGD(rate, None), np.array([0, 60])).risk).all()
    assert solve(model, SGD(1.001 * limit, None), DMFT(), [10**6]).result == Result.DIVERGENT


@pytest.mark.parametrize(
    ("width", "samples", "draws", "tolerance"),
    [(12, 9, 4000, 0.05), (20, 60, 3000, 0.03), pytest.param(200, 100, 500, 0.03, marks=pytest.mark.slow)],
)
@pytest.mark.slow
def test_the_threshold_is_that_of_the_median_draw(width, samples, draws, tolerance):
    """2 / (largest eigenvalue of F F^T / P), F = X W, at alpha = 0.8; the end of the band is 25% off and more."""
    model = PowerLawRF(0.8, 0.3, width, 4 * width, samples=samples)
    rng, root = np.random.default_rng(0), np.arange(1.0, 4 * width + 1) ** -0.8
    tops = []
    for _ in range(draws):
        features = (rng.standard_normal((samples, 4 * width)) * root) @ rng.standard_normal((4 * width, width))
        gram = features @ features.T / (width * samples)
        tops.append(scipy.linalg.eigvalsh(gram, subset_by_index=[samples - 1, samples - 1])[0])
    assert np.sqrt(np.pi / 2) * np.std(tops) / np.sqrt(draws) < tolerance / 3 * np.median(tops)
    found = float(solve(model, SGD(0.1, None), DMFT(), [1]).stats["critical_learning_rate"])
    assert found == pytest.approx(2 / np.median(tops), rel=tolerance)


@pytest.mark.parametrize("name", ["fewer samples than width", "fewer features than samples"])
@pytest.mark.slow
def test_correlations_equal_the_time_domain(name):
    *sizes, scale = CASES[name]
    rate = scale / TRACE
    found = correlations(listed(*sizes), SGD(rate, None), np.arange(STEPS))
    for ours, exact in zip((found.c0, found.c1, found.c2, found.c3), dense(*sizes, rate), strict=True):
        np.testing.assert_allclose(ours, exact, rtol=0, atol=1e-11 * abs(exact).max())


def test_residuals_and_feature_gradients_depend_on_the_sum_of_the_times():
    """C1(t, t') = h(t + t') and g C3(t, t') = h(t + t') - h(t + t' + 1): a training curve is one function of time."""
    found = correlations(listed(14.0, 9.0, 0.3), SGD(0.2, None), np.arange(40))
    shifted = found.c1[1:, :-1], found.c1[:-1, 1:]
    np.testing.assert_allclose(*shifted, rtol=1e-10)
    np.testing.assert_allclose(0.2 * found.c3[:, :-1], found.c1[:, :-1] - found.c1[:, 1:], rtol=1e-9)


@pytest.mark.parametrize("name", ["fewer samples than width", "fewer features than samples"])
@pytest.mark.slow
def test_responses_equal_the_time_domain(name):
    width, samples, noise, scale = CASES[name]
    rate = scale / TRACE
    h, r1, r3, theta = plain.responses(EIGVALS, np.ones(MODES), width, samples, rate, STEPS)
    found = responses(listed(width, samples, noise), SGD(rate, None), np.arange(STEPS))
    memory = np.eye(STEPS)[:, 0]
    np.testing.assert_allclose(found.r1 + memory, r1[:, 0], atol=1e-13)
    np.testing.assert_allclose(found.r3 + memory, r3[:, 0], atol=1e-13)
    r02 = -rate * np.einsum("k,kij->ij", EIGVALS, h) @ theta @ r3
    np.testing.assert_allclose(found.r02, r02[:, 0], atol=1e-13)
    r24 = -rate * np.einsum("k,kij->ij", EIGVALS, h) @ theta @ r1
    np.testing.assert_allclose(found.r24, r24[:, 0], atol=1e-13)
    np.testing.assert_allclose(found.residual, h.sum(2).T, atol=1e-12)


def test_the_gap_of_test_and_training_risk_is_the_response_to_reused_data():
    """L - L_train = -(2/P) sum R02 C1 + (1/P^2) sum sum R02 R02 C1, from the response and C1 alone (their Eq. 18)."""
    model, algorithm, count = listed(14.0, 9.0, 0.3), SGD(0.2, None), 60
    memory = responses(model, algorithm, np.arange(count)).r02 / 9
    c1 = correlations(model, algorithm, np.arange(count)).c1
    curve = solve(model, algorithm, DMFT(), np.arange(count))
    for t in (1, 5, 59):
        back = memory[t::-1]
        gap = -2 * back @ c1[: t + 1, t] + back @ c1[: t + 1, : t + 1] @ back
        assert gap == pytest.approx(curve.risk[t] - curve.train_risk[t], rel=1e-9)


@pytest.mark.parametrize("name", ["fewer samples than width", "fewer features than samples", "close to instability"])
def test_parts_are_cross_correlators(name):
    width, samples, noise, scale = CASES[name]
    rate = scale / TRACE
    overlap = {(f, d): np.diag(dense(width, samples, noise, rate, f, d)[0]) for f in (0, 1) for d in (0, 1)}
    parts = decompose_training(listed(width, samples, noise), SGD(rate, None), np.arange(STEPS))
    h = plain.responses(EIGVALS, np.ones(MODES), width, samples, rate, STEPS)[0].sum(2)
    np.testing.assert_allclose(parts.bias, POWER @ h**2, rtol=1e-10)
    close = functools.partial(np.testing.assert_allclose, rtol=0, atol=1e-11)
    close(parts.risk, overlap[1, 1])
    close(parts.bias + parts.features, overlap[1, 0])
    close(parts.bias + parts.inputs + parts.noise + parts.label, overlap[0, 1])
    named = ("bias", "features", "inputs", "features_inputs", "noise", "noise_features", "label")
    close(sum(getattr(parts, n) for n in named), parts.risk)
    for n in named:
        assert (getattr(parts, n) > -1e-11).all(), n
    many = ensemble(listed(width, samples, noise), SGD(rate, None), np.arange(STEPS), features=4)
    close(many, overlap[0, 1] + (overlap[1, 1] - overlap[0, 1]) / 4)
    bagged = ensemble(listed(width, samples, noise), SGD(rate, None), np.arange(STEPS), data=np.inf)
    close(bagged, overlap[1, 0] + noise**2)


@pytest.mark.slow
def test_flow_is_descent_with_small_steps():
    """Descent at rate g / n, step n t, differs from flow by c / n: two Richardson steps leave the flow."""
    model, steps = listed(14.0, 9.0, 0.3), np.array([0, 1, 5, 40, 1000])
    flow = solve(model, GradientFlow(0.2), DMFT(), steps)
    refined = [solve(model, SGD(0.2 / n, None), DMFT(), n * steps) for n in (250, 500, 1000)]
    for name in ("risk", "train_risk"):
        coarse, middle, fine = (getattr(curve, name) for curve in refined)
        once = 2 * middle - coarse, 2 * fine - middle
        np.testing.assert_allclose((4 * once[1] - once[0]) / 3, getattr(flow, name), rtol=1e-8, atol=1e-15)
        assert not np.allclose(coarse, getattr(flow, name), rtol=1e-5, atol=0)


def test_absent_modes_change_nothing():
    sizes, zeros = (14.0, 9.0, 0.3), np.zeros(5)
    model = listed(*sizes)
    nodes = (np.append(x, zeros) for x in (EIGVALS, np.ones(MODES), POWER))
    padded = ListedData(Population(*nodes, *(np.asarray(x) for x in sizes)))
    a, b = (solve(m, SGD(0.2, None), DMFT(), [0, 3, 100, 10**4]) for m in (model, padded))
    np.testing.assert_allclose(a.risk, b.risk, rtol=1e-12)
    np.testing.assert_allclose(a.train_risk, b.train_risk, rtol=1e-9, atol=1e-18)


def short_risk(rate, alpha, noise, samples):
    model = PowerLawRF(alpha, 0.6, 20, 40, noise=noise, samples=samples)
    return solve(model, SGD(rate, None), DMFT(), [2, 70, 5000]).risk


POINT = np.array([0.3, 0.7, 0.2, 15.5])


@pytest.mark.slow
def test_a_derivative_is_the_difference_quotient():
    """In the direction of all of (learning rate, alpha, noise, samples) at once."""
    along = lambda t: short_risk(*(POINT * (1 + t)))  # noqa: E731
    with jax.enable_x64(True):
        slope = jax.jvp(along, (0.0,), (1.0,))[1]
    numeric = (along(1e-5) - along(-1e-5)) / 2e-5
    np.testing.assert_allclose(slope, numeric, rtol=1e-7)


@pytest.mark.slow
def test_reverse_derivatives_equal_forward_ones():
    with jax.enable_x64(True):
        forward = jax.jacfwd(short_risk, argnums=(0, 1, 2, 3))(*POINT)
        reverse = jax.jacrev(short_risk, argnums=(0, 1, 2, 3))(*POINT)
    for i in range(4):
        np.testing.assert_allclose(forward[i], reverse[i], rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_a_batch_of_learning_rates_equals_the_loop():
    batch = jax.vmap(lambda r: short_risk(r, *POINT[1:]))(np.array([0.1, 0.3]))
    np.testing.assert_allclose(batch, [short_risk(r, *POINT[1:]) for r in (0.1, 0.3)], rtol=1e-6)


def test_what_it_cannot_do_is_said():
    for algorithm in (SGD(0.1, 4), SGD(lambda t: 0.1, None), Optax()):
        with pytest.raises(ValueError, match="algorithm: wanted one that states full-batch gradient descent or flow"):
            solve(listed(20, 12, 0.0), algorithm, DMFT(), [1])
    for steps in ([3, 1], [2, 2], [-1, 3], [], [[1, 2]], [0.5, 1.5]):
        with pytest.raises(ValueError, match=r"steps: wanted .*(increasing|integers)"):
            correlations(listed(20, 12, 0.0), SGD(0.1, None), steps)
    with pytest.raises(ValueError, match="features: wanted a number of independent draws"):
        ensemble(listed(20, 12, 0.0), SGD(0.1, None), [1], features=0)
