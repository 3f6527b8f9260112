"""SGD, heavy ball and DANA: how fast the risk falls in time.

With s = 2 alpha + 2 beta - 1 the risk of SGD falls as t^(-s / (2 alpha)) while modes are learned, at any constant
momentum; that of DANA-decaying, whose momentum grows with time, as t^(-(s / (2 alpha)) (2 - 1 / (2 alpha))), late. The
modes are those of the law itself, eigenvalues k^(-2 alpha) with target coefficients k^(-beta), as with infinitely many
features: real numbers, so that oscillations of any length are followed. Source: Ferbach et al. 2025 (arXiv 2505.16098).
"""

from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.forms import Spectrum
from solvable.models import HasSpectrum
from solvable.plots import COLORS, style
from solvable.results import make_dataset, report_row


@dataclass(frozen=True)
class Config:
    """Slopes in time.

    Attributes:
        alpha: exponent of the inputs, above 1/2.
        beta: exponent of the target, below 1/2.
        last_step: the last step.
        rate: learning rate times the trace of the feature covariance.
        tiny: a thousandth of the steps.
    """

    alpha: float = 1.0
    beta: float = 0.3
    last_step: int = 10**12
    rate: float = 0.25
    tiny: bool = False


NAMES = {"SGD": "SGD", "heavy ball": "heavy ball, momentum 0.9", "DANA": "DANA-decaying"}
PER_DECADE = 8
TOLERANCE = 0.01  # of a slope
EACH, PER_FOLD = 64, 12  # modes that stand alone; then groups of modes, to an e-fold
EDGES = 3  # records at each end whose slope is one-sided, or beside one


def problem(config, last: float):
    """The law's modes, those that are not learned in ``last`` steps left out of the sum but not of the risk."""
    far = 100 * last ** (1 / config.alpha)  # at twice the learning speed of SGD
    alone = np.arange(1.0, EACH + 1)
    edges = np.geomspace(EACH + 0.5, far, 1 + round(PER_FOLD * np.log(far / EACH)))
    middle = np.sqrt(edges[1:] * edges[:-1])
    k, count = np.append(alone, middle), np.append(np.ones(EACH), np.diff(edges))
    return Modes(k ** (-2 * config.alpha), count, count * k ** (-2 * config.beta))


class Modes(HasSpectrum, sv.AbstractModel):
    """Groups of modes of one eigenvalue."""

    eigvals: jax.Array
    mass: jax.Array
    error: jax.Array
    samples: ClassVar[None] = None

    def draw(self, key):
        return sv.LinearProblem(self.eigvals, np.sqrt(self.error), 0.0)

    def spectrum(self):
        values = (jnp.asarray(x) for x in (self.eigvals, self.mass, self.error))
        return Spectrum(*values, jnp.asarray(0.0), jnp.asarray(1.0))


def rules(config, trace: float) -> dict:
    """The optimizers."""
    rate = config.rate / trace
    return {"SGD": sv.SGD(rate), "heavy ball": sv.HeavyBall(0.1 * rate, 0.9),
            "DANA": sv.DANA(rate, 0.25, 1 / (2 * config.alpha), delta=8.0)}  # fmt: skip


def predicted(config) -> np.ndarray:
    """The slope of each optimizer."""
    sgd = -(2 * config.alpha + 2 * config.beta - 1) / (2 * config.alpha)
    return np.array([sgd, sgd, sgd * (2 - 1 / (2 * config.alpha))])


def run(config: Config, progress=lambda *_: None):
    """Curves and local slopes."""
    last = config.last_step // 1000 if config.tiny else config.last_step
    count = 1 + round(PER_DECADE * np.log10(last / 100))
    steps, law, risk = np.rint(np.geomspace(100, last, count)).astype(np.int64), problem(config, last), []
    for index, algorithm in enumerate(rules(config, float((law.mass * law.eigvals).sum())).values()):
        progress("optimizers", index, len(NAMES))
        risk.append(sv.solve(law, algorithm, sv.Recursion(), steps).risk)
    slopes = np.gradient(np.log(risk), np.log(steps), axis=1)
    variables = {"risk": (("method", "step"), np.array(risk), "risk"),
                 "slope": (("method", "step"), slopes, "local slope of log risk in log steps"),
                 "predicted": (("method",), predicted(config), "predicted slope")}  # fmt: skip
    coords = {"method": (("method",), list(NAMES), "optimizer"),
              "step": (("step",), steps, "steps, one sample each")}  # fmt: skip
    return make_dataset("ferbach2025/dana", config, variables, coords)


def plot(dataset) -> Figure:
    """Curves, and local slopes with their predictions."""
    late = dataset["slope"].isel(step=-EDGES)
    with style():
        figure = Figure(figsize=(10, 4.6))
        curves, slopes = figure.subplots(1, 2)
        for index, name in enumerate(dataset["method"].values):
            here, color, line = dataset.sel({"method": name}), COLORS[1 + index], ("-", "--", "-.")[index]
            curves.loglog(here["step"], here["risk"], line, color=color, label=NAMES[name])
            slopes.semilogx(here["step"][1:-1], here["slope"][1:-1], line, color=color)
            slopes.axhline(float(here["predicted"]), color="black", linestyle=":", linewidth=1)
        curves.set(xlabel="steps, one sample each", ylabel="risk E[(f(x) − y)²]", title="exact theory")
        slopes.set(xlabel="steps, one sample each", ylabel="local slope", title="slopes (dotted: predicted)")
        figure.legend(*curves.get_legend_handles_labels(), loc="outside lower center", ncols=3)
        dana, sgd = (float(late.sel({"method": name})) for name in ("DANA", "SGD"))
        step = float(late["step"])
        figure.suptitle(f"At step {step:.0e} the risk of DANA falls as t^{dana:.3f}, of SGD as t^{sgd:.3f}")
    return figure


def report(dataset) -> list[dict]:
    """Late slopes beside their predictions, and the step from which they are within 0.01."""
    rows, slope = [], dataset["slope"].isel(step=slice(EDGES, 1 - EDGES))
    for name in dataset["method"].values:
        here, expected = slope.sel({"method": name}).values, float(dataset["predicted"].sel({"method": name}))
        text = f"{name}: slope in time at step {float(slope['step'][-1]):.0e}"
        rows.append(report_row(text, expected, here[-1], TOLERANCE))
        far = np.flatnonzero(np.abs(here - expected) > TOLERANCE)
        first = 0 if not far.size else far[-1] + 1
        if first < len(here):
            text = f"{name}: step from which the slope is within {TOLERANCE}, power of 10 (seen, no test)"
            power = float(np.log10(slope["step"].values[first]))
            rows.append(report_row(text, power, power, None))
    return rows
