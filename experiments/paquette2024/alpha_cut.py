"""The cut at alpha = 0.7, with beta rising through the phases Ia, II and III.

Predicted exponents, the exact theory's local exponents at several computes, and SGD's in a window of small compute:
how far finite compute is from the asymptote, and that SGD sits where the theory says it should. Source: Paquette,
Paquette, Xiao, Pennington 2024 (arXiv 2405.15074), the cut of the exponents at alpha = 0.7.
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, style
from solvable.results import make_dataset, report_row

from . import shared

BIAS = {"eta": 0.02, "xi": 0.04}  # what O(1 / width) between the mean over draws and the typical draw leaves
LINES_OF_BETA = (0.5, 0.7)  # Ia | II and II | III, at alpha = 0.7


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        alpha: exponent of the inputs, fixed along the cut.
        beta: first and last exponent of the target.
        num_beta: values of beta for the theory.
        sgd_beta: values of beta at which SGD runs.
        compute: values of compute f at which the theory's local exponents are shown.
        widths: numbers of random features of the SGD family.
        last_step: the last SGD step, one sample each.
        num_runs: SGD runs at each width, each with its own draw of the features.
        window: smallest and largest compute at which SGD's exponents are measured.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    alpha: float = 0.7
    beta: tuple[float, float] = (-0.15, 1.3)
    num_beta: int = 30
    sgd_beta: tuple[float, ...] = (-0.1, 0.1, 0.3, 0.6, 0.85, 1.2)
    compute: tuple[float, ...] = (1e8, 1e12, 1e20)
    widths: tuple[int, ...] = (12, 24, 48, 96, 192, 384)
    last_step: int = 4_000
    num_runs: int = 64
    window: tuple[float, float] = (2e3, 2e4)
    tiny: bool = False
    seed: int = 0


TINY = dict(num_beta=4, sgd_beta=(0.3, 0.6), widths=(8, 16, 32), last_step=400, num_runs=8, window=(3e2, 1e3))


def run(config: Config, progress=lambda *_: None):
    """Exact exponents over (beta, compute); SGD's, with the theory's in the same window, over (point,)."""
    sizes = {**vars(config), **(TINY if config.tiny else {})}
    beta = np.linspace(*sizes["beta"], sizes["num_beta"])
    exact = sv.frontier_map(shared.law(config.alpha, 1.0), shared.rule, np.array(sizes["compute"]), alpha=config.alpha,
                            beta=beta, nodes=shared.NODES, stages=shared.STAGES)
    steps, slopes = sv.log_steps(sizes["last_step"], 60), []
    for index, b in enumerate(sizes["sgd_beta"]):
        progress("SGD", index, len(sizes["sgd_beta"]))
        model, key = shared.law(config.alpha, b), jax.random.fold_in(jax.random.key(config.seed), index)
        runs, theory = shared.sgd_family(model, sizes["widths"], steps, sizes["num_runs"], key)
        slopes.append(shared.measured_exponents(sizes["widths"], steps, runs, theory, sizes["window"], key)[1])
    progress("SGD", len(slopes), len(slopes))
    slopes = np.stack(slopes)
    variables = {
        "eta": (("beta", "compute"), exact.loss_exponent, "local loss exponent, exact"),
        "xi": (("beta", "compute"), exact.width_exponent, "local width exponent, exact"),
        **{f"{column}_{exponent}": (("point",), slopes[:, i, k], f"{column} {exponent} in the window of SGD")
           for i, exponent in enumerate(("eta", "xi")) for k, column in enumerate(shared.COLUMNS)},
    }
    coords = {"beta": (("beta",), beta, "exponent of the target"),
              "compute": (("compute",), list(sizes["compute"]), "compute f = width * steps"),
              "sgd_beta": (("point",), list(sizes["sgd_beta"]), "exponent of the target where SGD runs")}
    return make_dataset("paquette2024/alpha_cut", config, variables, coords, alpha=config.alpha,
                        window_low=sizes["window"][0], window_high=sizes["window"][1])


def plot(dataset):
    """eta and xi against beta: prediction, exact theory at each compute, SGD and the theory in SGD's window."""
    with style():
        figure = Figure(figsize=(9.5, 4.6))
        for axes, exponent, text in zip(figure.subplots(1, 2), ("eta", "xi"),
                                        (r"loss exponent $\eta$:  risk $\sim f^{-\eta}$",
                                         r"width exponent $\xi$:  best width $\sim f^{\xi}$"), strict=True):
            _panel(axes, dataset, exponent)
            axes.set(xlabel=rf"target decay $\beta$   (input decay $\alpha$ = {dataset.attrs['alpha']:g})", ylabel=text)
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _panel(axes, dataset, exponent: str):
    alpha = dataset.attrs["alpha"]
    beta = np.linspace(float(dataset.beta[0]), float(dataset.beta[-1]), 400)
    axes.plot(beta, getattr(sv.phase(alpha, beta), {"eta": "loss_exponent", "xi": "width_exponent"}[exponent]),
              "--", color="black", linewidth=1.6, label="predicted asymptote")
    for index, f in enumerate(dataset["compute"].values):
        axes.plot(dataset.beta, dataset[exponent].sel(compute=f), linestyle=("-", "-.", ":")[index % 3],
                  color=COLORS[(1, 3, 4)[index % 3]], linewidth=1.5,
                  label=rf"theory, local exponent at $f = 10^{{{np.log10(f):.0f}}}$")
    window = f"{dataset.attrs['window_low']:.0e} to {dataset.attrs['window_high']:.0e}"
    axes.plot(dataset.sgd_beta, dataset[f"predicted_{exponent}"], "s", color=COLORS[5], markerfacecolor="none",
              markersize=8, markeredgewidth=1.4, label=f"theory, slope in f = {window}")
    axes.errorbar(dataset.sgd_beta, dataset[f"measured_{exponent}"], 2 * dataset[f"stderr_{exponent}"], fmt="o",
                  color=COLORS[2], markersize=4, capsize=2, label="SGD in that window ± 2 s.e.")
    for line in LINES_OF_BETA:
        axes.axvline(line, color="0.4", linewidth=0.9)
    for name, place in (("Ia", 0.15), ("II", 0.6), ("III", 1.0)):
        axes.text(place, 1.01, name, transform=axes.get_xaxis_transform(), ha="center", fontweight="bold")


