"""The deterministic equivalent of the feature covariance: fixed point, ridge, edges, masses, moments, density."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import plain
import pytest
from scipy.special import zeta

from solvable.models import PowerLawRF
from solvable.numerics.power_law_inputs import PowerLawInputs
from solvable.numerics.resolvent import Law, contour, course, edges, effective_ridge, sum_and_slope

ridge_of = jax.jit(effective_ridge)


@jax.jit
def contour_of(law):
    w = course(law, *edges(law), 512)
    return contour(law, w, sum_and_slope(law, w)[0])


def law(alpha, width, ambient):
    return Law(PowerLawInputs(*(jnp.asarray(x, float) for x in (alpha, 0.0, ambient))), jnp.asarray(width, float))


# One (alpha, beta) in each phase, the line 2 alpha = 1 itself, and very steep spectra.
PLANE = [
    (0.75, 0.25), (0.4, 0.3), (0.2, 1.0), (1.0, 0.6), (0.7, 1.2), (0.45, 0.9), (0.27, 0.7), (0.5, 0.5), (3.0, 0.5)
]  # fmt: skip
SHAPES = [(1, 4), (2, 2), (2, 3), (25, 26), (25, 100), (400, 401), (400, 4000), (1000, 100_000)]


@pytest.mark.parametrize(("width", "ambient"), [s for s in SHAPES if s[0] != s[1]])
@pytest.mark.parametrize(("alpha", "beta"), PLANE)
def test_ridge_and_floor_by_a_root_finder_on_explicit_sums(alpha, beta, width, ambient):
    with jax.enable_x64(True):
        kappa = float(ridge_of(law(alpha, width, ambient)))
    assert kappa == pytest.approx(plain.ridge(alpha, width, ambient), rel=1e-10)
    floor = float(PowerLawRF(alpha, beta, width, ambient).floor())
    assert floor == pytest.approx(plain.floor(alpha, beta, width, ambient), rel=1e-10)


@pytest.mark.parametrize("alpha", [0.55, 0.75, 1.0, 3.0])
def test_ridge_of_infinitely_many_coordinates(alpha):
    """The condition itself, with the tail of the sum as a series of Hurwitz zetas."""
    width = 100
    with jax.enable_x64(True):
        kappa = float(ridge_of(law(alpha, width, np.inf)))
    first = math.ceil((30 / kappa) ** (1 / (2 * alpha)))
    head = (1 / (1 + kappa * np.arange(1.0, first + 1) ** (2 * alpha))).sum()
    n = np.arange(1, 9)
    tail = (-((-1.0) ** n) * kappa ** (-n + 0.0) * zeta(2 * alpha * n, first + 1)).sum()
    assert head + tail == pytest.approx(width, rel=1e-10)


def test_width_equal_to_ambient_learns_everything():
    with jax.enable_x64(True):
        assert float(ridge_of(law(0.7, 50, 50))) == 0
    assert float(PowerLawRF(0.7, 0.7, 50, 50).floor()) == 0
    assert float(PowerLawRF(0.7, 0.7, 50, 50, noise=0.3).floor()) == pytest.approx(0.09, rel=1e-14)


@pytest.mark.parametrize(
    ("alpha", "width", "ambient"), [(0.7, 400, 4000), (0.3, 20, 80), (1.0, 100, 100), (0.5, 5, 50)]
)
def test_the_fixed_point_holds_at_every_node(alpha, width, ambient):
    """m = 1 / (1 + (1/d) sum_j D_j / (D_j m - z)), with m = -z / w."""
    with jax.enable_x64(True):
        z, w, _ = map(np.asarray, contour_of(law(alpha, width, ambient))[:3])
    eigvals = plain.input_eigvals(alpha, ambient)
    m = -z / w
    sums = np.array([(eigvals / (eigvals * x - y)).sum() for x, y in zip(m, z, strict=True)])
    np.testing.assert_allclose(m * (1 + sums / width), 1, atol=1e-11)


@pytest.mark.parametrize(("alpha", "width", "ambient"), [(0.75, 400, 4000), (0.3, 20, 80), (1.0, 50, 51), (0.5, 3, 50)])
def test_edges_by_brute_force(alpha, width, ambient):
    ours = np.array(PowerLawRF(alpha, 0.7, width, ambient).support())
    np.testing.assert_allclose(ours, plain.support(alpha, width, ambient), rtol=1e-9)


@pytest.mark.parametrize("alpha", [0.3, 0.7])
def test_edges_contain_the_eigenvalues_of_a_draw(alpha):
    """An extreme eigenvalue of a flat part fluctuates by d^{-2/3}; a largest one that stands alone by sqrt(2/d)."""
    width, ambient = 400, 1600
    rng = np.random.default_rng(1)
    features = np.arange(1.0, ambient + 1)[:, None] ** -alpha * rng.standard_normal((ambient, width))
    sampled = np.linalg.eigvalsh(features.T @ features / width)
    left, right = (float(x) for x in PowerLawRF(alpha, 0.7, width, ambient).support())
    assert sampled[0] == pytest.approx(left, rel=3 * width ** (-2 / 3))
    assert sampled[-1] == pytest.approx(right, rel=4 * math.sqrt(2 / width))


def moments(alpha, ambient):
    """tr D and tr D^2, by scipy's zeta where the sum is long."""

    def power(p):
        if ambient <= 1e6:
            return (np.arange(1.0, ambient + 1) ** -p).sum()
        if math.isinf(ambient):
            return zeta(p)
        return np.euler_gamma + math.log(ambient) if p == 1 else _euler_maclaurin(p, ambient)

    return power(2 * alpha), power(4 * alpha)


