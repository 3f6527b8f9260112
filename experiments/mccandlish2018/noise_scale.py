"""The gradient noise scale along training, the best rate against batch and horizon, and steps against examples.

Three pictures of one solvable law, b = 2 alpha, a = 2 alpha + 2 beta, p = (a - 1) / b. Left: the noise scale along
full-batch descent grows as t^1 without and as t^(1 + p) with label noise; measured by two batches along SGD runs it
is that of the theory. Middle: the best rate for 20 batches, each the best of 1000. Right: steps and examples that reach
one loss, with every rate tuned, beside the hyperbola (S / S_min - 1)(E / E_min - 1) = 1.
Source: McCandlish, Kaplan, Amodei et al. 2018 (arXiv 1812.06162), equations 2.6 to 2.11.
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, LINES, style
from solvable.results import make_dataset, report_row

MANY = 1e14  # a width that limits nothing here


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        tasks: (alpha, beta); the first is drawn.
        last: x of the last step 10^x of the noise scale.
        horizons: x of the horizons 10^x of the best rates.
        batches: batch sizes of the middle and right pictures, from 1 to 10^5.
        rates: learning rates tried for each.
        middle: steps of the middle picture.
        num_runs: SGD runs of the measured noise scale.
        nodes: contour nodes of the spectrum.
        tiny: a much smaller run with the same outputs.
        seed: of the runs.
    """

    tasks: tuple[tuple[float, float], ...] = ((0.75, 0.5), (0.75, 0.25))
    last: int = 12
    horizons: tuple[float, ...] = (4.0, 6.0, 8.0, 10.0, 12.0, 14.0)
    batches: int = 20
    rates: int = 1000
    middle: int = 100_000
    num_runs: int = 400
    nodes: int = 128
    tiny: bool = False
    seed: int = 0


TINY = dict(tasks=((0.75, 0.5),), last=4, horizons=(3.0, 3.5), batches=5, rates=24, middle=2000, num_runs=16, nodes=96)
MEASURED = np.array([0, 1, 3, 10, 30, 100, 300, 1000])
SMALL, LARGE = 8, 512


def law(alpha: float, beta: float, noise: float) -> sv.PowerLawRF:
    """So many random features that none is missed."""
    return sv.PowerLawRF(alpha, beta, MANY, np.inf, noise=noise)


def decayed(horizon):
    """SGD whose rate decays linearly from 1 to 0 at the horizon."""
    return sv.SGD(sv.schedules.linear(1.0, horizon), 1)


def exponents(alpha, beta) -> dict[str, float]:
    """Predicted exponents, of the step or of the horizon."""
    a, b = 2 * alpha + 2 * beta, 2 * alpha
    p = (a - 1) / b
    return {"quiet": 1.0, "noisy": 1 + p, "best_constant": -p / (1 + p), "best_linear": -(1 - b / a),
            "risk_linear": -(a - 1) / a}


