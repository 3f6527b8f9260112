"""Which fit of a scaling law to trust, how far, and what its 95% interval covers: judged by exact exponents.

Runs of the random-feature law in four phases: exact risks times the noise of SGD (`shared`). Each contestant fits each
of many replicas. The truth is the exact frontier of the theory: the local exponent of the best width, the local
exponent of the loss and the least loss, in the middle of the runs and at 10, 100 and 1000 times their largest compute.

A function of yours enters with one line before the run:

    shared.CONTESTANTS["mine"] = lambda data: {"exponent": 0.5, "low": 0.4, "high": 0.6, "predict": None}

``data`` holds arrays N, D, C = 6 N D, L and run; ``exponent`` is that of the best N in compute, with the ends of its
95% interval; ``predict(compute)`` gives (value, low, high) of the least loss at N D = compute, or is None.
Source: Hoffmann et al. 2022 (arXiv 2203.15556); Paquette, Paquette, Xiao, Pennington 2024 (arXiv 2405.15074).
"""

import functools
import time
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, style
from solvable.results import make_dataset, report_row

from . import shared

BEYOND = (10.0, 100.0, 1000.0)
PLACES = ("middle", "10x", "100x", "1000x")
STEP = 1.1  # ratio of the computes between which the local exponent of a predicted loss is read
LEVEL = 0.95


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        phases: of the random-feature law; "control" is a world where Chinchilla's law is exact.
        replicas: data sets a cell.
        control: data sets of the control by which one method is judged.
        draws: draws of the features whose runs, four each, are the noise.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    phases: tuple[str, ...] = ("Ia", "II", "III", "IVa", "control")
    replicas: int = 200
    control: int = 400
    draws: int = 32
    tiny: bool = False
    seed: int = 0


TINY = dict(phases=("control",), replicas=2, control=20)
TINY_METHODS = ("squares, Hessian", "envelope")
COLUMNS = ("exponent", "low", "high", *(f"{part}_{place}" for part in ("risk", "risk_low", "risk_high", "eta")
                                          for place in PLACES))  # fmt: skip


def run(config: Config, progress=lambda *_: None):
    """Every answer (phase, setting, method, run), the truth (phase, setting, bin), and the control's coverage."""
    sizes = {**vars(config), **(TINY if config.tiny else {})}
    names = [n for n in shared.CONTESTANTS if not config.tiny or n in TINY_METHODS or n not in BUILT_IN]
    conditions = {k: v for k, v in shared.CONDITIONS.items() if not config.tiny or k == "64 seeds"}
    truth = [truths(tuple(sizes["phases"]), how.noise, how.first) for how in conditions.values()]
    truth = np.stack(truth, 1)
    answers = np.full((len(sizes["phases"]), len(conditions), len(names), sizes["replicas"], len(COLUMNS)), np.nan)
    seconds = np.zeros(len(names))
    for i, phase in enumerate(sizes["phases"]):
        worlds = {noise: shared.world(phase, noise, sizes["draws"], config.seed)
                  for noise in {how.noise for how in conditions.values()}}
        for j, how in enumerate(conditions.values()):
            progress("cells", i * len(conditions) + j, len(sizes["phases"]) * len(conditions))
            rng = np.random.default_rng((config.seed, i, j))
            for r in range(sizes["replicas"]):
                data = shared.replica(rng, worlds[how.noise], how)
                for k, name in enumerate(names):
                    began = time.process_time()
                    answers[i, j, k, r] = ask(shared.CONTESTANTS[name], data, places(how.first))
                    seconds[k] += time.process_time() - began
    cells = ("phase", "setting", "method")
    raw = (*cells, "run")
    variables: dict = {name: (raw, answers[..., c], f"{name} as answered") for c, name in enumerate(COLUMNS)}
    for c, name in enumerate(("true_xi", "true_eta", "true_risk")):
        variables[name] = ((*cells[:2], "bin"), truth[..., c], f"{name[5:]} of the exact frontier")
    variables["seconds"] = (("method",), seconds / answers[:, :, 0, :, 0].size, "CPU seconds a fit, with compilation")
    variables["control"] = ((), control(sizes["control"], config.seed), "coverage, least squares, Chinchilla's law")
    coords = {"phase": (("phase",), list(sizes["phases"]), "phase"), "bin": (("bin",), list(PLACES), "compute"),
              "setting": (("setting",), list(conditions), "condition"), "method": (("method",), names, "contestant")}
    return make_dataset("referee/exponents", config, variables, coords, num_control=sizes["control"])


