"""What the experiments of this paper share: its points, its learning-rate rule, and how results are labelled.

Source: Paquette, Paquette, Xiao, Pennington 2024 (arXiv 2405.15074).
"""

import dataclasses
import json
import math

import jax
import numpy as np
import xarray as xr

import solvable as sv

# One point a phase, away from the boundaries.
POINTS = {
    "Ia": (0.75, 0.25),
    "Ib": (0.40, 0.30),
    "Ic": (0.20, 1.00),
    "II": (1.00, 0.60),
    "III": (0.70, 1.20),
    "IVa": (0.45, 0.90),
    "IVb": (0.27, 0.70),
}
# Okabe and Ito's colours, told apart with any colour vision; the order also darkens and lightens in grey.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#000000")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def rule(model):
    """The learning rate at each width: constant above 2 alpha = 1, about width^(2 alpha - 1) below; one sample a step."""
    return sv.SGD(0.5 / model.trace())


def law(alpha: float, beta: float, width: int = 64):
    """The random-feature law; the ambient dimension is 10 widths above 2 alpha = 1 and 4 below, as in the paper."""
    return sv.PowerLawRF(alpha, beta, width, ratio(alpha) * width)


def ratio(alpha):
    """Ambient dimension over width."""
    return np.where(np.asarray(alpha) >= 0.5, 10, 4)[()]


def sgd_family(model, widths, steps, num_runs: int, key):
    """Risk of every run of SGD, shape (widths, runs, steps), and the typical draw's theory, shape (widths, steps)."""
    runs, theory = [], []
    for width in widths:
        here = model.at_width(int(width))
        method = sv.Simulation(num_runs=num_runs)
        curve = sv.solve(here, rule(here), method, steps, key=jax.random.fold_in(key, int(width)))
        runs.append(np.asarray(curve.stats["runs"], np.float64))
        theory.append(np.asarray(sv.solve(here, rule(here), sv.Recursion(), steps).risk))
    return np.stack(runs), np.stack(theory)


def measured_exponents(model, widths, steps, runs, theory, window, key):
    """eta and xi of SGD in a window of compute, with what theory says there.

    Returns:
        The measured frontier, and (measured, stderr, predicted, bias) for (eta, xi): predicted is the slope of the
        exact frontier, bias what the parabola through these widths adds to it, from the theory's own curves.
    """
    compute = np.geomspace(*window, 17)
    frontier = sv.measure_frontier(widths, steps, runs, compute=compute, approach="isoflop", key=key)
    same_way = sv.measure_frontier(widths, steps, theory, compute=compute, approach="isoflop")
    exact = sv.compute_frontier(model, rule, compute)
    use = frontier.interior & same_way.interior
    if use.sum() < 3:
        return frontier, np.full((2, 4), np.nan)
    low, high = compute[use][[0, -1]]
    fit, fit_theory = frontier.fit(low, high), same_way.fit(low, high)
    log_f = np.log(compute[use])
    slopes = (-np.polyfit(log_f, np.log(np.asarray(exact.risk)[use]), 1)[0],
              np.polyfit(log_f, np.log(np.asarray(exact.width)[use]), 1)[0])
    pairs = ((fit.loss_exponent, fit_theory.loss_exponent), (fit.width_exponent, fit_theory.width_exponent))
    rows = [(x.value, x.stderr, slope, abs(y.value - slope)) for (x, y), slope in zip(pairs, slopes, strict=True)]
    return frontier, np.array(rows)


def dataset(config, variables: dict, coords: dict) -> xr.Dataset:
    """A labelled dataset that carries its configuration and the package's version."""
    attrs = {"config": json.dumps(dataclasses.asdict(config)), "solvable_version": sv.__version__,
             "source": "arXiv:2405.15074"}
    return xr.Dataset(variables, coords, attrs)


def row(quantity: str, predicted, measured, stderr, tolerance) -> dict:
    """One line of a report: ``ok`` where measured lies within ``tolerance`` of predicted."""
    predicted, measured, stderr, tolerance = (float(x) for x in (predicted, measured, stderr, tolerance))
    ok = math.isfinite(measured) and abs(measured - predicted) <= tolerance
    return dict(quantity=quantity, predicted=predicted, measured=measured, stderr=stderr, tolerance=tolerance, ok=ok)


def observation(quantity: str, measured) -> dict:
    """A line of a report for a number that nothing predicts."""
    return dict(quantity=quantity, predicted=math.nan, measured=float(measured), stderr=0.0, tolerance=math.nan, ok=True)


def phase_title(name: str, alpha: float, beta: float) -> str:
    """A panel's title."""
    return f"{name}   (α = {alpha:.2f}, β = {beta:.2f})"


def draw_boundaries(axes, alpha=(0.0, 1.5), beta=(-0.5, 1.5)):
    """The lines between the phases, with alpha on the horizontal axis."""
    for ends in sv.exponents.boundaries(alpha, beta).values():
        axes.plot(*ends.T, color="black", linewidth=0.8)
    axes.set(xlim=alpha, ylim=beta, xlabel="spectral decay α", ylabel="target decay β")


LABELS = {"Ia": (1.15, 0.15), "Ib": (0.34, 0.33), "Ic": (0.125, 0.95), "II": (1.25, 0.75), "III": (0.80, 1.2),
          "IVa": (0.40, 1.2), "IVb": (0.27, 0.75)}


def phase_plane(axes):
    """A key to the phases: where each panel's point lies."""
    draw_boundaries(axes, (0.0, 1.4), (-0.4, 1.4))
    for name, (alpha, beta) in POINTS.items():
        axes.plot(alpha, beta, "o", color="black", markersize=4)
        axes.annotate(name, (alpha, beta), xytext=(3, 3), textcoords="offset points", fontsize=7)
    axes.text(0.06, -0.22, "no power\nlaw", fontsize=7)
    axes.set_title("points of the panels", fontsize=9)
