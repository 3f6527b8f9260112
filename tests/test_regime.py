"""What limits the risk: local exponents, limits, the four regimes, the penalty, and where no resource helps."""

import math

import jax
import numpy as np
import pytest

import solvable as sv
from solvable.theory import REGIMES
from solvable.theory.regimes import _code

MODEL = sv.PowerLawRF(0.9, 0.0, 100, math.inf)  # kernel exponent alpha_K = 0.8


def code_of(*arguments):
    with jax.enable_x64(True):
        return int(_code(*arguments))


def names(model, **arguments):
    return np.asarray(sv.regime(model, **arguments).name)


@pytest.mark.parametrize("penalty", [0.0, 1e-4, pytest.param("optimal", marks=pytest.mark.slow)])
def test_exponents_are_the_slopes_of_the_risk(penalty):
    """Against central differences, at equal sizes too."""
    model, h = sv.PowerLawRF(0.8, 0.4, 100, 10_000, noise=0.02), 1e-4
    steps = np.exp(np.array([h, -h]))
    slope = lambda **at: np.diff(np.log(sv.ridge_map(model, **at).risk))[0] / (2 * h)  # noqa: E731
    for width, samples in ((30.0, 400.0), (400.0, 30.0), (90.0, 90.0)):
        if penalty == 0.0 and width == samples:
            continue
        at = {"width": width, "samples": samples, "penalty": penalty}
        found = sv.regime(model, **at)
        assert found.width.exponent == pytest.approx(slope(**at | {"width": width * steps}), abs=1e-6)
        assert found.samples.exponent == pytest.approx(slope(**at | {"samples": samples * steps}), abs=1e-6)
        along = 0.0 if penalty in (0.0, "optimal") else -slope(**at | {"penalty": penalty * steps})
        assert found.penalty.exponent == pytest.approx(along, abs=1e-6)


@pytest.mark.parametrize("penalty", [0.0, 1e-3, pytest.param("optimal", marks=pytest.mark.slow)])
def test_limits_are_risks_without_the_limit(penalty):
    model = sv.PowerLawRF(0.8, 0.4, 100, 10_000, noise=0.02)
    found = sv.regime(model, width=30.0, samples=70.0, penalty=penalty)

    def risk(width, samples, penalty):
        return float(sv.ridge_map(model, width=width, samples=samples, penalty=penalty).risk)

    assert found.risk == pytest.approx(risk(30.0, 70.0, penalty), rel=1e-12)
    for resource, limit in (
        (found.width, risk(np.inf, 70.0, penalty)),
        (found.samples, risk(30.0, np.inf, penalty)),
        (found.penalty, risk(30.0, 70.0, "optimal")),
    ):
        assert resource.limit == pytest.approx(limit, rel=1e-12)
        assert resource.removable == pytest.approx(1 - limit / found.risk, abs=1e-12)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_the_larger_size_amplifies_its_limit(noise):
    """Without a penalty risk = limit / (1 - m/x): exponent m / (x - m), excess exponent x / (x - m), to 1e-9."""
    model = sv.PowerLawRF(0.9, 0.5, 100, math.inf, noise=noise)
    few, many = 50.0, np.array([50.5, 60.0, 99.0, 101.0, 1e3, 1e5])
    by_samples = sv.regime(model, width=few, samples=many).samples
    by_width = sv.regime(sv.PowerLawRF(0.9, 0.0, 100, math.inf), width=many, samples=few).width  # dual: isotropic
    for found in (by_samples, by_width):
        np.testing.assert_allclose(found.exponent, few / (many - few), rtol=1e-9)
        np.testing.assert_allclose(found.removable, few / many, rtol=1e-9)
        np.testing.assert_allclose(found.excess_exponent, many / (many - few), rtol=1e-9)


@pytest.mark.parametrize(("alpha", "beta"), [(0.9, 0.0), (0.7, 0.3), (1.5, -0.3)])
def test_the_four_regimes_in_their_corners(alpha, beta):
    """One size 10^5 times the other: the smaller limits by resolution, the larger could still remove variance.

    With s = 2 alpha + 2 beta - 1 the exponents are min(s, 2 alpha) of width and min(s, 4 alpha) of samples, to 0.002;
    the share that the smaller could remove is 1 and the excess exponent of the larger 1, to 0.001.
    """
    model, few, many, s = sv.PowerLawRF(alpha, beta, 100, math.inf), 1e8, 1e13, 2 * alpha + 2 * beta - 1
    narrow, scarce = sv.regime(model, width=few, samples=many), sv.regime(model, width=many, samples=few)
    assert (narrow.name, scarce.name) == ("width, resolution-limited", "samples, resolution-limited")
    for point, small, large, exponent in (
        (narrow, "width", "samples", min(s, 2 * alpha)),
        (scarce, "samples", "width", min(s, 4 * alpha)),
    ):
        limits, averages = getattr(point, small), getattr(point, large)
        assert limits.exponent == pytest.approx(exponent, abs=2e-3)
        assert limits.removable == pytest.approx(1.0, abs=1e-3)
        assert averages.exponent == pytest.approx(0.0, abs=2e-4)
        assert averages.removable == pytest.approx(0.0, abs=2e-4)
        assert averages.excess_exponent == pytest.approx(1.0, abs=1e-3)


