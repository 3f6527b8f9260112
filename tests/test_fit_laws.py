"""Each law is found again from its own numbers, in the units of the data, and published numbers come out."""

import numpy as np
import pytest

import solvable as sv
from solvable.fits import Hessian, LeastSquares, laws

RNG = np.random.default_rng(0)


def spread(*ends, count=64):
    """Points spread over decades, the same number for every law so that shapes are few."""
    return [np.exp(RNG.uniform(np.log(low), np.log(high), count)) for low, high in ends]


N, D, U = spread((1e7, 1e11), (1e9, 1e13), (1e9, 1e11))
C, M, X = spread((1e18, 1e24), (2, 600), (1, 1e6))
RATES = np.stack([np.full(400, 0.02), 0.02 * np.linspace(1, 0.1, 400), 0.02 * np.minimum(1, np.linspace(5, 0.05, 400))])
CASES = {
    "kaplan-n": (laws.KaplanN(), {"N": N}, {"N_c": 8.8e13, "alpha_N": 0.076}),
    "kaplan-d": (laws.KaplanD(), {"D": D}, {"D_c": 5.4e13, "alpha_D": 0.095}),
    "kaplan-n-d": (
        laws.KaplanND(), {"N": N, "D": D}, {"N_c": 6.4e13, "D_c": 1.8e13, "alpha_N": 0.076, "alpha_D": 0.103},
    ),
    "kaplan-n-s": (
        laws.KaplanNS(), {"N": N, "S": X}, {"N_c": 6.5e13, "S_c": 2.1e3, "alpha_N": 0.077, "alpha_S": 0.76},
    ),
    "critical-batch": (laws.CriticalBatch(), {"L": spread((1, 12))[0]}, {"B_star": 2e8, "alpha_B": 0.21}),
    "data-constrained": (
        laws.DataConstrained(), {"N": N, "D": D, "U": U},
        {"E": 1.8691, "A": 520.82, "B": 1487.7, "alpha": 0.35, "beta": 0.36, "R_D": 15.39, "R_N": 5.31},
    ),
    "broken-power-law": (
        laws.BrokenPowerLaw(), {"x": X}, {"E": 0.5, "A": 2.0, "c0": 0.1, "c1": 0.4, "d1": 300.0, "f1": 0.5},
    ),
    "over-training": (laws.OverTraining(), {"C": C, "M": M}, {"E": 1.8, "a": 150.0, "b": 500.0, "eta": 0.15}),
    "rectified": (laws.Rectified(), {"D": spread((10, 1e6))[0]}, {"E": 0.7, "B": 40.0, "D_l": 30.0, "beta": 0.6}),
    "multi-power": (
        laws.MultiPower(RATES), {"S": RNG.integers(5, 399, 64).astype(float), "schedule": 1.0 + np.arange(64) % 3},
        {"L0": 2.5, "A": 0.6, "alpha": 0.5, "B": 20.0, "C": 2.0, "beta": 0.4, "gamma": 0.3},
    ),
}  # fmt: skip
QUICK = ("kaplan-n-d", "critical-batch")  # each law compiles a program of its own


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n not in QUICK else []) for n in CASES])
def test_a_law_is_found_again_from_its_own_numbers(name):
    law, variables, true = CASES[name]
    assert law.name == name
    table = {**variables, law.target: np.asarray(law(true, variables))}
    fit = sv.fit(table, law, LeastSquares(), uncertainty=Hessian(), warn=False)
    assert fit.scatter < 1e-7
    tolerance = 1e-2 if name == "multi-power" else 1e-4  # C and gamma trade off along a valley
    assert fit.values == pytest.approx(true, rel=tolerance)


def test_the_published_constants_of_repeated_data_give_the_published_losses():
    true = {"E": np.exp(0.6254804), "A": np.exp(6.255414), "B": np.exp(7.3049974), "alpha": 0.3526596,
            "beta": 0.3526596, "R_D": 15.387756, "R_N": 5.309743}  # fmt: skip
    law = laws.DataConstrained()
    for size, data, found in ((6.34e9, 242e9, 2.2256440889984477), (8.67e9, 178e9, 2.2269634075087867)):
        assert float(law(true, {"N": size, "D": data, "U": 25e9})) == pytest.approx(found, rel=2e-6)
    fresh = {"N": 1e9, "D": 2e10, "U": 2e10}
    plain = laws.Chinchilla()({k: true[k] for k in ("E", "A", "B", "alpha", "beta")}, fresh)
    assert float(law(true, fresh)) == pytest.approx(float(plain), rel=1e-6)


def test_the_areas_of_a_schedule_are_the_double_sums():
    rates, decay = np.array([1.0, 1.0, 0.7, 0.4, 0.4]), 0.9
    areas = laws.annealing_areas(rates, decay)
    before = np.r_[rates[0], rates[:-1]]
    single = [sum((before[k] - rates[k]) * decay ** (i - k) for k in range(i + 1)) for i in range(5)]
    np.testing.assert_allclose(areas.S1, rates.cumsum(), rtol=1e-15)
    np.testing.assert_allclose(areas.S2, np.cumsum(single), rtol=1e-14, atol=1e-15)


@pytest.mark.slow
def test_the_annealing_law_and_farseer_fit_what_they_made():
    long = np.concatenate([np.full(300, 1e-3), 1e-3 * np.linspace(1, 0.1, 700)])
    areas = laws.annealing_areas(long, 0.99)
    rows = np.arange(310, 1000, 11)
    variables = {"S1": areas.S1[rows], "S2": areas.S2[rows]}
    true = {"L0": 2.0, "A": 0.8, "alpha": 0.5, "C": 3.0}
    fit = sv.fit({**variables, "L": laws.Annealing()(true, variables)}, "annealing", LeastSquares(),
                 uncertainty=Hessian(), warn=False)  # fmt: skip
    assert fit.values == pytest.approx(true, rel=1e-3)
    true = {"a1": 0.02, "b1": -1.3, "alpha": 0.12, "a2": -0.05, "b2": 7.0, "beta": 0.15, "a3": 2.0, "b3": 0.3,
            "gamma": -0.1}  # fmt: skip
    table = {"N": N, "D": D, "L": np.asarray(laws.Farseer()(true, {"N": N, "D": D}))}
    fit = sv.fit(table, "farseer", LeastSquares(), uncertainty=Hessian(), warn=False)
    assert fit.scatter < 1e-3  # nine parameters: the surface is found, its parameters are not unique
