"""The phase diagram of compute-optimal scaling: measured exponents over the (alpha, beta) plane, theory and SGD.

Paquette et al. 2024 (arXiv 2405.15074), figures 2 and 4: where the compute-optimal width grows as compute^xi and the
risk falls as compute^-eta, the plane divides into seven phases. Here both exponents are measured: exactly, from the
deterministic equivalent at one large compute, on a grid; and from SGD runs, at one point a phase, at a compute that a
laptop reaches. What one sees there are the minima of IsoFLOP parabolas. What is tested is sharper: the risk of SGD
over the exact mean of its own draw is 1 at every width and compute of that window, and no other phase's theory fits.
"""

from collections.abc import Callable
from dataclasses import dataclass

import equinox as eqx
import jax
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, plot_phase_map, style
from solvable.results import make_dataset, report_row

from . import by_algorithm, own_draw

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
    widths: tuple[int, ...] = (8, 16, 32, 64, 128, 256)
    """Widths of SGD, increasing."""
    window: tuple[float, float] = (2048.0, 32768.0)
    """Smallest and largest compute at which SGD is compared with theory."""
    draws: int = 32
    """Draws of the random features at each width."""
    runs: int = 96
    """SGD runs on each draw."""
    learning_rate: float = 0.25
    """Learning rate times the trace of the feature covariance. At 0.5 a few narrow draws are unstable, and on many
    more the variance of SGD's risk is infinite: its mean could not be measured."""
    nodes: int = 224
    """Contour nodes of the theory's spectrum."""
    seed: int = 0
    """Seed of every random number."""
    algorithm: by_algorithm.Name = "sgd"
    """Which optimizer: SGD at a constant rate, or another, on a map of a third of the points along each axis."""
    tune_rate: bool = False
    """Whether each run of another optimizer has its best (peak) learning rate; six times the work."""
    tiny: bool = False
    """A few points and short runs, to see that it works."""

    def sized(self) -> "Config":
        """The configuration that is run: itself, or its tiny version."""
        if not self.tiny:
            return self
        kept = {"alpha": self.alpha, "beta": self.beta, "learning_rate": self.learning_rate, "seed": self.seed}
        kept |= {"algorithm": self.algorithm, "tune_rate": self.tune_rate}
        small = {"points": 3, "compute": 1e12, "widths": (8, 16, 32), "window": (512.0, 2048.0), "draws": 4}
        return Config(runs=8, nodes=64, tiny=True, **small, **kept)


RATIO = 4  # ambient coordinates per feature
SEEN = 7  # values of compute at which the parabolas are drawn


def run(config: Config, progress: Callable[[str, int, int], None] = lambda *_: None) -> xr.Dataset:
    """Measure both exponents: theory on the grid and at one point a phase, SGD at those points."""
    config = config.sized()
    if config.algorithm != "sgd":
        return by_algorithm.run(config, POINTS, progress)
    alpha, beta = np.linspace(*config.alpha, config.points), np.linspace(*config.beta, config.points)
    a, b = np.meshgrid(alpha, beta, indexing="ij")
    grid, points = _exact(config, a, b, lambda done, total: progress("theory", done, total))
    plane = ("alpha", "beta")
    variables = {
        "loss_exponent": (plane, np.where(grid.interior, grid.loss_exponent, np.nan), "measured loss exponent eta"),
        "width_exponent": (plane, np.where(grid.interior, grid.width_exponent, np.nan), "measured width exponent xi"),
        "predicted_loss_exponent": (plane, sv.phase(a, b).loss_exponent, "predicted loss exponent eta"),
        "predicted_width_exponent": (plane, sv.phase(a, b).width_exponent, "predicted width exponent xi"),
        "optimal_width": (plane, grid.width, "compute-optimal width"),
        **_at_points(points),
        **_sgd_at_points(config, progress),
    }
    coords = {
        "alpha": (("alpha",), alpha, "exponent of the inputs"),
        "beta": (("beta",), beta, "exponent of the target"),
        "phase": (("phase",), list(POINTS), "phase of the SGD runs"),
        "setting": (("setting",), list(POINTS), "phase of the theory they are divided by"),
        "width": (("width",), list(config.widths), "number of random features"),
    }
    return make_dataset("paquette2024/phase_diagram", config, variables, coords, compute=config.compute)


def _exact(config: Config, alpha, beta, progress):
    """Exact frontiers on the grid and at one point a phase: one map, with nodes for the largest alpha and compute."""
    points = np.array(list(POINTS.values())).T
    every = (np.append(x.ravel(), more) for x, more in zip((alpha, beta), points, strict=True))
    found = sv.frontier_map(
        sv.PowerLawRF(), OverTrace(config.learning_rate), config.compute,
        **dict(zip(("alpha", "beta"), every, strict=True)), ratio=RATIO, nodes=config.nodes, stages=2,
        progress=progress,
    )  # fmt: skip
    count = alpha.size
    return jax.tree.map(lambda x: x[:count].reshape(alpha.shape), found), jax.tree.map(lambda x: x[count:], found)


