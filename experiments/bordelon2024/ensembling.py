"""Where the risk comes from, and whether to average models or to widen one.

Left: the parts of the risk along training, bias and variances over features and data. Right: with the same number of
features in all, E models averaged beside one model E times as wide. Averaging removes the variance over features but
not the bias, which widening lowers too, so widening wins at equal compute.
Source: Bordelon, Atanasov, Pehlevan 2024 (arXiv 2402.01092), ensembling and bagging.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, LINES, MARKERS, style
from solvable.results import make_dataset, report_row

from . import shared

PARTS = ("bias", "features", "inputs", "features_inputs")
FLOW = sv.GradientFlow(1.0)


@dataclass(frozen=True)
class Config:
    """Sizes of the run; all of it is theory (simulation agrees: tests/test_dmft_ensembles.py).

    Attributes:
        a: exponent of the target power, k^-a.
        b: exponent of the eigenvalues, k^-b.
        width: number of features of one model.
        samples: size of the data set.
        members: numbers of models averaged.
        last_step: the last time.
        tiny: a much smaller run with the same outputs.
    """

    a: float = 1.75
    b: float = 1.25
    width: int = 50
    samples: int = 5000
    members: tuple[int, ...] = (1, 2, 4, 8, 16)
    last_step: int = 100_000
    tiny: bool = False


def run(config: Config):
    """Parts of the risk (setting, step); risk of ensembles and of wider models (method, point)."""
    steps = sv.log_steps(config.last_step, 20 if config.tiny else 80)
    law = lambda width: shared.law(config.a, config.b, width, config.samples)  # noqa: E731
    parts = sv.theory.decompose_training(law(config.width), FLOW, steps)
    averaged = [parts.averaged(features=m)[-1] for m in config.members]
    wider = [shared.risk(law(m * config.width), FLOW, steps)[0][-1] for m in config.members]
    variables = {
        "parts": (("setting", "step"), [getattr(parts, name) for name in PARTS], "part of the risk"),
        "risk": (("step",), parts.risk, "risk of one model"),
        "last": (("method", "point"), [averaged, wider], "risk at the last time"),
    }
    coords = {"setting": (("setting",), list(PARTS), "part"), "step": (("step",), steps, "time of gradient flow"),
              "method": (("method",), ["averaged", "widened"], "what the features are spent on"),
              "members": (("point",), list(config.members), "features in all over the width of one model")}
    return make_dataset("bordelon2024/ensembling", config, variables, coords, width=config.width)


def plot(dataset):
    """Parts along training; averaging against widening."""
    words = {"bias": "bias", "features": "variance over features", "inputs": "variance over data",
             "features_inputs": "interaction of both"}
    with style():
        figure = Figure(figsize=(9.4, 4.2))
        left, right = figure.subplots(1, 2)
        here = dataset.isel(step=slice(1, None))
        left.plot(here.step, here.risk, color=COLORS[0], linewidth=2, label="risk")
        for index, name in enumerate(PARTS):
            left.plot(here.step, here.parts.sel(setting=name), LINES[index], color=COLORS[1 + index], label=words[name])
        left.set(xscale="log", yscale="log", xlabel="time of gradient flow", ylabel="risk and its parts",
                 ylim=(1e-4 * float(dataset.risk.min()), None))
        left.legend()
        width = int(dataset.attrs["width"])
        for index, name in enumerate(dataset.method.values):
            label = f"models of width {width}, averaged" if name == "averaged" else "one wider model"
            right.plot(width * dataset.members, dataset["last"].sel({"method": name}), LINES[index] + MARKERS[index],
                       color=COLORS[1 + index], markersize=5, label=label)
        right.axhline(float((dataset.parts.sel(setting="bias") + dataset.parts.sel(setting="inputs"))[-1]), color="0.5",
                      linestyle=":", label="infinitely many averaged")
        right.set(xscale="log", yscale="log", xlabel="features in all", ylabel="risk at the last time")
        right.set_xticks(width * dataset.members, [f"{width * m}" for m in dataset.members.values])
        right.minorticks_off()
        right.legend()
    return figure


def report(dataset) -> list[dict]:
    """Parts add up; averaging never beats widening here."""
    total = dataset.parts.sum("setting")
    gap = float(abs(total / dataset.risk - 1).max())
    ratio = dataset["last"].sel({"method": "averaged"}) / dataset["last"].sel({"method": "widened"})
    worst = float(np.minimum(ratio.values - 1, 0).min())
    return [report_row("largest relative difference of the risk and the sum of its parts", 0.0, gap, 1e-9),
            report_row("largest advantage of averaging over widening", 0.0, worst, 1e-9)]
