"""The typical risk of ridge regression on finite data: closed forms, limits, exact statements and plain simulation."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

import solvable as sv
from solvable.forms import Population
from solvable.numerics.effective_ridge import locate, polish, positive_root, prepare
from solvable.theory.optimal_penalty import optimal
from solvable.theory.ridge_equations import ridge_risk
from solvable.theory.two_point import one_point, pair

KEY = jax.random.key(0)
PARTS = ("bias", "features", "inputs", "features_inputs", "noise", "noise_features", "label")


def population(eigvals, power, width, samples, noise=0.0):
    return Population(eigvals, np.ones(len(eigvals)), power, *(np.asarray(float(x)) for x in (width, samples, noise)))


def parts_of(*arguments, penalty=0.0):
    with jax.enable_x64(True):
        return jax.tree.map(np.asarray, ridge_risk(population(*arguments), jnp.asarray(float(penalty))))


def typical(model, penalty=0.0):
    """The typical risk; of a stream, that of endlessly many data, which only the map gives."""
    if model.samples is None:
        return float(sv.ridge_map(model, penalty=penalty).risk)
    return float(sv.solve(model, sv.Ridge(penalty), sv.DeterministicEquivalent()).risk[0])


# Three printed closed forms of the same quantity, from a root found by SciPy.

J = np.arange(1.0, 401)
CASES = [  # width, samples, penalty, noise
    (40, 100, 0.0, 0.0),
    (100, 40, 0.0, 0.3),
    (40, 100, 1e-3, 0.05),
    (100, 40, 1e-4, 0.05),
    (70, 70, 1e-5, 0.1),
    (40, 100, 1e-8, 0.2),
    (500, 450, 1e-3, 0.1),
    (500, 60, 0.0, 0.1),
]


def root(eigvals, width, samples, penalty):
    z = lambda x: (eigvals / (eigvals + np.exp(x))).sum()  # noqa: E731
    least = min(width, samples)
    start = brentq(lambda x: z(x) - least, -60, 10, xtol=1e-14) if least < len(eigvals) else -60.0
    if penalty:
        gap = lambda x: np.exp(x) * (1 - z(x) / width) * (1 - z(x) / samples) - penalty  # noqa: E731
        start = brentq(gap, start, 20, xtol=1e-14)
    kappa = np.exp(start)
    return kappa, *((eigvals / (eigvals + kappa)) ** i for i in (1, 2, 3))


@pytest.mark.parametrize(("width", "samples", "penalty", "noise"), CASES)
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.0), (0.7, 0.5)])
def test_any_target(alpha, beta, width, samples, penalty, noise):
    """The form of Simon et al. (with features), which cancels where this one adds."""
    eigvals, power = J ** (-2 * alpha), J ** (-2 * alpha - 2 * beta)
    k, share, square, _ = root(eigvals, width, samples, penalty)
    z, q = share.sum(), square.sum()
    left = k / (eigvals + k) - k * eigvals / (eigvals + k) ** 2 * (width - z) / (width - q)
    risk = (left @ power + noise**2) / (1 - (q * (width - 2 * z) + z**2) / (samples * (width - q)))
    parts = parts_of(eigvals, power, width, samples, noise, penalty=penalty)
    assert parts.risk == pytest.approx(risk, rel=1e-11)
    assert parts.effective_ridge == pytest.approx(k, rel=1e-12)
    train = (1 - z / samples) ** 2 * risk
    assert parts.train_risk == pytest.approx(0.0 if samples < width and penalty == 0 else train, rel=1e-6, abs=1e-18)


@pytest.mark.parametrize(("width", "samples", "penalty", "noise"), [c for c in CASES if c[2] > 0])
def test_bias_and_variance_of_defilippis(width, samples, penalty, noise):
    """arXiv 2405.15699: nu2 = kappa, nu1 = nu2 (1 - z/p), Y, chi; excess risk = bias + variance, to 1e-13."""
    eigvals, power = J**-1.6, J**-2.3
    nu2, share, square, _ = root(eigvals, width, samples, penalty)
    z, q = share.sum(), square.sum()
    nu1 = nu2 * (1 - z / width)
    ratio = nu1 / nu2
    y = width / samples * ((1 - ratio) ** 2 + ratio**2 * q / (width - q))
    chi = (eigvals / (eigvals + nu2) ** 2).sum() / (width - q)
    bias = nu2**2 / (1 - y) * (power @ (eigvals + nu2) ** -2.0 + chi * power @ (eigvals / (eigvals + nu2) ** 2))
    variance = noise**2 * y / (1 - y)
    parts = parts_of(eigvals, power, width, samples, noise, penalty=penalty)
    assert parts.bias + parts.features + parts.inputs + parts.features_inputs == pytest.approx(bias, rel=1e-12)
    assert parts.noise + parts.noise_features == pytest.approx(variance, rel=1e-12)


@pytest.mark.parametrize(("width", "samples", "penalty", "noise"), [c for c in CASES if c[1] < 400])
def test_isotropic_target_without_noise_is_symmetric(width, samples, penalty, noise):
    """L = kappa w^2 N T (z - q) / (N T - q (N + T) + 2 q z - z^2), the same with width and samples exchanged."""
    eigvals = J**-2.0
    k, share, square, _ = root(eigvals, width, samples, penalty)
    z, q, n, t = share.sum(), square.sum(), width, samples
    risk = k * n * t * (z - q) / (n * t - q * (n + t) + 2 * q * z - z**2) if penalty else None
    ours = parts_of(eigvals, eigvals, width, samples, penalty=penalty).risk
    if risk is None:  # ridgeless: L = w^2 m kappa / (1 - m/M)
        least, most = min(n, t), max(n, t)
        risk = least * k / (1 - least / most)
    assert ours == pytest.approx(risk, rel=1e-11)
    assert ours == pytest.approx(parts_of(eigvals, eigvals, samples, width, penalty=penalty).risk, rel=1e-14)


def test_printed_numbers():
    """Maloney's model, alpha = 1, M = 400, target of variance 1/M."""
    for arguments, risk, kappa in (
        ((40, 100, 0.0, 0.0), 0.00022973620125729465, 0.001378417207543769),
        ((40, 100, 1e-3, 0.0025), 0.0032583156741198523, 0.003575755207991596),
        ((100, 40, 1e-4, 0.0025), 0.005907962788613983, 0.001685939041122436),
    ):
        width, samples, penalty, variance = arguments
        parts = parts_of(J**-2.0, J**-2.0 / 400, width, samples, math.sqrt(variance), penalty=penalty)
        assert parts.risk == pytest.approx(risk, rel=1e-12)
        assert parts.effective_ridge == pytest.approx(kappa, rel=1e-12)
    best = sv.optimal_penalty(sv.PowerLawRF(1.0, 0.0, 100, 200_000, samples=100))
    assert best.penalty == pytest.approx(0.00024658936040748274, rel=1e-6)
    assert best.effective_ridge == pytest.approx(0.000976766333040626, rel=1e-6)
    assert best.risk == pytest.approx(4.8603e-2, rel=1e-4)