def _euler_maclaurin(p, v):
    from scipy.special import zetac

    constant = zetac(p) + 1 if p != 1 else np.euler_gamma
    return (math.log(v) if p == 1 else v ** (1 - p) / (1 - p)) + constant + v**-p / 2


SIZES = [
    (1, 1),
    (1, 4),
    (2, 2),
    (30, 31),
    (200, 200),
    (400, 4000),
    (10**4, 10**5),
    (10**8, 4 * 10**8),
    (10**12, 10**13),
]


@pytest.mark.parametrize(("width", "ambient"), SIZES)
@pytest.mark.parametrize(("alpha", "beta"), PLANE[:-1])
def test_eigenvalue_count_trace_and_square(alpha, beta, width, ambient):
    """sum 1 = width, sum lambda = tr D, sum lambda^2 = tr D^2 + (tr D)^2 / width; risk at 0 = sum_j D_j b_j^2."""
    spectrum = PowerLawRF(alpha, beta, width, ambient).spectrum(512)
    trace, square = moments(alpha, ambient)
    z, mass = spectrum.eigvals, spectrum.mass
    # A square projection is treated as one with 10^-8 fewer features.
    tolerance = 2e-8 if width == ambient else 1e-9
    assert mass.sum().real == pytest.approx(width, rel=tolerance)
    assert (mass * z).sum().real == pytest.approx(trace, rel=tolerance)
    assert (mass * z**2).sum().real == pytest.approx(square + trace**2 / width, rel=tolerance)
    if ambient <= 1e6:
        start = (np.arange(1.0, ambient + 1) ** (-2 * alpha - 2 * beta)).sum()
        assert (spectrum.error * z).sum().real + spectrum.floor == pytest.approx(start, rel=tolerance)


@pytest.mark.parametrize("width", [1, 60, 10**4, 10**12])
@pytest.mark.parametrize(("alpha", "beta"), PLANE[:-1])
def test_the_contour_stays_close_to_the_support(alpha, beta, width):
    """Its nodes reach 1.5% beyond the density's end at most, also where two contours share the modes."""
    model = PowerLawRF(alpha, beta, width, 4 * width)
    assert -0.015 < model.spectrum(512).eigvals.real.max() / float(model.support()[1]) - 1 < 0.015


@pytest.mark.parametrize("width", [1, 30, 10**6, 10**12])
@pytest.mark.parametrize("alpha", [0.55, 1.0])
def test_infinite_ambient_dimension(alpha, width):
    spectrum = PowerLawRF(alpha, 0.7, width, math.inf).spectrum(512)
    trace, square = moments(alpha, math.inf)
    z, mass = spectrum.eigvals, spectrum.mass
    assert mass.sum().real == pytest.approx(width, rel=1e-9)
    assert (mass * z).sum().real == pytest.approx(trace, rel=1e-9)
    assert (mass * z**2).sum().real == pytest.approx(square + trace**2 / width, rel=1e-9)
    assert (spectrum.error * z).sum().real + spectrum.floor == pytest.approx(zeta(2 * alpha + 1.4), rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("width", [10, 10**6, 10**12])
def test_a_very_steep_spectrum(width):
    """alpha = 3 spans 72 decades at width 10^12; the default number of nodes grows with them."""
    spectrum = PowerLawRF(3.0, 0.5, width, 4 * width).spectrum()
    trace, square = moments(3.0, math.inf if width > 100 else 4 * width)
    z, mass = spectrum.eigvals, spectrum.mass
    assert mass.sum().real == pytest.approx(width, rel=1e-6)
    assert (mass * z).sum().real == pytest.approx(trace, rel=1e-9)
    assert (mass * z**2).sum().real == pytest.approx(square + trace**2 / width, rel=1e-9)


@pytest.mark.slow
def test_the_density_integrates_to_the_width():
    """In x = e^{c + f cos u} both square-root edges become smooth, and the midpoint rule converges fast."""
    width = 30
    model = PowerLawRF(0.25, 0.7, width, 120)
    left, right = (float(x) for x in model.support())
    points = 200
    u = (np.arange(points) + 0.5) * np.pi / points
    x = np.exp(math.log(left * right) / 2 + math.log(right / left) / 2 * np.cos(u))
    jacobian = x * math.log(right / left) / 2 * np.sin(u) * np.pi / points
    density = model.density(x)
    assert (density * jacobian).sum() == pytest.approx(width, rel=1e-5)
    assert (density * x * jacobian).sum() == pytest.approx(moments(0.25, 120)[0], rel=1e-5)
    outside = model.density(np.array([left / 2, right * 1.5]))
    assert np.abs(outside * x.mean()).max() < 1e-4
