"""The compute-optimal allocation between width and time is asymmetric.

With compute = width * time and a hard target (a - 1 < b) the least risk falls as compute^{-(a-1)/(1+b)}; time grows
faster than the width, as compute^{b/(1+b)} and compute^{1/(1+b)}. All of it is mean-field theory on a fresh stream.
Source: Bordelon, Atanasov, Pehlevan 2024 (arXiv 2402.01092), compute-optimal scaling.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, style
from solvable.results import make_dataset, report_row

from . import shared

FLOW = sv.GradientFlow(1.0)


@dataclass(frozen=True)
class Config:
    """Sizes of the run; all of it is theory.

    Attributes:
        a: exponent of the target power, k^-a.
        b: exponent of the eigenvalues, k^-b.
        compute: smallest and largest width * time.
        widths: widths tried, evenly spaced in the logarithm.
        points: values of compute.
        tiny: a much smaller run with the same outputs.
    """

    a: float = 1.5
    b: float = 1.25
    compute: tuple[float, float] = (1e6, 1e14)
    widths: int = 97
    points: int = 33
    tiny: bool = False


def run(config: Config, progress=lambda *_: None):
    """Risk over (width, compute), and the least risk and its width over compute."""
    count, points = (25, 9) if config.tiny else (config.widths, config.points)
    compute = np.geomspace(*config.compute, points)
    widths = np.geomspace(8, config.compute[1] ** 0.6, count)
    risk = []
    for done, width in enumerate(widths):
        progress("widths", done, count)
        steps = np.rint(compute / width).astype(np.int64)
        valid = steps >= 1
        use = np.unique(np.maximum(steps, 1))
        curve = shared.risk(shared.law(config.a, config.b, width, None), FLOW, use)[0]
        risk.append(np.where(valid, curve[np.searchsorted(use, np.maximum(steps, 1))], np.nan))
    progress("widths", count, count)
    risk = np.array(risk)
    best = np.array([_least(np.log(widths), np.log(column)) for column in risk.T])
    variables = {"risk": (("width", "compute"), risk, "risk of the typical draw"),
                 "least": (("compute",), np.exp(best[:, 1]), "least risk"),
                 "best_width": (("compute",), np.exp(best[:, 0]), "width that attains it")}
    coords = {"width": (("width",), widths, "number of features"),
              "compute": (("compute",), compute, "width * time")}
    return make_dataset("bordelon2024/compute_optimal", config, variables, coords, a=config.a, b=config.b)


def _least(x, y):
    """Minimum of the parabola through the least value and its neighbours."""
    i = int(np.clip(np.nanargmin(y), 1, len(y) - 2))
    c2, c1, c0 = np.polyfit(x[i - 1:i + 2] - x[i], y[i - 1:i + 2], 2)
    shift = -c1 / (2 * c2)
    return x[i] + shift, c0 + c1 * shift / 2


def _slopes(dataset):
    """Exponents of least risk, width and time over the last two decades."""
    use = dataset["compute"].values >= dataset["compute"].values[-1] / 100
    f = dataset["compute"].values[use]
    curves = (dataset[name].values[use] for name in ("least", "best_width"))
    risk, width = (sv.fit_power_law(f, curve, warn=False).exponent for curve in curves)
    return risk, width


def _predicted(dataset):
    a, b = dataset.attrs["a"], dataset.attrs["b"]
    return (a - 1) / (1 + b), 1 / (1 + b)


def plot(dataset):
    """The least risk under curves of constant width; the allocation."""
    eta, xi = _predicted(dataset)
    with style():
        figure = Figure(figsize=(9.4, 4.2))
        left, right = figure.subplots(1, 2)
        for index in range(0, dataset.width.size, max(1, dataset.width.size // 12)):
            shade = str(0.85 - 0.6 * index / dataset.width.size)
            left.plot(dataset["compute"], dataset.risk.isel(width=index), color=shade, linewidth=0.9,
                      label="one width a line (widest darkest)" if index == 0 else None)
        left.plot(dataset["compute"], dataset.least, color=COLORS[1], linewidth=2, label="least risk")
        guide = dataset.least[-1] * (dataset["compute"] / dataset["compute"][-1]) ** -eta * 0.7
        left.plot(dataset["compute"], guide, "--", color="black", label=rf"slope $-(a-1)/(1+b) = -{eta:.3f}$")
        left.set(xscale="log", yscale="log", xlabel="compute = width × time", ylabel="risk",
                 ylim=(0.5 * float(dataset.least.min()), 2 * float(dataset.least.max())))
        left.legend()
        time = dataset["compute"] / dataset.best_width
        for values, name, slope, color, line in ((time, "time", 1 - xi, COLORS[2], "-"),
                                                 (dataset.best_width, "width", xi, COLORS[1], "-.")):
            right.plot(dataset["compute"], values, line, color=color, linewidth=1.8, label=f"best {name}")
            guide = 0.4 * values[-1] * (dataset["compute"] / dataset["compute"][-1]) ** slope
            right.plot(dataset["compute"], guide, "--", color=color, linewidth=1, label=f"slope {slope:.3f}")
        right.set(xscale="log", yscale="log", xlabel="compute = width × time", ylabel="best width and time")
        right.legend()
    return figure


def report(dataset) -> list[dict]:
    """Exponents of risk, width and time in compute."""
    eta, xi = _predicted(dataset)
    risk, width = _slopes(dataset)
    return [report_row("exponent of the least risk", eta, risk.value, 0.01, risk.stderr),
            report_row("exponent of the best width", xi, -width.value, 0.02, width.stderr),
            report_row("exponent of the best time", 1 - xi, 1 + width.value, 0.02, width.stderr)]