BUILT_IN = dict(shared.CONTESTANTS)


def places(first: int) -> np.ndarray:
    """The middle of the runs, and beyond their largest compute."""
    low, high = shared.WINDOW[0] * 2 ** (first / 3), shared.WINDOW[1]
    return np.array([np.sqrt(low * high), *(high * ratio for ratio in BEYOND)])


@functools.cache
def truths(phases: tuple[str, ...], noise: float, first: int) -> np.ndarray:
    """Local width exponent, local loss exponent and least risk of the exact frontier; (phases, places, 3)."""
    compute, found = places(first), np.empty((len(phases), len(PLACES), 3))
    drawn = [name for name in phases if name != "control"]
    if drawn:
        alpha, beta = np.array([shared.paper.POINTS[name] for name in drawn]).T
        exact = sv.frontier_map(shared.law(drawn[0], noise), shared.paper.sgd_rule, compute, alpha=alpha, beta=beta,
                                ratio=shared.paper.ratio(alpha), nodes=shared.paper.NODES)  # fmt: skip
        stacked = np.stack([exact.width_exponent, exact.loss_exponent, exact.risk], -1)
        found[[name != "control" for name in phases]] = stacked
    if "control" in phases:
        least = lambda ratio: shared.frontier(shared.CONTROL, compute * ratio)[1]  # noqa: E731
        found[phases.index("control")] = np.stack([np.full(len(PLACES), SHARE), slope(least), least(1.0)], -1)
    return found


SHARE = shared.CONTROL["beta"] / (shared.CONTROL["alpha"] + shared.CONTROL["beta"])


def slope(least) -> np.ndarray:
    """The local exponent of a loss, read between computes a ratio `STEP` either way."""
    return np.log(least(1 / STEP) / least(STEP)) / (2 * np.log(STEP))


def ask(contestant, data, compute) -> np.ndarray:
    """One answer as a row of `COLUMNS`; NaN where the contestant has none or gives up."""
    row = np.full((1 + 4 * len(PLACES) + 2,), np.nan)
    try:
        answer = contestant(data)
    except (RuntimeError, ValueError):
        return row
    row[:3] = answer["exponent"], answer["low"], answer["high"]
    if answer["predict"] is not None:
        local = slope(lambda ratio: np.asarray(answer["predict"](compute * ratio)[0]))
        row[3:] = np.concatenate([*answer["predict"](compute), local])
    return row


def control(count: int, seed: int) -> float:
    """How often least squares with the Hessian covers the exponent of its own law, under independent noise."""
    here, rng, hits = shared.control(seed), np.random.default_rng(seed), 0
    for _ in range(count):
        answer = BUILT_IN["squares, Hessian"](shared.replica(rng, here, shared.Condition()))
        hits += answer["low"] <= SHARE <= answer["high"]
    return hits / count


def summary(dataset):
    """Arrays (phase, setting, method, place): median bias and coverage of xi, median bias of eta, median error (of the
    logarithm) and coverage of the risk."""
    xi, eta, risk = (dataset[f"true_{name}"].values[:, :, None, None] for name in ("xi", "eta", "risk"))
    part = lambda name: np.stack([dataset[f"{name}_{place}"].values for place in PLACES], -1)  # noqa: E731
    exponent, low, high = (dataset[name].values[..., None] for name in COLUMNS[:3])
    error = np.abs(np.log(np.maximum(part("risk"), 1e-300) / risk))
    return {"xi_bias": over(np.median, exponent - xi), "xi_coverage": over(np.mean, holds(xi, exponent, low, high)),
            "eta_bias": over(np.median, part("eta") - eta), "risk_error": over(np.median, error),
            "risk_coverage": over(np.mean, holds(risk, *(part(x) for x in ("risk", "risk_low", "risk_high"))))}


def over(statistic, values) -> np.ndarray:
    """A statistic over the replicas that have an answer; NaN where none has."""
    flat = np.moveaxis(values, 3, -1).reshape(-1, values.shape[3])
    kept = (row[np.isfinite(row)] for row in flat)
    return np.array([statistic(row) if row.size else np.nan for row in kept]).reshape(*values.shape[:3], -1)


