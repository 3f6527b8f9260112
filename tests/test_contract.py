"""What every model, algorithm, theory and simulation must do; a new file is picked up without an edit here."""

import inspect
import itertools
from importlib import import_module

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import solvable as sv
from solvable.algorithms import AbstractAlgorithm, AbstractStepwise
from solvable.arguments import as_real
from solvable.forms import AbstractSubject, DataLaw, Descent, Filter, LinearMap, Moments, StreamLaw
from solvable.method import AbstractMethod, match
from solvable.models import AbstractModel, AbstractProblem, AbstractStream, DataSets, HasSpectrum
from solvable.verbs.methods import takes

KEY = jax.random.key(0)


def final_classes(package, kind):
    """Public concrete classes of a package that are a ``kind``, by name."""
    module = import_module(f"solvable.{package}")
    members = {name: getattr(module, name) for name in module.__all__}
    classes = {n: c for n, c in members.items() if inspect.isclass(c) and issubclass(c, kind)}
    return {n: c for n, c in classes.items() if not inspect.isabstract(c) and not n.startswith(("Abstract", "Has"))}


EVERY_LAW = {n: c for n, c in final_classes("models", AbstractModel).items() if c is not DataSets}
# Laws of linear regression, whose draws are problems in an eigenbasis; others have forms of their own.
LAWS = {n: c for n, c in EVERY_LAW.items() if {StreamLaw, DataLaw} & set(c().lowerings())}
DRAWS = final_classes("models", AbstractProblem)
ALGORITHMS = final_classes("algorithms", AbstractAlgorithm)
METHODS = final_classes("theory", AbstractMethod) | final_classes("simulation", AbstractMethod)
STREAMS = {n: c for n, c in LAWS.items() if c().samples is None}


def numbers(module):
    return sum(np.size(x) for x in jax.tree.leaves(eqx.filter(module, eqx.is_array)))


def test_something_is_found():
    assert {"PowerLawRF", "RandomFeatures", "LinearRegression", "NonlinearRF"} <= LAWS.keys()
    assert {"LinearProblem", "RandomFeatureProblem", "FiniteProblem", "EmpiricalProblem"} <= DRAWS.keys()
    assert {"SGD", "Ridge", "GradientFlow", "Optax"} <= ALGORITHMS.keys()
    assert {"Recursion", "Volterra", "DMFT", "Exact", "DeterministicEquivalent", "Simulation"} <= METHODS.keys()


@pytest.mark.parametrize("cls", [*EVERY_LAW.values(), sv.LinearProblem, *ALGORITHMS.values(), *METHODS.values()])
def test_built_without_arguments_and_small(cls):
    built = cls()
    assert numbers(built) <= 1000
    assert cls.__doc__
    assert isinstance(cls.references, tuple)


@pytest.mark.parametrize("cls", LAWS.values())
def test_a_draw_is_no_law(cls):
    problem = cls.example().draw(KEY)
    assert isinstance(problem, AbstractSubject)
    assert not isinstance(problem, AbstractModel)
    assert numbers(problem) <= 1000
    if not isinstance(problem, AbstractProblem):  # labelled inputs have no covariance to speak of
        assert problem.inputs.shape == (*problem.labels.shape, *problem.teacher.shape)
        return
    shape = problem.initial.shape
    features, targets = problem.batch(KEY, 3)
    assert features.shape == (3, *shape)
    assert targets.shape == (3,)
    assert problem.basis().shape == shape * 2
    draw = problem.ambient_draw()
    assert draw.features().shape == (len(draw.readout), *shape)
    assert float(problem.risk(problem.target)) == pytest.approx(float(problem.floor), abs=1e-12)


@pytest.mark.parametrize("cls", STREAMS.values())
def test_a_spectrum_starts_at_the_risk_of_the_initial_parameters(cls):
    model = cls()
    problem = model.draw(KEY)
    assert isinstance(model, HasSpectrum)
    assert float(problem.spectrum().start_risk) == pytest.approx(float(problem.risk(problem.initial)), rel=1e-12)
    for subject in (model, problem):
        s = subject.spectrum()
        assert s.eigvals.shape == s.mass.shape == s.error.shape == s.cross.shape == s.target.shape
        start = float(sv.solve(subject, sv.SGD(0.1, 1), sv.Recursion(), [0]).risk[0])
        assert float(s.start_risk) == pytest.approx(start, rel=1e-9)


# ---- every triple: right, or refused by one clear error


