"""Students of drawn labels: the solver of the largest margin, logistic regression, and theory against draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

import solvable as sv
from solvable.models import PerceptronProblem
from solvable.numerics.largest_margin import largest_margin
from solvable.simulation.labelled import Labels

KEY, HALF = jax.random.key(0), np.pi / 2


def test_the_largest_margin_is_that_of_a_support_vector_machine():
    """scikit-learn's, with a penalty on errors that allows none."""
    problem = sv.TeacherPerceptron(3.0, 0.5, probe_angle=0.4, dimension=40).draw(KEY)
    inputs, labels = np.asarray(problem.inputs), np.asarray(problem.labels)
    unit, margin = largest_margin(labels[:, None] * inputs)
    other = LinearSVC(loss="hinge", C=1e6, fit_intercept=False, tol=1e-10, max_iter=10**6).fit(inputs, labels).coef_[0]
    assert np.linalg.norm(unit) == pytest.approx(1.0, abs=1e-12)
    assert margin == pytest.approx((labels * (inputs @ unit)).min(), rel=1e-12)
    assert margin == pytest.approx((labels * (inputs @ other)).min() / np.linalg.norm(other), rel=1e-6)


def test_labels_that_nothing_separates_have_no_margin():
    """Random labels at four samples a dimension, beyond the capacity of two: NaN, and the curve says so."""
    rng = np.random.default_rng(0)
    problem = PerceptronProblem(rng.standard_normal((80, 20)), rng.choice([-1.0, 1.0], 80), np.eye(20)[0])
    curve = sv.solve(problem, sv.MaxMargin(), sv.Simulation(), key=KEY)
    assert np.isnan(curve.error).all()
    assert curve.result == sv.Result.NONFINITE
    few = PerceptronProblem(problem.inputs[:20], problem.labels[:20], problem.teacher)  # one a dimension
    assert sv.solve(few, sv.MaxMargin(), sv.Simulation(), key=KEY).stats["margin"][0] > 0


def test_a_draw_keeps_what_the_selection_says():
    fields = {"ratio": 10.0, "keep": 0.3, "probe_angle": 0.5, "dimension": 50}
    whole = sv.TeacherPerceptron(**{**fields, "keep": 1.0}).draw(KEY)
    every = np.sort(np.abs(np.asarray(whole.inputs)[:, 0]))
    drawn = {s: sv.TeacherPerceptron(**fields, selection=s).draw(KEY) for s in ("hard", "easy", "random", "mixed")}
    margins = {s: np.sort(np.abs(np.asarray(p.inputs)[:, 0])) for s, p in drawn.items()}  # the probe is the first axis
    np.testing.assert_array_equal(margins["hard"], every[:150])
    np.testing.assert_array_equal(margins["easy"], every[350:])
    np.testing.assert_array_equal(margins["mixed"][:75], every[:75])
    assert set(margins["random"]) < set(every)
    for problem in drawn.values():
        assert problem.samples == 150
        np.testing.assert_array_equal(np.sign(problem.inputs @ problem.teacher), problem.labels)
    np.testing.assert_allclose(drawn["hard"].teacher[:2], [np.cos(0.5), np.sin(0.5)])
    weighted = sv.TeacherPerceptron(**fields, selection="mixed", weighted=True).draw(KEY)
    assert weighted.weights.mean() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(weighted.weights[[0, -1]], [0.3, 0.3 * 425 / 75])


def test_logistic_regression_ends_at_its_minimum():
    """The gradient vanishes at scikit-learn's solution, with weights."""
    rng = np.random.default_rng(1)
    inputs, labels, weights = rng.standard_normal((200, 5)), rng.choice([-1.0, 1.0], 200), rng.uniform(0.5, 2, 200)
    with jax.enable_x64(True):
        data = Labels.of(PerceptronProblem(inputs, labels, np.ones(5), weights), jnp.float64)
        fit = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-12, max_iter=10**4)
        best = jnp.asarray(fit.fit(inputs, labels, weights).coef_[0])
        assert np.abs(data.gradient(0 * best, None)).max() > 1e-2
        np.testing.assert_allclose(data.gradient(best, None), 0.0, atol=1e-7)
        batch = jnp.array([3, 3, 8])
        loss = lambda w: (data.weights * jnp.log1p(jnp.exp(-data.targets * (data.features @ w))))[batch].mean()  # noqa: E731
        np.testing.assert_allclose(data.gradient(best, batch), jax.grad(loss)(best), atol=1e-12)
        problem = PerceptronProblem(inputs, labels, np.ones(5), weights)
        long = sv.solve(problem, sv.Logistic(sv.HeavyBall(0.5, 0.9, None)), sv.Simulation(), [0, 2000], key=KEY)
        np.testing.assert_allclose(long.error, [0.5, problem.error(best)], rtol=1e-6)


