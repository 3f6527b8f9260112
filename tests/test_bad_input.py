"""An impossible argument gives one ValueError that names it, what was wanted and what was given."""

import math

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given

import solvable as sv

KEY = jax.random.key(0)
MODEL = sv.PowerLawRF(0.7, 1.0, 10, 40)
PROBLEM = sv.LinearProblem([1.0, 0.5], [1.0, 1.0], 0.25)
NAN, INF = math.nan, math.inf


def solve(**changes):
    arguments = {"model": MODEL, "algorithm": sv.SGD(0.1, 1), "method": sv.Recursion(), "steps": [0, 1]}
    key = changes.pop("key", None)
    return sv.solve(**(arguments | changes), key=key)


# call; the argument named; what was given, as the message shows it
IMPOSSIBLE = {
    "alpha zero": (lambda: sv.PowerLawRF(0.0, 1.0), "alpha", "got 0"),
    "alpha negative": (lambda: sv.PowerLawRF(-1.0, 2.0), "alpha", "got -1"),
    "alpha nan": (lambda: sv.PowerLawRF(NAN, 1.0), "alpha", "got nan"),
    "alpha infinite": (lambda: sv.PowerLawRF(INF, 1.0), "alpha", "got inf"),
    "alpha text": (lambda: sv.PowerLawRF("a", 1.0), "alpha", "got 'a'"),
    "alpha None": (lambda: sv.PowerLawRF(None, 1.0), "alpha", "got None"),
    "alpha complex": (lambda: sv.PowerLawRF(1j, 1.0), "alpha", "got 1j"),
    "alpha vector": (lambda: sv.PowerLawRF([0.7, 0.8], 1.0), "alpha", "shape (2,)"),
    "beta nan": (lambda: sv.PowerLawRF(0.7, NAN), "beta", "got nan"),
    "beta infinite": (lambda: sv.PowerLawRF(0.7, -INF), "beta", "got -inf"),
    "infinite risk": (lambda: sv.PowerLawRF(0.3, 0.2), "alpha + beta", "beta = 0.2"),
    "width zero": (lambda: sv.PowerLawRF(0.7, 1.0, 0), "width", "got 0"),
    "width negative": (lambda: sv.PowerLawRF(0.7, 1.0, -3), "width", "got -3"),
    "width nan": (lambda: sv.PowerLawRF(0.7, 1.0, NAN), "width", "got nan"),
    "width infinite": (lambda: sv.PowerLawRF(0.7, 1.0, INF), "width", "got inf"),
    "width None": (lambda: sv.PowerLawRF(0.7, 1.0, None), "width", "got None"),
    "width at_width": (lambda: MODEL.at_width(0), "width", "got 0"),
    "width of a draw": (lambda: sv.PowerLawRF(0.7, 1.0, 10.5).draw(KEY), "width", "got 10.5"),
    "ambient zero": (lambda: sv.PowerLawRF(0.7, 1.0, 10, 0), "ambient", "got 0"),
    "ambient below width, one pass": (lambda: solve(model=sv.PowerLawRF(0.7, 1.0, 10, 9)), "ambient", "got 9"),
    "samples zero": (lambda: sv.PowerLawRF(0.7, 1.0, 10, 40, samples=0), "samples", "got 0"),
    "samples infinite": (lambda: sv.LinearRegression(0.7, 1.0, samples=INF), "samples", "got inf"),
    "samples, one pass": (lambda: solve(model=sv.PowerLawRF(samples=100)), "samples", "got 100"),
    "population, initial": (lambda: sv.PowerLawRF(init_std=0.5).population(), "init_std", "got 0.5"),
    "ambient nan": (lambda: sv.PowerLawRF(0.7, 1.0, 10, NAN), "ambient", "got nan"),
    "ambient text": (lambda: sv.PowerLawRF(0.7, 1.0, 10, "inf"), "ambient", "got 'inf'"),
    "ambient of a draw": (lambda: sv.PowerLawRF(0.7, 1.0, 10, 40.5).draw(KEY), "ambient", "got 40.5"),
    "ambient infinite, trace infinite": (lambda: sv.PowerLawRF(0.5, 1.0, 10, INF), "alpha", "got 0.5"),
    "noise negative": (lambda: sv.PowerLawRF(0.7, 1.0, 10, 40, -1.0), "noise", "got -1"),
    "noise nan": (lambda: sv.PowerLawRF(0.7, 1.0, 10, 40, NAN), "noise", "got nan"),
    "init_std negative": (lambda: sv.PowerLawRF(0.7, 1.0, init_std=-0.1), "init_std", "got -0.1"),
    "nodes": (lambda: MODEL.spectrum(nodes=3), "nodes", "got 3"),
    "regression alpha": (lambda: sv.LinearRegression(0.0, 1.0), "alpha", "got 0"),
    "regression width zero": (lambda: sv.LinearRegression(0.7, 1.0, 0), "width", "got 0"),
    "regression width fraction": (lambda: sv.LinearRegression(0.7, 1.0, 2.5), "width", "got 2.5"),
    "eigvals negative": (lambda: sv.LinearProblem([1.0, -1.0], [1.0, 1.0]), "eigvals", "-1."),
    "eigvals nan": (lambda: sv.LinearProblem([NAN], [1.0]), "eigvals", "nan"),
    "eigvals empty": (lambda: sv.LinearProblem([], []), "eigvals", "shape (0,)"),
    "target shape": (lambda: sv.LinearProblem([1.0, 1.0], [1.0]), "target", "(1,)"),
    "target infinite": (lambda: sv.LinearProblem([1.0], [INF]), "target", "inf"),
    "floor negative": (lambda: sv.LinearProblem([1.0], [1.0], -1.0), "floor", "-1"),
    "initial shape": (lambda: sv.LinearProblem([1.0], [1.0], 0.0, [1.0, 2.0]), "initial", "(2,)"),
    "batch zero": (lambda: sv.SGD(0.1, 0), "batch_size", "got 0"),
    "batch negative": (lambda: sv.SGD(0.1, -1), "batch_size", "got -1"),
    "batch fraction": (lambda: sv.SGD(0.1, 1.5), "batch_size", "got 1.5"),
    "batch nan": (lambda: sv.SGD(0.1, NAN), "batch_size", "got nan"),
    "batch text": (lambda: sv.SGD(0.1, "4"), "batch_size", "got '4'"),
    "rate text": (lambda: sv.SGD("fast", 1), "learning_rate", "got 'fast'"),
    "rate None": (lambda: sv.SGD(None, 1), "learning_rate", "got None"),
    "rate zero": (lambda: solve(algorithm=sv.SGD(0.0, 1)), "learning_rate", "got 0"),
    "rate negative": (lambda: solve(algorithm=sv.SGD(-0.1, 1)), "learning_rate", "got -0.1"),
    "rate nan": (lambda: solve(algorithm=sv.SGD(NAN, 1)), "learning_rate", "got nan"),
    "rate infinite": (lambda: solve(algorithm=sv.SGD(INF, 1)), "learning_rate", "got inf"),
    "rate vector": (lambda: solve(algorithm=sv.SGD([0.1, 0.2], 1)), "learning_rate", "shape (2,)"),
    "rate negative, stability": (lambda: sv.stability(MODEL, sv.SGD(-0.1, 1)), "learning_rate", "got -0.1"),
    "rate negative, kernel": (lambda: sv.theory.kernel(MODEL, sv.SGD(-0.1, 1), [0]), "learning_rate", "got -0.1"),
    "rate of a schedule, negative": (
        lambda: solve(algorithm=sv.SGD(lambda t: 0.1 - 0.02 * t), steps=[9]), "learning_rate", "got -0.02 at step 6"),
    "rate of a schedule, nan": (
        lambda: solve(algorithm=sv.HeavyBall(lambda t: 0 / (t - 2.0)), steps=[9]), "learning_rate", "nan at step 2"),
    "rate of a schedule, far": (
        lambda: solve(algorithm=sv.SGD(lambda t: 0.1 * jnp.sign(2e6 - t), 1), steps=[3_000_000]),
        "learning_rate", "got -0.1 at step"),
    "rate of a schedule, beside a kink": (
        lambda: solve(
            algorithm=sv.SGD(sv.schedules.piecewise([4e6, 4e6 + 1], [0.1, -1.0, 0.1])), steps=[5_000_000]),
        "learning_rate", "got -1 at step 4000000"),
    "rate of a schedule, two numbers": (
        lambda: solve(algorithm=sv.SGD(lambda t: jnp.ones(2))), "learning_rate", "one number"),
    "rate of a schedule, untraceable": (
        lambda: solve(algorithm=sv.SGD(lambda t: 0.1 if t < 3 else 0.05)), "learning_rate", "that JAX can trace"),
    "rate inside wrappers": (
        lambda: solve(algorithm=sv.EMA(sv.WeightDecay(sv.SGD(-0.1)))), "learning_rate", "got -0.1"),
    "momentum one": (lambda: solve(algorithm=sv.HeavyBall(0.1, 1.0)), "momentum", "got 1"),
    "momentum negative": (lambda: solve(algorithm=sv.Nesterov(0.1, -0.5)), "momentum", "got -0.5"),
    "momentum text": (lambda: sv.EMAMomentum(0.1, "a"), "momentum", "got 'a'"),
    "momentum of a schedule": (
        lambda: solve(algorithm=sv.HeavyBall(0.1, lambda t: 0.5 * t), steps=[9]), "momentum", "got 1 at step 2"),
    "form": (lambda: sv.Nesterov(form="torch"), "form", "got 'torch'"),
    "delta": (lambda: solve(algorithm=sv.DANA(delta=0.0)), "delta", "got 0"),
    "acceleration": (lambda: solve(algorithm=sv.DANA(acceleration=-1.0)), "acceleration", "got -1"),
    "beta zero": (lambda: sv.ScheduleFree(0.1, 0.0), "beta", "got 0"),
    "beta of a schedule": (lambda: sv.ScheduleFree(0.1, lambda t: 0.9), "beta", "function"),
    "decay one": (lambda: solve(algorithm=sv.EMA(sv.SGD(), decay=1.0)), "decay", "got 1"),
    "start fraction": (lambda: sv.TailAverage(sv.SGD(), 1.5), "start", "got 1.5"),
    "start after the end": (lambda: solve(algorithm=sv.TailAverage(sv.SGD(), start=9), steps=[9]), "start", "got 9"),
    "weight decay negative": (lambda: solve(algorithm=sv.WeightDecay(sv.SGD(), -0.1)), "rate", "got -0.1"),
    "decoupled": (lambda: sv.WeightDecay(sv.SGD(), 0.1, "yes"), "decoupled", "got 'yes'"),
    "decoupled, preconditioned": (lambda: sv.WeightDecay(sv.Preconditioned(), 0.1, False), "decoupled", "got False"),
    "power": (lambda: sv.Preconditioned(sv.SGD(), NAN), "power", "got nan"),
    "inner, ridge": (lambda: sv.EMA(sv.Ridge()), "inner", "got Ridge"),
    "inner, optax": (lambda: sv.WeightDecay(sv.Optax()), "inner", "got Optax"),
    "inner, a number": (lambda: sv.Preconditioned(0.1), "inner", "got 0.1"),
    "batch of a schedule": (lambda: sv.SGD(0.1, sv.schedules.constant(4)), "batch_size", "got constant"),
    "batch schedule below one": (
        lambda: solve(algorithm=sv.BatchSchedule(sv.SGD(), lambda t: 4.0 - t), steps=[9]), "size", "got 0 at step 4"),
    "batch schedule below one, a number": (lambda: solve(algorithm=sv.BatchSchedule(sv.SGD(), 0.5)), "size", "got 0.5"),
    "batch schedule, drawn one by one": (
        lambda: solve(algorithm=sv.BatchSchedule(), method=sv.Simulation(sampler="direct"), key=KEY),
        "algorithm", "BatchSchedule"),
    "batch schedule, batches drawn": (
        lambda: solve(
            algorithm=sv.BatchSchedule(size=lambda t: 1.0 + 0 * t), method=sv.Simulation(sampler="batch"), key=KEY),
        "sampler", "got 'batch'"),
    "pieces": (lambda: sv.schedules.piecewise([1.0], [1.0]), "values", "(1,)"),
    "joined": (lambda: sv.schedules.join([sv.schedules.constant(1.0)], [3.0]), "schedules", "got 1 and"),
    "penalty negative": (lambda: sv.Ridge(-1.0), "penalty", "got -1"),
    "penalty infinite": (lambda: sv.Ridge(INF), "penalty", "got inf"),
    "penalty nan": (lambda: sv.Ridge(NAN), "penalty", "got nan"),
    "penalty text": (lambda: sv.Ridge("a"), "penalty", "got 'a'"),
    "penalty vector": (lambda: sv.Ridge([1.0, 2.0]), "penalty", "shape (2,)"),
    "ridge with steps": (lambda: solve(algorithm=sv.Ridge()), "steps", "got [0, 1]"),
    "ridge, streaming": (
        lambda: solve(algorithm=sv.Ridge(), method=sv.Simulation(), steps=None, key=KEY),
        "samples",
        "got None, a fresh stream",
    ),
    "ridge, recursion": (lambda: solve(algorithm=sv.Ridge(), steps=None), "algorithm", "Ridge"),
    "steps negative": (lambda: solve(steps=[-1, 2]), "steps", "got -1"),
    "steps unsorted": (lambda: solve(steps=[2, 1]), "steps", "[2, 1]"),
    "steps repeated": (lambda: solve(steps=[1, 1]), "steps", "[1, 1]"),
    "steps empty": (lambda: solve(steps=[]), "steps", "shape (0,)"),
    "steps float": (lambda: solve(steps=[0.0, 1.0]), "steps", "float64"),
    "steps nan": (lambda: solve(steps=[NAN]), "steps", "nan"),
    "steps scalar": (lambda: solve(steps=5), "steps", "shape ()"),
    "steps matrix": (lambda: solve(steps=[[0, 1]]), "steps", "shape (1, 2)"),
    "steps ragged": (lambda: solve(steps=[[1], [1, 2]]), "steps", "[[1], [1, 2]]"),
    "steps None": (lambda: solve(steps=None), "steps", "shape ()"),
    "steps too large": (lambda: solve(steps=[2**63]), "steps", "9223372036854775808"),
    "steps of a kernel": (lambda: sv.theory.kernel(MODEL, sv.SGD(0.1, 1), [-1]), "steps", "[-1]"),
    "last": (lambda: sv.log_steps(0), "last", "got 0"),
    "count": (lambda: sv.log_steps(10, 1), "count", "got 1"),
    "key missing": (lambda: solve(method=sv.Simulation()), "key", "got None"),
    "key a seed": (lambda: solve(method=sv.Simulation(), key=0), "key", "got int"),
    "key many": (lambda: solve(method=sv.Simulation(), key=jax.random.split(KEY)), "key", "shape (2,)"),
    "key of a draw": (lambda: MODEL.draw(None), "key", "got None"),
    "runs zero": (lambda: sv.Simulation(num_runs=0), "num_runs", "got 0"),
    "sampler": (lambda: sv.Simulation(sampler="fast"), "sampler", "got 'fast'"),
    "rate schedule negative": (lambda: solve(algorithm=sv.SGD(lambda t: -0.1 + 0 * t, 1)), "learning_rate", "-0.1"),
    "rate schedule late": (
        lambda: solve(algorithm=sv.SGD(lambda t: 0.1 - t, 1), steps=[3]), "learning_rate", "-0.9 at step 1",
    ),
    "folder of programs": (lambda: sv.keep_compiled_programs(3), "folder", "got 3"),
    "rate a class": (lambda: sv.SGD(list), "learning_rate", "got <class 'list'>"),
    "rate masked": (lambda: sv.SGD(np.ma.masked), "learning_rate", "got"),
    "steps bytes": (lambda: solve(steps=b"x"), "steps", "got b'x'"),
    "alpha a date": (lambda: sv.PowerLawRF(np.datetime64("2020-01-01"), 1.0), "alpha", "2020"),
    "alpha masked": (lambda: sv.PowerLawRF(np.ma.masked, 1.0), "alpha", "got"),
    "alpha beyond float64": (lambda: sv.PowerLawRF(10**400, 1.0), "alpha", "got 1000"),
    "width at its end": (lambda: sv.PowerLawRF(0.7, 1.0, 1e308), "width", "1e+308"),
    "least squares, samples": (lambda: sv.theory.ridgeless_mean(PROBLEM, [NAN]), "samples", "nan"),
    "power law, width": (lambda: sv.theory.optimal_power_law(1.0, -8.0, 16.0), "width", "-8"),
    "floor many": (lambda: sv.LinearProblem(floor=[1, 2]), "floor", "shape (2,)"),
    "sampler an array": (lambda: sv.Simulation(sampler=np.array([])), "sampler", "got []"),
    "penalty a function": (lambda: sv.Ridge(lambda: 0), "penalty", "function"),
    "regime of a number": (lambda: sv.regime(1), "model", "got 1"),
    "phase of text": (lambda: sv.phase("a", 1), "alpha", "got 'a'"),
    "count of gigabytes": (lambda: sv.log_steps(100, 2**31), "count", "2147483648"),
    "model": (lambda: solve(model="PLRF"), "model", "got 'PLRF'"),
    "algorithm": (lambda: solve(algorithm="sgd"), "algorithm", "got 'sgd'"),
    "method": (lambda: solve(method="recursion"), "method", "got 'recursion'"),
}  # fmt: skip


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_the_error_names_argument_wanted_and_given(case):
    call, name, given_value = IMPOSSIBLE[case]
    with pytest.raises(ValueError, match=":") as caught:
        call()
    message = str(caught.value)
    assert message.startswith(f"{name}:"), message
    assert "wanted" in message, message
    assert given_value in message, message
    assert "\n" not in message or name == "algorithm", message


