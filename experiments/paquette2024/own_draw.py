"""SGD beside the exact mean of its own draw: a test that noise cannot pass.

About half the variance of SGD's risk comes from the draw of the random features. The exact mean over the data given
that draw is known, so we divide by it. The ratio has mean 1 at every width and step; what is left is the noise of the
samples, which averages out over runs. A window of compute gives three numbers: the mean of the ratio, which must be 1,
and its slopes in log compute and log width, which must be 0. The slopes are those of the ratio over its mean: they are
errors of exponents, whatever the scale of the risk.

Source: Paquette, Paquette, Xiao, Pennington 2024 (arXiv 2405.15074) for the model.
"""

import functools
from typing import NamedTuple

import jax
import numpy as np

import solvable as sv
from solvable.results import report_row

NAMES = ("mean", "slope in log compute", "slope in log width")
COLUMNS = ("ratio_mean", "ratio_slope_compute", "ratio_slope_width")  # the same in a dataset
EXPECTED = np.array([1.0, 0.0, 0.0])
TOLERANCE = 0.01  # of each of the three; `report_row` judges where the standard error is at most a third of it
CERTAIN = 4.5  # standard errors by which a wrong theory must miss the tolerance, so that noise refuses nothing


class Family(NamedTuple):
    """SGD at several widths, several draws of the features a width, several runs a draw, batch size 1.

    Attributes:
        widths: numbers of features; shape (widths,).
        steps: recorded steps; shape (widths, points).
        risk: of every run; shape (widths, draws, runs, points).
        exact: mean over the data given the draw; shape (widths, draws, points).
    """

    widths: np.ndarray
    steps: np.ndarray
    risk: np.ndarray
    exact: np.ndarray


class Agreement(NamedTuple):
    """The three numbers of `NAMES` and their standard errors over runs; shapes (3,)."""

    value: np.ndarray
    stderr: np.ndarray


def steps_in(window: tuple[float, float], widths, per_octave: int = 3) -> np.ndarray:
    """Steps of each width at the same values of compute = width * step, evenly spaced; shape (widths, points).

    Raises:
        ValueError: the window begins at so few steps of the largest width that two points would be one step.
    """
    count = 1 + round(per_octave * np.log2(window[1] / window[0]))
    steps = np.rint(np.geomspace(*window, count) / np.asarray(widths)[:, None]).astype(int)
    if steps.min() < 1 or (np.diff(steps) < 1).any():
        raise ValueError(f"window: wanted distinct steps at every width; got {steps[-1].tolist()}")
    return steps


def train(model, rule, widths, steps, draws: int, runs: int, key, *, sample_key=None) -> Family:
    """The family of ``model`` at ``widths``, with the learning rate ``rule`` gives at each width.

    Args:
        model: a law with `at_width`.
        rule: from the law at a width to its SGD.
        widths, steps: as in `Family`.
        draws: draws of the features at each width.
        runs: runs on each draw; 0 for the exact means alone.
        key: of the features: laws with the same key share the Gaussian matrix W.
        sample_key: of the samples.
    """
    risk, drawn, rates = [], [], []
    for width, recorded in zip(widths, steps, strict=True):
        here = model.at_width(int(width))
        keys = jax.random.split(jax.random.fold_in(key, int(width)), draws)
        problems = [here.draw(k) for k in keys]
        drawn.append([np.stack([np.asarray(getattr(p, name)) for p in problems]) for name in ARRAYS])
        rates.append(float(rule(here).learning_rate))
        if runs:
            of_run = jax.random.split(jax.random.fold_in(sample_key, int(width)), draws)
            arrays, of_draw = [x.astype(np.float32) for x in drawn[-1]], np.full(draws, rates[-1], np.float32)
            risk.append(_trainer(tuple(recorded.tolist()), runs)(arrays, of_draw, of_run))
    shape = (len(widths), draws, runs, len(steps[0]))
    stacked = np.asarray([np.asarray(x, np.float64) for x in risk]) if runs else np.zeros(shape)
    return Family(np.asarray(widths), np.asarray(steps), stacked, _exact(drawn, rates, np.asarray(steps)))


ARRAYS = ("eigvals", "target", "floor")  # of a draw, that which its risk depends on


def _exact(drawn, rates, steps) -> np.ndarray:
    """Exact means of many draws of each width: one program, as absent modes pad widths, and all steps are solved."""
    most = max(eigvals.shape[1] for eigvals, *_ in drawn)
    padded = [(np.pad(x, ((0, 0), (0, most - x.shape[1]))), np.pad(y, ((0, 0), (0, most - y.shape[1]))), floor)
              for x, y, floor in drawn]
    every = np.unique(steps)
    one = jax.vmap(lambda draw, rate: _solve(draw, rate, sv.Recursion(), every).risk, (0, None))
    return np.stack([np.asarray(one(draw, rate))[:, np.searchsorted(every, recorded)]
                     for draw, rate, recorded in zip(padded, rates, steps, strict=True)])


