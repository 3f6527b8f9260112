"""The simulation obeys the exact second-moment recursion, and its three samplers draw one law."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats

from solvable.algorithms.base import AbstractStepwise
from solvable.algorithms.optax import Optax
from solvable.algorithms.sgd import SGD
from solvable.forms import Result
from solvable.models.linear_regression import LinearProblem, LinearRegression
from solvable.models.power_law_rf import PowerLawRF
from solvable.simulation import Simulation
from solvable.simulation.trajectory import trajectory
from solvable.verbs.solve import solve

KEY = jax.random.key(7)
STEPS = np.array([0, 1, 2, 5, 10, 30])
SAMPLERS = ("direct", "batch", "wishart")


@pytest.fixture(scope="module")
def problem():
    return PowerLawRF(alpha=0.7, beta=0.3, width=11, ambient=40, noise=0.3).draw(jax.random.key(1))


def rate_of(problem, fraction=0.5):
    return fraction / float(np.sum(problem.eigvals))


def exact_mean(problem, rate, batch_size, steps):
    """E P by the recursion of the second moments in the eigenbasis, batch-mean convention."""
    lam, noise = np.asarray(problem.eigvals, float), 0.0 if batch_size is None else 1 / batch_size
    m, risks = (np.asarray(problem.initial, float) - np.asarray(problem.target, float)) ** 2, []
    for t in range(max(steps) + 1):
        risks.append(float(problem.floor) + (lam * m).sum())
        g = rate(t)
        m = (1 - 2 * g * lam + g**2 * (1 + noise) * lam**2) * m + g**2 * noise * lam * risks[-1]
    return np.array(risks)[np.asarray(steps)]


def z_scores(curve, exact):
    return (np.asarray(curve.risk, float) - exact)[1:] / np.asarray(curve.stderr, float)[1:]


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("batch_size", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_mean_risk_obeys_the_exact_recursion(problem, sampler, batch_size):
    rate = rate_of(problem)
    curve = solve(problem, SGD(rate, batch_size), Simulation(6000, sampler), STEPS, key=KEY)
    exact = exact_mean(problem, lambda t: rate, batch_size, STEPS)
    assert np.abs(z_scores(curve, exact)).max() < 4.5
    assert curve.risk[0] == pytest.approx(exact[0], rel=1e-6)


def test_a_schedule_sees_the_step_number(problem):
    def rate(t):
        return rate_of(problem) / (1 + t / 5)

    curve = solve(problem, SGD(rate, 2), Simulation(6000), STEPS, key=KEY)
    assert np.abs(z_scores(curve, exact_mean(problem, rate, 2, STEPS))).max() < 4.5


def test_a_million_samples_a_step(problem):
    rate = rate_of(problem)
    curve = solve(problem, SGD(rate, 10**6), Simulation(500, "wishart"), STEPS, key=KEY)
    exact = exact_mean(problem, lambda t: rate, 10**6, STEPS)
    np.testing.assert_allclose(curve.risk, exact, rtol=3e-4)
    spread = np.asarray(curve.stats["runs"]).std(0)[1:] / exact[1:]
    assert (spread > 1e-5).all()
    assert (spread < 1e-2).all()


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_no_batch_size_is_the_population_gradient(problem, sampler):
    rate = rate_of(problem)
    curve = solve(problem, SGD(rate, None), Simulation(2, sampler), STEPS, key=KEY)
    np.testing.assert_allclose(curve.risk, exact_mean(problem, lambda t: rate, None, STEPS), rtol=1e-5)


def final_params(problem, algorithm, sampler, num_runs, last, key):
    """Last risks and last parameters of many runs, parameters in the original feature coordinates."""
    source = Simulation(1, sampler).source(problem, algorithm)

    def one(k):
        return trajectory(source, algorithm, jnp.asarray([last], jnp.int32), k, chunk=4)

    risks, params = jax.jit(jax.vmap(one))(jax.random.split(key, num_runs))
    params = np.asarray(params, float)
    if sampler != "direct":  # undo the split order, then the rotation
        width = len(problem.eigvals)
        order = np.concatenate([np.arange(0, width + 1, 2), np.arange(1, width + 1, 2)])
        params = params[:, np.argsort(order)][:, :width] @ np.asarray(problem.basis(), float).T
    return np.asarray(risks, float)[:, 0], params


@pytest.mark.parametrize("batch_size", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_samplers_agree_in_law(problem, batch_size):
    """Two-sample Kolmogorov-Smirnov on the loss and on one coordinate of the parameters, after 12 steps."""
    algorithm = SGD(rate_of(problem, 0.9), batch_size)
    draws = {
        name: final_params(problem, algorithm, name, 8000, 12, jax.random.fold_in(KEY, i))
        for i, name in enumerate(SAMPLERS)
    }
    for other in ("batch", "wishart"):
        for a, b in zip(draws["direct"], draws[other], strict=True):
            a, b = (a, b) if a.ndim == 1 else (a[:, 3], b[:, 3])
            assert stats.ks_2samp(a, b).pvalue > 1e-3, other


@pytest.mark.slow
def test_wishart_is_exact_at_the_target(problem):
    """Where the signal vanishes (params = target) the first gradient is pure noise, in any direction."""
    lam, floor = np.asarray(problem.eigvals), float(problem.floor)
    at_target = LinearProblem(lam, problem.target, floor, problem.target)
    for batch_size in (1, 4):
        rate = rate_of(problem)
        curve = solve(at_target, SGD(rate, batch_size), Simulation(6000, "wishart"), [0, 1, 3], key=KEY)
        exact = exact_mean(at_target, lambda t, rate=rate: rate, batch_size, [0, 1, 3])
        assert np.abs(z_scores(curve, exact)).max() < 4.5


@pytest.mark.slow
def test_a_problem_without_noise_stays_at_its_target():
    still = LinearProblem(np.array([1.0, 0.5]), np.ones(2), 0.0, np.ones(2))
    for sampler in SAMPLERS:
        curve = solve(still, SGD(0.1, 2), Simulation(2, sampler), [0, 10], key=KEY)
        np.testing.assert_array_equal(np.asarray(curve.risk), 0)


@pytest.mark.parametrize("width", [50, pytest.param(200, marks=pytest.mark.slow)])
def test_single_sample_risks_do_not_self_average(width):
    """Batch of one, 2 alpha > 1: four times the width leaves the relative spread over runs where it is."""
    problem = PowerLawRF(alpha=0.7, beta=0.3, width=width, ambient=4 * width).draw(jax.random.key(3))
    rate = 0.4 / np.sum(np.arange(1, 4 * width + 1.0) ** -1.4)
    runs = solve(problem, SGD(rate), Simulation(600), [2000], key=KEY).stats["runs"]
    spread = float(np.std(runs) / np.mean(runs))
    assert 0.11 < spread < 0.20


class SignDescent(AbstractStepwise):
    """theta - rate * sign(gradient): not rotation-equivariant, and with no exact recursion."""

    rotation_equivariant = False
    batch_size: int | None = 1

    def init(self, params):
        return ()

    def update(self, params, state, grad, step):
        return params - 0.02 * jnp.sign(grad), state


@pytest.mark.parametrize(
    "algorithm",
    [
        pytest.param(SignDescent(), id="sign"),
        pytest.param(Optax(optax.adam(0.02), 2), id="adam"),
        pytest.param(Optax(optax.sign_sgd(0.02), 2), id="signum", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("sampler", [pytest.param("batch", marks=pytest.mark.slow), "wishart"])
def test_coordinatewise_optimizers_run_in_the_original_basis(problem, algorithm, sampler):
    direct = solve(problem, algorithm, Simulation(3000, "direct"), STEPS, key=KEY)
    reduced = solve(problem, algorithm, Simulation(3000, sampler), STEPS, key=jax.random.key(8))
    stderr = np.hypot(direct.stderr, reduced.stderr)[1:]
    assert (np.abs(np.asarray(direct.risk - reduced.risk)[1:]) / stderr).max() < 4.5


@pytest.mark.slow
def test_the_wrong_basis_would_have_been_noticed(problem):
    """The same optimizer forced into the eigenbasis gives another mean, so the test above can fail."""
    forced = Optax(optax.sign_sgd(0.02), 2, rotation_equivariant=True)
    wrong = solve(problem, forced, Simulation(3000), STEPS, key=KEY)
    right = solve(problem, Optax(optax.sign_sgd(0.02), 2), Simulation(3000), STEPS, key=KEY)
    assert (np.abs(np.asarray(wrong.risk - right.risk)) / np.hypot(wrong.stderr, right.stderr))[-1] > 10


@pytest.mark.parametrize("batch_size", [pytest.param(1, marks=pytest.mark.slow), 4])
def test_optax_sgd_is_sgd(problem, batch_size):
    ours = solve(problem, SGD(0.1, batch_size), Simulation(5), STEPS, key=KEY)
    theirs = solve(problem, Optax(optax.sgd(0.1), batch_size), Simulation(5), STEPS, key=KEY)
    np.testing.assert_allclose(theirs.stats["runs"], ours.stats["runs"], rtol=2e-6)


@pytest.mark.parametrize(
    ("transformation", "expected"),
    [
        (optax.sgd(0.1, momentum=0.9, nesterov=True), True),
        (optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1)), True),
        (optax.chain(optax.add_decayed_weights(0.1), optax.sgd(0.1)), True),
        (optax.adam(1e-3), False),
        (optax.lion(1e-3), False),
        (optax.chain(optax.clip(1.0), optax.sgd(0.1)), False),
    ],
)
def test_rotation_equivariance_is_found_by_itself(transformation, expected):
    assert Optax(transformation).rotation_equivariant is expected


def test_a_divergent_run_is_data(problem):
    curve = solve(problem, SGD(50.0), Simulation(3), [0, 500], key=KEY)
    assert int(curve.result) == Result.NONFINITE
    with pytest.raises(RuntimeError, match="not finite"):
        solve(problem, SGD(50.0), Simulation(3), [0, 500], key=KEY, throw=True)


def test_label_noise_and_start_are_honoured():
    model = LinearRegression(alpha=1.0, beta=0.5, width=7, noise=0.5, init_std=2.0).draw(KEY)
    curve = solve(model, SGD(0.1, 2), Simulation(6000), STEPS, key=KEY)
    assert np.abs(z_scores(curve, exact_mean(model, lambda t: 0.1, 2, STEPS))).max() < 4.5
