"""The closed flow of a two-layer linear network: against the weights' own flow, the network, and its exponents."""

import jax
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import solvable as sv

KEY = jax.random.key(0)
FLOW = sv.GradientFlow(1.0)
HARD, EASY = (1.25, -0.25), (1.25, 1.125)  # source exponents 0.4 and 1.5 in front of eigenvalues k^-2.5


def flow(inputs, gamma, steps, rate=1.0):
    return sv.solve(sv.TwoLayerLinear(inputs, gamma), sv.GradientFlow(rate), sv.Flow(), steps)


def risk_of_weights(inputs, gamma, weights, times):
    """The risk along the flow of all weights of a network, integrated as they are; ``weights`` over sqrt(hidden)."""
    eigvals, target = np.asarray(inputs.eigvals), np.asarray(inputs.target)
    first, out = weights[:, :-1], weights[:, -1]

    def function(moved):
        layer, last = moved[:, :-1], moved[:, -1]
        return (out + gamma * last) @ layer + last @ first

    def field(_, flat):
        moved = flat.reshape(weights.shape)
        pull = eigvals * (target - function(moved))
        now = weights + gamma * moved
        return np.concatenate([now[:, -1:] * pull, (now[:, :-1] @ pull)[:, None]], 1).ravel()

    found = solve_ivp(field, (0, times[-1]), np.zeros(weights.size), t_eval=times, rtol=1e-10, atol=1e-12)
    return np.array([eigvals @ (target - function(x.reshape(weights.shape))) ** 2 for x in found.y.T])


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_the_vector_equation_is_the_flow_of_the_weights(gamma):
    """Weights of unit length, all orthogonal: the limit of many hidden units, in width + 1 of them."""
    inputs, times = sv.LinearRegression(*HARD, 6), [0, 1, 3, 10]
    expected = risk_of_weights(inputs, gamma, np.eye(7), np.array(times, float))
    np.testing.assert_allclose(flow(inputs, gamma, times).risk, expected, rtol=2e-7)


def test_without_richness_it_is_linear_regression_at_twice_the_rate():
    inputs = sv.PowerLawRF(0.8, 0.4, 50, 200, noise=0.1)
    lazy = flow(inputs, 0.0, sv.log_steps(10**6, 20))
    np.testing.assert_allclose(lazy.risk, sv.solve(inputs, sv.GradientFlow(2.0), sv.DMFT(), lazy.steps).risk, rtol=1e-8)
    np.testing.assert_array_equal(lazy.stats["gain"], 1.0)


@pytest.mark.parametrize(
    ("inputs", "gamma", "between", "slope"),
    [(HARD, 0.0, (10, 100), -0.429), (HARD, 1.0, (10, 100), -0.560), (HARD, 0.0, (30, 300), -0.446),
     (HARD, 1.0, (30, 300), -0.631), (EASY, 0.0, (10, 100), -1.50), (EASY, 1.0, (10, 100), -1.52)],
)  # fmt: skip
def test_local_slopes_at_120_modes(inputs, gamma, between, slope):
    steps = np.unique(np.geomspace(10, 300, 40).round().astype(int))
    risk = np.asarray(flow(sv.LinearRegression(*inputs, 120), gamma, steps).risk)
    use = (steps >= between[0]) & (steps <= between[1])
    assert np.polyfit(np.log(steps[use]), np.log(risk[use]), 1)[0] == pytest.approx(slope, abs=0.006)


@pytest.mark.parametrize(
    ("alpha", "beta", "gamma", "exponent"),
    [(1.25, -0.25, 0.0, 0.4), (1.25, -0.25, 1.0, 2 * 0.4 / 1.4), (1.0, 0.2, 1.0, 2 * 0.7 / 1.7), (1.25, 1.125, 1, 1.5)],
)
def test_the_exponent_in_time_far_below_the_bottleneck(alpha, beta, gamma, exponent):
    """Source exponent B: t^-B without richness and where B > 1, t^(-2B / (1 + B)) with richness where B < 1."""
    steps = np.array([10**8, 10**9])
    risk = flow(sv.PowerLawRF(alpha, beta, 10**12, np.inf), gamma, steps).risk
    assert -np.log10(risk[1] / risk[0]) == pytest.approx(exponent, abs=0.005)


