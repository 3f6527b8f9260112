"""The exact theory as a law, and the learning curve of a data set in one call."""

import numpy as np
import pytest

import solvable as sv
from solvable.fits import Hessian, LeastSquares


@pytest.mark.slow
def test_the_theory_finds_the_parameters_of_the_model_behind_a_curve():
    true = {"alpha": 0.8, "beta": 0.6, "learning_rate": 0.3, "noise": 0.05}
    steps = np.unique(np.geomspace(1, 1e5, 24).astype(int))
    model = sv.LinearRegression(alpha=0.8, beta=0.6, width=64, noise=0.05)
    risk = np.asarray(sv.solve(model, sv.SGD(0.3, 4), sv.Recursion(), steps).risk)
    guess = sv.LinearRegression(alpha=0.9, beta=0.5, width=64, noise=0.08)
    law = sv.TheoryLaw(guess, sv.SGD(0.2, 4), steps=steps)
    noise = 1e-3 * np.random.default_rng(0).standard_normal(len(steps))
    fit = sv.fit({"S": steps, "L": risk * np.exp(noise)}, law, LeastSquares(), uncertainty=Hessian(), warn=False)
    for name, value in true.items():
        assert fit[name].value == pytest.approx(value, rel=0.02)
        assert abs(fit[name].value - value) < 4 * fit[name].stderr
    assert fit.converged


def test_a_learning_curve_in_one_call_is_that_of_its_parts():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 6))
    y = X @ rng.standard_normal(6) + 0.5 * rng.standard_normal(60)
    curve = sv.predict_learning_curve(X, y, [10, 30, 200], penalty=0.1)
    whole = sv.ridge_map(sv.models.from_data(X, y), samples=np.array([10, 30, 200]), penalty=0.1)
    np.testing.assert_allclose(curve.risk, whole.risk, rtol=1e-10)
    assert (curve.low < curve.high).all()
    best = sv.predict_learning_curve(X, y, [30])
    strength = float(sv.optimal_penalty(sv.models.from_data(X, y, samples=30)).penalty)
    assert best.penalty == pytest.approx(strength, rel=1e-9)
    assert best.plot().get_xlabel() == "training samples"
