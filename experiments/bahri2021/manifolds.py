"""Resolution exponent against the dimension of the data: infinitely many ReLU features on spheres.

Inputs are uniform on the sphere of intrinsic dimension m, the student has infinitely many random ReLU features, the
target is a wide random ReLU network. The kernel's eigenvalues fall as i^-(1 + 3/m), so the risk falls as
samples^(-3/m): the exponent read off the spectrum predicts that of the learning curve, and the curve itself follows
from the eigenvalues, steps included, where a degree of spherical harmonics is learned. Dots are kernel regression on
drawn data, averaged over targets exactly. The prediction takes features to be Gaussian: its exponents hold in every
dimension, its constant from dimension 6 on: the figure's legend says how far above it draws are at the last size
(1.42 in dimension 2, 1.13 in 3, 1.06 in 4, 1.01 in 8 at 1024 samples). Source: Bahri, Dyer, Kaplan, Lee, Sharma 2021
(arXiv 2102.06701), exponents and the dimension of the data manifold.
"""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.forms import Population
from solvable.models import arc_cosine, sphere_eigvals
from solvable.plots import COLORS, LINES, MARKERS, style
from solvable.results import make_dataset, report_row

SMALLEST = 1e-14  # of the largest eigenvalue: below, the quadrature is rounding
DEGREES = 400
EXPONENT = 0.03  # tolerance of the exponent, relative
CONSTANT = {2: 0.5, 3: 0.2, 4: 0.1}  # of the risk at the largest size, relative; 0.03 in other dimensions


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        dimensions: intrinsic dimensions of the spheres, at least 2.
        largest: largest number of samples simulated; sizes double from 16.
        num_test: test points of a draw.
        num_draws: draws of the data.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    dimensions: tuple[int, ...] = (2, 3, 4, 6, 8)
    largest: int = 1024
    num_test: int = 256
    num_draws: int = 24
    tiny: bool = False
    seed: int = 0


class Kernel(sv.models.HasPopulation, sv.AbstractModel):
    """Kernel regression of a Gaussian random target with the same kernel, on a sphere."""

    dimension: int = 2
    samples: float = 16.0

    def population(self):
        eigvals, mass = _modes(self.dimension)
        one = jnp.asarray
        return Population(one(eigvals), one(mass), one(mass * eigvals), one(jnp.inf), one(self.samples), one(0.0))

    def draw(self, key):
        raise NotImplementedError


def _modes(dimension: int):
    """Eigenvalues and multiplicities; degrees too small to be computed become one mode with what the trace leaves."""
    eigvals, mass = (np.asarray(x) for x in sphere_eigvals(arc_cosine, dimension, DEGREES))
    seen = eigvals > SMALLEST * eigvals.max()
    cut = len(seen) if seen[::2].all() else 2 * int(np.argmin(seen[::2]))
    eigvals, mass = eigvals[:cut][seen[:cut]], mass[:cut][seen[:cut]]
    rest = float(arc_cosine(1.0)) - (mass * eigvals).sum()
    return np.append(eigvals, eigvals[-1]), np.append(mass, max(rest, 0.0) / eigvals[-1])


def run(config: Config, progress=lambda *_: None):
    """Theory (setting, point), draws beside it (setting, samples, run), eigenvalues (setting, eigenvalue)."""
    largest, draws = (64, 3) if config.tiny else (config.largest, config.num_draws)
    samples = 2 ** np.arange(4, int(np.log2(largest)) + 1)
    line = np.geomspace(8, 4 * largest, 80)
    theory, sampled, spectra = [], [], []
    for done, dimension in enumerate(config.dimensions):
        progress("dimensions", done, len(config.dimensions))
        model = Kernel(dimension)
        theory.append(sv.ridge_map(model, samples=np.append(line, samples.astype(float))).risk)
        random = np.random.default_rng([config.seed, dimension])
        sampled.append([_risks(dimension, samples, config.num_test, random) for _ in range(draws)])
        eigvals, mass = _modes(dimension)
        rank = np.cumsum(mass) - mass / 2 + 0.5
        spectra.append(np.exp(np.interp(np.log(line), np.log(rank[:-1]), np.log(eigvals[:-1]))))
    progress("dimensions", len(config.dimensions), len(config.dimensions))
    theory = np.array(theory)
    variables = {
        "theory": (("setting", "point"), theory[:, : len(line)], "risk predicted from the eigenvalues"),
        "expected": (("setting", "samples"), theory[:, len(line):], "the same at the simulated sizes"),
        "sampled": (("setting", "run", "samples"), sampled, "risk on a draw of the data, averaged over targets"),
        "eigenvalue": (("setting", "point"), spectra, "kernel eigenvalue at index `size`, interpolated"),
    }
    coords = {"dimension": (("setting",), list(config.dimensions), "intrinsic dimension of the sphere"),
              "samples": (("samples",), samples, "number of training samples"),
              "size": (("point",), line, "number of samples, or index of the eigenvalue")}
    return make_dataset("bahri2021/manifolds", config, variables, coords)


