"""The runs a referee hands out, and the contestants that fit them.

The risk of a run is the exact risk of the theory times the noise of a mean over seeds. That noise is measured: SGD runs
(draws of the features, and runs on each) over their own mean at each width and step, resampled. So it has the size, the
tails and the correlation along a run that SGD has, and mean 1.

Source: Hoffmann et al. 2022 (arXiv 2203.15556) for the methods; Paquette, Paquette, Xiao, Pennington 2024 (arXiv
2405.15074) for the model.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

import solvable as sv
from solvable.fits import (
    AbsoluteDeviation,
    Bootstrap,
    Chinchilla,
    ComputeOptimal,
    Envelope,
    Hessian,
    Huber,
    IsoFLOP,
    LeastSquares,
)

from ..paquette2024 import own_draw
from ..paquette2024 import shared as paper

WIDTHS = (8, 16, 32, 64, 128, 256)
WINDOW = (2.0**11, 2.0**17)  # compute width * step of the runs
RESAMPLES = 64
CONTROL = {"E": 0.01, "A": 0.5, "B": 2.0, "alpha": 0.8, "beta": 0.6}  # a world where Chinchilla's law is exact
SCATTER = 0.3  # relative noise of one seed there


class Condition(NamedTuple):
    """How the runs are made.

    Attributes:
        seeds: runs that each point is a mean of.
        first: the least compute, a point on the grid of three an octave.
        stride: every how many points of that grid.
        together: whether the points of a width come from the same runs.
        noise: standard deviation of the label noise.
    """

    seeds: int = 64
    first: int = 0
    stride: int = 3
    together: bool = False
    noise: float = 0.0


CONDITIONS = {
    "64 seeds": Condition(),
    "4 seeds": Condition(seeds=4),
    "0.9 decades": Condition(first=9),
    "same runs": Condition(stride=1, together=True),
    "label noise": Condition(noise=0.1),
}


class World(NamedTuple):
    """Steps and exact risks (widths, points), and runs over their mean (widths, runs, points)."""

    steps: np.ndarray
    risk: np.ndarray
    noise: np.ndarray


def world(name: str, label_noise: float, draws: int, seed: int) -> World:
    """A phase of the random-feature law, with four runs on each draw of the features; or `control`."""
    if name == "control":
        return control(seed)
    model, steps = law(name, label_noise), own_draw.steps_in(WINDOW, WIDTHS)
    models = [model.at_width(width) for width in WIDTHS]
    risk = own_draw.typical(models, paper.sgd_rule, steps)
    key, sample_key = jax.random.split(jax.random.key(seed))
    runs = own_draw.train(model, paper.sgd_rule, WIDTHS, steps, draws, 4, key, sample_key=sample_key).risk
    runs = runs.reshape(len(WIDTHS), -1, steps.shape[1])
    return World(steps, risk, runs / runs.mean(1, keepdims=True))


def law(name: str, label_noise: float):
    """The random-feature law of a phase."""
    alpha, beta = paper.POINTS[name]
    return sv.PowerLawRF(alpha, beta, 64, int(paper.ratio(alpha) * 64), noise=label_noise)


def control(seed: int) -> World:
    """Chinchilla's law itself with log-normal noise, half of it common to a run."""
    steps = own_draw.steps_in(WINDOW, WIDTHS)
    size = np.array(WIDTHS, float)[:, None]
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=(len(WIDTHS), 4096, steps.shape[1])) + rng.normal(size=(len(WIDTHS), 4096, 1))
    noise = np.exp(SCATTER * normal / np.sqrt(2))
    return World(steps, Chinchilla()(CONTROL, {"N": size, "D": steps}), noise / noise.mean(1, keepdims=True))


def replica(rng, here: World, how: Condition) -> dict[str, np.ndarray]:
    """One table of runs: N, D, C = 6 N D, L, and the run that each point belongs to."""
    chosen = np.arange(how.first, here.steps.shape[1], how.stride)
    rows, count = np.arange(len(WIDTHS))[:, None, None], here.noise.shape[1]
    shape = (len(WIDTHS), 1 if how.together else len(chosen), how.seeds)
    noise = here.noise[rows, rng.integers(count, size=shape), chosen[None, :, None]].mean(2)
    size = np.repeat(np.array(WIDTHS, float), len(chosen))
    data = here.steps[:, chosen].ravel().astype(float)
    run = np.repeat(WIDTHS, len(chosen)) if how.together else np.arange(len(size))
    loss = (here.risk[:, chosen] * noise).ravel()
    return {"N": size, "D": data, "C": 6 * size * data, "L": loss, "run": run}


def frontier(values, compute):
    """Width and least loss of Chinchilla's law at width * step = compute."""
    alpha, beta = values["alpha"], values["beta"]
    size = (alpha * values["A"] / (beta * values["B"]) * compute**beta) ** (1 / (alpha + beta))
    return size, values["E"] + values["A"] * size**-alpha + values["B"] * (compute / size) ** -beta


def parametric(method, uncertainty, **fixed: float) -> Callable:
    """Chinchilla's law by a loss; intervals are percentiles of the samples of its parameters."""

    def contestant(data) -> dict[str, Any]:
        columns = {name: data[name] for name in ("N", "D", "L", "run")}
        found = sv.fit(columns, Chinchilla(fixed=fixed), method, uncertainty=uncertainty, warn=False)
        share = found.samples["beta"] / (found.samples["alpha"] + found.samples["beta"])
        low, high = np.percentile(share, [2.5, 97.5])

        def predict(compute):
            with np.errstate(all="ignore"):
                each = frontier({k: v[:, None] for k, v in found.samples.items()}, compute)[1]
                ends = np.nanpercentile(each, [2.5, 97.5], axis=0)
            return frontier(found.values, compute)[1], *ends

        value = found.values
        return {"exponent": value["beta"] / (value["alpha"] + value["beta"]), "low": low, "high": high,
                "predict": predict}  # fmt: skip

    return contestant


def minima(method) -> Callable:
    """The best sizes read off the runs; they predict no loss."""

    def contestant(data) -> dict[str, Any]:
        found = sv.fit(data, ComputeOptimal(), method, uncertainty=Bootstrap(RESAMPLES), warn=False)["a"]
        return {"exponent": found.value, "low": found.low, "high": found.high, "predict": None}

    return contestant


CONTESTANTS: dict[str, Callable] = {
    "Huber, points": parametric(Huber(), Bootstrap(RESAMPLES)),
    "Huber, Hessian": parametric(Huber(), Hessian()),
    "absolute, Hessian": parametric(AbsoluteDeviation(), Hessian()),
    "squares, runs": parametric(LeastSquares(), Bootstrap(RESAMPLES, cluster="run")),
    "squares, Hessian": parametric(LeastSquares(), Hessian()),
    "squares, E = 0": parametric(LeastSquares(), Hessian(), E=0.0),
    "IsoFLOP": minima(IsoFLOP()),
    "envelope": minima(Envelope(num_compute=64)),
}
