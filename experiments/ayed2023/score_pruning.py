"""Score-based pruning at high compression: its floor, and its repair by a random share with importance weights.

A probe at 30 degrees to the teacher scores the samples, and the hardest 5 to 30% are kept. Ridge regression and
penalised logistic regression on them do not find the teacher however many samples there are, while any random part
would: their error has a floor. Keeping a share of the part at random, every sample weighted by the inverse of its
chance, removes it; a random share without weights does not. Lines are the theory (ridge), dots draws.
Source: Ayed and Hayou 2023 (arXiv 2302.06960), limits of score-based pruning and its calibration.
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure
from scipy.stats import norm

import solvable as sv
from solvable.plots import COLORS, LINES, MARKERS, style
from solvable.results import make_dataset, report_row
from solvable.theory import perceptron_map

SETTINGS = {"random": ("random", False), "score": ("hard", False), "score and random share": ("mixed", False),
            "the same, weighted": ("mixed", True)}  # fmt: skip
PENALTY = 0.01


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        parts: parts that are kept.
        shown: the one whose learning curves are shown.
        degrees: angle between probe and teacher.
        share: random part of what is kept.
        ratios: samples per dimension before the selection, simulated.
        dimension: of the simulation.
        num_runs: draws at each of them.
        steps: of logistic regression, by full-batch heavy ball.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    parts: tuple[float, ...] = (0.05, 0.1, 0.2, 0.3)
    shown: float = 0.1
    degrees: float = 30.0
    share: float = 0.5
    ratios: tuple[float, ...] = (16.0, 64.0, 256.0)
    dimension: int = 48
    num_runs: int = 48
    steps: int = 400
    tiny: bool = False
    seed: int = 0


def _law(config: Config, setting: str, ratio: float, keep: float, dimension: int | None = None):
    selection, weighted = SETTINGS[setting]
    angle = np.deg2rad(config.degrees)
    return sv.TeacherPerceptron(ratio, keep, selection, angle, dimension, config.share, weighted)


def run(config: Config, progress=lambda *_: None):
    """Ridge in theory (setting, point), floors (setting, keep), ridge and logistic drawn (setting, method, bin)."""
    ratios, runs, dimension = (config.ratios[1:2], 16, 24) if config.tiny else (
        config.ratios, config.num_runs, config.dimension)
    pools, parts = np.geomspace(2.0, 1e5, 49), np.asarray(config.parts)
    ridge, many = sv.Ridge(PENALTY), np.array([1e8])
    # Weight decay times the parameters is the gradient of the penalty theta^2 / 2.
    logistic = sv.Logistic(sv.WeightDecay(sv.HeavyBall(0.5, 0.9, None), 2 * PENALTY, decoupled=False))
    students = {"ridge": (ridge, None), "logistic": (logistic, [0, config.steps])}
    lines, floors, expected, dots = [], [], [], []
    for i, setting in enumerate(SETTINGS):
        law = _law(config, setting, 1.0, config.shown)
        lines.append(perceptron_map(law, ridge, ratio=pools).error)
        floors.append(perceptron_map(law, ridge, ratio=many, keep=parts).error)
        expected.append(perceptron_map(law, ridge, ratio=np.array(ratios)).error)
        for student, steps in students.values():
            for j, ratio in enumerate(ratios):
                progress("simulation", i * len(ratios) + j, 4 * len(ratios))
                here = _law(config, setting, ratio, config.shown, dimension)
                curve = sv.solve(here, student, sv.Simulation(runs), steps, key=jax.random.key(config.seed))
                dots.append((float(curve.error[-1]), float(curve.stderr[-1]) / 4))
    dots = np.array(dots).reshape(len(SETTINGS), 2, len(ratios), 2)
    drawn = ("setting", "method", "bin")
    variables = {
        "error": (("setting", "point"), lines, "probability of a wrong label, ridge"),
        "floor": (("setting", "keep"), floors, "the same at 10^8 samples per dimension"),
        "expected": (("setting", "bin"), expected, "the same at the drawn points"),
        "sampled": (drawn, dots[..., 0], "probability of a wrong label, drawn"),
        "stderr": (drawn, dots[..., 1], "standard error of sampled"),
    }
    coords = {
        "setting": (("setting",), list(SETTINGS), "how samples are kept"),
        "method": (("method",), list(students), "what is trained"),
        "pool": (("point",), pools, "samples per dimension before the selection"),
        "keep": (("keep",), parts, "kept part"),
        "sampled_pool": (("bin",), list(ratios), "samples per dimension before the selection"),
    }
    attributes = {"dimension": dimension, "shown": config.shown, "degrees": config.degrees}
    return make_dataset("ayed2023/score_pruning", config, variables, coords, **attributes)


def plot(dataset):
    """Learning curves of both, and the floors."""
    with style():
        figure = Figure(figsize=(10, 4.2))
        panels = figure.subplots(1, 3, gridspec_kw={"width_ratios": (1.2, 1.2, 1)})
        for i, setting in enumerate(dataset.setting.values):
            look = {"color": COLORS[i], "label": str(setting)}
            panels[0].plot(dataset.pool, dataset.error.isel(setting=i), LINES[i], **look)
            for panel, method in zip(panels, dataset.method.values, strict=False):
                here = dataset.isel(setting=i).sel({"method": method})
                panel.errorbar(here.sampled_pool, here.sampled, 2 * here.stderr, fmt=MARKERS[i], color=COLORS[i],
                               markersize=4.5, markerfacecolor="white",
                               linestyle=LINES[i] if method == "logistic" else "none")
            panels[2].plot(100 * dataset["keep"], dataset.floor.isel(setting=i), LINES[i], marker=MARKERS[i], **look)
        part = f"{100 * dataset.attrs['shown']:g}% kept"
        panels[0].set(xscale="log", yscale="log", title=f"ridge, {part}", ylabel="probability of a wrong label")
        panels[1].set(xscale="log", yscale="log", title=f"logistic, {part}, draws", xlim=(4, 2000))
        panels[2].set(title="ridge, endless samples", xlabel="kept part, %", ylabel="floor of the error")
        for panel in panels[:2]:
            panel.set(xlabel="samples / dimension before the selection", ylim=(2e-3, 0.5))
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
        floor = float(dataset.floor.sel(setting="score", keep=dataset.attrs["shown"]))
        kept = f"{100 * dataset.attrs['shown']:g}%"
        figure.suptitle(f"The {kept} of hardest score leave ridge an error of {floor:.3f} at any "
                        "number of samples; a weighted random share removes it")
    return figure


def report(dataset) -> list[dict]:
    """Draws of ridge beside theory, the floors, and logistic regression's at its last point."""
    rows, last = [], dataset.isel(bin=-1)
    tolerance = 0.3 if dataset.dimension < 48 else 0.1
    for setting in dataset.setting.values:
        here = last.sel({"setting": setting, "method": "ridge"})
        expected = float(here.expected)
        rows.append(report_row(f"ridge, {setting}: error / theory at {float(here.sampled_pool):g} a dimension", 1.0,
                               float(here.sampled) / expected, tolerance, float(here.stderr) / expected))
    for part in dataset["keep"].values:
        at = dataset.floor.sel(keep=part)
        angle = np.deg2rad(float(dataset.attrs["degrees"]))
        rows.append(report_row(f"ridge, score, {100 * part:g}% kept: error at 10^8 a dimension", _floor(part, angle),
                               float(at.sel(setting="score")), 1e-4))
        rows.append(report_row(f"ridge, weighted, {100 * part:g}% kept: error at 10^8 a dimension", 0.0,
                               float(at.sel(setting="the same, weighted")), 1e-3))
    return rows + (_logistic_rows(dataset) if dataset.sizes["bin"] > 1 else [])


