"""The four regimes of risk in width and samples: two variance-limited, two resolution-limited.

Least squares on linear random features of a power-law input, eigenvalues j^{-(1 + alpha_K)}, isotropic target. Where
one resource is fixed and the other grows past it, the risk falls to its limit as the inverse of the growing one,
whatever the data: variance-limited. Where one is fixed and much larger, the risk is a power of the smaller one,
alpha_K: resolution-limited. Width and samples play the same part. Theory is the typical draw; dots are means over
fresh draws of features and data. Source: Bahri, Dyer, Kaplan, Lee, Sharma 2021 (arXiv 2102.06701), Figure 1.
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, style
from solvable.results import make_dataset, report_row

PANELS = ("variance, samples", "variance, width", "resolution, samples", "resolution, width")
FAR = 20.0  # a variance-limited slope is fitted from this many times the fixed size


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        alpha_k: exponent of the spectrum, eigenvalues j^{-(1 + alpha_k)}.
        ambient: number of inputs.
        fixed: the fixed width or number of samples of the variance-limited panels.
        growth: how many times the fixed size the growing one becomes in theory, at most.
        sampled_growth: the same in simulation.
        resolution: smallest and largest size of the resolution-limited panels in theory.
        sampled_resolution: largest size simulated there.
        num_runs: draws of features and data at each size.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    alpha_k: float = 0.8
    ambient: int = 4096
    fixed: int = 32
    growth: float = 640.0
    sampled_growth: int = 16
    resolution: tuple[float, float] = (10.0, 320.0)
    sampled_resolution: int = 160
    num_runs: int = 64
    tiny: bool = False
    seed: int = 0


FULL = dict(sampled=5)  # sizes simulated in each panel
TINY = dict(fixed=8, sampled_growth=4, sampled_resolution=16, num_runs=8, sampled=3, ambient=512)


def run(config: Config, progress=lambda *_: None):
    """Excess or whole risk in each panel: theory (phase, point), simulation with its error (phase, bin)."""
    sizes = {**vars(config), **(TINY if config.tiny else FULL)}
    alpha, fixed = (1 + config.alpha_k) / 2, sizes["fixed"]
    model = sv.PowerLawRF(alpha, 0.0, fixed, sizes["ambient"], samples=fixed)
    limit = float(sv.ridge_map(model, width=fixed, samples=np.inf).risk)
    grown = fixed * np.geomspace(2.0, sizes["growth"], 40)
    small = np.geomspace(*sizes["resolution"], 40)
    ends = [dict(samples=grown), dict(width=grown), dict(width=np.inf, samples=small),
            dict(width=small, samples=np.inf)]
    theory = [sv.ridge_map(model, **sizes_of).risk - (limit if i < 2 else 0.0) for i, sizes_of in enumerate(ends)]
    most = sizes["sampled"]
    tried = [np.unique(np.geomspace(*ends, most).astype(int)) for ends in
             ((2 * fixed, fixed * sizes["sampled_growth"]), (10, sizes["sampled_resolution"]))]
    tried = [tried[0], tried[0], tried[1], tried[1]]
    measured = []
    for index, values in enumerate(tried):
        progress("panels", index, len(PANELS))
        key = jax.random.fold_in(jax.random.key(config.seed), index)
        rest = alpha, fixed, sizes["ambient"], sizes["num_runs"], key
        risk = np.array([_simulated(index, int(n), *rest) for n in values])
        risk[:, 0] -= limit if index == 1 else 0.0
        measured.append(np.pad(risk, ((0, most - len(risk)), (0, 0)), constant_values=np.nan))
    progress("panels", len(PANELS), len(PANELS))
    measured, points, dots = np.stack(measured), ("phase", "point"), ("phase", "bin")
    variables = {
        "size": (points, [grown, grown, small, small], "the size that grows"),
        "theory": (points, theory, "risk of the typical draw; variance-limited: above its limit"),
        "sampled_size": (dots, [np.pad(v.astype(float), (0, most - len(v)), constant_values=np.nan) for v in tried],
                         "the size that grows, simulated"),
        "sampled": (dots, measured[..., 0], "mean risk over draws; variance-limited: above the theory's limit"),
        "stderr": (dots, measured[..., 1], "standard error of sampled"),
    }
    coords = {"phase": (("phase",), list(PANELS), "regime and the size that grows")}
    return make_dataset("bahri2021/four_regimes", config, variables, coords, alpha_k=config.alpha_k, fixed=fixed)


def _simulated(index: int, size: int, alpha: float, fixed: int, ambient: int, runs: int, key):
    """Mean risk of least squares over draws, and its standard error; for index 0 above each draw's own limit."""
    if index == 0:
        model, least_squares = sv.PowerLawRF(alpha, 0.0, fixed, ambient, samples=size), sv.Ridge(0.0)
        draws = [model.draw(k) for k in jax.random.split(key, runs)]
        excess = [float(sv.solve(draw, least_squares, sv.Exact()).risk[0] - draw.floor) for draw in draws]
        return np.mean(excess), np.std(excess, ddof=1) / np.sqrt(runs)
    if index == 2:
        model = sv.LinearRegression(alpha, 0.0, ambient, samples=size)
    elif index == 3:
        floors = [float(sv.PowerLawRF(alpha, 0.0, size, ambient).draw(k).floor) for k in jax.random.split(key, runs)]
        return np.mean(floors), np.std(floors, ddof=1) / np.sqrt(runs)
    else:
        model = sv.PowerLawRF(alpha, 0.0, size, ambient, samples=fixed)
    curve = sv.solve(model, sv.Ridge(0.0), sv.Simulation(num_runs=runs), key=key)
    return float(curve.risk[0]), float(curve.stderr[0])


