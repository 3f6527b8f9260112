"""Risk curves are differentiable in alpha, beta and the learning rate, whatever JAX's precision flags are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.algorithms import SGD
from solvable.models import PowerLawRF
from solvable.theory import Recursion
from solvable.verbs.solve import solve

STEPS = [0, 5, 100, 3000]
POINT = np.array([0.6875, 0.8125, 0.1875])  # alpha, beta, learning rate: exact in float32


def model_risk(x):
    return solve(PowerLawRF(x[0], x[1], 30, 120), SGD(x[2], 2), Recursion(), STEPS).risk


def problem_risk(x):
    return solve(PowerLawRF(x[0], x[1], 30, 120).draw(jax.random.key(0)), SGD(x[2], 2), Recursion(), STEPS).risk


RISKS = {"model": model_risk, "problem": problem_risk}


def central_differences(f, step=2e-4):
    """Two step lengths, extrapolated to an error of order step^4."""

    def differences(h):
        return np.stack([(f(POINT + h * e) - f(POINT - h * e)) / (2 * h) for e in np.eye(3)], -1)

    return (4 * differences(step / 2) - differences(step)) / 3


@pytest.fixture(scope="module")
def case(request):
    risk = RISKS[request.param]
    return risk, central_differences(risk)


@pytest.mark.parametrize(
    ("case", "x64"),
    [pytest.param(what, x64, marks=pytest.mark.slow) for what in ("model", "problem") for x64 in (True, False)],
    indirect=["case"],
)
def test_forward_and_reverse_mode_equal_finite_differences(case, x64):
    risk, expected = case
    tolerance = 1e-7 if x64 else 1e-5  # float32 results where JAX's precision is float32
    with jax.enable_x64(x64):
        point = jnp.asarray(POINT)
        forward = jax.jacfwd(risk)(point)
        reverse = jax.grad(lambda x: risk(x)[-1])(point)
        logs = jax.grad(lambda x: jnp.log(risk(x)).sum())(point)
        assert forward.dtype == reverse.dtype == (np.float64 if x64 else np.float32)
        forward, reverse, logs = map(np.asarray, (forward, reverse, logs))
    # d risk(0) / d learning rate and d risk(1) ... are exact zeros somewhere, hence the absolute part.
    np.testing.assert_allclose(forward, expected, rtol=tolerance, atol=tolerance * 1e-2)
    np.testing.assert_allclose(reverse, expected[-1], rtol=tolerance)
    np.testing.assert_allclose(logs, (expected / np.asarray(risk(POINT))[:, None]).sum(0), rtol=tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("x64", [True, False])
@pytest.mark.parametrize("name", RISKS)
def test_second_derivatives_in_alpha_and_learning_rate(name, x64):
    """Against differences of first differences."""
    risk = lambda y: RISKS[name]((y[0], POINT[1], y[1]))[-1]  # noqa: E731
    point, step = POINT[[0, 2]], 1e-3
    with jax.enable_x64(x64):
        derivative = jax.hessian if name == "problem" else lambda f: jax.jacfwd(jax.jacfwd(f))
        hessian = np.asarray(derivative(risk)(jnp.asarray(point)))

    def second(h):
        e = h * np.eye(2)
        signs = [(s, t) for s in (1, -1) for t in (1, -1)]
        cell = lambda i, j: sum(s * t * risk(point + s * e[i] + t * e[j]) for s, t in signs)  # noqa: E731
        return np.array([[cell(i, j) for j in (0, 1)] for i in (0, 1)]) / (4 * h * h)

    expected = (4 * second(step / 2) - second(step)) / 3
    np.testing.assert_allclose(hessian, expected, rtol=1e-5)
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-5)


@pytest.mark.parametrize("x64", [True, False])
@pytest.mark.slow
def test_values_under_vmap_and_jit_follow_the_flags(x64):
    with jax.enable_x64(x64):
        points = jnp.asarray(np.stack([POINT, POINT * 1.125]))
        batched = jax.jit(jax.vmap(problem_risk))(points)
        assert batched.dtype == points.dtype
        batched, points = np.asarray(batched), np.asarray(points, float)
    looped = np.stack([problem_risk(x) for x in points])
    np.testing.assert_allclose(batched, looped, rtol=1e-10 if x64 else 1e-6)
