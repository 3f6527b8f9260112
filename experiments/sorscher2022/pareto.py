"""Error against kept samples: for each kept part, along the frontier of the best part, and for each size of the pool.

A perceptron of largest margin learns from the hardest part of the data, selected by a perfect probe. Without selection
the error falls as 1 / samples. The frontier over kept parts falls by a factor of e^3 a sample per dimension, until the
smallest part at hand ends it. What is behind it is a transition at two kept samples per dimension, the capacity of a
perceptron: beyond it the hardest part of a pool is worth nearly the whole pool, whatever its size, and below it a
harder part is worth less. Lines are the theory, dots draws.
Source: Sorscher et al. 2022 (arXiv 2206.14486), error of the pruned perceptron and its Pareto frontier.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, LINES, style
from solvable.results import make_dataset, report_row

from .shared import drawn, errors

GOLDEN = {1.0: 0.26571, 2.0: 0.0257, 3.0: 0.00071}  # the frontier over parts >= 0.004, by another quadrature
LEAST = 0.004


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        shown: kept parts with a line each.
        pools: sizes of the pool, samples per dimension, with a line each.
        most: kept samples per dimension at the right end.
        sampled: (kept samples per dimension, part) that are simulated.
        dimension: of the simulation.
        num_runs: draws at each of them.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    shown: tuple[float, ...] = (1.0, 0.5, 0.3, 0.05, 0.01)
    pools: tuple[float, ...] = (10.0, 100.0, 1e3, 1e4)
    most: float = 4.5
    sampled: tuple[tuple[float, float], ...] = ((3.0, 1.0), (1.0, 1.0), (1.5, 0.5), (2.5, 0.5), (3.0, 0.3))
    dimension: int = 240
    num_runs: int = 100
    tiny: bool = False
    seed: int = 0


def run(config: Config, progress=lambda *_: None):
    """Lines for parts (setting, point) and pools (phase, point), the frontier (point,), simulated points (bin,)."""
    count, parts = (19, 25) if config.tiny else (91, 97)
    kept, keep = np.linspace(0.0, config.most, count)[1:], np.geomspace(LEAST, 1.0, parts)[:, None]
    shown, pools = np.asarray(config.shown)[:, None], np.asarray(config.pools)[:, None]
    sampled = config.sampled[:2] if config.tiny else config.sampled
    sizes, late, around = np.array(list(GOLDEN)), np.array([100.0, 1e3]), np.array([1.9, 2.1])
    found = errors(
        (kept, shown), (kept, keep), (kept, kept / pools), (sizes, keep), tuple(np.array(sampled).T), (late, 1.0),
        (around, 1e-4), (np.array([3.0, 1e4]), np.array([3e-4, 1.0])),
    )  # fmt: skip
    line, every, pool, known, expected, power, capacity, worth = found
    dimension, runs = (60, 60) if config.tiny else (config.dimension, config.num_runs)
    dots = []
    for i, (size, part) in enumerate(sampled):
        progress("simulation", i, len(sampled))
        law = sv.TeacherPerceptron(size / part, part, dimension=dimension)
        dots.append((size, part, *drawn(law, sv.MaxMargin(), runs, config.seed)))
    dots = np.array(dots).T
    variables = {
        "error": (("setting", "point"), line, "probability of a wrong label"),
        "frontier": (("point",), every.min(0), "smallest error over kept parts of 0.004 and more"),
        "best": (("point",), keep[every.argmin(0), 0], "the kept part of smallest error"),
        "of_pool": (("phase", "point"), pool, "probability of a wrong label, kept from a pool"),
        "known": (("record",), known.min(0), "the frontier where it is known"),
        "sampled": (("bin",), dots[2], "probability of a wrong label, drawn"),
        "stderr": (("bin",), dots[3], "standard error of sampled"),
        "expected": (("bin",), expected, "theory at the drawn points"),
        "capacity": (("batch_size",), capacity, "error at 1.9 and 2.1 kept samples per dimension, part 10^-4"),
    }
    coords = {
        "keep": (("setting",), list(config.shown), "kept part"),
        "kept": (("point",), kept, "kept samples per dimension"),
        "pool": (("phase",), list(config.pools), "samples per dimension before the selection"),
        "known_kept": (("record",), sizes, "kept samples per dimension"),
        "sampled_kept": (("bin",), dots[0], "kept samples per dimension"),
        "sampled_keep": (("bin",), dots[1], "kept part"),
    }
    numbers = {"slope": np.log(power[1] / power[0]) / np.log(10), "worth": worth[0] / worth[1], "dimension": dimension}
    return make_dataset("sorscher2022/pareto", config, variables, coords, **{k: float(v) for k, v in numbers.items()})


def plot(dataset):
    """The error for each part with its frontier; the error times the size of the pool."""
    with style():
        figure = Figure(figsize=(9, 4.4))
        left, right = figure.subplots(1, 2)
        for i, part in enumerate(dataset.keep.values):
            left.plot(dataset.kept, dataset.error.isel(setting=i), LINES[i % len(LINES)], color=COLORS[i + 1],
                      label=f"{100 * part:g}% kept")
        left.plot(dataset.kept, dataset.frontier, color="black", linewidth=2.2, label="best part ≥ 0.4%")
        left.errorbar(dataset.sampled_kept, dataset.sampled, 2 * dataset.stderr, fmt="o", color="black", markersize=4.5,
                      markerfacecolor="white", label="draws ± 2 s.e.")
        left.set(yscale="log", xlabel="kept samples / dimension", ylabel="probability of a wrong label")
        for i, size in enumerate(dataset.pool.values):
            whole = dataset.kept <= size
            right.plot(dataset.kept[whole], (size * dataset.of_pool.isel(phase=i))[whole], LINES[i % len(LINES)],
                       color=COLORS[i + 1], label=f"pool of {size:g} / dimension")
        right.axhline(0.5005, color="0.5", linewidth=0.8, label="all of a large pool")
        right.set(yscale="log", xlabel="kept samples / dimension", ylabel="error × pool / dimension", ylim=(0.3, 1e4))
        for axes in (left, right):
            axes.axvline(2, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
        more = 100 * (dataset.attrs["worth"] - 1)
        figure.suptitle("Past 2 kept samples a dimension the hardest are worth their pool: at 3, an error "
                        f"{more:.0f}% above that of the whole pool")
    return figure


def report(dataset) -> list[dict]:
    """Draws beside theory, the known frontier, the power law without selection, and the transition."""
    rows = []
    for i in range(dataset.sizes["bin"]):
        here = dataset.isel(bin=i)
        quantity = f"error / theory, {float(here.sampled_kept):g} kept a dimension, part {float(here.sampled_keep):g}"
        tolerance = 0.15 if dataset.dimension < 240 else 0.05
        rows.append(report_row(quantity, 1.0, float(here.sampled / here.expected), tolerance,
                               float(here.stderr / here.expected)))
    for size, known in zip(dataset.known_kept.values, dataset.known.values, strict=True):
        rows.append(report_row(f"frontier over parts >= 0.004 at {size:g}, over its known value", 1.0,
                               float(known) / GOLDEN[float(size)], 0.01))
    fall = float(np.log(dataset.known[0] / dataset.known[2])) / 2
    rows.append(report_row("mean rate of the frontier's fall, from 1 to 3 kept a dimension", 2.962, fall, 0.02))
    rows.append(report_row("exponent of the error in samples, no selection", -1.0, dataset.attrs["slope"], 0.01))
    below, above = (float(x) for x in dataset.capacity)
    rows.append(report_row("error at 1.9 kept a dimension, part 10^-4", 0.5, below, 0.002))
    rows.append(report_row("error at 2.1 kept a dimension, part 10^-4", 0.0, above, 1e-4))
    worth = dataset.attrs["worth"]
    rows.append(report_row("error of 3 kept a dimension of 10^4, over that of all of them", 1.057, worth, 0.003))
    return rows
