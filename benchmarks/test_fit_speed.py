"""Chinchilla's fit beside the public procedure: 4500 starts, one after the other, in SciPy.

    SOLVABLE_RUNS=runs.csv pytest benchmarks/test_fit_speed.py -m "" --benchmark-disable -s

Without a CSV of runs (columns as in besiroglu2024/chinchilla) runs are drawn from the law. The public procedure is
timed on every 45th of its starts, and counted 45 times.
"""

import itertools
import os
import time

import numpy as np
import pytest
from scipy import optimize, special
from timing import aim

import solvable as sv
from solvable.fits import Bootstrap, Hessian

SHARE = 45


def table():
    path = os.environ.get("SOLVABLE_RUNS", "")
    if path:
        return path, 5
    rng = np.random.default_rng(0)
    size, data = np.exp(rng.uniform(np.log([6e7, 1e9]), np.log([1.5e10, 3e11]), (240, 2))).T
    loss = (1.8169 + 482.01 * size**-0.3478 + 2085.43 * data**-0.3659) * np.exp(0.005 * rng.laplace(size=240))
    return {"N": size, "D": data, "L": loss}, 0


def public(fit):
    """The least loss of L-BFGS from every start, and the seconds of all of them."""
    n, d, y = (np.log(fit.data[name]) for name in "NDL")

    def loss(p):
        terms = np.stack([p[0] - p[3] * n, p[1] - p[4] * d, np.full_like(n, p[2])])
        total = special.logsumexp(terms, axis=0)
        share, r = np.exp(terms - total), total - y
        psi = np.clip(r, -1e-3, 1e-3)
        slopes = np.stack([share[0], share[1], share[2], -n * share[0], -d * share[1]])
        return (psi * (r - psi / 2)).sum(), slopes @ psi

    scale, exponent = np.arange(0, 30, 5), np.arange(0, 2.5, 0.5)
    grid = itertools.product(scale, scale, np.arange(-1, 1.5, 0.5), exponent, exponent)
    starts, begin = list(grid)[::SHARE], time.perf_counter()
    best = min(optimize.minimize(loss, start, jac=True, method="BFGS").fun for start in starts)
    return best, SHARE * (time.perf_counter() - begin)


@pytest.mark.slow
def test_the_fit_is_thirty_times_faster_than_the_public_procedure():
    data, dropped = table()

    def ours():
        return sv.fit(data, uncertainty=Hessian(), drop_largest=dropped, warn=False)

    fit = ours()
    best, seconds = public(fit)
    begin = time.perf_counter()
    ours()
    own = time.perf_counter() - begin
    assert fit.objective <= best * (1 + 1e-6)
    aim("public procedure of 4500 starts over the fit", seconds / own, at_least=30, public=seconds, own=own)
    resampled = lambda: sv.fit(data, uncertainty=Bootstrap(4000), drop_largest=dropped, warn=False)  # noqa: E731
    resampled()
    begin = time.perf_counter()
    resampled()
    aim("4000 resamples over one fit", (time.perf_counter() - begin) / own, at_most=100)
