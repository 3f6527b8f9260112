"""What the experiments of this paper share: its points, its learning-rate rule, and how results are labelled.

Source: Paquette, Paquette, Xiao, Pennington 2024 (arXiv 2405.15074).
"""

import jax
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

import solvable as sv
from solvable.plots import COLORS, plot_phase_boundaries, style
from solvable.results import report_row

from . import own_draw

# One point a phase, away from the boundaries.
POINTS = {
    "Ia": (0.75, 0.25),
    "Ib": (0.40, 0.30),
    "Ic": (0.20, 1.00),
    "II": (1.00, 0.60),
    "III": (0.70, 1.20),
    "IVa": (0.45, 0.90),
    "IVb": (0.262, 0.60),
}
COLUMNS = ("measured", "stderr", "predicted")  # of an exponent in a window of compute
POINTS_IN_WINDOW = 17
NODES = 448  # contour nodes of exact frontiers: enough for every point and compute here
STAGES = 4  # of the search for the optimal width
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))


def rule(model):
    """The learning rate at each width: constant above 2 alpha = 1, about width^(2 alpha - 1) below; batch size 1."""
    return sv.SGD(0.5 / model.trace())


def sgd_rule(model):
    """The learning rate of SGD runs, half of `rule`: at that one the risk of many narrow draws has no variance."""
    return sv.SGD(0.25 / model.trace())


def law(alpha: float, beta: float, width: int = 64):
    """The random-feature law; the ambient dimension is 10 widths above 2 alpha = 1 and 4 below, as in the paper."""
    return sv.PowerLawRF(alpha, beta, width, ratio(alpha) * width)


def ratio(alpha):
    """Ambient dimension over width."""
    return np.where(np.asarray(alpha) >= 0.5, 10, 4)[()]


def sgd_family(model, widths, steps, draws: int, runs: int, key):
    """SGD with `sgd_rule`, its draws' exact means, and the typical draw's risk, shape (widths, points)."""
    streams = dict(zip(("key", "sample_key"), jax.random.split(key), strict=True))
    sgd = own_draw.train(model, sgd_rule, widths, steps, draws, runs, **streams)
    models = [model.at_width(int(width)) for width in widths]
    return sgd, own_draw.typical(models, sgd_rule, steps)


def seen_exponents(sgd, typical, window, key):
    """eta and xi of SGD by IsoFLOP parabolas, errors over draws, beside the typical draw's, read off the same way.

    What the parabolas and the grid of widths add to a slope is the same in both. They are what one sees; the test is
    in `own_draw`.

    Returns:
        The measured frontier, and (measured, stderr, predicted) for eta and for xi; NaN where fewer than three
        computes have their optimum inside the widths.
    """
    found = []
    for curves in (own_draw.draw_means(sgd), typical):
        steps, risk = own_draw.on_common_steps(sgd, curves)
        at = inside(window)
        found.append(sv.fits.measure_frontier(sgd.widths, steps, risk, compute=at, approach="isoflop", key=key))
    use = found[0].interior & found[1].interior
    if use.sum() < 3:
        return found[0], np.full((2, len(COLUMNS)), np.nan)
    fits = [one.fit(*one.compute[use][[0, -1]]) for one in found]
    pairs = zip(*((fit.loss_exponent, fit.width_exponent) for fit in fits), strict=True)
    return found[0], np.array([(measured.value, measured.stderr, predicted.value) for measured, predicted in pairs])


def inside(window):
    """Computes at which parabolas are drawn: within the window by the rounding of steps."""
    return np.geomspace(1.02 * window[0], window[1] / 1.02, POINTS_IN_WINDOW)


def seen_rows(name: str, here) -> list[dict]:
    """What IsoFLOP parabolas show, eta and xi: no test."""
    text = "by IsoFLOP parabolas of SGD beside the typical draw's (seen, no test)"
    rows = []
    for exponent in ("eta", "xi"):
        measured, stderr, predicted = (float(here[f"{column}_{exponent}"]) for column in COLUMNS)
        rows.append(report_row(f"{name}: {exponent} {text}", predicted, measured, None, stderr))
    return rows


def phase_title(name: str, alpha: float, beta: float) -> str:
    """A panel's title."""
    return f"{name}   (α = {alpha:.2f}, β = {beta:.2f})"


def panel_each_phase(dataset, panel, xlabel: str, size: tuple[float, float]) -> Figure:
    """``panel(axes, dataset of the phase)`` for every phase; the eighth panel shows where the points lie."""
    with style():
        figure = Figure(figsize=size)
        panels = figure.subplots(2, 4)
        for axes, name in zip(panels.flat, dataset.phase.values, strict=False):
            here = dataset.sel(phase=name)
            panel(axes, here)
            axes.set_title(phase_title(name, float(here.alpha), float(here.beta)))
        for axes in panels[:, 0]:
            axes.set_ylabel("risk E[(f(x) − y)²]")
        for axes in [*panels[1, :3], panels[0, 3]]:
            axes.set_xlabel(xlabel)
        phase_plane(panels[1, 3])
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def phase_plane(axes):
    """A key to the phases: where each panel's point lies."""
    axes.set(xlim=(0.0, 1.4), ylim=(-0.4, 1.4), xlabel="spectral decay α", ylabel="target decay β")
    plot_phase_boundaries(axes, labels=False)
    for name, (alpha, beta) in POINTS.items():
        left = name in ("Ic", "IVa", "IVb")
        axes.plot(alpha, beta, "o", color=COLORS[2], markersize=5, zorder=5)
        axes.annotate(name, (alpha, beta), xytext=(-5 if left else 5, 4), textcoords="offset points", zorder=6,
                      ha="right" if left else "left", fontweight="bold", fontsize=8,
                      path_effects=[withStroke(linewidth=2.5, foreground="white")])
    axes.text(0.06, -0.22, "no power\nlaw", fontsize=7)
    axes.set_title("where the panels' points lie")


def phase_coords() -> dict:
    """The coordinates of a dataset with one entry a phase."""
    alpha, beta = np.array(list(POINTS.values())).T
    return {"phase": (("phase",), list(POINTS), "phase"),
            "alpha": (("phase",), alpha, "exponent of the inputs"),
            "beta": (("phase",), beta, "exponent of the target")}


def plain_log(axis, span: float) -> None:
    """Tick labels 0.5, 0.6, 0.8 on a log axis that spans less than a decade or so; powers of ten otherwise."""
    from matplotlib.ticker import FixedLocator, NullFormatter, StrMethodFormatter

    if span < 12:
        axis.set_major_locator(FixedLocator([m * 10.0**e for e in range(-4, 3) for m in (1, 1.5, 2, 3, 5, 7)]))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())