def _fit(here, fixed: int):
    """The slope of the theory's curve, where its regime holds."""
    use = here["size"] >= (FAR * fixed if "variance" in str(here.phase.values) else 0)
    return sv.fit_power_law(here["size"].values[use], here.theory.values[use], warn=False).exponent


def plot(dataset):
    """Two by two: variance-limited above, resolution-limited below; samples left, width right."""
    with style():
        figure = Figure(figsize=(8.4, 6.4))
        for axes, name in zip(figure.subplots(2, 2).flat, dataset.phase.values, strict=True):
            here, fixed = dataset.sel(phase=name), int(dataset.attrs["fixed"])
            kind, grows = str(name).split(", ")
            axes.plot(here["size"], here.theory, color=COLORS[1], label="theory, typical draw")
            slope = _fit(here, fixed)
            guide = here.theory[-1] * (here["size"] / here["size"][-1]) ** -slope.value * 0.55
            axes.plot(here["size"], guide, "--", color="black", linewidth=1, label="fitted slope")
            axes.errorbar(here.sampled_size, here.sampled, 2 * here.stderr, fmt="o", markersize=4.5, capsize=2,
                          color=COLORS[2], markerfacecolor="white", label="least squares on draws ± 2 s.e.")
            other = "width" if grows == "samples" else "samples"
            held = f"{other} = {fixed}" if kind == "variance" else f"{other} ≫ {grows}"
            axes.set_title(f"{kind}-limited in {grows}   ({held})")
            axes.text(0.95, 0.93, f"slope {slope.value:.3f}", transform=axes.transAxes, ha="right", va="top")
            low, label = 0.3 * float(here.theory.min()), "risk − risk($\\infty$)" if kind == "variance" else "risk"
            axes.set(xscale="log", yscale="log", ylim=(low, None), xlabel=grows, ylabel=label)
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def report(dataset) -> list[dict]:
    """Slopes beside 1 and alpha_K; the simulated risk beside the theory's at its largest size."""
    rows, fixed = [], int(dataset.attrs["fixed"])
    for name in dataset.phase.values:
        here = dataset.sel(phase=name)
        variance = str(name).startswith("variance")
        predicted, tolerance = (1.0, 0.05) if variance else (dataset.attrs["alpha_k"], 0.02)
        fit = _fit(here, fixed)
        rows.append(report_row(f"{name}: slope of the theory", predicted, fit.value, tolerance, fit.stderr))
        last = int(np.flatnonzero(np.isfinite(here.sampled))[-1 if not variance else 0])
        size, stderr = float(here.sampled_size[last]), float(here.stderr[last])
        expected = float(np.exp(np.interp(np.log(size), np.log(here["size"]), np.log(here.theory))))
        small = fixed if variance else size
        rows.append(report_row(f"{name}: risk at size {size:.0f}", expected, float(here.sampled[last]),
                               4.5 * stderr + 2 / small * expected, stderr))
    return rows