# Limits.


@pytest.mark.parametrize("beta", [-0.2, 0.0, 0.8])
def test_infinitely_many_samples_leave_the_floor_of_one_pass_training(beta):
    """Computed there by power sums and another root finder."""
    for width, ambient in ((50, 200), (300, 10_000), (1000, math.inf)):
        model = sv.PowerLawRF(0.9, beta, width, ambient, noise=0.1)
        assert typical(model) == pytest.approx(float(model.floor()), rel=1e-11)
    assert typical(sv.LinearRegression(0.9, beta, 50, noise=0.1)) == pytest.approx(0.01, rel=1e-14)


def test_large_sizes_are_infinite_sizes_and_small_penalties_none():
    model = sv.PowerLawRF(0.8, 0.4, 60, 5000, noise=0.1)
    for penalty in (0.0, 1e-3):
        far = sv.ridge_map(model, width=1e13, samples=100.0, penalty=penalty)
        limit = sv.ridge_map(model, width=np.inf, samples=100.0, penalty=penalty)
        for name in ("risk", "train_risk", *PARTS):
            assert getattr(far, name) == pytest.approx(getattr(limit, name), rel=1e-9, abs=1e-11)
    for sizes in ((60, 100), (100, 60), (100, np.inf), (np.inf, 60)):
        width, samples = (float(x) for x in sizes)
        tiny = sv.ridge_map(model, width=width, samples=samples, penalty=1e-13).risk
        assert tiny == pytest.approx(sv.ridge_map(model, width=width, samples=samples).risk, rel=1e-8)


def test_all_sizes_infinite_is_ridge_on_the_population():
    model = sv.LinearRegression(0.8, 0.4, 300, noise=0.1)
    j = np.arange(1.0, 301)
    expected = ((0.01 / (j**-1.6 + 0.01)) ** 2 * j**-2.4).sum() + 0.01
    assert typical(model, 0.01) == pytest.approx(expected, rel=1e-12)


