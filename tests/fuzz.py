# ruff: noqa: E501
"""Junk in place of one argument at a time: what is public, a valid call of each, junk, and what may come of it."""

import contextlib
import inspect
import itertools
import re
import resource
import signal
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import numpy as np
import xarray as xr

import solvable as sv
from solvable.fits import FitWarning, PowerLawWarning

KEY = jax.random.key(0)
MODEL = sv.PowerLawRF(0.7, 1.0, 10, 40)
DATA = sv.PowerLawRF(0.7, 1.0, 10, 40, samples=20)
PROBLEM = sv.LinearProblem([1.0, 0.5], [1.0, 1.0], 0.25)
FULL = sv.SGD(0.1, None)
RNG = np.random.default_rng(0)
FEATURES, TARGETS = RNG.standard_normal((16, 3)), RNG.standard_normal(16)
X = np.geomspace(1.0, 100.0, 12)
WIDTHS, STEPS = np.array([4.0, 8.0, 16.0, 32.0]), np.array([1, 2, 4, 8, 16, 32, 64])
RISK = WIDTHS[:, None] ** -1.0 + (STEPS / WIDTHS[:, None]) ** -0.5
DATASET = xr.Dataset(
    {"risk": (("width", "step"), RISK), "theory": (("width", "step"), RISK), "risk_stderr": (("width", "step"), RISK / 9)},
    {"width": WIDTHS, "step": STEPS},
)
PLANE = xr.DataArray(np.ones((3, 3)), {"alpha": [0.2, 0.6, 1.0], "beta": [0.2, 0.6, 1.0]}, ("alpha", "beta"))

ROOMS = ("algorithms", "exponents", "fits", "forms", "models", "plots", "simulation", "theory")
# Rooms with a fuzz of their own: a sweep's arguments become files and processes.
ELSEWHERE = ("solvable.sweeps", "solvable.config")
SUBJECTS = (
    sv.forms.AbstractSubject, sv.AbstractAlgorithm, sv.AbstractMethod, sv.fits.AbstractLaw, sv.fits.AbstractFitMethod,
    sv.fits.AbstractUncertainty, sv.models.PowerTail,
)  # fmt: skip
POWER = sv.fits.PowerLaw(fixed={"E": 0})
FITTED = sv.fit({"x": X, "L": X**-0.5}, POWER, sv.fits.LeastSquares(), uncertainty=sv.fits.Hessian(), warn=False)
PREDICTED = sv.predict_learning_curve(FEATURES, TARGETS, [4, 8], penalty=0.1)
NO_CHANGE = {"fixed": {}, "bounds": {}}


def axes() -> Any:
    from matplotlib.figure import Figure

    return Figure().subplots()


