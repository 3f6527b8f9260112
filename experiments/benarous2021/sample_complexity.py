"""One neuron finds a direction: samples against the dimension, the plateau and the drop, and what fixed features need.

The target is a Hermite polynomial h_s of one direction. Spherical SGD of one neuron stays on a plateau at an overlap of
dimension^(-1/2) and then drops: after d samples for s = 1, d log d for s = 2, d^(s - 1) for s > 2. Theory is the
diffusion of the overlap, and its mean first passage of 1/2; the simulation is the chain of the overlap, exact in law.
Beside it the same target is learnt by kernel regression, random features in the limit of many: a kernel with parts of
degree 1 to s + 2 sees d^s / s! directions of degree s, and needs samples of their order to halve the risk.

Source: Ben Arous, Gheissari, Jagannath 2021 (arXiv 2003.10409). Kernel: the ridge equations of arXiv 2210.16859.
"""

import math
from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.forms import AbstractSubject, Population
from solvable.plots import COLORS, style
from solvable.results import make_dataset, report_row

RATES = {1: 0.3, 2: 0.1, 3: 0.03, 4: 0.002}  # at exponent s, times dimension^(-(s - 2) / 2) beyond 2
SIMULATED = {1: (6, 14), 2: (6, 11)}  # powers of 2 that are simulated
LAWS = {1: "d", 2: "d log d", 3: "d²", 4: "d³"}
MARKERS = "osD^"


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        powers: smallest and largest dimension, powers of 2.
        num_runs: simulated runs a dimension.
        curve_dimension: dimension of the curves of plateau and drop.
        curve_runs: simulated runs of each curve.
        seed: of all randomness.
        tiny: a much smaller run with the same outputs.
    """

    powers: tuple[int, int] = (6, 14)
    num_runs: int = 128
    curve_dimension: int = 256
    curve_runs: int = 32
    seed: int = 0
    tiny: bool = False


class Kernel(AbstractSubject):
    """h_s of one direction under the kernel with equal parts of degrees 1 to s + 2, with a data set of this size."""

    exponent: int
    dimension: int
    samples: float

    def lowerings(self):
        return {Population: self.population}

    def population(self):
        degrees = range(1, self.exponent + 3)
        mass = np.array([math.comb(self.dimension + k - 1, k) for k in degrees], float)
        power = (np.array(degrees) == self.exponent).astype(float)
        return Population(1 / mass, mass, power, np.inf, self.samples, np.zeros(()))


def kernel_samples(exponent: int, dimension: int) -> float:
    """Samples at which the typical risk of ridge regression, without a penalty, is half of that at the start."""
    ridge, low, high = sv.Ridge(0.0), 0.0, math.log(10.0 * math.comb(dimension + exponent, exponent))
    for _ in range(40):  # bisection in the logarithm
        middle = (low + high) / 2
        risk = sv.solve(Kernel(exponent, dimension, math.exp(middle)), ridge, sv.DeterministicEquivalent()).risk[0]
        low, high = (middle, high) if risk > 0.5 else (low, middle)
    return math.exp(high)


def neuron(exponent: int, dimension: int):
    """The model and its algorithm."""
    link = [0.0] * exponent + [1.0]
    rate = RATES[exponent] * dimension ** (-max(exponent - 2, 0) / 2)
    return sv.SingleIndex(link, dimension), sv.SphericalSGD(rate)


def run(config: Config, progress=lambda *_: None):
    """Samples to half the overlap: (phase, point), phase the exponent; curves: (setting, step)."""
    powers = np.arange(config.powers[0], config.powers[1] + 1)[:: 4 if config.tiny else 1]
    dimensions, key = 2**powers, jax.random.key(config.seed)
    theory, kernel, simulated, stderr = (np.full((4, len(powers)), np.nan) for _ in range(4))
    for i, exponent in enumerate(RATES):
        for j, dimension in enumerate(dimensions):
            progress("dimensions", i * len(powers) + j, 4 * len(powers))
            pair = neuron(exponent, int(dimension))
            theory[i, j] = sv.theory.passage_time(*pair)
            kernel[i, j] = kernel_samples(exponent, int(dimension))
            low, high = SIMULATED.get(exponent, (1, 0))
            if low <= powers[j] <= (6 if config.tiny and exponent < 3 else 0 if config.tiny else high):
                steps = sv.simulation.passage_steps(*pair, last=2**30, num_runs=config.num_runs, key=key)
                simulated[i, j], stderr[i, j] = steps.mean(), steps.std(ddof=1) / len(steps) ** 0.5
    progress("dimensions", 4 * len(powers), 4 * len(powers))
    steps, curves, measured, errors = plateaus(config, key)
    coords = {"phase": (("phase",), list(RATES), "information exponent s"),
              "dimension": (("point",), dimensions, "dimension d of the inputs"),
              "step": (("step",), steps, "steps over the mean steps to an overlap of 1/2"),
              "setting": (("setting",), [1, 2, 3], "information exponent of a curve")}
    two, line = ("phase", "point"), ("setting", "step")
    variables = {"theory": (two, theory, "mean samples to an overlap of 1/2, theory"),
                 "kernel": (two, kernel, "samples to half the risk with fixed features, theory"),
                 "simulated": (two, simulated, "mean samples to an overlap of 1/2, simulation"),
                 "simulated_stderr": (two, stderr, "standard error of simulated"),
                 "risk": (line, curves, "mean risk, theory"),
                 "risk_simulated": (line, measured, "mean risk, simulation"),
                 "risk_stderr": (line, errors, "standard error of risk_simulated")}
    return make_dataset("benarous2021/sample_complexity", config, variables, coords)


def plateaus(config: Config, key):
    """Risk along the run for s = 1, 2, 3, in units of the mean time to half the overlap."""
    at = np.geomspace(0.02, 2.5, 22)
    dimension, theory, measured, errors = 32 if config.tiny else config.curve_dimension, [], [], []
    for exponent in (1, 2, 3):
        pair = neuron(exponent, dimension if exponent < 3 else 64)
        steps = np.unique(np.rint(at * sv.theory.passage_time(*pair)).astype(int))
        theory.append(np.asarray(sv.solve(*pair, sv.Diffusion(), steps).risk))
        if config.tiny and exponent == 3:  # half a million steps
            measured.append(np.full(len(steps), np.nan))
            errors.append(np.full(len(steps), np.nan))
            continue
        found = sv.solve(*pair, sv.Simulation(num_runs=config.curve_runs), steps, key=key)
        measured.append(np.asarray(found.risk))
        errors.append(np.asarray(found.stderr))
    count = min(map(len, theory))
    return at[-count:], *(np.array([x[-count:] for x in part]) for part in (theory, measured, errors))


def slopes(dataset, name: str, exponent: int) -> tuple[float, float]:
    """(exponent of d in samples, over log d where s = 2 for a neuron, its standard error)."""
    here = dataset.sel(phase=exponent)
    d, values = here.dimension.values.astype(float), here[name].values
    use = np.isfinite(values)
    if use.sum() < 2:
        return math.nan, math.nan
    law = values[use] / (np.log(d[use]) if exponent == 2 and name != "kernel" else 1.0)
    x = np.log(d[use]) - np.log(d[use]).mean()
    weights = x / (x @ x)
    noise = here["simulated_stderr"].values[use] / values[use] if name == "simulated" else 0.0 * x
    return float(weights @ np.log(law)), float(np.sqrt(weights**2 @ noise**2))


def plot(dataset):
    """Left: plateau and drop. Right: samples against dimension, one neuron and fixed features."""
    with style():
        figure = Figure(figsize=(10.5, 4.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        for i, exponent in enumerate(dataset.setting.values):
            here = dataset.sel(setting=exponent)
            left.plot(here.step, here.risk, color=COLORS[i], linestyle=("-", "--", ":")[i], label=f"s = {exponent}")
            left.errorbar(here.step, here.risk_simulated, here.risk_stderr, fmt=MARKERS[i], color=COLORS[i], ms=3.5)
        left.set(xscale="log", xlabel="steps / mean steps to an overlap of 1/2", ylabel="risk (mean squared error)")
        left.set_title("Plateau and drop: theory (lines), mean of neurons (marks)", fontsize=9)
        left.legend(title="exponent")
        for i, exponent in enumerate(dataset.phase.values):
            here = dataset.sel(phase=exponent)
            found = slopes(dataset, "theory", int(exponent))[0]
            text = f"s = {exponent}: {LAWS[int(exponent)]} (fit {found:.2f})"
            right.plot(here.dimension, here.theory, color=COLORS[i], label=text)
            right.plot(here.dimension, here.kernel, "--", color=COLORS[i], linewidth=1)
            right.plot(here.dimension, here.simulated, MARKERS[i], color=COLORS[i], ms=4)
        right.plot([], [], "--", color="0.4", linewidth=1, label="fixed features: dˢ")
        right.set(xscale="log", yscale="log", xlabel="dimension d", ylabel="samples")
        right.set_title("Samples to find the direction", fontsize=9)
        right.legend(fontsize=7.5, loc="upper left")
        gain = float((dataset.kernel / dataset.theory).sel(phase=2)[-1])
        figure.suptitle("One neuron finds a direction in d, d log d, d², d³ samples, fixed features in d, d², d³, d⁴\n"
                        f"({gain:.0f} times fewer samples for s = 2 at d = {int(dataset.dimension[-1])})", fontsize=10)
    return figure


def report(dataset) -> list[dict]:
    """Exponents of samples in the dimension, and simulation over theory."""
    rows = []
    for exponent, law in {1: 1.0, 2: 1.0, 3: 2.0, 4: 3.0}.items():
        what = "samples / log d" if exponent == 2 else "samples"
        value = slopes(dataset, "theory", exponent)[0]
        rows.append(report_row(f"s = {exponent}: exponent of {what}, theory", law, value, 0.05))
        if exponent < 3:
            value, error = slopes(dataset, "simulated", exponent)
            rows.append(report_row(f"s = {exponent}: exponent of {what}, simulation", law, value, 0.05, error))
        value = slopes(dataset, "kernel", exponent)[0]
        rows.append(report_row(f"s = {exponent}: exponent of samples, fixed features", exponent, value, 0.05))
        here = dataset.sel(phase=exponent)
        ratio = (here.simulated / here.theory).values
        if np.isfinite(ratio).any():
            error = (here.simulated_stderr / here.theory).values
            last = np.flatnonzero(np.isfinite(ratio))[-1]
            text = f"s = {exponent}: simulated over predicted samples, d = {int(here.dimension[last])}"
            rows.append(report_row(text, 1.0, float(ratio[last]), 0.2, float(error[last])))
    return rows
