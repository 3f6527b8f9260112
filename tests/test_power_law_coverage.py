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


KINDS = {
    "equal": {}, "growing": {"growth": 10.0}, "falling": {"growth": 0.1}, "correlated": {"rho": 0.8},
    "correlated, growing": {"rho": 0.8, "growth": 10.0}, "correlated, falling": {"rho": 0.8, "growth": 0.1},
}  # fmt: skip


@pytest.mark.parametrize(
    ("errors", "kind", "points", "least", "most"),
    [
        ("independent", "equal", 10, 0.91, 0.99),
        ("independent", "growing", 20, 0.89, 0.98),
        ("correlated", "equal", 20, 0.94, 0.998),
        ("correlated", "correlated", 20, 0.88, 0.97),
    ],
)
def test_intervals_hold_the_truth(errors, kind, points, least, most):
    """250 data sets: the count has a standard deviation of 1.4%. Independent intervals of correlated errors: 0.5."""
    held = coverage(errors, points, free=False, sets=250, **KINDS[kind])
    assert least < held[0] < most, held
    assert held[3] < 0.02, held


@pytest.mark.slow
@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("points", [10, 20, 50])
@pytest.mark.parametrize("kind", KINDS)
def test_intervals_of_all_kinds_of_errors_hold_the_truth(kind, points, free):
    """The table of `docs/finite_data.md`: 500 data sets, standard deviation 1%; run with -s to print it."""
    row = {}
    for errors in ("correlated",) if "rho" in KINDS[kind] else ("correlated", "independent"):
        row[errors] = coverage(errors, points, free=free, sets=500, **KINDS[kind])
        assert row[errors][3] < 0.02, "a straight line called bent"
    print(kind, points, "floor fitted" if free else "floor known", row)
    if "independent" in row:
        assert 0.88 < row["independent"][0] < 0.985
    if kind in ("equal", "correlated"):
        assert 0.88 < row["correlated"][0] < 0.995


def test_independent_intervals_of_correlated_errors_are_doubted_and_the_others_are_not():
    """Neighbours correlated by 0.8: told in most sets of 30 points; independent ones are doubted in about 1%."""
    x, rng = np.logspace(1, 4, 30), np.random.default_rng(5)
    doubted = {}
    for rho in (0.0, 0.8):
        noise = 0.02 * wandering(rng, (100, 30), rho)
        fits = [fit_power_law(x, 3 * x**-0.7 * np.exp(row), errors="independent", warn=False) for row in noise]
        doubted[rho] = np.mean(["neighbours" in fit.message for fit in fits])
    assert doubted[0.8] > 0.7
    assert doubted[0.0] < 0.06
