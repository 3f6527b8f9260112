"""The best schedule of the learning rate by horizon: its shape, its peak, and what the other shapes cost.

With label noise, b = 2 alpha, a = 2 alpha + 2 beta, p = (a - 1) / b, and the peak and shape of each family tuned at
every horizon T. Easy tasks, a >= b: the best power (1 - t/T)^q tends to q = 2b - 1, and every family that decays fast
enough ends a constant factor above it, (N / N(2b - 1))^((a - 1) / a), where N is the noise that its shape leaves
(`noise`). Hard tasks, a < b: the peak tends to the edge of stability and the best cooldown vanishes, so that a shape of
average g ends g^-p above it.
Source: Li et al. 2026 (arXiv 2602.06797); functional scaling laws, arXiv 2509.19189.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, LINES, MARKERS, style
from solvable.results import make_dataset, report_row


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        tasks: (alpha, beta): an easy task, beta >= 0, then a hard one.
        horizons: x of the horizons 10^x.
        families: those that are tuned, of constant, linear, cosine, power and wsd.
        nodes: contour nodes of the spectrum.
        tiny: a much smaller run with the same outputs.
        seed: there are no random numbers.
    """

    tasks: tuple[tuple[float, float], tuple[float, float]] = ((0.75, 0.5), (0.75, -0.125))
    horizons: tuple[float, ...] = (3.0, 4.5, 6.0, 7.5, 9.0, 10.5, 12.0)
    families: tuple[str, ...] = ("constant", "linear", "cosine", "power", "wsd")
    nodes: int = 128
    tiny: bool = False
    seed: int = 0


FAMILIES = ("constant", "linear", "cosine", "power", "wsd")
TINY = dict(horizons=(2.0, 2.5), families=("power",), nodes=96)  # each family is a program to compile
NAMES = ("easy task", "hard task")
MANY = 1e24  # a width that limits nothing here
FINE = 20_001  # points of a shape


def run(config: Config, progress=lambda *_: None):
    """Peak, shape parameter and excess risk of each family's best, over (task, family, horizon)."""
    sizes: dict[str, Any] = {**vars(config), **(TINY if config.tiny else {})}
    horizons = np.rint(10.0 ** np.array(sizes["horizons"])).astype(np.int64)
    cells: list[Any] = [(task, family) for task in sizes["tasks"] for family in FAMILIES]
    rows = np.full((len(cells), len(horizons), 4), np.nan)
    for done, ((alpha, beta), family) in enumerate(cells):
        progress("families", done, len(cells))
        if family not in sizes["families"]:
            continue
        model = sv.PowerLawRF(alpha, beta, MANY, np.inf, noise=1.0)
        found = [sv.optimal_schedule(model, int(T), family, nodes=sizes["nodes"]) for T in horizons]
        rows[done] = [[float(x.excess), float(x.parameters["peak"]), shape_of(x), bool(x.converged)] for x in found]
    progress("families", len(cells), len(cells))
    tasks, dims = np.array(sizes["tasks"]), ("point", "method", "bin")
    columns = np.moveaxis(rows.reshape(len(tasks), len(FAMILIES), len(horizons), 4), -1, 0)
    texts = {"excess": "least risk above the floor", "peak": "best peak rate", "shape": "best exponent or cooldown",
             "converged": "whether the risk is flat there"}
    variables = {name: (dims, column, text) for (name, text), column in zip(texts.items(), columns, strict=True)}
    coords = {"alpha": (("point",), tasks[:, 0], "inputs"), "beta": (("point",), tasks[:, 1], "target"),
              "family": (("method",), list(FAMILIES), "family of schedules"),
              "horizon": (("bin",), horizons, "horizon T, steps")}
    return make_dataset("schedules/best_schedule", config, variables, coords)


def shape_of(best) -> float:
    """The exponent or the cooldown of a family that has one."""
    own = [value for name, value in best.parameters.items() if name != "peak"]
    return float(own[0]) if own else np.nan


