"""Which resource limits the risk, over width and samples, and the duality of the two.

Least squares on linear random features without label noise, and ridge regression at its best penalty with noise. The
colour says which of width and samples lowers the risk faster, and whether it does so by resolving more of the target
or by averaging a variance out, and where the best penalty would remove half of the risk. Without noise, and for an
isotropic target, width and samples may be exchanged.
Source: Bahri, Dyer, Kaplan, Lee, Sharma 2021 (arXiv 2102.06701), the four regimes and the duality.
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

import solvable as sv
from solvable.plots import COLORS, style
from solvable.results import make_dataset, report_row
from solvable.theory import REGIMES

SETTINGS = ("no noise, no penalty", "noise, best penalty")
SHADES = ("#56B4E9", "#cfe8f7", "#E69F00", "#f8dfae", "#009E73", "#a9dccb", "#999999", "#ffffff")
HATCHES = ("", "////", "", "\\\\\\\\", "", "..", "xx", "")


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        alpha_k: exponent of the spectrum, eigenvalues j^{-(1 + alpha_k)}.
        noise: standard deviation of the label noise in the second map.
        smallest, largest: ends of both axes.
        points: sizes along each axis.
        dual_sizes: two sizes at which simulation checks the duality.
        num_runs: draws of that simulation.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    alpha_k: float = 0.8
    noise: float = 0.05
    smallest: float = 8.0
    largest: float = 8192.0
    points: int = 64
    dual_sizes: tuple[int, int] = (48, 96)
    num_runs: int = 256
    tiny: bool = False
    seed: int = 0


def run(config: Config):
    """Risk and regime on (setting, width, samples), and the simulated risk with the sizes exchanged."""
    points, runs = (6, 8) if config.tiny else (config.points, config.num_runs)
    sizes = np.geomspace(config.smallest, config.largest, points)
    models = [sv.PowerLawRF((1 + config.alpha_k) / 2, 0.0, 64, np.inf, noise=noise) for noise in (0.0, config.noise)]
    maps = [sv.regime(model, width=sizes[:, None], samples=sizes, penalty=penalty)
            for model, penalty in zip(models, (0.0, "optimal"), strict=True)]
    dual = [_simulated(config, *pair, runs) for pair in (config.dual_sizes, config.dual_sizes[::-1])]
    theory = [float(sv.ridge_map(models[0], width=config.dual_sizes[i], samples=config.dual_sizes[1 - i]).risk)
              for i in (0, 1)]
    plane = ("setting", "width", "samples")
    variables = {
        "risk": (plane, [m.risk for m in maps], "typical risk"),
        "regime": (plane, [m.code for m in maps], "what limits the risk: " + "; ".join(REGIMES)),
        "dual": (("point",), [d[0] for d in dual], "simulated risk, sizes exchanged"),
        "dual_stderr": (("point",), [d[1] for d in dual], "standard error of dual"),
        "dual_theory": (("point",), theory, "typical risk, sizes exchanged"),
    }
    coords = {"setting": (("setting",), list(SETTINGS), "noise and penalty"),
              "width": (("width",), sizes, "number of random features"),
              "samples": (("samples",), sizes, "number of training samples")}
    return make_dataset("bahri2021/regime_map", config, variables, coords)


def _simulated(config: Config, width: int, samples: int, runs: int):
    model = sv.PowerLawRF((1 + config.alpha_k) / 2, 0.0, width, np.inf, samples=samples)
    curve = sv.solve(model, sv.Ridge(0.0), sv.Simulation(num_runs=runs), key=jax.random.key(config.seed))
    return float(curve.risk[0]), float(curve.stderr[0])


def plot(dataset):
    """One map a setting: regimes in colour and hatching, the risk as contours."""
    with style():
        figure = Figure(figsize=(9, 4.9))
        panels = figure.subplots(1, 2, sharey=True)
        for axes, name in zip(panels, dataset.setting.values, strict=True):
            here = dataset.sel(setting=name)
            codes = here.regime.values
            axes.pcolormesh(here.samples, here.width, codes, cmap=ListedColormap(SHADES), vmin=-0.5,
                            vmax=len(REGIMES) - 0.5, rasterized=True)
            for code, hatch in enumerate(HATCHES):
                if hatch and (codes == code).any():
                    axes.contourf(here.samples, here.width, (codes == code).astype(float), levels=[0.5, 1.5],
                                  colors="none", hatches=[hatch])
            finite = here.risk.where(np.isfinite(here.risk))
            lines = axes.contour(here.samples, here.width, np.log10(finite), colors=COLORS[0], linewidths=0.8,
                                 levels=np.arange(-6, 1, 0.5), linestyles="-")
            axes.clabel(lines, fmt=lambda level: f"$10^{{{level:g}}}$", fontsize=7)
            axes.set(xscale="log", yscale="log", xlabel="samples", title=str(name))
        panels[0].set_ylabel("width")
        used = np.unique(dataset.regime.values)
        handles = [Patch(facecolor=SHADES[c], hatch=HATCHES[c], edgecolor="black", label=REGIMES[c]) for c in used]
        figure.legend(handles=handles, loc="outside lower center", ncols=3, title="limited by (contours: risk)")
    return figure


def report(dataset) -> list[dict]:
    """The duality: exact in the theory, within errors in simulation."""
    risk = dataset.risk.sel(setting=SETTINGS[0]).values
    finite = np.isfinite(risk) & np.isfinite(risk.T)
    gap = np.abs(risk[finite] / risk.T[finite] - 1).max()
    rows = [report_row("largest relative difference of risk(N, T) and risk(T, N), theory", 0.0, gap, 1e-10)]
    difference = float(dataset.dual[0] - dataset.dual[1])
    stderr = float(np.hypot(*dataset.dual_stderr.values))
    rows.append(report_row("risk(N, T) - risk(T, N), simulation", 0.0, difference, 4.5 * stderr, stderr))
    for value, error, predicted in zip(dataset.dual.values, dataset.dual_stderr.values, dataset.dual_theory.values,
                                       strict=True):
        rows.append(report_row("simulated risk beside theory", predicted, value, 4.5 * error + 0.03 * predicted, error))
    return rows