def test_at_a_fixed_penalty_both_sizes_remove_variance_as_their_inverse():
    """The penalty bounds what is learned; risk - limit falls as 1/N and as 1/T, to 1%."""
    model = sv.PowerLawRF(0.9, 0.3, 100, math.inf)
    point = sv.regime(model, width=1e6, samples=1e6, penalty=1e-3)
    assert point.name == "penalty, too large"
    for resource in (point.width, point.samples):
        assert resource.excess_exponent == pytest.approx(1.0, abs=0.01)
        assert 0 < resource.removable < 1e-3


def test_a_large_penalty_limits():
    """What a penalty of 1 does at N = 500, T = 700 is not named after a width of exponent 0.0026."""
    point = sv.regime(sv.PowerLawRF(1.0, 0.5, 500, math.inf, samples=700), penalty=1.0)
    assert point.name == "penalty, too large"
    assert point.width.exponent < 0.01 > point.samples.exponent
    assert point.penalty.exponent == pytest.approx(0.727, abs=0.005)
    assert point.penalty.removable > 0.99
    small = sv.regime(sv.PowerLawRF(1.0, 0.5, 500, math.inf), samples=700.0, penalty=1e-9)
    assert (small.name, bool(small.penalty.removable < 0.5)) == ("samples, variance-limited", True)


@pytest.mark.parametrize("penalty", [0.0, 1e-12])
def test_a_missing_penalty_limits_where_noise_is_fitted(penalty):
    """At infinite width label noise is amplified to 3 sigma^2: no exponent says so, the best penalty removes it."""
    model = sv.PowerLawRF(1.5, 0.5, 100, math.inf, noise=0.5)
    point = sv.regime(model, width=1e6, samples=300.0, penalty=penalty)
    assert point.name == "penalty, too small"
    assert point.noise_share == pytest.approx(1 / 3, abs=0.01)
    assert max(abs(x.exponent) for x in (point.width, point.samples, point.penalty)) < 3e-3
    assert point.penalty.removable == pytest.approx(2 / 3, abs=0.02)


def test_the_penalty_is_named_from_half_of_the_risk_on():
    """Along penalties the share that the best one would remove passes through 1/2 twice, and so does the name."""
    model = sv.PowerLawRF(0.9, 0.0, 100, math.inf)
    points = sv.regime(model, width=90.0, samples=90.0, penalty=np.geomspace(1e-7, 1e-1, 40))
    named = np.char.startswith(points.name, "penalty")
    np.testing.assert_array_equal(named, points.penalty.removable >= 0.5)
    best = float(sv.optimal_penalty(sv.PowerLawRF(0.9, 0.0, 90, math.inf, samples=90)).penalty)
    expected = np.where(np.geomspace(1e-7, 1e-1, 40) > best, "penalty, too large", "penalty, too small")
    np.testing.assert_array_equal(points.name[named], expected[named])
    assert set(expected[named]) == {"penalty, too large", "penalty, too small"}
    assert not named.all()


def test_beside_the_peak_the_larger_resource_limits_by_variance():
    assert sv.regime(MODEL, width=1000.0, samples=2500.0).name == "samples, variance-limited"
    assert sv.regime(MODEL, width=2500.0, samples=1000.0).name == "width, variance-limited"
    # the best penalty removes the peak: there the smaller one limits
    assert sv.regime(MODEL, width=1000.0, samples=2500.0, penalty="optimal").name == "width, resolution-limited"


def test_at_the_peak_the_risk_is_infinite_and_every_resource_makes_it_finite():
    point = sv.regime(MODEL, width=1000.0, samples=1000.0)
    assert (point.name, float(point.risk)) == ("penalty, too small", math.inf)
    for resource in (point.width, point.samples, point.penalty):
        assert float(resource.removable) == 1.0
        assert math.isfinite(resource.limit)
        assert math.isnan(resource.exponent)


