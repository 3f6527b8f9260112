"""How much compute it takes to see the asymptotic exponent: the onset of compute-optimal scaling over the plane.

The onset is the compute at which the exact local exponent eta(f) = -d log P* / d log f of the compute-optimal risk
comes within 5% of its asymptote and stays there. The frontier is exact for the typical draw and continuous in width,
so the map has no sampling error; the crossing is interpolated between computes. Phases and asymptotes are those of
Paquette, Paquette, Xiao, Pennington 2024 (arXiv 2405.15074); the onset is not in the paper.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

import solvable as sv
from solvable.plots import plot_phase_map, style
from solvable.results import make_dataset, report_row

from . import shared


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        num_alpha: values of alpha, at the centres of as many cells of its window.
        num_beta: values of beta, likewise.
        alpha: window of the exponent of the inputs.
        beta: window of the exponent of the target.
        compute: smallest and largest compute f = width * steps * batch_size.
        num_compute: values of compute between them, evenly spaced in the logarithm.
        within: relative distance from the asymptote that counts as arrived.
        tiny: a much smaller run with the same outputs.
    """

    num_alpha: int = 16
    num_beta: int = 16
    alpha: tuple[float, float] = (0.05, 0.85)
    beta: tuple[float, float] = (-0.3, 1.3)
    compute: tuple[float, float] = (1e4, 1e30)
    num_compute: int = 14
    within: float = 0.05
    tiny: bool = False


FULL = dict(nodes=shared.NODES, stages=shared.STAGES)  # of the exact frontier
TINY = dict(num_alpha=3, num_beta=3, compute=(1e4, 1e8), num_compute=2, nodes=64, stages=1)


def run(config: Config, progress=lambda *_: None):
    """Local eta over (alpha, beta, compute), its asymptote, and the onset over (alpha, beta) and at a point a phase."""
    sizes = {**vars(config), **(TINY if config.tiny else FULL)}
    alpha, beta = (_centres(*sizes[name], sizes[f"num_{name}"]) for name in ("alpha", "beta"))
    compute = np.geomspace(*sizes["compute"], sizes["num_compute"])
    search = {"nodes": sizes["nodes"], "stages": sizes["stages"]}
    a, b = (x.ravel() for x in np.meshgrid(alpha, beta, indexing="ij"))
    points = np.array(list(shared.POINTS.values())).T
    every_a, every_b = np.append(a, points[0]), np.append(b, points[1])
    eta = climb(compute, every_a, every_b, config.within, lambda done: progress("computes", done, len(compute)),
                **search)
    phase = sv.phase(every_a, every_b)
    where = onset(compute, eta, phase.loss_exponent, config.within)
    grid = (len(alpha), len(beta))
    known = np.isfinite(where[len(a):])
    again = _exact(np.where(known, where[len(a):], compute[-1]), *points, paired=True, **search)
    plane = ("alpha", "beta")
    variables = {
        "eta": ((*plane, "compute"), eta[:len(a)].reshape(*grid, -1), "local loss exponent; NaN once arrived to stay"),
        "eta_asymptote": (plane, phase.loss_exponent[:len(a)].reshape(grid), "predicted loss exponent"),
        "onset": (plane, where[:len(a)].reshape(grid), "compute of the onset, inf if beyond the largest compute"),
        "point_onset": (("phase",), where[len(a):], "compute of the onset at a point of the phase"),
        "point_eta": (("phase",), again.loss_exponent, "local loss exponent at that compute, evaluated there"),
    }
    coords = {"alpha": (("alpha",), alpha, "exponent of the inputs"),
              "beta": (("beta",), beta, "exponent of the target"),
              "compute": (("compute",), compute, "compute f = width * steps * batch_size"),
              "phase": (("phase",), list(shared.POINTS), "phase")}
    return make_dataset("paquette2024/onset", config, variables, coords, within=config.within)


def _centres(low: float, high: float, count: int):
    edges = np.linspace(low, high, count + 1)
    return (edges[1:] + edges[:-1]) / 2


def _exact(compute, alpha, beta, paired: bool, nodes: int = shared.NODES, stages: int = shared.STAGES):
    return sv.frontier_map(shared.law(1.0, 1.0), shared.rule, compute, alpha=alpha, beta=beta, paired=paired,
                           ratio=shared.ratio(alpha), nodes=nodes, stages=stages)


