"""Nonlinear features extend the spectrum beyond the latents, and the power law of the risk with it.

Gaussian latents, finitely many, with power-law variances. Linear features of them have as many eigenvalues as there
are latents, and once width and samples exceed it the risk of a noisy target stops at the noise. Features that are
nonlinear functions of the latents have a spectrum that goes on, and the risk of a target of the same kind goes on
falling. Source: Maloney, Roberts, Sully 2022 (arXiv 2210.16859), nonlinear feature maps and the plateau.
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, LINES, MARKERS, style
from solvable.results import make_dataset, report_row

ACTIVATIONS = ("linear", "relu", "tanh")


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        latents: number of latent inputs.
        alpha: exponent of the latents' standard deviations, variances j^{-2 alpha}.
        noise: standard deviation of the label noise.
        widths: numbers of features; the data set is 4 times as large.
        spectrum_width: features of the measured spectrum.
        num_draws: draws of features, target and data at each width.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    latents: int = 30
    alpha: float = 1.0
    noise: float = 0.003
    widths: tuple[int, ...] = (8, 16, 32, 64, 128, 256)
    spectrum_width: int = 600
    num_draws: int = 12
    tiny: bool = False
    seed: int = 0


def run(config: Config, progress=lambda *_: None):
    """Eigenvalues (setting, eigenvalue) and risk (setting, width, run) for each activation."""
    widths, draws, size = ((8, 48), 2, 120) if config.tiny else (config.widths, config.num_draws, config.spectrum_width)
    latents = 10 if config.tiny else config.latents
    spectra, risks = [], []
    for i, activation in enumerate(ACTIVATIONS):
        law = dict(activation=activation, manifold="gaussian", dimension=latents, alpha=config.alpha,
                   teacher_width=1000, noise=config.noise)
        wide = sv.NonlinearRF(**law, width=size, samples=2, num_test=6 * size).draw(jax.random.key(config.seed))
        spectra.append(np.asarray(wide.eigvals))
        for j, width in enumerate(widths):
            progress("widths", i * len(widths) + j, len(ACTIVATIONS) * len(widths))
            model = sv.NonlinearRF(**law, width=width, samples=4 * width, num_test=2000)
            keys = jax.random.split(jax.random.key(config.seed), draws)
            risks.append([float(sv.solve(model.draw(k), sv.Ridge(1e-12), sv.Exact()).risk[0]) for k in keys])
    progress("widths", len(ACTIVATIONS) * len(widths), len(ACTIVATIONS) * len(widths))
    risks = np.array(risks).reshape(len(ACTIVATIONS), len(widths), draws)
    variables = {
        "spectrum": (("setting", "eigenvalue"), spectra, "eigenvalues of the feature covariance, decreasing"),
        "risk": (("setting", "width", "run"), risks, "risk of a draw"),
    }
    coords = {"setting": (("setting",), list(ACTIVATIONS), "activation of features and target"),
              "width": (("width",), list(widths), "number of features; 4 samples a feature")}
    return make_dataset("maloney2022/nonlinear", config, variables, coords, latents=latents, noise=config.noise,
                        alpha_latent=config.alpha)


def plot(dataset):
    """Spectra with the number of latents marked, and the risk against width."""
    with style():
        figure = Figure(figsize=(9.4, 4.2))
        left, right = figure.subplots(1, 2)
        latents = int(dataset.attrs["latents"])
        index = np.arange(1, dataset.eigenvalue.size + 1)
        for i, name in enumerate(dataset.setting.values):
            values = dataset.spectrum.values[i]
            left.plot(index, np.where(values > 1e-12 * values[0], values / values[0], np.nan), LINES[i],
                      color=COLORS[1 + i], label=str(name))
            mean, runs = dataset.risk[i].mean("run"), dataset.risk.run.size
            error = dataset.risk[i].std("run", ddof=1) / np.sqrt(runs)
            right.errorbar(dataset.width, mean, 2 * error, fmt=LINES[i] + MARKERS[i], color=COLORS[1 + i], markersize=5,
                           capsize=2, label=str(name))
        for axes in (left, right):
            axes.axvline(latents, color="0.6", linestyle=":", linewidth=1, zorder=0)
        left.set(xscale="log", yscale="log", xlabel="index", ylabel="eigenvalue over the largest",
                 title=f"dotted: the {latents} latents")
        right.axhline(dataset.attrs["noise"] ** 2, color="0.6", linestyle="--", linewidth=1, label="noise²")
        right.set(xscale="log", yscale="log", xlabel="width = samples / 4", ylabel="risk E[(f(x) − y)²]")
        left.legend()
        right.legend()
    return figure


def report(dataset) -> list[dict]:
    """How many eigenvalues, and where the risk of linear features stops."""
    latents, rows = int(dataset.attrs["latents"]), []
    for i, name in enumerate(dataset.setting.values):
        values = dataset.spectrum.values[i]
        count = int((values > 1e-9 * values[0]).sum())
        if name == "linear":
            rows.append(report_row("linear: eigenvalues above 1e-9 of the largest", latents, count, 0.0))
        else:
            share = count / len(values)
            rows.append(report_row(f"{name}: share of eigenvalues above 1e-9 of the largest", 1.0, share, 0.5))
    linear = dataset.risk.values[0, -1] / dataset.attrs["noise"] ** 2
    stderr, samples = linear.std(ddof=1) / np.sqrt(len(linear)), 4 * float(dataset.width[-1])
    rows.append(report_row("linear: risk over noise^2 at the largest width, T / (T - latents - 1)",
                           samples / (samples - latents - 1), linear.mean(), 4.5 * stderr + 0.05, stderr))
    return rows
