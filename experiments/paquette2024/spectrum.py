"""The eigenvalues of the feature covariance against their density, above and below 2 alpha = 1.

Eigenvalues of many draws of W^T D W, D = diag(j^{-2 alpha}), beside the density of the deterministic equivalent. The
smallest eigenvalues fill a bulk with a sharp left edge; the largest are nearly atoms, one around each j^{-2 alpha}.
Source: Paquette, Paquette, Xiao, Pennington 2024 (arXiv 2405.15074), spectra of the random-feature covariance.
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure

from solvable.plots import COLORS, style
from solvable.results import make_dataset, report_row

from . import shared

ALPHAS = (1.0, 0.4)  # above and below the line 2 alpha = 1


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        width: number of random features, the number of eigenvalues of a draw.
        num_draws: draws of the features.
        num_points: eigenvalues at which the density is evaluated, evenly spaced in the logarithm.
        num_bins: bins of the histogram.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    width: int = 200
    num_draws: int = 60
    num_points: int = 3000
    num_bins: int = 60
    tiny: bool = False
    seed: int = 0


def run(config: Config):
    """Sampled eigenvalues (alpha, draw, index) and the density on a grid of eigenvalues (alpha, point)."""
    width, draws, points = (24, 8, 600) if config.tiny else (config.width, config.num_draws, config.num_points)
    key = jax.random.key(config.seed)
    columns = []
    for index, alpha in enumerate(ALPHAS):
        model = shared.law(alpha, 1.0, width)
        keys = jax.random.split(jax.random.fold_in(key, index), draws)
        sampled = np.stack([np.asarray(model.draw(k).eigvals)[::-1] for k in keys])
        low, high = (float(x) for x in model.support())
        # Twice the logarithm's resolution near both edges, where the density starts as a square root.
        unit = (1 - np.cos(np.linspace(0, np.pi, points))) / 2
        grid = np.exp(np.log(low) + np.log(high / low) * unit)
        density = np.asarray(model.density(grid))
        columns.append((sampled, grid, np.where(np.isfinite(density), density, 0.0), (low, high)))
    sampled, grid, density, support = (np.stack(x) for x in zip(*columns, strict=True))
    variables = {
        "sampled": (("alpha", "run", "eigenvalue"), sampled, "eigenvalues of each draw, increasing"),
        "grid": (("alpha", "point"), grid, "eigenvalue"),
        "density": (("alpha", "point"), density, "density of the typical draw at grid, normalised to the width"),
        "left": (("alpha",), support[:, 0], "smallest eigenvalue of the typical draw"),
        "right": (("alpha",), support[:, 1], "largest eigenvalue of the typical draw"),
    }
    coords = {"alpha": (("alpha",), list(ALPHAS), "exponent of the inputs")}
    return make_dataset("paquette2024/spectrum", config, variables, coords, bins=config.num_bins)


def counting(grid, density):
    """Number of eigenvalues below each point of the grid: the integral of the density, trapezoid in the logarithm."""
    height = density * grid
    return np.concatenate([[0.0], np.cumsum(np.diff(np.log(grid)) * (height[1:] + height[:-1]) / 2)])


def plot(dataset):
    """Per unit of log eigenvalue: histogram, density and edges, one panel on each side of 2 alpha = 1."""
    with style():
        figure = Figure(figsize=(9, 4.1))
        for axes, alpha in zip(figure.subplots(1, 2), dataset.alpha.values, strict=True):
            _panel(axes, dataset.sel(alpha=alpha), int(dataset.attrs["bins"]))
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _panel(axes, here, bins: int):
    alpha, values = float(here.alpha), here.sampled.values
    edges = np.geomspace(values.min() * 0.9, values.max() * 1.1, bins + 1)
    count = np.histogram(values, edges)[0] / len(values) / np.diff(np.log(edges))
    axes.stairs(count, edges, fill=True, color=COLORS[6], alpha=0.7,
                label=f"sampled, {values.shape[0]} draws of width {values.shape[1]}")
    shown = here.density * here.grid
    axes.plot(here.grid, shown.where(shown > 0), color="black", linewidth=1.3, label="theory, density")
    for name, line in (("left", "--"), ("right", ":")):
        axes.axvline(float(here[name]), color=COLORS[2], linestyle=line, linewidth=1.4,
                     label=f"theory, {name} edge of the support")
    atoms = np.arange(1, 5.0) ** (-2 * alpha)
    axes.plot(atoms, np.full(4, 1.02), "v", transform=axes.get_xaxis_transform(), clip_on=False, color="black",
              markersize=6, label=r"population eigenvalues $j^{-2\alpha}$, $j = 1, \ldots, 4$")
    axes.set(xscale="log", yscale="log", xlabel=r"eigenvalue $\lambda$ of the feature covariance",
             ylabel=r"eigenvalues per unit of $\ln\,\lambda$", ylim=(0.3, None))
    axes.set_title(rf"$\alpha$ = {alpha:g}:  $2\alpha$ {'>' if 2 * alpha > 1 else '<'} 1", pad=12)


def report(dataset) -> list[dict]:
    """Number of eigenvalues, Kolmogorov distance of the counting functions, and edges beside the sampled extremes."""
    rows = []
    for alpha in dataset.alpha.values:
        here = dataset.sel(alpha=alpha)
        sampled, width = here.sampled.values, here.sampled.shape[1]
        below = counting(here.grid.values, here.density.values)
        rows.append(report_row(f"alpha {alpha:g}: eigenvalues under the density", width, below[-1], 1e-3 * width))
        ordered = np.sort(sampled.ravel())
        theory = np.interp(ordered, here.grid.values, below) / below[-1]
        rank = np.arange(1, len(ordered) + 1) / len(ordered)
        distance = np.maximum(abs(rank - theory), abs(rank - 1 / len(ordered) - theory)).max()
        # Eigenvalues repel: a draw's counting function is off by order one, 1 / width of it.
        rows.append(report_row(f"alpha {alpha:g}: Kolmogorov distance of the counting functions", 0.0, distance,
                               1.5 / width))
        for edge, extreme in (("left", sampled.min(1)), ("right", sampled.max(1))):
            extreme, predicted = np.log(extreme), np.log(float(here[edge]))
            stderr = extreme.std(ddof=1) / np.sqrt(len(extreme))
            # An extreme eigenvalue lies inside its edge by order width^(-2/3); at the right it is one eigenvalue
            # in a band about sqrt(8 / width) wide on either side of its centre.
            inside = 4 * width ** (-2 / 3) if edge == "left" else np.sqrt(8 / width) + 4 / width
            rows.append(report_row(f"alpha {alpha:g}: ln of the {edge} edge, beside the mean extreme eigenvalue",
                                   predicted, extreme.mean(), 4.5 * stderr + inside, stderr))
    return rows
