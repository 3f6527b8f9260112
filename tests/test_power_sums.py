"""Sums over power-law modes cost the same at any length and keep eleven digits."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import digamma, zeta, zetac

from solvable.numerics.power_sums import gregory_weights, harmonic_sum, power_sum


@jax.jit
def _power_sum(p, w, alpha, v):
    return power_sum(p, w, alpha, v)


def ours(p, w, alpha, v):
    with jax.enable_x64(True):
        p, alpha, v = (jnp.asarray(x, float) for x in (p, alpha, v))
        return np.asarray(_power_sum(p, jnp.asarray(w, complex), alpha, v))


def ours_harmonic(p, v):
    with jax.enable_x64(True):
        return float(harmonic_sum(jnp.asarray(p, float), jnp.asarray(v, float)))


def direct(p, w, alpha, v):
    """Term by term in pairwise summation, up to 10^6 terms."""
    j = np.arange(1.0, v + 1)
    x, y = j**-p, j ** (2 * alpha)
    return np.array([(x / (1 + s * y)).sum() for s in w])


def continued_zeta(x):
    """The Riemann zeta function at any real x != 1."""
    return zetac(x) + 1


def infinite(p, w, alpha):
    """Direct up to |w| j^{2 alpha} = 30, then the geometric series of 1 / (1 + w j^{2 alpha}) by Hurwitz zetas."""
    total = []
    for s in w:
        first = max(math.ceil((30 / abs(s)) ** (1 / (2 * alpha))), 1)
        head = direct(p, [s], alpha, first)[0]
        n = np.arange(1, 9)
        total.append(head + (-((-1.0) ** n) * s ** (-n + 0j) * zeta(p + 2 * alpha * n, first + 1)).sum())
    return np.array(total)


ANGLES = (0.0, 0.65, 2.0, math.pi - 0.3, -math.pi / 2)


def points(radii):
    return np.array([r * np.exp(1j * angle) for r in radii for angle in ANGLES])


# (1 - p) / (2 alpha) is an integer in the rows marked so: there the integral has a logarithm.
LAWS = [
    (0.0, 0.2), (0.0, 0.45), (0.0, 0.5), (0.0, 0.7), (0.0, 1.0), (0.0, 3.0),
    (1.0, 0.7),  # 0
    (0.0, 0.25),  # 2
    (2.0, 0.5), (2.4, 0.7), (3.0, 1.0), (5.0, 2.0),  # -1
    (-1.0, 1.0), (-0.4, 0.7),  # 1
    (-1.0, 0.5),  # 2
    (0.5, 0.75), (1.2, 1.0), (2.6, 0.33), (4.0, 0.25), (0.3, 0.05),
]  # fmt: skip


@pytest.mark.parametrize(("p", "alpha"), LAWS)
def test_equals_the_sum_term_by_term(p, alpha):
    for v in (1, 2, 127, 128, 129, 130, 137, 1000, 30_000):
        w = points(np.geomspace(1e-3 * v ** (-2 * alpha), 1e3, 5))
        exact = direct(p, w, alpha, v)
        error = np.abs(ours(p, w, alpha, v) / exact - 1).max()
        assert error < 1e-11, v


@pytest.mark.parametrize(("p", "alpha"), [(0.0, 0.5), (1.0, 0.7), (-1.0, 1.0), (1.2, 1.0), (0.0, 0.25)])
def test_a_million_terms(p, alpha):
    w = points([1e-6 ** (2 * alpha), 1e-3 ** (2 * alpha), 1.0])
    exact = direct(p, w, alpha, 1_000_000)
    assert np.abs(ours(p, w, alpha, 1e6) / exact - 1).max() < 1e-11


@pytest.mark.parametrize(
    ("p", "alpha"),
    [(0.0, 0.55), (0.0, 0.7), (0.0, 1.0), (0.0, 3.0), (1.0, 0.7), (1.2, 0.3), (2.4, 0.7), (-0.4, 0.75)],
)
def test_infinitely_many_terms(p, alpha):
    w = points([1e-4 ** (2 * alpha), 1e-2 ** (2 * alpha), 0.1, 10.0])
    assert np.abs(ours(p, w, alpha, np.inf) / infinite(p, w, alpha) - 1).max() < 1e-11


@pytest.mark.parametrize(("p", "alpha"), [(0.0, 0.7), (0.5, 1.0), (1.4, 0.9), (-0.3, 1.2), (0.0, 3.0)])
def test_small_w_by_the_mellin_expansion(p, alpha):
    """(pi / 2 alpha) w^{(p-1)/(2 alpha)} / sin(pi (1-p)/(2 alpha)) + sum_n (-w)^n zeta(p - 2 alpha n)."""
    w = 10.0 ** -np.array([9.0, 12, 16, 20])
    b = (1 - p) / (2 * alpha)
    pole = np.pi / (2 * alpha) * w**-b / np.sin(np.pi * b)
    expected = pole + sum((-w) ** n * continued_zeta(p - 2 * alpha * n) for n in range(3))
    assert np.abs(ours(p, w, alpha, np.inf) / expected - 1).max() < 1e-11


@pytest.mark.parametrize("alpha", [0.3, 0.5, 0.75, 1.0, 2.0])
def test_left_of_the_poles_on_the_negative_axis(alpha):
    """The right edge of a spectrum is a function of w < -1; there the sum is cheap to do directly."""
    w = -1 - np.array([1e-4, 1e-2, 0.3, 5.0, 100.0])
    exact = direct(0.0, w, alpha, 50_000)
    assert np.abs(ours(0.0, w, alpha, 50_000).real / exact - 1).max() < 1e-11
    assert np.abs(ours(0.0, w, alpha, 50_000).imag).max() < 1e-11


# A real upper limit: below 128 modes, beyond them, and close to integers on both sides.
REAL = (1.0, 1.3, 1.999999, 2.7, 5.5, 11.68, 39.5, 63.9, 64.2, 100.5, 127.99, 128.4, 150.7, 1000.3)


def by_digammas(w, alpha, v):
    """The analytic continuation in v of sum_j 1 / (1 + w j^{2 alpha}) by partial fractions, alpha = 1/2 or 1."""
    step = lambda a: digamma(v + 1 + a) - digamma(1 + a)  # noqa: E731
    if alpha == 0.5:
        return step(1 / w) / w
    root = 1j / np.sqrt(w)
    return (step(-root) - step(root)) / (2 * root * w)


@pytest.mark.parametrize("alpha", [0.5, 1.0])
@pytest.mark.parametrize("v", REAL)
def test_a_real_upper_limit_is_the_analytic_continuation(alpha, v):
    """Up to |arg w| = 2; what is left is the rounding of the digammas' differences."""
    radii = np.geomspace(1e-3 * v ** (-2 * alpha), 1e3, 9)
    w = np.array([r * np.exp(1j * angle) for r in radii for angle in (0.0, 0.65, -1.57, 2.0)])
    assert np.abs(ours(0.0, w, alpha, v) / by_digammas(w, alpha, v) - 1).max() < 1e-11