class UserHeavyBall(sv.algorithms.AbstractModewise):
    """Heavy ball as a user writes it after the guide: update, decay and injection of three moments."""

    learning_rate: jax.Array = eqx.field(converter=as_real, default=0.05)
    momentum: float = 0.8
    batch_size: int | None = eqx.field(static=True, default=4)
    references = ("polyak1964",)

    @property
    def stationary(self):
        return True

    def init(self, params):
        return 0 * params

    def update(self, params, state, grad, step):
        velocity = self.momentum * state + grad
        return params - jnp.asarray(self.learning_rate, grad.dtype) * velocity, velocity

    def decay(self, eigvals, step):
        return sv.HeavyBall(self.learning_rate, self.momentum, self.batch_size).decay(eigvals, step)

    def injection(self, eigvals, step):
        return sv.HeavyBall(self.learning_rate, self.momentum, self.batch_size).injection(eigvals, step)


class FilteredHeavyBall(UserHeavyBall, Filter):
    """The same, with the full batch, and with its filter on a fixed data set."""

    batch_size: int | None = eqx.field(static=True, default=None)

    def filter(self, eigvals, steps):
        return sv.HeavyBall(self.learning_rate, self.momentum, None).filter(eigvals, steps)


class OneShot(sv.algorithms.AbstractSpectral):
    """A user's own solution of a data set: half of ridge regression's change."""

    batch_size = None
    one_shot = True
    references = ("maloney2022",)

    def filter(self, eigvals, steps):
        left, learned = sv.Ridge(0.1).filter(eigvals, steps)
        return (1 + left) / 2, learned / 2


class SignSGD(AbstractStepwise):
    """Its moments do not close, and its steps do not commute with rotations."""

    batch_size: int | None = eqx.field(static=True, default=2)
    rotation_equivariant = False
    references = ("paquette2024",)

    def init(self, params):
        return ()

    def update(self, params, state, grad, step):
        return params - 0.01 * jnp.sign(grad), state


