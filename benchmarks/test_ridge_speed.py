"""A map of the ridge theory costs a fraction of a second, and sizes of 10^9 cost what 10^3 do.

    pytest benchmarks/test_ridge_speed.py -m "" --benchmark-disable -s

Ratios are of medians taken in turns in one process, so a busy machine changes both sides alike.
"""

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from timing import aim, medians

import solvable as sv

SIZES = np.geomspace(10, 1e5, 64)


def ridge_map(model, sizes, penalty):
    """A map over width and samples with parameters not met before: nothing is remembered."""
    counter = iter(range(10**9))

    def run():
        scale = 1 + 1e-9 * next(counter)
        return sv.ridge_map(model, width=sizes[:, None] * scale, samples=sizes, penalty=penalty).risk

    return run


@pytest.mark.parametrize("ambient", [10**6, math.inf])
def test_a_map_of_64_by_64_takes_a_fraction_of_a_second(ambient):
    model = sv.PowerLawRF(1.0, 0.3, 100, ambient, noise=0.1)
    plain, best = medians(ridge_map(model, SIZES, 1e-6), ridge_map(model, SIZES, "optimal"), repeats=3)
    aim(f"seconds of a map of 64 x 64, ambient {ambient:g}", plain, at_most=2, at_the_best_penalty=best)


def test_a_thousand_million_costs_what_a_thousand_does():
    model = sv.PowerLawRF(1.0, 0.3, 100, math.inf)
    around = np.geomspace(1, 3, 16)
    small, large = medians(ridge_map(model, 1e3 * around, 1e-6), ridge_map(model, 1e9 * around, 1e-6), repeats=15)
    aim("256 points at 1e9 over 1e3", large / small, at_most=1.5, small=small, large=large)


def numpy_risk(eigvals, power, width, samples, penalty, noise):
    """The same risk as anyone would write it: brentq and sums over the modes one by one."""
    learned = lambda x: (eigvals / (eigvals + np.exp(x))).sum()  # noqa: E731
    gap = lambda x: np.exp(x) * (1 - learned(x) / width) * (1 - learned(x) / samples) - penalty  # noqa: E731
    start = -60.0
    if min(width, samples) < len(eigvals):
        start = brentq(lambda x: learned(x) - min(width, samples), -60, 10)
    kappa = np.exp(brentq(gap, start, 20))
    share = eigvals / (eigvals + kappa)
    z, q = share.sum(), (share**2).sum()
    left = (1 - share) * (1 - share * (width - z) / (width - q))
    return (left @ power + noise**2) / (1 - (q * (width - 2 * z) + z**2) / (samples * (width - q)))


@pytest.mark.parametrize("ambient", [10**3, 10**5])
def test_against_a_loop_over_brentq(ambient):
    sizes = np.geomspace(20, 500, 8)
    j = np.arange(1.0, ambient + 1)
    eigvals, power = j**-2.0, j**-2.6

    def loop():
        return np.array([[numpy_risk(eigvals, power, n, t, 1e-5, 0.1) for t in sizes] for n in sizes])

    model = sv.PowerLawRF(1.0, 0.3, 100, ambient, noise=0.1)
    ours = lambda: sv.ridge_map(model, width=sizes[:, None], samples=sizes, penalty=1e-5).risk  # noqa: E731
    np.testing.assert_allclose(ours(), loop(), rtol=1e-8)
    fast, slow = medians(ours, loop, repeats=3)
    aim(f"64 points, ambient {ambient}: loop over ours", slow / fast, at_least=3, slow=slow, fast=fast)