@pytest.mark.parametrize("p", [1.01, 1.4, 2.0, 6.0])
@pytest.mark.parametrize("v", REAL)
def test_harmonic_sum_to_a_real_limit_is_a_difference_of_hurwitz_zetas(p, v):
    assert ours_harmonic(p, v) == pytest.approx(zeta(p) - zeta(p, v + 1), rel=1e-12)


slope_of_harmonic = jax.jit(jax.grad(lambda v: harmonic_sum(jnp.asarray(1.4), v)))
slope_of_power_sum = jax.jit(jax.jacfwd(lambda w, v: power_sum(jnp.zeros(()), w, jnp.asarray(1.0), v).real, argnums=1))


@pytest.mark.parametrize("v", REAL)
def test_the_derivative_in_the_count_is_continuous(v):
    """d/dv sum_j j^{-p} = p zeta(p + 1, v + 1), at integers as anywhere; and that of a power sum by digammas."""
    with jax.enable_x64(True):
        slope = slope_of_harmonic(jnp.asarray(v))
        w = jnp.array([0.03, 1e-3, 1e-5])  # right of, within and left of the middle piece of the integral
        turned = slope_of_power_sum(w, jnp.asarray(v))
    h = 1e-3
    w = np.asarray(w)
    numeric = (by_digammas(w, 1.0, v + h) - by_digammas(w, 1.0, v - h)).real / (2 * h)
    assert float(slope) == pytest.approx(1.4 * zeta(2.4, v + 1), rel=1e-10)
    np.testing.assert_allclose(turned, numeric, rtol=1e-6)