def test_equal_sizes_without_a_penalty_diverge_as_data():
    model = sv.PowerLawRF(1.0, 0.3, 50, 500, samples=50)
    curve = sv.solve(model, sv.Ridge(0.0), sv.DeterministicEquivalent())
    assert (np.isinf(curve.risk[0]), int(curve.result)) == (True, sv.Result.DIVERGENT)
    assert curve.train_risk[0] == 0
    with pytest.raises(RuntimeError, match="diverges"):
        sv.solve(model, sv.Ridge(0.0), sv.DeterministicEquivalent(), throw=True)
    assert typical(model, 1e-6) < 1
    # beside the peak the risk is the inverse distance to it, from both sides
    near = sv.ridge_map(model, width=50.0, samples=np.array([49.99, 50.01])).risk
    far = sv.ridge_map(model, width=50.0, samples=np.array([49.9, 50.1])).risk
    np.testing.assert_allclose(near / far, 10, rtol=0.05)


def test_when_the_latent_spectrum_ends():
    """More features and samples than inputs: nothing is left to learn, and T samples fit M modes of noise."""
    quiet = sv.PowerLawRF(1.0, 0.3, 60, 50, samples=80)
    assert typical(quiet) == 0
    noisy = sv.PowerLawRF(1.0, 0.3, 60, 50, noise=0.2, samples=80)
    assert typical(noisy) == pytest.approx(0.04 * 80 / (80 - 50), rel=1e-12)
    # the plateau of the width at fixed samples, which ends the power law
    risks = sv.ridge_map(noisy, width=np.array([50.0, 51.0, 1e3, np.inf])).risk
    np.testing.assert_allclose(risks, risks[0], rtol=1e-12)
    assert np.isinf(sv.ridge_map(noisy, samples=50.0).risk)
    assert sv.ridge_map(quiet, samples=50.0).risk == 0
    # samples below the number of inputs still limit
    assert sv.ridge_map(quiet, samples=40.0).risk > 1e-5


# The parts of the risk.


def test_parts_sum_to_the_risk_and_vanish_with_what_they_vary():
    model = sv.PowerLawRF(0.8, 0.4, 60, 5000, noise=0.1)
    sizes = np.array([10.0, 100.0, 1e4, np.inf])
    for penalty in (0.0, 1e-4, "optimal"):
        parts = sv.ridge_map(model, width=sizes[:, None], samples=sizes * 1.5, penalty=penalty)
        total = sum(getattr(parts, name) for name in PARTS)
        np.testing.assert_allclose(total, parts.risk, rtol=1e-13)
        assert all((getattr(parts, name) >= 0).all() for name in PARTS)
        for name in ("features", "features_inputs", "noise_features"):
            assert (getattr(parts, name)[-1] == 0).all()
        for name in ("inputs", "features_inputs", "noise", "noise_features"):
            assert (getattr(parts, name)[:, -1] == 0).all()


def test_modes_of_eigenvalue_zero_are_not_learned():
    """Twenty nonzero modes of forty, N = 30 and T = 25: all that there is to learn is learned, noise on 20 of 25."""
    eigvals, power = np.r_[J[:20] ** -2.0, np.zeros(20)], np.r_[J[:20] ** -2.5, np.zeros(20)]
    parts = parts_of(eigvals, power, 30, 25, 0.2)
    assert float(parts.effective_ridge) == 0
    assert parts.risk == pytest.approx(0.04 * 25 / (25 - 20), rel=1e-12)
    assert (float(parts.width_left), float(parts.samples_left)) == (pytest.approx(1 / 3), pytest.approx(0.2))
    for penalty in (0.0, 1e-3):  # too few samples: the zeros change nothing
        few, alone = (parts_of(x[:n], y[:n], 30, 15, 0.2, penalty=penalty) for x, y, n in
                      ((eigvals, power, 40), (eigvals, power, 20)))  # fmt: skip
        assert few.risk == pytest.approx(float(alone.risk), rel=1e-13)


