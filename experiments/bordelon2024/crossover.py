"""From 1/width and 1/samples early to the late power laws: what a finite width or data set adds to the risk.

At fixed time the excess of the risk over its limit falls as the inverse of the width and of the number of samples,
whatever the exponents: fluctuations average out. Later the same size is a bottleneck and the excess follows its own
power law. The times are lines; where a line bends is where the system runs out of that resource.
Source: Bordelon, Atanasov, Pehlevan 2024 (arXiv 2402.01092), early-time corrections.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, LINES, style
from solvable.results import make_dataset, report_row

from . import shared

RESOURCES = ("width", "samples")
FLOW = sv.GradientFlow(1.0)
ENDLESS = 1e13  # a width or a number of samples that limits nothing here
LATE = (1e3, 1e5)  # sizes that are bottlenecks at the last time


@dataclass(frozen=True)
class Config:
    """Sizes of the run; all of it is theory.

    Attributes:
        a: exponent of the target power, k^-a.
        b: exponent of the eigenvalues, k^-b.
        times: times of the lines.
        smallest, largest: ends of width and samples.
        points: sizes tried.
        tiny: a much smaller run with the same outputs.
    """

    a: float = 1.5
    b: float = 1.25
    times: tuple[int, ...] = (10, 100, 1_000, 10_000, 1_000_000, 10**10)
    smallest: float = 10.0
    largest: float = 1e7
    points: int = 37
    tiny: bool = False


def run(config: Config, progress=lambda *_: None):
    """Excess risk over infinite size: (phase, step, point); phase is the resource that is finite."""
    points = 19 if config.tiny else config.points
    sizes = np.geomspace(config.smallest, config.largest, points)
    pairs = [(ENDLESS, ENDLESS), *((size, ENDLESS) for size in sizes), *((ENDLESS, size) for size in sizes)]
    risk = shared.sweep(lambda width, samples: (shared.law(config.a, config.b, width, samples), FLOW),
                        {("width", "samples"): pairs}, config.times, progress, "sizes")
    excess = (risk.risk - risk.risk[0]).values[1:].reshape(2, points, -1).transpose(0, 2, 1)
    coords = {"phase": (("phase",), list(RESOURCES), "the resource that is finite"),
              "step": (("step",), list(config.times), "time of gradient flow"),
              "size": (("point",), sizes, "width or samples")}
    variables = {"excess": (("phase", "step", "point"), excess, "risk - risk(infinite size)")}
    return make_dataset("bordelon2024/crossover", config, variables, coords, a=config.a, b=config.b)


def plot(dataset):
    """Excess times size: flat where it falls as the inverse."""
    with style():
        figure = Figure(figsize=(9, 4.2))
        predicted = shared.exponents(dataset.attrs["a"], dataset.attrs["b"])
        for axes, name in zip(figure.subplots(1, 2), RESOURCES, strict=True):
            for index, step in enumerate(dataset.step.values):
                here = dataset.excess.sel(phase=name, step=step)
                axes.plot(dataset["size"], here * dataset["size"], LINES[index % 4], color=COLORS[index % 7],
                          label=f"time $10^{{{np.log10(step):.0f}}}$")
            bottom = here * dataset["size"]
            guide = bottom[0] * (dataset["size"] / dataset["size"][0]) ** (1 - predicted[name]) * 2.5
            axes.plot(dataset["size"][: len(guide) // 2], guide[: len(guide) // 2], color="0.5", linewidth=1,
                      label=f"late: excess ~ {name}$^{{-{predicted[name]:g}}}$")
            axes.set(xscale="log", yscale="log", xlabel=name, ylabel=f"{name} × (risk − risk at infinite {name})")
            axes.legend(fontsize=7)
    return figure


def report(dataset) -> list[dict]:
    """Size times excess is constant early; its exponent late."""
    rows, sizes = [], dataset["size"].values
    for name, late in shared.exponents(dataset.attrs["a"], dataset.attrs["b"]).items():
        if name == "time":
            continue
        early = (dataset.excess.sel(phase=name).isel(step=0) * sizes).values[sizes >= 1e4]
        rows.append(report_row(f"{name} * excess at time {int(dataset.step[0])}: spread beyond 10^4", 0.0,
                               float(early.max() / early.min() - 1), 0.002))
        use = (sizes >= LATE[0]) & (sizes <= LATE[1])
        excess = dataset.excess.sel(phase=name).isel(step=-1).values[use]
        fit = sv.fit_power_law(sizes[use], excess, warn=False)
        rows.append(report_row(f"late exponent in {name}", late, fit.exponent.value, 0.005, fit.exponent.stderr))
    return rows
