"""The closed form in time is the plain float64 recursion, at any step, padded, batched and differentiated."""

import logging

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import plain
import pytest

from solvable.algorithms import SGD, AbstractModewise
from solvable.arguments import as_real
from solvable.forms import Result
from solvable.models import LinearProblem, LinearRegression, PowerLawRF
from solvable.simulation import Simulation
from solvable.theory import Recursion
from solvable.verbs.check import check
from solvable.verbs.solve import log_steps, solve

STEPS = log_steps(10_000, 60)
KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def model():
    return PowerLawRF(0.7, 0.6, 100, 400)


@pytest.fixture(scope="module")
def problem(model):
    return model.draw(KEY)


def plain_risk(model, algorithm, last, rate=None):
    """Step by step in NumPy, from the spectrum that the theory itself sees."""
    s = model.spectrum()
    rate = float(algorithm.learning_rate) if rate is None else rate
    return plain.recursion(s.eigvals, s.mass, s.error, float(s.floor), rate, algorithm.batch_size, last)


@pytest.mark.parametrize("batch_size", [1, pytest.param(8, marks=pytest.mark.slow), None])
@pytest.mark.parametrize("what", ["problem", "model"])
def test_closed_form_equals_the_plain_iteration(request, what, batch_size):
    subject = request.getfixturevalue(what)
    algorithm = SGD(0.3, batch_size)
    ours = solve(subject, algorithm, Recursion(), STEPS).risk
    np.testing.assert_allclose(ours, plain_risk(subject, algorithm, STEPS[-1])[STEPS], rtol=1e-11)


def test_every_step_of_the_first_thousand(problem):
    """The change from iteration to inversion at step 64, and every window's seam, are invisible."""
    steps = np.arange(1001)
    ours = solve(problem, SGD(0.3, 2), Recursion(), steps).risk
    np.testing.assert_allclose(ours, plain_risk(problem, SGD(0.3, 2), 1000), rtol=1e-10)


@pytest.mark.parametrize("batch_size", [1, None])
@pytest.mark.parametrize("width", [1, *(pytest.param(w, marks=pytest.mark.slow) for w in (2, 8, 16))])
def test_a_risk_without_floor_keeps_its_digits_while_it_vanishes(width, batch_size):
    """Down to 10^-290: the inversion runs about the slowest decay, not about zero."""
    model = LinearRegression(1.0, 0.7, width)
    exact = plain_risk(model, SGD(0.3, batch_size), STEPS[-1])[STEPS]
    ours = solve(model, SGD(0.3, batch_size), Recursion(), STEPS).risk
    representable = exact > 1e-290
    assert exact[-1] < 1e-12
    np.testing.assert_allclose(ours[representable], exact[representable], rtol=1e-10)


@pytest.mark.parametrize("what", ["problem", "model"])
@pytest.mark.parametrize("batch_size", [1, None])
def test_step_a_quadrillion_is_the_limit(request, what, batch_size):
    curve = solve(request.getfixturevalue(what), SGD(0.3, batch_size), Recursion(), [10**15])
    assert curve.risk[0] == pytest.approx(float(curve.stats["limit_risk"]), rel=1e-10)


@pytest.mark.parametrize(("noise", "init_std"), [(0.3, 0.0), (0.0, 0.7), (0.2, 0.5)])
def test_noise_and_initial_parameters(noise, init_std):
    """At the start the risk adds noise^2 and init_std^2 tr D; afterwards the recursion is the same."""
    model = PowerLawRF(0.7, 0.6, 100, 400, noise=noise, init_std=init_std)
    j = np.arange(1.0, 401)
    start = (j**-2.6).sum() + noise**2 + init_std**2 * (j**-1.4).sum()
    ours = solve(model, SGD(0.3, 1), Recursion(), STEPS).risk
    assert ours[0] == pytest.approx(start, rel=1e-10)
    np.testing.assert_allclose(ours, plain_risk(model, SGD(0.3, 1), STEPS[-1])[STEPS], rtol=1e-10)