def _risks(dimension: int, samples, num_test: int, random):
    """Mean over targets and test points of the squared error: the posterior variance of the Gaussian process."""
    points = random.normal(size=(samples[-1] + num_test, dimension + 1))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    kernel = np.asarray(arc_cosine(points @ points.T), float)
    train, test = kernel[: samples[-1], : samples[-1]], kernel[: samples[-1], samples[-1]:]
    factor = np.linalg.cholesky(train + 1e-7 * np.eye(samples[-1]))
    explained = np.linalg.solve(factor, test) ** 2
    # The leading rows of the factor are the factor of the leading samples: one factorisation serves all sizes.
    return float(arc_cosine(1.0)) - np.cumsum(explained, 0)[samples - 1].mean(1)


def _slope(x, y):
    return -np.polyfit(np.log(x), np.log(y), 1)[0]


def plot(dataset):
    """Learning curves, and the exponents against the dimension."""
    with style():
        figure = Figure(figsize=(9.6, 4.3))
        left, right = figure.subplots(1, 2)
        mean = dataset.sampled.mean("run")
        error = dataset.sampled.std("run", ddof=1) / np.sqrt(dataset.run.size)
        for index, dimension in enumerate(dataset.dimension.values):
            color = COLORS[index % 7]
            left.plot(dataset["size"], dataset.theory[index], LINES[index % 4], color=color,
                      label=f"dimension {dimension}, last: {mean[index][-1] / dataset.expected[index][-1]:.2f}")
            left.errorbar(dataset.samples, mean[index], 2 * error[index], fmt=MARKERS[index % 7], color=color,
                          markersize=4, markerfacecolor="white")
        left.set(xscale="log", yscale="log", xlabel="samples", ylabel="risk E[(f(x) − y)²]",
                 title="lines: predicted from the eigenvalues, markers: draws")
        left.legend(title="draws / prediction")
        fine = np.linspace(1.8, 8.4, 100)
        right.plot(fine, 3 / fine, "--", color="black", label="3 / dimension (asymptotic)")
        window = dataset.samples.values >= 32
        x = dataset.samples.values[window]
        for values, marker, color, label in ((dataset.expected, "s", COLORS[1], "theory, 32 samples and more"),
                                             (mean, "o", COLORS[2], "draws, the same window")):
            right.plot(dataset.dimension, [_slope(x, v.values[window]) for v in values], marker, color=color,
                       markerfacecolor="none", markersize=7 if marker == "s" else 5, label=label)
        right.set(xlabel="dimension of the sphere", ylabel="exponent of the risk in samples")
        right.legend()
    return figure


def report(dataset) -> list[dict]:
    """Slopes of drawn curves beside the prediction's, the largest size, and the spectrum's exponent beside 3 / m."""
    rows = []
    for index, dimension in enumerate(dataset.dimension.values):
        runs, expected = dataset.sampled.values[index], dataset.expected.values[index]
        rows += curve_rows(int(dimension), dataset.samples.values, runs, expected)
        if dimension <= 4:
            eigvals, mass = _modes(int(dimension))
            rank = np.cumsum(mass)[:-1]
            use = rank > 0.02 * rank[-1]
            rows.append(report_row(f"dimension {dimension}: exponent of the eigenvalues, minus 1", 3 / dimension,
                                   _slope(rank[use], eigvals[:-1][use]) - 1, 0.1))
    return rows


def curve_rows(dimension: int, samples, runs, expected) -> list[dict]:
    """Exponent and last risk of drawn curves, shape (draws, samples), beside a prediction, shape (samples,)."""
    window = samples >= 32
    exponent = _slope(samples[window], expected[window])
    slopes = np.array([_slope(samples[window], run[window]) for run in runs])
    ratio = runs[:, -1] / expected[-1]
    (slope, slope_error), (mean, error) = ((x.mean(), x.std(ddof=1) / np.sqrt(len(x))) for x in (slopes, ratio))
    return [report_row(f"dimension {dimension}: exponent in samples, draws beside prediction", exponent, slope,
                       EXPONENT * exponent, slope_error),
            report_row(f"dimension {dimension}: risk at {samples[-1]} samples over the prediction", 1.0, mean,
                       CONSTANT.get(dimension, 0.03), error)]
