"""Bisection finds the root of an increasing function, Newton's method gives it derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.numerics.roots import bisect, bisect_log, newton


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def test_the_bracket_is_halved_so_many_times():
    for iterations in (1, 2, 7, 30):
        found = bisect(lambda x: x - 0.7, 0.0, 1.0, iterations)
        assert abs(float(found) - 0.7) <= 0.5 ** (iterations + 1)
        assert float(found) * 2 ** (iterations + 1) % 2 == 1  # the middle of the last bracket


def test_without_a_root_it_is_the_end_next_to_it():
    assert float(bisect(lambda x: x - 9.0, 0.0, 1.0, 50)) == pytest.approx(1.0, abs=1e-14)
    assert float(bisect(lambda x: x + 9.0, 0.0, 1.0, 50)) == pytest.approx(0.0, abs=1e-14)
    assert float(bisect(lambda x: x, 2.0, 1.0, 5)) == 2.0


def test_only_the_sign_of_the_function_counts():
    steep = bisect(lambda x: jnp.sinh(1e2 * (x - 0.3)), -5.0, 5.0, 45)
    flat = bisect(lambda x: 1e-200 * (x - 0.3), -5.0, 5.0, 45)
    assert (float(steep), float(flat)) == (pytest.approx(0.3, abs=1e-12), pytest.approx(0.3, abs=1e-12))


def test_in_the_logarithm_small_roots_keep_their_digits():
    assert float(bisect_log(lambda x: x - 3e-200, 0.0, 1.0, 60)) == pytest.approx(3e-200, rel=1e-13)


def test_a_batch_is_the_loop_bit_for_bit():
    target = jnp.array([0.1, 0.5, 0.93])
    root = lambda t: bisect(lambda x: x**3 - t, 0.0, 1.0, 40)  # noqa: E731
    np.testing.assert_array_equal(jax.vmap(root)(target), [root(t) for t in target])


def test_it_is_a_constant_and_newton_gives_it_derivatives():
    """x^3 = t: dx/dt = 1 / (3 x^2), d^2x/dt^2 = -2 / (9 x^5), forward and reverse."""
    rough = lambda t: bisect(lambda x: x**3 - t, 0.0, 2.0, 12)  # noqa: E731
    root = lambda t: newton(lambda x: x**3 - t, rough(t), 4, longest=1.0)  # noqa: E731
    t = 0.5
    x = t ** (1 / 3)
    assert (float(jax.grad(rough)(t)), float(jax.jvp(rough, (t,), (1.0,))[1])) == (0.0, 0.0)
    assert float(root(t)) == pytest.approx(x, rel=1e-15)
    assert float(jax.grad(root)(t)) == pytest.approx(1 / (3 * x**2), rel=1e-14)
    assert float(jax.hessian(root)(t)) == pytest.approx(-2 / (9 * x**5), rel=1e-13)


def test_no_step_of_newton_is_longer_than_said():
    for iterations in (1, 2):
        found = newton(lambda x: 1e-3 * (x - 100.0), jnp.asarray(0.0), iterations, longest=2.5)
        assert float(found) == 2.5 * iterations


def test_nothing_of_a_trace_stays_in_a_cache():
    """A closure handed to optimistix as it is would be kept there, with the arrays of the trace it came from."""
    with jax.checking_leaks():
        jax.jit(lambda t: bisect(lambda x: x - t, 0.0, 1.0, 5))(0.3)
