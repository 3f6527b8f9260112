"""Seconds of several functions, side by side."""

import contextlib
import datetime
import functools
import json
import os
import platform
import statistics
import time
from pathlib import Path

import jax
import numpy as np

from solvable.numerics import normals

HISTORY = Path(__file__).with_name("history.jsonl")


def alternating(*functions, repeats):
    """Seconds of each function in ``repeats`` rounds, called in turns after one warming call each."""
    for function in functions:
        function()
    times = [[] for _ in functions]
    for _ in range(repeats):
        for function, kept in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            kept.append(time.perf_counter() - start)
    return times


def medians(*functions, repeats=7):
    """Median seconds of each function."""
    return [statistics.median(kept) for kept in alternating(*functions, repeats=repeats)]


def best(*functions, repeats=3):
    """Least seconds of each function."""
    return [min(kept) for kept in alternating(*functions, repeats=repeats)]


def aim(name, ratio, *, at_least=None, at_most=None, **numbers):
    """Print a ratio beside its aim and keep it in the history; a missed aim is said, and fails nothing.

    Args:
        name: what is compared.
        ratio: the number; of two times measured in turns in one process, so that it depends little on the machine.
        at_least, at_most: what is aimed at.
        numbers: what it was made of.
    """
    met = (at_least is None or ratio >= at_least) and (at_most is None or ratio <= at_most)
    bounds = ("at least", at_least), ("at most", at_most)
    wanted = " and ".join(f"{word} {x:g}" for word, x in bounds if x is not None)
    print(f"\n{name}: {ratio:.3g} (aim {wanted}: {'met' if met else 'MISSED'}); {numbers}")
    keep({"name": name, "ratio": ratio, "aim": wanted, "met": met, **numbers})


def keep(entry):
    """Add an entry to benchmarks/history.jsonl, with the day and the machine."""
    day = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M")
    line = {"day": day, "processor": processor(), "jax": jax.__version__, **entry}
    with HISTORY.open("a") as file:
        file.write(json.dumps(line, default=float) + "\n")


@functools.cache
def processor():
    """The processor's name and how many of its cores this process may use."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores"


def limits():
    """What the machine can do: bytes copied, operations of a matrix product, random words and normals a second."""
    size, count = 1 << 24, 1 << 16  # bytes that leave the cache, numbers that do not
    source, matrix = np.ones(size, np.float32), jax.numpy.ones((1024, 1024), np.float32)
    target, key = np.empty_like(source), jax.random.key(0)
    words = jax.jit(lambda key: jax.random.bits(key, (count,)))
    draws = jax.jit(lambda key: jax.random.normal(key, (count,)))
    product = jax.jit(lambda x: x @ x)
    ours = jax.jit(lambda w: normals.normal_pairs(w, jax.numpy.arange(256), count // 512))
    key_words = normals.key_words(key)
    run = [
        lambda: np.copyto(target, source),
        lambda: jax.block_until_ready(product(matrix)),
        lambda: jax.block_until_ready(words(key)),
        lambda: jax.block_until_ready(draws(key)),
        lambda: jax.block_until_ready(ours(key_words)),
    ]
    copy, dense, cipher, normal, own = best(*run, repeats=5)
    return {
        "copied_gigabytes_a_second": 2 * source.nbytes / copy / 1e9,
        "matrix_product_gigaflops": 2 * 1024**3 / dense / 1e9,
        "nanoseconds_a_random_word": cipher / count * 1e9,
        "nanoseconds_a_normal_of_jax": normal / count * 1e9,
        "nanoseconds_a_normal_of_ours": own / count * 1e9,
    }
