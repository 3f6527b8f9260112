"""Deliberate practice: samples chosen by the present student, round by round, against samples that are not chosen.

Ridge regression on a teacher's labels. Every round trains on twice as many samples as the last one, the hardest by
the margin of the last student, from a fresh pool. What was kept and what was generated to choose from are both counted,
over all rounds. The penalty of a round is the best one, its part the one that saves the most generated samples: without
selection the error falls as samples^-1/2, so that is the part of least error^2 * samples. Lines are the theory, dots
draws.
Source: Askari-Hemmat et al. 2025 (arXiv 2502.15588). The closed form is our own derivation: the constants of the paper
could not be read, and its rates are not checked here.
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, style
from solvable.results import make_dataset, report_row
from solvable.theory import perceptron_map


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        first: samples per dimension of the first round, which nothing selects.
        rounds: number of rounds; each keeps twice as many as the last one.
        least: the smallest part to keep.
        parts, penalties: sizes of the grids to choose from.
        drawn_rounds: rounds that are simulated.
        dimension: of the simulation.
        num_runs: repetitions of it.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    first: float = 2.0
    rounds: int = 7
    least: float = 0.001
    parts: int = 61
    penalties: int = 37
    drawn_rounds: int = 4
    dimension: int = 240
    num_runs: int = 32
    tiny: bool = False
    seed: int = 0


def _best(kept, keep, penalties, angle):
    """(error at the best penalty, that penalty) at each pair of kept samples and part, which broadcast."""
    model, kept = sv.TeacherPerceptron(), np.asarray(kept, float)
    ratio = kept / keep
    maps = [perceptron_map(model, sv.Ridge(p), ratio=ratio, keep=keep, probe_angle=angle) for p in penalties]
    errors = np.stack([student.error for student in maps])
    return errors.min(0), penalties[errors.argmin(0)]


def run(config: Config, progress=lambda *_: None):
    """Theory and simulation of the rounds (round,), and no selection (point,)."""
    parts, count = (9, 7) if config.tiny else (config.parts, config.penalties)
    keep, penalties = np.geomspace(config.least, 1.0, parts), np.geomspace(1e-8, 10.0, count)
    kept = config.first * 2.0 ** np.arange(config.rounds)
    errors, part, penalty, generated = [0.5], [], [], 0.0
    for size in kept:
        error, strength = _best(size, keep, penalties, np.pi * errors[-1])
        best = -1 if not part else np.argmin(error**2 * (generated + size / keep))  # the first round knows nothing
        errors.append(error[best])
        part.append(keep[best])
        penalty.append(strength[best])
        generated += size / keep[best]
    errors = errors[1:]
    sizes = np.geomspace(config.first, 1e13, 33 if config.tiny else 129)
    plain = _best(sizes, 1.0, penalties, 0.0)[0]
    drawn = _drawn(config, kept, part, penalty, progress)
    part, errors = np.array(part), np.array(errors)
    needed = np.exp(np.interp(-np.log(errors), -np.log(plain), np.log(sizes)))
    rounds = ("round",)
    variables = {
        "error": (rounds, errors, "probability of a wrong label after the round"),
        "part": (rounds, part, "best kept part"),
        "penalty": (rounds, penalty, "best penalty"),
        "kept": (rounds, np.cumsum(kept), "samples kept per dimension, all rounds so far"),
        "generated": (rounds, np.cumsum(kept / part), "samples generated per dimension, all rounds so far"),
        "needed": (rounds, needed, "samples per dimension of this error without selection"),
        "sampled": (("bin",), drawn.mean(0), "probability of a wrong label, drawn"),
        "stderr": (("bin",), drawn.std(0, ddof=1) / np.sqrt(len(drawn)), "standard error of sampled"),
        "plain": (("point",), plain, "probability of a wrong label without selection, best penalty"),
    }
    coords = {"round": (rounds, np.arange(1, config.rounds + 1), "number of the round"),
              "samples": (("point",), sizes, "samples per dimension")}
    dimension = 60 if config.tiny else config.dimension
    return make_dataset("askari2025/deliberate_practice", config, variables, coords, dimension=dimension)


def _drawn(config: Config, kept, part, penalty, progress):
    """Errors of simulated students, shape (runs, rounds): each round knows the last student of its run by its angle."""
    runs, rounds, dimension = (24, 1, 60) if config.tiny else (config.num_runs, config.drawn_rounds, config.dimension)
    found = np.full((runs, rounds), 0.5)
    for r in range(runs):
        progress("simulation", r, runs)
        key = jax.random.fold_in(jax.random.key(config.seed), r)
        for t in range(rounds):
            before = 0.5 if t == 0 else min(found[r, t - 1], 1 - found[r, t - 1])
            law = sv.TeacherPerceptron(kept[t] / part[t], part[t], probe_angle=np.pi * before, dimension=dimension)
            draw = sv.Simulation()
            found[r, t] = sv.solve(law, sv.Ridge(penalty[t]), draw, key=jax.random.fold_in(key, t)).error[0]
    return found


def plot(dataset):
    """The error against both counts; what is saved in both, and the best parts."""
    last = dataset.isel(round=-1)
    saved = float(last.needed / last.kept), float(last.needed / last.generated)
    with style():
        figure = Figure(figsize=(9, 4.4))
        left, right = figure.subplots(1, 2)
        left.plot(dataset.samples, dataset.plain, color="0.5", linewidth=2, label="no selection")
        left.plot(dataset.kept, dataset.error, "-", color=COLORS[1], label="practice, samples kept")
        left.plot(dataset.generated, dataset.error, "--", color=COLORS[2], label="practice, samples generated")
        first = dataset.isel(round=slice(0, dataset.sizes["bin"]))
        for x, marker, color in ((first.kept, "o", COLORS[1]), (first.generated, "s", COLORS[2])):
            left.errorbar(x, dataset.sampled, 2 * dataset.stderr.values, fmt=marker, color=color, markersize=4.5,
                          markerfacecolor="white", label="draws ± 2 s.e.")
        left.set(xscale="log", yscale="log", xlabel="samples / dimension, all rounds", ylim=(1e-5, 0.5),
                 ylabel="probability of a wrong label", xlim=(1.5, 1e5))
        right.plot(dataset.error, dataset.needed / dataset.kept, "-", color=COLORS[1], label="saved, of samples kept")
        right.plot(dataset.error, dataset.needed / dataset.generated, "--", color=COLORS[2],
                   label="saved, of samples generated")
        right.plot(dataset.error, 1 / dataset.part, ":", color="black", label="1 / best kept part")
        right.axhline(1, color="0.6", linewidth=0.8, zorder=0)
        right.set(xscale="log", yscale="log", xlabel="probability of a wrong label", ylabel="factor")
        right.invert_xaxis()
        for axes in (left, right):
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
        figure.suptitle(f"Practice reaches an error of {float(last.error):.1g} with {saved[0]:,.0f} times fewer "
                        f"samples kept, and {saved[1]:.0f} times fewer generated")
    return figure


def report(dataset) -> list[dict]:
    """Draws beside theory; both rates late; what is saved."""
    rows = []
    for i in range(dataset.sizes["bin"]):
        expected = float(dataset.error[i])
        tolerance = 0.15 if dataset.dimension < 240 else 0.05
        ratio, stderr = (float(x[i]) / expected for x in (dataset.sampled, dataset.stderr))
        rows.append(report_row(f"error / theory after round {i + 1}", 1.0, ratio, tolerance, stderr))
    late = dataset.plain.isel(point=[-9, -1])
    slope = np.diff(np.log(late))[0] / np.diff(np.log(late.samples))[0]
    rows.append(report_row("exponent of the error in samples, no selection", -0.5, float(slope), 0.01))
    end = dataset.isel(round=[-2, -1])
    for name in ("kept", "generated"):
        slope = float(np.diff(np.log(end.error))[0] / np.diff(np.log(end[name]))[0])
        rows.append(report_row(f"exponent of the error in samples {name}, last two rounds", -0.5, slope, None))
    for i in (1, 3, dataset.sizes["round"] - 1):
        here = dataset.isel(round=i)
        for name in ("kept", "generated"):
            quantity = f"samples without selection over samples {name}, error {float(here.error):.2g}"
            rows.append(report_row(quantity, 1.0, float(here.needed / here[name]), None))
    return rows
