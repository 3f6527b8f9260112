"""Risk against steps in each phase: the typical draw's theory over SGD.

Every width is trained on fresh draws of the random features; the dots are means over runs, the band two standard
errors. The lines are the exact mean of the deterministic equivalent, which no simulation informs. Dotted levels are
the floors no training passes. Source: Paquette, Paquette, Xiao, Pennington 2024 (arXiv 2405.15074), loss curves of
the phases.
"""

from dataclasses import dataclass

import jax
import numpy as np

import solvable as sv
from solvable.plots import COLORS, MARKERS
from solvable.results import make_dataset, report_row

from . import shared

BIAS = 1.5  # the mean over draws exceeds the typical draw by up to about 1.5 / width, relative


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        widths: numbers of random features, at most 4 of them.
        last_step: the last SGD step, one sample each.
        num_runs: SGD runs at each width, each with its own draw of the features.
        num_points: recorded steps, evenly spaced in the logarithm.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    widths: tuple[int, ...] = (16, 48, 144)
    last_step: int = 10_000
    num_runs: int = 96
    num_points: int = 33
    tiny: bool = False
    seed: int = 0


TINY = dict(widths=(8, 16), last_step=200, num_runs=16, num_points=12)


def run(config: Config, progress=lambda *_: None):
    """Theory and SGD at each phase's point: dims phase, width, step."""
    sizes = TINY if config.tiny else vars(config)
    widths, steps = sizes["widths"], sv.log_steps(sizes["last_step"], sizes["num_points"])
    theory, mean, stderr, floor = [], [], [], []
    for index, (alpha, beta) in enumerate(shared.POINTS.values()):
        progress("phases", index, len(shared.POINTS))
        model = shared.law(alpha, beta)
        key = jax.random.fold_in(jax.random.key(config.seed), index)
        runs, expected = shared.sgd_family(model, widths, steps, sizes["num_runs"], key)
        theory.append(expected)
        mean.append(runs.mean(1))
        stderr.append(runs.std(1, ddof=1) / np.sqrt(runs.shape[1]))
        floor.append([float(model.at_width(int(w)).floor()) for w in widths])
    progress("phases", len(shared.POINTS), len(shared.POINTS))
    curve = ("phase", "width", "step")
    variables = {
        "theory": (curve, np.stack(theory), "risk of the typical draw, exact mean over the data"),
        "sgd": (curve, np.stack(mean), "risk of SGD, mean over runs with fresh draws"),
        "sgd_stderr": (curve, np.stack(stderr), "standard error of sgd over runs"),
        "floor": (curve[:2], np.array(floor), "risk of the best parameters of the typical draw"),
    }
    coords = {**shared.phase_coords(), "width": (("width",), list(widths), "number of random features"),
              "step": (("step",), steps, "SGD step, one sample each")}
    return make_dataset("paquette2024/loss_curves", config, variables, coords)


def plot(dataset):
    """One panel a phase; the eighth shows where the points lie."""
    return shared.panel_each_phase(dataset, _panel, "SGD steps, one sample each", (11, 6.2))


def _panel(axes, here):
    for index, width in enumerate(here.width.values):
        curve = here.sel(width=width).isel(step=slice(1, None))
        colour, line, marker = (x[index] for x in (COLORS[1:], shared.LINES, MARKERS))
        axes.plot(curve.step, curve.theory, color=colour, linestyle=line, label=f"theory, width {width}")
        spread = 2 * curve.sgd_stderr
        axes.fill_between(curve.step, np.maximum(curve.sgd - spread, curve.sgd / 4), curve.sgd + spread,
                          color=colour, alpha=0.25, linewidth=0)
        axes.plot(curve.step[::2], curve.sgd[::2], marker, color=colour, markersize=3.5, markerfacecolor="white",
                  label=f"SGD ± 2 s.e., width {width}")
        label = "floor at each width" if index == len(here.width) - 1 else None
        axes.axhline(float(curve.floor), color="0.35", linestyle=":", linewidth=0.9, label=label)
    low, high = float(here.floor.min()) * 0.8, float(here.theory.max()) * 1.5
    axes.set(xscale="log", yscale="log", ylim=(low, high))
    shared.plain_log(axes.yaxis, high / low)


def report(dataset) -> list[dict]:
    """SGD's mean beside theory's at four steps of each phase's widest family, and the largest relative difference."""
    rows = []
    for name in dataset.phase.values:
        here = dataset.sel(phase=name).isel(width=-1)
        width = int(here.width)
        allowed = 4.5 * here.sgd_stderr + BIAS / width * here.theory
        for index in np.linspace(1, here.step.size - 1, 4).round().astype(int):
            at = here.isel(step=index)
            quantity = f"{name}: risk at width {width}, step {int(at.step)}"
            rows.append(report_row(quantity, at.theory, at.sgd, allowed[index], at.sgd_stderr))
        later = here.isel(step=slice(1, None))
        error = np.asarray(abs(later.sgd / later.theory - 1))
        worst = int(error.argmax())
        stderr = float((later.sgd_stderr / later.theory)[worst])
        quantity = f"{name}: largest relative difference of SGD and theory, width {width}"
        rows.append(report_row(quantity, 0.0, error[worst], 4.5 * stderr + BIAS / width, stderr))
    return rows
