"""Compute-optimal frontiers of a power law that bends, and of the spectrum of scikit-learn's digits.

A population whose eigenvalues and target powers bend at one mode has a frontier whose exponent goes from that of the
first power law to that of the second (`sv.phase` names both). A measured spectrum, of the tangent kernel of a ReLU
network on 1797 images of digits with their parity as target, predicts its own frontier; SGD with random features of
these very images, drawn from them with replacement, is measured beside it. Continued by the power laws fitted to it,
the same spectrum predicts the frontier of endless images. Sources: Paquette, Paquette, Xiao, Pennington 2024 (arXiv
2405.15074); Bordelon, Atanasov, Pehlevan 2024 (arXiv 2402.01092), measured spectra.
"""

from dataclasses import dataclass

import jax
import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, style
from solvable.results import make_dataset, report_row


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        alpha, beta: exponents of the population before and after the bend.
        bend: the mode at which it bends.
        compute: smallest and largest compute of the bent law's frontier, at which its exponents are reported.
        num_compute: computes of either frontier, evenly spaced in the logarithm.
        tolerance: how far, in the logarithm, the digits' spectrum may lie from the power laws that continue it.
        widths: numbers of random features of the images.
        window: smallest and largest compute of SGD on the images.
        draws: draws of the features at each width.
        runs: SGD runs on each draw.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    alpha: tuple[float, ...] = (0.75, 1.2)
    beta: tuple[float, ...] = (0.25, 0.25)
    bend: int = 10**5
    compute: tuple[float, float] = (1e6, 1e30)
    num_compute: int = 25
    tolerance: float = 0.15
    widths: tuple[int, ...] = (8, 16, 32, 64)
    window: tuple[float, float] = (2e3, 3e4)
    draws: int = 32
    runs: int = 32
    tiny: bool = False
    seed: int = 0


TINY = dict(num_compute=3, num_images=200, widths=(8, 16), window=(1e3, 4e3), draws=2, runs=4)
RATE = 0.3  # over the trace
POINTS = 5  # computes of SGD at each width
FAR = 1e24  # compute at which the exponent of endless images is reported


def rule(model):
    """SGD, one sample a step, at a rate that does not depend on the width."""
    return sv.SGD(RATE / model.trace(), 1)


def digits(count: int | None = None):
    """Features whose inner products are the tangent kernel of the first ``count`` digits, and their parity, +-1."""
    from sklearn.datasets import load_digits

    data = load_digits()
    x, target = data.data[:count], 1.0 - 2 * (data.target[:count] % 2)
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    kernel = np.asarray(sv.models.relu_ntk(np.clip(x @ x.T, -1, 1)), float)
    problem = sv.models.from_data(None, target, kernel=(kernel + kernel.T) / 2)
    # The principal components: columns of mean square eigvals, so that random features of them are those of the kernel.
    features = np.sqrt(len(x) * np.asarray(problem.eigvals)) * np.asarray(_vectors(kernel, len(problem.eigvals)))
    return problem, features, target


def _vectors(kernel, count: int):
    return np.linalg.eigh((kernel + kernel.T) / 2)[1][:, ::-1][:, :count]


def run(config: Config, progress=lambda *_: None):
    """The bent law's frontier (compute); the digits' frontiers (bin) and SGD on them (width, point, seed)."""
    sizes = {"num_images": None, **vars(config), **(TINY if config.tiny else {})}
    compute = np.geomspace(*config.compute, sizes["num_compute"])
    bent = sv.compute_frontier(sv.RandomFeatures.bent(config.alpha, config.beta, config.bend), rule, compute)
    problem, features, target = digits(sizes["num_images"])
    eigvals, power = (np.asarray(x) for x in (problem.eigvals, problem.eigvals * problem.target**2))
    measured = sv.RandomFeatures(eigvals, power, (), noise=np.sqrt(max(float(problem.floor), 0.0)))
    endless = sv.fits.measured_features(problem, tolerance=config.tolerance)
    bins = np.geomspace(sizes["window"][0], sizes["window"][1] * 1e3, sizes["num_compute"])
    own = sv.compute_frontier(measured, rule, bins)
    *tail, far = zip(*(np.asarray(x) for x in _columns(sv.compute_frontier(endless, rule, [*bins, FAR]))), strict=True)
    tail = np.array(tail).T
    steps, sgd, theory = [], [], []
    for done, width in enumerate(sizes["widths"]):
        progress("widths", done, len(sizes["widths"]))
        at = np.rint(np.geomspace(*sizes["window"], POINTS) / width).astype(int)
        steps.append(at)
        theory.append(sv.solve(measured.at_width(width), rule(measured), sv.Recursion(), at).risk)
        sgd.append(_images(config.seed, features, target, width, at, rule(measured), sizes))
    progress("widths", len(sizes["widths"]), len(sizes["widths"]))
    variables = {
        "risk": (("compute",), bent.risk, "least risk of the bent law, exact"),
        "eta": (("compute",), bent.loss_exponent, "local loss exponent of the bent law"),
        "best_width": (("compute",), bent.width, "optimal width of the bent law"),
        "digits_risk": (("bin",), own.risk, "least risk predicted for the images"),
        "digits_eta": (("bin",), own.loss_exponent, "its local loss exponent"),
        "endless_risk": (("bin",), tail[0], "least risk predicted for endless images"),
        "endless_eta": (("bin",), tail[1], "its local loss exponent"),
        "interior": (("bin",), own.interior & (tail[2] == 1), "whether both are optima inside the widths there are"),
        "sgd": (("width", "point", "seed"), np.stack(sgd), "risk of SGD on the images, mean over runs"),
        "theory": (("width", "point"), np.stack(theory), "risk of the typical draw, from the measured spectrum"),
    }
    coords = {"compute": (("compute",), compute, "compute f = width * steps, bent law"),
              "bin": (("bin",), bins, "compute f = width * steps, digits"),
              "width": (("width",), list(sizes["widths"]), "number of random features"),
              "step": (("width", "point"), np.stack(steps), "SGD step, one image each")}
    law = [float(x) for x in (endless.tails[0].alpha, endless.tails[0].beta)]
    return make_dataset("any_spectrum/local_exponents", config, variables, coords, alpha=law[0], beta=law[1],
                        far_eta=float(far[1]))  # fmt: skip