def test_an_ensemble_of_ridge_keeps_what_it_cannot_average():
    """Infinitely many features: label + bias + inputs + noise, and that is the risk at infinite width, kappa given."""
    model = sv.PowerLawRF(0.8, 0.4, 60, 5000, noise=0.1, samples=90)
    parts = sv.theory.decompose(model, sv.Ridge(1e-3))
    p, kappa = model.population(), float(parts.effective_ridge)
    bias = p.power @ (kappa / (p.eigvals + kappa)) ** 2
    used = p.mass @ (p.eigvals / (p.eigvals + kappa)) ** 2 / 90
    assert parts.averaged(features=np.inf) == pytest.approx((bias + 0.01) / (1 - used), rel=1e-11)
    assert parts.averaged(features=np.inf, data=np.inf) == pytest.approx(bias + 0.01, rel=1e-11)
    three = parts.averaged(features=3, data=2)
    alone, bagged = parts.averaged(features=3), parts.averaged(features=3, data=np.inf)
    assert three == pytest.approx((float(alone) + float(bagged)) / 2, rel=1e-12)
    assert parts.averaged(data=np.inf) == pytest.approx(float(parts.label + parts.bias + parts.features), rel=1e-13)
    assert parts.averaged() == pytest.approx(float(parts.risk), rel=1e-13)
    with pytest.raises(ValueError, match="data: wanted a number of independent draws >= 1"):
        parts.averaged(data=0.5)


def two_point_overlap(nodes, noise, penalty, features, data):
    """C0 of two systems at one real penalty that share their features, their data, both or neither."""
    eigvals, mass, power, width, samples = nodes
    modes = prepare(eigvals, mass, width, samples)
    rho = jnp.asarray([penalty])
    start = positive_root(modes, rho[0])
    points = one_point(modes, power, polish(modes, rho, start[None]), start)
    return float(pair(modes, noise, points, points, features, data).c0[0, 0].real)


PAIRS = [(14.0, 9.0), (12.0, np.inf)]
MORE_PAIRS = [pytest.param(*p, marks=pytest.mark.slow) for p in ((9.0, 14.0), (40.0, 60.0), (np.inf, 12.0))]


@pytest.mark.parametrize(("width", "samples"), PAIRS + MORE_PAIRS)
def test_overlaps_of_two_systems_are_sums_of_parts(width, samples):
    """Two derivations that share the effective ridge alone: the two-point equations and the closed forms."""
    eigvals, power, noise = J[:30] ** -1.3, J[:30] ** -1.6, 0.3
    parts = parts_of(eigvals, power, width, samples, noise, penalty=0.02)
    bias, label = parts.bias, parts.label
    expected = {
        (0, 0): bias,
        (1, 0): bias + parts.features,
        (0, 1): bias + parts.inputs + parts.noise + label,
        (1, 1): parts.risk,
    }
    with jax.enable_x64(True):
        nodes = tuple(jnp.asarray(x) for x in (eigvals, np.ones(30), power, width, samples))
        for (features, data), overlap in expected.items():
            found = two_point_overlap(nodes, jnp.asarray(noise), 0.02, features, data)
            assert found == pytest.approx(float(overlap), rel=1e-11), (features, data)


@pytest.mark.parametrize(("width", "samples"), [(14.0, 9.0), (10.0, 10.0), (40.0, 60.0), (np.inf, 12.0)])
@pytest.mark.slow
def test_the_root_of_a_positive_penalty_keeps_its_digits(width, samples):
    """kappa - kappa_0 of penalties down to 1e-18, by the explicit rho(kappa), which does not know how it was found."""
    with jax.enable_x64(True):
        modes = prepare(jnp.asarray(J[:30] ** -1.3), jnp.ones(30), jnp.asarray(width), jnp.asarray(samples))
        for rho in (1e-18, 1e-9, 1e-2, 10.0):
            found = locate(modes, positive_root(modes, jnp.asarray(rho)))
            assert float(found.rho) == pytest.approx(rho, rel=1e-12)


def test_decompose_is_the_point_of_the_map():
    model = sv.PowerLawRF(0.8, 0.4, 60, 5000, noise=0.1, samples=90)
    parts = sv.theory.decompose(model, sv.Ridge(1e-3))
    curve = sv.solve(model, sv.Ridge(1e-3), sv.DeterministicEquivalent())
    assert float(parts.risk) == pytest.approx(float(curve.risk[0]), rel=1e-14)
    assert float(curve.stats["bias"]) == pytest.approx(float(parts.bias), rel=1e-14)


# The best penalty.


