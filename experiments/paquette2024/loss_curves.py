"""Risk against steps in each phase: the typical draw's theory over SGD.

Every width is trained on several draws of the random features; the dots are means over runs, the band two standard
errors over draws. The lines are the exact mean of the deterministic equivalent, which no simulation informs. Dotted
levels are the floors no training passes. Two steps are tested apart: from SGD to the exact mean of its own draw
(`own_draw`), and from the exact means of many draws to the typical draw. Source: Paquette, Paquette, Xiao, Pennington
2024 (arXiv 2405.15074), loss curves of the phases.
"""

from dataclasses import dataclass

import jax
import numpy as np

import solvable as sv
from solvable.plots import COLORS, MARKERS
from solvable.results import make_dataset, report_row

from . import own_draw, shared

# Of the mean over draws over the typical draw, and of its slope in log step. The mean is larger by order 1 / width.
TYPICAL = (("mean", 1.0, 0.03), ("slope in log step", 0.0, 0.01))


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        widths: numbers of random features, at most 4 of them.
        last_step: the last SGD step, one sample each.
        draws: draws of the features at each width.
        runs: SGD runs on each draw.
        exact_draws: draws of the largest width whose exact means are compared with the typical draw.
        num_points: recorded steps, evenly spaced in the logarithm.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    widths: tuple[int, ...] = (16, 48, 144)
    last_step: int = 5_000
    draws: int = 48
    runs: int = 64
    exact_draws: int = 512
    num_points: int = 33
    tiny: bool = False
    seed: int = 0


TINY = dict(widths=(8, 16), last_step=200, draws=8, runs=4, exact_draws=8, num_points=12)


def run(config: Config, progress=lambda *_: None):
    """Theory and SGD at each phase's point: dims phase, width, step."""
    sizes = TINY if config.tiny else vars(config)
    widths, recorded = sizes["widths"], sv.log_steps(sizes["last_step"], sizes["num_points"])[1:]
    steps, parts = np.tile(recorded, (len(widths), 1)), []
    for index, (alpha, beta) in enumerate(shared.POINTS.values()):
        progress("phases", index, len(shared.POINTS))
        key = jax.random.fold_in(jax.random.key(config.seed), index)
        model = shared.law(alpha, beta)
        sgd, typical = shared.sgd_family(model, widths, steps, sizes["draws"], sizes["runs"], key)
        means = own_draw.draw_means(sgd)
        floor = [float(model.at_width(int(w)).spectrum().floor) for w in widths]
        over = draws_over_typical(model, int(widths[-1]), recorded, typical[-1], sizes["exact_draws"], key)
        stderr = means.std(1, ddof=1) / np.sqrt(means.shape[1])
        parts.append((typical, means.mean(1), stderr, floor, over, own_draw.agreement(sgd, sgd)))
    progress("phases", len(shared.POINTS), len(shared.POINTS))
    theory, mean, stderr, floor, over, agree = zip(*parts, strict=True)
    curve = ("phase", "width", "step")
    variables = {
        "theory": (curve, np.stack(theory), "risk of the typical draw, exact mean over the data"),
        "sgd": (curve, np.stack(mean), "risk of SGD, mean over runs and draws"),
        "sgd_stderr": (curve, np.stack(stderr), "standard error of sgd over draws"),
        "floor": (curve[:2], np.array(floor), "risk of the best parameters of the typical draw"),
        "draws_over_typical": (("phase", "setting"), np.stack(over)[..., 0], "mean over draws over the typical draw"),
        "draws_over_typical_stderr": (("phase", "setting"), np.stack(over)[..., 1], "its standard error over draws"),
        **own_draw.variables("phase", agree),
    }
    coords = {**shared.phase_coords(), "width": (("width",), list(widths), "number of random features"),
              "step": (("step",), recorded, "SGD step, one sample each"),
              "setting": (("setting",), [name for name, *_ in TYPICAL], "what is compared over the steps")}
    return make_dataset("paquette2024/loss_curves", config, variables, coords)


def exact_means(model, width: int, steps, draws: int, key):
    """The exact mean over the data of each of many draws, shape (draws, steps)."""
    sizes = [width], steps[None], draws, 0
    return own_draw.train(model, shared.sgd_rule, *sizes, jax.random.fold_in(key, draws)).exact[0]


def draws_over_typical(model, width: int, steps, typical, draws: int, key):
    """(value, standard error) of what `TYPICAL` names, of the exact means of draws over the typical draw's risk."""
    return over_typical(exact_means(model, width, steps, draws, key), steps, typical)


def over_typical(exact, steps, typical):
    """(value, standard error) of the mean over draws and steps of exact / typical, and of its slope; shape (2, 2)."""
    ratio, x = exact / typical, np.log(steps) - np.log(steps).mean()
    mean, slope = ratio.mean(1), ratio @ x / (x @ x)
    value = slope.mean() / mean.mean()
    errors = (one.std(ddof=1) / np.sqrt(len(one)) for one in (mean, (slope - value * mean) / mean.mean()))
    return np.array(list(zip((mean.mean(), value), errors, strict=True)))


def plot(dataset):
    """One panel a phase; the eighth shows where the points lie."""
    return shared.panel_each_phase(dataset, _panel, "SGD steps, one sample each", (11, 6.2))


def _panel(axes, here):
    for index, width in enumerate(here.width.values):
        curve = here.sel(width=width)
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
    """SGD beside the exact mean of its own draw, and the mean over draws beside the typical draw."""
    rows, width = [], int(dataset.width[-1])
    for name in dataset.phase.values:
        here = dataset.sel(phase=name)
        rows += own_draw.rows(name, own_draw.stored(here)) + typical_rows(
            f"{name}: draws over the typical draw, width {width}, ",
            np.stack([here.draws_over_typical, here.draws_over_typical_stderr], -1))
    return rows


def typical_rows(text: str, found) -> list[dict]:
    """The rows of `over_typical`."""
    return [report_row(text + what, expected, value, tolerance, stderr)
            for (what, expected, tolerance), (value, stderr) in zip(TYPICAL, found, strict=True)]
