"""Averages of predictors over draws of features and bags of data."""

import jax
import numpy as np
import pytest

import solvable as sv

KEY = jax.random.key(2)
MODEL = sv.PowerLawRF(0.8, 0.6, 12, 40, noise=0.3, samples=15)


@pytest.mark.slow
def test_one_member_is_an_ordinary_run():
    single = sv.simulation.simulate_ensemble(MODEL, sv.Ridge(0.02), num_runs=60, key=KEY)
    curve = sv.solve(MODEL, sv.Ridge(0.02), sv.Simulation(60), key=KEY)
    risk = single.risk[:, 0, 0, 0]
    spread = np.hypot(risk.std(ddof=1) / np.sqrt(60), curve.stderr[0])
    assert abs(risk.mean() - curve.risk[0]) < 4.5 * spread


def test_the_overlaps_give_the_risk_of_every_average():
    """The square of the average of 3 x 4 members is a sum over pairs, weighted by how often each kind occurs."""
    found = sv.simulation.simulate_ensemble(
        MODEL, sv.SGD(0.3, None), [0, 5, 100], num_features=3, num_bags=4, num_runs=2, key=KEY
    )
    assert found.risk.shape == (2, 3, 3, 4)
    both, features, data, nothing = found.overlap
    mean = nothing + (data - nothing) / 4 + (features - nothing) / 3 + (both - features - data + nothing) / 12
    np.testing.assert_allclose(found.risk[..., 2, 3], mean + 0.09, rtol=1e-12)
    # Averaging can only help on average over members: the mean square exceeds the square of the mean.
    assert (both[:, 1:] > nothing[:, 1:]).all()
    assert (found.risk[:, 1:, 2, 3] < both[:, 1:] + 0.09).all()


def test_a_larger_ensemble_extends_a_smaller_one():
    found = sv.simulation.simulate_ensemble(MODEL, sv.Ridge(0.1), num_features=2, num_bags=2, key=KEY)
    small = sv.simulation.simulate_ensemble(MODEL, sv.Ridge(0.1), num_features=1, num_bags=2, key=KEY)
    np.testing.assert_allclose(found.risk[..., :1, :], small.risk, rtol=1e-13)
    assert np.isnan(small.overlap[2:]).all()  # no two members differ in their features
    alone = sv.simulation.simulate_ensemble(MODEL, sv.Ridge(0.1), key=KEY)
    np.testing.assert_allclose(alone.overlap[0] + 0.09, found.risk[..., 0, 0], rtol=1e-13)


BAD = {
    "samples": lambda: sv.simulation.simulate_ensemble(sv.PowerLawRF(), sv.Ridge(), key=KEY),
    "algorithm": lambda: sv.simulation.simulate_ensemble(MODEL, sv.SGD(0.1, 2), [1], key=KEY),
    "steps": lambda: sv.simulation.simulate_ensemble(MODEL, sv.SGD(0.1, None), key=KEY),
    "num_bags": lambda: sv.simulation.simulate_ensemble(MODEL, sv.Ridge(), num_bags=0, key=KEY),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_impossible_is_refused_by_name(name):
    with pytest.raises(ValueError, match=f"^{name}: wanted"):
        BAD[name]()
