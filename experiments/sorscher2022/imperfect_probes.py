"""Probes at an angle to the teacher: the power law returns. A probe learnt from data: what it costs and what it gains.

With a probe at an angle the error along the frontier of the best kept part falls fast until it nears the probe's own
error, and from there as 1 / samples again, with a smaller constant. A probe that is itself a student of labelled
samples costs them: the best split of a given number of labels, from an endless pool, beats no selection by a factor
that grows with their number. Lines are the theory, dots draws.
Source: Sorscher et al. 2022 (arXiv 2206.14486), imperfect pruning metrics.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, LINES, style
from solvable.results import make_dataset, report_row

from .shared import drawn, errors

LEAST = 0.004


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        degrees: angles of the probes.
        smallest, largest: kept samples, or labels, per dimension at the ends.
        points, parts, splits: sizes of the grids.
        sampled: (kept samples per dimension, part, degrees) that are simulated.
        dimension: of the simulation.
        num_runs: draws at each of them.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    degrees: tuple[float, ...] = (0.0, 2.0, 5.0, 10.0, 20.0, 40.0)
    smallest: float = 1.0
    largest: float = 100.0
    points: int = 9
    parts: int = 9
    splits: int = 6
    sampled: tuple[tuple[float, float, float], ...] = ((3.0, 0.3, 10.0), (3.0, 0.3, 20.0), (6.0, 0.2, 20.0))
    dimension: int = 240
    num_runs: int = 200
    tiny: bool = False
    seed: int = 0


def run(config: Config, progress=lambda *_: None):
    """The frontier (angle, point), the best split of labels (point,), and simulated points (bin,)."""
    points, parts, splits = (5, 4, 3) if config.tiny else (config.points, config.parts, config.splits)
    degrees = config.degrees[1::2][:2] if config.tiny else config.degrees
    sampled = config.sampled[:1] if config.tiny else config.sampled
    kept = np.geomspace(config.smallest, config.largest, points)
    part = np.geomspace(LEAST, 1.0, parts)[:, None]
    at = np.array(sampled).T
    (plain,) = errors((kept, 1.0))
    share = np.linspace(0.2, 0.9, splits)[:, None]  # of the labels, for the probe
    (probe,) = errors((kept * share, 1.0))
    angles = np.deg2rad(np.asarray(degrees))[:, None, None]
    late = np.array([0.9, 1.0]) * config.largest
    frontier, expected, split, ends = errors(
        (kept, part, angles), (at[0], at[1], np.deg2rad(at[2])), (kept * (1 - share), part[:, None], np.pi * probe),
        (late, part, angles[-1:]),
    )  # fmt: skip
    best = split.min(0)
    dimension, runs = (60, 60) if config.tiny else (config.dimension, config.num_runs)
    dots = []
    for i, (size, keep, angle) in enumerate(sampled):
        progress("simulation", i, len(sampled))
        law = sv.TeacherPerceptron(size / keep, keep, probe_angle=np.deg2rad(angle), dimension=dimension)
        dots.append(drawn(law, sv.MaxMargin(), runs, config.seed))
    variables = {
        "frontier": (("angle", "point"), frontier.min(1), "smallest error over kept parts"),
        "best": (("angle", "point"), part[frontier.argmin(1), 0], "the kept part of smallest error"),
        "plain": (("point",), plain, "error without selection"),
        "learnt": (("point",), best.min(0), "error with a learnt probe, at the best split of the labels"),
        "share": (("point",), share[best.argmin(0), 0], "the part of the labels that went to the probe"),
        "sampled": (("bin",), [x[0] for x in dots], "probability of a wrong label, drawn"),
        "stderr": (("bin",), [x[1] for x in dots], "standard error of sampled"),
        "expected": (("bin",), expected, "theory at the drawn points"),
    }
    coords = {
        "degrees": (("angle",), list(degrees), "angle between probe and teacher, degrees"),
        "kept": (("point",), kept, "kept samples, or labels, per dimension"),
        "sampled_kept": (("bin",), at[0], "kept samples per dimension"),
        "sampled_keep": (("bin",), at[1], "kept part"),
        "sampled_degrees": (("bin",), at[2], "angle, degrees"),
    }
    slope = float(np.diff(np.log(ends.min(1)[0]))[0] / np.diff(np.log(late))[0])
    return make_dataset("sorscher2022/imperfect_probes", config, variables, coords, slope=slope, dimension=dimension)


def plot(dataset):
    """The frontier for each angle; labels spent on a probe and on the student."""
    gain = (dataset.plain / dataset.learnt).values
    with style():
        figure = Figure(figsize=(9, 4.4))
        left, right = figure.subplots(1, 2, sharey=True)
        left.plot(dataset.kept, dataset.plain, color="0.5", linewidth=2, label="no selection")
        right.plot(dataset.kept, dataset.plain, color="0.5", linewidth=2, label="no selection")
        for i, angle in enumerate(dataset.degrees.values):
            left.plot(dataset.kept, dataset.frontier.isel(angle=i), LINES[i % len(LINES)], color=COLORS[i],
                      label=f"probe at {angle:g}°")
        left.set(xscale="log", yscale="log", xlabel="kept samples / dimension", ylabel="probability of a wrong label",
                 title="a probe that is given, best part ≥ 0.4%", ylim=(1e-5, 0.6))
        right.plot(dataset.kept, dataset.learnt, color=COLORS[1], label="probe learnt from a part of the labels")
        right.set(xscale="log", xlabel="labels / dimension", title="a probe that is learnt, best split")
        for axes in (left, right):
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
        figure.suptitle(f"Imperfect probes bring the power law back; a learnt one gains {gain[-1]:.0f} times at "
                        f"{float(dataset.kept[-1]):g} labels a dimension")
    return figure


def report(dataset) -> list[dict]:
    """Draws beside theory, the exponent that returns, and what a learnt probe gains."""
    rows = []
    for i in range(dataset.sizes["bin"]):
        here = dataset.isel(bin=i)
        size, keep, angle = (float(x) for x in (here.sampled_kept, here.sampled_keep, here.sampled_degrees))
        quantity = f"error / theory, {size:g} kept a dimension, part {keep:g}, {angle:g} degrees"
        tolerance = 0.15 if dataset.dimension < 240 else 0.05
        rows.append(report_row(quantity, 1.0, float(here.sampled / here.expected), tolerance,
                               float(here.stderr / here.expected)))
    widest, last = float(dataset.degrees[-1]), float(dataset.kept[-1])
    rows.append(report_row(f"exponent at {last:g} kept a dimension, probe at {widest:g} degrees", -1.0,
                           dataset.attrs["slope"], 0.05))
    gain = dataset.plain / dataset.learnt
    for i in (0, len(gain) // 2, len(gain) - 1):
        spent = f"{float(dataset.kept[i]):.3g} labels a dimension, {100 * float(dataset.share[i]):.0f}% for the probe"
        rows.append(report_row(f"gain of a learnt probe over no selection, {spent}", 1.0, float(gain[i]), None))
    return rows