@pytest.mark.parametrize(
    ("alpha", "width", "samples"), [(0.75, 100, 300), (1.0, 300, 100), (1.5, 100, 100), (2.0, 1e6, 1e5)]
)
def test_condition_of_the_best_penalty(alpha, width, samples):
    """(q - c)(N - z)(T - z) = (z - q)^3 for an isotropic target; the asymptotic law within 3/min(N, T)."""
    model = sv.PowerLawRF(alpha, 0.0, width, math.inf, samples=samples)
    best, p = sv.optimal_penalty(model), model.population()
    share = p.eigvals / (p.eigvals + best.effective_ridge)
    z, q, c = (p.mass @ share**i for i in (1, 2, 3))
    assert (q - c) * (width - z) * (samples - z) == pytest.approx((z - q) ** 3, rel=1e-9)
    asymptotic = sv.theory.optimal_power_law(alpha, width, samples)
    assert asymptotic.risk == pytest.approx(float(best.risk), rel=3 / min(width, samples))
    assert asymptotic.penalty == pytest.approx(float(best.penalty), rel=6 / min(width, samples))


@pytest.mark.parametrize(("beta", "noise"), [(0.8, 0.3), pytest.param(0.5, 3.0, marks=pytest.mark.slow)])
def test_no_other_penalty_is_better(beta, noise):
    for width, samples in ((40.0, 90.0), (90.0, 40.0), (60.0, 60.0), (np.inf, 50.0), (50.0, np.inf)):
        model = sv.PowerLawRF(0.9, beta, 50, 2000, noise=noise)
        best = sv.ridge_map(model, width=width, samples=samples, penalty="optimal").risk
        others = sv.ridge_map(model, width=width, samples=samples, penalty=np.r_[0, np.geomspace(1e-12, 1e5, 400)]).risk
        assert best <= others.min() * (1 + 1e-12)
        assert best == pytest.approx(others.min(), rel=2e-3)


@pytest.mark.parametrize(("directions", "samples"), [(60.0, 30.0), (30.0, 60.0)])
def test_the_best_penalty_of_isotropic_inputs(directions, samples):
    """All eigenvalues 1, all inputs trained: rho = noise^2 M / (T |w|^2), from a whisper of noise to nothing but."""
    for noise in (1e-3, 1.0, 1e3):
        here = Population(*(np.asarray(x) for x in ([1.0], [directions], [2.0], np.inf, samples, noise)))
        with jax.enable_x64(True):
            best, _ = jax.jit(optimal)(here)
        assert float(best) == pytest.approx(noise**2 * directions / (samples * 2.0), rel=1e-5)


@pytest.mark.slow
def test_the_best_penalty_is_none_where_it_only_hurts():
    """A noiseless target far smoother than the inputs wants a negative penalty."""
    model = sv.LinearRegression(0.6, 3.0, 1000, samples=50)
    assert sv.optimal_penalty(model).penalty == 0
    endless = sv.ridge_map(sv.PowerLawRF(0.6, 0.3, 50, 1000), penalty="optimal")
    assert float(endless.risk) == pytest.approx(float(sv.ridge_map(sv.PowerLawRF(0.6, 0.3, 50, 1000)).risk), rel=1e-12)


@pytest.mark.slow
def test_optimal_curve_has_no_peak_and_equal_sizes_are_best():
    model = sv.PowerLawRF(1.0, 0.0, 100, math.inf)
    risks = sv.ridge_map(model, width=100.0, samples=np.geomspace(10, 1000, 61), penalty="optimal").risk
    assert (np.diff(risks) < 0).all()
    ratio = np.geomspace(1 / 4, 4, 41)
    fixed_product = sv.ridge_map(model, width=1e4 * ratio, samples=1e4 / ratio, penalty="optimal").risk
    assert np.argmin(fixed_product) == 20
    np.testing.assert_allclose(fixed_product, fixed_product[::-1], rtol=1e-10)


# Maps, sizes and derivatives.


def test_a_map_is_its_points():
    model = sv.PowerLawRF(0.8, 0.4, 60, 5000, noise=0.1)
    widths, samples = np.array([20.0, 80.0, 300.0]), np.array([30.0, 300.0])
    grid = sv.ridge_map(model, width=widths[:, None], samples=samples, penalty=1e-3).risk
    assert grid.shape == (3, 2)
    for i, n in enumerate(widths):
        for k, t in enumerate(samples):
            point = sv.PowerLawRF(0.8, 0.4, n, 5000, noise=0.1, samples=t)
            assert grid[i, k] == pytest.approx(typical(point, 1e-3), rel=1e-13)


