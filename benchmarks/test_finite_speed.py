"""Speed on finite data sets, as ratios measured side by side in one process.

    pytest benchmarks/test_finite_speed.py --benchmark-only -s -p no:cacheprovider

The other side is the loop a NumPy or scikit-learn user would write. Times are the best of several rounds that alternate
between the two sides; drawing the data is on neither side unless stated.
"""


import jax
import numpy as np
import pytest
from timing import aim, best

import solvable as sv

KEY = jax.random.key(0)


def report(benchmark, name, ours, theirs, least):
    aim(name, theirs / ours, at_least=least, ours=ours, theirs=theirs)
    benchmark.extra_info["ratio"] = theirs / ours
    benchmark.pedantic(lambda: None, rounds=1)


def problem(width, samples):
    return sv.PowerLawRF(1.0, 0.5, width, 4 * width, noise=0.1, samples=samples).draw(KEY)


def test_sgd_over_a_finite_set_against_a_loop_in_numpy(benchmark):
    width, samples, num_runs, last, size = 100, 200, 64, 2000, 8
    data = problem(width, samples)
    features, targets = np.asarray(data.features, np.float32), np.asarray(data.targets, np.float32)
    method, algorithm = sv.Simulation(num_runs), sv.SGD(0.1, size)

    def ours():
        jax.block_until_ready(sv.solve(data, algorithm, method, [0, last], key=KEY).stats["runs"])

    def theirs():
        rng = np.random.default_rng(0)
        for _ in range(num_runs):
            params = np.zeros(width, np.float32)
            for index in rng.integers(samples, size=(last, size)):
                f = features[index]
                params -= np.float32(0.1 / size) * (f.T @ (f @ params - targets[index]))

    report(benchmark, f"multi-pass SGD, {num_runs} runs of {last} steps", *best(ours, theirs), 1.5)


def test_exact_descent_at_a_hundred_times_against_the_loop(benchmark):
    last = 100_000
    data = problem(100, 200)
    features, targets = np.asarray(data.features), np.asarray(data.targets)
    eigvals, target = np.asarray(data.eigvals), np.asarray(data.target)
    steps = sv.log_steps(last, 100)

    def ours():
        sv.solve(data, sv.SGD(0.1, None), sv.Exact(), steps)

    def theirs():
        covariance, overlap = features.T @ features / 200, features.T @ targets / 200
        params, wanted, found = np.zeros(100), set(steps.tolist()), []
        for t in range(last + 1):
            if t in wanted:
                found.append((eigvals * (params - target) ** 2).sum())
            params = params - 0.1 * (covariance @ params - overlap)

    report(benchmark, f"exact gradient descent to step {last}", *best(ours, theirs), 5)


def test_ridge_over_draws_against_scikit_learn(benchmark):
    """Features and data drawn anew in every run, on both sides."""
    width, samples, num_runs = 200, 300, 16
    linear_model = pytest.importorskip("sklearn.linear_model")
    model = sv.PowerLawRF(1.0, 0.5, width, 4 * width, noise=0.1, samples=samples)
    scale = np.arange(1.0, 4 * width + 1) ** -1.0

    def ours():
        sv.solve(model, sv.Ridge(1e-3), sv.Simulation(num_runs), key=KEY)

    def theirs():
        rng = np.random.default_rng(0)
        for _ in range(num_runs):
            factor = scale[:, None] * rng.standard_normal((4 * width, width)) / np.sqrt(width)
            inputs = rng.standard_normal((samples, 4 * width))
            labels = scale * np.arange(1.0, 4 * width + 1) ** -0.5
            targets = inputs @ labels + 0.1 * rng.standard_normal(samples)
            fit = linear_model.Ridge(1e-3 * samples, fit_intercept=False).fit(inputs @ factor, targets)
            ((factor @ fit.coef_ - labels) ** 2).sum()

    report(benchmark, f"ridge over {num_runs} draws", *best(ours, theirs), 0.1)
