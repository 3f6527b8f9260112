"""The critical batch size (20% more examples) grows with the data and not with the width.

With label noise, b = 2 alpha, a = 2 alpha + 2 beta, and the rate tuned for every batch, width and horizon. Decayed to
0, the critical batch grows as D^(1 - b/a) in the samples D where a > b, and not at all where a < b. At a constant rate,
which has a closed form, it is followed over widths: beyond the width that D samples can use it does not change.
Source: Zhang et al. 2024 (arXiv 2410.21676), the theorem on tail-averaged SGD and the experiments on width.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, LINES, MARKERS, style
from solvable.results import make_dataset, report_row


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        tasks: (alpha, beta) of the tasks under linear decay: an easy one and a hard one.
        exponents_of_samples: D = 10^x under linear decay.
        alpha: exponent of the inputs where the width changes, at a constant rate.
        beta: exponent of the target there.
        width_samples: numbers of samples there.
        num_widths: widths from 10 to 10^7.
        nodes: contour nodes of the spectrum.
        tiny: a much smaller run with the same outputs.
        seed: there are no random numbers.
    """

    tasks: tuple[tuple[float, float], ...] = ((0.6, 0.6), (0.9, -0.1))
    exponents_of_samples: tuple[float, ...] = (4.0, 6.0, 8.0)
    alpha: float = 0.75
    beta: float = 0.5
    width_samples: tuple[float, ...] = (1e4, 1e6, 1e8)
    num_widths: int = 7
    nodes: int = 128
    tiny: bool = False
    seed: int = 0


TINY = dict(tasks=((0.75, 0.5),), exponents_of_samples=(3.0, 3.3), width_samples=(1e4, 1e6), num_widths=3, nodes=96)


def exponent(alpha, beta):
    """Predicted: 1 - b/a for an easy task (a > b), 0 for a hard one."""
    return np.maximum(0.0, 1 - alpha / (alpha + beta))


def run(config: Config, progress=lambda *_: None):
    """The critical batch over (task, samples) under linear decay, over (width, budget) at a constant rate."""
    sizes = {**vars(config), **(TINY if config.tiny else {})}
    samples, rows = 10.0 ** np.array(sizes["exponents_of_samples"]), []
    for done, (alpha, beta) in enumerate(sizes["tasks"]):
        progress("tasks", done, len(sizes["tasks"]))
        model = sv.PowerLawRF(alpha, beta, 1e14, np.inf, noise=1.0)
        rows.append(sv.critical_batch_size(model, decayed, samples, nodes=sizes["nodes"]).overhead)
    widths = np.geomspace(10, 1e7, sizes["num_widths"])
    columns = []
    for done, width in enumerate(widths):
        progress("widths", done, len(widths))
        model = sv.PowerLawRF(sizes["alpha"], sizes["beta"], width, np.inf, noise=1.0)
        found = sv.critical_batch_size(model, sv.SGD(1.0), sizes["width_samples"], nodes=sizes["nodes"])
        columns.append(found.overhead)
    progress("widths", len(widths), len(widths))
    tasks = np.array(sizes["tasks"])
    variables = {"of_data": (("point", "samples"), np.stack(rows), "critical batch, linear decay (examples)"),
                 "of_width": (("width", "setting"), np.stack(columns), "critical batch, constant rate (examples)")}
    coords = {"alpha": (("point",), tasks[:, 0], "inputs"),
              "beta": (("point",), tasks[:, 1], "target"), "samples": (("samples",), samples, "samples D"),
              "width": (("width",), widths, "number of random features"),
              "budget": (("setting",), list(sizes["width_samples"]), "samples D at a constant rate")}
    return make_dataset("zhang2024/critical_batch", config, variables, coords)


def decayed(horizon):
    """SGD whose rate decays linearly to 0 at the horizon."""
    return sv.SGD(sv.schedules.linear(1.0, horizon), 1)


def plot(dataset):
    """Left: against the samples, for each task. Right: against the width, for each number of samples."""
    with style():
        figure = Figure(figsize=(9.6, 4.4))
        left, right = figure.subplots(1, 2)
        for i, (alpha, beta) in enumerate(zip(dataset.alpha.values, dataset.beta.values, strict=True)):
            here, predicted = dataset.of_data.isel(point=i), float(exponent(alpha, beta))
            text = f"b/a = {alpha / (alpha + beta):.2f}: D^{slopes(dataset, i)[-1]:.3f} (predicted {predicted:.3f})"
            left.plot(here.samples, here, marker=MARKERS[i], linestyle=LINES[i], color=COLORS[1 + i],
                      markerfacecolor="white", label=text)
        for i, budget in enumerate(dataset.budget.values):
            right.plot(dataset.width, dataset.of_width.isel(setting=i), marker=MARKERS[i], linestyle=LINES[i],
                       color=COLORS[1 + i], markerfacecolor="white", markersize=4,
                       label=f"D = 10^{np.log10(budget):.0f} samples")
        left.set(xscale="log", yscale="log", xlabel="samples D", ylabel="critical batch (examples, 20% rule)",
                 title="rate decayed linearly to 0")
        right.set(xscale="log", yscale="log", xlabel="width (random features)", title="constant rate")
        for axes in (left, right):
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17))
        change = 100 * float(np.ptp(np.log(dataset.of_width.values[-2:]), axis=0).max())
        figure.suptitle(f"The critical batch grows with the data, and by {change:.1g}% from "
                        f"{dataset.width.values[-2]:.0e} to {dataset.width.values[-1]:.0e} features")
    return figure


def slopes(dataset, task: int) -> np.ndarray:
    """Local exponents between neighbouring numbers of samples."""
    here = dataset.of_data.isel(point=task)
    return np.diff(np.log(here.values)) / np.diff(np.log(here.samples.values))


def report(dataset) -> list[dict]:
    """Local exponents in D beside their prediction; the change with the width beyond the data's own."""
    rows, tiny = [], '"tiny": true' in dataset.attrs["config"]
    for i, (alpha, beta) in enumerate(zip(dataset.alpha.values, dataset.beta.values, strict=True)):
        found = slopes(dataset, i)
        for j, value in enumerate(found):
            last = j == len(found) - 1 and not tiny and beta > 0
            text = f"exponent of D, alpha {alpha:g}, beta {beta:g}, to D = {dataset.samples.values[j + 1]:.0e}"
            rows.append(report_row(text, float(exponent(alpha, beta)), float(value), 0.01 if last else None))
    for i, budget in enumerate(dataset.budget.values):
        wide = dataset.of_width.isel(setting=i).values
        rows.append(report_row(f"change of log B with the last factor of width, D = {budget:.0e}", 0.0,
                               float(np.log(wide[-1] / wide[-2])), 0.01))
        rows.append(report_row(f"B at width 10 over that at the largest, D = {budget:.0e}", 1.0,
                               float(wide[0] / wide[-1]), None))
    return rows