def holds(truth, value, low, high) -> np.ndarray:
    """1 where the interval holds the truth, NaN where nothing was answered; an end that overflowed is no end."""
    inside = (np.nan_to_num(low, nan=-np.inf) <= truth) & (truth <= np.nan_to_num(high, nan=np.inf, posinf=np.inf))
    return np.where(np.isfinite(value), inside, np.nan)


def grouped(dataset) -> dict[str, dict[str, np.ndarray]]:
    """Means of `summary` over the phases and over the control: arrays (setting, method, place); biases by size."""
    found, is_control = summary(dataset), dataset.phase.values == "control"
    size = {name: np.abs(values) if "bias" in name else values for name, values in found.items()}
    parts = {"phases": ~is_control, "control": is_control}
    return {name: {k: v[kept].mean(0) for k, v in size.items()} for name, kept in parts.items() if kept.any()}


def plot(dataset):
    """Coverage of the width exponent by condition; coverage of the least loss and its error by distance."""
    groups, names = grouped(dataset), list(dataset.method.values)
    phases, exact = groups.get("phases", groups.get("control")), groups.get("control", groups.get("phases"))
    with style():
        figure = Figure(figsize=(11, 8.4), layout="constrained")
        axes = figure.subplots(2, 2).ravel()
        panels = ((dataset.setting.values, phases["xi_coverage"][:, :, 0].T, "exponent of the best width, middle"),
                  (PLACES, phases["risk_coverage"][0], "least loss, exact theory (the fitted law approximates)"),
                  (PLACES, 100 * np.expm1(phases["risk_error"][0]), "least loss, exact theory: median error"),
                  (PLACES, exact["risk_coverage"][0], "least loss, control (the fitted law is exact)"))  # fmt: skip
        for axis, (ticks, values, title) in zip(axes, panels, strict=True):
            for k, name in enumerate(names):
                if np.isfinite(values[k]).any():
                    spread = np.arange(len(ticks)) + 0.07 * (k - len(names) / 2)
                    axis.plot(spread, values[k], marker="osD^vPX*"[k % 8], color=COLORS[k % 7],
                              linestyle="none" if axis is axes[0] else ":", label=name)  # fmt: skip
            axis.set_xticks(range(len(ticks)), ticks, fontsize=8)
            axis.set_title(title, fontsize=9)
            axis.set_xlabel("condition of the runs" if axis is axes[0] else "compute: middle, or times the largest")
        for axis in (axes[0], axes[1], axes[3]):
            axis.axhline(LEVEL, color="black", linewidth=1)
            axis.set(ylim=(-0.03, 1.03), ylabel="share of 95% intervals that hold the truth")
        axes[2].set(ylabel="median error of the predicted loss (%)", yscale="log")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
        figure.suptitle(_finding(phases, names), fontsize=10.5)
    return figure


def _finding(phases, names) -> str:
    k = names.index("squares, Hessian") if "squares, Hessian" in names else 0
    first, *_, far = phases["risk_coverage"][0, k]
    return (f"95% intervals of Chinchilla's law ({names[k]}) hold the exact least loss {100 * first:.0f}% of the time "
            f"inside the runs, {100 * far:.0f}% at 1000 times their compute")  # fmt: skip


def report(dataset) -> list[dict]:
    """The control; then what each contestant does in each condition, over the phases (seen, no test)."""
    measured, count = float(dataset.control), int(dataset.num_control)
    rows: list = [report_row("control: coverage of the exponent, least squares of the true law", LEVEL, measured, 0.05,
                             float(np.sqrt(LEVEL * (1 - LEVEL) / count)))]  # fmt: skip
    for group, found in grouped(dataset).items():
        for j, condition in enumerate(dataset.setting.values):
            for k, name in enumerate(dataset.method.values):
                for what, values in found.items():
                    shown = PLACES[:1] if what.startswith("xi") else PLACES
                    rows += [report_row(f"{group}, {condition}, {name}, {place}: {what}", LEVEL if "cov" in what else 0,
                                        values[j, k, p], None)
                             for p, place in enumerate(shown) if np.isfinite(values[j, k, p])]  # fmt: skip
    return rows