def noise(left, rate, b: float) -> float:
    """N, the noise of a shape g at one total area: T Int g^2 k(area left) dt in units of its area, k(y) = y^(1/b - 2).

    Args:
        left: u = 1 - t/T, from near 0 to 1, dense near 0.
        rate: g there.
        b: 2 alpha.
    """
    middle = np.diff(left) * (rate[1:] + rate[:-1]) / 2
    area = left[0] * rate[0] + np.concatenate([[0.0], np.cumsum(middle)])
    values = (rate / area[-1]) ** 2 * (area / area[-1]) ** (1 / b - 2)
    return float((np.diff(left) * (values[1:] + values[:-1]) / 2).sum())


def predicted_ratio(family: str, alpha: float, beta: float) -> float:
    """Late excess of a family over that of the best, the power of easy tasks and the wsd of hard ones; NaN: unknown."""
    a, b = 2 * alpha + 2 * beta, 2 * alpha
    p = (a - 1) / b
    if family == "constant":
        return np.inf
    if a < b:
        return {"linear": 2.0, "cosine": 2.0, "wsd": 1.0}.get(family, np.nan) ** p
    left = np.geomspace(1e-12, 1.0, FINE)
    shapes = {"power": [left ** (2 * b - 1)], "cosine": [np.sin(np.pi / 2 * left) ** 2], "linear": [left],
              "wsd": [np.minimum(1, left / c) for c in np.linspace(0.05, 1.0, 20)]}  # fmt: skip
    best = noise(left, shapes["power"][0], b)
    return (min(noise(left, shape, b) for shape in shapes[family]) / best) ** ((a - 1) / a)


def exponents(alpha: float, beta: float) -> dict[str, tuple[float, float]]:
    """Predicted exponents of the horizon in the best peak and in the least excess, by family."""
    a, b = 2 * alpha + 2 * beta, 2 * alpha
    p = (a - 1) / b
    decayed = (b / a - 1, 1 / a - 1) if a >= b else (0.0, -p)
    return {"constant": (-p / (1 + p), -p / (1 + p)), "linear": decayed, "power": decayed}


def slopes(dataset, name: str, task: int, family: str) -> np.ndarray:
    """Local exponents in the horizon, between neighbouring horizons."""
    values = dataset[name].isel(point=task, method=FAMILIES.index(family)).values
    return np.diff(np.log(values)) / np.diff(np.log(dataset.horizon.values))


def over_best(dataset, task: int) -> np.ndarray:
    """Excess risk over that of the best family, of shape (families, horizons)."""
    excess = dataset.excess.isel(point=task).values
    return excess / np.nanmin(excess, 0)


def plot(dataset):
    """Shapes and peaks above, what the other families cost below, by horizon."""
    with style():
        figure = Figure(figsize=(9.6, 8.6), layout="constrained")
        (shapes, peaks), below = figure.subplots(2, 2)
        _shapes(shapes, dataset)
        _peaks(peaks, dataset)
        for task, axes in enumerate(below):
            ratio = over_best(dataset, task)
            for i, family in enumerate(FAMILIES):
                axes.plot(dataset.horizon, ratio[i], LINES[i % 4], marker=MARKERS[i], color=COLORS[i], label=family,
                          markersize=4, markerfacecolor="white")  # fmt: skip
            alpha, beta = float(dataset.alpha[task]), float(dataset.beta[task])
            for i, family in enumerate(FAMILIES[1:], 1):
                axes.axhline(predicted_ratio(family, alpha, beta), color=COLORS[i], linewidth=0.7, linestyle=":")
            axes.set(xscale="log", xlabel="horizon T (steps)", ylabel="excess risk over the best family's",
                     ylim=(0.98, 1.5), title=f"{NAMES[task]}: the other families (dotted: T → ∞)")  # fmt: skip
        figure.legend(*below[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
        q, c = (float(dataset["shape"][i, FAMILIES.index(name), -1]) for i, name in enumerate(("power", "wsd")))
        b, last = 2 * float(dataset.alpha[0]), float(dataset.horizon[-1])
        title = f"At T = 10$^{{{np.log10(last):.3g}}}$ the best decay of an easy task has exponent {q:.2f}"
        title += f" (predicted {2 * b - 1:g})"
        more = "" if np.isnan(c) else f",\nand the best cooldown of a hard one is {100 * c:.0f}% of the run"
        figure.suptitle(title + more)
    return figure


def _shapes(axes, dataset):
    """Exponent and cooldown, of both tasks."""
    for task, fill in ((0, "full"), (1, "none")):
        for family, text in (("power", "exponent q of (1 − t/T)$^q$"), ("wsd", "cooldown of wsd (part of T)")):
            i = FAMILIES.index(family)
            axes.plot(dataset.horizon, dataset["shape"][task, i], LINES[task], marker=MARKERS[i], color=COLORS[i],
                      fillstyle=fill, markersize=4, label=f"{NAMES[task]}: {text}")  # fmt: skip
    predicted = 4 * float(dataset.alpha[0]) - 1
    axes.axhline(predicted, color=COLORS[0], linewidth=0.8, linestyle=":",
                 label=f"easy task: predicted exponent 2b − 1 = {predicted:g}")
    axes.set(xscale="log", xlabel="horizon T (steps)", ylabel="best shape parameter", ylim=(0, None),
             title="the best shape")  # fmt: skip
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17))