@pytest.mark.slow
def test_a_learning_rate_beyond_stability_names_the_threshold():
    threshold = float(sv.stability(MODEL, sv.SGD(0.1, 1)).critical_learning_rate)
    with pytest.raises(RuntimeError, match=f"diverges: the learning rate must stay below {threshold:.6g}"):
        sv.solve(MODEL, sv.SGD(5.0, 1), sv.Recursion(), [0, 1], throw=True)


@pytest.mark.parametrize("ratio", [None, 2.0])
def test_a_map_without_any_power_law_is_nan(ratio):
    found = sv.frontier_map(MODEL, sv.SGD(0.1, 1), [1e4, 1e6], alpha=[0.2, 0.3], beta=[0.1, 0.2], ratio=ratio)
    assert found.risk.shape == found.interior.shape == (2, 2)
    assert np.isnan(found.risk).all()
    assert np.isnan(found.loss_exponent).all()
    assert not found.interior.any()
    assert not found.staircase.any()


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=3))
def test_a_schedule_may_be_zero_and_is_seen_at_the_steps_that_are_asked(rates):
    table = jnp.asarray([*rates, -1.0])
    schedule = sv.SGD(lambda t: table[jnp.minimum(t, len(rates))], 1)
    sv.algorithms.base.check_settings(schedule, len(rates))
    with pytest.raises(ValueError, match=rf"learning_rate: wanted .* got -1 at step {len(rates)}"):
        sv.algorithms.base.check_settings(schedule, len(rates) + 1)


