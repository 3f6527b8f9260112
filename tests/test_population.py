"""A population is a short list of nodes that stands for any number of power-law modes."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import zeta

import solvable as sv
from solvable.numerics.mode_sums import CUT, HEAD, POINTS, gauss_sum, power_law_modes, power_law_nodes
from solvable.numerics.power_sums import power_sum

KEY = jax.random.key(0)
ALPHAS = (0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
SHAPES = {
    "learned": lambda x, k: x / (x + k),
    "left squared": lambda x, k: (k / (x + k)) ** 2,
    "mixed": lambda x, k: x * k / (x + k) ** 2,
    "frequency": lambda x, k: 1 / (1j * k + x),
    "decay": lambda x, k: np.exp(-x / (20 * k)) * x**0.5,
}


_power_sum = jax.jit(power_sum)


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def modes(alpha, power, ambient):
    return tuple(np.asarray(x) for x in power_law_modes(alpha, power, ambient))


@pytest.mark.parametrize("length", [16, 17.5, 40, 10**6, 1e12, 12345678.9])
def test_gauss_sums_are_exact_for_polynomials(length):
    """Against Faulhaber's sums of ((j - start) / length)^n, n < 2 POINTS, real lengths included."""
    x, weight = gauss_sum(5.0, length)
    u = (x - 5.0) / length
    for n in range(2 * POINTS):
        # sum_{i < L} i^n = (B_{n+1}(L) - B_{n+1}) / (n + 1), in units of L^n
        exact = sum(
            math.comb(n + 1, k) * b * length ** (1 - k) for k, b in enumerate(bernoulli(n + 1)) if k <= n
        ) / (n + 1)
        assert (weight @ u**n) / exact == pytest.approx(1, abs=1e-12)


def bernoulli(count):
    from fractions import Fraction

    numbers = [Fraction(1)]
    for m in range(1, count + 1):
        numbers.append(-sum(math.comb(m + 1, k) * numbers[k] for k in range(m)) / (m + 1))
    return [float(x) for x in numbers]


@pytest.mark.parametrize("alpha", ALPHAS)
@pytest.mark.parametrize("ambient", [1, 5, 31, 79, 80, 81, 1000, 10**6])
def test_sums_equal_the_sums_over_all_modes(alpha, ambient):
    """Relative to the sum of the terms' sizes before decay, 1e-12; kappa from above the spectrum to below it."""
    j = np.arange(1.0, ambient + 1)
    power = 2 * alpha + 0.4
    eigvals, mass, target = modes(alpha, power, ambient)
    for scale in (0.3, 3.0, 40.0, 1e3, 1e5):
        kappa = scale ** (-2 * alpha)
        for name, h in SHAPES.items():
            every = h(j ** (-2 * alpha), kappa)
            for ours, exact in ((mass, np.ones(ambient)), (target, j**-power)):
                size = (j**-alpha * exact).sum() if name == "decay" else np.abs(every * exact).sum()
                error = abs(ours @ h(eigvals, kappa) - (every * exact).sum()) / size
                # poles on the imaginary axis are half as far: at alpha = 3 an octave spans too much of the way
                assert error < (1e-9 if name == "frequency" and alpha > 2 else 1e-12), (name, scale, error)