def test_a_schedule_equals_the_plain_loop(problem):
    schedule = lambda t: 0.4 / (1 + 0.01 * t)  # noqa: E731
    steps = log_steps(3000, 30)
    ours = solve(problem, SGD(schedule, 4), Recursion(), steps).risk
    expected = plain_risk(problem, SGD(0.1, 4), 3000, schedule)[steps]
    np.testing.assert_allclose(ours, expected, rtol=1e-10)


def test_a_constant_schedule_equals_the_closed_form(model):
    steps = log_steps(2000, 30)
    loop = solve(model, SGD(lambda t: 0.3 + 0 * t, 2), Recursion(), steps).risk
    np.testing.assert_allclose(loop, solve(model, SGD(0.3, 2), Recursion(), steps).risk, rtol=1e-10)


@pytest.mark.parametrize(("rate", "batch_size"), [(0.7, 1), (1.4, 1), (1.95, 8), (2.5, None)])
def test_a_divergent_run_grows_at_the_rate_of_the_largest_eigenvalue(rate, batch_size):
    """The matrix is diag(q) + (g^2/B) lam lam^T; far beyond its other modes the risk is a single exponential."""
    problem = LinearProblem(np.arange(1.0, 31) ** -1.0, np.ones(30))
    matrix = plain.matrix(problem.eigvals, rate, batch_size)
    growth = np.linalg.eigvalsh(matrix)[-1]
    assert growth > 1
    steps = np.array([0, 10, 300, 400, 410])
    curve = solve(problem, SGD(rate, batch_size), Recursion(), steps)
    assert int(curve.result) == Result.DIVERGENT
    assert f"{float(curve.stats['critical_learning_rate']):.6g}" in curve.message
    exact = plain_risk(problem, SGD(rate, batch_size), 410)[steps]
    np.testing.assert_allclose(curve.risk, exact, rtol=1e-9)
    late = 10_000 if growth < 1.02 else 400
    pair = solve(problem, SGD(rate, batch_size), Recursion(), [late, late + 1]).risk
    assert pair[1] / pair[0] == pytest.approx(growth, rel=1e-9)


def test_divergence_is_raised_only_on_request(problem):
    curve = solve(problem, SGD(3.0, 1), Recursion(), [0, 10])
    assert int(curve.result) == Result.DIVERGENT
    with pytest.raises(RuntimeError, match="the learning rate must stay below"):
        solve(problem, SGD(3.0, 1), Recursion(), [0, 10], throw=True)


@pytest.mark.parametrize("batch_size", [1, *(pytest.param(b, marks=pytest.mark.slow) for b in (8, None))])
def test_absent_modes_change_nothing(problem, batch_size):
    """A mode with eigenvalue, mass and error 0, in the spectrum and therefore in a stack of ragged widths."""
    pad = lambda x: np.concatenate([x, np.zeros(37)])  # noqa: E731
    padded = LinearProblem(*(pad(x) for x in (problem.eigvals, problem.target)), problem.floor, pad(problem.initial))
    algorithm = SGD(0.3, batch_size)
    ours = solve(padded, algorithm, Recursion(), STEPS)
    expected = solve(problem, algorithm, Recursion(), STEPS)
    np.testing.assert_allclose(ours.risk, expected.risk, rtol=1e-12)
    assert ours.stats["critical_learning_rate"] == pytest.approx(
        float(expected.stats["critical_learning_rate"]), rel=1e-12
    )