def _columns(frontier):
    return frontier.risk, frontier.loss_exponent, frontier.interior


def _images(seed: int, features, target, width: int, steps, algorithm, sizes: dict):
    """Risk of SGD over all images, by steps and draws: random features of them, images drawn with replacement."""
    key, risks = jax.random.fold_in(jax.random.key(seed), width), []
    for draw in range(sizes["draws"]):
        own = jax.random.fold_in(key, draw)
        mixed = features @ np.asarray(jax.random.normal(own, (features.shape[1], width))) / np.sqrt(width)
        problem = sv.models.empirical_problem(mixed, target, mixed, target)
        risks.append(sv.solve(problem, algorithm, sv.Simulation(sizes["runs"]), steps, key=own).risk)
    return np.stack(risks, -1)


def plot(dataset):
    """The exponent of the bent law against compute; the digits' frontier, its prediction and SGD."""
    before, after = _asymptotes(dataset)
    with style():
        figure = Figure(figsize=(10.5, 4.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.plot(dataset["compute"], dataset.eta, "o-", color=COLORS[1], markersize=3.5, label="exact frontier")
        for value, line, when in ((before, "--", "before"), (after, ":", "after")):
            left.axhline(value, linestyle=line, color="black", label=f"predicted {when} the bend, {value:.3f}")
        left.set(xscale="log", xlabel="compute f = width × steps", ylabel="local exponent η, risk ~ f$^{-η}$")
        left.set_title(f"A bend turns the exponent from {float(dataset.eta[0]):.2f} to {float(dataset.eta[-1]):.2f}")
        left.legend(loc="center right")
        _digits_panel(right, dataset)
    return figure


def _digits_panel(axes, dataset):
    for index, width in enumerate(dataset.width.values):
        here, shade = dataset.sel(width=width), str(0.75 - 0.5 * index / dataset.width.size)
        mean, error = here.sgd.mean("seed"), here.sgd.std("seed") / np.sqrt(here.sgd.sizes["seed"] - 1)
        last = index == dataset.width.size - 1
        axes.plot(width * here.step, here.theory, color=shade, label="theory, a line a width" if last else None)
        axes.errorbar(width * here.step, mean, 2 * error, fmt="os^D"[index % 4], color=shade, markersize=4,
                      label="SGD on the images ± 2 s.e." if last else None)  # fmt: skip
    for name, line, color, whose in (("digits", "-", COLORS[1], "these"), ("endless", "--", COLORS[2], "endless")):
        axes.plot(dataset["bin"], dataset[name + "_risk"], line, color=color, label=f"frontier of {whose} images")
    axes.set(xscale="log", yscale="log", xlabel="compute f = width × steps", ylabel="risk (parity of digits)")
    worst = float(np.abs(dataset.sgd.mean("seed") / dataset.theory - 1).max())
    axes.set_title(f"The spectrum of digits predicts SGD on them within {100 * worst:.0f}%")
    axes.legend(loc="lower left")


def _asymptotes(dataset) -> tuple[float, float]:
    """Loss exponents before and after the bend."""
    import json

    config = json.loads(dataset.attrs["config"])
    before, after = (sv.phase(a, b) for a, b in zip(config["alpha"], config["beta"], strict=True))
    return before.loss_exponent, after.loss_exponent


def report(dataset) -> list[dict]:
    """Exponents on both sides of the bend, of endless digits far out, and SGD on the images beside its prediction."""
    fitted = sv.phase(dataset.attrs["alpha"], dataset.attrs["beta"])
    before, after = _asymptotes(dataset)
    first, last = (float(dataset["compute"][i]) for i in (0, -1))
    rows = [
        report_row(f"bent law: eta at compute {first:.0e} beside that of the first power law", before,
                   dataset.eta[0], 0.015),
        report_row(f"bent law: eta at compute {last:.0e} beside that of the second power law", after,
                   dataset.eta[-1], 0.01),
        report_row(f"endless digits: eta at compute {FAR:.0e} beside that of the fitted law", fitted.loss_exponent,
                   dataset.attrs["far_eta"], 0.02),
    ]  # fmt: skip
    for width in dataset.width.values:
        here = dataset.sel(width=width)
        ratio = (here.sgd / here.theory).values
        mean, error = ratio.mean(-1), ratio.std(-1) / np.sqrt(ratio.shape[-1] - 1)
        worst = int(np.abs(mean - 1).argmax())
        rows.append(report_row(f"digits, width {width}: SGD on the images over theory at the worst step", 1.0,
                               mean[worst], 0.1, float(error[worst])))  # fmt: skip
    return rows
