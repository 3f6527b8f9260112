"""Each optimizer moves as its library twin does, and wrappers compose: step by step, given the same gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from rows import ROWS

import solvable as sv

K = np.arange(1.0, 11)
LAM = K**-1.4
PROBLEM = sv.LinearProblem(LAM, K**-0.6, 0.2, np.random.default_rng(0).normal(size=10))
STEPS = list(range(30))


def moved(algorithm, count=25, width=6):
    """The judged parameters after each of ``count`` steps, given gradients that depend on the parameters."""
    rng = np.random.default_rng(1)
    params = jnp.asarray(rng.normal(size=width))
    state, curvature, out = algorithm.init(params), jnp.asarray(rng.uniform(0.1, 1.0, width)), []
    for t in range(count):
        grad = curvature * params + jnp.asarray(rng.normal(size=width))
        params, state = algorithm.update(params, state, grad, jnp.asarray(t))
        out.append((params, algorithm.observed(params, state)))
    return tuple(np.stack([np.asarray(x) for x in parts]) for parts in zip(*out, strict=True))


RATE = optax.cosine_decay_schedule(0.3, 20)
G, MU, W = 0.2, 0.8, 0.3
TWINS = {
    "SGD": (sv.SGD(G), optax.sgd(G)),
    "SGD, cosine": (sv.SGD(sv.schedules.cosine(0.3, 20)), optax.sgd(RATE)),
    "SGD, an optax schedule": (sv.SGD(RATE), optax.sgd(RATE)),
    "heavy ball": (sv.HeavyBall(G, MU), optax.sgd(G, MU)),
    "heavy ball, cosine": (sv.HeavyBall(sv.schedules.cosine(0.3, 20), MU), optax.sgd(RATE, MU)),
    "Nesterov": (sv.Nesterov(G, MU), optax.sgd(G, MU, nesterov=True)),
    "lookahead": (sv.Nesterov(G, MU, form="lookahead"), optax.sgd(G, MU, nesterov=True)),
    "EMA of gradients": (sv.EMAMomentum(G, MU), optax.chain(optax.ema(MU, debias=False), optax.sgd(G))),
    "decay, SGD": (sv.WeightDecay(sv.SGD(G), W), optax.chain(optax.add_decayed_weights(W), optax.sgd(G))),
    "decay, heavy ball": (
        sv.WeightDecay(sv.HeavyBall(G, MU), W),
        optax.chain(optax.trace(MU), optax.add_decayed_weights(W), optax.scale(-G)),
    ),
    "decay, Nesterov": (
        sv.WeightDecay(sv.Nesterov(G, MU), W),
        optax.chain(optax.trace(MU, nesterov=True), optax.add_decayed_weights(W), optax.scale(-G)),
    ),
    "penalty, heavy ball": (
        sv.WeightDecay(sv.HeavyBall(G, MU), W, decoupled=False),
        optax.chain(optax.add_decayed_weights(W), optax.sgd(G, MU)),
    ),
    "schedule-free": (sv.ScheduleFree(G, 0.9), optax.contrib.schedule_free_sgd(G, b1=0.9)),
    "decay, schedule-free": (
        sv.WeightDecay(sv.ScheduleFree(G, 0.9), W),
        optax.contrib.schedule_free_sgd(G, b1=0.9, weight_decay=W),
    ),
}


@pytest.mark.parametrize("name", TWINS)
def test_an_update_is_that_of_optax(name):
    """The parameters where gradients are taken, over 25 steps, to 1e-6 of themselves."""
    ours, twin = TWINS[name]
    with jax.enable_x64(True):
        params, judged = moved(ours)
        # The averages of optax that are judged are read from its state, which `Optax` does not know.
        expected, _ = moved(sv.Optax(twin))
        if "schedule-free" in name:
            rng, state = np.random.default_rng(1), twin.init(jnp.asarray(expected[0]))
            start, curvature = jnp.asarray(rng.normal(size=6)), jnp.asarray(rng.uniform(0.1, 1.0, 6))
            y, state = start, twin.init(start)
            for x in judged:
                update, state = twin.update(curvature * y + jnp.asarray(rng.normal(size=6)), state, y)
                y = y + update
                wanted = optax.contrib.schedule_free_eval_params(state, y)
                np.testing.assert_allclose(x, wanted, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(params, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("inner", [sv.SGD(G), sv.Nesterov(G, MU), sv.WeightDecay(sv.HeavyBall(G, MU), W)], ids=str)
def test_averages_are_the_averages_of_the_judged_iterates(inner):
    with jax.enable_x64(True):
        _, iterates = moved(inner)
        raw, ema = moved(sv.EMA(inner, decay=0.7))
        _, tail = moved(sv.TailAverage(inner, start=9))
        np.testing.assert_allclose(raw, moved(inner)[0], rtol=1e-12)  # training does not change
    start = np.random.default_rng(1).normal(size=6)
    expected = [start]
    for x in iterates:
        expected.append(0.7 * expected[-1] + 0.3 * x)
    np.testing.assert_allclose(ema, expected[1:], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(tail[:10], iterates[:10], rtol=1e-12, atol=1e-14)
    means = [iterates[9 : n + 1].mean(0) for n in range(9, len(iterates))]
    np.testing.assert_allclose(tail[9:], means, rtol=1e-11, atol=1e-13)


RISING = sv.schedules.warmup(0.1, 5.0, 0.05)  # a rate that changes, and that no threshold need be computed for


def risks(algorithm, method=sv.Recursion()):  # noqa: B008
    with jax.enable_x64(True):
        return np.asarray(sv.solve(PROBLEM, algorithm, method, STEPS).risk)


@pytest.mark.parametrize("decoupled", [True, False])
def test_averaging_and_weight_decay_commute(decoupled):
    inner = sv.HeavyBall(RISING, MU, 3)
    first = sv.EMA(sv.WeightDecay(inner, 0.1, decoupled), decay=0.9)
    second = sv.WeightDecay(sv.EMA(inner, decay=0.9), 0.1, decoupled)
    assert first.count_moments() == second.count_moments() == 10
    np.testing.assert_allclose(risks(first), risks(second), rtol=1e-12)


def test_two_weight_decays_add_and_share_one_memory_of_the_target():
    twice = sv.WeightDecay(sv.WeightDecay(sv.HeavyBall(RISING, MU, 3), 0.1), 0.2)
    once = sv.WeightDecay(sv.HeavyBall(RISING, MU, 3), 0.3)
    assert twice.count_moments() == once.count_moments() == 6
    np.testing.assert_allclose(risks(twice), risks(once), rtol=1e-12)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (sv.HeavyBall(RISING, 0.0, 3), sv.SGD(RISING, 3)),
        (sv.EMAMomentum(5 * RISING, 0.8, 3), sv.HeavyBall(RISING, 0.8, 3)),  # v of one is 1 - mu times v of the other
        (sv.ScheduleFree(RISING, 1.0, 3), sv.TailAverage(sv.ScheduleFree(RISING, 1.0, 3), start=28)),
        (sv.DANA(RISING, 0.0, 0.0, 8.0, 3), sv.SGD(RISING, 3)),
        (sv.Preconditioned(sv.HeavyBall(RISING, 0.8, 3), 0.0), sv.HeavyBall(RISING, 0.8, 3)),
        (
            sv.Preconditioned(sv.Preconditioned(sv.SGD(RISING, 3), 0.2), 0.1),
            sv.Preconditioned(sv.SGD(RISING, 3), 0.3),
        ),
        (sv.EMA(sv.SGD(RISING, 3), decay=0.0), sv.SGD(RISING, 3)),
        (sv.WeightDecay(sv.HeavyBall(RISING, 0.8, 3), 0.0), sv.HeavyBall(RISING, 0.8, 3)),
        (sv.BatchSchedule(sv.HeavyBall(RISING, 0.8, 1), 3.0), sv.HeavyBall(RISING, 0.8, 3)),
        (sv.EMA(sv.BatchSchedule(sv.SGD(RISING, 1), lambda t: 3 + 0 * t), 0.9), sv.EMA(sv.SGD(RISING, 3), 0.9)),
    ],
    ids=lambda a: type(a).__name__,
)
def test_one_optimizer_is_a_special_case_of_another(first, second):
    np.testing.assert_allclose(risks(first), risks(second), rtol=1e-12)


def test_averaging_from_the_start_is_polyaks_mean_of_sgd():
    """The tail average from 0 is the mean of iterates 1 ... t."""
    _, iterates = moved(sv.SGD(G))
    np.testing.assert_allclose(
        moved(sv.TailAverage(sv.SGD(G)))[1], np.cumsum(iterates, 0) / np.arange(1, 26)[:, None], rtol=2e-5, atol=1e-6
    )


CONSTANT = ("EMA", "weight decay")  # by a convolution; the others by the kernel of two times


READ = ("heavy ball", "EMA", "weight decay", "schedule-free")
LONG = [pytest.param(n, marks=pytest.mark.slow) for n in sorted(ROWS.keys() - {"linear decay", *READ})]


@pytest.mark.parametrize("name", [*READ, *LONG])
def test_volterra_reads_what_is_judged(name):
    """Averages, lookahead and weight decay too: equal to the recursion."""
    algorithm = ROWS[name][0](0.3 if name in CONSTANT else RISING, 3)
    np.testing.assert_allclose(risks(algorithm, sv.Volterra()), risks(algorithm), rtol=1e-11)


def test_a_ramped_batch_is_the_recursion_with_its_own_noise_at_every_step():
    """One moment, in NumPy: m' = (1 - g lam)^2 m + (g^2 / B_t) lam (lam m + risk)."""
    g, expected = 0.2, []
    moments = np.asarray(PROBLEM.initial - PROBLEM.target, float) ** 2
    for t in STEPS:
        risk = 0.2 + (LAM * moments).sum()
        expected.append(risk)
        moments = (1 - g * LAM) ** 2 * moments + g**2 / (1.5 + 0.3 * t) * LAM * (LAM * moments + risk)
    np.testing.assert_allclose(risks(sv.BatchSchedule(sv.SGD(g), lambda t: 1.5 + 0.3 * t)), expected, rtol=1e-12)


