"""The pieces of the loss are the large-width laws of exact sums over modes."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import zeta, zetac

from solvable.exponents.pieces import (
    approximation_floor,
    distortion,
    forcing,
    kernel,
    ridge_constant,
    risk_law,
    target_norm,
)


def exact_ridge_and_floor(alpha, beta, width, ambient):
    """tau and F_0 at finite width: the fixed point and the sum it enters, term by term."""
    j = np.arange(1, ambient + 1.0)
    eigvals = j ** (-2 * alpha)

    def excess(log_tau):
        return (1 / (1 + np.exp(-log_tau) / eigvals)).sum() - width

    tau = math.exp(brentq(excess, -5, 80, xtol=1e-13))
    return tau, (j ** (-2 * alpha - 2 * beta) / (1 + tau * eigvals)).sum()


def zeta_ratio(alpha, beta):
    """zeta(2 beta - 2 alpha) / zeta(2 beta): the next term of the floor for 2 beta > 1, per 1 / tau."""
    return (zetac(2 * beta - 2 * alpha) + 1) / zeta(2 * beta)


@pytest.mark.parametrize("ratio", [1.5, 4, 10])
@pytest.mark.parametrize("alpha", [0.2, 0.45, 0.5, 0.7, 1.0, 1.5])
def test_the_ridge_constant_is_the_large_width_limit_of_the_fixed_point(alpha, ratio):
    width = 20_000
    tau, _ = exact_ridge_and_floor(alpha, 1.0, width, int(ratio * width))
    # The first correction is of relative order 1/width: the sum starts at j = 1.
    assert tau / (ridge_constant(alpha, ratio) * width ** (2 * alpha)) == pytest.approx(1, abs=5 / width)


@pytest.mark.parametrize("alpha", [0.7, 1.0, 1.5])
def test_the_closed_form_is_the_limit_of_a_large_ambient_dimension(alpha):
    far = [abs(ridge_constant(alpha, ratio) / ridge_constant(alpha) - 1) for ratio in (1e3, 1e6, 1e9)]
    assert far[0] > 10 * far[1] > 100 * far[2]


FLOORS = {  # one point a phase, a target that grows, and the line where the floor has a logarithm
    (0.75, 0.25): 0.0,
    (1.0, -0.2): 0.0,
    (0.4, 0.3): 0.0,
    (1.0, 0.5): 0.0,
    (0.45, 0.5 + 1e-5): 0.0,
    (1.0, 0.6): zeta_ratio(1.0, 0.6),
    (0.2, 1.0): zeta_ratio(0.2, 1.0),
    (0.7, 1.1): zeta_ratio(0.7, 1.1),
    (0.45, 0.9): zeta_ratio(0.45, 0.9),
}


@pytest.mark.parametrize("point", FLOORS)
def test_the_floor_law_is_the_large_width_limit_of_the_exact_floor(point):
    width, ambient = 10_000, 40_000
    tau, floor = exact_ridge_and_floor(*point, width, ambient)
    next_order = FLOORS[point] / tau
    expected = float(approximation_floor(*point, width, ambient)) * (1 - next_order)
    assert floor == pytest.approx(expected, rel=5 / width + 2 * next_order**2)


@pytest.mark.parametrize(("alpha", "beta"), [(0.75, 0.25), (1.0, 0.6), (0.7, 1.2), (1.25, -0.3)])
def test_the_exponent_of_the_floor(alpha, beta):
    first, last = approximation_floor(alpha, beta, [1e40, 1e42])
    slope = math.log(last / first) / math.log(100)
    assert slope == pytest.approx(-2 * alpha + max(0, 1 - 2 * beta), abs=1e-6)


def test_the_floor_is_smooth_where_its_two_terms_have_poles():
    beta = 0.5 + np.linspace(-3e-4, 3e-4, 13)
    values = np.log(approximation_floor(0.8, beta, 1e4, 4e4))
    straight = np.polynomial.Polynomial.fit(beta, values, 2)(beta)
    np.testing.assert_allclose(values, straight, atol=1e-6)


@pytest.mark.parametrize(("alpha", "beta"), [(0.75, 0.25), (1.0, 0.6), (0.45, 0.9)])
def test_forcing_is_the_sum_over_population_modes_under_gradient_flow(alpha, beta):
    steps, rate = 1e4, 0.3
    j = np.arange(1, 2_000_000.0)
    exact = (j ** (-2 * alpha - 2 * beta) * np.exp(-2 * rate * steps * j ** (-2 * alpha))).sum()
    assert float(forcing(alpha, beta, rate, steps)) == pytest.approx(exact, rel=3e-3)


@pytest.mark.parametrize(("alpha", "batch_size"), [(0.75, 1), (1.0, 8), (0.4, 3)])
def test_kernel_is_the_sum_over_population_modes(alpha, batch_size):
    steps, rate = 1e4, 0.3
    j = np.arange(1, 2_000_000.0)
    exact = (j ** (-4 * alpha) * np.exp(-2 * rate * steps * j ** (-2 * alpha))).sum()
    last, time = j[-1] + 0.5, 2 * rate * steps  # beyond the last mode: the integral to second order in time
    exact += last ** (1 - 4 * alpha) / (4 * alpha - 1) - time * last ** (1 - 6 * alpha) / (6 * alpha - 1)
    exact *= rate**2 / batch_size
    assert float(kernel(alpha, rate, batch_size, steps)) == pytest.approx(exact, rel=3e-3)


def test_distortion_spreads_the_target_norm_over_the_modes():
    alpha, beta, width, rate, steps = 1.0, 0.8, 100, 0.3, 1e4
    j = np.arange(1, 2_000_000.0)
    exact = (j ** (-2 * alpha) * np.exp(-2 * rate * steps * j ** (-2 * alpha))).sum()
    exact *= target_norm(beta) / width
    # The sum stops at 2e6 modes and its law does not: 1/2e6 against t^(-1/2).
    assert float(distortion(alpha, beta, width, rate, steps)) == pytest.approx(exact, rel=3e-3)


def test_distortion_exists_only_where_the_target_norm_and_the_trace_are_finite():
    alpha, beta = np.array([0.4, 0.4, 1.0, 1.0]), np.array([0.3, 0.9, 0.3, 0.9])
    assert list(distortion(alpha, beta, 100, 0.3, 1e3) > 0) == [False, False, False, True]


def test_target_norm_is_its_sum():
    assert float(target_norm(0.7, 1000)) == pytest.approx((np.arange(1, 1001.0) ** -1.4).sum(), rel=1e-12)
    assert float(target_norm(1.0)) == pytest.approx(math.pi**2 / 6, rel=1e-14)


def test_the_law_depends_on_the_rate_of_the_mean_and_on_batch_size_only_through_the_noise():
    at = {"steps": 1e4, "width": 1e4, "learning_rate": 0.3}
    one, many = (float(risk_law(1.0, 1.3, batch_size=size, **at)) for size in (1, 1e12))
    noiseless = float(
        approximation_floor(1.0, 1.3, 1e4) + forcing(1.0, 1.3, 0.3, 1e4) + distortion(1.0, 1.3, 1e4, 0.3, 1e4)
    )
    assert many == pytest.approx(noiseless, rel=1e-9)
    noise = float(kernel(1.0, 0.3, 1, 1e4) * target_norm(1.3)) / 0.6
    assert one - many == pytest.approx(noise, rel=1e-6)


def test_gradient_noise_amplifies_the_law():
    arguments = (0.75, 0.25, 1e4, 0.3, 1, 1e4)
    doubled = risk_law(*arguments, kernel_norm=0.5)
    assert float(doubled) == pytest.approx(2 * float(risk_law(*arguments)), rel=1e-12)


def test_the_law_broadcasts():
    got = risk_law([[1.0], [0.75]], 0.3, [1e3, 1e4, 1e5], 0.3, 1, 1e4)
    assert got.shape == (2, 3)
    assert got[1, 2] == risk_law(0.75, 0.3, 1e5, 0.3, 1, 1e4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ridge_constant(0.4), "ambient: wanted a finite value"),
        (lambda: ridge_constant(0.7, 0.9), "aspect: wanted a number > 1"),
        (lambda: ridge_constant(-1.0), "alpha"),
        (lambda: approximation_floor(0.6, -0.2, 100), r"alpha \+ beta > 1/2"),
        (lambda: approximation_floor(1.0, 0.6, 0), "width: wanted values > 0"),
        (lambda: forcing(0.2, 0.2, 0.3, 10), r"alpha \+ beta > 1/2"),
        (lambda: forcing(1.0, 0.2, -0.3, 10), "learning_rate"),
        (lambda: forcing(1.0, 0.2, 0.3, [1, 0]), "steps"),
        (lambda: forcing(1.0, 0.2, 0.3, math.nan), "steps.*nan"),
        (lambda: kernel(0.25, 0.3, 1, 10), "alpha > 1/4"),
        (lambda: kernel(0.5, 0.3, 0, 10), "batch_size"),
        (lambda: target_norm(0.5), "2 beta > 1"),
        (lambda: risk_law(1.0, 0.6, 100, 0.3, 1, 10, kernel_norm=1.0), "kernel_norm"),
    ],
)
def test_bad_arguments_are_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