def _logistic_rows(dataset) -> list[dict]:
    """What four times the samples leave of the error of logistic regression: all of it at a floor, else one half."""
    rows, wanted = [], {"random": 0.5, "score": 1.0, "the same, weighted": 0.5}
    for setting, left in wanted.items():
        few, many = (dataset.isel(bin=i).sel({"setting": setting, "method": "logistic"}) for i in (-2, -1))
        ratio = float(many.sampled / few.sampled)
        stderr = ratio * float(np.hypot(many.stderr / many.sampled, few.stderr / few.sampled))
        times = float(many.sampled_pool / few.sampled_pool)
        quantity = f"logistic, {setting}: part of the error left by {times:g} times the samples"
        rows.append(report_row(quantity, left, ratio, 0.1, stderr))
    return rows


def _floor(keep: float, angle: float) -> float:
    """The angle between the teacher and (C + penalty)^-1 c over pi, with C and c of the kept samples, by sums."""
    z = norm.ppf((1 - keep) / 2 + keep * (np.arange(200_000) + 0.5) / 200_000)
    slope = np.cos(angle) / np.sin(angle)
    along = (z * (1 - 2 * norm.sf(z * slope))).mean() / ((z**2).mean() + PENALTY)
    across = 2 * norm.pdf(z * slope).mean() / (1 + PENALTY)
    # The angle of the student to the probe, beside that of the teacher.
    return float(abs(np.arctan2(across, along) - angle) / np.pi)
