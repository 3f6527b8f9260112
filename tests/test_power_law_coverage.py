"""How often the intervals of `fit_power_law` hold the truth, for errors of every kind it claims, by simulation."""

import numpy as np
import pytest

from solvable.fits.power_law import fit_power_law


def wandering(rng, shape, rho):
    """Stationary normals of variance 1 whose neighbours have correlation rho; shape (sets, points)."""
    steps = rng.standard_normal(shape)
    steps[:, 1:] *= np.sqrt(1 - rho**2)
    for i in range(1, shape[1]):
        steps[:, i] += rho * steps[:, i - 1]
    return steps


def coverage(errors, points, *, free, rho=0.0, growth=1.0, sets, seed=0):
    """Parts of data sets whose intervals hold exponent, prefactor and floor, and whose curvature is called real."""
    x = np.logspace(1, 4, points)
    law = 3 * x**-0.7 + (0.02 if free else 0.0)
    sizes = 0.02 * np.geomspace(1 / growth, 1.0, points)
    noise = sizes * wandering(np.random.default_rng([seed, points]), (sets, points), rho)
    held = np.zeros(4)
    for row in law * np.exp(noise):
        fit = fit_power_law(x, row, floor="fit" if free else 0.0, errors=errors, warn=False)
        held += [0.7 in fit.exponent, 3 in fit.prefactor, not free or 0.02 in fit.floor, abs(fit.curvature_z) > 3]
    return held / sets