def _at_points(exact) -> dict:
    """Exponents of the theory at the maps' compute, at one point a phase."""
    alpha, beta = np.array(list(POINTS.values())).T
    columns = {
        "point_alpha": (alpha, "alpha of the point"),
        "point_beta": (beta, "beta of the point"),
        "exact_eta": (exact.loss_exponent, "eta of the theory at the maps' compute"),
        "exact_xi": (exact.width_exponent, "xi of the theory at the maps' compute"),
    }
    return {name: (("phase",), values, text) for name, (values, text) in columns.items()}


def families(config: Config, progress: Callable[[str, int, int], None] = lambda *_: None) -> list[own_draw.Family]:
    """SGD and the exact means of its draws, at each phase's point; the phases share the Gaussian matrices W."""
    rule, key = OverTrace(config.learning_rate), jax.random.key(config.seed)
    steps, found = own_draw.steps_in(config.window, config.widths), []
    for index, (alpha, beta) in enumerate(POINTS.values()):
        progress("SGD", index, len(POINTS))
        model, sample_key = sv.PowerLawRF(alpha, beta, 8, 8 * RATIO), jax.random.fold_in(key, index + 1)
        sizes = config.widths, steps, config.draws, config.runs
        found.append(own_draw.train(model, rule, *sizes, jax.random.fold_in(key, 0), sample_key=sample_key))
    progress("SGD", len(POINTS), len(POINTS))
    return found


def _sgd_at_points(config: Config, progress) -> dict:
    """SGD beside its own draws' exact means, beside those of every other phase, and what parabolas show."""
    sgd = families(config, progress)
    pairs = [[own_draw.agreement(one, theory) for theory in sgd] for one in sgd]
    values, errors = (np.array([[pair[part] for pair in row] for row in pairs]) for part in (0, 1))
    square, curve = ("phase", "setting"), ("phase", "width", "point")
    ratio = np.stack([family.risk / family.exact[:, :, None] for family in sgd])
    variables = {"ratio": (curve, ratio.mean((2, 3)), "SGD over its own draw's exact mean, at each width and compute")}
    for index, (name, text) in enumerate(zip(own_draw.COLUMNS, own_draw.NAMES, strict=True)):
        variables[name] = square, values[..., index], f"SGD over the exact means of a theory: {text}"
        variables[f"{name}_stderr"] = square, errors[..., index], f"standard error of {name}, over runs"
    seen = np.array([_seen(config, *point, family) for point, family in zip(POINTS.values(), sgd, strict=True)])
    for index, (name, text) in enumerate(SEEN_NAMES.items()):
        variables[name] = ("phase",), seen[:, index], text
    return variables


SEEN_NAMES = {
    "sgd_eta": "eta of SGD in its window, by IsoFLOP parabolas",
    "sgd_eta_stderr": "standard error of sgd_eta, over draws",
    "window_eta": "eta of the typical draw, read off as SGD's",
    "sgd_xi": "xi of SGD in its window, by IsoFLOP parabolas",
    "sgd_xi_stderr": "standard error of sgd_xi, over draws",
    "window_xi": "xi of the typical draw, read off as SGD's",
}


def _seen(config: Config, alpha: float, beta: float, sgd: own_draw.Family) -> list[float]:
    """Exponents by IsoFLOP parabolas, the values of `SEEN_NAMES`: of SGD, errors over draws, and of the typical draw.

    The bias of the parabolas is the same in both.
    """
    models = [sv.PowerLawRF(alpha, beta, width, RATIO * width) for width in config.widths]
    rule, compute = OverTrace(config.learning_rate), np.geomspace(*config.window, SEEN + 2)[1:-1]
    fits = []
    for curves in (own_draw.draw_means(sgd), own_draw.typical(models, rule, sgd.steps)):
        steps, risk = own_draw.on_common_steps(sgd, curves)
        key = jax.random.key(config.seed)
        found = sv.fits.measure_frontier(config.widths, steps, risk, compute=compute, approach="isoflop", key=key)
        fits.append(found.fit() if found.interior.sum() >= 3 else None)
    if None in fits:
        return [np.nan] * len(SEEN_NAMES)
    pairs = zip(*((fit.loss_exponent, fit.width_exponent) for fit in fits), strict=True)
    return [x for measured, theory in pairs for x in (measured.value, measured.stderr, theory.value)]