def run(config: Config, progress=lambda *_: None):
    """Noise scales over (task, step), best rates over (task, horizon), one law over (batch) and (horizon, batch)."""
    sizes = {**vars(config), **(TINY if config.tiny else {})}
    steps = np.unique(np.geomspace(1, 10.0 ** sizes["last"], 4 * sizes["last"] + 1).astype(np.int64))
    horizons, batches = (10.0 ** np.array(sizes["horizons"])).astype(np.int64), np.geomspace(1, 1e5, sizes["batches"])
    rows = []
    for done, (alpha, beta) in enumerate(sizes["tasks"]):
        progress("tasks", done, len(sizes["tasks"]))
        descent = sv.SGD(0.5, None)
        quiet, noisy = (sv.theory.noise_scale(law(alpha, beta, noise), descent, steps) for noise in (0.0, 1.0))
        model = law(alpha, beta, 1.0)
        constant = sv.best_learning_rate(model, sv.SGD(1.0), horizons, nodes=sizes["nodes"])
        linear = sv.best_learning_rate(model, decayed, horizons, nodes=sizes["nodes"], rates=24)
        rows.append([quiet.simple, noisy.simple, noisy.noise, constant.rate, linear.rate, linear.excess])
    columns = [np.stack(column) for column in zip(*rows, strict=True)]
    model = law(*sizes["tasks"][0], 1.0)
    best = sv.best_learning_rate(model, sv.SGD(1.0), [sizes["middle"]], batch_size=batches, rates=sizes["rates"],
                                 nodes=sizes["nodes"])
    spans = np.unique(np.geomspace(1, sizes["middle"], 21).astype(np.int64))
    grid = sv.best_learning_rate(model, sv.SGD(1.0), spans, batch_size=batches, nodes=sizes["nodes"])
    along, measured = _measured(*sizes["tasks"][0], sizes["num_runs"], config.seed)
    names = ("quiet", "noisy", "noisy_noise", "best_constant", "best_linear", "risk_linear")
    texts = ("B_simple without label noise", "B_simple with label noise", "B_noise with label noise",
             "best constant rate", "best peak of linear decay", "tuned risk above the floor, linear decay")
    dims = [("point", "step")] * 3 + [("point", "bin")] * 3
    variables = {name: (dim, column, text) for name, dim, column, text in zip(names, dims, columns, texts, strict=True)}
    variables |= {"best_rate": (("batch_size",), best.rate[0], "best learning rate"),
                  "tuned": (("record", "batch_size"), grid.excess, "tuned risk above the floor"),
                  "along": (("run",), along.simple, "B_simple along SGD, theory"),
                  "along_gradient": (("run",), along.gradient, "|G|^2 along SGD, theory"),
                  "seen": (("run",), measured.simple, "B_simple along SGD, two batches"),
                  "seen_low": (("run",), measured.low, "lower end of its interval"),
                  "seen_high": (("run",), measured.high, "upper end of its interval"),
                  "gradient": (("run",), measured.gradient, "|G|^2 along SGD, two batches"),
                  "gradient_stderr": (("run",), measured.gradient_stderr, "its standard error")}
    tasks = np.array(sizes["tasks"])
    coords = {"alpha": (("point",), tasks[:, 0], "inputs"),
              "beta": (("point",), tasks[:, 1], "target"), "step": (("step",), steps, "step"),
              "horizon": (("bin",), horizons, "horizon, steps"), "batch": (("batch_size",), batches, "batch size"),
              "span": (("record",), spans, "steps"), "recorded": (("run",), MEASURED, "step, measured")}
    return make_dataset("mccandlish2018/noise_scale", config, variables, coords, middle=sizes["middle"])


def _measured(alpha: float, beta: float, runs: int, seed: int):
    """The noise scale along SGD on a small problem, by theory and by two batches."""
    problem = sv.LinearRegression(alpha, beta, 64, noise=0.5).draw(jax.random.key(seed))
    sgd = sv.SGD(0.2, 16)
    theory = sv.theory.noise_scale(problem, sgd, MEASURED)
    return theory, sv.simulation.measure_noise_scale(problem, sgd, MEASURED, small=SMALL, large=LARGE, num_runs=runs,
                                                     key=jax.random.key(seed))


def to_target(dataset) -> tuple[np.ndarray, np.ndarray, float]:
    """(steps, examples) that reach one loss at every batch, the geometric mean of what the batches reach; that loss."""
    tuned = np.log(dataset.tuned.values)
    target = (tuned[-1].max() + tuned[len(tuned) // 3].min()) / 2
    spans, steps = np.log(dataset.span.values), []
    for column in tuned.T:
        falling = np.minimum.accumulate(column)
        steps.append(np.exp(np.interp(-target, -falling, spans)) if falling[-1] <= target else np.nan)
    steps = np.array(steps)
    return steps, steps * dataset.batch.values, float(np.exp(target))


def plot(dataset):
    """Noise scale, best rate, steps against examples."""
    with style():
        figure = Figure(figsize=(12.6, 4.6))
        left, middle, right = figure.subplots(1, 3)
        _along(left, dataset)
        middle.plot(dataset.batch, dataset.best_rate, "-o", color=COLORS[1], markersize=4, markerfacecolor="white",
                    label=f"best of all rates, {dataset.attrs['middle']} steps")
        middle.plot(dataset.batch, dataset.best_rate[0] * dataset.batch, ":", color=COLORS[0], label="∝ batch")
        middle.set(xscale="log", yscale="log", xlabel="batch size (examples)", ylabel="best constant learning rate",
                   ylim=(None, 3 * float(dataset.best_rate.max())))
        steps, examples, target = to_target(dataset)
        least_steps, least_examples = np.nanmin(steps), np.nanmin(examples)
        curve = np.geomspace(1.003, 300, 200)
        right.plot(steps, examples, "o", color=COLORS[2], markerfacecolor="white", label="tuned, one point a batch")
        right.plot(least_steps * curve, least_examples * (1 + 1 / (curve - 1)), "-", color=COLORS[0],
                   label="(S/S_min − 1)(E/E_min − 1) = 1")
        right.set(xscale="log", yscale="log", xlabel="steps S to the loss", ylabel="examples E to the loss",
                  title=f"risk {target:.1e} above the floor", xlim=(0.7 * least_steps, 3 * np.nanmax(steps)),
                  ylim=(0.7 * least_examples, 3 * np.nanmax(examples)))
        for axes in (left, middle, right):
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), fontsize=8)
        predicted = exponents(float(dataset.alpha[0]), float(dataset.beta[0]))
        figure.suptitle(f"With label noise the noise scale grows as t^{slopes(dataset, 'noisy')[0, -1]:.3f} "
                        f"(predicted {predicted['noisy']:.3f}), without as t^{slopes(dataset, 'quiet')[0, -1]:.3f}")
    return figure


