"""The gap between test and training risk that opens when data are reused.

Full-batch gradient descent on a finite data set, test and training risk against steps, for several sizes of the set;
with a fresh sample at every step there is no gap. Early the gap is proportional to 1/samples. Lines are the mean-field
theory, dots are gradient descent on fresh draws.
Source: Bordelon, Atanasov, Pehlevan 2024 (arXiv 2402.01092), the growing gap under data reuse.
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, MARKERS, style
from solvable.results import make_dataset, report_row


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        a: exponent of the target power, k^-a.
        b: exponent of the eigenvalues, k^-b.
        width: number of features.
        ambient: number of inputs.
        samples: sizes of the data set.
        last_step: the last step.
        num_runs: draws of features and data at each size.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    a: float = 1.75
    b: float = 1.25
    width: int = 192
    ambient: int = 768
    samples: tuple[int, ...] = (48, 96, 384)
    last_step: int = 3000
    num_runs: int = 48
    tiny: bool = False
    seed: int = 0


def run(config: Config, progress=lambda *_: None):
    """Theory and draws, test and training risk: (samples, step)."""
    last, runs = (100, 8) if config.tiny else (config.last_step, config.num_runs)
    line, dots = sv.log_steps(last, 60), sv.log_steps(last, 12)
    every, columns = np.union1d(line, dots), []
    for done, samples in enumerate(config.samples):
        progress("data sets", done, len(config.samples))
        model = sv.PowerLawRF(config.b / 2, (config.a - config.b) / 2, config.width, config.ambient, samples=samples)
        algorithm = sv.SGD(1.0 / float(model.trace()), batch_size=None)
        theory = sv.solve(model, algorithm, sv.DMFT(), every)
        draws = sv.solve(model, algorithm, sv.Simulation(num_runs=runs), dots, key=jax.random.key(config.seed))
        gap = np.std(draws.stats["runs"] - draws.stats["train_runs"], 0, ddof=1) / np.sqrt(runs)
        at_line, at_dots = (np.searchsorted(every, steps) for steps in (line, dots))
        columns.append([theory.risk[at_line], theory.train_risk[at_line], draws.risk, draws.stderr, draws.train_risk,
                        draws.stats["train_stderr"], gap, theory.risk[at_dots], theory.train_risk[at_dots]])
    progress("data sets", len(config.samples), len(config.samples))
    names = {"theory": "test risk of the typical draw", "theory_train": "its training risk",
             "sampled": "mean test risk over draws", "stderr": "standard error of sampled",
             "sampled_train": "mean training risk over draws", "train_stderr": "standard error of sampled_train",
             "gap_stderr": "standard error of sampled - sampled_train",
             "expected": "theory at recorded steps", "expected_train": "theory's training risk at recorded steps"}
    variables = {name: (("samples", "step" if name.startswith("theory") else "record"),
                        np.stack([np.asarray(c[i]) for c in columns]), text)
                 for i, (name, text) in enumerate(names.items())}
    coords = {"samples": (("samples",), list(config.samples), "size of the data set"),
              "step": (("step",), line, "step of gradient descent"),
              "sampled_step": (("record",), dots, "step, simulated")}
    return make_dataset("bordelon2024/reuse", config, variables, coords, width=config.width)


def plot(dataset):
    """Test and training risk, and the gap times the number of samples."""
    with style():
        figure = Figure(figsize=(9.4, 4.2))
        left, right = figure.subplots(1, 2)
        for index, samples in enumerate(dataset.samples.values):
            here = dataset.sel(samples=samples).isel(step=slice(1, None), record=slice(1, None))
            color = COLORS[1 + index]
            left.plot(here.step, here.theory, "-", color=color, label=f"test, {samples} samples")
            left.plot(here.step, here.theory_train, "--", color=color, label=f"training, {samples} samples")
            for risk, error in ((here.sampled, here.stderr), (here.sampled_train, here.train_stderr)):
                left.errorbar(here.sampled_step, risk, 2 * error, fmt=MARKERS[index], color=color, markersize=4,
                              markerfacecolor="white")
            right.plot(here.step, samples * (here.theory - here.theory_train), "-", color=color,
                       label=f"{samples} samples")
            gap, error = samples * (here.sampled - here.sampled_train), samples * here.gap_stderr
            clear = gap > 4 * error
            right.errorbar(here.sampled_step[clear], gap[clear], 2 * error[clear], fmt=MARKERS[index], color=color,
                           markersize=4, markerfacecolor="white")
        left.set(xscale="log", yscale="log", xlabel="steps of gradient descent", ylabel="risk E[(f(x) − y)²]",
                 ylim=(0.3 * float(dataset.theory.min()), None),
                 title="lines: theory, markers: draws ± 2 s.e.")
        right.set(xscale="log", yscale="log", xlabel="steps of gradient descent",
                  ylabel="samples × (test − training risk)", title="the gap, ∝ 1/samples early (markers: error < 25%)")
        left.legend(fontsize=7)
        right.legend()
    return figure


def report(dataset) -> list[dict]:
    """Draws beside theory, and the early gap's scaling."""
    rows, width = [], dataset.attrs["width"]
    for samples in dataset.samples.values:
        here = dataset.sel(samples=samples).isel(record=-1)
        small = min(width, int(samples))
        for kind, suffix, error in (("test", "", here.stderr), ("training", "_train", here.train_stderr)):
            expected = float(here[f"expected{suffix}"])
            rows.append(report_row(f"{kind} risk at the last step, {samples} samples", expected,
                                   float(here[f"sampled{suffix}"]), 4.5 * float(error) + 3 / small * expected,
                                   float(error)))
    gap = (dataset.samples * (dataset.theory - dataset.theory_train)).sel(step=2)
    rows.append(report_row("samples * gap at step 2, second over largest set", 1.0, float(gap[1] / gap[-1]),
                           2 / float(gap.samples[1])))
    return rows