SMALL = {"alpha": 0.8, "beta": 0.6}
PROBLEM = sv.PowerLawRF(**SMALL, width=16, ambient=64, noise=0.1).draw(KEY)
SUBJECTS = {
    "law, stream": sv.PowerLawRF(**SMALL, width=64, ambient=256, noise=0.1),
    "law, data": sv.PowerLawRF(**SMALL, width=48, ambient=192, noise=0.1, samples=64),
    "bent law, stream": sv.RandomFeatures.bent((0.8, 1.2), (0.6, 0.1), 40, until=256, width=64, noise=0.1),
    "draw, stream": PROBLEM,
    "draw, data": sv.models.FiniteProblem.gaussian(PROBLEM, KEY, 24),
    "data law of a draw": DataSets(PROBLEM, 64),
    "regression, stream": sv.LinearRegression(0.7, 0.5, 12, noise=0.3),
    "started elsewhere": sv.LinearRegression(0.7, 0.5, 12, noise=0.3, init_std=0.2),
    "regression, data": sv.LinearRegression(0.7, 0.5, 12, noise=0.3, samples=60),
    "nonlinear law": sv.NonlinearRF(samples=12, num_test=40),
    "nonlinear draw": sv.NonlinearRF(samples=12, num_test=40).draw(KEY),
    "labels, law": sv.TeacherPerceptron(3.0, 0.5, "mixed", 0.5, 48),
    "labels, draw": sv.TeacherPerceptron(3.0, 0.5, "mixed", 0.5, 48).draw(KEY),
    "network law": sv.TwoLayerLinear(sv.LinearRegression(1.25, -0.25, 6), 1.0, hidden=600),
    "network draw": sv.TwoLayerLinear(sv.LinearRegression(1.25, -0.25, 6), 1.0, hidden=4).draw(KEY),
    "network limit": sv.TwoLayerLinear(sv.LinearRegression(1.25, -0.25, 6), 1.0, hidden=None),
    "neuron law": sv.SingleIndex((0.1, 0.8, 0.6), 400, noise=0.2),
    "neuron draw": sv.SingleIndex((0.1, 0.8, 0.6), 400, noise=0.2).draw(KEY),
}
SETTINGS = {
    "SGD": sv.SGD(0.2, 4),
    "SGD, full batch": sv.SGD(0.2, None),
    "SGD, schedule": sv.SGD(lambda t: 0.3 / (1 + t) ** 0.5, 4),
    "SGD, schedule, full batch": sv.SGD(lambda t: 0.3 / (1 + t) ** 0.5, None),
    "Ridge": sv.Ridge(0.05),
    "SphericalSGD": sv.SphericalSGD(0.3),
    "GradientFlow": sv.GradientFlow(0.2),
    "Optax": sv.Optax(optax.adam(0.01), 2),
    "SignSGD": sv.SignSGD(0.01, 2),
    "HeavyBall": sv.HeavyBall(0.05, 0.8, 4),
    "HeavyBall, full batch": sv.HeavyBall(0.05, 0.8, None),
    "Nesterov": sv.Nesterov(0.05, 0.8, 4),
    "Nesterov, lookahead": sv.Nesterov(0.1, lambda t: t / (t + 3.0), 4, form="lookahead"),
    "EMAMomentum": sv.EMAMomentum(0.2, 0.8, 4),
    "DANA": sv.DANA(0.1, 0.5, 0.6, 4.0, 4),
    "ScheduleFree": sv.ScheduleFree(0.2, 0.9, 4),
    "Preconditioned": sv.Preconditioned(sv.SGD(0.02, 4), 0.5),
    "BatchSchedule": sv.BatchSchedule(sv.SGD(0.2), sv.schedules.warmup(8.0, 20.0, 1.0)),
    "EMA": sv.EMA(sv.HeavyBall(0.05, 0.8, None), decay=0.9),
    "TailAverage": sv.TailAverage(sv.SGD(0.2, 4), start=5),
    "WeightDecay": sv.WeightDecay(sv.HeavyBall(0.02, 0.8, 4), 0.1, decoupled=False),
    "all at once": sv.EMA(
        sv.WeightDecay(sv.Preconditioned(sv.HeavyBall(sv.schedules.cosine(0.02, 50), 0.8, 4), 0.3), 0.1), decay=0.9
    ),
    "heavy ball, moments": UserHeavyBall(),
    "heavy ball, moments, full batch": UserHeavyBall(batch_size=None),
    "heavy ball, filter": FilteredHeavyBall(),
    "one shot": OneShot(),
    "MaxMargin": sv.MaxMargin(),
    "Logistic": sv.Logistic(sv.SGD(0.3, 4)),
    "Practice": sv.Practice(sv.Ridge(0.05)),
    "sign": SignSGD(),
}
THEORIES = [m for m in METHODS if not METHODS[m].needs_key]
TRIPLES = list(itertools.product(SUBJECTS, SETTINGS, METHODS))
ANSWERED = [t for t in TRIPLES if takes(METHODS[t[2]](), SUBJECTS[t[0]], SETTINGS[t[1]])]
STEPS = [0, 1, 3, 10, 40]


def steps_of(algorithm):
    """Steps; rounds of practice are few."""
    return None if algorithm.one_shot else STEPS[:3] if isinstance(algorithm, sv.Practice) else STEPS


def test_enough_triples_are_answered_and_enough_are_refused():
    assert len(ANSWERED) >= 90
    assert len(TRIPLES) - len(ANSWERED) >= 300
    flows = {(f"network {x}", "GradientFlow") for x in ("law", "limit")}
    diffusions = {(f"neuron {x}", "SphericalSGD") for x in ("law", "draw")}
    assert {t[:2] for t in ANSWERED if t[2] in ("Flow", "Diffusion")} == flows | diffusions
    # A user's own optimizer and a user's own solution meet every method without an edit.
    assert ("draw, stream", "heavy ball, moments", "Recursion") in ANSWERED
    # What is judged elsewhere than where gradients are taken has an equation too; preconditioning needs the eigenbasis
    # of a stream, and so does a batch size that changes.
    assert ("law, stream", "all at once", "Volterra") in ANSWERED
    assert ("law, stream", "Preconditioned", "Simulation") in ANSWERED
    assert ("law, data", "Preconditioned", "Simulation") not in ANSWERED
    assert ("draw, data", "EMA", "Exact") in ANSWERED
    assert ("draw, data", "TailAverage", "Exact") not in ANSWERED  # batches
    assert ("draw, stream", "BatchSchedule", "Simulation") in ANSWERED
    assert ("draw, data", "BatchSchedule", "Simulation") not in ANSWERED
    assert ("draw, data", "heavy ball, filter", "Exact") in ANSWERED
    assert ("draw, data", "heavy ball, filter", "DMFT") not in ANSWERED
    assert ("law, data", "heavy ball, filter", "DMFT") not in ANSWERED
    assert ("draw, data", "one shot", "Exact") in ANSWERED
    assert ("draw, data", "one shot", "Simulation") not in ANSWERED
    assert ("law, stream", "Ridge", "DeterministicEquivalent") not in ANSWERED
    assert {t[1] for t in ANSWERED if t[0] == "labels, law" and t[2] == "Replica"} == {"MaxMargin", "Practice", "Ridge"}
    assert {t[2] for t in ANSWERED if t[1] in ("MaxMargin", "Logistic", "Practice")} == {"Replica", "Simulation"}
    assert not [t for t in ANSWERED if t[0].startswith("labels") and t[1].startswith(("SGD", "Optax"))]


