"""How to split width * samples, and the plateau where the latent spectrum ends.

At the best penalty the risk depends on width and samples symmetrically and homogeneously, so at a fixed product equal
sizes are best and the risk falls as its power -alpha / 2 (left, middle). With finitely many latent inputs the power
law of the resolution-limited risk ends: noiseless least squares fits the target exactly once the smaller of width and
samples reaches their number, and a label noise leaves a plateau (right).
Source: Maloney, Roberts, Sully 2022 (arXiv 2210.16859), equiparameterization and the end of the power law.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, LINES, style
from solvable.results import make_dataset, report_row


@dataclass(frozen=True)
class Config:
    """Sizes of the run; all of it is theory.

    Attributes:
        alpha: exponent of the latent spectrum in the paper's letters, eigenvalues j^{-(1 + alpha)}.
        compute: products width * samples.
        latents: numbers of latent inputs of the plateau.
        noise: standard deviation of the label noise of the plateau.
        tiny: a much smaller run with the same outputs.
    """

    alpha: float = 1.0
    compute: tuple[float, ...] = (1e6, 1e8, 1e10, 1e12, 1e14)
    latents: tuple[int, ...] = (100, 1000, 10000)
    noise: float = 0.01
    tiny: bool = False


def run(config: Config):
    """Risk over (compute, width / samples), and against samples at equal width for each number of latents."""
    points = 21 if config.tiny else 81
    ratios = np.geomspace(1e-3, 1e3, points)
    compute = np.array(config.compute)
    model = sv.PowerLawRF((1 + config.alpha) / 2, 0.0, 64, np.inf)
    width, samples = np.sqrt(compute[:, None] * ratios), np.sqrt(compute[:, None] / ratios)
    split = sv.ridge_map(model, width=width, samples=samples, penalty="optimal").risk
    sizes = np.geomspace(10, 1e5, points)
    ends = [[sv.ridge_map(sv.PowerLawRF(model.alpha, 0.0, 64, ambient, noise=noise), width=np.inf, samples=sizes,
                          penalty="optimal").risk for noise in (0.0, config.noise)] for ambient in config.latents]
    variables = {
        "split": (("compute", "point"), split, "risk at the best penalty"),
        "plateau": (("ambient", "noise", "samples"), ends, "risk at the best penalty, infinite width"),
    }
    coords = {"compute": (("compute",), compute, "width * samples"),
              "ratio": (("point",), ratios, "width / samples"),
              "ambient": (("ambient",), list(config.latents), "number of latent inputs"),
              "noise": (("noise",), [0.0, config.noise], "standard deviation of the label noise"),
              "samples": (("samples",), sizes, "number of training samples")}
    return make_dataset("maloney2022/equiparameterization", config, variables, coords, alpha_latent=config.alpha)


def plot(dataset):
    """The split of compute, the risk at the best split, and the end of the spectrum."""
    with style():
        figure = Figure(figsize=(11, 4))
        left, middle, right = figure.subplots(1, 3)
        for index, compute in enumerate(dataset["compute"].values):
            risk = dataset.split.sel(compute=compute)
            left.plot(dataset.ratio, risk / risk.min(), LINES[index % 4], color=COLORS[1 + index % 6],
                      label=f"$NT$ = $10^{{{np.log10(compute):.0f}}}$")
        left.axvline(1, color="0.6", linewidth=0.8, linestyle=":")
        left.set(xscale="log", yscale="log", xlabel="width / samples", ylabel="risk over its least at this $NT$")
        left.legend()
        best = dataset.split.min("point")
        middle.plot(dataset["compute"], best, "o-", color=COLORS[1], label="theory")
        law = best[-1] * (dataset["compute"] / dataset["compute"][-1]) ** (-dataset.attrs["alpha_latent"] / 2)
        middle.plot(dataset["compute"], law * 0.6, "--", color="black", label="slope $-\\alpha/2$")
        middle.set(xscale="log", yscale="log", xlabel="$NT$ = width × samples", ylabel="least risk")
        middle.legend()
        for index, latents in enumerate(dataset.ambient.values):
            for noise, line in zip(dataset.noise.values, ("-", "--"), strict=True):
                risk = dataset.plateau.sel(ambient=latents, noise=noise)
                right.plot(dataset.samples, risk.where(risk > 1e-12), line, color=COLORS[1 + index],
                           label=f"{latents} latents" + (f", noise {noise:g}" if noise else ""))
        right.set(xscale="log", yscale="log", xlabel="samples", ylabel="risk, infinite width", ylim=(1e-5, 1))
        right.legend()
    return figure


def report(dataset) -> list[dict]:
    """The best split is 1 : 1, its exponent alpha / 2; the plateau's height is the noise."""
    rows = []
    for compute in dataset["compute"].values:
        risk = dataset.split.sel(compute=compute).values
        best = float(dataset.ratio[int(np.argmin(risk))])
        rows.append(report_row(f"best width / samples at product {compute:.0e}", 1.0, best, 0.01))
    best = dataset.split.min("point").values
    slope = -np.log(best[-1] / best[-2]) / np.log(dataset["compute"].values[-1] / dataset["compute"].values[-2])
    half = dataset.attrs["alpha_latent"] / 2
    rows.append(report_row("exponent of the least risk in width * samples", half, float(slope), 0.005))
    for latents in dataset.ambient.values:
        here = dataset.plateau.sel(ambient=latents)
        last = float(here.isel(noise=1, samples=-1))
        rows.append(report_row(f"{latents} latents: plateau over noise^2", 1.0, last / float(dataset.noise[1]) ** 2,
                               2.5 * latents / float(dataset.samples[-1])))
    return rows
