"""Speed of sweeps, as ratios measured side by side.

    pytest benchmarks/test_sweep_speed.py --benchmark-only -s -p no:cacheprovider

Times are wall times on an otherwise quiet machine. What starts cold runs in a process of its own.
"""

import itertools
import json
import subprocess
import sys
import textwrap
import time
from functools import partial
from pathlib import Path

import jax
import numpy as np
import pytest
from timing import aim, best

import solvable as sv

KEY = jax.random.key(0)
WIDTHS = sorted({round(w) for w in np.geomspace(16, 256, 10)})
RATES = [float(r) for r in np.geomspace(0.02, 0.5, 20)]
STEPS = [0, 10, 100, 300, 1000]
SAMPLED = 2  # seeds of the loop that are run, of 16: a cell costs the same at every seed
AXES = {"width": WIDTHS, "learning_rate": RATES, "seed": list(range(16))}
HERE = Path(__file__).parent


def build(width, learning_rate):
    return sv.PowerLawRF(alpha=1.0, beta=0.5, width=width, ambient=4 * width), sv.SGD(learning_rate, 1)


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def swept(**options):
    return sv.sweep(build, AXES, sv.Simulation(), STEPS, key=KEY, progress=False, **options)


def looped(seeds):
    """Single jitted runs; a draw is made once and used at every learning rate."""
    for width in WIDTHS:
        for seed in seeds:
            problem = build(width, 0.1)[0].draw(jax.random.fold_in(KEY, seed))
            for rate in RATES:
                np.asarray(sv.solve(problem, sv.SGD(rate, 1), sv.Simulation(), STEPS, key=KEY).risk)


PROLOGUE = f"""
import sys; sys.path.insert(0, {str(HERE)!r})
import test_sweep_speed as s, xarray as xr
s.sv.sweep, s.sv.Simulation, s.sv.LinearRegression, xr.Dataset({{"a": ("x", [0.0])}})  # imported when first used
"""


def fresh(code, *arguments):
    """The number a new process prints last; everything it needs is imported before."""
    program = PROLOGUE + textwrap.dedent(code)
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def report(benchmark, ratio, *, at_least=None, at_most=None, **numbers):
    rounded = {name: round(value, 3) for name, value in numbers.items()}
    benchmark.extra_info.update(rounded, ratio=round(ratio, 2))
    benchmark.pedantic(lambda: None, rounds=1)
    aim(benchmark.name, ratio, at_least=at_least, at_most=at_most, **rounded)


def test_a_sweep_against_a_loop_cold(benchmark):
    """3200 cells, compilation included. The loop compiles for every width; of its runs two seeds of 16 are timed."""
    ours = fresh("print(s.seconds(s.swept))")
    first, second = fresh("print([s.seconds(lambda: s.looped([0])), s.seconds(lambda: s.looped([1]))])")
    theirs = first + 15 * second
    report(benchmark, theirs / ours, at_least=6, sweep=ours, loop=theirs)


def test_a_sweep_against_a_loop_warm(benchmark):
    swept()
    looped([0])
    ours = seconds(swept)
    theirs = seconds(partial(looped, range(1, 1 + SAMPLED))) * 16 / SAMPLED
    report(benchmark, theirs / ours, at_least=3, sweep=ours, loop=theirs)


def test_overhead_of_a_store(benchmark, tmp_path):
    """Three chunks that take about a second; with and without a store in turn, the best of five."""
    axes = {"learning_rate": [float(r) for r in np.geomspace(0.02, 0.5, 60)], "seed": list(range(16))}
    run = partial(sv.sweep, one_width, axes, sv.Simulation(), [0, 4000], key=KEY, chunk=320, progress=False)
    folders = (tmp_path / str(i) for i in itertools.count())
    plain, stored = best(run, lambda: run(store=next(folders)), repeats=5)
    report(benchmark, stored / plain, at_most=1.05, plain=plain, stored=stored, a_chunk=plain / 3)


def one_width(learning_rate):
    return build(200, learning_rate)


def tiny(alpha, learning_rate):
    return sv.LinearRegression(alpha=alpha, beta=0.5, width=8), sv.SGD(learning_rate, 1)