@pytest.mark.parametrize("triple", [t for t in TRIPLES if t not in ANSWERED], ids=", ".join)
def test_a_refused_triple_says_what_is_missing_and_what_would_work(triple):
    subject, algorithm, method = SUBJECTS[triple[0]], SETTINGS[triple[1]], METHODS[triple[2]]()
    with pytest.raises(ValueError, match=r"^(model|algorithm|samples): wanted .*; got .*") as caught:
        sv.solve(subject, algorithm, method, steps_of(algorithm), key=KEY)
    text = str(caught.value)
    named = text.rsplit("Methods that take this pair: ", 1)[1].rstrip(".")
    for name in [] if named == "none" else named.split(", "):
        assert takes(METHODS[name.removesuffix("()")](), subject, algorithm), text


# A typical draw differs from the mean over draws by a few times 1 / width (+ 1 / samples), relative; given the draw
# nothing is left.
# The noise is far below either: the fixed tolerances do not grow with it.
TYPICAL, TYPICAL_DATA, GIVEN = 0.05, 0.1, 0.03
CLOSED = 0.15  # a closure that states this error


def simulated(subject, algorithm):
    """The mean of many runs, in float64, with its standard error."""
    given = isinstance(subject, AbstractProblem)
    if given:
        runs, draws = 1 if algorithm.batch_size is None else 6000, None
    else:
        draws = 600 if subject.samples is None else 250
        runs = draws if algorithm.batch_size is None else 2 * draws
    with jax.enable_x64(True):
        return sv.solve(subject, algorithm, sv.Simulation(runs, num_draws=draws), steps_of(algorithm), key=KEY)


MEASURED: dict = {}


# Every draw meets every setting; a law, whose runs each draw their features and data, meets one of each kind.
OF_EACH_KIND = ("SGD", "SGD, full batch", "Ridge", "MaxMargin")
COMPARED = [t for t in ANSWERED if t[2] in THEORIES]
# Rows differ in their table alone, which tests of their own compare with the optimizer itself; one holds all of it.
LONG = {"Nesterov", "Nesterov, lookahead", "EMAMomentum", "DANA", "ScheduleFree", "Preconditioned", "BatchSchedule",
        "EMA", "TailAverage", "WeightDecay", "SignSGD", "Practice"}  # fmt: skip
# `DMFT` takes longest to compile, and reads every spectrum in the same way.
LONG_THEORY = [t for t in COMPARED if t[2] == "DMFT" and t[:2] != ("law, data", "SGD, full batch")]
QUICK = [t for t in COMPARED if ("draw" in t[0] and t[1] not in LONG) or t[1] in OF_EACH_KIND if t not in LONG_THEORY]
# A bent law is simulated by the same code as a straight one.
QUICK = [t for t in QUICK if t[0] != "bent law, stream" or t[1:] == ("SGD", "Recursion")]