@pytest.mark.parametrize("gamma", [pytest.param(0.0, marks=pytest.mark.slow), 1.0])
def test_a_network_of_finite_width_follows_it(gamma):
    """Small full-batch steps on 1024 hidden units, 32 draws; a draw differs from the limit by 1 / sqrt(hidden)."""
    law, steps = sv.TwoLayerLinear(sv.LinearRegression(*HARD, 8), gamma, hidden=1024), [0, 20, 100, 400]
    run = sv.solve(law, sv.SGD(0.01, None), sv.Simulation(num_runs=32), steps, key=KEY)
    limit = sv.solve(law, sv.GradientFlow(0.01), sv.Flow(), steps)
    assert (np.asarray(run.stderr[1:]) / limit.risk[1:]).max() < 0.0043
    np.testing.assert_allclose(run.risk, limit.risk, rtol=0.013)
    other = flow(law.inputs, 1.0 - gamma, steps, 0.01)
    assert np.abs(np.asarray(run.risk) / other.risk - 1).max() > 0.05  # the other richness is refused


def test_the_simulation_of_a_draw_is_descent_on_its_weights():
    inputs = sv.LinearRegression(*HARD, 5)
    problem = sv.TwoLayerLinear(inputs, 1.5, hidden=3).draw(KEY)
    expected = risk_of_weights(inputs, 1.5, np.asarray(problem.weights), np.array([0.0, 0.5, 2.0]))
    with jax.enable_x64(True):
        run = sv.solve(problem, sv.SGD(1e-4, None), sv.Simulation(), [0, 5000, 20000], key=KEY)
    np.testing.assert_allclose(run.risk, expected, rtol=1e-3)


@pytest.mark.slow
def test_a_draw_is_the_same_network_in_every_basis():
    """Batches in the eigenbasis, and in the original coordinates of random features, with the weights of one draw."""
    problem = sv.TwoLayerLinear(sv.PowerLawRF(0.8, 0.4, 5, 12), 1.5, hidden=2).draw(KEY)
    steps, runs = [0, 20, 80], 4000
    ways = [sv.Simulation(runs, sampler=name) for name in ("auto", "direct")]
    found = [sv.solve(problem, sv.SGD(0.05, 2), way, steps, key=KEY) for way in ways]
    assert max((np.asarray(c.stderr) / c.risk).max() for c in found) < 0.01
    np.testing.assert_allclose(found[0].risk, found[1].risk, rtol=0.03)


def test_a_draw_of_infinite_width_keeps_its_features_and_has_no_weights():
    law = sv.TwoLayerLinear(sv.PowerLawRF(0.8, 0.4, 40, 160), 1.0, hidden=None)
    typical = sv.solve(law, FLOW, sv.Flow(), [10, 1000]).risk
    draws = [law.draw(jax.random.key(i)) for i in range(20)]
    drawn = np.mean([sv.solve(draw, FLOW, sv.Flow(), [10, 1000]).risk for draw in draws], 0)
    np.testing.assert_allclose(drawn, typical, rtol=0.08)
    with pytest.raises(ValueError, match=r"model: wanted .*\(NetworkDraw\).*; got NetworkProblem, which states Net"):
        sv.solve(law.draw(KEY), sv.SGD(0.1), sv.Simulation(), [0, 1], key=KEY)


def test_a_sweep_over_richness():
    def build(gamma, width):
        return sv.TwoLayerLinear(sv.PowerLawRF(1.25, -0.25, width, np.inf), gamma), FLOW

    axes = {"gamma": np.array([0.0, 1.0]), "width": [10, 1000]}
    found = sv.sweep(build, axes=axes, method=sv.Flow(), steps=[1, 100])
    expected = flow(sv.PowerLawRF(1.25, -0.25, 1000, np.inf), 1.0, [1, 100]).risk
    np.testing.assert_allclose(found.risk.sel(gamma=1.0, width=1000), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [({"gamma": np.inf}, "gamma: wanted a finite number >= 0"), ({"gamma": np.nan}, "gamma: wanted"),
     ({"gamma": -1.0}, "gamma: wanted"), ({"hidden": 0}, "hidden: wanted"), ({"hidden": 2.5}, "hidden: wanted"),
     ({"inputs": sv.NonlinearRF()}, "inputs: wanted"), ({"inputs": sv.LinearProblem()}, "inputs: wanted"),
     ({"inputs": sv.LinearRegression(samples=9)}, "inputs: wanted a fresh stream"),
     ({"inputs": sv.LinearRegression(init_std=0.1)}, "inputs: wanted init_std=0")],
)  # fmt: skip
def test_bad_input_is_refused(arguments, wanted):
    with pytest.raises(ValueError, match=wanted):
        sv.TwoLayerLinear(**arguments)