def plot(dataset: xr.Dataset) -> Figure:
    """Measured eta and xi as maps with the predicted boundaries; SGD and theory side by side at one point a phase."""
    if "algorithm" in dataset.attrs:
        return by_algorithm.plot(dataset)
    with style():
        figure = Figure(figsize=(11.5, 7.6))
        upper, lower = figure.subfigures(2, 1, height_ratios=(1.45, 1))
        for ax, name, title in zip(
            upper.subplots(1, 2),
            ("loss_exponent", "width_exponent"),
            (r"loss exponent $\eta$:  risk $\sim$ compute$^{-\eta}$",
             r"width exponent $\xi$:  optimal width $\sim$ compute$^{\xi}$"), strict=True,
        ):  # fmt: skip
            limits = {"vmin": 0, "vmax": 0.8} if name == "loss_exponent" else {"vmin": 0.25, "vmax": 0.75}
            mesh = plot_phase_map(dataset[name], ax, cmap="viridis", **limits)
            upper.colorbar(mesh, ax=ax, extend="both", label="measured by theory")
            ax.scatter(dataset["point_alpha"], dataset["point_beta"], s=26, c="white", edgecolors="black", zorder=5)
            ax.set_title(title)
        upper.suptitle(
            "Compute-optimal scaling of power-law random features: predicted phases (lines), "
            f"exponents measured at compute {dataset.attrs['compute']:.0e} (maps)"
        )
        axes = lower.subplots(1, 3)
        for ax, symbol, text in zip(axes, ("eta", "xi"), (r"$\eta$", r"$\xi$"), strict=False):
            _plot_points(ax, dataset, symbol, text)
        _plot_ratio(axes[2], dataset)
        lower.legend(*axes[0].get_legend_handles_labels(), loc="outside lower left", ncols=4)
        lower.legend(*axes[2].get_legend_handles_labels(), loc="outside lower right", ncols=3)
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
    _phases_below(ax, dataset)
    ax.set_ylabel(text)


def _phases_below(ax, dataset: xr.Dataset) -> None:
    ax.set_xticks(range(dataset.sizes["phase"]), dataset["phase"].values)
    ax.set_xlabel("phase, at the point marked in the maps")


def _plot_ratio(ax, dataset: xr.Dataset) -> None:
    """What SGD adds to the theory of its own draw: three numbers that must be 0, and the tolerance."""
    ax.axhspan(-own_draw.TOLERANCE, own_draw.TOLERANCE, color="0.9", zorder=0)
    ax.axhline(0, color="black", linewidth=0.8)
    labels, x = ("mean − 1", "slope in compute", "slope in width"), np.arange(dataset.sizes["phase"])
    for index, (name, label, marker) in enumerate(zip(own_draw.COLUMNS, labels, "osD", strict=True)):
        value, stderr = (np.diag(dataset[kind]) for kind in (name, f"{name}_stderr"))
        ax.errorbar(x + 0.22 * (index - 1), value - own_draw.EXPECTED[index], 2 * stderr, fmt=marker, markersize=4,
                    color=COLORS[1 + index], capsize=2, label=label)  # fmt: skip
    _phases_below(ax, dataset)
    ax.set_ylim(-1.4 * own_draw.TOLERANCE, 1.4 * own_draw.TOLERANCE)
    ax.set_ylabel("SGD / exact mean of its draw")
    ax.set_title("what SGD adds to theory (grey: tolerance)")


def report(dataset: xr.Dataset) -> list[dict]:
    """Theory against the predicted table; SGD against the theory of its own draws, and against other phases' theory."""
    if "algorithm" in dataset.attrs:
        return by_algorithm.report(dataset)
    rows, found = [], agreements(dataset)
    for name in dataset["phase"].values:
        here = dataset.sel(phase=name)
        predicted = sv.phase(float(here["point_alpha"]), float(here["point_beta"]))
        asymptotes = {"eta": predicted.loss_exponent, "xi": predicted.width_exponent}
        for symbol, tolerance in (("eta", 0.005), ("xi", 0.01)):
            exact = float(here[f"exact_{symbol}"])
            rows.append(report_row(f"{symbol}, {name}, theory vs asymptote", asymptotes[symbol], exact, tolerance))
        rows += own_draw.rows(name, found[name, name])
        for symbol in ("eta", "xi"):
            columns = f"window_{symbol}", f"sgd_{symbol}", f"sgd_{symbol}_stderr"
            typical, sgd, stderr = (float(here[column]) for column in columns)
            text = f"{symbol}, {name}, IsoFLOP parabolas of SGD vs the typical draw's (seen, no test)"
            rows.append(report_row(text, typical, sgd, None, stderr))
    wrong = np.array([own_draw.refused(pair) for (phase, setting), pair in found.items() if phase != setting])
    text = "pairs of a phase's SGD and another phase's theory that are refused"
    rows.append(report_row(text, len(wrong), wrong.any(1).sum(), 0))
    rows.append(report_row(f"{text} by the slopes alone (seen, no test)", len(wrong), wrong[:, 1:].any(1).sum(), None))
    return rows


def agreements(dataset: xr.Dataset) -> dict[tuple[str, str], own_draw.Agreement]:
    """The three numbers of every pair (phase of SGD, phase of the theory)."""
    names = [str(name) for name in dataset["phase"].values]
    columns = ([f"{name}{end}" for name in own_draw.COLUMNS] for end in ("", "_stderr"))
    values, errors = (np.stack([dataset[name].values for name in group], -1) for group in columns)
    pairs = ((i, j) for i in range(len(names)) for j in range(len(names)))
    return {(names[i], names[j]): own_draw.Agreement(values[i, j], errors[i, j]) for i, j in pairs}
