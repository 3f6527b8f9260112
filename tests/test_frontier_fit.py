"""On a surface A width^-a + B steps^-b the compute-optimal frontier is known in closed form."""

import jax
import numpy as np
import pytest

from solvable.fits.measured_frontier import measure_frontier

A, B = 3.0, 2.0
WIDTH = 2.0 ** np.arange(4, 14)
STEPS = np.unique(np.round(np.geomspace(1, 1e6, 200)))
APPROACHES = ["envelope", "isoflop"]


def surface(a, b, width=WIDTH, steps=STEPS):
    return A * width[:, None] ** -a + B * steps**-b


def optimum(a, b, compute):
    """Risk and width that minimise A width^-a + B (compute/width)^-b."""
    width = (a * A / (b * B) * compute**b) ** (1 / (a + b))
    return A * width**-a + B * (compute / width) ** -b, width


def noisy(a, b, runs, size, seed):
    """Runs whose log risk wanders along the steps, so that points of one run are correlated."""
    normals = np.random.default_rng(seed).standard_normal((len(WIDTH), runs, len(STEPS)))
    return surface(a, b)[:, None] * np.exp(size * normals.cumsum(axis=-1) / np.sqrt(len(STEPS)))


@pytest.mark.parametrize("approach", APPROACHES)
@pytest.mark.parametrize(("a", "b"), [(0.6, 0.9), (0.5, 0.5), (1.2, 0.7)])
def test_both_exponents_and_the_optimum_are_recovered(a, b, approach):
    frontier = measure_frontier(WIDTH, STEPS, surface(a, b), approach=approach)
    fit = frontier.fit()
    tolerance = (
        0.005 if approach == "envelope" else 0.012
    )  # a wide parabola is biased on a surface with a skew
    assert float(fit.loss_exponent) == pytest.approx(a * b / (a + b), abs=tolerance)
    assert float(fit.width_exponent) == pytest.approx(b / (a + b), abs=2 * tolerance)
    inside = frontier.interior
    assert inside.sum() >= 10
    risk, width = optimum(a, b, frontier.compute)
    np.testing.assert_allclose(frontier.risk[inside], risk[inside], rtol=0.08)
    np.testing.assert_allclose(frontier.width[inside], width[inside], rtol=0.25)
    assert np.isnan(fit.loss_exponent.stderr)  # no runs, no errors


def test_the_envelope_converges_to_the_exact_optimum_as_widths_are_added():
    errors = []
    for ratio in (4.0, 2.0, np.sqrt(2.0)):
        width = ratio ** np.arange(np.log(16) / np.log(ratio), 1 + np.log(8192) / np.log(ratio))
        steps = np.geomspace(1, 1e6, 2000)
        frontier = measure_frontier(width, steps, surface(0.6, 0.9, width, steps), compute=[1e3, 1e4, 1e5])
        risk, best = optimum(0.6, 0.9, frontier.compute)
        assert frontier.interior.all()
        errors.append(
            [np.abs(np.log(frontier.risk / risk)).max(), np.abs(np.log(frontier.width / best)).max()]
        )
    (far, middle, near) = np.array(errors)
    assert (middle < far / 3).all()
    assert (near < middle / 2).all()
    assert near[0] < 1e-3
    assert near[1] < 0.02


@pytest.mark.parametrize("approach", APPROACHES)
def test_local_exponents_are_the_derivatives_along_the_frontier(approach):
    frontier = measure_frontier(WIDTH, STEPS, surface(0.6, 0.9), approach=approach)
    eta, xi = (values[frontier.interior] for values in (frontier.loss_exponent, frontier.width_exponent))
    assert np.abs(eta[3:-3] - 0.36).max() < 0.01
    assert np.abs(xi[3:-3] - 0.6).max() < 0.06
    assert np.isnan(frontier.loss_exponent[~frontier.interior]).all()


def test_batch_size_rescales_compute_and_nothing_else():
    one, eight = (measure_frontier(WIDTH, STEPS, surface(0.6, 0.9), batch_size=size) for size in (1, 8))
    np.testing.assert_allclose(eight.compute, 8 * one.compute, rtol=1e-12)
    np.testing.assert_allclose(eight.risk, one.risk, rtol=1e-9)
    np.testing.assert_allclose(eight.width, one.width, rtol=1e-9)


def test_the_optimum_at_an_edge_is_marked():
    # In the default surface the best width grows with compute; few small widths cannot follow it.
    narrow = measure_frontier(WIDTH[:4], STEPS, surface(0.6, 0.9)[:4], compute=np.geomspace(1e2, 1e7, 30))
    _, best = optimum(0.6, 0.9, narrow.compute)
    assert not narrow.interior[best > 1.5 * WIDTH[3]].any()
    assert narrow.interior[(best > 1.5 * WIDTH[0]) & (best < WIDTH[3] / 1.5)].all()
    assert (narrow.width <= WIDTH[3]).all()
    wide = measure_frontier(WIDTH[6:], STEPS, surface(0.6, 0.9)[6:], compute=np.geomspace(1e4, 1e7, 30))
    _, best = optimum(0.6, 0.9, wide.compute)
    assert not wide.interior[best < WIDTH[6] / 1.5].any()


def test_an_optimum_beyond_the_last_step_is_marked():
    short = STEPS[STEPS <= 30]
    frontier = measure_frontier(WIDTH, short, surface(0.6, 0.9)[:, : len(short)])
    _, best = optimum(0.6, 0.9, frontier.compute)
    needed = frontier.compute / best
    assert (needed > 60).any()
    assert not frontier.interior[needed > 60].any()
    assert frontier.interior[needed < 15].any()