# A valid call of everything public; a function where an argument must be made anew.
EXAMPLES: dict[str, dict[str, Any]] = {
    "DMFT": {},
    "Diffusion": {},
    "Flow": {},
    "DeterministicEquivalent": {},
    "Exact": {},
    "Recursion": {},
    "Volterra": {},
    "GradientFlow": {"learning_rate": 0.1},
    "Optax": {"transformation": None, "batch_size": 2, "rotation_equivariant": False},
    "Logistic": {"inner": sv.SGD(0.1, 2)},
    "MaxMargin": {},
    "Practice": {"inner": sv.Ridge(0.1)},
    "Replica": {},
    "Ridge": {"penalty": 0.1},
    "TeacherPerceptron": {
        "ratio": 2.0, "keep": 0.5, "selection": "mixed", "probe_angle": 0.1, "dimension": 4, "share": 0.5, "weighted": True,
    },
    "models.PerceptronProblem": {
        "inputs": np.eye(3, 2), "labels": [1.0, -1.0, 1.0], "teacher": [1.0, 0.5], "weights": [1.0, 2.0, 1.0],
    },
    "theory.perceptron_map": {
        "model": sv.TeacherPerceptron(), "algorithm": sv.Ridge(0.1), "ratio": [1.0, 2.0], "keep": 0.5, "probe_angle": 0.1,
    },
    "SphericalSGD": {"learning_rate": 0.1, "batch_size": 2},
    "SingleIndex": {"link": [0.0, 1.0], "dimension": 8, "noise": 0.1},
    "TwoLayerLinear": {"inputs": MODEL, "gamma": 1.0, "hidden": 4},
    "models.NeuronProblem": {"link": [0.0, 1.0], "dimension": 8, "noise": 0.1, "start": 0.2},
    "models.NetworkProblem": {"inputs": PROBLEM, "gamma": 1.0, "weights": None},
    "models.hermite_coefficients": {"function": np.tanh, "degree": 3},
    "theory.passage_time": {"model": sv.SingleIndex((0.0, 1.0), 8), "algorithm": sv.SphericalSGD(), "overlap": 0.5},
    "simulation.passage_steps": {
        "model": sv.SingleIndex((0.0, 1.0), 8), "algorithm": sv.SphericalSGD(), "overlap": 0.5, "last": 10, "num_runs": 2,
        "key": KEY,
    },
    "SGD": {"learning_rate": 0.1, "batch_size": 2},
    "SignClosure": {},
    "SignSGD": {"learning_rate": 0.1, "batch_size": 2},
    "HeavyBall": {"learning_rate": 0.05, "momentum": 0.5, "batch_size": 2},
    "EMAMomentum": {"learning_rate": 0.05, "momentum": 0.5, "batch_size": 2},
    "Nesterov": {"learning_rate": 0.05, "momentum": 0.5, "batch_size": 2, "form": "optax"},
    "DANA": {"learning_rate": 0.05, "acceleration": 0.1, "exponent": 0.5, "delta": 8.0, "batch_size": 2},
    "ScheduleFree": {"learning_rate": 0.05, "beta": 0.9, "batch_size": 2},
    "EMA": {"inner": sv.SGD(0.1, 1), "decay": 0.9},
    "TailAverage": {"inner": sv.SGD(0.1, 1), "start": 0},
    "WeightDecay": {"inner": sv.SGD(0.1, 1), "rate": 0.1, "decoupled": True},
    "Preconditioned": {"inner": sv.SGD(0.1, 1), "power": 0.5},
    "BatchSchedule": {"inner": sv.SGD(0.1, 1), "size": 2.0},
    "Simulation": {"num_runs": 2, "sampler": "auto", "num_draws": 2, "order": "replacement", "mesh": None},
    "LinearProblem": {"eigvals": [1.0, 0.5], "target": [1.0, 1.0], "floor": 0.1, "initial": [0.0, 0.0]},
    "LinearRegression": {"alpha": 0.7, "beta": 1.0, "width": 8, "noise": 0.1, "init_std": 0.1, "samples": None},
    "NonlinearRF": {
        "activation": "relu", "manifold": "sphere", "dimension": 2, "alpha": 0.0, "bias": 0.0, "width": 4, "samples": 5,
        "target": None, "teacher_width": 8, "noise": 0.0, "num_test": 8,
    },
    "PowerLawRF": {
        "alpha": 0.7, "beta": 1.0, "width": 8, "ambient": 32, "noise": 0.1, "init_std": 0.1, "samples": None,
    },
    "RandomFeatures": {
        "eigvals": [1.0, 0.5, 0.3], "target_power": [1.0, 0.5, 0.2], "tails": (sv.models.PowerTail(0.7, 1.0, 32),),
        "width": 8, "noise": 0.1, "init_std": 0.1, "samples": None, "merged": None,
    },
    "models.PowerTail": {"alpha": 0.7, "beta": 1.0, "until": 32, "eigval": 0.1, "power": 0.1},
    "models.DataSets": {"problem": PROBLEM, "samples": 5},
    "models.EmpiricalProblem": {
        "eigvals": np.ones(2), "target": np.ones(2), "initial": np.zeros(2), "floor": np.asarray(0.1), "vectors": np.eye(2),
    },
    "models.FiniteProblem": {"problem": PROBLEM, "features": np.ones((3, 2)), "targets": np.ones(3), "samples": 3},
    "models.RandomFeatureProblem": {
        "eigvals": np.ones(10), "target": np.ones(10), "initial": np.zeros(10), "floor": np.asarray(0.1), "key": KEY,
        "model": MODEL,
    },
    "solve": {
        "model": MODEL, "algorithm": sv.SGD(0.1, 1), "method": sv.Recursion(), "steps": [0, 1, 5], "key": KEY,
        "throw": False,
    },
    "check": {
        "model": PROBLEM, "algorithm": sv.SGD(0.1, 1), "method": sv.Recursion(), "steps": [0, 1, 5], "key": KEY,
        "simulation": sv.Simulation(4),
    },
    "log_steps": {"last": 100, "count": 10},
    "cite": {"objects": (MODEL, "paquette2024")},
    "compute_frontier": {
        "model": MODEL, "algorithm": sv.SGD(0.1, 1), "compute": None, "method": sv.Recursion(), "widths": [4, 8, 16],
        "steps": [1, 4, 16, 64], "approach": "isoflop", "tune_rate": False, "key": KEY,
    },
    "fit": {
        "data": {"x": X, "L": X**-0.5}, "law": POWER, "method": sv.fits.LeastSquares(), "columns": None,
        "uncertainty": sv.fits.Hessian(), "confidence": 0.9, "missing": "drop", "drop_largest": 1, "key": KEY, "warn": False,
    },
    "fits.Chinchilla": NO_CHANGE,
    "fits.ComputeOptimal": NO_CHANGE,
    "fits.PowerLaw": {"variable": "N", **NO_CHANGE},
    "fits.Huber": {"delta": 1e-3},
    "fits.AbsoluteDeviation": {"delta": 1e-6},
    "fits.LeastSquares": {"log": False},
    "fits.Envelope": {"num_compute": 64},
    "fits.IsoFLOP": {"tolerance": 0.1, "flat": 2.0},
    "fits.Bootstrap": {"num": 100, "cluster": None, "block": 2},
    "fits.Hessian": {},
    "fits.ProfileLikelihood": {},
    "plots.learning_curve": {"curve": PREDICTED, "ax": axes},
    "plots.law": {"fit": FITTED, "kind": "fit", "reach": 10.0, "ax": axes},
    "fit_power_law": {
        "x": X, "y": X**-0.5, "floor": 0.0, "stderr": None, "confidence": 0.9, "errors": "independent", "warn": True,
    },
    "optimal_schedule": {"model": PROBLEM, "horizon": 200, "family": "constant", "build": sv.SGD, "nodes": None},
    "frontier_map": {
        "model": MODEL, "algorithm": sv.SGD(0.1, 1), "compute": [1e4], "alpha": [0.2], "beta": [0.1], "ratio": 4.0,
        "paired": False, "tune_rate": False, "nodes": 128, "stages": 1, "workers": 1, "progress": None,
    },
    "measure_learning_curve": {
        "features": FEATURES, "targets": TARGETS, "sizes": [4, 8], "algorithm": 0.1, "steps": None, "kernel": None,
        "num_subsets": 2, "key": KEY,
    },
    "optimal_penalty": {"model": DATA},
    "predict_learning_curve": {
        "X": FEATURES, "y": TARGETS, "sizes": [4, 8], "penalty": 0.1, "kernel": False, "confidence": 0.9, "key": KEY,
    },
    "TheoryLaw": {
        "model": sv.LinearRegression(0.7, 1.0, 8), "algorithm": sv.SGD(0.1, 1), "method": sv.Recursion(), "steps": (1, 4, 16),
        "names": ("alpha",), "fixed": {}, "bounds": {},
    },
    "phase": {"alpha": 0.7, "beta": 0.4},
    "regime": {"model": DATA, "width": 10.0, "samples": [5.0, 20.0], "penalty": 0.1},
    "ridge_map": {"model": DATA, "width": 10.0, "samples": [5.0, 20.0], "penalty": 0.1},
    "stability": {"model": MODEL, "algorithm": sv.SGD(0.1, 1)},
    "best_learning_rate": {
        "model": PROBLEM, "algorithm": sv.SGD(1.0, 1), "steps": [9, 90], "batch_size": [1.0, 4.0], "width": None, "rates": 8,
        "window": (0.01, 1.0), "nodes": None,
    },
    "adaptive_batch": {"model": PROBLEM, "algorithm": sv.SGD(0.1, 1), "last": 64, "factor": 2.0, "scale": "noise"},
    "critical_batch_size": {
        "model": PROBLEM, "algorithm": sv.SGD(1.0, 1), "samples": [1e3], "overhead": 0.2, "smallest": 1.0, "nodes": None,
    },
    "theory.noise_scale": {"model": MODEL, "algorithm": sv.SGD(0.1, 1), "steps": [0, 2]},
    "theory.correlations": {"model": DATA, "algorithm": FULL, "steps": [0, 2]},
    "theory.decompose": {"model": DATA, "algorithm": sv.Ridge(0.1)},
    "theory.decompose_training": {"model": DATA, "algorithm": FULL, "steps": [0, 2]},
    "theory.ensemble": {"model": DATA, "algorithm": FULL, "steps": [0, 2], "features": 2, "data": 2},
    "theory.forcing": {"model": MODEL, "algorithm": sv.SGD(0.1, 1), "steps": [0, 2]},
    "theory.kernel": {"model": MODEL, "algorithm": sv.SGD(0.1, 1), "steps": [0, 2]},
    "theory.optimal_power_law": {"alpha": 1.0, "width": 8.0, "samples": 16.0},
    "theory.responses": {"model": DATA, "algorithm": FULL, "lags": [0, 2]},
    "theory.ridgeless_mean": {"problem": PROBLEM, "samples": [4, 9]},
    "fits.measured_features": {
        "problem": sv.LinearProblem(np.arange(1.0, 65) ** -1.5, np.arange(1.0, 65) ** -0.5), "between": (1, 30),
        "keep": 20, "tolerance": 0.1, "until": 1000, "width": 8, "samples": None,
    },
    "theory.theory_frontier": {"model": MODEL, "algorithm": sv.SGD(0.1, 1), "compute": [1e4], "tune_rate": False, "nodes": 128},
    "fits.estimate_noise_scale": {
        "small_norms": [3.0, 5.0, 4.0], "large_norms": [1.0, 1.5, 1.1], "small": 1, "large": 8, "confidence": 0.9,
    },
    "fits.fit_spectrum": {"eigvals": np.arange(1.0, 65) ** -1.5, "power": np.ones(64), "tolerance": 0.1, "between": (1, 60)},
    "fits.measure_frontier": {
        "width": WIDTHS, "steps": STEPS, "risk": np.stack([RISK, RISK * 1.1], 1), "batch_size": 1, "approach": "isoflop",
        "compute": None, "span": 4.0, "num_samples": 3, "key": KEY,
    },
    "models.arc_cosine": {"cosine": 0.5, "order": 1},
    "models.relu_ntk": {"cosine": [0.5, -0.5]},
    "models.empirical_problem": {
        "train_features": FEATURES, "train_targets": TARGETS, "test_features": FEATURES, "test_targets": TARGETS,
    },
    "models.from_data": {"features": FEATURES, "targets": TARGETS, "kernel": None, "samples": 8},
    "models.kernel_eigvals": {"kernel": FEATURES @ FEATURES.T},
    "models.sphere_eigvals": {"kernel": sv.models.relu_ntk, "dimension": 2, "degrees": 3},
    "simulation.simulate_ensemble": {
        "model": DATA, "algorithm": FULL, "steps": [0, 2], "num_features": 1, "num_bags": 2, "num_runs": 1, "key": KEY,
    },
    "simulation.measure_noise_scale": {
        "problem": PROBLEM, "algorithm": sv.SGD(0.1, 1), "steps": [0, 3], "small": 1, "large": 4, "num_runs": 2,
        "confidence": 0.9, "key": KEY,
    },
    "simulation.prediction_band": {
        "features": FEATURES, "targets": TARGETS, "sizes": [4, 8], "algorithm": 0.1, "steps": None,
        "predict": lambda model, sizes: np.ones(len(sizes)), "kernel": None, "num_halves": 4, "num_subsets": 2,
        "confidence": 0.9, "key": KEY,
    },
    "exponents.approximation_floor": {"alpha": 0.7, "beta": 0.8, "width": 8, "ambient": 32},
    "exponents.balance": {"lines": {"a": (-1.0, 0.0), "b": (0.0, -1.0)}, "tolerance": 1e-9},
    "exponents.boundaries": {"alpha": (0.0, 1.5), "beta": (0.0, 1.5)},
    "exponents.distortion": {"alpha": 0.7, "beta": 0.8, "width": 8, "learning_rate": 0.1, "steps": 9, "ambient": 32},
    "exponents.forcing": {"alpha": 0.7, "beta": 0.8, "learning_rate": 0.1, "steps": 9},
    "exponents.kernel": {"alpha": 0.7, "learning_rate": 0.1, "batch_size": 2, "steps": 9},
    "exponents.optimal_width": {
        "alpha": 0.7, "beta": 0.8, "compute": 1e4, "learning_rate": 0.1, "batch_size": 1, "aspect": 4.0,
    },
    "exponents.ridge_constant": {"alpha": 0.7, "aspect": 4.0},
    "exponents.risk_law": {
        "alpha": 0.7, "beta": 0.8, "width": 8, "learning_rate": 0.1, "batch_size": 1, "steps": 9, "ambient": 32,
        "kernel_norm": 0.1,
    },
    "exponents.terms": {"alpha": 0.7, "beta": 0.8},
    "plots.collapse": {
        "data": DATASET, "y": "risk", "x": "step", "by": "width", "x_power": 1.0, "y_power": 1.0, "floor": 0.0,
        "over": None, "ax": axes,
    },
    "plots.compare": {
        "data": DATASET, "simulation": "risk", "theory": "theory", "x": "step", "hue": "width", "over": None, "axes": None,
    },
    "plots.curves": {"data": DATASET, "y": "risk", "x": "step", "hue": "width", "over": None, "ax": axes},
    "plots.frontier": {"data": DATASET, "y": "risk", "envelope": None, "over": None, "ax": axes},
    "plots.heatmap": {"data": DATASET, "y": "risk", "dims": ("width", "step"), "over": None, "contours": 3, "ax": axes},
    "plots.isoflop": {"data": DATASET, "y": "risk", "compute": None, "span": 4.0, "over": None, "ax": axes},
    "plots.phase_centers": {"alpha": (0.0, 1.5), "beta": (0.0, 1.5)},
    "plots.plot_phase_boundaries": {"ax": axes, "labels": True},
    "plots.plot_phase_map": {"values": PLANE, "ax": axes},
    "plots.style": {},
}  # fmt: skip


