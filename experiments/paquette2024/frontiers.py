"""Compute-optimal frontiers in each phase: SGD and theory.

Curves of several widths against compute f = width * steps; the exact frontier of the typical draw, continuous in
width; and the frontier that IsoFLOP parabolas show of SGD, with bootstrap errors over draws. What is tested is the risk
of SGD over the exact mean of its own draw, at every width and compute of the window (`own_draw`). Source: Paquette,
Paquette, Xiao, Pennington 2024 (arXiv 2405.15074), compute-optimal curves of the phases.
"""

from dataclasses import dataclass

import jax
import numpy as np

import solvable as sv
from solvable.plots import COLORS
from solvable.results import make_dataset, report_row

from . import own_draw, shared


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        widths: numbers of random features of the SGD family.
        window: smallest and largest compute of SGD.
        draws: draws of the features at each width.
        runs: SGD runs on each draw.
        theory_compute: smallest and largest compute of the exact frontier that is drawn.
        far_compute: compute at which the theory's exponents are compared with the asymptote; IVb, the slowest phase,
            at its power 4/3.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    widths: tuple[int, ...] = (8, 16, 32, 64, 128, 256)
    window: tuple[float, float] = (2048.0, 16384.0)
    draws: int = 32
    runs: int = 64
    theory_compute: tuple[float, float] = (2e3, 5e6)
    far_compute: float = 1e24
    tiny: bool = False
    seed: int = 0


# Optima of the exact frontier: how many are drawn; nodes and stages of their search, there and at the far compute
FULL = dict(drawn=10, nodes=shared.NODES, stages=shared.STAGES, far_nodes=768, far_stages=5)
TINY = dict(widths=(8, 16, 32), window=(256.0, 1024.0), draws=8, runs=8, theory_compute=(1e3, 1e5), far_compute=1e12,
            drawn=2, nodes=64, stages=1, far_nodes=64, far_stages=1)


def run(config: Config, progress=lambda *_: None):
    """SGD and theory curves (phase, width, point), both frontiers (phase, compute), SGD over theory (phase)."""
    sizes = TINY if config.tiny else {**vars(config), **FULL}
    steps = own_draw.steps_in(sizes["window"], sizes["widths"])
    drawn = np.geomspace(*sizes["theory_compute"], sizes["drawn"])
    alpha, beta = np.array(list(shared.POINTS.values())).T
    points = dict(alpha=alpha, beta=beta, ratio=shared.ratio(alpha))
    exact = sv.frontier_map(shared.law(1.0, 1.0), shared.sgd_rule, drawn, **points, nodes=sizes["nodes"],
                            stages=sizes["stages"])
    far_compute = np.array([sizes["far_compute"] ** (4 / 3 if name == "IVb" else 1) for name in shared.POINTS])
    far = sv.frontier_map(shared.law(1.0, 1.0), shared.sgd_rule, far_compute, **points, paired=True,
                          nodes=sizes["far_nodes"], stages=sizes["far_stages"])
    parts = []
    for index in range(len(alpha)):
        progress("phases", index, len(alpha))
        parts.append(_one(config.seed, index, sizes, steps))
    progress("phases", len(alpha), len(alpha))
    sgd, theory, agree, *measured, slopes = zip(*parts, strict=True)
    slopes = np.stack(slopes)
    curve, grid, line = ("phase", "width", "point"), ("phase", "bin"), ("phase", "compute")
    names = {"sgd_risk": "least risk of SGD", "sgd_risk_stderr": "standard error of sgd_risk",
             "sgd_width": "optimal width of SGD", "sgd_width_stderr": "standard error of sgd_width"}
    variables = {
        "sgd": (curve, np.stack(sgd), "risk of SGD, mean over runs and draws"),
        "theory": (curve, np.stack(theory), "risk of the typical draw"),
        **own_draw.variables("phase", agree),
        **{name: (grid, np.stack(values), text) for (name, text), values in zip(names.items(), measured, strict=True)},
        "risk": (line, exact.risk, "least risk over all widths, exact"),
        "best_width": (line, exact.width, "optimal width, exact"),
        "far_compute": (("phase",), far_compute, "compute at which eta and xi are measured"),
        "eta": (("phase",), far.loss_exponent, "local loss exponent at far_compute, exact"),
        "xi": (("phase",), far.width_exponent, "local width exponent at far_compute, exact"),
        **{f"{column}_{exponent}": (("phase",), slopes[:, i, k], f"{column} {exponent} in the window of SGD")
           for i, exponent in enumerate(("eta", "xi")) for k, column in enumerate(shared.COLUMNS)},
    }
    coords = {**shared.phase_coords(), "width": (("width",), list(sizes["widths"]), "number of random features"),
              "step": (("width", "point"), steps, "SGD step, one sample each"),
              "compute": (("compute",), drawn, "compute f = width * steps, exact frontier"),
              "window": (("bin",), shared.inside(sizes["window"]), "compute f of the parabolas")}
    return make_dataset("paquette2024/frontiers", config, variables, coords)