def test_at_equal_exponents_width_is_named():
    """Equal sizes, an isotropic target, a penalty: the exponents are the same up to rounding, in either order."""
    for size in (70.0, 90.0, 1e3, 3e4):
        point = sv.regime(MODEL, width=size, samples=size, penalty=1e-3 * (90 / size) ** 1.8)
        assert point.width.exponent == pytest.approx(float(point.samples.exponent), rel=1e-9)
        assert point.name == "width, resolution-limited"
    codes = [code_of(0.4, 0.4 * (1 + gap), True, True, 0, 0.0, 1.0) for gap in (-1e-8, 1e-12, 1e-8)]
    assert [REGIMES[code] for code in codes] == [
        "width, resolution-limited",
        "width, resolution-limited",
        "samples, resolution-limited",
    ]


def test_where_neither_size_helps_width_is_named():
    assert code_of(0.0, 0.0, True, True, 0, 0.2, 1.0) == 0


def test_noise_is_named_from_half_of_the_risk_on():
    """Infinitely many samples: risk = floor + sigma^2, so a sigma^2 just below or above the floor decides."""
    floor = float(sv.ridge_map(sv.PowerLawRF(0.9, 0.5, 100, 10_000), samples=np.inf).risk)
    for share, name in ((0.499, "width, resolution-limited"), (0.501, "noise")):
        model = sv.PowerLawRF(0.9, 0.5, 100, 10_000, noise=math.sqrt(floor * share / (1 - share)))
        point = sv.regime(model)
        assert float(point.noise_share) == pytest.approx(share, rel=1e-9)
        assert point.name == name
    assert [code_of(0.4, 0.2, True, False, 0, share, 1.0) for share in (0.5, 0.5 - 1e-9)] == [6, 0]


def test_amplified_noise_is_removed_by_a_penalty_or_samples_and_the_rest_by_nothing():
    """At N = 3000, T = 4500, sigma^2 N / T of the label noise outweighs what the width leaves out."""
    noisy = sv.PowerLawRF(0.9, 0.5, 100, math.inf, noise=0.3)
    point = sv.regime(noisy, width=3000.0, samples=4500.0)
    assert (point.name, float(point.noise_share)) == ("penalty, too small", pytest.approx(1 / 3, abs=0.01))
    assert point.samples.exponent == pytest.approx(2.0, abs=1e-6)
    assert sv.regime(noisy, width=3000.0, samples=1e6).name == "noise"
    assert sv.regime(noisy, width=1.0, samples=1e6).name == "width, resolution-limited"


@pytest.mark.slow
def test_nothing_limits_where_all_is_learned():
    model = sv.PowerLawRF(0.9, 0.5, 60, 50)
    point = sv.regime(model, width=60.0, samples=80.0)
    assert (point.name, float(point.width.exponent), float(point.samples.removable)) == ("nothing", 0.0, 0.0)
    assert np.isnan(point.width.excess_exponent)
    assert sv.regime(model, width=40.0, samples=80.0).name == "width, resolution-limited"


def test_an_infinite_resource_has_exponent_zero():
    point = sv.regime(sv.PowerLawRF(1.0, 0.3, 100, 10_000))
    assert (float(point.samples.exponent), point.name) == (0.0, "width, resolution-limited")
    assert (float(point.samples.removable), math.isfinite(point.width.exponent)) == (0.0, True)
    point = sv.regime(sv.LinearRegression(1.0, 0.3, 10_000, samples=50))
    assert (float(point.width.exponent), point.name) == (0.0, "samples, resolution-limited")


def test_a_map_holds_its_points_and_mirrors():
    """Isotropic and without noise the map is its transpose with the resources exchanged."""
    sizes = np.geomspace(20, 2e4, 13) * 1.01
    grid = names(MODEL, width=sizes[:, None], samples=sizes * 1.3)
    mirror = names(MODEL, width=sizes * 1.3, samples=sizes[:, None])
    exchange = {"width": "samples", "samples": "width"}
    for a, b in zip(grid.reshape(-1), mirror.reshape(-1), strict=True):
        resource, kind = str(a).split(", ")
        assert str(b) == f"{exchange.get(resource, resource)}, {kind}"
    assert grid[2, 4] == sv.regime(MODEL, width=sizes[2], samples=sizes[4] * 1.3).name
    assert set(grid.reshape(-1)) == {*REGIMES[:4], REGIMES[5]}


def test_under_float32_flags_codes_are_the_same():
    arguments = {"width": np.array([10.0, 1e3]), "samples": 100.0}
    before = sv.regime(MODEL, **arguments)
    with jax.enable_x64(True):
        np.testing.assert_array_equal(sv.regime(MODEL, **arguments).code, before.code)
    assert before.risk.dtype == np.float64