@pytest.mark.parametrize(
    "triple", [pytest.param(t, marks=[] if t in QUICK else [pytest.mark.slow], id=", ".join(t)) for t in COMPARED]
)
def test_an_answered_triple_is_right(triple):
    """Against the optimizer itself. Where no step or solution can be run, against the filter on drawn data."""
    subject, algorithm, method = SUBJECTS[triple[0]], SETTINGS[triple[1]], METHODS[triple[2]]()
    if triple[2] in ("Flow", "Diffusion"):
        compare_features_that_learn(subject, algorithm, method)
        return
    if triple[2] == "DMFT" and Descent not in algorithm.states():
        same = sv.solve(subject, algorithm, sv.Recursion(), STEPS)
        np.testing.assert_array_equal(sv.solve(subject, algorithm, method, STEPS).risk, same.risk)
        return
    if triple[0] == "started elsewhere" and triple[2] == "DMFT" and Descent in algorithm.states():
        with pytest.raises(ValueError, match="init_std: wanted 0"):
            sv.solve(subject, algorithm, method, STEPS)
        return
    if not takes(sv.Simulation(), subject, algorithm):
        assert triple[1] in ("one shot", "GradientFlow"), "nothing to compare with"
        compare_with_the_filter(subject, algorithm, method)
        return
    if triple[:2] not in MEASURED:
        MEASURED[triple[:2]] = simulated(subject, algorithm)
    run, theory = MEASURED[triple[:2]], sv.solve(subject, algorithm, method, steps_of(algorithm))
    assert run.stats["runs"].shape[1] == len(run.steps)
    assert (run.train_risk is None) == (subject.samples is None or triple[1] == "Practice")
    law = not isinstance(subject, AbstractProblem)
    for mean, stderr, expected in (
        (run.risk, run.stderr, theory.risk),
        (run.train_risk, run.stats.get("train_stderr"), theory.train_risk),
    ):
        if expected is None or mean is None:
            continue
        error = np.abs(np.asarray(mean) / np.asarray(expected) - 1)
        typical = TYPICAL if subject.samples is None else TYPICAL_DATA
        given = CLOSED if triple[2] == "SignClosure" else GIVEN
        tolerance = typical if law else given if algorithm.batch_size else 1e-7
        assert error.max() < tolerance, (error, np.asarray(stderr) / np.asarray(expected))
        if not np.isnan(np.asarray(stderr)).any():
            assert (np.asarray(stderr) / np.asarray(expected)).max() < tolerance / 3


def compare_features_that_learn(subject, algorithm, method):
    """Networks against small steps of the weights; neurons against many of them."""
    if isinstance(method, sv.theory.Flow):
        slow, times, many = sv.SGD(algorithm.learning_rate / 20, None), 20 * np.array(STEPS), sv.Simulation(64)
        subject = SUBJECTS["network law"]
    else:
        slow, times, many = algorithm, np.array(STEPS) * 10, sv.Simulation(2000)
    run = sv.solve(subject, slow, many, times, key=KEY)
    theory = sv.solve(subject, algorithm, method, STEPS if isinstance(method, sv.theory.Flow) else times)
    assert (np.asarray(run.stderr) / theory.risk).max() < 0.01
    np.testing.assert_allclose(run.risk, theory.risk, rtol=0.03)


def compare_with_the_filter(subject, algorithm, method):
    """Gradient flow of a stream is the limit of small steps; a one-shot solution applies its filter to the data."""
    if algorithm.one_shot:
        sample, theory = subject.sample(), sv.solve(subject, algorithm, method)
        with jax.enable_x64(True):
            learned = np.asarray(algorithm.filter(jnp.asarray(sample.eigvals), jnp.zeros(1))[1][0])
        moved = np.asarray(learned * sample.gradient / np.asarray(sample.eigvals)) @ np.asarray(sample.root)
        expected = float(sample.floor) + ((np.asarray(sample.offset) - moved) ** 2).sum()
        assert float(theory.risk[0]) == pytest.approx(expected, rel=1e-12)
        return
    slow = sv.SGD(algorithm.learning_rate / 1000, None)
    flow, steps = sv.solve(subject, algorithm, method, STEPS), 1000 * np.array(STEPS)
    np.testing.assert_allclose(flow.risk, sv.solve(subject, slow, sv.DMFT(), steps).risk, rtol=2e-3)


SIMULATED = {t[:2] for t in QUICK}
LEFT = [t for t in ANSWERED if t[2] == "Simulation" and t[:2] not in SIMULATED]
# Each optimizer once on each side, a stream and a data set, and each subject once.
FIRST = {(t[1], "stream" in t[0]): t for t in reversed(LEFT) if t[1] not in LONG} | {t[0]: t for t in reversed(LEFT)}


@pytest.mark.parametrize(
    "triple",
    [pytest.param(t, marks=[] if t in FIRST.values() else [pytest.mark.slow], id=", ".join(t)) for t in LEFT],
)
def test_a_simulated_triple_gives_finite_runs(triple):
    """Those that no theory is compared with above."""
    subject, algorithm = SUBJECTS[triple[0]], SETTINGS[triple[1]]
    curve = sv.solve(subject, algorithm, sv.Simulation(2), steps_of(algorithm), key=KEY)
    assert np.isfinite(curve.risk).all()
    assert curve.stats["runs"].shape == (2, len(curve.steps))
    assert (curve.train_risk is None) == (subject.samples is None or triple[1] == "Practice")