def _one(seed: int, index: int, sizes: dict, steps):
    model = shared.law(*list(shared.POINTS.values())[index])
    key = jax.random.fold_in(jax.random.key(seed), index)
    sgd, typical = shared.sgd_family(model, sizes["widths"], steps, sizes["draws"], sizes["runs"], key)
    found, slopes = shared.seen_exponents(sgd, typical, sizes["window"], key)
    seen = [np.where(found.interior, x, np.nan) for x in
            (found.risk, found.risk_stderr, found.width, found.width_stderr)]
    return sgd.risk.mean((1, 2)), typical, own_draw.agreement(sgd, sgd), *seen, slopes


def plot(dataset):
    """Risk against compute, one panel a phase, with the optimal width in an inset."""
    return shared.panel_each_phase(dataset, _panel, "compute f = width × steps", (11.5, 6.6))


def _panel(axes, here):
    for index, width in enumerate(here.width.values):
        curve = here.sel(width=width)
        label = "SGD, one grey line a width (widest darkest)" if index == here.width.size - 1 else None
        shade = str(0.8 - 0.45 * index / here.width.size)
        axes.plot(width * curve.step, curve.sgd, color=shade, linewidth=1, label=label)
    line = here.where(here["compute"] <= 300 * here.window[-1], drop=True)
    axes.plot(line["compute"], line.risk, color=COLORS[1], linewidth=1.8, label="theory, exact frontier")
    axes.errorbar(here.window[::2], here.sgd_risk[::2], 2 * here.sgd_risk_stderr[::2], fmt="o", markersize=4,
                  color=COLORS[2], markerfacecolor="white", label="SGD, IsoFLOP frontier ± 2 s.e.")
    eta, xi = (float(x) for x in sv.phase(float(here.alpha), float(here.beta))[:0:-1])
    middle = line.isel(compute=line["compute"].size // 2)
    late = line["compute"][line["compute"].size // 2:]  # beside the inset, not across it
    guide = 0.6 * middle.risk * (late / middle["compute"]) ** -eta
    axes.plot(late, guide, "--", color="black", linewidth=1, label="asymptotic slope")
    axes.text(0.97, 0.95, f"η = {eta:.3f}\nξ = {xi:.3f}", transform=axes.transAxes, ha="right", va="top", fontsize=8)
    axes.set(xscale="log", yscale="log")
    inset = axes.inset_axes((0.13, 0.1, 0.36, 0.3))
    inset.plot(line["compute"], line.best_width, color=COLORS[1])
    inset.plot(here.window[::2], here.sgd_width[::2], "o", markersize=2.5, color=COLORS[2])
    inset.set(xscale="log", yscale="log")
    inset.set_title("best width", fontsize=7, pad=2)
    inset.tick_params(labelsize=6, pad=1)
    inset.minorticks_off()


def report(dataset) -> list[dict]:
    """SGD beside its own draws' theory; theory's far exponents beside the law; what parabolas show."""
    rows = []
    for name in dataset.phase.values:
        here = dataset.sel(phase=name)
        rows += own_draw.rows(name, own_draw.stored(here))
        law = sv.phase(float(here.alpha), float(here.beta))
        for exponent, asymptote, tolerance in (("eta", law.loss_exponent, 0.005), ("xi", law.width_exponent, 0.01)):
            quantity = f"{name}: {exponent}, theory at compute {float(here.far_compute):.0e} beside its asymptote"
            rows.append(report_row(quantity, asymptote, here[exponent], tolerance))
        rows += shared.seen_rows(name, here)
    return rows
