"""The phase diagram of compute-optimal scaling: measured exponents over the (alpha, beta) plane, theory and SGD.

Paquette et al. 2024 (arXiv 2405.15074), figures 2 and 4: where the compute-optimal width grows as compute^xi and the
risk falls as compute^-eta, the plane divides into seven phases. Here both exponents are measured: exactly, from the
deterministic equivalent at one large compute, on a grid; and from SGD runs, at one point a phase, at a compute that a
laptop reaches, beside what the theory says at that same compute.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import equinox as eqx
import jax
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import plot_phase_map, style
from solvable.results import make_dataset, report_row

# One point a phase, away from the boundaries, for SGD and for the exact exponents.
POINTS = {
    "Ia": (0.8, 0.2),
    "Ib": (0.4, 0.3),
    "Ic": (0.18, 1.0),
    "II": (1.0, 0.65),
    "III": (0.75, 1.15),
    "IVa": (0.4, 1.0),
    "IVb": (0.262, 0.6),
}


class OverTrace(eqx.Module):
    """SGD with learning rate ``scale`` / trace of the feature covariance, one sample a step."""

    scale: float

    def __call__(self, model) -> sv.SGD:
        return sv.SGD(self.scale / model.trace())


@dataclass(frozen=True)
class Config:
    """Compute-optimal exponents of power-law random features over the (alpha, beta) plane."""

    points: int = 24
    """Grid points along alpha and along beta."""
    alpha: tuple[float, float] = (0.05, 1.1)
    """Range of alpha, the exponent of the inputs: eigenvalues j^(-2 alpha)."""
    beta: tuple[float, float] = (-0.2, 1.3)
    """Range of beta, the exponent of the target: coefficients j^(-beta)."""
    compute: float = 1e16
    """Compute (width x steps x batch size) at which the theory's local exponents are read."""
    sgd_compute: float = 2e5
    """Largest compute that the SGD runs reach."""
    runs: int = 24
    """SGD runs at each width, each with its own random features."""
    learning_rate: float = 0.5
    """Learning rate times the trace of the feature covariance."""
    nodes: int = 224
    """Contour nodes of the theory's spectrum."""
    seed: int = 0
    """Seed of every random number."""
    tiny: bool = False
    """A few points and short runs, to see that it works."""

    def sized(self) -> "Config":
        """The configuration that is run: itself, or its tiny version."""
        if not self.tiny:
            return self
        kept = {"alpha": self.alpha, "beta": self.beta, "learning_rate": self.learning_rate, "seed": self.seed}
        return Config(points=8, compute=1e12, sgd_compute=5e4, runs=8, tiny=True, **kept)


RATIO = 4  # ambient coordinates per feature
RECORDS = 80  # steps at which an SGD run is recorded


def run(config: Config, progress: Callable[[str, int, int], None] = lambda *_: None) -> xr.Dataset:
    """Measure both exponents: theory on the grid and at one point a phase, SGD at those points."""
    config = config.sized()
    alpha, beta = np.linspace(*config.alpha, config.points), np.linspace(*config.beta, config.points)
    a, b = np.meshgrid(alpha, beta, indexing="ij")
    grid = _exact(config, a, b, config.compute, lambda done, total: progress("theory", done, total))
    plane = ("alpha", "beta")
    variables = {
        "loss_exponent": (plane, np.where(grid.interior, grid.loss_exponent, np.nan), "measured loss exponent eta"),
        "width_exponent": (plane, np.where(grid.interior, grid.width_exponent, np.nan), "measured width exponent xi"),
        "predicted_loss_exponent": (plane, sv.phase(a, b).loss_exponent, "predicted loss exponent eta"),
        "predicted_width_exponent": (plane, sv.phase(a, b).width_exponent, "predicted width exponent xi"),
        "optimal_width": (plane, grid.width, "compute-optimal width"),
        **_at_points(config, progress),
    }
    coords = {
        "alpha": (("alpha",), alpha, "exponent of the inputs"),
        "beta": (("beta",), beta, "exponent of the target"),
        "phase": (("phase",), list(POINTS), "phase"),
    }
    return make_dataset("paquette2024/phase_diagram", config, variables, coords, compute=config.compute)


def _exact(config: Config, alpha, beta, compute, progress=None):
    """Exact frontiers; every call shares one compilation, with nodes for the largest alpha and compute."""
    return sv.frontier_map(
        sv.PowerLawRF(), OverTrace(config.learning_rate), compute, alpha=alpha, beta=beta, ratio=RATIO,
        nodes=config.nodes, stages=3, progress=progress,
    )  # fmt: skip