def test_step_zero_costs_nothing_and_is_left_out():
    risk = surface(0.6, 0.9)
    with_zero = measure_frontier(
        WIDTH, np.append(0, STEPS), np.column_stack([np.full(len(WIDTH), 99.0), risk])
    )
    without = measure_frontier(WIDTH, STEPS, risk)
    np.testing.assert_array_equal(with_zero.risk, without.risk)


@pytest.mark.parametrize("approach", APPROACHES)
def test_bootstrap_errors_are_the_spread_over_repeated_experiments(approach):
    values, errors = [], []
    for seed in range(24):
        frontier = measure_frontier(
            WIDTH,
            STEPS,
            noisy(0.6, 0.9, 8, 0.1, seed),
            approach=approach,
            num_samples=60,
            key=jax.random.key(seed),
        )
        fit = frontier.fit()
        values.append([float(fit.loss_exponent), float(fit.width_exponent)])
        errors.append([fit.loss_exponent.stderr, fit.width_exponent.stderr])
    spread, claimed = np.std(values, axis=0, ddof=1), np.mean(errors, axis=0)
    # 24 experiments measure a spread to 15%. Those of the width lean to the safe side.
    assert (claimed > 0.6 * spread).all(), (claimed, spread)
    assert (claimed < [1.7, 3.0] * spread).all(), (claimed, spread)
    assert np.mean(values, axis=0) == pytest.approx([0.36, 0.6], abs=0.012)


def test_two_runs_resampled_spread_as_wide_as_the_standard_error_of_their_mean():
    """Every run is off by a factor exp(s z), so log risk is known to s / sqrt(2) from two runs.

    A plain bootstrap of R runs is too narrow by sqrt((R - 1) / R), 0.71 for two.
    """
    steps, size, found = np.geomspace(1, 1e6, 40), 0.01, []
    for seed in range(60):
        factor = np.exp(size * np.random.default_rng(seed).standard_normal((1, 2, 1)))
        frontier = measure_frontier(
            WIDTH, steps, surface(0.6, 0.9, WIDTH, steps)[:, None] * factor,
            compute=[1e4], num_samples=60, key=jax.random.key(seed),
        )  # fmt: skip
        found.append(float(frontier.risk_stderr[0] / frontier.risk[0]))
    assert np.sqrt(np.mean(np.square(found))) == pytest.approx(size / np.sqrt(2), rel=0.15)


def test_the_same_key_gives_the_same_errors_and_another_key_others():
    risk = noisy(0.6, 0.9, 4, 0.1, 0)
    one, same, other = (
        measure_frontier(WIDTH, STEPS, risk, num_samples=20, key=jax.random.key(k)) for k in (0, 0, 1)
    )
    np.testing.assert_array_equal(one.risk_stderr, same.risk_stderr)
    assert (one.risk_stderr != other.risk_stderr).any()
    assert one.log_risk_samples.shape == (20, one.compute.size)
    np.testing.assert_array_equal(one.risk, other.risk)  # the estimate itself is the mean over runs


def test_a_window_of_compute_selects_the_points_of_the_fit():
    frontier = measure_frontier(WIDTH, STEPS, surface(0.6, 0.9))
    fit = frontier.fit(1e4, 1e5)
    assert 1e4 <= fit.window[0] < fit.window[1] <= 1e5
    assert fit.num_points == (frontier.interior & (frontier.compute >= 1e4) & (frontier.compute <= 1e5)).sum()


GOOD = {"width": WIDTH, "steps": STEPS, "risk": surface(0.6, 0.9)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": WIDTH[:2], "risk": GOOD["risk"][:2]}, "width: wanted 3 or more increasing"),
        ({"width": WIDTH[::-1]}, "width: wanted 3 or more increasing"),
        ({"steps": STEPS[::-1]}, "steps: wanted 2 or more increasing"),
        ({"steps": STEPS - 5}, "steps"),
        ({"risk": GOOD["risk"].T}, r"risk: wanted shape \(10, \d+\) or \(10, runs, \d+\)"),
        ({"risk": np.where(WIDTH[:, None] == 64, np.nan, GOOD["risk"])}, "risk: wanted finite .*; got nan at index"),
        ({"risk": -GOOD["risk"]}, "risk: wanted finite values > 0"),
        ({"risk": noisy(0.6, 0.9, 3, 0.1, 0)}, "key: wanted a key"),
        ({"approach": "parabola"}, "approach.*'parabola'"),
        ({"batch_size": 0}, "batch_size"),
        ({"span": 1.0}, "span"),
        ({"compute": [1e30]}, "compute: wanted values that a curve reaches"),
        ({"compute": [1e4, 1e3]}, "compute: wanted increasing"),
        ({"steps": [1, 1.5], "risk": GOOD["risk"][:, :2]}, "steps: wanted curves of which three overlap"),
    ],
)
def test_bad_arguments_are_refused_by_name(change, message):
    with pytest.raises(ValueError, match=message):
        measure_frontier(**{**GOOD, **change})


def test_a_window_without_enough_points_is_refused():
    frontier = measure_frontier(**GOOD)
    with pytest.raises(ValueError, match=r"wanted 3 or more interior points.*got 0"):
        frontier.fit(1e20)
    with pytest.raises(ValueError, match="confidence"):
        frontier.fit(confidence=2)