@pytest.mark.slow
def test_sizes_of_a_thousand_million():
    """Against the asymptotic law, whose error is O(1/m): the digits are all there."""
    model = sv.PowerLawRF(0.75, 0.0, 100, math.inf)
    m = np.array([1e6, 1e9])
    best = sv.ridge_map(model, width=m, samples=m, penalty="optimal").risk
    np.testing.assert_allclose(best / sv.theory.optimal_power_law(0.75, m, m).risk, 1, atol=3e-6)
    assert best[1] / best[0] == pytest.approx(1e3**-0.5, rel=3e-6)
    sharp = sv.ridge_map(sv.PowerLawRF(0.75, 0.0, 100, 10**12), width=1e9, samples=4e9, penalty=0.0)
    assert float(sharp.train_risk) == pytest.approx(float(sharp.risk) * 0.75**2, rel=1e-12)


def test_the_exponents_of_width_and_samples_differ():
    """s = 2a + 2b - 1: width^-min(s, 2 alpha) at infinite samples, samples^-min(s, 4 alpha) at infinite width."""
    for alpha, beta in ((1.0, -0.2), (0.75, 0.9), (0.6, 2.0)):
        s = 2 * alpha + 2 * beta - 1
        model, m = sv.PowerLawRF(alpha, beta, 100, math.inf), np.array([1e7, 1e8])
        by_width = sv.ridge_map(model, width=m, samples=np.inf).risk
        by_samples = sv.ridge_map(model, width=np.inf, samples=m).risk
        assert -np.log10(by_width[1] / by_width[0]) == pytest.approx(min(s, 2 * alpha), abs=2e-3)
        assert -np.log10(by_samples[1] / by_samples[0]) == pytest.approx(min(s, 4 * alpha), abs=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "samples", "penalty"),
    [
        (60, 60, 1e-3),
        (40, 90, 0.0),
        pytest.param(40, 90, 1e-3, marks=pytest.mark.slow),
        pytest.param(90, 40, 1e-3, marks=pytest.mark.slow),
    ],
)
def test_derivatives(width, samples, penalty):
    def log_risk(x):
        alpha, beta, noise, width, samples, penalty = x
        model = sv.PowerLawRF(alpha, beta, width, 1000, noise, samples=samples)
        return jnp.log(sv.solve(model, sv.Ridge(penalty), sv.DeterministicEquivalent()).risk[0])

    with jax.enable_x64(True):
        x = jnp.array([0.9, 0.4, 0.2, width, samples, penalty])
        for gradient in (jax.grad(log_risk)(x), jax.jacfwd(log_risk)(x)):
            for i in range(6 if penalty else 5):
                h = 1e-5 * x[i]
                numeric = (log_risk(x.at[i].add(h)) - log_risk(x.at[i].add(-h))) / (2 * h)
                assert float(gradient[i]) == pytest.approx(float(numeric), rel=2e-6, abs=1e-9)


def test_what_ridge_needs():
    model = sv.PowerLawRF(samples=50)
    with pytest.raises(ValueError, match=r"algorithm: wanted one that states a ridge penalty .*got SGD"):
        sv.solve(model, sv.SGD(0.1), sv.DeterministicEquivalent(), [0, 1])
    with pytest.raises(ValueError, match="steps: wanted None for Ridge"):
        sv.solve(model, sv.Ridge(), sv.DeterministicEquivalent(), [0])
    with pytest.raises(ValueError, match="width: wanted numbers > 0"):
        sv.ridge_map(model, width=np.array([10.0, 0.0]))
    with pytest.raises(ValueError, match="penalty: wanted numbers >= 0"):
        sv.ridge_map(model, penalty=-1.0)
    with pytest.raises(ValueError, match="penalty: wanted one of optimal, numbers >= 0"):
        sv.ridge_map(model, penalty="best")


# Plain NumPy simulation: ambient inputs, features, normal equations.


def least_squares(phi, labels, penalty):
    samples, width = phi.shape
    if samples < width:
        return phi.T @ np.linalg.solve(phi @ phi.T + samples * penalty * np.eye(samples), labels)
    return np.linalg.solve(phi.T @ phi + samples * penalty * np.eye(width), phi.T @ labels)


