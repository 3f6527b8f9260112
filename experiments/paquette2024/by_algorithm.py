"""The phase diagram of another algorithm than SGD at a constant rate: `solvable phase-diagram --algorithm NAME`.

Measured as for SGD (`phase_diagram`): eta and xi of the exact frontier over the plane; and, at one point a phase, runs
of the optimizer over the exact mean of their own draw, which is 1 at every width and compute. Averages and schedules
are stretched to the horizon of every run, so there each recorded step is the end of a run of its own.
"""

import functools
from typing import Literal

import jax
import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, plot_phase_map, style
from solvable.results import make_dataset, report_row

from . import own_draw, rules

Name = Literal[
    "sgd", "heavy_ball", "nesterov", "dana", "schedule_free", "inverse_sqrt", "ema", "tail_average", "cosine", "linear",
    "wsd",
]  # fmt: skip
RATIO = 4  # ambient coordinates per feature
COARSER = 3  # fewer points along each axis than SGD's map: here every point is a search over runs
SAME = ("heavy_ball", "nesterov")  # constant settings: SGD's exponents at another rate
FARTHEST = {"dana": 1e9}  # compute: later its modes oscillate for so long that typical draws are refused
TOLERANCE = 0.015  # of their exponents
PER_OCTAVE, PER_OCTAVE_PLANNED = 3, 0.5  # recorded steps


