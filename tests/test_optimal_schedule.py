"""The schedule of least risk at a horizon: nothing in its family is better, and families contain each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import solvable as sv

LAM = np.arange(1.0, 101) ** -1.5
PROBLEM = sv.LinearProblem(LAM, np.arange(1.0, 101) ** -0.5, 1.0)
T = 3_000


def risk(schedule):
    """The plain recursion."""
    with jax.enable_x64(True):
        rates = np.asarray(jax.vmap(schedule)(jnp.arange(float(T))))
    moment = 1.0 / np.arange(1.0, 101)
    for x in rates:
        moment = moment - 2 * x * LAM * (1 - x * LAM) * moment + x**2 * LAM * (1.0 + moment @ LAM)
    return 1.0 + moment @ LAM


@pytest.fixture(scope="module")
def power():
    return sv.optimal_schedule(PROBLEM, T, "power")


def test_no_neighbour_in_its_family_is_better(power):
    """In peak and exponent by 5% either way, every step visited; and its risk is that of the schedule."""
    peak, exponent = (float(power.parameters[name]) for name in ("peak", "exponent"))
    assert bool(power.converged)
    best = risk(sv.schedules.power(peak, T, exponent))
    assert float(power.risk) == pytest.approx(best, rel=1e-9)
    for a, b in ((1.05, 1.0), (0.95, 1.0), (1.0, 1.05), (1.0, 0.95)):
        assert risk(sv.schedules.power(peak * a, T, exponent * b)) > best


def test_the_best_constant_rate_of_a_long_run_whose_risk_is_nearly_all_floor():
    """Against the closed form in time; and a second horizon asks for no new program."""
    calls = []

    def build(rate):
        calls.append(rate)
        return sv.SGD(rate, 2)

    sv.optimal_schedule(PROBLEM, T, "constant", build=build)
    before = len(calls)
    found = sv.optimal_schedule(PROBLEM, 10**7, "constant", build=build)
    assert len(calls) == before + 1  # the look at what it returns
    best = sv.best_learning_rate(PROBLEM, sv.SGD(1.0, 2), [10**7])
    assert float(best.excess[0]) < 1e-4
    assert bool(found.converged)
    assert float(found.excess) == pytest.approx(float(best.excess[0]), rel=1e-7)
    assert float(found.parameters["peak"]) == pytest.approx(float(best.rate[0]), rel=1e-3)
    assert float(found.risk) == pytest.approx(1.0 + float(found.excess), abs=1e-14)


@pytest.mark.slow
def test_a_free_form_is_better_than_every_family(power):
    """By more than 1% of the excess, against any of them."""
    free = sv.optimal_schedule(PROBLEM, T, "free")
    assert bool(free.converged)
    assert float(free.risk) == pytest.approx(risk(free.schedule), rel=1e-8)
    others = [power] + [sv.optimal_schedule(PROBLEM, T, name) for name in ("constant", "linear", "cosine", "wsd")]
    assert all(bool(one.converged) for one in others)
    assert float(free.risk) - 1 < 0.99 * min(float(one.risk) - 1 for one in others)
    assert power.risk <= others[2].risk  # linear decay is a power


@pytest.mark.slow
def test_any_linear_optimizer_can_be_given():
    best = sv.optimal_schedule(PROBLEM, T, "cosine", build=lambda rate: sv.HeavyBall(rate, 0.8, 2))
    peak = float(best.parameters["peak"])
    curves = [
        sv.solve(PROBLEM, sv.HeavyBall(sv.schedules.cosine(peak * k, T), 0.8, 2), sv.Recursion(), [T]).risk[0]
        for k in (1.0, 1.1, 0.9)
    ]
    assert float(best.risk) == pytest.approx(curves[0], rel=1e-8)
    assert min(curves[1:]) > curves[0]


def test_a_log_spline_is_a_spline_in_the_logit_of_time():
    """Linear coefficients give a power of (t + 1) / (T - t); the ends are inside, and it stays after them."""
    with jax.enable_x64(True):
        flat = sv.schedules.log_spline(np.zeros(9), 1e6)
        line = sv.schedules.log_spline(0.3 * flat.times, 1e6)
        t = jnp.array([0.0, 1.0, 10.0, 5e5, 999_000.0, 999_999.0])
        np.testing.assert_allclose(jax.vmap(line)(t), ((t + 1) / (1e6 - t)) ** 0.3, rtol=1e-12)
        assert float(line(2e6)) == float(line(999_999.0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"family": "staircase"}, "family: wanted one of constant, linear, cosine, power, wsd, free"),
        ({"horizon": 10}, "horizon: wanted an integer >= 64; got 10"),
        ({"build": lambda rate: 3}, "build: wanted a function of a schedule that returns an algorithm; got 3"),
        ({"build": lambda rate: sv.Ridge(0.1)}, "algorithm: wanted"),
        ({"model": sv.PowerLawRF(samples=20)}, "samples: wanted None"),
        ({"nodes": 96}, "nodes: wanted None for a model whose spectrum is no contour; got 96"),
    ],
)
def test_impossible_arguments_are_refused_by_name(changes, message):
    right = {"model": PROBLEM, "horizon": T, "family": "constant"}
    with pytest.raises(ValueError, match=message):
        sv.optimal_schedule(**right | changes)
