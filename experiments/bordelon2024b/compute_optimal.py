"""What richness buys at fixed compute: the frontier of two-layer linear networks behind random features.

Behind random features of width N a two-layer linear network with many hidden units is trained by gradient flow for a
time t; compute is N t. With eigenvalues k^-a the floor of width N falls as N^-(a B), and the predicted best risk as

    lazy, B < 1:            compute^-(a B / (1 + a)),
    rich, B < 1:            compute^-(2 a B / (a (1 + B) + 2)),
    1 < B < 2 - 1 / a:      compute^-(a B / (1 + a B)),
    2 - 1 / a < B:          compute^-(1 - 1 / (2 a)).

The last one comes from the noise of batches, and the flow has none: it keeps the exponent of the row before. So three
rows hold, and the fourth does not.

Source: Bordelon, Atanasov, Pehlevan 2024 (arXiv 2409.17858); phases II and III of arXiv 2405.15074.
"""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, LINES, style
from solvable.results import make_dataset, report_row

ALPHA = 1.25
A = 2 * ALPHA
# name -> (beta, richness, smallest compute)
ROWS = {
    "lazy, B = 0.4": (-0.25, 0.0, 1e8), "rich, B = 0.4": (-0.25, 1.0, 1e8), "lazy, B = 0.8": (0.25, 0.0, 1e8),
    "rich, B = 0.8": (0.25, 1.0, 1e8), "lazy, B = 1.2": (0.75, 0.0, 1e8), "rich, B = 1.2": (0.75, 1.0, 1e8),
    "lazy, B = 1.8": (1.5, 0.0, 1e6), "rich, B = 1.8": (1.5, 1.0, 1e6),
}  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Sizes of the run; all of it is theory.

    Attributes:
        widths: smallest and largest number of features.
        points: widths tried.
        decades: of compute, from the smallest one of each row on.
        tiny: a much smaller run with the same outputs.
    """

    widths: tuple[float, float] = (10.0, 1e6)
    points: int = 41
    decades: float = 3.0
    tiny: bool = False


def source(beta: float) -> float:
    """B, the source exponent."""
    return (A + 2 * beta - 1) / A


def predicted(beta: float, gamma: float) -> float:
    """The table's exponent."""
    b = source(beta)
    if b < 1:
        return A * b / (1 + A) if gamma == 0 else 2 * A * b / (A * (1 + b) + 2)
    return A * b / (1 + A * b) if b < 2 - 1 / A else 1 - 1 / (2 * A)


def run(config: Config, progress=lambda *_: None):
    """Best risk and width: (setting, compute)."""
    names = list(ROWS)[:2] if config.tiny else list(ROWS)
    widths = np.geomspace(*config.widths, 9 if config.tiny else config.points).round()
    scaled = np.geomspace(1.0, 10**config.decades, 13)
    risk, width = np.zeros((2, len(names), len(scaled)))
    for i, name in enumerate(names):
        beta, gamma, first = ROWS[name]
        compute, risks = first * scaled, []
        for j, features in enumerate(widths):
            progress("widths", i * len(widths) + j, len(names) * len(widths))
            model = sv.TwoLayerLinear(sv.PowerLawRF(ALPHA, beta, features, np.inf), gamma)
            steps = np.maximum(compute / features, 1).round().astype(np.int64)
            unique, places = np.unique(steps, return_inverse=True)
            more = unique[-1] + 1 + np.arange(len(steps) - len(unique))  # so that one program serves all
            risks.append(np.asarray(sv.solve(model, sv.GradientFlow(1.0), sv.Flow(), [*unique, *more]).risk)[places])
        risk[i], width[i] = lowest(np.log(widths), np.log(risks))
    progress("widths", len(names) * len(widths), len(names) * len(widths))
    coords = {"setting": (("setting",), names, "richness and source exponent B"),
              "compute": (("compute",), scaled, "compute over the smallest of the row")}
    variables = {"risk": (("setting", "compute"), risk, "lowest risk at this compute"),
                 "width": (("setting", "compute"), width, "width of the lowest risk")}
    return make_dataset("bordelon2024b/compute_optimal", config, variables, coords)


def lowest(x, y):
    """Minima over widths by a parabola through the three lowest points: (risk, width) at each compute."""
    found = []
    for column in y.T:
        k = min(max(int(column.argmin()), 1), len(x) - 2)
        p = np.polyfit(x[k - 1 : k + 2], column[k - 1 : k + 2], 2)
        place = -p[1] / (2 * p[0])
        found.append((np.exp(np.polyval(p, place)), np.exp(place)))
    return np.array(found).T


def exponent(dataset, name: str) -> float:
    """Measured exponent of the best risk over all compute of a row."""
    return float(-np.polyfit(np.log(dataset["compute"].values), np.log(dataset.risk.sel(setting=name).values), 1)[0])


def plot(dataset):
    """Left: frontiers. Right: exponents against the source exponent, and the table."""
    with style():
        figure = Figure(figsize=(10.5, 4.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        for i, name in enumerate(dataset.setting.values):
            beta, gamma, first = ROWS[str(name)]
            here = dataset.sel(setting=name)
            look = {"color": COLORS[i // 2 % 7], "linestyle": LINES[0 if gamma else 1]}
            left.plot(first * here["compute"], here.risk, label=str(name), **look)
            label = {0: "lazy, measured", 1: "rich, measured"}.get(i)
            right.plot(source(beta), exponent(dataset, str(name)), "o" if gamma else "s", ms=8,
                       fillstyle="full" if gamma else "none", color=COLORS[0 if gamma else 1], label=label)
        sources = np.linspace(0.1, 2.0, 191)
        betas = (A * sources + 1 - A) / 2
        for gamma, text in ((0.0, "table, lazy"), (1.0, "table, rich")):
            values = np.array([predicted(b, gamma) for b in betas])
            right.plot(sources, values, color=COLORS[int(gamma == 0)], linestyle=LINES[0 if gamma else 1], label=text)
        last = sources[sources > 2 - 1 / A]
        right.plot(last, A * last / (1 + A * last), ":", color="0.3", label="without batch noise")
        left.set(xscale="log", yscale="log", xlabel="compute = width × time", ylabel="lowest risk (mean squared error)")
        left.legend(fontsize=7.5, loc="upper left")
        right.set(xlabel="source exponent B", ylabel="exponent of the lowest risk in compute")
        right.legend(fontsize=7.5, loc="lower right")
        lazy, rich = (exponent(dataset, str(name)) for name in dataset.setting.values[:2])
        figure.suptitle("Features that learn scale better with compute only where the target is hard (B < 1)\n"
                        f"(B = 0.4: compute$^{{-{rich:.3f}}}$ rich, compute$^{{-{lazy:.3f}}}$ lazy)", fontsize=10)
    return figure


def report(dataset) -> list[dict]:
    """Every row of the table; the last one beside what the flow does instead."""
    rows = []
    for name in map(str, dataset.setting.values):
        beta, gamma, _ = ROWS[name]
        found, b = exponent(dataset, name), source(beta)
        if b < 2 - 1 / A:
            rows.append(report_row(f"{name}: exponent in compute", predicted(beta, gamma), found, 0.01))
            continue
        rows.append(report_row(f"{name}: exponent in compute, no batch noise", A * b / (1 + A * b), found, 0.008))
        rows.append(report_row(f"{name}: the table's row, which has batch noise", predicted(beta, gamma), found, None))
    return rows