def run(config, points: dict, progress):
    """The dataset: maps, exponents at one point a phase, and the three numbers of `own_draw` there."""
    rule = rules.rule(config.algorithm, config.learning_rate)
    compute = min(config.compute, FARTHEST.get(config.algorithm, np.inf))
    size = max(config.points // COARSER, 2)
    alpha, beta = np.linspace(*config.alpha, size), np.linspace(*config.beta, size)
    a, b = (x.ravel() for x in np.meshgrid(alpha, beta, indexing="ij"))
    marked = np.array(list(points.values())).T
    every = np.concatenate([np.stack([a, b]), marked], 1)
    found = sv.frontier_map(
        sv.PowerLawRF(), rule, compute, alpha=every[0], beta=every[1], ratio=RATIO, nodes=config.nodes, stages=2,
        tune_rate=config.tune_rate, progress=lambda done, total: progress("theory", done, total),
    )  # fmt: skip
    sgd = sv.frontier_map(
        sv.PowerLawRF(), rules.rule("sgd", config.learning_rate), compute, alpha=every[0], beta=every[1],
        ratio=RATIO, nodes=config.nodes, stages=2,
    )  # fmt: skip
    eta, xi = (np.where(found.interior, x, np.nan) for x in (found.loss_exponent, found.width_exponent))
    plane, one = ("alpha", "beta"), ("phase",)
    columns = {"loss_exponent": (eta, "loss exponent eta"), "width_exponent": (xi, "width exponent xi"),
               "gain": (eta - sgd.loss_exponent, "eta beyond that of SGD at a constant rate and the same compute"),
               "rate_factor": (found.rate_factor, "factor of the learning rate")}  # fmt: skip
    variables = {}
    for name, (values, text) in columns.items():
        variables[name] = plane, values[: a.size].reshape(size, size), text
        variables[f"point_{name}"] = one, values[a.size :], f"{text}, at the point of a phase"
    for name, values in zip(("alpha", "beta"), marked, strict=True):
        variables[f"point_{name}"] = one, values, f"{name} of the point"
    variables |= own_draw.variables("phase", _agreements(config, points, rule, progress))
    coords = {"alpha": (("alpha",), alpha, "exponent of the inputs"),
              "beta": (("beta",), beta, "exponent of the target"),
              "phase": (one, list(points), "phase of SGD")}  # fmt: skip
    return make_dataset(
        "paquette2024/phase_diagram", config, variables, coords, compute=compute, algorithm=config.algorithm
    )


def _agreements(config, points: dict, rule, progress) -> list[own_draw.Agreement]:
    """Runs over the exact means of their own draws, at one point a phase."""
    planned, found = isinstance(rule, rules.Planned), []
    steps = own_draw.steps_in(config.window, config.widths, PER_OCTAVE_PLANNED if planned else PER_OCTAVE)
    for index, (alpha, beta) in enumerate(points.values()):
        progress("simulation", index, len(points))
        model, key = sv.PowerLawRF(alpha, beta, 8, 8 * RATIO), jax.random.fold_in(jax.random.key(config.seed), index)
        family = train(model, rule, config.widths, steps, config.draws, config.runs, key)
        found.append(own_draw.agreement(family, family))
    progress("simulation", len(points), len(points))
    return found


def train(model, rule, widths, steps, draws: int, runs: int, key) -> own_draw.Family:
    """As `own_draw.train`, of any rule: planned runs end at the step that is recorded."""
    planned, risk, exact = isinstance(rule, rules.Planned), [], []
    for width, recorded in zip(widths, steps, strict=True):
        here, at_width = model.at_width(int(width)), jax.random.fold_in(key, int(width))
        problems = [here.draw(k) for k in jax.random.split(at_width, draws)]
        arrays = [np.stack([np.asarray(getattr(p, name)) for p in problems]) for name in ("eigvals", "target", "floor")]
        parts = [recorded[i : i + 1] for i in range(len(recorded))] if planned else [recorded]
        pairs = []
        for part in parts:
            algorithm = rule(here, int(part[-1])) if planned else rule(here)
            keys = jax.random.split(jax.random.fold_in(at_width, int(part[-1])), draws)
            pairs.append(_solved(tuple(part.tolist()), runs)(arrays, algorithm, keys))
        for kept, parts in zip((risk, exact), zip(*pairs, strict=True), strict=True):
            kept.append(np.concatenate([np.asarray(x, np.float64) for x in parts], -1))
    return own_draw.Family(np.asarray(widths), np.asarray(steps), np.stack(risk), np.stack(exact))


@functools.lru_cache(maxsize=256)
def _solved(steps: tuple[int, ...], runs: int):
    """(runs of every draw, exact means) at ``steps``: one program a width, shared by all laws of the plane."""
    records = np.asarray(steps)

    def both(arrays, algorithm, keys):
        def sgd(given):
            problem, key = sv.LinearProblem(*given[0]), given[1]
            return sv.solve(problem, algorithm, sv.Simulation(num_runs=runs), records, key=key).stats["runs"]

        def exact(problem):
            return sv.solve(sv.LinearProblem(*problem), algorithm, sv.Recursion(), records).risk

        return jax.lax.map(sgd, (arrays, keys)), jax.vmap(exact)(arrays)

    compiled = jax.jit(both)
    return lambda arrays, algorithm, keys: compiled([x.astype(np.float32) for x in arrays], _single(algorithm), keys)


def _single(algorithm):
    """Settings of an algorithm as float32 arrays, so that laws share one program."""
    return jax.tree.map(lambda x: np.asarray(x, np.float32), algorithm)


def plot(dataset) -> Figure:
    """eta, and what it gains over SGD, as maps; both at one point a phase; and the runs over their theory."""
    name, gain = dataset.attrs["algorithm"].replace("_", " "), dataset["point_gain"]
    best = int(np.nanargmax(np.abs(gain)))
    with style():
        figure = Figure(figsize=(11.5, 7.4))
        upper, lower = figure.subfigures(2, 1, height_ratios=(1.4, 1))
        left, right = upper.subplots(1, 2)
        mesh = plot_phase_map(dataset["loss_exponent"], left, cmap="viridis", vmin=0, vmax=0.8)
        upper.colorbar(mesh, ax=left, extend="both", label="measured by theory")
        left.set_title(r"loss exponent $\eta$:  risk $\sim$ compute$^{-\eta}$")
        mesh = plot_phase_map(dataset["gain"], right, cmap="PuOr", vmin=-0.2, vmax=0.2)
        upper.colorbar(mesh, ax=right, extend="both", label=r"$\eta$ − $\eta$ of SGD")
        right.set_title(r"what $\eta$ gains over SGD at a constant rate and the same compute")
        for ax in (left, right):
            ax.scatter(dataset["point_alpha"], dataset["point_beta"], s=26, c="white", edgecolors="black", zorder=5)
        upper.suptitle(
            f"{name}: at compute {dataset.attrs['compute']:.0e} the loss exponent differs from SGD's most in phase "
            f"{dataset['phase'].values[best]}, by {float(gain[best]):+.3f}"
        )
        _plot_points(lower, dataset, name)
    return figure


def _plot_points(figure, dataset, name: str) -> None:
    left, right = figure.subplots(1, 2)
    x = np.arange(dataset.sizes["phase"])
    law = sv.phase(dataset["point_alpha"].values, dataset["point_beta"].values)
    left.hlines(law.loss_exponent, x - 0.4, x + 0.4, color="black", linewidth=1.2, label="SGD, asymptote")
    left.plot(x, dataset["point_loss_exponent"], "D", color=COLORS[1], label=f"{name}, theory")
    left.set_ylabel(r"loss exponent $\eta$")
    left.legend(loc="best", fontsize=8)
    right.axhspan(-own_draw.TOLERANCE, own_draw.TOLERANCE, color="0.9", zorder=0)
    right.axhline(0, color="black", linewidth=0.8)
    labels = ("mean − 1", "slope in compute", "slope in width")
    for index, (column, label, marker) in enumerate(zip(own_draw.COLUMNS, labels, "osD", strict=True)):
        value = dataset[column] - own_draw.EXPECTED[index]
        right.errorbar(x + 0.2 * (index - 1), value, 2 * dataset[f"{column}_stderr"], fmt=marker, markersize=4,
                       color=COLORS[1 + index], capsize=2, label=label)  # fmt: skip
    right.set_ylabel("runs / exact mean of their draw")
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower right", ncols=3)
    for ax in (left, right):
        ax.set_xticks(x, dataset["phase"].values)
        ax.set_xlabel("phase of SGD, at the point marked in the maps")


def report(dataset) -> list[dict]:
    """Exponents beside SGD's (a test where they are the same), and runs over the theory of their own draws."""
    rows, name = [], dataset.attrs["algorithm"]
    for phase in dataset["phase"].values:
        here = dataset.sel(phase=phase)
        sgd = sv.phase(float(here["point_alpha"]), float(here["point_beta"]))
        for symbol, column, asymptote in (("eta", "point_loss_exponent", sgd.loss_exponent),
                                          ("xi", "point_width_exponent", sgd.width_exponent)):  # fmt: skip
            text = f"{phase}: {symbol} of {name}, beside the asymptote of SGD"
            text, tolerance = (text, TOLERANCE) if name in SAME else (f"{text} (seen, no test)", None)
            rows.append(report_row(text, asymptote, float(here[column]), tolerance))
        rows += own_draw.rows(f"{phase}, {name}", own_draw.stored(here))
    return rows
