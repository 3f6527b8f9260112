"""Random features over any population: power laws, lists, bends and cuts are one mechanism."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import solvable as sv
from solvable.models import PowerTail
from solvable.numerics.listed_inputs import listed_inputs
from solvable.numerics.merged_modes import ALONE, merge

KEY = jax.random.key(0)
STEPS = [0, 10, 1000, 10**6]
WIDTH = 64


def law(alpha, beta, count):
    j = np.arange(1.0, count + 1)
    return j ** (-2 * alpha), j ** (-2 * alpha - 2 * beta)


def close(a, b, rtol):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=rtol)


# ---- the power law is a special case: the same nodes, whatever the inputs are called


def same_spectrum(found, known, scale=1.0):
    """Of a law whose eigenvalues are ``scale`` times those of the other."""
    close(found.eigvals, scale * known.eigvals, 1e-9)
    close(found.mass, known.mass, 1e-9)
    close(found.error, known.error / scale, 1e-9)
    close(found.floor, known.floor, 1e-10)
    close(found.edge, scale * known.edge, 1e-10)
    np.testing.assert_allclose(found.spread, scale * known.spread, atol=1e-9 * scale)


def test_a_short_list_is_the_power_law_it_was_made_from():
    eigvals, power = law(0.75, 0.25, 256)
    model = sv.RandomFeatures(3 * eigvals, power, (), width=WIDTH, noise=0.1)
    same_spectrum(model.spectrum(), sv.PowerLawRF(0.75, 0.25, WIDTH, 256, noise=0.1).spectrum(), 3.0)


def test_a_long_list_that_bends_by_nothing_twice_is_straight():
    """More than 1024 modes are merged, and the stretches are sums by their ends."""
    tails = PowerTail(0.75, 0.25, 5000), PowerTail(0.75, 0.25)
    model = sv.RandomFeatures(*law(0.75, 0.25, 2000), tails, width=WIDTH, noise=0.1)
    assert model.merged is not None
    same_spectrum(model.spectrum(), sv.PowerLawRF(0.75, 0.25, WIDTH, np.inf, noise=0.1).spectrum())


CASES = {
    "short list": ((), 256, 256), "long list": ((), 10_000, 10_000),
    "list and tail": (PowerTail(0.6, 0.5), 3000, np.inf),
    "bend below the head": ([PowerTail(0.6, 0.5, 20), PowerTail(0.6, 0.5, 256)], 1, 256),
    "bends": ([PowerTail(0.6, 0.5, 5), PowerTail(0.6, 0.5, 200), PowerTail(0.6, 0.5)], 1, np.inf),
    "bend and cut": ([PowerTail(0.6, 0.5, 300), PowerTail(0.6, 0.5, 5000)], 1, 5000),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_risk_stability_floor_and_support_are_those_of_the_power_law(name):
    tails, listed, count = CASES[name]
    model = sv.PowerLawRF(0.6, 0.5, WIDTH, count, noise=0.1)
    other = sv.RandomFeatures(*law(0.6, 0.5, listed), tails, width=WIDTH, noise=0.1)
    close(other.trace(), model.trace(), 1e-12)
    close(other.floor(), model.floor(), 1e-11)
    close(other.support(), model.support(), 1e-10)
    sgd = sv.SGD(0.2 / model.trace(), 2)
    close(*(sv.solve(m, sgd, sv.Recursion(), STEPS).risk for m in (other, model)), 1e-9)
    found, known = (sv.stability(m, sgd) for m in (other, model))
    close(found.kernel_norm, known.kernel_norm, 1e-9)
    close(found.critical_learning_rate, known.critical_learning_rate, 1e-9)


@pytest.mark.slow
def test_frontier_of_a_list_with_a_tail():
    build, compute = lambda m: sv.SGD(0.5 / m.trace()), [1e5, 1e8]
    known = sv.compute_frontier(sv.PowerLawRF(0.75, 0.25, WIDTH, np.inf), build, compute)
    found = sv.compute_frontier(sv.RandomFeatures(*law(0.75, 0.25, 2000), PowerTail(0.75, 0.25)), build, compute)
    for name in ("risk", "width", "loss_exponent", "width_exponent"):
        close(getattr(found, name), getattr(known, name), 1e-9)
    assert found.interior.all()


@pytest.mark.slow
def test_ridge_and_descent_on_finite_data():
    for model, other in (
        (sv.PowerLawRF(0.75, 0.25, 40, np.inf, samples=60, noise=0.1),
         sv.RandomFeatures.bent([0.75] * 2, [0.25] * 2, 300, width=40, samples=60, noise=0.1)),
        (sv.PowerLawRF(0.75, 0.25, 40, 3000, samples=60, noise=0.1),
         sv.RandomFeatures(*law(0.75, 0.25, 3000), (), width=40, samples=60, noise=0.1)),
    ):  # fmt: skip
        close(*(sv.solve(m, sv.Ridge(1e-3), sv.DeterministicEquivalent()).risk for m in (other, model)), 1e-10)
        close(*(sv.solve(m, sv.SGD(0.1, None), sv.DMFT(), [0, 10, 1000]).risk for m in (other, model)), 1e-9)


@pytest.mark.parametrize("count", [300, pytest.param(np.inf, marks=pytest.mark.slow)])
def test_draws_are_those_of_the_power_law(count):
    other = sv.RandomFeatures.bent([0.75] * 2, [0.25] * 2, 150, until=count, width=16)
    a, b = (m.draw(KEY) for m in (other, sv.PowerLawRF(0.75, 0.25, 16, count)))
    close(a.eigvals, b.eigvals, 1e-10)
    close(a.target, b.target, 1e-7)
    close(a.floor, b.floor, 1e-10)
    if np.isfinite(count):
        close(a.ambient_draw().features(), b.ambient_draw().features(), 1e-12)


# ---- the sums themselves


def test_sums_over_merged_modes_are_plain_sums():
    """An irregular spectrum, seen from 0.2 off the negative axis, where the contours go."""
    rng = np.random.default_rng(0)
    eigvals = np.sort(np.exp(-rng.gamma(4.0, 1.5, 5000)))[::-1]
    power = rng.random(5000) * eigvals * (np.arange(5000) % 3 > 0)
    merged = merge(eigvals, power)
    assert len(merged.eigvals) < 900
    w = np.geomspace(1e-6, 3.0, 40) * np.exp(1j * (np.pi - 0.2))
    with jax.enable_x64(True):
        found = listed_inputs(eigvals, power, [], merged).all_sums(jnp.asarray(w))
    relative, x = eigvals / eigvals[0], w[:, None]
    share = relative / (relative + x)
    plain = share.sum(-1), -(share * (1 - share)).sum(-1), (power / (relative + x)).sum(-1)
    # Up to the eigenvalues that stand alone: beyond them nothing is merged.
    for a, b in zip(found, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * np.abs(b).max() * (relative[ALONE] < 1))


def test_sums_over_a_bent_and_cut_law_are_plain_sums():
    """The four sums of theories, the nodes of finite data, and the modes and moments of draws."""
    tails = PowerTail(0.4, 0.3, 50), PowerTail(1.2, -0.5, 700), PowerTail(0.3, 0.9, 4000)
    eigvals, power = np.array([2.0, 2.0, 1.5]), np.array([0.3, 0.1, 0.2])
    model = sv.RandomFeatures(eigvals, power, tails, width=20)
    for tail, (start, stop) in zip(tails, ((3, 50), (50, 700), (700, 4000)), strict=True):
        x, a, b = np.arange(start + 1.0, stop + 1) / start, float(tail.alpha), float(tail.beta)
        eigvals = np.append(eigvals, eigvals[-1] * x ** (-2 * a))
        power = np.append(power, power[-1] * x ** (-2 * a - 2 * b))
    w = np.geomspace(1e-5, 1.0, 30) * np.exp(1j * np.linspace(0, np.pi - 0.3, 30))
    share = eigvals / (eigvals + 2 * w[:, None])
    plain = share.sum(-1), -(share * (1 - share)).sum(-1), (2 * power / (eigvals + 2 * w[:, None])).sum(-1)
    read = jax.jit(lambda x, w: (x.all_sums(w), x.moments(), x.nodes(), x.coordinates(1000), x.beyond(60)))
    with jax.enable_x64(True):
        sums, moments, nodes, first, rest = jax.tree.map(np.asarray, read(model.inputs(), jnp.asarray(w)))
    for found, expected in zip(sums, plain, strict=True):
        close(found, expected, 1e-10)
    close(moments, ((eigvals / 2).sum(), (eigvals**2 / 4).sum()), 1e-12)
    places, mass, shares = nodes
    close(mass.sum(), 4000, 1e-12)
    for kappa in (1e-3, 1e-3j, 0.1 + 0.1j):
        close((mass * places / (places + kappa)).sum(), (eigvals / (eigvals + kappa)).sum(), 1e-10)
        close((shares / (places + kappa)).sum(), (power / (eigvals + kappa)).sum(), 1e-10)
    for found, expected in zip(first, (eigvals, power), strict=True):
        close(found, np.sqrt(expected[:1000]), 1e-12)
    a, b = eigvals[60:], power[60:]
    close(rest, (a.sum(), (a**2).sum(), a @ b, b.sum()), 1e-10)


# ---- theory is simulation, given the draw and on average over draws

BENT = sv.RandomFeatures.bent((0.4, 1.2), (0.3, 0.2), 24, until=200, width=32, noise=0.1)


@pytest.mark.slow
def test_theory_is_simulation_on_a_draw_of_a_bent_law():
    sgd, steps = sv.SGD(0.08, 2), [0, 10, 100, 400]
    check = sv.check(BENT.draw(KEY), sgd, sv.Recursion(), steps, key=KEY, simulation=sv.Simulation(2000))
    check.assert_close(z=4.5)
    assert check.relative_error[1:].max() < 0.02


@pytest.mark.slow
def test_the_typical_draw_of_a_bent_law_is_the_mean_over_draws():
    sgd, steps = sv.SGD(0.08, 2), [10, 100, 1000, 10**5]
    risks = [sv.solve(BENT.draw(jax.random.fold_in(KEY, i)), sgd, sv.Recursion(), steps).risk for i in range(200)]
    mean, stderr = np.mean(risks, 0), np.std(risks, 0) / 200**0.5
    typical = np.asarray(sv.solve(BENT, sgd, sv.Recursion(), steps).risk)
    assert (stderr < 0.05 * mean / 3).all()
    np.testing.assert_allclose(mean, typical, rtol=0.05)
    # The straight law of the same number of modes is another one.
    straight = sv.solve(sv.PowerLawRF(0.4, 0.3, 32, 200, noise=0.1), sgd, sv.Recursion(), steps).risk
    assert np.abs(straight / typical - 1).max() > 0.3


@pytest.mark.slow
def test_a_law_without_end_is_drawn_by_its_moments():
    """The mean floor of draws, whose modes beyond 16 a feature enter by their moments, is that of the typical draw."""
    model = sv.RandomFeatures.bent((0.6, 0.9), (0.3, 0.4), 2000, width=24)
    floors = [float(model.draw(jax.random.fold_in(KEY, i)).floor) for i in range(60)]
    assert np.std(floors) / np.sqrt(60) < 0.02 * np.mean(floors) / 3 * 1.5
    assert np.mean(floors) == pytest.approx(float(model.floor()), rel=0.03)


# ---- frontiers


@pytest.mark.slow
def test_the_exponent_of_a_bent_frontier_goes_from_one_phase_to_the_other():
    model = sv.RandomFeatures.bent((0.75, 1.2), (0.25, 0.25), 10**6)
    found = sv.compute_frontier(model, lambda m: sv.SGD(0.5 / m.trace()), [1e8, 1e10, 1e26, 1e30])
    before, after = sv.phase(0.75, 0.25).loss_exponent, sv.phase(1.2, 0.25).loss_exponent
    np.testing.assert_allclose(found.loss_exponent[:2], before, atol=0.01)
    np.testing.assert_allclose(found.loss_exponent[2:], after, atol=0.01)


@pytest.mark.slow
def test_the_frontier_of_a_list_ends_at_its_number_of_modes():
    eigvals, power = law(0.75, 0.25, 500)
    found = sv.compute_frontier(sv.RandomFeatures(eigvals, power, ()), lambda m: sv.SGD(0.5 / m.trace()), [1e5, 1e9])
    assert found.interior[0]
    assert (found.width <= 500).all()
    # No whole number of steps is better at any width.
    model = sv.RandomFeatures(eigvals, power, ())
    for factor in (0.6, 0.9, 1.1, 1.6):
        width = float(found.width[0]) * factor
        other = sv.solve(model.at_width(width), sv.SGD(0.5 / model.trace()), sv.Recursion(), [round(1e5 / width)])
        assert other.risk[0] > found.risk[0] * (1 + 1e-4)


# ---- measured spectra


def test_a_measured_spectrum_is_continued_by_its_own_law():
    eigvals, power = law(0.7, 0.4, 4000)
    problem = sv.LinearProblem(eigvals[:1000], np.sqrt(power / eigvals)[:1000], floor=0.04)
    model = sv.fits.measured_features(problem, between=(5, 400), keep=100, width=WIDTH)
    assert len(model.eigvals) == 100
    assert float(model.tails[0].alpha) == pytest.approx(0.7, abs=1e-6)
    # The sums of a finite list fall off towards its end, which the fit of the target sees.
    assert float(model.tails[0].beta) == pytest.approx(0.4, abs=0.1)
    assert float(model.noise) == pytest.approx(0.2)
    known = sv.PowerLawRF(0.7, 0.4, WIDTH, np.inf, noise=0.2)
    close(model.trace(), known.trace(), 1e-2)


# ---- arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 2.0], [1.0, 1.0]), "eigvals: wanted .* decreasing order; got 2 after 1 at index 1"),
        (([1.0, -1.0], [1.0, 1.0]), "eigvals: wanted .*; got -1.0 at index 1"),
        (([1.0, np.nan], [1.0, 1.0]), "eigvals: wanted .*; got nan at index 1"),
        (([1.0, 0.0], [1.0, 1.0]), "eigvals: wanted .*> 0"),
        (([1.0, 0.5], [1.0]), "target_power: wanted .*as many as eigenvalues, 2; got 1"),
        (([1.0, 0.5], [1.0, -1.0]), "target_power: wanted .*>= 0"),
        (([1.0, 0.5], [0.0, 0.0]), "target_power: wanted .*not all 0"),
        (([], []), "eigvals: wanted"),
        (([1.0], [1.0], ()), "eigvals: wanted two modes or more"),
        (([1.0, 0.5], [1.0, 1.0], 3), "tails: wanted a sequence of PowerTail; got 3"),
        (([1.0, 0.5, 0.2], [1.0] * 3, PowerTail(until=2)), "tails: wanted each to end after index 3; got until = 2"),
        (([1.0, 0.5], [1.0, 1.0], PowerTail(eigval=2.0)), "eigval: wanted a tail that begins below"),
    ],
)
def test_impossible_populations_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        sv.RandomFeatures(*arguments, width=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alpha": 0.5}, "alpha: wanted alpha > 1/2"),
        ({"alpha": 0.8, "beta": -0.4}, "alpha \\+ beta: wanted > 1/2"),
        ({"alpha": -1.0, "until": 9}, "alpha: wanted"),
        ({"until": 2.5}, "until: wanted an index"),
        ({"until": True}, "until: wanted an index"),
        ({"power": -1.0}, "power: wanted"),
    ],
)
def test_tails_that_do_not_decay_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        PowerTail(**arguments)


def test_more_features_than_modes_are_refused_by_one_pass_theories_and_drawn():
    model = sv.RandomFeatures(*law(0.7, 0.4, 8), (), width=12)
    with pytest.raises(ValueError, match=r"width: wanted at most the number of modes, 8, for spectrum.*; got 12"):
        sv.solve(model, sv.SGD(0.1, 1), sv.Recursion(), [1])
    assert (np.asarray(model.draw(KEY).eigvals)[8:] == 0).all()
    with pytest.raises(ValueError, match="alpha, beta: wanted 2 exponents each"):
        sv.RandomFeatures.bent([1.0], [1.0, 1.0], 5)
    with pytest.raises(ValueError, match="model: wanted a law with 4 inputs or more"):
        sv.compute_frontier(sv.RandomFeatures([1.0, 0.5], [1.0, 1.0], (), width=2), sv.SGD(0.1), [1e4])


# ---- as every other model: sweeps, transformations


@pytest.mark.slow
def test_a_sweep_over_widths_is_the_loop():
    eigvals, power = law(0.7, 0.4, 60)
    build = lambda width: (sv.RandomFeatures(eigvals, power, (), width=width), sv.SGD(0.1, 1))  # noqa: E731
    swept = sv.sweep(build, axes=dict(width=[8, 16]), method=sv.Recursion(), steps=[0, 5, 50])
    for width in (8, 16):
        loop = sv.solve(*build(width), sv.Recursion(), [0, 5, 50]).risk
        close(swept.risk.sel(width=width), loop, 1e-12)


@pytest.mark.slow
def test_widths_and_spectra_can_be_mapped_and_differentiated():
    eigvals, power = (jnp.asarray(x) for x in law(0.7, 0.4, 60))

    def risk(width, first):
        model = sv.RandomFeatures(eigvals.at[0].set(first), power, (), width=width)
        return sv.solve(model, sv.SGD(0.1, 1), sv.Recursion(), [50]).risk[0]

    with jax.enable_x64(True):
        widths = jnp.array([8.0, 16.5])
        close(jax.vmap(risk, (0, None))(widths, 1.0), [risk(w, 1.0) for w in (8.0, 16.5)], 1e-10)
        slope = jax.grad(risk, 1)(8.0, 1.2)
        quotient = (risk(8.0, 1.2 + 1e-5) - risk(8.0, 1.2 - 1e-5)) / 2e-5
    assert float(slope) == pytest.approx(float(quotient), rel=1e-5)


@pytest.mark.slow
def test_derivatives_in_a_long_list_are_those_of_the_list_and_another_list_in_its_place_is_noticed():
    eigvals, power = law(0.7, 0.4, 1500)
    model = sv.RandomFeatures(eigvals, power, (), width=8)
    risk = lambda m: sv.solve(m, sv.SGD(0.1, 1), sv.Recursion(), [50]).risk[0]  # noqa: E731
    with jax.enable_x64(True):
        slope = jax.grad(lambda e: risk(eqx.tree_at(lambda m: m.eigvals, model, e)))(jnp.asarray(eigvals))
        for i in (1, 1000):
            step = 1e-4 * eigvals[i]
            moved = (eigvals + s * step * (np.arange(1500) == i) for s in (1, -1))
            ends = [risk(sv.RandomFeatures(e, power, (), width=8)) for e in moved]
            assert float(slope[i]) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4)
        other = jnp.asarray(eigvals**1.1)
        found = risk(eqx.tree_at(lambda m: m.eigvals, model, other))
    assert np.isnan(found) or found == pytest.approx(risk(sv.RandomFeatures(other, power, (), width=8)), rel=1e-9)


def test_cited():
    assert "paquette2024" in sv.cite(sv.RandomFeatures())
