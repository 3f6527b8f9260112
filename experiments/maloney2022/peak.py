"""Risk against width and against samples: the peak where they are equal, and how the best penalty removes it.

Least squares on linear random features of a power-law input and an isotropic target diverges where width equals
samples; ridge regression at its best penalty decreases in both, and its gain over least squares away from the peak is
a constant. Lines are the typical draw, dots are fresh draws of features and data.
Source: Maloney, Roberts, Sully 2022 (arXiv 2210.16859), risk against features and samples; Zhang 2024 (arXiv
2405.19398), the best penalty.
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, LINES, MARKERS, style
from solvable.results import make_dataset, report_row

SETTINGS = ("least squares", "best penalty")
AXES = ("width", "samples")


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        alpha: exponent of the latent spectrum in the paper's letters, eigenvalues j^{-(1 + alpha)}.
        ambient: number of latent inputs, at which the spectrum ends.
        fixed: the size that is held, of samples on the left and of width on the right.
        smallest, largest: ends of the size that varies, in theory.
        sampled: sizes that are simulated.
        num_runs: draws of features and data at each of them.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    alpha: float = 1.0
    ambient: int = 2048
    fixed: int = 96
    smallest: float = 8.0
    largest: float = 4000.0
    sampled: tuple[int, ...] = (12, 24, 48, 144, 192, 288)
    num_runs: int = 48
    tiny: bool = False
    seed: int = 0


def run(config: Config, progress=lambda *_: None):
    """Theory (phase, setting, point) and simulation (phase, setting, bin); phase is the size that varies."""
    sampled, runs = ((16, 64), 8) if config.tiny else (config.sampled, config.num_runs)
    fixed = 32 if config.tiny else config.fixed
    model = sv.PowerLawRF((1 + config.alpha) / 2, 0.0, fixed, config.ambient, samples=fixed)
    points, near = (33, 9) if config.tiny else (161, 41)
    sizes = np.geomspace(config.smallest, config.largest, points)
    sizes = np.unique(np.concatenate([sizes, fixed * np.geomspace(0.8, 1.25, near)]))
    every = np.concatenate([sizes, sampled])
    ends = {axis: np.stack([every if axis == name else np.full_like(every, fixed) for name in AXES]) for axis in AXES}
    risk = np.stack([sv.ridge_map(model, **ends, penalty=penalty).risk for penalty in (0.0, "optimal")], 1)
    theory, expected = risk[..., : len(sizes)], risk[..., len(sizes):]
    dots = []
    for i, axis in enumerate(AXES):
        for j, size in enumerate(sampled):
            progress("simulation", i * len(sampled) + j, 2 * len(sampled))
            width, samples = (size, fixed) if axis == "width" else (fixed, size)
            dots.append(_simulated(model, width, samples, runs, jax.random.key(config.seed)))
    progress("simulation", 2 * len(sampled), 2 * len(sampled))
    dots = np.array(dots).reshape(2, len(sampled), 2, 2).transpose(3, 0, 2, 1)
    line, dot = ("phase", "setting", "point"), ("phase", "setting", "bin")
    variables = {
        "theory": (line, theory, "risk of the typical draw"),
        "sampled": (dot, dots[0], "mean risk over draws"),
        "stderr": (dot, dots[1], "standard error of sampled"),
        "expected": (dot, expected, "risk of the typical draw at the simulated sizes"),
    }
    coords = {"phase": (("phase",), list(AXES), "the size that varies"),
              "setting": (("setting",), list(SETTINGS), "penalty"),
              "size": (("point",), sizes, "the size that varies"),
              "sampled_size": (("bin",), list(sampled), "the size that varies, simulated")}
    return make_dataset("maloney2022/peak", config, variables, coords, fixed=fixed, alpha_latent=config.alpha)


def _simulated(model, width: int, samples: int, runs: int, key):
    """((mean, stderr) of least squares, of the best penalty): the same draws for both."""
    here = sv.PowerLawRF(model.alpha, model.beta, width, model.ambient, samples=samples)
    penalties = (0.0, float(sv.optimal_penalty(here).penalty))
    curves = [sv.solve(here, sv.Ridge(p), sv.Simulation(num_runs=runs), key=key) for p in penalties]
    return [(float(c.risk[0]), float(c.stderr[0])) for c in curves]


def plot(dataset):
    """Against width at fixed samples, and against samples at fixed width."""
    with style():
        figure = Figure(figsize=(9, 4.2))
        panels = figure.subplots(1, 2, sharey=True)
        fixed = int(dataset.attrs["fixed"])
        for axes, name in zip(panels, dataset.phase.values, strict=True):
            for index, setting in enumerate(dataset.setting.values):
                here, color = dataset.sel(phase=name, setting=setting), COLORS[1 + index]
                axes.plot(here["size"], here.theory.where(np.isfinite(here.theory)), LINES[index], color=color,
                          label=f"{setting}, theory")
                axes.errorbar(here.sampled_size, here.sampled, 2 * here.stderr, fmt=MARKERS[index], color=color,
                              markersize=4.5, markerfacecolor="white", label=f"{setting}, draws ± 2 s.e.")
            axes.axvline(fixed, color="0.6", linewidth=0.8, linestyle=":", zorder=0)
            other = "samples" if name == "width" else "width"
            top = 30 * float(dataset.expected.sel(setting=SETTINGS[1]).max())
            axes.set(xscale="log", yscale="log", xlabel=str(name), ylim=(None, top), title=f"{other} = {fixed}")
        panels[0].set_ylabel("risk E[(f(x) − y)²]")
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def report(dataset) -> list[dict]:
    """Simulation beside theory; the gain of the best penalty; both curves' monotonicity and the peak's place."""
    rows, fixed = [], int(dataset.attrs["fixed"])
    for name in dataset.phase.values:
        for setting in dataset.setting.values:
            here = dataset.sel(phase=name, setting=setting)
            for size in here.sampled_size.values[[0, -1]]:
                at = here.sel(bin=here.sampled_size == size).isel(bin=0)
                small = min(fixed, int(size))
                rows.append(report_row(f"risk, {setting}, {name} = {size}", float(at.expected), float(at.sampled),
                                       4.5 * float(at.stderr) + 1.5 / small * float(at.expected), float(at.stderr)))
        plain, best = (dataset.theory.sel(phase=name, setting=s).values for s in SETTINGS)
        rows.append(report_row(f"{name}: where least squares is worst", fixed, float(dataset["size"][np.argmax(plain)]),
                               0.02 * fixed))
        rises = float(np.maximum(np.diff(np.log(best)), 0).max())
        rows.append(report_row(f"{name}: largest rise of the best-penalty curve", 0.0, rises, 1e-9))
    return rows
