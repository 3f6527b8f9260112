"""Lazy and rich learning of the same target: exponents in time and how slowly they are approached.

A two-layer linear network of many hidden units follows a gradient flow whose richness gamma says how much its features
move. With eigenvalues k^-a and source exponent B the risk falls as t^-B without richness, and with any richness as
t^(-2 B / (1 + B)) where B < 1, because the gain of the network grows with what it has learnt; where B > 1 it stops
growing, and nothing changes. Behind random features of width 10^12 the bottleneck is far below, and local slopes meet
the predicted ones; with 120 modes they are steeper. The report also trains networks of finite width, by small steps,
beside the flow.

Source: Bordelon, Atanasov, Pehlevan 2024 (arXiv 2409.17858).
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, LINES, style
from solvable.results import make_dataset, report_row

ALPHA = 1.25
BETAS = {0.4: -0.25, 1.5: 1.125}  # source exponent -> beta
GAMMAS = (0.0, 0.1, 1.0)
GOLDEN = {(0.0, 10, 100): -0.429, (1.0, 10, 100): -0.560, (0.0, 30, 300): -0.446, (1.0, 30, 300): -0.631}
NETWORK_STEPS = (100, 300, 1000)  # of the rate 0.01
MODES = 120


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        width: of the random features.
        last: the last time.
        hidden: hidden units of the networks that are trained.
        num_runs: networks that are trained at each richness.
        seed: of their weights.
        tiny: a much smaller run with the same outputs.
    """

    width: float = 1e12
    last: int = 10**9
    hidden: int = 512
    num_runs: int = 32
    seed: int = 0
    tiny: bool = False


def predicted(source: float, gamma: float) -> float:
    """The exponent in time."""
    return source if gamma == 0 or source > 1 else 2 * source / (1 + source)


def run(config: Config, progress=lambda *_: None):
    """Risk behind random features (setting, phase, step), of 120 modes, and of networks; phase is the source."""
    steps, short = np.unique(sv.log_steps(config.last, 10 * len(str(config.last)))), sv.log_steps(300, 60)
    flow, key = sv.GradientFlow(1.0), jax.random.key(config.seed)
    risk, modes, trained, errors = [], [], [], []
    for i, gamma in enumerate(GAMMAS):
        progress("richness", i, len(GAMMAS))
        laws = [sv.TwoLayerLinear(sv.PowerLawRF(ALPHA, b, config.width, np.inf), gamma) for b in BETAS.values()]
        risk.append([np.asarray(sv.solve(law, flow, sv.Flow(), steps).risk) for law in laws])
        inputs = sv.LinearRegression(ALPHA, BETAS[0.4], MODES)
        modes.append(np.asarray(sv.solve(sv.TwoLayerLinear(inputs, gamma), flow, sv.Flow(), short).risk))
        network = sv.TwoLayerLinear(inputs, gamma, hidden=64 if config.tiny else config.hidden)
        many = sv.Simulation(num_runs=4 if config.tiny else config.num_runs)
        found = sv.solve(network, sv.SGD(0.01, None), many, NETWORK_STEPS, key=key)
        trained.append(np.asarray(found.risk))
        errors.append(np.asarray(found.stderr))
    progress("richness", len(GAMMAS), len(GAMMAS))
    coords = {"setting": (("setting",), list(GAMMAS), "richness"),
              "phase": (("phase",), list(BETAS), "source exponent B"),
              "step": (("step",), steps, "time"), "short": (("record",), short, "time, of 120 modes"),
              "trained": (("point",), np.array(NETWORK_STEPS) / 100, "time, of networks")}
    variables = {"risk": (("setting", "phase", "step"), np.array(risk), "risk behind random features"),
                 "modes": (("setting", "record"), np.array(modes), "risk of 120 modes, B = 0.4"),
                 "network": (("setting", "point"), np.array(trained), "mean risk of networks of finite width"),
                 "network_stderr": (("setting", "point"), np.array(errors), "standard error of network")}
    return make_dataset("bordelon2024b/lazy_and_rich", config, variables, coords)


def local_slopes(x, y):
    """(geometric middles, slopes of log y over log x) of neighbours."""
    return np.sqrt(x[1:] * x[:-1]), np.diff(np.log(y)) / np.diff(np.log(x))


def plot(dataset):
    """Left: risk against time. Right: local slopes and what they approach."""
    with style():
        figure = Figure(figsize=(10.5, 4.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        steps = dataset.step.values[1:].astype(float)
        for j, source in enumerate(dataset.phase.values):
            for i, gamma in enumerate(dataset.setting.values):
                risk = dataset.risk.sel(setting=gamma, phase=source).values[1:]
                look = {"color": COLORS[2 * j + (gamma > 0)], "linestyle": LINES[i]}
                left.plot(steps, risk, label=f"B = {source:g}, γ = {gamma:g}", **look)
                right.plot(*local_slopes(steps, risk), **look)
                right.axhline(-predicted(source, gamma), color="0.6", linewidth=0.8, zorder=0)
        last = steps[-1]
        for source, gamma in ((0.4, 0.0), (0.4, 1.0), (1.5, 1.0)):
            right.annotate(f"−{predicted(source, gamma):.3g}", (last, -predicted(source, gamma)), xytext=(3, 0),
                           textcoords="offset points", fontsize=7.5, va="bottom")
        left.set(xscale="log", yscale="log", xlabel="time of gradient flow", ylabel="risk (mean squared error)")
        right.set(xscale="log", xlabel="time of gradient flow", ylabel="local slope of the risk")
        left.legend(fontsize=7.5, loc="lower left")
        slope = local_slopes(steps, dataset.risk.sel(setting=1.0, phase=0.4).values[1:])[1][-1]
        lazy = local_slopes(steps, dataset.risk.sel(setting=0.0, phase=0.4).values[1:])[1][-1]
        figure.suptitle("Any richness makes a hard target (B < 1) fall faster in time, and leaves an easy one alone\n"
                        f"(B = 0.4: t$^{{{slope:.3f}}}$ rich, t$^{{{lazy:.3f}}}$ lazy)", fontsize=10)
    return figure


def report(dataset) -> list[dict]:
    """Late slopes, the slopes of 120 modes, and networks of finite width over the flow."""
    rows, steps, short = [], dataset.step.values[1:].astype(float), dataset.short.values
    for gamma in dataset.setting.values:
        for source in dataset.phase.values:
            slope = local_slopes(steps, dataset.risk.sel(setting=gamma, phase=source).values[1:])[1][-1]
            text = f"B = {source:g}, gamma = {gamma:g}: exponent in time, late"
            rows.append(report_row(text, predicted(source, gamma), -slope, 0.01))
    for (gamma, low, high), slope in GOLDEN.items():
        use = (short >= low) & (short <= high)
        fit = np.polyfit(np.log(short[use]), np.log(dataset.modes.sel(setting=gamma).values[use]), 1)[0]
        rows.append(report_row(f"120 modes, gamma = {gamma:g}: slope from {low} to {high}", slope, fit, 0.01))
    for gamma in dataset.setting.values:
        here = dataset.sel(setting=gamma)
        expected = np.interp(np.log(dataset.trained[-1]), np.log(short[1:]), np.log(here.modes.values[1:]))
        ratio, error = (float(x[-1] / np.exp(expected)) for x in (here.network, here.network_stderr))
        rows.append(report_row(f"gamma = {gamma:g}: networks over the flow, 120 modes", 1.0, ratio, 0.05, error))
    return rows
