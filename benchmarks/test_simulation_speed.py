"""Speed of the simulation, as ratios measured side by side in one process.

    pytest benchmarks/test_simulation_speed.py --benchmark-only -s -p no:cacheprovider

Times are the best of several rounds, and the rounds of the two sides alternate, so that other work on the
machine weighs on both alike. The time of a one-step run is taken off, so that lowering a problem and calling
drop out.
"""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from timing import aim

import solvable as sv
from solvable.numerics import normals

KEY = jax.random.key(0)
ROUNDS = 4


def per_step(problem, sampler, num_runs, last, batch_size=1):
    """A function that measures seconds per step and run."""
    algorithm, method = sv.SGD(0.1, batch_size), sv.Simulation(num_runs, sampler)

    def seconds(steps):
        start = time.perf_counter()
        jax.block_until_ready(sv.solve(problem, algorithm, method, [0, steps], key=KEY).stats["runs"])
        return time.perf_counter() - start

    seconds(1)  # compiles
    overhead = min(seconds(1) for _ in range(5))
    return lambda: (seconds(last) - overhead) / (last - 1) / num_runs


def drawing(width, num_runs, last):
    """A function that measures seconds per step and run of making the normals alone, in the same chunks."""
    words = jax.vmap(normals.key_words)(jax.random.split(KEY, num_runs))
    chunk = max(1, min(512, 2**18 // (width * num_runs)))

    @jax.jit
    def run(words):
        def body(i, carry):
            pairs, _ = carry
            steps = i * chunk + jnp.arange(chunk)
            return jax.vmap(lambda w: normals.normal_pairs(w, steps, width // 2))(words), normals.split_parts(pairs)

        start = jnp.zeros((num_runs, chunk, width // 2), jnp.complex64), jnp.zeros((num_runs, chunk, width))
        return jax.lax.fori_loop(0, last // chunk, body, start)

    jax.block_until_ready(run(words))

    def seconds():
        start = time.perf_counter()
        jax.block_until_ready(run(words))
        return (time.perf_counter() - start) / (last // chunk * chunk) / num_runs

    return seconds


def compare(benchmark, *, at_least=None, at_most=None, **sides):
    """Best time of each side in nanoseconds and the ratio of first to second, beside its aim."""
    best = np.min([[measure() for measure in sides.values()] for _ in range(ROUNDS)], axis=0)
    ratio, nanoseconds = (
        float(best[0] / best[1]),
        dict(zip(sides, np.round(1e9 * best, 1).tolist(), strict=True)),
    )
    benchmark.extra_info.update(nanoseconds, ratio=round(ratio, 2))
    benchmark.pedantic(list(sides.values())[-1], rounds=1)
    aim(benchmark.name, ratio, at_least=at_least, at_most=at_most, **nanoseconds)


@pytest.fixture(scope="module")
def problems():
    return {
        width: sv.PowerLawRF(alpha=1.0, beta=0.5, width=width, ambient=ambient).draw(KEY)
        for width, ambient in ((500, 2500), (1000, 4000))
    }


@pytest.mark.parametrize(("width", "num_runs", "wanted"), [(500, 1, 25), (500, 32, 30), (1000, 1, 50), (1000, 32, 45)])
def test_reduced_against_direct(benchmark, problems, width, num_runs, wanted):
    """The eigenbasis against the ambient features, batch of one, per run.

    Bounds guard against a regression. For 32 runs they lie below the aims, 60 and 100 (see docs/speed.md).
    """
    direct = per_step(problems[width], "direct", num_runs, 2000 if num_runs == 1 else 150)
    reduced = per_step(problems[width], "auto", num_runs, 40_000 // num_runs)
    compare(benchmark, direct=direct, reduced=reduced, at_least=wanted)


@pytest.mark.parametrize("num_runs", [1, 32])
def test_a_step_against_its_normals(benchmark, problems, num_runs):
    step = per_step(problems[1000], "auto", num_runs, 40_000 // num_runs)
    compare(benchmark, step=step, draw=drawing(1000, num_runs, 40_000 // num_runs), at_most=1.5)


@pytest.mark.parametrize(("num_runs", "wanted"), [(1, 1.8), (32, 1.3)])
def test_a_batch_of_a_million_against_one(benchmark, problems, num_runs, wanted):
    """The aim is 1.3; one run alone misses it, bound by the number of separate loops in a step."""
    huge = per_step(problems[1000], "auto", num_runs, 40_000 // num_runs, batch_size=10**6)
    one = per_step(problems[1000], "auto", num_runs, 40_000 // num_runs)
    compare(benchmark, huge=huge, one=one, at_most=wanted)


def test_against_numpy_in_the_eigenbasis(benchmark, problems):
    """64 runs at width 500, in trajectory-steps a second."""
    problem, num_runs = problems[500], 64
    roots = np.sqrt(np.asarray(problem.eigvals, np.float32))
    delta = np.tile(-np.asarray(problem.target, np.float32), (num_runs, 1))
    sigma, rng, steps = np.float32(problem.floor) ** 0.5, np.random.default_rng(0), 200

    def plain():
        nonlocal delta
        start = time.perf_counter()
        for _ in range(steps):
            features = roots * rng.standard_normal(delta.shape, dtype=np.float32)
            noise = sigma * rng.standard_normal(num_runs, dtype=np.float32)
            residual = (features * delta).sum(1) - noise
            delta = delta - np.float32(0.1) * features * residual[:, None]
        return (time.perf_counter() - start) / steps / num_runs

    ours = per_step(problem, "auto", num_runs, 2000)
    compare(benchmark, numpy=plain, ours=ours, at_least=3)


def test_normals_against_jax(benchmark):
    """Time per normal, one stream filling a chunk again and again."""
    width, chunk, chunks = 1000, 256, 40

    def seconds(draw):
        run = jax.jit(lambda key: jax.lax.fori_loop(0, chunks, lambda i, _: draw(key, i), draw(key, 0)))
        jax.block_until_ready(run(KEY))

        def measure():
            start = time.perf_counter()
            jax.block_until_ready(run(KEY))
            return (time.perf_counter() - start) / (chunk * (chunks + 1) * width)

        return measure

    def theirs(key, i):
        return jax.random.normal(jax.random.fold_in(key, i), (chunk, width))

    def ours(key, i):
        return normals.normal_pairs(normals.key_words(key), i * chunk + jnp.arange(chunk), width // 2)

    compare(benchmark, jax=seconds(theirs), ours=seconds(ours), at_least=1.5)
