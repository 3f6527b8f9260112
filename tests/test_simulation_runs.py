"""Which numbers a simulation uses, what it records, and what it costs in memory and compilations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.algorithms.base import AbstractStepwise
from solvable.algorithms.sgd import SGD
from solvable.models.power_law_rf import PowerLawRF
from solvable.simulation import Simulation
from solvable.simulation.trajectory import trajectory
from solvable.verbs.solve import solve

KEY = jax.random.key(5)
MODEL = PowerLawRF(alpha=0.8, beta=0.4, width=9, ambient=30)
PROBLEM = MODEL.draw(jax.random.key(1))
SAMPLERS = ("direct", "batch", "wishart")
REDUCED = (pytest.param("direct", marks=pytest.mark.slow), "batch", "wishart")


def runs(target, num_runs, steps, batch_size=2, key=KEY, **options):
    return np.asarray(
        solve(target, SGD(0.2, batch_size), Simulation(num_runs, **options), steps, key=key).stats["runs"]
    )


@pytest.mark.parametrize("sampler", REDUCED)
def test_recording_more_steps_changes_nothing(sampler):
    few = runs(PROBLEM, 4, [0, 7, 700], sampler=sampler)
    many = runs(PROBLEM, 4, np.arange(701), sampler=sampler)
    np.testing.assert_allclose(many[:, [0, 7, 700]], few, rtol=1e-5)


@pytest.mark.parametrize("target", [PROBLEM, MODEL], ids=["problem", "model"])
def test_more_runs_extend_fewer(target):
    few, many = runs(target, 3, [0, 5, 50]), runs(target, 11, [0, 5, 50])
    np.testing.assert_allclose(many[:3], few, rtol=1e-5)
    assert len(np.unique(many[:, -1])) == 11


@pytest.mark.parametrize("sampler", REDUCED)
def test_chunks_change_nothing(sampler):
    source, algorithm = Simulation(1, sampler).source(PROBLEM, SGD(0.2, 3)), SGD(0.2, 3)
    records = jnp.asarray([0, 3, 64, 100], jnp.int32)

    def one(chunk):
        return np.asarray(trajectory(source, algorithm, records, KEY, chunk=chunk)[0])

    for chunk in (1, 7, 512):
        np.testing.assert_allclose(one(chunk), one(64), rtol=1e-5)


def test_runs_in_groups_are_the_same_runs():
    """600 runs are more than fit in flight together."""
    np.testing.assert_allclose(runs(PROBLEM, 600, [9])[:20], runs(PROBLEM, 20, [9]), rtol=1e-5)


@pytest.mark.slow
def test_many_draws_in_groups_are_the_same_draws():
    np.testing.assert_allclose(runs(MODEL, 300, [9])[:5], runs(MODEL, 5, [9]), rtol=1e-5)


def test_shared_draws():
    """Run r is on draw r mod num_draws, and the standard error is that of the draws' means."""
    curve = solve(MODEL, SGD(0.2), Simulation(12, num_draws=4), [0, 30], key=KEY)
    each = np.asarray(curve.stats["runs"], float)
    np.testing.assert_allclose(each[:4, 0], each[4:8, 0], rtol=1e-6)  # the risk at step 0 tells the draw
    means = each.reshape(3, 4, 2).mean(0)
    np.testing.assert_allclose(curve.stderr[1], means.std(0, ddof=1)[1] / 2, rtol=1e-4)
    np.testing.assert_allclose(each[:4], runs(MODEL, 4, [0, 30], batch_size=1), rtol=1e-5)


def test_the_step_zero_risk_comes_before_any_update():
    expected = float(PROBLEM.risk(PROBLEM.initial))
    for sampler in SAMPLERS:
        np.testing.assert_allclose(runs(PROBLEM, 2, [0], sampler=sampler), expected, rtol=1e-5)