@pytest.mark.parametrize("size", [lambda t: 1.5 + 0 * t, lambda t: 1 + 0.25 * t], ids=["between integers", "ramped"])
def test_a_batch_size_that_changes_or_is_no_integer_is_simulated(size):
    """20000 runs, within 3% with a standard error below 1%; the wrong noise, of batches twice as large, is refused."""
    steps = [1, 3, 10, 30]
    simulation, key = sv.Simulation(20_000), jax.random.key(0)
    simulate = lambda s: sv.solve(PROBLEM, sv.BatchSchedule(sv.SGD(0.3), s), simulation, steps, key=key)  # noqa: E731
    theory = np.asarray(sv.solve(PROBLEM, sv.BatchSchedule(sv.SGD(0.3), size), sv.Recursion(), steps).risk)
    run, wrong = simulate(size), simulate(lambda t: 2 * size(t))
    assert (np.asarray(run.stderr) / theory).max() < 0.01
    assert np.abs(np.asarray(run.risk) / theory - 1).max() < 0.03
    assert np.abs(np.asarray(wrong.risk) / theory - 1).max() > 0.1


@pytest.mark.slow
def test_the_typical_draw_and_many_draws_agree_for_a_composition():
    """A law: EMA of heavy ball with weight decay and a cosine rate, within 5 percent at width 64."""
    model = sv.PowerLawRF(0.8, 0.6, 64, 256, noise=0.1)
    algorithm = sv.EMA(sv.WeightDecay(sv.HeavyBall(sv.schedules.cosine(0.05, 60), 0.8, 4), 0.2), decay=0.9)
    steps = [0, 1, 5, 20, 40]
    theory = sv.solve(model, algorithm, sv.Recursion(), steps)
    run = sv.solve(model, algorithm, sv.Simulation(400), steps, key=jax.random.key(0))
    np.testing.assert_allclose(theory.risk, run.risk, rtol=0.05)
    assert (np.asarray(run.stderr) / np.asarray(run.risk)).max() < 0.05 / 3


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_rescaling_multiplies_the_rate_and_nothing_else(factor):
    for name in ROWS.keys() - {"preconditioned"}:
        scaled, built = ROWS[name][0](0.1).rescale(factor), ROWS[name][0](0.1 * factor)
        with jax.enable_x64(True):
            for ours, wanted in zip(scaled.linear_map(7), built.linear_map(7), strict=True):
                np.testing.assert_allclose(ours, wanted, rtol=1e-12)