@pytest.mark.parametrize("alpha", [0.51, 0.75, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("ambient", [1e9, 1e15, 1e30, math.inf])
def test_sums_beyond_what_can_be_added_up(alpha, ambient):
    """Against power sums (another method): all modes at kappa of 10^9 learned modes, to 1e-12."""
    eigvals, mass, target = modes(alpha, 2 * alpha + 0.4, ambient)
    for learned in (2.0, 100.0, 1e5, 1e9):
        kappa = learned ** (-2 * alpha)
        arguments = (jnp.asarray(x, float) for x in (kappa, alpha, ambient))
        w, a, v = arguments
        count = float(_power_sum(jnp.zeros(()), w, a, v).real)
        task = float(_power_sum(jnp.asarray(0.4), w, a, v).real)
        assert mass @ (eigvals / (eigvals + kappa)) == pytest.approx(count, rel=1e-12)
        assert target @ (1 / (eigvals + kappa)) == pytest.approx(task, rel=1e-12)


@pytest.mark.parametrize("alpha", [0.52, 0.6, 1.0])
def test_an_infinite_ambient_keeps_trace_and_power(alpha):
    eigvals, mass, target = modes(alpha, 2 * alpha, math.inf)
    assert mass @ eigvals == pytest.approx(zeta(2 * alpha), rel=1e-12)
    assert mass @ eigvals**2 == pytest.approx(zeta(4 * alpha), rel=1e-12)
    assert target.sum() == pytest.approx(zeta(2 * alpha), rel=1e-12)
    assert target @ eigvals == pytest.approx(zeta(4 * alpha), rel=1e-12)


def test_the_number_of_nodes_grows_with_the_logarithm():
    sizes = [len(power_law_nodes(v)[0]) for v in (1e3, 1e6, 1e12)]
    assert sizes == [HEAD + POINTS * (math.floor(math.log2(v / HEAD)) + 1) for v in (1e3, 1e6, 1e12)]
    assert len(power_law_nodes(math.inf)[0]) == HEAD + POINTS * (math.floor(CUT - math.log2(HEAD)) + 1)
    assert sum(power_law_nodes(1e12)[1]) == pytest.approx(1e12, rel=1e-14)


@pytest.mark.slow
def test_sums_are_continuous_in_ambient_and_agree_when_it_is_traced():
    def sums(v):
        eigvals, mass, target = power_law_modes(0.8, 1.9, v)
        return jnp.stack([mass @ (eigvals / (eigvals + 1e-3)), target.sum(), mass.sum()])

    traced = jax.jit(sums)
    for v in (5.3, 31.7, 50.5, 1e3, 12345.6, 1e9):
        np.testing.assert_allclose(traced(v), sums(v), rtol=1e-12)
        assert float(sums(v)[2]) == pytest.approx(v, rel=1e-13)
    for v in (40.0, 79.0, 80.0, 160.0, 1000.0):
        np.testing.assert_allclose(sums(v - 1e-9), sums(v + 1e-9), rtol=1e-9)
    slope = jax.grad(lambda v: traced(v)[1])(1e4)
    # the derivative of sum_{j <= v} j^-1.9 is about (v + 1/2)^-1.9
    assert float(slope) == pytest.approx(10000.5**-1.9, rel=1e-8)


def test_nodes_do_not_depend_on_the_exponents_so_they_can_be_differentiated():
    def task(alpha):
        eigvals, _, target = power_law_modes(alpha, 2 * alpha + 0.6, 1e8)
        return target @ (1 / (eigvals + 1e-6))

    h = 1e-5
    numeric = (task(1.0 + h) - task(1.0 - h)) / (2 * h)
    assert float(jax.grad(task)(1.0)) == pytest.approx(float(numeric), rel=1e-8)


def test_populations_of_the_models():
    model = sv.PowerLawRF(0.9, 0.4, 30, 500, noise=0.3, samples=77)
    population = model.population()
    assert (float(population.width), float(population.samples), float(population.noise)) == (30, 77, 0.3)
    j = np.arange(1.0, 501)
    assert population.power.sum() == pytest.approx((j**-2.6).sum(), rel=1e-13)
    assert population.mass @ population.eigvals == pytest.approx(float(model.trace()), rel=1e-13)
    assert np.isinf(sv.PowerLawRF().population().samples)

    regression = sv.LinearRegression(0.9, 0.4, 500, noise=0.3, samples=77).population()
    assert np.isinf(regression.width)
    np.testing.assert_allclose(regression.power, population.power, rtol=1e-15)


def test_the_population_of_a_draw_is_its_own_spectrum():
    problem = sv.PowerLawRF(0.9, 0.4, 20, 80, noise=0.3).draw(KEY)
    population = problem.population()
    np.testing.assert_array_equal(population.eigvals, problem.eigvals)
    assert np.isinf(population.width)
    assert population.noise**2 == pytest.approx(float(problem.floor), rel=1e-14)
    assert population.power.sum() + population.noise**2 == pytest.approx(
        float(problem.risk(problem.initial)), rel=1e-12
    )


def test_samples_are_kept_and_stop_one_pass_theories():
    model = sv.PowerLawRF(1.0, 0.5, 16, samples=40)
    assert model.at_width(32).samples == 40
    algorithm = sv.SGD(0.1, 1)
    for call in (
        lambda: sv.solve(model, algorithm, sv.Recursion(), [0, 1]),
        lambda: sv.solve(model, algorithm, sv.Volterra(), [0, 1]),
        lambda: sv.stability(model, algorithm),
        lambda: sv.theory.kernel(model, algorithm, [0, 1]),
        lambda: sv.theory.forcing(model, algorithm, [0, 1]),
        lambda: sv.compute_frontier(model, algorithm, [1e6]),
        lambda: sv.frontier_map(model, algorithm, [1e6], alpha=1.0, beta=0.5),
    ):
        with pytest.raises(ValueError, match=r"samples: wanted None .a fresh stream.*got 40"):
            call()


def test_more_features_than_inputs():
    """The draw has as many eigenvalues as inputs, the rest are absent, and its best risk is the noise."""
    model = sv.PowerLawRF(0.8, 0.4, 30, 12, noise=0.1)
    problem = model.draw(KEY)
    assert (problem.eigvals[:12] > 0).all()
    assert (problem.eigvals[12:] == 0).all()
    assert (problem.target[12:] == 0).all()
    assert float(problem.floor) == pytest.approx(0.01, rel=1e-10)
    assert float(model.floor()) == pytest.approx(0.01, rel=1e-14)
    for name in ("spectrum", "support"):
        with pytest.raises(ValueError, match=r"ambient: wanted .* >= width = 30"):
            getattr(model, name)()
