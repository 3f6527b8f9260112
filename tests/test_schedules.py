"""Schedules are values: the shapes they say, smooth but at their kinks, differentiable in what they are made of."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import solvable as sv

S = sv.schedules
T = np.arange(0, 140)
SCHEDULES = {
    "constant": S.constant(0.3),
    "warmup": S.warmup(0.3, 20.0, 0.1),
    "linear": S.linear(0.3, 100, 0.05),
    "power": S.power(0.3, 100, 2.5),
    "cosine": S.cosine(0.3, 100, 0.05),
    "inverse sqrt": S.inverse_sqrt(0.3),
    "inverse power": S.inverse_power(0.3, 0.7, 5.0),
    "wsd": S.wsd(0.3, 100, 0.25, 0.1),
    "wsd, cosine": S.wsd(0.3, 100, 0.25, shape=S.cosine(1.0, 1.0)),
    "wsd, in three": S.wsd(0.3, 100, 0.25, shape=S.join([S.linear(1.0, 1.0), S.constant(0.5)], [0.5])),
    "piecewise": S.piecewise([20.0, 60.0], [0.3, 0.1, 0.2]),
    "halving": S.halving(0.3, 100.0),
    "halving, period": S.halving(0.3, 100.0, 30.0),
    "join": S.join([S.warmup(0.3, 20.0), S.cosine(0.3, 80.0)], [20.0]),
    "product": 2 * S.warmup(1.0, 20.0) * S.wsd(0.15, 100, 0.25),
}


def formula(name):
    """The shape, written out in NumPy."""
    t, u = T.astype(float), np.minimum(T / 100, 1)
    cool = np.clip((t - 75) / 25, 0, 1)
    return {
        "constant": 0.3 + 0 * t,
        "warmup": 0.1 + 0.2 * np.minimum(t / 20, 1),
        "linear": 0.05 + 0.25 * (1 - u),
        "power": 0.3 * (1 - u) ** 2.5,
        "cosine": 0.05 + 0.25 * (1 + np.cos(np.pi * u)) / 2,
        "inverse sqrt": 0.3 / np.sqrt(1 + t),
        "inverse power": 0.3 * (1 + t / 5) ** -0.7,
        "wsd": 0.3 * np.minimum(t / 10, 1) * (1 - cool),
        "wsd, cosine": 0.3 * (1 + np.cos(np.pi * cool)) / 2,
        "wsd, in three": 0.3 * np.where(cool < 0.5, 1 - cool, 0.5),
        "piecewise": np.where(t < 20, 0.3, np.where(t < 60, 0.1, 0.2)),
        "halving": 0.3 * 2.0 ** -np.floor(np.minimum(t, 100) * np.log2(100) / 100),
        "halving, period": 0.3 * 2.0 ** -np.floor(np.minimum(t, 100) / 30),
        "join": np.where(t < 20, 0.3 * t / 20, 0.15 * (1 + np.cos(np.pi * np.clip((t - 20) / 80, 0, 1)))),
        "product": 0.3 * np.minimum(t / 20, 1) * (1 - cool),
    }[name]


TWINS = {
    "cosine": optax.cosine_decay_schedule(0.3, 100, alpha=0.05 / 0.3),
    "linear": optax.linear_schedule(0.3, 0.05, 100),
    "power": optax.polynomial_schedule(0.3, 0.0, 2.5, 100),
    "warmup": optax.linear_schedule(0.1, 0.3, 20),
    "piecewise": optax.piecewise_constant_schedule(0.3, {20: 1 / 3, 60: 2.0}),
    "join": optax.warmup_cosine_decay_schedule(0.0, 0.3, 20, 100),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_has_its_shape(name):
    with jax.enable_x64(True):
        values = np.array([SCHEDULES[name](t) for t in T])
        if name in TWINS:
            # optax changes a piece one step later: at a boundary it still has the value before.
            late = np.isin(T, [20, 60]) if name == "piecewise" else np.zeros(len(T), bool)
            twin = np.array([TWINS[name](jnp.asarray(t)) for t in T])
            np.testing.assert_allclose(values[~late], twin[~late], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(values, formula(name), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_is_smooth_except_at_its_kinks(name):
    """The value a third of a step away is that of the Taylor polynomial, unless a kink lies between."""
    schedule, h = SCHEDULES[name], 1 / 3
    with jax.enable_x64(True):
        times = jnp.arange(1.0, 140.0, 0.5) + 0.1
        taylor, f = 0.0, schedule
        for n in range(5):
            taylor = taylor + jax.vmap(f)(times) * h**n / np.prod(np.arange(1.0, n + 1))
            f = jax.grad(f)
        gap = np.abs(np.asarray(jax.vmap(schedule)(times + h) - taylor))
        kinks = np.asarray(schedule.kinks)
    crossed = ((np.asarray(times)[:, None] <= kinks) & (kinks <= np.asarray(times)[:, None] + h)).any(1)
    assert gap[~crossed].max() < 1e-5
    inside = np.unique(kinks[(kinks > 1) & (kinks < 139)])
    assert crossed.sum() <= 2 * len(inside)


def test_every_kink_of_a_corner_is_listed():
    for name, kinks in {
        "warmup": [20], "cosine": [100], "wsd": [10, 75, 100], "wsd, in three": [0, 75, 87.5, 100],
        "piecewise": [20, 60], "join": [20, 100], "halving, period": [30, 60, 90, 100], "product": [0, 20, 75, 100],
    }.items():  # fmt: skip
        found = np.unique(np.asarray(SCHEDULES[name].kinks).round(6))
        assert set(kinks) <= set(found.tolist()), (name, found)


PROBLEM = sv.LinearProblem(np.arange(1.0, 6) ** -1.4, np.arange(1.0, 6) ** -0.6, 0.2)


def last_risk(rate, batch=4):
    return sv.solve(PROBLEM, sv.SGD(rate, batch), sv.Recursion(), [30]).risk[0]


@pytest.mark.parametrize(
    "build",
    [
        lambda x: S.wsd(0.3 * x[0], 31.0, 0.4 * x[1], shape=S.power(1.0, 1.0, 1.5 * x[2])),
        lambda x: S.inverse_power(0.3 * x[0], 0.5 * x[1], 4 * x[2]),
        lambda x: x[0] * S.power(0.3, 33.0 * x[1], 2.0 * x[2]),
        lambda x: S.join([S.warmup(0.3 * x[0], 5.5 * x[1]), S.cosine(0.3 * x[0], 28.0 * x[2])], jnp.array([5.5])),
    ],
)
def test_the_risk_is_differentiable_in_what_a_schedule_is_made_of(build):
    """Central differences of the last risk, to 1e-6 of the gradient."""
    with jax.enable_x64(True):
        one, h = jnp.ones(3), 1e-5
        gradient = jax.jit(jax.grad(lambda x: last_risk(build(x))))(one)
        both = [[last_risk(build(one.at[i].add(s * h))) for s in (1, -1)] for i in range(3)]
    expected = np.array([(up - down) / (2 * h) for up, down in both])
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


def test_many_schedules_are_one_vmapped_call():
    with jax.enable_x64(True):
        peaks = jnp.linspace(0.05, 0.4, 1000)
        schedules = eqx.filter_vmap(lambda peak: S.wsd(peak, 30.0, 0.3))(peaks)
        risks = eqx.filter_vmap(last_risk)(schedules)
        alone = [float(last_risk(S.wsd(peaks[i], 30.0, 0.3))) for i in (0, 500, 999)]
    np.testing.assert_allclose(risks[np.array([0, 500, 999])], alone, rtol=1e-12)


def test_batch_sizes_are_traced_like_any_setting():
    with jax.enable_x64(True):
        sizes = jnp.array([1.0, 4.0, 16.0])
        one = lambda b: sv.solve(PROBLEM, sv.BatchSchedule(sv.SGD(0.1), b), sv.Recursion(), [30]).risk[0]  # noqa: E731
        np.testing.assert_allclose(jax.vmap(one)(sizes), [last_risk(0.1, b) for b in (1, 4, 16)], rtol=1e-12)


def test_a_constant_schedule_is_a_number():
    assert sv.SGD(S.constant(0.3)).stationary
    assert not sv.SGD(S.linear(0.3, 10)).stationary
