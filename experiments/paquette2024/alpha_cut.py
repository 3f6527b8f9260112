"""The cut at alpha = 0.7, with beta rising through the phases Ia, II and III.

Predicted exponents, the exact theory's local exponents at several computes, and what IsoFLOP parabolas show of SGD in a
window of small compute: how far finite compute is from the asymptote. What is tested of SGD is its risk over the exact
mean of its own draw (`own_draw`). Source: Paquette,
Paquette, Xiao, Pennington 2024 (arXiv 2405.15074), the cut of the exponents at alpha = 0.7.
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, style
from solvable.results import make_dataset, report_row

from . import own_draw, shared

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
        window: smallest and largest compute of SGD.
        draws: draws of the features at each width.
        runs: SGD runs on each draw.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    alpha: float = 0.7
    beta: tuple[float, float] = (-0.15, 1.3)
    num_beta: int = 30
    sgd_beta: tuple[float, ...] = (-0.1, 0.1, 0.3, 0.6, 0.85, 1.2)
    compute: tuple[float, ...] = (1e8, 1e12, 1e20)
    widths: tuple[int, ...] = (8, 16, 32, 64, 128, 256)
    window: tuple[float, float] = (2048.0, 16384.0)
    draws: int = 32
    runs: int = 64
    tiny: bool = False
    seed: int = 0


FULL = dict(nodes=shared.NODES, stages=shared.STAGES)  # of the exact frontier
TINY = dict(num_beta=4, sgd_beta=(0.3, 0.6), compute=(1e8, 1e12), widths=(8, 16, 32), window=(256.0, 1024.0), draws=8,
            runs=8, nodes=64, stages=1)


def run(config: Config, progress=lambda *_: None):
    """Exact exponents over (beta, compute); SGD's, with the theory's in the same window, over (point,)."""
    sizes = {**vars(config), **(TINY if config.tiny else FULL)}
    beta = np.linspace(*sizes["beta"], sizes["num_beta"])
    exact = sv.frontier_map(shared.law(config.alpha, 1.0), shared.rule, np.array(sizes["compute"]), alpha=config.alpha,
                            beta=beta, nodes=sizes["nodes"], stages=sizes["stages"])
    steps, slopes, agree = own_draw.steps_in(sizes["window"], sizes["widths"]), [], []
    for index, b in enumerate(sizes["sgd_beta"]):
        progress("SGD", index, len(sizes["sgd_beta"]))
        model, key = shared.law(config.alpha, b), jax.random.fold_in(jax.random.key(config.seed), index)
        sgd, typical = shared.sgd_family(model, sizes["widths"], steps, sizes["draws"], sizes["runs"], key)
        slopes.append(shared.seen_exponents(sgd, typical, sizes["window"], key)[1])
        agree.append(own_draw.agreement(sgd, sgd))
    progress("SGD", len(slopes), len(slopes))
    slopes = np.stack(slopes)
    variables = {
        "eta": (("beta", "compute"), exact.loss_exponent, "local loss exponent, exact"),
        "xi": (("beta", "compute"), exact.width_exponent, "local width exponent, exact"),
        **{f"{column}_{exponent}": (("point",), slopes[:, i, k], f"{column} {exponent} in the window of SGD")
           for i, exponent in enumerate(("eta", "xi")) for k, column in enumerate(shared.COLUMNS)},
        **own_draw.variables("point", agree),
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
    """Theory at the largest compute beside the asymptote; SGD beside its own draws' theory; what parabolas show."""
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
        rows += own_draw.rows(f"beta {beta:g}", own_draw.stored(here)) + shared.seen_rows(f"beta {beta:g}", here)
    return rows
