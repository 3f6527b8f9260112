"""The mean-field dynamics cost the same at any step, width and number of samples, and beat the dense time domain.

    pytest benchmarks/test_dmft_speed.py -m "" --benchmark-disable -s

Every claim is a ratio of medians taken in turns in one process, so a busy machine changes both sides alike.
"""

import time

import numpy as np
import pytest
from timing import aim, medians

import solvable as sv


def curve(width, samples, steps, ambient=np.inf):
    """A curve with parameters not met before: nothing is remembered."""
    counter = iter(range(10**9))

    def run():
        model = sv.PowerLawRF(0.8, 0.6 + 1e-6 * next(counter), width, ambient, samples=samples)
        return sv.solve(model, sv.SGD(0.3, None), sv.DMFT(), steps).risk

    return run


def test_width_and_samples_of_a_billion_cost_what_a_thousand_do():
    steps = sv.log_steps(10**15, 200)
    small, large = medians(curve(1e3, 2e3, steps), curve(1e9, 2e9, steps))
    aim("200 steps to 1e15: 1e9 features over 1e3", large / small, at_most=1.5, small=small, large=large)


def test_late_steps_cost_what_early_ones_do():
    """As many windows of steps, a million times later."""
    early, late = medians(
        curve(1e6, 2e6, np.unique(np.geomspace(64, 10**6, 100).astype(int))),
        curve(1e6, 2e6, np.unique(np.geomspace(64 * 10**6, 10**12, 100).astype(int))),
    )
    aim("steps 6.4e7 to 1e12 over 64 to 1e6", late / early, at_most=1.5, early=early, late=late)


def time_domain(steps, modes=64, width=100.0, samples=80.0, rate=0.3):
    """The same theory step by step: Toeplitz responses lag by lag, then C0 ... C3 as matrices, iterated to 1e-9."""
    k = np.arange(1.0, modes + 1)
    lam, power = k**-1.6, k**-2.8
    r1, r3, r02, r24, both = (np.zeros(steps) for _ in range(5))
    h = np.zeros((steps, modes))
    r1[0] = r3[0] = both[0] = h[0] = 1.0
    for t in range(1, steps):
        past = np.cumsum(h[:t], 0)[::-1]
        h[t], pull = -rate * lam * (both[:t] @ past), -rate * past @ lam
        r02[t], r24[t] = pull @ r3[:t], pull @ r1[:t]
        r1[t], r3[t] = r02[1 : t + 1] @ r1[t - 1 :: -1] / samples, r24[1 : t + 1] @ r3[t - 1 :: -1] / width
        both[t] = r1[: t + 1] @ r3[t::-1]
    lag = np.arange(steps)[:, None] - np.arange(steps)
    matrix = lambda column: np.where(lag >= 0, column[np.maximum(lag, 0)], 0.0)  # noqa: E731
    one, three, eye = matrix(r1), matrix(r3), np.eye(steps)
    reached = np.cumsum(h, 0)
    shown = one @ reached
    c0 = start0 = (reached * power) @ reached.T
    c2 = start2 = (shown * lam * power) @ shown.T
    while True:
        c1, c3 = one @ c0 @ one.T / samples, three @ c2 @ three.T / width
        new0, new2, inner = start0.copy(), start2.copy(), three @ c1 @ three.T
        for j in range(modes):
            b = -rate * matrix(np.append(0.0, reached[:-1, j]))
            moved, kept = lam[j] * one @ b, eye + lam[j] * one @ b @ three
            new0 += lam[j] * b @ (c3 + lam[j] * inner) @ b.T
            new2 += moved @ c3 @ moved.T + lam[j] * kept @ c1 @ kept.T
        change, c0, c2 = abs(new0 - c0).max(), new0, new2
        if change < 1e-9:
            return np.diag(c0)


@pytest.mark.parametrize("steps", [50, *(pytest.param(n, marks=pytest.mark.slow) for n in (200, 1000))])
def test_faster_than_the_time_domain(steps):
    """Every step's risk, and the two agree; a list of 64 modes, the sizes of a laptop simulation."""
    ours = lambda: sv.solve(  # noqa: E731
        sv.PowerLawRF(0.8, 0.6, 100.0, 64, samples=80.0), sv.SGD(0.3, None), sv.DMFT(), np.arange(steps)
    ).risk
    start = time.perf_counter()
    theirs = time_domain(steps)
    slow = time.perf_counter() - start
    (fast,) = medians(ours)
    np.testing.assert_allclose(ours(), theirs, rtol=1e-7)
    least = 2 if steps == 50 else 20
    aim(f"{steps} steps: time domain over contour", slow / fast, at_least=least, slow=slow, fast=fast)