def many_cells(store):
    axes = {
        "alpha": [float(a) for a in np.linspace(0.5, 2, 25)],
        "learning_rate": [float(r) for r in np.geomspace(0.01, 0.1, 25)],
        "seed": list(range(16)),
    }
    return sv.sweep(tiny, axes, sv.Simulation(), [0, 100], key=KEY, store=store, progress=False)


def test_resuming_a_finished_store(benchmark, tmp_path):
    """10 000 cells; the resuming process is new, its imports not counted."""
    many_cells(tmp_path)
    again = fresh("print(s.seconds(lambda: s.many_cells(sys.argv[1])))", tmp_path)
    report(benchmark, again, at_most=2, resume=again)


def long_cells(store, share, shares):
    axes = {"learning_rate": [0.05, 0.1, 0.2, 0.4], "seed": list(range(32))}
    options = {"key": KEY, "store": store, "chunk": 8, "progress": False, "shard": (share, shares)}
    return sv.sweep(one_width, axes, sv.Simulation(), [0, 40_000], **options)


def test_two_processes_against_one(benchmark, tmp_path):
    """Two shares of one store, all started and compiled before the clock runs; needs two free cores.

    Two keep to a core each, as those of ``solvable sweep run --workers 2`` do. One has a core, or both of them.
    """
    program = (
        PROLOGUE
        + """
folder, share, shares = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
s.sv.sweep(s.one_width, {"learning_rate": [0.05], "seed": [0]}, s.sv.Simulation(), [0, 40_000], key=s.KEY)
print("ready", flush=True); sys.stdin.readline()
s.long_cells(folder, share, shares); print("done", flush=True)
"""
    )

    def run(folder, shares, apart=False):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        pinned = [["taskset", "-c", str(i)] if apart else [] for i in range(shares)]
        command = [sys.executable, "-c", program, str(folder)]
        workers = [subprocess.Popen([*pinned[i], *command, str(i), str(shares)], **pipes) for i in range(shares)]
        for worker in workers:
            assert worker.stdout.readline() == "ready\n"
        start = time.perf_counter()
        for worker in workers:
            worker.stdin.write("go\n")
            worker.stdin.flush()
        for worker in workers:
            assert worker.stdout.readline() == "done\n"
        elapsed = time.perf_counter() - start
        for worker in workers:
            worker.communicate()
        return elapsed

    one, two = (run(tmp_path / str(count), count, apart=True) for count in (1, 2))
    both = run(tmp_path / "both", 1)
    report(benchmark, one / two, at_least=1.7, one=one, one_with_both_cores=both, two=two)


@pytest.mark.parametrize("method", ["Recursion", "Simulation"])
def test_a_compilation_cache(benchmark, tmp_path, method):
    """What a second process saves by ``compilation_cache=folder``."""
    code = f"""
    print(s.seconds(lambda: s.sv.sweep(s.one_width, {{"learning_rate": [0.1], "seed": [0]}}, s.sv.{method}(),
          s.STEPS, key=s.KEY, compilation_cache=sys.argv[1], progress=False)))
    """
    first, second = (fresh(code, tmp_path) for _ in range(2))
    report(benchmark, first / second, at_least=1, first=first, second=second)


def test_the_plan_s_operations_against_the_clock(benchmark):
    """The estimate is proportional to the work: operations a second at one width and at another."""
    rates = []
    for width in (60, 250):
        axes = {"learning_rate": RATES, "seed": list(range(16))}
        law = {60: narrow, 250: wide}[width]
        run = partial(sv.sweep, law, axes, sv.Simulation(), [0, 3000], key=KEY, progress=False)
        flops = sv.plan(law, axes, sv.Simulation(), [0, 3000], key=KEY).flops
        run()
        rates.append(flops / min(seconds(run) for _ in range(2)))
    report(benchmark, rates[1] / rates[0], at_least=1 / 3, at_most=3, narrow=rates[0], wide=rates[1])


def narrow(learning_rate):
    return sv.LinearRegression(alpha=1.0, beta=0.5, width=60), sv.SGD(learning_rate, 1)


def wide(learning_rate):
    return sv.LinearRegression(alpha=1.0, beta=0.5, width=250), sv.SGD(learning_rate, 1)