def _peaks(axes, dataset):
    """Best peaks of three families, with the predicted slopes through the last point."""
    horizon = dataset.horizon.values.astype(float)
    for task, (alpha, beta) in enumerate(zip(dataset.alpha.values, dataset.beta.values, strict=True)):
        for family, (exponent, _) in exponents(alpha, beta).items():
            i = FAMILIES.index(family)
            here = dataset.peak.values[task, i]
            if np.isnan(here).all():
                continue
            axes.plot(horizon, here, LINES[task], marker=MARKERS[i], color=COLORS[i], markersize=4,
                      fillstyle=("full", "none")[task],
                      label=f"{NAMES[task]}, {family}: T$^{{{slopes(dataset, 'peak', task, family)[-1]:.3f}}}$ "
                            f"(predicted {exponent:.3f})")  # fmt: skip
            axes.plot(horizon, here[-1] * (horizon / horizon[-1]) ** exponent, ":", color="0.5", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel="horizon T (steps)", ylabel="best peak rate",
             title="the best peak (dotted: predicted slopes)")  # fmt: skip
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17))


def report(dataset) -> list[dict]:
    """Shapes, ratios and exponents at the longest horizon; judged where the asymptote has arrived by then."""
    rows, tiny = [], '"tiny": true' in dataset.attrs["config"]
    last = f"{float(dataset.horizon[-1]):.0e}"
    for task, (alpha, beta) in enumerate(zip(dataset.alpha.values, dataset.beta.values, strict=True)):
        easy, arrived = beta >= 0, []
        shape = {name: dataset["shape"].values[task, i, -1] for i, name in enumerate(FAMILIES)}
        if easy:
            arrived.append(("best exponent of the power family", 4 * alpha - 1, shape["power"], 0.05))
        arrived.append(("best cooldown", float(easy), shape["wsd"], 0.01 if easy else None))
        for family in ("linear", "cosine", "wsd"):
            ratio = over_best(dataset, task)[FAMILIES.index(family), -1]
            arrived.append((f"excess of {family} over that of the best family", predicted_ratio(family, alpha, beta),
                            ratio, (0.005 if family == "cosine" else 0.05) if easy else None))  # fmt: skip
        for family, predicted in exponents(alpha, beta).items():
            for name, exponent in zip(("peak", "excess"), predicted, strict=True):
                late = family == "constant" and name == "peak" and not easy
                arrived.append((f"exponent of T in the {name}, {family}", exponent,
                                slopes(dataset, name, task, family)[-1], None if late else 0.01))  # fmt: skip
        rows += [report_row(f"{NAMES[task]}, to T = {last}: {text}", float(predicted), float(value),
                            None if tiny else limit)
                 for text, predicted, value, limit in arrived if np.isfinite(value)]  # fmt: skip
    rows.append(report_row("share of searches that ended where the risk is flat", 1.0, float(dataset.converged.mean()),
                           None if tiny else 0.0))  # fmt: skip
    return rows