anything = st.one_of(
    st.floats(), st.integers(-10, 10), st.none(), st.text(max_size=3), st.booleans(), st.lists(st.floats(), max_size=3)
)


def only_value_errors(build):
    try:
        build()
    except ValueError as error:
        if "wanted" not in str(error):
            raise AssertionError(f"says nothing of what was wanted: {error}") from error


@given(alpha=anything, beta=anything, width=anything, ambient=anything, noise=anything)
def test_no_value_of_a_model_raises_anything_else(alpha, beta, width, ambient, noise):
    only_value_errors(lambda: sv.PowerLawRF(alpha, beta, width, ambient, noise))
    only_value_errors(lambda: sv.LinearRegression(alpha, beta, width, noise))


@given(rate=anything, batch_size=anything)
def test_no_value_of_an_algorithm_raises_anything_else(rate, batch_size):
    only_value_errors(lambda: sv.SGD(rate, batch_size))


@given(steps=st.one_of(anything, st.lists(st.one_of(st.integers(), st.floats()), max_size=4)))
def test_no_steps_raise_anything_else(steps):
    from solvable.verbs.solve import check_steps

    only_value_errors(lambda: check_steps(steps))


@given(
    alpha=st.floats(0.05, 4.0),
    excess=st.floats(0.01, 3.0),
    width=st.integers(1, 10**12),
    ratio=st.one_of(st.floats(1.0, 100.0), st.just(INF)),
    noise=st.floats(0.0, 10.0),
)
def test_every_possible_model_is_accepted(alpha, excess, width, ratio, noise):
    if math.isinf(ratio):
        alpha += 0.51
    model = sv.PowerLawRF(alpha, 0.5 - alpha + excess, width, width * ratio, noise)
    assert float(model.floor()) >= noise**2


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=5, unique=True))
def test_every_increasing_vector_of_steps_is_accepted(steps):
    from solvable.verbs.solve import check_steps

    steps = sorted(steps)
    assert check_steps(steps).tolist() == steps
    assert check_steps(np.array(steps, np.uint64)).dtype == np.int64