@pytest.mark.parametrize(
    ("alpha", "beta", "ambient", "width", "samples", "penalty", "noise", "draws"),
    [
        (1.0, 0.5, 300, 100, 250, 0.0, 0.1, 1000),
        pytest.param(1.0, 0.5, 300, 250, 100, 0.0, 0.1, 1000, marks=pytest.mark.slow),
        (0.7, 0.3, 300, 120, 120, 1e-2, 0.1, 1000),
        pytest.param(1.0, 0.0, 300, 120, 60, 1e-3, 0.05, 4000, marks=pytest.mark.slow),
        pytest.param(0.6, 0.2, 90, 200, 120, 1e-2, 0.2, 1000, marks=pytest.mark.slow),
    ],
)
@pytest.mark.slow
def test_test_and_training_risk_by_simulation(alpha, beta, ambient, width, samples, penalty, noise, draws):
    """Within 1.5%, and within 4.5 standard errors of the theory plus 0 to 2 / min(width, samples)."""
    rng, measured, j = np.random.default_rng(11), [], np.arange(1.0, ambient + 1)
    root, target = j**-alpha, j**-beta
    for _ in range(draws):
        features = rng.standard_normal((ambient, width)) / math.sqrt(width)
        inputs = rng.standard_normal((samples, ambient)) * root
        labels = inputs @ target + noise * rng.standard_normal(samples)
        phi = inputs @ features
        theta = least_squares(phi, labels, penalty)
        error = root * (features @ theta - target)
        measured.append((error @ error + noise**2, ((phi @ theta - labels) ** 2).mean()))
    mean, stderr = np.mean(measured, 0), np.std(measured, 0, ddof=1) / math.sqrt(len(measured))
    model = sv.PowerLawRF(alpha, beta, width, ambient, noise=noise, samples=samples)
    curve = sv.solve(model, sv.Ridge(penalty), sv.DeterministicEquivalent())
    for ours, theirs, error in zip((curve.risk[0], curve.train_risk[0]), mean, stderr, strict=True):
        if ours == 0:
            assert theirs < 1e-15
            continue
        gap, error = theirs / ours - 1, error / ours
        assert abs(gap) < 0.015
        assert -4.5 * error < gap < 2 / min(width, samples) + 4.5 * error


def parts_of_a_draw(rng, alpha, beta, ambient, width, samples, penalty, noise):
    """Unbiased for `PARTS` but the label: overlaps of the errors of 2 x 2 x 2 systems (features, inputs, noise)."""
    j = np.arange(1.0, ambient + 1)
    root, target = j**-alpha, j**-beta
    features = rng.standard_normal((2, ambient, width)) / math.sqrt(width)
    inputs = rng.standard_normal((2, samples, ambient)) * root
    noises = noise * rng.standard_normal((2, 2, samples))
    errors = np.empty((2, 2, 2, ambient))
    for a in range(2):
        for x in range(2):
            labels = (inputs[x] @ target + noises[x]).T
            theta = least_squares(inputs[x] @ features[a], labels, penalty)
            errors[a, x] = ((features[a] @ theta).T - target) * root
    gram = np.einsum("axem,byfm->abxyef", errors, errors)
    same, other, either = np.eye(2) / 2, (1 - np.eye(2)) / 2, np.ones((2, 2)) / 4
    overlap = lambda a, x, e: np.einsum("abxyef,ab,xy,ef", gram, a, x, e)  # noqa: E731
    nothing, a = overlap(other, other, either), overlap(same, other, either)
    x, both = overlap(other, same, other), overlap(same, same, other)
    x_noise, everything = overlap(other, same, same), overlap(same, same, same)
    interaction = both - a - x + nothing
    return nothing, a - nothing, x - nothing, interaction, x_noise - x, everything - both - x_noise + x


@pytest.mark.parametrize(
    ("width", "samples", "noise"), [(80, 60, 0.4), pytest.param(60, 80, 0.6, marks=pytest.mark.slow)]
)
def test_parts_by_simulation(width, samples, noise):
    """Nested averages over 600 draws: every part within 4.5 standard errors + 2/min(N, T) of it, all resolved."""
    rng = np.random.default_rng(1)
    rows = [parts_of_a_draw(rng, 0.5, 0.3, 200, width, samples, 0.02, noise) for _ in range(600)]
    mean, stderr = np.mean(rows, 0), np.std(rows, 0, ddof=1) / math.sqrt(len(rows))
    model = sv.PowerLawRF(0.5, 0.3, width, 200, noise=noise, samples=samples)
    parts = sv.theory.decompose(model, sv.Ridge(0.02))
    for name, theirs, error in zip(PARTS, mean, stderr, strict=False):
        ours = float(getattr(parts, name))
        assert error < 0.04 * ours, name
        assert abs(theirs - ours) < 4.5 * error + 2 / min(width, samples) * ours, (name, theirs, ours, error)


