"""The critical batch size by each of the definitions in use, against the number of samples: they scale differently.

With label noise, b = 2 alpha, a = 2 alpha + 2 beta and p = (a - 1) / b, samples D, and the rate tuned for every batch
and horizon. The noise scale is taken at the end of the fastest run that reaches the loss (an infinite batch), and of
the best run with batch 1.
Source: McCandlish, Kaplan, Amodei et al. 2018 (arXiv 1812.06162) for the noise scale and the trade-off; Zhang et al.
2024 (arXiv 2410.21676) for the 20% rule.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, LINES, MARKERS, style
from solvable.results import make_dataset, report_row

NAMES = {"simple": "B_simple, end of the fastest run", "noise": "B_noise, end of the fastest run",
         "simple_best": "B_simple, end of the best run with batch 1", "tradeoff": "E_min / S_min (trade-off)",
         "overhead": "20% more examples"}
SCHEDULES = ("constant", "linear")


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        alpha: exponent of the inputs.
        beta: exponent of the target; a > b, an easy task.
        powers: x of the samples D = 10^x at a constant rate.
        linear_powers: the same with linear decay, which is followed in blocks of steps; the first of ``powers``.
        nodes: contour nodes of the spectrum.
        tiny: a much smaller run with the same outputs.
        seed: there are no random numbers.
    """

    alpha: float = 0.75
    beta: float = 0.5
    powers: tuple[float, ...] = (4.0, 6.0, 8.0, 10.0, 12.0)
    linear_powers: tuple[float, ...] = (4.0, 6.0, 8.0, 10.0, 12.0)
    nodes: int = 128
    tiny: bool = False
    seed: int = 0


def exponents(alpha: float, beta: float) -> dict[str, dict[str, float]]:
    """Predicted exponents of D, and of the tuned risk, for each schedule and definition."""
    a, b = 2 * alpha + 2 * beta, 2 * alpha
    p = (a - 1) / b
    return {
        # At a constant rate the largest eigenvalue sits at the edge of stability in the fastest run, where what is left
        # of it decides G^T K G: B_noise is like B_simple there.
        "constant": {"simple": 1.0, "noise": 1.0, "simple_best": p / (1 + p), "tradeoff": p / (1 + p),
                     "overhead": p / (1 + p), "target": -p / (1 + p)},
        "linear": {"simple": (b + a - 1) / a, "noise": (2 * b + a - 1) / a, "simple_best": 1 - b / (2 * a),
                   "tradeoff": 1 - b / a, "overhead": 1 - b / a, "target": -(a - 1) / a},
    }


def law(alpha: float, beta: float) -> sv.PowerLawRF:
    """Random features so many that none is missed at any of these horizons, and label noise of variance 1."""
    return sv.PowerLawRF(alpha, beta, 1e14, np.inf, noise=1.0)


def algorithm(schedule: str):
    """SGD with rate 1, constant or decayed linearly to 0 at the horizon."""
    if schedule == "constant":
        return sv.SGD(1.0, 1)
    return decayed


def decayed(horizon):
    """SGD whose rate decays linearly from 1 to 0 at the horizon."""
    return sv.SGD(sv.schedules.linear(1.0, horizon), 1)


def run(config: Config, progress=lambda *_: None):
    """Every definition at every number of samples, for both schedules; NaN where linear decay is not run."""
    powers, linear = ((4.0, 6.0), ()) if config.tiny else (config.powers, config.linear_powers)
    samples = 10.0 ** np.array(powers)
    model, names = law(config.alpha, config.beta), ("target", *NAMES)
    values = np.full((2, len(samples), len(names)), np.nan)
    for i, schedule in enumerate(SCHEDULES):
        here = samples if schedule == "constant" else samples[: len(linear)]
        for j, d in enumerate(here):
            progress(schedule, j, len(here))
            found = sv.critical_batch_size(model, algorithm(schedule), [d], nodes=config.nodes)
            values[i, j] = [getattr(found, name)[0] for name in names]
        progress(schedule, len(here), len(here))
    variables = {name: (("setting", "samples"), values[:, :, k], NAMES.get(name, "tuned risk above the floor"))
                 for k, name in enumerate(names)}
    coords = {"schedule": (("setting",), list(SCHEDULES), "schedule of the learning rate"),
              "samples": (("samples",), samples, "examples of the best run with batch 1")}
    return make_dataset("mccandlish2018/definitions", config, variables, coords, alpha=config.alpha, beta=config.beta)


def slopes(dataset, schedule: str, name: str) -> np.ndarray:
    """Local exponents between neighbouring numbers of samples."""
    here = dataset[name].isel(setting=SCHEDULES.index(schedule)).dropna("samples")
    return np.diff(np.log(here.values)) / np.diff(np.log(here.samples.values))


def plot(dataset):
    """Each definition against samples, for both schedules, with its last local exponent."""
    with style():
        figure = Figure(figsize=(9.6, 4.8))
        for axes, schedule in zip(figure.subplots(1, 2, sharey=True), SCHEDULES, strict=True):
            predicted = exponents(dataset.attrs["alpha"], dataset.attrs["beta"])[schedule]
            for index, (name, text) in enumerate(NAMES.items()):
                here, found = dataset[name].isel(setting=SCHEDULES.index(schedule)), slopes(dataset, schedule, name)
                last = f"{found[-1]:.2f} ({predicted[name]:.2f})" if len(found) else ""
                axes.plot(dataset.samples, here, LINES[index % 4], marker=MARKERS[index], color=COLORS[index],
                          markersize=5, markerfacecolor="white", label=f"{text}: {last}")
            decay = "constant learning rate" if schedule == "constant" else "learning rate decayed linearly to 0"
            axes.set(xscale="log", yscale="log", xlabel="samples D of the best run with batch 1", title=decay)
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), fontsize=8,
                        title="definition: last exponent of D (predicted)", title_fontsize=8)
        figure.axes[0].set_ylabel("critical batch size (examples)")
        figure.suptitle(_title(dataset))
    return figure


def _title(dataset) -> str:
    name = "linear" if len(slopes(dataset, "linear", "overhead")) else "constant"
    rule, scale = (slopes(dataset, name, x)[-1] for x in ("overhead", "simple"))
    decay = "linear decay" if name == "linear" else "a constant rate"
    return f"With {decay} the critical batch grows as D^{rule:.2f}; the noise scale of the fastest run as D^{scale:.2f}"


def report(dataset) -> list[dict]:
    """The last local exponent of everything beside its prediction, and the samples from which it stays within 0.01."""
    rows = []
    for schedule, predicted in exponents(dataset.attrs["alpha"], dataset.attrs["beta"]).items():
        for name, exponent in predicted.items():
            found = slopes(dataset, schedule, name)
            if not len(found):
                continue
            good = np.abs(found - exponent) <= 0.01
            since = len(good) - int(np.argmin(good[::-1])) if not good.all() else 0
            known = dataset[name].isel(setting=SCHEDULES.index(schedule)).dropna("samples").samples.values
            when = f"within 0.01 from D = {known[since]:.0e}" if since < len(good) else "not yet within 0.01"
            text = NAMES.get(name, "tuned risk above the floor")
            quantity = f"{schedule} rate: exponent of {text}, at the largest D ({when})"
            tolerance = 0.01 if since < len(good) else None
            rows.append(report_row(quantity, exponent, float(found[-1]), tolerance))
    return rows
