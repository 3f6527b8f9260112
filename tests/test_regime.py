"""Which resource limits the risk: local exponents, the four regimes, and where neither width nor samples help."""

import math

import jax
import numpy as np
import pytest

import solvable as sv
from solvable.theory import REGIMES

MODEL = sv.PowerLawRF(0.9, 0.0, 100, math.inf)  # kernel exponent alpha_K = 0.8


def names(model, **arguments):
    return np.asarray(sv.regime(model, **arguments).name)


@pytest.mark.parametrize("penalty", [0.0, 1e-4, pytest.param("optimal", marks=pytest.mark.slow)])
def test_exponents_are_the_slopes_of_the_risk(penalty):
    """Against central differences, at equal sizes too."""
    model, h = sv.PowerLawRF(0.8, 0.4, 100, 10_000, noise=0.02), 1e-4
    for width, samples in ((30.0, 400.0), (400.0, 30.0), (90.0, 90.0)):
        if penalty == 0.0 and width == samples:
            continue
        found = sv.regime(model, width=width, samples=samples, penalty=penalty)
        steps = np.exp(np.array([h, -h]))
        along_width = sv.ridge_map(model, width=width * steps, samples=samples, penalty=penalty).risk
        along_samples = sv.ridge_map(model, width=width, samples=samples * steps, penalty=penalty).risk
        assert found.width_exponent == pytest.approx(-np.diff(np.log(along_width[::-1]))[0] / (2 * h), abs=1e-6)
        assert found.samples_exponent == pytest.approx(-np.diff(np.log(along_samples[::-1]))[0] / (2 * h), abs=1e-6)


def test_the_smaller_resource_limits_by_resolution():
    """Far from equal sizes its exponent is alpha_K and the other's is 0, and the two are dual."""
    few, many = 1e3, 1e7
    by_width = sv.regime(MODEL, width=few, samples=many)
    by_samples = sv.regime(MODEL, width=many, samples=few)
    assert (by_width.name, by_samples.name) == ("width, resolution-limited", "samples, resolution-limited")
    assert by_width.width_exponent == pytest.approx(0.8, abs=2e-3)
    assert by_width.samples_exponent == pytest.approx(0.0, abs=2e-4)
    assert by_width.width_exponent == pytest.approx(float(by_samples.samples_exponent), rel=1e-10)


def test_the_larger_resource_removes_variance_as_its_inverse():
    """risk(N, T) - risk(N, infinity) falls as 1/T for T >> N, and as 1/N for N >> T: slopes 1 to 1%."""
    many = np.array([1e5, 1e6])
    for kind in ("samples", "width"):
        other = {"samples": "width", "width": "samples"}[kind]
        risks = sv.ridge_map(MODEL, **{kind: many, other: 1e3}).risk
        limit = sv.ridge_map(MODEL, **{kind: np.inf, other: 1e3}).risk
        slope = -np.log10((risks[1] - limit) / (risks[0] - limit))
        assert slope == pytest.approx(1.0, abs=0.01)


def test_beside_the_peak_the_larger_resource_limits_by_variance():
    assert sv.regime(MODEL, width=1000.0, samples=1100.0).name == "samples, variance-limited"
    assert sv.regime(MODEL, width=1100.0, samples=1000.0).name == "width, variance-limited"
    assert sv.regime(MODEL, width=1000.0, samples=1000.0).name == "samples, variance-limited"  # infinite risk
    # the best penalty removes the peak: there the smaller one limits
    assert sv.regime(MODEL, width=1000.0, samples=1100.0, penalty="optimal").name == "width, resolution-limited"


def test_amplified_noise_is_removed_by_samples_and_the_rest_by_nothing():
    """At N = 3000, T = 4500, sigma^2 N / T of the label noise outweighs what the width leaves out."""
    noisy = sv.PowerLawRF(0.9, 0.5, 100, math.inf, noise=0.3)
    point = sv.regime(noisy, width=3000.0, samples=4500.0)
    assert (point.name, float(point.noise_share)) == ("samples, variance-limited", pytest.approx(1 / 3, abs=0.01))
    assert sv.regime(noisy, width=3000.0, samples=1e6).name == "noise"
    assert sv.regime(noisy, width=1.0, samples=1e6).name == "width, resolution-limited"


def test_nothing_limits_where_all_is_learned():
    model = sv.PowerLawRF(0.9, 0.5, 60, 50)
    assert sv.regime(model, width=60.0, samples=80.0).name == "nothing"
    assert sv.regime(model, width=40.0, samples=80.0).name == "width, resolution-limited"


def test_an_infinite_resource_has_exponent_zero():
    point = sv.regime(sv.PowerLawRF(1.0, 0.3, 100, 10_000))
    assert (float(point.samples_exponent), point.name) == (0.0, "width, resolution-limited")
    assert math.isfinite(point.width_exponent)
    point = sv.regime(sv.LinearRegression(1.0, 0.3, 10_000, samples=50))
    assert (float(point.width_exponent), point.name) == (0.0, "samples, resolution-limited")


def test_a_map_holds_its_points_and_mirrors():
    """Isotropic and without noise the map is its transpose with the resources exchanged."""
    sizes = np.geomspace(20, 2e4, 7) * 1.01
    grid = names(MODEL, width=sizes[:, None], samples=sizes * 1.3)
    mirror = names(MODEL, width=sizes * 1.3, samples=sizes[:, None])
    exchange = {"width": "samples", "samples": "width"}
    for a, b in zip(grid.reshape(-1), mirror.reshape(-1), strict=True):
        resource, kind = str(a).split(", ")
        assert str(b) == f"{exchange[resource]}, {kind}"
    assert grid[2, 4] == sv.regime(MODEL, width=sizes[2], samples=sizes[4] * 1.3).name
    assert set(grid.reshape(-1)) == set(REGIMES[:4])


def test_under_float32_flags_codes_are_the_same():
    arguments = {"width": np.array([10.0, 1e3]), "samples": 100.0}
    before = sv.regime(MODEL, **arguments)
    with jax.enable_x64(True):
        np.testing.assert_array_equal(sv.regime(MODEL, **arguments).code, before.code)
    assert before.risk.dtype == np.float64