def _at_points(config: Config, progress) -> dict:
    """Exact and SGD exponents at one point a phase, as variables over the dimension phase."""
    alpha, beta = np.array(list(POINTS.values())).T
    window = np.geomspace(config.sgd_compute / 100, config.sgd_compute / 3, 7)
    exact = _exact(config, alpha, beta, np.append(window, config.compute))
    pairs = []
    for i in range(len(POINTS)):
        progress("SGD", i, len(POINTS))
        pairs.append(_sgd_exponents(config, alpha[i], beta[i], exact.width[i, :-1], window, i))
    progress("SGD", len(POINTS), len(POINTS))
    fits, theory = zip(*pairs, strict=True)
    columns = {
        "point_alpha": (alpha, "alpha of the point"),
        "point_beta": (beta, "beta of the point"),
        "exact_eta": (exact.loss_exponent[:, -1], "eta of the theory at the maps' compute"),
        "exact_xi": (exact.width_exponent[:, -1], "xi of the theory at the maps' compute"),
        "window_eta": ([fit.loss_exponent.value for fit in theory], "eta of the theory's curves, read off as SGD's"),
        "window_xi": ([fit.width_exponent.value for fit in theory], "xi of the theory's curves, read off as SGD's"),
        "sgd_eta": ([fit.loss_exponent.value for fit in fits], "eta of SGD in its window"),
        "sgd_xi": ([fit.width_exponent.value for fit in fits], "xi of SGD in its window"),
        "sgd_eta_stderr": ([fit.loss_exponent.stderr for fit in fits], "standard error of SGD's eta"),
        "sgd_xi_stderr": ([fit.width_exponent.stderr for fit in fits], "standard error of SGD's xi"),
    }
    return {name: (("phase",), values, text) for name, (values, text) in columns.items()}


def _sgd_exponents(config: Config, alpha, beta, optimal, window, index: int):
    """eta and xi in the window by IsoFLOP parabolas: of SGD, with bootstrap errors over runs, and of the theory.

    Every run draws its own random features. All widths are padded with absent modes to one shape: one compiled call.
    The theory's curves at the same widths and steps go through the same fit, whose bias then cancels.
    """
    center, reach = np.sqrt(optimal[0] * optimal[-1]), 1.7 * np.sqrt(optimal[-1] / optimal[0])
    ladder = np.unique(np.rint(6 * 1.5 ** np.arange(16)).astype(int))
    widths = ladder[(ladder > center / reach / 1.3) & (ladder < center * reach * 1.3)]
    steps = sv.log_steps(int(config.sgd_compute / widths[0]), RECORDS)
    key = jax.random.fold_in(jax.random.key(config.seed), index)
    size = int(2 ** np.ceil(np.log2(widths[-1])))
    risks = [_train(config, alpha, beta, int(width), size, steps, jax.random.fold_in(key, width)) for width in widths]
    theory = [_theory(config, alpha, beta, int(width), steps) for width in widths]
    read = functools.partial(sv.fits.measure_frontier, widths, steps, compute=window, approach="isoflop", key=key)
    return tuple(read(np.stack(curves)).fit(window[0], window[-1]) for curves in (risks, theory))


def _theory(config: Config, alpha, beta, width: int, steps):
    """Risk of the typical draw at one width."""
    model = sv.PowerLawRF(alpha, beta, width, RATIO * width)
    return sv.solve(model, OverTrace(config.learning_rate)(model), sv.Recursion(), steps).risk


def _train(config: Config, alpha, beta, width: int, size: int, steps, key):
    """Risk of SGD runs at one width, each on its own draw, shape (runs, steps); held constant beyond the compute."""
    model = sv.PowerLawRF(alpha, beta, width, RATIO * width)
    rate = config.learning_rate / model.trace()
    keys = jax.random.split(key, config.runs)
    draws = jax.vmap(lambda k: _arrays(model.draw(k)))(keys)
    padded = [np.pad(np.asarray(x), ((0, 0), (0, size - width))) for x in draws[:2]]
    used = _records(int(config.sgd_compute / width))

    def train(eigvals, target, floor, key):
        problem = sv.LinearProblem(eigvals, target, floor)
        return sv.solve(problem, sv.SGD(rate), sv.Simulation(), used, key=key).risk

    risk = np.log(np.asarray(jax.vmap(train)(*padded, np.asarray(draws[2]), keys), np.float64))
    return np.exp([np.interp(np.log1p(steps), np.log1p(used), row) for row in risk])


