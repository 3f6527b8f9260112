"""What every model, algorithm, theory and simulation must do; a new file is picked up without an edit here."""

import inspect
from importlib import import_module

import equinox as eqx
import jax
import numpy as np
import pytest

import solvable as sv
from solvable.method import AbstractMethod

KEY = jax.random.key(0)


def final_classes(package, kind):
    """Public concrete classes of a package that are a ``kind``, by name."""
    module = import_module(f"solvable.{package}")
    names = getattr(module, "__all__", [n for n in vars(module) if not n.startswith("_")])
    members = {name: getattr(module, name) for name in names}
    classes = {n: c for n, c in members.items() if inspect.isclass(c) and issubclass(c, kind)}
    return {n: c for n, c in classes.items() if not n.startswith("Abstract")}


MODELS = final_classes("models", sv.AbstractModel)
ALGORITHMS = final_classes("algorithms", sv.AbstractAlgorithm)
METHODS = final_classes("theory", AbstractMethod) | final_classes("simulation", AbstractMethod)
MODEWISE = {n: c for n, c in ALGORITHMS.items() if issubclass(c, sv.algorithms.AbstractModewise)}
# Exact answers for one draw of a finite data set only; DeterministicEquivalent for Ridge only.
THEORIES = {n: c for n, c in METHODS.items() if not c.needs_key and n not in ("Exact", "DeterministicEquivalent")}
# A draw is made by its model, not by hand.
LAWS = {n: c for n, c in MODELS.items() if n not in ("RandomFeatureProblem", "FiniteProblem", "EmpiricalProblem")}
# NonlinearRF is always trained on a data set: no one-pass theory.
STREAMS = {n: c for n, c in LAWS.items() if c().samples is None}


def numbers(module):
    return sum(np.size(x) for x in jax.tree.leaves(eqx.filter(module, eqx.is_array)))


def test_something_is_found():
    assert {"PowerLawRF", "LinearRegression", "LinearProblem"} <= LAWS.keys()
    assert "SGD" in MODEWISE
    assert {"Recursion", "Volterra", "Simulation"} <= METHODS.keys()


@pytest.mark.parametrize("cls", [*LAWS.values(), *ALGORITHMS.values(), *METHODS.values()])
def test_built_without_arguments_and_small(cls):
    built = cls()
    assert numbers(built) <= 1000
    assert cls.__doc__
    assert isinstance(cls.references, tuple)


@pytest.mark.parametrize("cls", LAWS.values())
def test_a_draw_is_a_problem_that_draws_itself(cls):
    problem = cls().draw(KEY)
    assert isinstance(problem, sv.models.AbstractProblem)
    assert problem.draw(jax.random.key(1)) is problem
    assert numbers(problem) <= 1000
    shape = problem.init().shape
    features, targets = problem.batch(KEY, 3)
    assert features.shape == (3, *shape)
    assert targets.shape == (3,)
    assert problem.basis().shape == shape * 2
    matrix, labels, _ = problem.ambient_features()
    assert matrix.shape == (len(labels), *shape)
    assert float(problem.risk(problem.target)) == pytest.approx(float(problem.floor), abs=1e-12)


@pytest.mark.parametrize("cls", STREAMS.values())
def test_a_spectrum_starts_at_the_risk_of_the_initial_parameters(cls):
    for subject in (cls(), cls().draw(KEY)):
        s = subject.spectrum()
        assert s.eigvals.shape == s.mass.shape == s.error.shape
        start = solve_start(subject)
        assert (s.eigvals * s.error).sum().real + s.floor == pytest.approx(start, rel=1e-9)


def solve_start(subject):
    return float(sv.solve(subject, sv.SGD(0.1, 1), sv.Recursion(), [0]).risk[0])


@pytest.mark.parametrize("method", THEORIES.values())
@pytest.mark.parametrize("model", STREAMS.values())
def test_every_theory_takes_a_model_and_a_problem(model, method):
    for subject in (model(), model().draw(KEY)):
        curve = sv.solve(subject, sv.SGD(0.1, 1), method(), [0, 3, 70])
        assert curve.risk.shape == (3,)
        assert curve.result == 0
        assert (np.diff(curve.risk) < 0).all()
        assert (curve.stderr == 0).all()


@pytest.mark.parametrize("algorithm", MODEWISE.values())
def test_an_algorithm_with_moments_agrees_with_its_own_simulation(algorithm):
    """Every step's mean over 256 runs lies within 4.5 standard errors of the exact recursion."""
    problem = sv.PowerLawRF(0.8, 0.6, 16, 64, noise=0.1).draw(KEY)
    simulation = sv.Simulation(num_runs=256)
    steps = [0, 1, 2, 5, 10, 30, 100]
    sv.check(problem, algorithm(), sv.Recursion(), steps, key=KEY, simulation=simulation).assert_close(4.5)


@pytest.mark.parametrize("algorithm", MODEWISE.values())
def test_decay_and_transition_are_two_forms_of_one_matrix(algorithm):
    eigvals = np.array([1.0, 0.3, 1e-20, 0.0])
    built = algorithm()
    with jax.enable_x64(True):
        decay, transition = (np.asarray(f(eigvals, 0)) for f in (built.decay, built.transition))
        injection = np.asarray(built.injection(eigvals, 0))
    k = injection.shape[-1]
    assert decay.shape == (4, k, k)
    np.testing.assert_allclose(decay + transition, np.broadcast_to(np.eye(k), decay.shape), atol=1e-15)
    # An absent mode neither moves nor is fed.
    assert injection[3, 0] == 0


@pytest.mark.parametrize("algorithm", [a for a in ALGORITHMS.values() if not (a.one_shot or a.continuous)])
def test_every_algorithm_with_steps_can_be_simulated(algorithm):
    curve = sv.solve(sv.LinearRegression(), algorithm(), sv.Simulation(num_runs=2), [0, 1, 5], key=KEY)
    assert np.isfinite(curve.risk).all()
    assert curve.stats["runs"].shape == (2, 3)


@pytest.mark.parametrize("name", [*LAWS, *MODEWISE, *METHODS])
def test_what_was_used_can_be_cited(name):
    built = (LAWS | MODEWISE | METHODS)[name]()
    assert sv.cite(built).count("@") >= len(built.references)
