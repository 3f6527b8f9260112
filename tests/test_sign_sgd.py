"""Sign descent: its closure against simulation on a diagonal covariance and on one draw of random features."""

import jax
import numpy as np
import optax
import pytest

import solvable as sv
from solvable.forms.signs import Coordinates
from solvable.theory.sign_closure import _diagonal, _full

KEY = jax.random.key(0)
K = np.arange(1.0, 41)
PROBLEM = sv.LinearProblem(K**-1.2, K**-0.3, 0.2)
STEPS = np.array([0, 5, 20, 50, 100])


def test_on_a_diagonal_covariance_the_matrix_form_is_the_other():
    with jax.enable_x64(True):
        given = PROBLEM.lower(Coordinates)
        sgd = sv.SignSGD(0.02, 4)
        whole = Coordinates(np.diag(given.covariance), given.mean, given.variance + 0.01, given.floor)
        apart = Coordinates(given.covariance, given.mean, given.variance + 0.01, given.floor)
        full, diagonal = (walk(x, sgd, 101, STEPS).risk for walk, x in ((_full, whole), (_diagonal, apart)))
    np.testing.assert_allclose(full, diagonal, rtol=1e-8)


def test_the_first_step_is_exact_for_one_sample():
    """E sign = (2 / pi) arcsin c and sign^2 = 1: the risk after one step in closed form."""
    g, lam, error = 0.1, np.asarray(PROBLEM.eigvals), -np.asarray(PROBLEM.target)
    start = 0.2 + (lam * error**2).sum()
    pull = 2 / np.pi * np.arcsin(np.sqrt(lam / start) * error)
    expected = start - 2 * g * (lam * error * pull).sum() + g**2 * lam.sum()
    found = sv.solve(PROBLEM, sv.SignSGD(g, 1), sv.SignClosure(), [0, 1])
    np.testing.assert_allclose(found.risk, [start, expected], rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("batch", "tolerance"), [(1, 0.005), (16, 0.015)])
def test_near_simulation_on_a_diagonal_covariance(batch, tolerance):
    sgd = sv.SignSGD(0.004, batch)
    theory = sv.solve(PROBLEM, sgd, sv.SignClosure(), STEPS)
    runs = sv.solve(PROBLEM, sgd, sv.Simulation(4000), STEPS, key=KEY)
    assert (runs.stderr < 0.0017 * theory.risk).all()
    assert (np.abs(runs.risk / theory.risk - 1) < tolerance).all()


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 16])
def test_within_five_percent_of_simulation_on_one_draw_of_random_features(batch):
    problem, sgd = sv.PowerLawRF(0.7, 0.6, 40, 160).draw(jax.random.key(1)), sv.SignSGD(0.01, batch)
    theory = sv.solve(problem, sgd, sv.SignClosure(), [0, 20, 50, 100, 400])
    runs = sv.solve(problem, sgd, sv.Simulation(1500), [0, 20, 50, 100, 400], key=KEY)
    assert (runs.stderr < 0.0166 * theory.risk).all()
    assert (np.abs(runs.risk / theory.risk - 1) < 0.05).all()


def test_it_is_the_sign_descent_of_optax_and_schedules_are_followed():
    rate = sv.schedules.linear(0.02, 100)
    ours = sv.solve(PROBLEM, sv.SignSGD(rate, 4), sv.Simulation(2), STEPS, key=KEY)
    chain = optax.chain(optax.scale_by_sign(), optax.scale_by_learning_rate(rate))
    theirs = sv.solve(PROBLEM, sv.Optax(chain, 4), sv.Simulation(2), STEPS, key=KEY)
    np.testing.assert_allclose(ours.risk, theirs.risk, rtol=1e-5)


def test_what_has_no_theory_is_refused_with_those_that_answer():
    adam = sv.Optax(optax.adam(1e-3), 4)
    answers = r"Methods that take this pair: Simulation\(\)\."
    with pytest.raises(ValueError, match=r"algorithm: wanted one that states its second moments[\s\S]*" + answers):
        sv.solve(PROBLEM, adam, sv.Recursion(), [0, 1])
    with pytest.raises(ValueError, match=r"algorithm: wanted one that states steps along the signs[\s\S]*" + answers):
        sv.solve(PROBLEM, adam, sv.SignClosure(), [0, 1])
    with pytest.raises(ValueError, match=r"algorithm: wanted[\s\S]*SignClosure\(\)"):
        sv.solve(PROBLEM, sv.SignSGD(0.1), sv.Recursion(), [0, 1])
    with pytest.raises(ValueError, match="algorithm: wanted one that states steps along the signs"):
        sv.solve(PROBLEM, sv.SignSGD(0.1, None), sv.SignClosure(), [0, 1])
    with pytest.raises(ValueError, match="model: wanted one that states its feature covariance"):
        sv.solve(sv.PowerLawRF(), sv.SignSGD(0.1), sv.SignClosure(), [0, 1])