def _records(last: int) -> np.ndarray:
    """RECORDS steps from 0 to ``last``, about evenly spaced in the logarithm: as many whatever ``last`` is."""
    count = RECORDS
    while len(sv.log_steps(last, count)) < RECORDS:
        count += 20
    steps = sv.log_steps(last, count)
    return steps[np.rint(np.linspace(0, len(steps) - 1, RECORDS)).astype(int)]


def _arrays(problem):
    return problem.eigvals, problem.target, problem.floor


def plot(dataset: xr.Dataset) -> Figure:
    """Measured eta and xi as maps with the predicted boundaries; SGD and theory side by side at one point a phase."""
    with style():
        figure = Figure(figsize=(10.5, 7.4))
        axes = figure.subplots(2, 2, height_ratios=(1.5, 1))
        for ax, name, title in (
            (axes[0, 0], "loss_exponent", r"loss exponent $\eta$:  risk $\sim$ compute$^{-\eta}$"),
            (axes[0, 1], "width_exponent", r"width exponent $\xi$:  optimal width $\sim$ compute$^{\xi}$"),
        ):
            limits = {"vmin": 0, "vmax": 0.8} if name == "loss_exponent" else {"vmin": 0.25, "vmax": 0.75}
            mesh = plot_phase_map(dataset[name], ax, cmap="viridis", **limits)
            figure.colorbar(mesh, ax=ax, extend="both", label="measured by theory")
            ax.scatter(dataset["point_alpha"], dataset["point_beta"], s=26, c="white", edgecolors="black", zorder=5)
            ax.set_title(title)
        for ax, symbol, text in ((axes[1, 0], "eta", r"$\eta$"), (axes[1, 1], "xi", r"$\xi$")):
            _plot_points(ax, dataset, symbol, text)
        axes[1, 0].legend(loc="upper left", ncols=2, bbox_to_anchor=(0, 1.28))
        figure.suptitle(
            "Compute-optimal scaling of power-law random features: predicted phases (lines), "
            f"exponents measured at compute {dataset.attrs['compute']:.0e} (maps)"
        )
    return figure


def _plot_points(ax, dataset: xr.Dataset, symbol: str, text: str) -> None:
    """Predicted, exact and SGD exponents of each phase, side by side."""
    x = np.arange(dataset.sizes["phase"])
    predicted = sv.phase(dataset["point_alpha"].values, dataset["point_beta"].values)
    asymptote = predicted.loss_exponent if symbol == "eta" else predicted.width_exponent
    ax.hlines(asymptote, x - 0.4, x + 0.4, color="black", linewidth=1.2, label="predicted asymptote")
    ax.plot(x - 0.22, dataset[f"exact_{symbol}"], "D", color="#0072B2", label="theory at the maps' compute")
    ax.plot(x, dataset[f"window_{symbol}"], "s", color="#E69F00", mfc="none", mew=1.5, label="theory, same fit")
    ax.errorbar(
        x + 0.22, dataset[f"sgd_{symbol}"], 2 * dataset[f"sgd_{symbol}_stderr"], fmt="o", color="#D55E00", capsize=2,
        label="SGD (bars: 2 standard errors)",
    )  # fmt: skip
    ax.set_xticks(x, dataset["phase"].values)
    ax.set_xlabel(r"phase, at the point marked in the maps")
    ax.set_ylabel(text)


def report(dataset: xr.Dataset) -> list[dict]:
    """Theory against the predicted table, and SGD against the theory at its own compute, phase by phase."""
    rows = []
    for name in dataset["phase"].values:
        here = dataset.sel(phase=name)
        predicted = sv.phase(float(here["point_alpha"]), float(here["point_beta"]))
        asymptotes = {"eta": predicted.loss_exponent, "xi": predicted.width_exponent}
        for symbol, tolerance in (("eta", 0.005), ("xi", 0.01)):
            exact = float(here[f"exact_{symbol}"])
            rows.append(report_row(f"{symbol}, {name}, theory vs asymptote", asymptotes[symbol], exact, tolerance))
        for symbol, bias in (("eta", 0.02), ("xi", 0.04)):  # what O(1 / width) and the fit leave
            stderr = float(here[f"sgd_{symbol}_stderr"])
            window, sgd = float(here[f"window_{symbol}"]), float(here[f"sgd_{symbol}"])
            rows.append(report_row(f"{symbol}, {name}, SGD vs theory", window, sgd, bias + 4.5 * stderr, stderr))
    return rows
