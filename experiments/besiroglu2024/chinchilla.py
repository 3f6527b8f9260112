"""Chinchilla's parametric fit on the 245 runs read off its figure, and how far the original constants are from it.

The runs are not part of this package: `--data` names the CSV that Besiroglu et al. published (repository
epoch-research/analyzing-chinchilla, columns Model Size, Training FLOP, loss; it has no licence). The five runs of
largest loss are left out. The stated objective, the sum of Huber losses with delta = 1e-3, and the published
parameters, which are those of least absolute deviations, are two fits; both are here. Without data
`--tiny` draws runs from the law.
Source: Besiroglu, Erdil, Barnett, You 2024 (arXiv 2404.10102); Hoffmann et al. 2022 (arXiv 2203.15556).
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.fits import AbsoluteDeviation, Bootstrap, Chinchilla, Hessian, Huber, LeastSquares
from solvable.plots import COLORS, style
from solvable.results import make_dataset, report_row

NAMES = ("E", "A", "B", "alpha", "beta")
ORIGINAL = {"E": float(np.exp(0.5267228)), "A": 406.4, "B": 410.7, "alpha": 0.3392, "beta": 0.2849}  # unrounded
PUBLISHED = {"E": 1.8169, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3659}
STATED = {"E": 1.8172, "A": 477.7, "B": 2142.9, "alpha": 0.3473, "beta": 0.3672}
PACKAGED = {"E": 1.731, "alpha": 0.2946, "beta": 0.3791}  # chinchilla 0.2.0 on the same 240 runs, its own loss
FITS = {"Huber, delta 1e-3": Huber(), "least absolute deviations": AbsoluteDeviation(), "least squares": LeastSquares()}


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        data: CSV of the runs; without it only `--tiny` runs, on drawn runs.
        drop_largest: runs of largest loss that are left out.
        num_resamples: resamples of the bootstrap.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    data: str = ""
    drop_largest: int = 5
    num_resamples: int = 4000
    tiny: bool = False
    seed: int = 0


def drawn(seed: int):
    """240 runs of the published law with its scatter, where there are no data."""
    rng = np.random.default_rng(seed)
    size, data = np.exp(rng.uniform(np.log([6e7, 1e9]), np.log([1.5e10, 3e11]), (240, 2))).T
    loss = Chinchilla()(PUBLISHED, {"N": size, "D": data}) * np.exp(0.005 * rng.laplace(size=240))
    return {"N": size, "D": data, "L": loss}


def run(config: Config, progress=lambda *_: None):
    """Parameters of every fit, the resamples of the first, and what the original constants make of the runs."""
    if not config.data and not config.tiny:
        raise ValueError("data: wanted the CSV of github.com/epoch-research/analyzing-chinchilla; got none")
    table, dropped = (config.data, config.drop_largest) if config.data else (drawn(config.seed), 0)
    resamples, found = 100 if config.tiny else config.num_resamples, []
    for done, method in enumerate(FITS.values()):
        progress("fits", done, len(FITS))
        spread = Bootstrap(resamples) if isinstance(method, Huber) else Hessian()
        found.append(sv.fit(table, "chinchilla", method, uncertainty=spread, drop_largest=dropped, warn=False,
                            key=jax.random.key(config.seed)))  # fmt: skip
    progress("fits", len(FITS), len(FITS))
    best = found[0]
    # the statistic of the replication: the covariance of the resamples about its own (published) estimate
    gap = np.array([_place(name, ORIGINAL[name]) - _place(name, found[1].values[name]) for name in NAMES])
    samples = np.stack([best.samples[name] for name in NAMES])
    covariance = np.cov(np.stack([_place(name, row) for name, row in zip(NAMES, samples, strict=True)]))
    held = sv.fit(table, Chinchilla(fixed=PACKAGED), uncertainty=Hessian(), drop_largest=dropped, warn=False)
    original = Chinchilla(fixed={k: ORIGINAL[k] for k in NAMES if k != "A"}, bounds={"A": (406.39, 406.41)})
    original = sv.fit(table, original, uncertainty=Hessian(), drop_largest=dropped, warn=False)
    compute = np.geomspace(1e18, 1e25, 50)
    split = best.allocate(compute)
    variables = {
        "estimate": (("setting", "bin"), [[f.values[n] for n in NAMES] for f in found], "E, A, B, alpha, beta"),
        "interval": (("record", "bin"), np.array([[best[n].low, best[n].high] for n in NAMES]).T, "95% interval"),
        "stderr": (("bin",), [best[n].stderr for n in NAMES], "standard error of the resamples, Huber"),
        "draws": (("bin", "run"), samples, "E, A, B, alpha, beta of the resamples, Huber"),
        "objective": (("point",), [best.objective, original.objective, held.objective],
                      "sum of Huber losses: best, original constants, packaged fitter (least over A and B)"),
        "chi_square": ((), gap @ np.linalg.solve(covariance, gap), "chi-square of the original constants"),
        "best_size": (("compute",), split.N.value, "best number of parameters"),
        "best_size_low": (("compute",), split.N.low, "lower end of its 95% interval"),
        "best_size_high": (("compute",), split.N.high, "upper end of its 95% interval"),
    }  # fmt: skip
    coords = {"setting": (("setting",), list(FITS), "what is minimised"),
              "compute": (("compute",), compute, "compute (FLOPs)")}  # fmt: skip
    source = config.data.rsplit("/", 1)[-1] or "drawn from the law"
    return make_dataset("besiroglu2024/chinchilla", config, variables, coords, runs=source, num_points=best.num_points)


def _place(name: str, value):
    return np.log(value) if name in "EAB" else np.asarray(value)


def plot(dataset):
    """The exponents of the resamples beside the constants, and the best size against compute."""
    with style():
        figure = Figure(figsize=(9.4, 4.2))
        left, right = figure.subplots(1, 2)
        alpha, beta = dataset.draws.values[3:]
        left.plot(alpha, beta, ".", color=COLORS[6], markersize=2, alpha=0.5, zorder=0, label="resamples")
        for i, (name, marker) in enumerate(zip(dataset.setting.values, "osD", strict=True)):
            a, b = dataset.estimate.values[i, 3:]
            left.plot(a, b, marker, color=COLORS[i], markersize=7, markeredgecolor="white", label=str(name))
        for label, constants, marker, color in (("Hoffmann et al. 2022", ORIGINAL, "X", COLORS[3]),
                                                ("a packaged fitter", PACKAGED, "P", COLORS[4])):  # fmt: skip
            left.plot(constants["alpha"], constants["beta"], marker, color=color, markersize=9, label=label)
        left.set(xlabel="exponent of the parameters, alpha", ylabel="exponent of the tokens, beta")
        left.legend(fontsize=7.5, loc="upper left", bbox_to_anchor=(0, -0.16), ncols=2)
        compute = dataset["compute"].values
        right.fill_between(compute, dataset.best_size_low, dataset.best_size_high, color=COLORS[1], alpha=0.25,
                           linewidth=0, label="95% of the resamples")  # fmt: skip
        right.plot(compute, dataset.best_size, color=COLORS[1], label="Huber, delta 1e-3")
        right.plot(compute, _original_size(compute), "--", color=COLORS[3], label="Hoffmann et al. 2022")
        right.set(xscale="log", yscale="log", xlabel="compute C (FLOPs)", ylabel="best number of parameters N")
        right.legend(fontsize=7.5, loc="upper left", bbox_to_anchor=(0, -0.16), ncols=2)
        square, beta = float(dataset.chi_square), dataset.estimate.values[0, 4]
        text = f"The runs reject the original constants: chi-square(5) = {square:.0f}; beta is {beta:.3f}, not"
        figure.suptitle(f"{text} {ORIGINAL['beta']:.3f}", fontsize=10)
    return figure


def _original_size(compute):
    a, b = ORIGINAL["alpha"], ORIGINAL["beta"]
    return (a * ORIGINAL["A"] / (b * ORIGINAL["B"])) ** (1 / (a + b)) * (compute / 6) ** (b / (a + b))


def report(dataset) -> list[dict]:
    """Both sets of parameters to a part in a thousand, the objectives, the errors and the test."""
    rows, estimate = [], dataset.estimate.values
    for i, (label, stated) in enumerate((("stated objective", STATED), ("published parameters", PUBLISHED))):
        for j, name in enumerate(NAMES):
            rows.append(report_row(f"{label}: {name}", stated[name], estimate[i, j], 1e-3 * stated[name]))
    best, original, packaged = dataset.objective.values
    rows.append(report_row("sum of Huber losses at the optimum", 1.018274e-3, best, 1e-8))
    rows.append(report_row("the same over the optimum, original constants", 1.0, original / best, None))
    rows.append(report_row("the same over the optimum, a packaged fitter", 1.0, packaged / best, None))
    for name, error in {"A": 124.5, "B": 1293.3, "E": 0.0257, "alpha": 0.0154, "beta": 0.0206}.items():
        measured = float(dataset.stderr.values[NAMES.index(name)])
        rows.append(report_row(f"standard error of {name}", error, measured, 0.15 * error, measured * 0.02))
    rows.append(report_row("chi-square(5) of the original constants", 238.0, float(dataset.chi_square), 24.0, 6.0))
    return rows
