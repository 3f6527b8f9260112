"""Risk against time, width and samples, each the bottleneck: three different exponents.

Gradient flow on linear random features, eigenvalues k^-b, target power k^-a with a - 1 > b. Each panel lets one
resource limit the risk and gives the others in plenty; the exponents are (a - 1)/b in time, min(a - 1, 2b) in samples
and min(a - 1, b) in width. Lines are the mean-field theory, dots are gradient flow on fresh draws.
Source: Bordelon, Atanasov, Pehlevan 2024 (arXiv 2402.01092), bottleneck scalings.
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, style
from solvable.results import make_dataset, report_row

from . import shared

RESOURCES = ("time", "samples", "width")
FLOW = sv.GradientFlow(1.0)
LATE = 10**9  # steps after which a finite system has learned what it can


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        a: exponent of the target power, k^-a.
        b: exponent of the eigenvalues, k^-b.
        points: values of the resource in theory, over four decades.
        ambient: number of inputs of the simulated systems.
        sampled: widths and numbers of samples that are simulated.
        sampled_size: width and samples of the system whose time course is simulated.
        num_runs: draws of features and data at each size.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    a: float = 3.0
    b: float = 1.25
    points: int = 33
    ambient: int = 1024
    sampled: tuple[int, ...] = (12, 24, 48, 96)
    sampled_size: int = 128
    num_runs: int = 64
    tiny: bool = False
    seed: int = 0


def run(config: Config, progress=lambda *_: None):
    """Theory (phase, point); draws beside theory at the same sizes (phase, bin); phase is the resource that limits."""
    sampled, size, runs, points = (
        ((8, 16), 24, 8, 9) if config.tiny else (config.sampled, config.sampled_size, config.num_runs, config.points))
    a, b = config.a, config.b
    amounts = np.geomspace(10, 1e5, points)
    times = np.unique(np.rint(amounts).astype(np.int64))
    amounts = np.rint(amounts)
    late = np.append(times, 10**5 * LATE)  # all at the same times, so that one program serves
    theory = [np.interp(amounts, times, shared.risk(shared.law(a, b), FLOW, late)[0][:-1])]
    for done, name in enumerate(("samples", "width")):
        progress("theory", done, 2)
        theory.append([shared.risk(shared.law(a, b, **{name: n}), FLOW, late)[0][-1] for n in amounts])
    progress("theory", 2, 2)
    short = np.unique(np.geomspace(4, 400, len(sampled)).astype(np.int64))
    cells = [(sv.PowerLawRF(b / 2, (a - b) / 2, size, config.ambient, samples=size), short)]
    cells += [(sv.LinearRegression(b / 2, (a - b) / 2, config.ambient, samples=n), [LATE]) for n in sampled]
    found = []
    for done, (model, steps) in enumerate(cells):
        progress("simulation", done, len(cells))
        method = sv.Simulation(num_runs=runs)
        curve = sv.solve(model, FLOW, method, steps, key=jax.random.key(config.seed))
        expected = shared.risk(model, FLOW, np.append(short, LATE))[0]
        found.append(np.array([curve.risk, curve.stderr, expected[:-1] if done == 0 else expected[-1:]]))
    progress("simulation", len(cells), len(cells))
    widths = [_best(sv.PowerLawRF(b / 2, (a - b) / 2, n, config.ambient), runs, config.seed) for n in sampled]
    dots = np.stack([found[0], np.concatenate(found[1:], 1), np.transpose(widths)])
    dot = ("phase", "bin")
    variables = {
        "theory": (("phase", "point"), theory, "risk of the typical draw, the other resources in plenty"),
        "sampled_amount": (dot, [short, sampled, sampled], "the resource, simulated"),
        "sampled": (dot, dots[:, 0], "mean risk over draws"),
        "stderr": (dot, dots[:, 1], "standard error of sampled"),
        "expected": (dot, dots[:, 2], "risk of the typical draw of the simulated sizes"),
    }
    coords = {"phase": (("phase",), list(RESOURCES), "the resource that limits"),
              "amount": (("point",), amounts, "the resource: time, samples or width")}
    return make_dataset("bordelon2024/bottlenecks", config, variables, coords, a=a, b=b, size=size)


def _best(model, runs: int, seed: int):
    """What endless data and time reach at a width: mean over draws and its error, and the typical draw."""
    floors = [float(model.draw(key).floor) for key in jax.random.split(jax.random.key(seed), runs)]
    return np.mean(floors), np.std(floors, ddof=1) / np.sqrt(runs), float(model.floor())


def _fit(dataset, name):
    """The exponent over the last decade, beyond 10^3."""
    use = dataset.amount.values >= 1e4
    risk = dataset.theory.sel(phase=name).values[use]
    return sv.fit_power_law(dataset.amount.values[use], risk, warn=False).exponent


def plot(dataset):
    """One panel a resource."""
    with style():
        figure = Figure(figsize=(11, 4))
        predicted = shared.exponents(dataset.attrs["a"], dataset.attrs["b"])
        for axes, name in zip(figure.subplots(1, 3), RESOURCES, strict=True):
            here, exponent = dataset.sel(phase=name), predicted[name]
            axes.plot(here.amount, here.theory, color=COLORS[1], label="theory, other resources in plenty")
            guide = here.theory[-1] * (here.amount / here.amount[-1]) ** -exponent * 0.3
            axes.plot(here.amount, guide, "--", color="black", linewidth=1, label="predicted slope")
            axes.plot(here.sampled_amount, here.expected, "x", color=COLORS[0], markersize=7,
                      label="theory, the simulated sizes")
            axes.errorbar(here.sampled_amount, here.sampled, 2 * here.stderr, fmt="o", markersize=4.5, capsize=2,
                          color=COLORS[2], markerfacecolor="white", label="gradient flow on draws ± 2 s.e.")
            axes.set(xscale="log", yscale="log", xlabel=name,
                     title=f"{name}: predicted {exponent:.3g}, theory {_fit(dataset, name).value:.3f}")
        figure.axes[0].set_ylabel("risk E[(f(x) − y)²]")
        handles, labels = axes.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def report(dataset) -> list[dict]:
    """Exponents beside prediction; draws beside the theory of the same sizes."""
    rows = []
    for name, exponent in shared.exponents(dataset.attrs["a"], dataset.attrs["b"]).items():
        fit, here = _fit(dataset, name), dataset.sel(phase=name)
        rows.append(report_row(f"exponent in {name}", exponent, fit.value, 0.02, fit.stderr))
        last = here.isel(bin=-1)
        size = dataset.attrs["size"] if name == "time" else float(last.sampled_amount)
        rows.append(report_row(f"risk at {name} = {float(last.sampled_amount):.0f}", float(last.expected),
                               float(last.sampled), 4.5 * float(last.stderr) + 3 / size * float(last.expected),
                               float(last.stderr)))
    return rows