def _along(axes, dataset):
    for i, (name, text) in enumerate((("quiet", "B_simple, no label noise"), ("noisy", "B_simple, label noise 1"),
                                      ("noisy_noise", "B_noise, label noise 1"))):
        axes.plot(dataset.step, dataset[name][0], LINES[i], color=COLORS[1 + i], label=f"{text}, full batch")
    here = dataset.isel(run=slice(1, None))
    axes.plot(here.recorded, here.along, "-", color=COLORS[0], linewidth=1, label="along SGD, batch 16: theory")
    high = np.minimum(here.seen_high, 10 * here.seen)
    axes.errorbar(here.recorded, here.seen, np.stack([here.seen - here.seen_low, high - here.seen]), fmt="o",
                  color=COLORS[0], markersize=3, label="the same, by two batches (95%)")
    axes.set(xscale="log", yscale="log", xlabel="step t", ylabel="noise scale (examples)")


def slopes(dataset, name: str) -> np.ndarray:
    """Local exponents, shape (task, places - 1)."""
    return np.diff(np.log(dataset[name].values)) / np.diff(np.log(places(dataset, name)))


def places(dataset, name: str) -> np.ndarray:
    """Steps or horizons of a variable."""
    return dataset.step.values if "step" in dataset[name].dims else dataset.horizon.values


TEXTS = {"quiet": "B_simple along noiseless gradient descent", "noisy": "the same with label noise",
         "best_constant": "best constant rate against horizon, label noise", "best_linear": "best rate, linear decay",
         "risk_linear": "tuned risk, linear decay"}


def report(dataset) -> list[dict]:
    """The table of exponents, each at its largest horizon, with the interval over the last three local exponents."""
    rows, tiny = [], '"tiny": true' in dataset.attrs["config"]
    for i, (alpha, beta) in enumerate(zip(dataset.alpha.values, dataset.beta.values, strict=True)):
        for name, exponent in exponents(alpha, beta).items():
            found, ends = slopes(dataset, name)[i], places(dataset, name)[1:]
            good = np.abs(found - exponent) <= 0.01
            since = len(good) - int(np.argmin(good[::-1])) if not good.all() else 0
            when = f"within 0.01 from {ends[since]:.0e} on" if since < len(good) else "not yet within 0.01"
            late = found[-3:]
            text = f"{TEXTS[name]}, alpha {alpha:g}, beta {beta:g} ({late.min():.4f} to {late.max():.4f} late; {when})"
            rows.append(report_row(text, exponent, float(found[-1]), None if tiny else 0.01))
    off = (dataset.gradient - dataset.along_gradient) / dataset.along_gradient
    for t, value, error in zip(dataset.recorded.values[:4], off.values, (dataset.gradient_stderr
                               / dataset.along_gradient).values, strict=False):
        rows.append(report_row(f"|G|^2 by two batches over theory, step {t}", 0.0, float(value), 0.15, float(error)))
    steps, examples, _ = to_target(dataset)
    product = (steps / np.nanmin(steps) - 1) * (examples / np.nanmin(examples) - 1)
    inside = np.isfinite(product) & (examples > 1.1 * np.nanmin(examples)) & (steps > 1.1 * np.nanmin(steps))
    if inside.any():
        worst = float(product[inside][np.argmax(np.abs(np.log(product[inside])))])
        rows.append(report_row("(S/S_min - 1)(E/E_min - 1), farthest from 1", 1.0, worst, None))
    return rows