def typical(models, rule, steps) -> np.ndarray:
    """Risk of the typical draw of each model at its own steps, shape (models, points); all steps share one program."""
    every = np.unique(steps)
    curves = [sv.solve(model, rule(model), sv.Recursion(), every).risk for model in models]
    return np.stack([curve[np.searchsorted(every, recorded)] for curve, recorded in zip(curves, steps, strict=True)])


def _solve(arrays, rate, method, steps, key=None):
    return sv.solve(sv.LinearProblem(*arrays), sv.SGD(rate), method, np.asarray(steps), key=key)


@functools.lru_cache(maxsize=64)
def _trainer(steps: tuple[int, ...], runs: int):
    """The runs of many draws, one draw after the other: one program a width, shared by all laws.

    Widths are not padded to one shape: the smallest takes the most steps, and would do the work of the largest.
    """

    def one(given):
        arrays, rate, key = given
        return _solve(arrays, rate, sv.Simulation(num_runs=runs), steps, key).stats["runs"]

    return jax.jit(lambda arrays, rates, keys: jax.lax.map(one, (arrays, rates, keys)))


def agreement(sgd: Family, theory: Family) -> Agreement:
    """Mean and slopes of SGD's risk over the exact means of ``theory``'s draws, by least squares over all points.

    The theory is SGD's own family, or that of another law at the same widths and steps, put in its place. Every width
    and point counts the same. The points of a run are correlated, so a run is one observation: the errors are those
    of independent runs at every width, given the draws.
    """
    ratio = sgd.risk / theory.exact[:, :, None]
    ratio = ratio.reshape(len(ratio), -1, ratio.shape[-1])
    log_width = np.log(sgd.widths)[:, None] + 0.0 * sgd.steps
    log_compute = np.log(sgd.steps) + log_width
    design = np.stack([np.ones_like(log_width), log_compute - log_compute.mean(), log_width - log_width.mean()], -1)
    inverse = np.linalg.inv(np.einsum("wpa,wpb->ab", design, design))
    parts = np.einsum("ab,wpb,wrp->wra", inverse, design, ratio)  # what each run adds to the three coefficients
    mean, *slopes = parts.mean(1).sum(0)
    slopes = np.array(slopes) / mean
    first, rest = parts[..., :1], parts[..., 1:]
    moves = np.concatenate([first, (rest - slopes * first) / mean], -1)  # the same for the mean and relative slopes
    return Agreement(np.array([mean, *slopes]), np.sqrt((moves.var(1, ddof=1) / moves.shape[1]).sum(0)))


def rows(name: str, found: Agreement) -> list[dict]:
    """Three rows of a report: the ratio is 1 at every width and compute."""
    text = f"{name}: SGD over its own draw's exact mean, "
    return [report_row(text + what, expected, value, TOLERANCE, stderr)
            for what, expected, value, stderr in zip(NAMES, EXPECTED, *found, strict=True)]


def variables(dimension: str, found: list[Agreement]) -> dict:
    """The three numbers and their errors as variables of a dataset, one entry of ``dimension`` each."""
    made = {}
    for index, (column, name) in enumerate(zip(COLUMNS, NAMES, strict=True)):
        made[column] = (dimension,), [one.value[index] for one in found], f"SGD over its own draw's exact mean: {name}"
        made[f"{column}_stderr"] = (dimension,), [one.stderr[index] for one in found], f"standard error of {column}"
    return made


def stored(here) -> Agreement:
    """The three numbers of one entry of a dataset."""
    return Agreement(*(np.array([float(here[column + end]) for column in COLUMNS]) for end in ("", "_stderr")))


def refused(found: Agreement) -> np.ndarray:
    """Which of the three numbers refuse the theory: beyond the tolerance, and not by noise; shape (3,)."""
    return np.abs(found.value - EXPECTED) > TOLERANCE + CERTAIN * found.stderr


def draw_means(family: Family) -> np.ndarray:
    """Mean over the runs of each draw; shape (widths, draws, points)."""
    return family.risk.mean(2)


def on_common_steps(family: Family, curves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``curves``, shape (widths, ..., points), at the steps of all widths together; held constant outside their own."""
    common = np.unique(family.steps)
    places = np.log(common)

    def one(steps, curve):
        return np.exp(np.interp(places, np.log(steps), np.log(curve)))

    return common, np.stack([np.apply_along_axis(lambda c, s=s: one(s, c), -1, curve)
                             for s, curve in zip(family.steps, curves, strict=True)])