def test_batches_of_logistic_regression_learn():
    law = sv.TeacherPerceptron(4.0, 0.5, dimension=32)
    for subject, order in ((law, "replacement"), (law.draw(KEY), "epochs")):
        curve = sv.solve(subject, sv.Logistic(sv.SGD(0.3, 4)), sv.Simulation(8, order=order), [0, 400], key=KEY)
        assert curve.error[0] == 0.5
        assert curve.error[1] < 0.35
        assert curve.train_risk[1] < 0.4
        np.testing.assert_allclose(curve.stats["overlap"], np.cos(np.pi / 4 * curve.stats["runs"]), rtol=1e-5)


TRIPLES = [
    (sv.TeacherPerceptron(3.0, 0.5), sv.MaxMargin()),
    (sv.TeacherPerceptron(6.0, 0.3, probe_angle=np.pi / 6), sv.MaxMargin()),
    (sv.TeacherPerceptron(3.0, 0.5, "easy", 0.5), sv.MaxMargin()),
    (sv.TeacherPerceptron(4.0, 0.5, "mixed", 0.5, share=0.4), sv.MaxMargin()),
    (sv.TeacherPerceptron(2.0, 0.4, "hard", 0.5), sv.Ridge(0.05)),
    (sv.TeacherPerceptron(4.0, 0.5, "mixed", 0.5, share=0.4, weighted=True), sv.Ridge(0.05)),
    (sv.TeacherPerceptron(1.0, 0.6, "easy", 0.5), sv.Ridge(0.0)),
]


def relative(model, algorithm, dimension, runs, steps=None):
    """(largest difference of theory from simulation, largest standard error), relative."""
    model = sv.TeacherPerceptron(
        model.ratio, model.keep, model.selection, model.probe_angle, dimension, model.share, model.weighted
    )
    theory = sv.solve(model, algorithm, sv.Replica(), steps)
    run = sv.solve(model, algorithm, sv.Simulation(runs), steps, key=KEY)
    first = 0 if steps is None else 1
    error, stderr = (run.error / theory.error - 1)[first:], (run.stderr / theory.risk)[first:]
    return np.abs(error).max(), stderr.max()


def test_theory_against_draws_of_few_dimensions():
    """Ridge: 200 draws at dimension 64, to 6%."""
    for model, algorithm in TRIPLES[4:6]:
        error, stderr = relative(model, algorithm, 64, 200)
        assert stderr < 0.02
        assert error < 0.06


@pytest.mark.slow
@pytest.mark.parametrize("dimension", [240, 480])
@pytest.mark.parametrize("triple", range(len(TRIPLES)))
def test_theory_against_draws(triple, dimension):
    """To 2% at dimension 480, 4% at 240, with a standard error below a third."""
    tolerance = 0.02 if dimension == 480 else 0.04
    error, stderr = relative(*TRIPLES[triple], dimension, 120 if dimension == 480 else 60)
    assert stderr < tolerance / 3
    assert error < tolerance


@pytest.mark.slow
@pytest.mark.parametrize("inner", [sv.Ridge(0.05), sv.MaxMargin()])
def test_practice_against_draws(inner):
    """Three rounds from a probe that knows nothing, at dimension 240, to 4%."""
    model = sv.TeacherPerceptron(4.0, 0.4, probe_angle=HALF)
    error, stderr = relative(model, sv.Practice(inner), 240, 90, [0, 1, 2, 3])
    assert stderr < 0.04 / 3
    assert error < 0.04


def test_bad_input():
    with pytest.raises(ValueError, match=r"^labels: wanted 1 or -1"):
        PerceptronProblem(np.ones((3, 2)), [1.0, 0.5, -1.0], [1.0, 0.0])
    with pytest.raises(ValueError, match=r"^teacher: wanted a direction"):
        PerceptronProblem(np.ones((3, 2)), [1.0, 1.0, -1.0], [0.0, 0.0])
    with pytest.raises(ValueError, match=r"^weights: wanted shape"):
        PerceptronProblem(np.ones((3, 2)), [1.0, 1.0, -1.0], [0.0, 1.0], [1.0])
    for inner in (sv.BatchSchedule(), sv.Preconditioned(), sv.Ridge(), 3):
        with pytest.raises(ValueError, match=r"^inner: wanted an optimizer"):
            sv.Logistic(inner)
    with pytest.raises(ValueError, match=r"^inner: wanted Ridge"):
        sv.Practice(sv.SGD())
    with pytest.raises(ValueError, match=r"^sampler: wanted 'auto' or 'batch' for labelled inputs"):
        sv.solve(sv.TeacherPerceptron(dimension=8), sv.MaxMargin(), sv.Simulation(sampler="direct"), key=KEY)