@pytest.mark.parametrize("make", [LinearRegression, pytest.param(PowerLawRF, marks=pytest.mark.slow)])
def test_vmap_equals_the_loop(make):
    rng = np.random.default_rng(0)
    alphas, betas, rates = rng.uniform(0.6, 1.2, 3), rng.uniform(0.4, 1.2, 3), rng.uniform(0.05, 0.4, 3)

    def risk(alpha, beta, rate):
        return solve(make(alpha, beta, 40), SGD(rate, 2), Recursion(), [0, 7, 100, 5000]).risk

    with jax.enable_x64(True):
        batched = jax.vmap(risk)(*map(jnp.asarray, (alphas, betas, rates)))
    looped = np.stack([risk(*x) for x in zip(alphas, betas, rates, strict=True)])
    np.testing.assert_allclose(batched, looped, rtol=1e-9)


def test_vmap_over_draws_equals_the_loop():
    keys = jax.random.split(KEY, 3)
    risk = lambda key: solve(PowerLawRF(0.8, 0.5, 20, 60).draw(key), SGD(0.2, 1), Recursion(), [0, 500]).risk  # noqa: E731
    with jax.enable_x64(True):
        batched = jax.vmap(risk)(keys)
    np.testing.assert_allclose(batched, np.stack([risk(k) for k in keys]), rtol=1e-10)


def test_a_second_call_compiles_nothing(model, problem, caplog):
    """Other values of every physical parameter, the same sizes: nothing is traced again."""
    for subject, other in ((model, PowerLawRF(0.9, 0.4, 150, 700)), (problem, problem)):
        solve(subject, SGD(0.3, 4), Recursion(), STEPS)
        caplog.clear()
        with jax.log_compiles(True), caplog.at_level(logging.WARNING, "jax"):
            solve(other, SGD(0.2, 4), Recursion(), STEPS)
        assert not [r.getMessage() for r in caplog.records if "ompil" in r.getMessage()]


class ConstantHeavyBall(AbstractModewise):
    """v <- momentum v + G, theta <- theta - rate v, with moments E[Delta^2], E[Delta v], E[v^2]."""

    learning_rate: jax.Array = eqx.field(converter=as_real, default=0.1)
    momentum: jax.Array = eqx.field(converter=as_real, default=0.0)
    batch_size: int | None = eqx.field(static=True, default=2)

    @property
    def stationary(self):
        return True

    def init(self, params):
        return jnp.zeros_like(params)

    def update(self, params, state, grad, step):
        velocity = jnp.asarray(self.momentum, grad.dtype) * state + grad
        return params - jnp.asarray(self.learning_rate, grad.dtype) * velocity, velocity

    def decay(self, eigvals, step):
        g, mu, b = self.learning_rate, self.momentum, 1 + 1 / self.batch_size
        one, zero = jnp.ones_like(eigvals), jnp.zeros_like(eigvals)
        # Columns: what E[Delta^2], E[Delta v], E[v^2] become in v' = mu v + G, Delta' = Delta - g v'.
        v2 = jnp.stack([b * eigvals**2, 2 * mu * eigvals, mu**2 * one], -1)
        dv = jnp.stack([eigvals, mu * one, zero], -1)
        d2 = jnp.stack([one, zero, zero], -1)
        return jnp.eye(3) - jnp.stack([d2 - 2 * g * dv + g**2 * v2, dv - g * v2, v2], -2)

    def injection(self, eigvals, step):
        kick = eigvals / self.batch_size
        return jnp.stack([self.learning_rate**2 * kick, -self.learning_rate * kick, kick], -1)


@pytest.mark.slow
def test_a_constant_rate_with_several_moments_is_iterated():
    """Without momentum heavy ball is SGD; with it the recursion is its own simulation."""
    problem, steps = PowerLawRF(width=12).draw(jax.random.key(0)), log_steps(200, 12)
    plain = solve(problem, ConstantHeavyBall(0.2, 0.0), Recursion(), steps)
    np.testing.assert_allclose(plain.risk, solve(problem, SGD(0.2, 2), Recursion(), steps).risk, rtol=1e-12)
    check(problem, ConstantHeavyBall(0.05, 0.7), Recursion(), steps, key=jax.random.key(1),
          simulation=Simulation(num_runs=2000)).assert_close(z=4.5)