def climb(compute, alpha, beta, within: float, progress=lambda done: None, **search):
    """Local eta at growing compute, shape (points, compute), leaving a point once it has arrived to stay.

    It has where the last two distances from the asymptote shrink and are below half of ``within``.
    """
    asymptote = sv.phase(alpha, beta).loss_exponent
    eta, active = np.full((len(alpha), len(compute)), np.nan), np.isfinite(asymptote)
    for k, f in enumerate(compute):
        index = np.flatnonzero(active)
        if index.size:
            eta[index, k] = _exact(np.full(index.size, f), alpha[index], beta[index], paired=True,
                                   **search).loss_exponent
        if k:
            before, now = (np.abs(eta[:, i] / asymptote - 1) for i in (k - 1, k))
            active &= ~((now <= before) & (before <= within / 2))
        progress(k + 1)
    return eta


def onset(compute, eta, asymptote, within: float):
    """The compute from which |eta / asymptote - 1| <= within for good; inf where never, NaN without an asymptote.

    The crossing is linear in log compute between two values; NaN in eta counts as arrived.
    """
    off = np.abs(eta / asymptote[..., None] - 1)
    out = off > within
    last = out.shape[-1] - 1 - out[..., ::-1].argmax(-1)  # the last compute that is not within
    left = np.minimum(last, len(compute) - 2)
    before, after = (np.take_along_axis(off, i[..., None], -1)[..., 0] for i in (left, left + 1))
    share = np.clip((before - within) / np.where(before > after, before - after, 1.0), 0, 1)
    log_f = np.log(compute)
    crossing = np.exp(log_f[left] + share * (log_f[left + 1] - log_f[left]))
    found = np.where(out.any(-1), np.where(last == len(compute) - 1, np.inf, crossing), compute[0])
    return np.where(np.isfinite(asymptote), found, np.nan)


def plot(dataset):
    """The map of the onset with the phases' boundaries; hatched where the asymptote is not reached."""
    most = float(np.log10(dataset["compute"][-1]))
    levels = np.arange(4, most + 1, 2)
    with style():
        figure = Figure(figsize=(6.6, 5.4))
        axes = figure.subplots()
        finite = np.log10(dataset.onset.where(np.isfinite(dataset.onset)))
        mesh = plot_phase_map(finite, axes, cmap="viridis", norm=BoundaryNorm(levels, 256))
        never = np.isinf(dataset.onset).T
        axes.pcolor(dataset.alpha, dataset.beta, np.ma.masked_where(~never, np.ones(never.shape)), hatch="////",
                    cmap=ListedColormap(["#ffffff"]), edgecolor="0.3", linewidth=0, shading="nearest")
        bar = figure.colorbar(mesh, ax=axes, ticks=levels[::2])
        bar.set_label("compute f = width × steps at the onset")
        bar.ax.set_yticklabels([rf"$10^{{{level:.0f}}}$" for level in levels[::2]])
        percent = f"{100 * dataset.attrs['within']:.0f}%"
        axes.set_title(rf"Compute from which the exponent $\eta(f)$ stays within {percent} of its asymptote")
        patches = [Patch(facecolor="white", edgecolor="0.3", hatch="////", label=rf"beyond $f = 10^{{{most:.0f}}}$"),
                   Patch(facecolor="0.85", edgecolor="0.3", label="no power law")]
        figure.legend(handles=patches, loc="outside lower center", ncols=2)
    return figure


def report(dataset) -> list[dict]:
    """At a point a phase: eta evaluated anew at the onset beside its asymptote, within 5% and the interpolation's 1%.

    The quantity's name carries the onset, which nothing predicts.
    """
    rows = []
    for name, (alpha, beta) in shared.POINTS.items():
        here = dataset.sel(phase=name)
        asymptote, where = sv.phase(alpha, beta).loss_exponent, float(here.point_onset)
        text = f"onset 10^{np.log10(where):.1f}" if np.isfinite(where) else "onset beyond the largest compute"
        first = where <= float(dataset["compute"][0])
        quantity = f"{name}: eta at its {text}{' or before' if first else ''} ({alpha:g}, {beta:g})"
        rows.append(report_row(quantity, asymptote, here.point_eta, (dataset.attrs["within"] + 0.01) * asymptote))
    return rows