def public() -> dict[str, Callable]:
    """Everything callable of the face and its rooms that takes arguments to judge, by its shortest name.

    Left out are records, which functions return, abstract bases, and the rooms that are tested elsewhere.
    """
    found: dict[Any, str] = {}
    for room in ("", *ROOMS):
        place = getattr(sv, room) if room else sv
        for name in sorted(set(getattr(place, "__all__", [])) | {n for n in vars(place) if not n.startswith("_")}):
            thing = getattr(place, name)
            if not callable(thing) or not getattr(thing, "__module__", "").startswith("solvable"):
                continue
            if thing.__module__.startswith(ELSEWHERE) or inspect.isabstract(thing) or name.startswith("Abstract"):
                continue
            if not isinstance(thing, type) or issubclass(thing, SUBJECTS):
                found.setdefault(thing, f"{room}.{name}" if room else name)
    return {name: thing for thing, name in found.items()}


class Strange:
    """An object that answers badly to everything."""

    def __repr__(self):
        return "<strange>"

    def __array__(self, *args, **kwargs):
        raise KeyError("no")

    def __index__(self):
        raise RuntimeError("no")

    def __len__(self):
        return -1


def ragged() -> list:
    return [[1.0], [1.0, 2.0]]


JUNK: list[Any] = [
    None, True, False, np.nan, np.inf, -np.inf, 0, 0.0, -1, -1.0, 0.5, 1, 2, 3.7, 1e308, -1e308, 5e-324, 1e-308, 2**31,
    2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**400, -(10**400), 10**5000, "", "a", "1", "nan", "optimal", "fit", "\ud800", "a\0",
    b"x", b"", bytearray(b"xy"), 1j, 1 + 0j, [], [1], [1.0], [0.1, 0.2], [np.nan], [True], ["a"], [None], [[]], ragged(),
    [[1.0, 2.0], [3.0, 4.0]], [10**400], [1j], (), (1, 2), (2, 1), (1.0, 2.0, 3.0), {}, {"a": 1}, {1, 2}, range(3), range(10**12),
    np.ma.masked, [np.ma.masked], np.ma.masked_array([1.0, 2.0], [True, False]), np.datetime64("2020-01-01"),
    np.timedelta64(3, "s"), np.array([]), np.zeros((0, 3)), np.zeros((2, 0)), np.array(None), np.array([1, "a"], object),
    np.array([[1, 2], [3, 4]], object), np.array("a"), np.array(True), np.array([True, False]), np.float64("nan"), np.float16(1),
    np.int8(-1), np.array(2), np.array([1.0, 2.0], np.complex64), np.zeros((2, 2, 2)), np.ones((3, 4)), np.array([1, 2]),
    np.array([2**64 - 1], np.uint64), np.zeros(3, "V4"), np.array([(1, 2.0)], "i4,f8"), np.arange(2.0)[::-1],
    print, len, lambda: 0, lambda *args: None, lambda *args: "a", lambda *args: -1.0, lambda *args: np.nan,
    lambda *args: 1 / 0, lambda *args: np.ones(3), int, dict, object, object(), Strange(), type, Exception("x"), ..., NotImplemented,
    slice(3), itertools.count, KEY, jax.random.split(KEY), jax.random.PRNGKey(0), jax.numpy.ones(2), jax.numpy.array(True),
    jax.numpy.array(jax.numpy.nan), jax.ShapeDtypeStruct((2,), "float32"), MODEL, DATA, PROBLEM, sv.SGD, sv.SGD(0.1, 1), FULL,
    sv.Ridge(0.1), sv.Recursion(), sv.Simulation(2), sv, DATASET, PLANE, inspect.Parameter.empty,
]  # fmt: skip
NEVER: list[Any] = [b"x", 1j, object(), Strange(), np.ma.masked, ragged(), 10**5000]  # no argument at all
MADE: list[Callable[[], Any]] = [
    lambda: itertools.count(),
    lambda: iter([1, 2]),
    lambda: (x for x in "ab"),
    lambda: [[0.0] * 3 for _ in range(3)],
]  # junk that is used up by one call