@pytest.mark.parametrize(("power", "decay"), [(3.2, 1.5), pytest.param(5.0, 1.5, marks=pytest.mark.slow)])
def test_width_exponent_by_simulation(power, decay):
    """Best risk of 150 draws at N = 30 and 120: slope b = 1.5 as in the theory, not min(a - 1, 2b) = 2.2 and 3."""
    rng, widths, means, errors, typicals = np.random.default_rng(2), (30, 120), [], [], []
    for width in widths:
        j = np.arange(1.0, 12 * width + 1)
        root, labels, floors = j ** (-decay / 2), j ** (-power / 2), []
        for _ in range(150):
            features = root[:, None] * rng.standard_normal((len(j), width))
            floors.append(((labels - features @ least_squares(features, labels, 0.0)) ** 2).sum())
        means.append(np.mean(floors))
        errors.append(np.std(floors) / math.sqrt(150) / means[-1])
        typicals.append(typical(sv.PowerLawRF(decay / 2, (power - decay) / 2, width, 12 * width)))
    slope = -np.log(means[1] / means[0]) / np.log(4)
    expected = -np.log(typicals[1] / typicals[0]) / np.log(4)
    stderr = math.hypot(*errors) / np.log(4)
    assert -4.5 * stderr < slope - expected < 4.5 * stderr + 3 / 30 / np.log(4)
    assert slope < min(power - 1, 2 * decay) - 0.5


def test_least_squares_given_the_features():
    """E L = floor (T - 1) / (T - N - 1), exactly, at N = 12: 4000 data sets; the typical value is floor T / (T - N)."""
    problem = sv.PowerLawRF(0.8, 0.4, 12, 40, noise=0.1).draw(KEY)
    samples, rng = 30, np.random.default_rng(3)
    eigvals, target, floor = (np.asarray(x, float) for x in (problem.eigvals, problem.target, problem.floor))
    risks = []
    for _ in range(4000):
        phi = rng.standard_normal((samples, 12)) * np.sqrt(eigvals)
        y = phi @ target + math.sqrt(floor) * rng.standard_normal(samples)
        theta = np.linalg.solve(phi.T @ phi, phi.T @ y)
        risks.append(floor + eigvals @ (theta - target) ** 2)
    exact = float(sv.theory.ridgeless_mean(problem, samples))
    assert exact == pytest.approx(floor * 29 / 17, rel=1e-13)
    stderr = np.std(risks) / math.sqrt(len(risks))
    assert abs(np.mean(risks) - exact) < 4.5 * stderr
    assert abs(np.mean(risks) - floor * 30 / 18) > 0.5 * stderr
    assert np.isinf(sv.theory.ridgeless_mean(problem, [12, 13])).all()
    with pytest.raises(ValueError, match="samples: wanted numbers >= the number of features 12"):
        sv.theory.ridgeless_mean(problem, 11)
    wide = sv.PowerLawRF(0.8, 0.4, 12, 40, noise=0.1, samples=30)
    given = sv.ridge_map(sv.LinearProblem(eigvals, target, floor))
    assert float(given.risk) == pytest.approx(floor, rel=1e-12)  # infinitely many data
    assert typical(wide) > typical(sv.PowerLawRF(0.8, 0.4, 12, 40, noise=0.1))


def test_typical_data_given_the_features():
    """A map of one draw of the features, against 600 data sets in its reduced coordinates; drawn data are refused."""
    problem = sv.PowerLawRF(0.7, 0.3, 60, 200, noise=0.2).draw(KEY)
    eigvals, target, floor = (np.asarray(x, float) for x in (problem.eigvals, problem.target, problem.floor))
    rng, risks = np.random.default_rng(4), []
    for _ in range(600):
        phi = rng.standard_normal((100, 60)) * np.sqrt(eigvals)
        theta = least_squares(phi, phi @ target + math.sqrt(floor) * rng.standard_normal(100), 0.01)
        risks.append(floor + eigvals @ (theta - target) ** 2)
    expected = float(sv.ridge_map(problem, samples=100.0, penalty=0.01).risk)
    stderr = np.std(risks) / math.sqrt(600)
    assert -4.5 * stderr < np.mean(risks) - expected < 4.5 * stderr + expected / 60
    assert stderr < 0.005 * expected
    with pytest.raises(ValueError, match="model: wanted one that states the population behind a data set still to be"):
        sv.solve(sv.PowerLawRF(samples=20).draw(KEY), sv.Ridge(), sv.DeterministicEquivalent())
