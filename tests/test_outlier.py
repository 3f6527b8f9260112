"""The largest eigenvalue of the typical draw: its place, and the two contours that share a spectrum with it."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import plain
import pytest
from scipy.stats import chi2

from solvable.algorithms import SGD
from solvable.models import PowerLawRF
from solvable.numerics.outlier import CIRCLE, kept, marks, median_square, split
from solvable.numerics.power_law_inputs import PowerLawInputs
from solvable.numerics.resolvent import Ellipse, Law, contour, course, edges, sum_and_slope
from solvable.theory import stability


def law(alpha, width, ratio=4):
    return Law(PowerLawInputs(*(jnp.asarray(x, float) for x in (alpha, 0.7, ratio * width))), jnp.asarray(width, float))


@jax.jit
def both(law):
    """One contour around everything, and two."""
    w = course(law, *edges(law), 512)
    return contour(law, w, sum_and_slope(law, w)[0]), split(law, marks(law), 512)


place = jax.jit(lambda law: marks(law).largest)


def top_of_draws(alpha, width, draws, seed):
    """Largest eigenvalues of W^T D W, W_ij ~ N(0, 1/width), ambient 4 width."""
    rng, scale = np.random.default_rng(seed), np.arange(1.0, 4 * width + 1) ** -alpha
    tops = []
    for _ in range(draws):
        features = scale[:, None] * rng.standard_normal((4 * width, width))
        gram = features.T @ features / width
        vector = gram[0]
        for _ in range(60):  # power iteration; the Rayleigh quotient is accurate to the square of what is left
            vector = gram @ vector
            vector /= np.linalg.norm(vector)
        tops.append(vector @ gram @ vector)
    return np.array(tops)


def test_the_threshold_of_a_model_is_that_of_the_median_draw():
    """Full batch, 2 / (largest eigenvalue), within 3% at width 200; the end of the smeared band is 13% off."""
    model = PowerLawRF(0.8, 0.3, 200, 800)
    thresholds = 2 / top_of_draws(0.8, 200, 200, 0)
    median = np.median(thresholds)
    # The median's error is sqrt(pi / 2) that of the mean.
    assert np.sqrt(np.pi / 2) * thresholds.std() / np.sqrt(200) < 0.01 * median
    assert float(stability(model, SGD(0.1, None)).critical_learning_rate) == pytest.approx(median, rel=0.03)
    assert 2 / float(model.support()[1]) < 0.9 * median


@pytest.mark.parametrize("alpha", [0.2, 0.5, 1.5])
@pytest.mark.parametrize(("width", "draws"), [(2, 40_000), (4, 30_000), (12, 6000)])
def test_the_place_at_small_widths_is_the_median(alpha, width, draws):
    """Within 0.4 / width, also where the largest mode does not stand out (alpha = 0.2 below width 30)."""
    rng = np.random.default_rng(1)
    features = np.arange(1.0, 4 * width + 1)[:, None] ** -alpha * rng.standard_normal((draws, 4 * width, width))
    tops = np.linalg.eigvalsh(np.swapaxes(features, 1, 2) @ features / width)[:, -1]
    assert np.sqrt(np.pi / 2) * tops.std() / np.sqrt(draws) < 0.4 / 3 / width * np.median(tops)
    with jax.enable_x64(True):
        assert float(place(law(alpha, width))) == pytest.approx(np.median(tops), rel=0.4 / width)


@pytest.mark.parametrize(("alpha", "width"), [(0.2, 64), (0.5, 100), (0.8, 20), (1.5, 400)])
def test_the_circle_holds_one_eigenvalue_at_its_explicit_mean(alpha, width):
    """1 + (1/d) sum_{j > 1} D_j / (1 - D_j); the place is this times the median of chi^2_d / d."""
    with jax.enable_x64(True):
        found = both(law(alpha, width))[1]
        z, _, weight, total = (np.asarray(x)[-CIRCLE:] for x in found.contour)
        top = float(place(law(alpha, width)))
    eigvals = plain.input_eigvals(alpha, 4 * width)[1:]
    mean = 1 + (eigvals / (1 - eigvals)).sum() / width
    mass = -total / z * weight
    assert mass.sum().real == pytest.approx(1, rel=1e-12)
    assert (mass * z).sum().real == pytest.approx(mean, rel=1e-12)
    assert top == pytest.approx(mean * float(median_square(width)), rel=1e-12)


@pytest.mark.parametrize("alpha", [0.2, 0.3, 0.8, 1.5])
@pytest.mark.parametrize("width", [2, 64, 200, 10**4, 10**8])
def test_two_contours_are_one(alpha, width):
    """Sums of mass h(z), h of degrees 0 to 40, with roots on both sides of the outlier."""
    with jax.enable_x64(True):
        one, two = both(law(alpha, width))
        top = float(place(law(alpha, width)))
        sums = []
        for z, _, weight, total in (one, two.contour):
            mass, x = -total / z * weight, z / top
            tests = (1, x, x**2, x * (1 - x / 2) ** 40, x * (1 - 1.2 * x) ** 20)
            sums.append([float((mass * h).sum().real) for h in tests])
    np.testing.assert_allclose(*sums, rtol=1e-9)
    assert (np.asarray(two.contour.weight)[-CIRCLE:] == 0).all() == (width == 2)


def test_the_contour_around_the_others_ends_below_the_outlier():
    """So no node but those around the outlier grows at a learning rate at which it decays."""
    with jax.enable_x64(True):
        for alpha, width in ((0.2, 64), (0.3, 100), (0.8, 10), (1.0, 10**12)):
            found = both(law(alpha, width))[1]
            rest = np.asarray(found.contour.z)[:-CIRCLE]
            half = float(place(law(alpha, width))) / 2
            # |1 - g z| < 1 with g = 2 / lambda_1
            assert (abs(rest - half) <= half * (1 + 1e-12)).all()


@pytest.mark.slow
def test_the_place_is_differentiable_where_the_mode_begins_to_stand_out():
    """Somewhere between widths 20 and 100 at alpha = 0.2, ambient = 400: its slope in width does not jump."""
    with jax.enable_x64(True):
        fixed = PowerLawInputs(jnp.asarray(0.2), jnp.asarray(0.7), jnp.asarray(400.0))
        place = lambda log_width: marks(Law(fixed, jnp.exp(log_width))).largest  # noqa: E731
        widths = np.linspace(np.log(20), np.log(100), 201)
        places, slopes = (np.asarray(x) for x in jax.jit(jax.vmap(jax.value_and_grad(place)))(widths))
    quotients = np.diff(places) / np.diff(widths)
    np.testing.assert_allclose(quotients, (slopes[1:] + slopes[:-1]) / 2, rtol=1e-4)
    assert np.abs(np.diff(quotients)).max() < 0.012 * np.ptp(quotients)


@pytest.mark.parametrize("count", [3, 10, 100])
def test_the_median_of_a_squared_length(count):
    assert float(median_square(count)) == pytest.approx(chi2.median(count) / count, rel=0.01)


def test_the_part_of_the_spread_that_is_kept():
    """1 with the threshold beyond twice the band, 0 within it, never more than reaches the threshold, and C^2."""
    threshold = np.linspace(0.5, 2.5, 4001)  # (lambda_c - lambda_1) / b, a decay that is linear in between
    with jax.enable_x64(True):
        part = np.asarray(kept(jnp.asarray(threshold - 1), jnp.asarray(threshold - 2)))
    assert (part[threshold <= 1] == 0).all()
    assert (part[threshold >= 2] == 1).all()
    assert (part < threshold).all()
    second = np.diff(part, 2) / (threshold[1] - threshold[0]) ** 2
    assert np.abs(np.diff(second)).max() < 0.01 * np.ptp(second)


@partial(jax.jit, static_argnames="nodes")
def clearance(law, nodes):
    return Ellipse.around(law, *edges(law), nodes)


def test_an_ellipse_ends_where_its_node_of_angle_zero_lies():
    with jax.enable_x64(True):
        ellipse = clearance(law(0.7, 50), 512)
        assert float(ellipse.right_end(1.0)) == pytest.approx(
            float(jnp.log(ellipse.at(np.zeros(1))[0]).real), rel=1e-12
        )
