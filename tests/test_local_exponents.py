"""Local exponents of a measured frontier follow a law that bends: they see half a decade on either side, no more."""

import numpy as np
from scipy.optimize import minimize_scalar

import solvable as sv

WIDTH = np.sqrt(2.0) ** np.arange(4, 34)
STEPS = np.unique(np.round(np.geomspace(1, 1e7, 400)))
COMPUTE = np.geomspace(1e3, 1e9, 49)


def risk(width, steps):
    """The exponent of the width falls from 2 to 1/4 where the two terms cross, near width 100."""
    return 3000 * width**-2.0 + width**-0.25 + 2 * steps**-0.9


def exact(compute):
    """(log risk, log width) of the best width at one compute, real-valued."""
    at = lambda x: risk(np.exp(x), compute / np.exp(x))  # noqa: E731
    best = minimize_scalar(at, bounds=(0.5, 12), method="bounded", options={"xatol": 1e-10}).x
    return np.log(at(best)), best


def test_local_exponents_are_slopes_over_one_decade_of_the_exact_frontier():
    found = sv.fits.measure_frontier(WIDTH, STEPS, risk(WIDTH[:, None], STEPS), approach="envelope", compute=COMPUTE)
    decade = 10 ** np.linspace(-0.5, 0.5, 9)
    inner = (COMPUTE > 1e4) & (COMPUTE < 1e8) & found.interior
    assert inner.sum() >= 25
    slopes = np.array([np.polyfit(np.log(decade), [exact(c * d) for d in decade], 1)[0] for c in COMPUTE[inner]])
    assert np.ptp(slopes[:, 1]) > 0.2  # it does bend
    np.testing.assert_allclose(found.loss_exponent[inner], -slopes[:, 0], atol=0.001)
    np.testing.assert_allclose(found.width_exponent[inner], slopes[:, 1], atol=0.01)