def report(dataset) -> list[dict]:
    """Theory at the largest compute beside the asymptote, and SGD beside the theory in its window."""
    rows, alpha = [], dataset.attrs["alpha"]
    last = dataset.isel(compute=-1)
    for exponent, attribute, tolerance in (("eta", "loss_exponent", 0.01), ("xi", "width_exponent", 0.02)):
        asymptote = getattr(sv.phase(alpha, dataset.beta.values), attribute)
        away = np.min([abs(dataset.beta.values - line) for line in LINES_OF_BETA], axis=0) > 0.1
        off = np.where(away, np.abs(last[exponent].values - asymptote), 0.0)
        worst = int(np.nanargmax(off))
        quantity = f"{exponent} at beta {float(dataset.beta[worst]):.2f}, farthest from its asymptote at compute " \
                   f"{dataset['compute'].values[-1]:.0e} (0.1 or more from the lines)"
        rows.append(report_row(quantity, asymptote[worst], last[exponent][worst], tolerance))
    for index, beta in enumerate(dataset.sgd_beta.values):
        here = dataset.isel(point=index)
        for exponent in ("eta", "xi"):
            measured, stderr, predicted = (float(here[f"{x}_{exponent}"]) for x in shared.COLUMNS)
            quantity = f"{exponent} at beta {beta:g}, SGD beside theory in the same window"
            rows.append(report_row(quantity, predicted, measured, 4.5 * stderr + BIAS[exponent], stderr))
    return rows