@contextlib.contextmanager
def uncompiled() -> Iterator[None]:
    """The search for exact frontiers left out: it compiles for half a minute whatever it is asked, and is tested."""
    from solvable.theory import exact_frontier

    def zeros(compute):
        zero = np.zeros(np.shape(compute))
        return sv.theory.Frontier(compute, zero, zero, zero, zero, zero, zero == 0, zero, zero)

    replaced = {
        "_frontier": lambda model, build, *arguments: zeros(arguments[-3]),
        "_frontier_points": lambda model, build, *arguments: zeros(arguments[-3]),
        "Planned": lambda *settings: lambda tasks: zeros(tasks[:, -1]),
    }
    saved = {name: getattr(exact_frontier, name) for name in replaced}
    try:
        for name, instead in replaced.items():
            setattr(exact_frontier, name, instead)
        yield
    finally:
        for name, own in saved.items():
            setattr(exact_frontier, name, own)


@contextlib.contextmanager
def bounded(seconds: int = 30, gigabytes: float = 4.0) -> Iterator[None]:
    """A call that hangs, or asks for more memory, ends in an error."""
    with open("/proc/self/statm", encoding="ascii") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)

    def stop(*_):
        raise TimeoutError(f"no end after {seconds} s")

    handler = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    resource.setrlimit(resource.RLIMIT_AS, (used + int(gigabytes * 2**30), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)


REFUSED = re.compile(r"^[A-Za-z_][\w.()]*((,| \+) [A-Za-z_][\w.()]*)*: wanted [^;]+(;|, |: )[\s\S]*got ")


def call(name: str, thing: Callable, arguments: dict[str, Any]) -> Any:
    """The result of a call, used once more where it is a model, an algorithm or a method."""
    made = {key: value() if value is axes else value for key, value in arguments.items()}
    parameters = inspect.signature(thing).parameters.values()
    positional = [value for p in parameters if p.kind is p.VAR_POSITIONAL for value in made.pop(p.name)]
    result = thing(*positional, **made)
    if isinstance(result, sv.TeacherPerceptron):
        return result, sv.solve(result, sv.Ridge(0.1), sv.Replica())
    if isinstance(result, sv.MaxMargin | sv.Logistic | sv.Practice):
        steps, law = None if result.one_shot else [0, 2], sv.TeacherPerceptron(dimension=4)
        return result, sv.solve(law, result, sv.Simulation(2), steps, key=KEY)
    if isinstance(result, sv.SphericalSGD):
        return result, sv.solve(sv.SingleIndex((0.0, 1.0), 8), result, sv.Simulation(2), [0, 3], key=KEY)
    if isinstance(result, sv.AbstractAlgorithm) and not result.one_shot and not result.continuous:
        return result, sv.solve(PROBLEM, result, sv.Simulation(2), [0, 3], key=KEY)
    if isinstance(result, sv.AbstractAlgorithm):
        problem = sv.models.FiniteProblem(PROBLEM, np.eye(2), np.ones(2))
        return result, sv.solve(problem, result, sv.Exact(), None if result.one_shot else [0, 3])
    if isinstance(result, sv.Simulation):
        return result, sv.solve(PROBLEM, sv.SGD(0.1, 1), result, [0, 3], key=KEY)
    return result


def judge(name: str, thing: Callable, arguments: dict[str, Any]) -> str | None:
    """What is wrong with the way a call ends; None where it is right: an answer, or one readable refusal."""
    try:
        with bounded(), uncompiled(), warnings.catch_warnings():
            # JAX's own note about an iterator in a tree, before the constructor sees its argument
            warnings.filterwarnings("ignore", message="Python iterable type")
            result = call(name, thing, arguments)
    except ValueError as error:
        if type(error).__name__ not in ("ValueError", "Mismatch") or not REFUSED.match(str(error)):
            return f"{type(error).__name__}: {error}"
        return f"refused at length: {len(str(error))}" if len(str(error)) > 1200 else None
    except (PowerLawWarning, FitWarning):
        return None
    except RuntimeError as error:  # documented
        return None if "did not converge" in str(error) else f"RuntimeError: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:300]}"
    return silent_nan(name, result)


NAN_IS_AN_ANSWER = (
    "phase", "frontier_map", "compute_frontier", "theory.theory_frontier", "fits.", "fit", "plots.", "regime",
    "stability", "simulation.simulate_ensemble", "check",
)  # documented: no phase, no interior optimum, no runs to resample, no such pair  # fmt: skip


def silent_nan(name: str, result: Any) -> str | None:
    """A NaN among the numbers of a result that does not say so."""
    if name.startswith(NAN_IS_AN_ANSWER):
        return None
    for leaf in jax.tree.leaves(result, is_leaf=lambda x: isinstance(x, sv.Curve)):
        if isinstance(leaf, sv.Curve):
            if int(leaf.result) == sv.Result.SUCCESS and not np.isfinite(leaf.risk).all():
                return "a curve of result SUCCESS has a risk that is not finite"
        elif eqx.is_inexact_array(leaf) and np.isnan(np.asarray(leaf)).any():
            return "accepted, and the result holds NaN"
        elif isinstance(leaf, float) and np.isnan(leaf):
            return "accepted, and the result is NaN"
    return None


def replaced(arguments: dict[str, Any], place: str, junk: Any) -> dict[str, Any]:
    """The arguments with junk in one place; in a tuple of positional objects, for its first."""
    return {**arguments, place: (junk,) if place == "objects" else junk}

