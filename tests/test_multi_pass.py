"""Training on a finite data set: the simulation agrees with exact theory, and its passes are what they are called."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import solvable as sv
from solvable.algorithms.gradient_flow import GradientFlow

KEY = jax.random.key(4)
STEPS = np.array([0, 1, 3, 20, 150])


def draw(samples, width=12):
    return sv.PowerLawRF(0.8, 0.6, width, 40, noise=0.2, samples=samples).draw(KEY)


def z_scores(curve, theory):
    population = (np.asarray(curve.risk, float) - theory.risk)[1:] / np.asarray(curve.stderr, float)[1:]
    training = (np.asarray(curve.train_risk, float) - theory.train_risk)[1:]
    return population, training / np.asarray(curve.stats["train_stderr"], float)[1:]


@pytest.mark.parametrize(
    ("samples", "batch_size"), [*(pytest.param(*n, marks=pytest.mark.slow) for n in ((7, 1), (12, 3))), (30, 4)]
)
def test_sgd_with_replacement_has_the_exact_mean(samples, batch_size):
    """Population and training risk, data fewer than, as many as and more than the features."""
    data, algorithm = draw(samples), sv.SGD(0.3, batch_size)
    theory = sv.solve(data, algorithm, sv.Exact(), STEPS)
    curve = sv.solve(data, algorithm, sv.Simulation(2000), STEPS, key=KEY)
    assert np.abs(z_scores(curve, theory)).max() < 4.5
    assert curve.stats["train_runs"].shape == curve.stats["runs"].shape == (2000, 5)


def test_full_batch_descent_is_deterministic_given_the_draw():
    data = draw(9)
    curve = sv.solve(data, sv.SGD(0.3, None), sv.Simulation(3), STEPS, key=KEY)
    theory = sv.solve(data, sv.SGD(0.3, None), sv.Exact(), STEPS)
    np.testing.assert_allclose(curve.risk, theory.risk, rtol=2e-6)
    np.testing.assert_allclose(curve.train_risk, theory.train_risk, rtol=2e-5)
    runs = curve.stats["runs"]
    np.testing.assert_array_equal(runs, np.broadcast_to(runs[:1], runs.shape))


@pytest.mark.parametrize("algorithm", [sv.Ridge(0.0), sv.Ridge(0.02), GradientFlow(0.3)], ids=repr)
@pytest.mark.parametrize("samples", [7, 30])
def test_what_has_no_steps_is_solved_directly(algorithm, samples):
    data, steps = draw(samples), None if isinstance(algorithm, sv.Ridge) else STEPS
    curve = sv.solve(data, algorithm, sv.Simulation(2), steps, key=KEY)
    theory = sv.solve(data, algorithm, sv.Exact(), steps)
    np.testing.assert_allclose(curve.risk, theory.risk, rtol=1e-9)
    np.testing.assert_allclose(curve.train_risk, theory.train_risk, rtol=1e-9, atol=1e-20)


def indices(order, samples, size, last, chunk, rows=None):
    """The samples used at steps 0 ... last - 1, drawn in chunks; shape (last, size)."""
    data = draw(samples)
    if rows is not None:  # absent samples
        pad = rows - samples
        features, targets = np.pad(data.features, ((0, pad), (0, 0))), np.pad(data.targets, (0, pad))
        data = sv.models.FiniteProblem(data.problem, features, targets, samples)
    source = sv.Simulation(order=order).source(data, sv.SGD(0.1, size))
    streams = source.streams(KEY)
    draw_chunk = jax.jit(lambda start: source.draw(streams, start + jnp.arange(chunk, dtype=jnp.int32)))
    return np.concatenate([draw_chunk(jnp.int32(start)) for start in range(0, last, chunk)])[:last]


@pytest.mark.parametrize(
    ("samples", "size"), [(7, 3), *(pytest.param(*n, marks=pytest.mark.slow) for n in ((6, 4), (5, 12)))]
)
def test_an_epoch_uses_every_sample_once(samples, size):
    """Also where the batch does not divide the data, or is larger than them; on any chunking, absent samples or not."""
    used = indices("epochs", samples, size, 42, 42)
    passes = used.reshape(-1)[: used.size // samples * samples].reshape(-1, samples)
    np.testing.assert_array_equal(np.sort(passes, axis=1), np.broadcast_to(np.arange(samples), passes.shape))
    assert len({tuple(p) for p in passes}) > 1
    np.testing.assert_array_equal(indices("epochs", samples, size, 42, 5), used)
    absent = indices("epochs", samples, size, 42, 42, rows=samples + 3)
    passes = absent.reshape(-1)[: used.size // samples * samples].reshape(-1, samples)
    np.testing.assert_array_equal(np.sort(passes, axis=1), np.broadcast_to(np.arange(samples), passes.shape))


def test_shuffles_and_draws_with_replacement_are_uniform():
    used = indices("epochs", 3, 3, 6000, 500)
    counts = np.unique(used, axis=0, return_counts=True)[1]
    assert len(counts) == 6
    assert ((counts - 1000) ** 2 / 1000).sum() < 27.9  # chi-square of 5 degrees of freedom: p = 4e-5
    counts = np.unique(indices("replacement", 4, 2, 8000, 500).reshape(-1) + 0, return_counts=True)[1]
    assert len(counts) == 4
    assert ((counts - 4000) ** 2 / 4000).sum() < 24.0  # 3 degrees of freedom: p = 3e-5


@pytest.mark.slow
@pytest.mark.parametrize("size", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_mean_over_epochs_equals_every_shuffle_enumerated(size):
    """3 samples: after 3 steps one pass of single samples, or two passes of pairs, one of which reaches over."""
    problem = sv.LinearProblem([1.0, 0.5], [1.0, -1.0], 0.3)
    data = sv.models.FiniteProblem.gaussian(problem, KEY, 3)
    features, targets = np.asarray(data.features), np.asarray(data.targets)
    found = []
    for shuffles in itertools.product(itertools.permutations(range(3)), repeat=size):
        params = np.zeros(2)
        for batch in np.concatenate(shuffles).reshape(3, size):
            f = features[batch]
            params = params - 0.5 * f.T @ (f @ params - targets[batch]) / size
        delta = params - np.array([1.0, -1.0])
        found.append((0.3 + (np.array([1.0, 0.5]) * delta**2).sum(), ((features @ params - targets) ** 2).mean()))
    population, training = np.mean(found, axis=0)
    curve = sv.solve(data, sv.SGD(0.5, size), sv.Simulation(6000, order="epochs"), [0, 3], key=KEY)
    assert abs(curve.risk[1] - population) < 4.5 * curve.stderr[1]
    assert abs(curve.train_risk[1] - training) < 4.5 * curve.stats["train_stderr"][1]


def test_every_run_of_a_model_has_its_own_features_and_data():
    model = sv.PowerLawRF(0.8, 0.6, 12, 40, samples=9)
    for algorithm, steps in ((sv.SGD(0.3, None), [0, 20]), (sv.Ridge(0.01), None)):
        more, fewer = (sv.solve(model, algorithm, sv.Simulation(n), steps, key=KEY).stats["runs"] for n in (6, 2))
        assert len(np.unique(more[:, -1])) == 6
        np.testing.assert_allclose(more[:2], fewer, rtol=1e-6)
    shared = sv.solve(model, sv.Ridge(0.01), sv.Simulation(6, num_draws=2), key=KEY).stats["runs"]
    assert len(np.unique(shared)) == 2


def test_adam_keeps_the_original_features():
    """Full-batch Adam against a loop in NumPy on the original feature coordinates."""
    data = draw(9)
    basis, targets = np.asarray(data.basis()), np.asarray(data.targets)
    features = np.asarray(data.features) @ basis.T
    curve = sv.solve(data, sv.Optax(optax.adam(0.05), None), sv.Simulation(), [0, 1, 20], key=KEY)
    params, first, second, found = np.zeros(12), 0.0, 0.0, []
    for t in range(21):
        delta = basis.T @ params - np.asarray(data.target)
        found.append(float(data.floor) + (np.asarray(data.eigvals) * delta**2).sum())
        gradient = features.T @ (features @ params - targets) / 9
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        params = params - 0.05 * first / (1 - 0.9 ** (t + 1)) / (np.sqrt(second / (1 - 0.999 ** (t + 1))) + 1e-8)
    np.testing.assert_allclose(curve.risk, np.array(found)[[0, 1, 20]], rtol=2e-5)


def test_momentum_runs_on_batches():
    """Heavy ball by optax with shuffled epochs: finite, and the training risk falls."""
    algorithm = sv.Optax(optax.sgd(0.05, momentum=0.9), 3)
    curve = sv.solve(draw(9), algorithm, sv.Simulation(2, order="epochs"), [0, 200], key=KEY)
    assert curve.train_risk[1] < 0.5 * curve.train_risk[0]


BAD = {
    "order": (lambda: sv.Simulation(order="sorted"), "order"),
    "sampler": (lambda: sv.solve(draw(5), sv.SGD(), sv.Simulation(sampler="wishart"), [1], key=KEY), "sampler"),
    "fresh": (lambda: sv.solve(sv.PowerLawRF(), sv.Ridge(0.1), sv.Simulation(), key=KEY), "samples"),
    "overflow": (
        lambda: sv.solve(draw(5), sv.SGD(0.1, 2**30), sv.Simulation(order="epochs"), [1], key=KEY), "batch_size"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_impossible_is_refused_by_name(case):
    build, name = BAD[case]
    with pytest.raises(ValueError, match=rf"{name}.*wanted"):
        build()