def test_memory_does_not_grow_with_the_number_of_steps():
    source, algorithm = Simulation(1).source(PROBLEM, SGD(0.2)), SGD(0.2)

    def temporary_bytes(last):
        run = jax.jit(lambda s: trajectory(source, algorithm, s, KEY, chunk=64)[0])
        return run.lower(jnp.asarray([0, last], jnp.int32)).compile().memory_analysis().temp_size_in_bytes

    assert temporary_bytes(10**9) == temporary_bytes(100) < 10**6


def test_the_same_shapes_compile_once():
    class Counting(AbstractStepwise):
        batch_size: int | None = 1

        def init(self, params):
            return ()

        def update(self, params, state, grad, step):
            traced.append(1)
            return params - 0.1 * grad, state

    traced: list[int] = []
    solve(PROBLEM, Counting(), Simulation(3), [0, 10], key=KEY)
    first = len(traced)
    other = MODEL.draw(jax.random.key(99))
    solve(other, Counting(), Simulation(3), [0, 2000], key=jax.random.key(6))
    assert len(traced) == first > 0


@pytest.mark.parametrize("sampler", ["direct", "batch", pytest.param("wishart", marks=pytest.mark.slow)])
def test_precision_follows_the_user(sampler):
    single = solve(PROBLEM, SGD(0.2, 2), Simulation(3, sampler), [0, 20], key=KEY)
    with jax.enable_x64(True):
        double = solve(PROBLEM, SGD(0.2, 2), Simulation(3, sampler), [0, 20], key=KEY)
    assert single.risk.dtype == np.float32
    assert double.risk.dtype == np.float64
    np.testing.assert_allclose(
        double.risk[0], PROBLEM.risk(PROBLEM.initial), rtol=1e-12 if sampler != "direct" else 1e-10
    )
    if sampler != "direct":  # the same numbers, to more digits
        np.testing.assert_allclose(single.stats["runs"], double.stats["runs"], rtol=1e-3)


def test_vmap_over_the_learning_rate_is_the_loop():
    def at(rate):
        return solve(PROBLEM, SGD(rate), Simulation(4), [0, 5, 50], key=KEY).risk

    rates = jnp.asarray([0.05, 0.1, 0.2])
    np.testing.assert_allclose(jax.vmap(at)(rates), np.stack([at(r) for r in rates]), rtol=1e-5)


def test_other_keys_give_other_runs():
    assert (runs(PROBLEM, 2, [9]) != runs(PROBLEM, 2, [9], key=jax.random.key(6))).all()


def test_one_run_has_no_standard_error():
    curve = solve(PROBLEM, SGD(0.2), Simulation(), [0, 3], key=KEY)
    assert np.isnan(np.asarray(curve.stderr)).all()
    assert curve.steps.dtype == np.int64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_runs": 0}, "num_runs: wanted an integer >= 1; got 0"),
        ({"num_runs": 2.0}, "num_runs: wanted an integer >= 1; got 2.0"),
        ({"sampler": "exact"}, "sampler: wanted one of auto, direct, batch, wishart; got 'exact'"),
        ({"num_runs": 6, "num_draws": 4}, "num_draws: wanted a divisor of num_runs=6; got 4"),
    ],
)
def test_impossible_settings_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        Simulation(**arguments)


def test_steps_beyond_simulation_are_refused():
    with pytest.raises(ValueError, match=r"steps: wanted 0 <= step < 2\^31 for a simulation; got 0 to 1000000000000"):
        solve(PROBLEM, SGD(0.2), Simulation(), [0, 10**12], key=KEY)


def test_a_missing_key_is_refused():
    with pytest.raises(ValueError, match="key: wanted"):
        solve(PROBLEM, SGD(0.2), Simulation(), [0, 1])


def test_direct_needs_finitely_many_inputs():
    endless = PowerLawRF(alpha=0.8, beta=0.4, width=5, ambient=np.inf).draw(KEY)
    with pytest.raises(ValueError, match="ambient"):
        solve(endless, SGD(0.2), Simulation(sampler="direct"), [0, 1], key=KEY)