@pytest.mark.parametrize("name", SUBJECTS)
def test_samples_decide_which_forms_are_stated(name):
    """A stream states no form of finite data, and a data set none of a stream."""
    subject = SUBJECTS[name]
    if name == "started elsewhere":
        return
    assert isinstance(subject, AbstractSubject)
    for form in subject.lowerings():
        assert form.data in (None, subject.samples is not None), form.__name__
        lowered = subject.lower(form)
        assert isinstance(lowered, form)


@pytest.mark.parametrize("name", SETTINGS)
def test_decay_and_transition_are_two_forms_of_one_matrix(name):
    algorithm = SETTINGS[name]
    if Moments not in algorithm.states():
        return
    eigvals = np.array([1.0, 0.3, 1e-20, 0.0])
    with jax.enable_x64(True):
        decay, transition = (np.asarray(f(eigvals, 0)) for f in (algorithm.decay, algorithm.transition))
        injection = np.asarray(algorithm.injection(eigvals, 0))
    k = injection.shape[-1]
    assert decay.shape == (4, k, k)
    np.testing.assert_allclose(decay + transition, np.broadcast_to(np.eye(k), decay.shape), atol=1e-15)
    # An absent mode is not fed.
    assert (injection[3] == 0).all()


@pytest.mark.parametrize("method", [sv.Recursion(), sv.Volterra(), sv.Exact()])
@pytest.mark.parametrize("name", ["SGD, schedule", pytest.param("heavy ball, moments", marks=pytest.mark.slow)])
def test_a_diverged_curve_never_says_success(method, name):
    """Twenty times the largest stable rate, by every theory that takes it, and by simulation."""
    big = {"SGD, schedule": sv.SGD(lambda t: 40.0 + 0 * t, 1), "heavy ball, moments": UserHeavyBall(20.0, batch_size=1)}
    for subject in ("draw, stream", "draw, data", "law, stream"):
        for solver in (method, sv.Simulation(4)):
            if takes(solver, SUBJECTS[subject], big[name]):
                curve = sv.solve(SUBJECTS[subject], big[name], solver, [0, 1, 30, 60], key=KEY)
                assert curve.result != sv.Result.SUCCESS, (subject, solver)
                with pytest.raises(RuntimeError):
                    sv.solve(SUBJECTS[subject], big[name], solver, [0, 1, 30, 60], key=KEY, throw=True)


class ShortTheory(AbstractMethod):
    """A theory after the guide's skeleton: it reads the spectrum of a stream and small steps."""

    references = ("bordelon2024",)

    @property
    def reads(self):
        from solvable.forms import Reading

        return (Reading(sv.forms.Spectrum, Moments),)

    def curve(self, subject, algorithm, steps, *, key=None):
        risk = subject.floor + 0.0 * steps
        return sv.Curve.of(steps, risk, start=subject.start_risk)


def test_a_users_theory_of_a_stream_never_sees_a_data_set():
    assert sv.solve(SUBJECTS["law, stream"], sv.SGD(), ShortTheory(), [0, 1]).risk.shape == (2,)
    with pytest.raises(ValueError, match=r"samples: wanted None .a fresh stream. for ShortTheory"):
        sv.solve(SUBJECTS["law, data"], sv.SGD(), ShortTheory(), [0, 1])


@pytest.mark.parametrize("name", [*EVERY_LAW, *ALGORITHMS, *METHODS])
def test_what_was_used_can_be_cited(name):
    built = (EVERY_LAW | ALGORITHMS | METHODS)[name]()
    assert sv.cite(built).count("@") >= len(built.references)


def test_the_first_reading_that_fits_is_taken():
    reads = sv.Simulation().reads
    assert match(PROBLEM, sv.SGD(), reads, "").subject.__name__ == "Reduction"
    assert match(PROBLEM, SignSGD(), reads, "").subject.__name__ == "StreamDraw"
    assert isinstance(PROBLEM, AbstractStream)
    assert isinstance(sv.HeavyBall().linear_map(0), LinearMap)


class SteppedAndSolved(sv.SGD, sv.forms.Solution):
    """States its steps and, besides, a solution on a data set."""

    def solution(self, features, residual, samples, steps):
        raise AssertionError("steps are read first")


def test_an_algorithm_with_steps_and_a_solution_is_stepped():
    stepped, plain = (
        sv.solve(PROBLEM, cls(0.2, 4), sv.Simulation(2), [0, 3], key=KEY) for cls in (SteppedAndSolved, sv.SGD)
    )
    np.testing.assert_array_equal(stepped.risk, plain.risk)
