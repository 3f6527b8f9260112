"""Keep the hard or the easy samples: the crossover in the number of samples, for every kept part.

A perfect probe keeps the part of smallest or of largest margin, and largest margin learns from it. With few samples
per dimension the easy ones teach more, with many the hard ones; below a smaller number of samples hard ones teach less
even than as many random ones. Lines are the theory, dots draws on either side of the crossover.
Source: Sorscher et al. 2022 (arXiv 2206.14486), easy examples for small data, hard ones for large.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, LINES, style
from solvable.results import make_dataset, report_row

from .shared import drawn, errors

CHOICES = ("hard", "easy")


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        smallest, largest: samples per dimension before the selection.
        points, parts: sizes of the grid.
        sampled: (samples per dimension, part) that are simulated.
        dimension: of the simulation.
        num_runs: draws at each of them.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    smallest: float = 1.0
    largest: float = 100.0
    points: int = 81
    parts: int = 19
    sampled: tuple[tuple[float, float], ...] = ((2.0, 0.5), (8.0, 0.5))
    dimension: int = 240
    num_runs: int = 100
    tiny: bool = False
    seed: int = 0


def _crossing(ratio, gap):
    """The ratio at which each row of ``gap`` falls through 0, interpolated in its logarithm; NaN where it does not."""
    found = []
    for row in gap:
        falls = np.flatnonzero((row[:-1] > 0) & (row[1:] <= 0))
        if len(falls) == 0:
            found.append(np.nan)
            continue
        i = falls[0]
        part = row[i] / (row[i] - row[i + 1])
        found.append(np.exp(np.log(ratio[i]) + part * np.log(ratio[i + 1] / ratio[i])))
    return np.array(found)


def run(config: Config, progress=lambda *_: None):
    """Errors (setting, keep, ratio), crossings (keep,), and draws (setting, bin)."""
    points, parts = (13, 4) if config.tiny else (config.points, config.parts)
    ratio = np.geomspace(config.smallest, config.largest, points)
    keep = np.linspace(0.1, 0.9, parts)
    sampled = np.array(config.sampled[1:] if config.tiny else config.sampled)
    blocks = (ratio * keep[:, None], keep[:, None]), (sampled[:, 0] * sampled[:, 1], sampled[:, 1])
    found, expected = zip(*(errors(*blocks, selection=choice) for choice in CHOICES), strict=True)
    (same,) = errors((ratio * keep[:, None], 1.0))  # as many samples, any of them
    dimension, runs = (60, 60) if config.tiny else (config.dimension, config.num_runs)
    dots = []
    for i, choice in enumerate(CHOICES):
        for size, part in sampled:
            progress("simulation", len(dots), 2 * len(sampled))
            law = sv.TeacherPerceptron(size, part, choice, dimension=dimension)
            dots.append(drawn(law, sv.MaxMargin(), runs, config.seed + i))
    dots = np.array(dots).reshape(2, len(sampled), 2)
    hard, easy = found
    variables = {
        "error": (("setting", "keep", "ratio"), np.stack(found), "probability of a wrong label"),
        "same": (("keep", "ratio"), same, "the same with as many samples, kept at random"),
        "crossing": (("keep",), _crossing(ratio, hard - easy), "samples per dimension from which hard beats easy"),
        "pays": (("keep",), _crossing(ratio, hard - same), "samples per dimension from which hard beats random"),
        "sampled": (("setting", "bin"), dots[..., 0], "probability of a wrong label, drawn"),
        "stderr": (("setting", "bin"), dots[..., 1], "standard error of sampled"),
        "expected": (("setting", "bin"), np.stack(expected), "theory at the drawn points"),
    }
    coords = {
        "setting": (("setting",), list(CHOICES), "which samples are kept"),
        "keep": (("keep",), keep, "kept part"),
        "ratio": (("ratio",), ratio, "samples per dimension before the selection"),
        "sampled_ratio": (("bin",), sampled[:, 0], "samples per dimension before the selection"),
        "sampled_keep": (("bin",), sampled[:, 1], "kept part"),
    }
    return make_dataset("sorscher2022/hard_or_easy", config, variables, coords, dimension=dimension)


def plot(dataset):
    """Learning curves at the part nearest to one half; the crossings for every part."""
    middle = int(np.argmin(np.abs(dataset["keep"].values - 0.5)))
    with style():
        figure = Figure(figsize=(9, 4.2))
        left, right = figure.subplots(1, 2)
        here = dataset.isel(keep=middle)
        left.plot(here.ratio, here.same, color="0.5", linewidth=2, label="as many, at random")
        for i, choice in enumerate(dataset.setting.values):
            left.plot(here.ratio, here.error.isel(setting=i), LINES[i], color=COLORS[1 + i], label=f"{choice} kept")
            left.errorbar(dataset.sampled_ratio, dataset.sampled.isel(setting=i), 2 * dataset.stderr.isel(setting=i),
                          fmt="os"[i], color=COLORS[1 + i], markersize=4.5, markerfacecolor="white",
                          label="draws ± 2 s.e.")
        left.set(xscale="log", yscale="log", xlabel="samples / dimension before the selection",
                 ylabel="probability of a wrong label", title=f"{100 * float(here['keep']):.0f}% kept")
        right.plot(100 * dataset["keep"], dataset.crossing, color=COLORS[1], label="hard beats easy")
        right.plot(100 * dataset["keep"], dataset.pays, "--", color=COLORS[2], label="hard beats random")
        right.set(xlabel="kept part, %", ylabel="from samples / dimension", yscale="log", title="crossovers")
        for axes in (left, right):
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
        easy, any_ = float(dataset.crossing[middle]), float(dataset.pays[middle])
        part = f"{100 * float(here['keep']):.0f}%"
        figure.suptitle(f"At {part} kept, hard samples beat easy ones from {easy:.1f} samples a dimension on, and "
                        f"random ones from {any_:.1f}")
    return figure


def report(dataset) -> list[dict]:
    """Draws beside theory on either side, and the crossovers."""
    rows, tolerance = [], 0.15 if dataset.dimension < 240 else 0.05
    for i in range(dataset.sizes["bin"]):
        for choice in dataset.setting.values:
            here = dataset.isel(bin=i).sel(setting=choice)
            expected = float(here.expected)
            rows.append(report_row(f"error / theory, {choice} kept, {float(here.sampled_ratio):g} a dimension", 1.0,
                                   float(here.sampled) / expected, tolerance, float(here.stderr) / expected))
    for i in (0, dataset.sizes["keep"] // 2, dataset.sizes["keep"] - 1):
        here = dataset.isel(keep=i)
        for name, words in (("crossing", "easy"), ("pays", "random")):
            value, part = float(here[name]), 100 * float(here["keep"])
            quantity = f"samples a dimension from which hard beats {words}, {part:.0f}% kept"
            rows.append(report_row(quantity, value, value, None))
    return rows