@pytest.mark.slow
def test_derivatives_in_every_argument_but_the_count():
    step = 1e-5
    p, w, alpha, v = 0.6, 1e-4 * np.exp(0.5j), 0.7, 3000
    with jax.enable_x64(True):
        f = lambda p, alpha: power_sum(p, jnp.asarray(w), alpha, jnp.asarray(float(v)))  # noqa: E731
        by_p, by_alpha = map(complex, jax.jacfwd(f, argnums=(0, 1))(jnp.asarray(p), jnp.asarray(alpha)))
    expected_p = (direct(p + step, [w], alpha, v) - direct(p - step, [w], alpha, v)) / (2 * step)
    expected_alpha = (direct(p, [w], alpha + step, v) - direct(p, [w], alpha - step, v)) / (2 * step)
    assert abs(by_p / expected_p[0] - 1) < 1e-7
    assert abs(by_alpha / expected_alpha[0] - 1) < 1e-7


@pytest.mark.parametrize("p", [0.2, 0.999999, 1.0, 1.0000001, 1.4, 2.0, 6.0, -0.5])
@pytest.mark.parametrize("v", [1, 100, 128, 129, 5000, 10**6])
def test_harmonic_sum_term_by_term(p, v):
    assert ours_harmonic(p, v) == pytest.approx((np.arange(1.0, v + 1) ** -p).sum(), rel=1e-12)


@pytest.mark.parametrize("p", [1.01, 1.4, 2.0, 6.0])
def test_harmonic_sum_of_infinitely_many_terms_is_zeta(p):
    assert ours_harmonic(p, np.inf) == pytest.approx(zeta(p), rel=1e-12)


@pytest.mark.parametrize("p", [0.4, 1.0, 1.4])
def test_harmonic_sum_of_a_trillion_terms(p):
    """Euler and Maclaurin's tail: N^{1-p}/(1-p) + zeta(p) + N^{-p}/2, or log N + Euler's constant + 1/(2N)."""
    v = 1e12
    expected = (
        math.log(v) + np.euler_gamma + 0.5 / v if p == 1 else v ** (1 - p) / (1 - p) + continued_zeta(p) + v**-p / 2
    )
    assert ours_harmonic(p, v) == pytest.approx(expected, rel=1e-12)


@pytest.mark.slow
def test_end_corrections_sum_polynomials_exactly():
    """sum_{k<n} k^m = integral_0^n x^m + the corrections at both ends (from n - 1 down), m < 10."""
    g = gregory_weights()
    k, n = np.arange(len(g)), 60
    for m in range(len(g)):
        # sum_{k=0}^{N} f = integral_0^N f + near + far, with N = n - 1
        total = sum(i**m for i in range(n))
        last = n - 1
        integral = last ** (m + 1) / (m + 1)
        ends = (g * k.astype(float) ** m).sum() + (g * (last - k).astype(float) ** m).sum()
        assert integral + ends == pytest.approx(total, rel=1e-12)
