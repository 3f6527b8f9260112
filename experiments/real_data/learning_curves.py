"""Learning curves of real images, predicted from their measured eigenvalues and target power, beside measured ones.

Ridge regression and gradient descent on pixels and on the tangent kernel of a ReLU network, for scikit-learn's digits
and, where its files are found (Debian: apt install dataset-fashion-mnist), Fashion-MNIST. The prediction sees the
spectrum of the whole data set and nothing else; the measurement trains on random subsets and tests on the rest.
Sources: Bordelon, Atanasov, Pehlevan 2024 (arXiv 2402.01092); Bahri et al. 2021 (arXiv 2102.06701).
"""

import gzip
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import jax
import numpy as np
from matplotlib.figure import Figure

import solvable as sv
from solvable.plots import COLORS, style
from solvable.results import make_dataset, report_row

CLASSES = 10
SHOWN = 80  # eigenvalues kept of each spectrum, evenly spaced in the logarithm of the index
FILES = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")


@dataclass(frozen=True)
class Config:
    """Sizes of the run.

    Attributes:
        fashion_folder: where the gzipped idx files of Fashion-MNIST lie; it is left out where they do not.
        num_images: images of Fashion-MNIST for pixels; all digits are used.
        num_kernel: images for kernels.
        penalties: ridge penalties, as parts of the sum of the eigenvalues.
        num_sizes: numbers of samples, evenly spaced in the logarithm.
        num_subsets: random subsets of each size.
        last_step: the last step of gradient descent.
        tiny: a much smaller run with the same outputs.
        seed: of every random number.
    """

    fashion_folder: str = "/usr/share/datasets/fashion-mnist"
    num_images: int = 8000
    num_kernel: int = 1797
    penalties: tuple[float, ...] = (3e-4, 1e-2)
    num_sizes: int = 7
    num_subsets: int = 8
    last_step: int = 3000
    tiny: bool = False
    seed: int = 0


def missing(config: Config) -> str:
    """What to install, where neither data set can be had; empty otherwise."""
    if find_spec("sklearn") or all((Path(config.fashion_folder) / name).is_file() for name in FILES):
        return ""
    return f"needs scikit-learn (python -m pip install scikit-learn) or Fashion-MNIST in {config.fashion_folder}"


def load_digits():
    """Images (1797, 64) with values in [0, 1] and labels; None without scikit-learn."""
    try:
        from sklearn.datasets import load_digits as load
    except ImportError:
        return None
    data = load()
    return data.data / 16, data.target


def load_fashion(folder: str):
    """Images (60000, 784) with values in [0, 1] and labels; None where the files are not there."""
    paths = [Path(folder) / name for name in FILES]
    if not all(path.is_file() for path in paths):
        return None
    images, labels = (gzip.decompress(path.read_bytes()) for path in paths)
    labels = np.frombuffer(labels, np.uint8, offset=8)
    return np.frombuffer(images, np.uint8, offset=16).reshape(len(labels), -1) / 255, labels


def settings(config: Config):
    """(name, features or None, targets, kernel or None, largest size) of every setting, and what is missing."""
    sources = {"digits": load_digits(), "Fashion-MNIST": load_fashion(config.fashion_folder)}
    missing = [name for name, data in sources.items() if data is None]
    part = 4 if config.tiny else 8
    found, rng = [], np.random.default_rng(config.seed)
    for name, data in sources.items():
        if data is None:
            continue
        images, labels = data
        order = rng.permutation(len(images))
        for kind, most in (("pixels", config.num_images), ("kernel", config.num_kernel)):
            chosen = order[: (300 if kind == "pixels" else 64) if config.tiny else most]
            x, targets = images[chosen], np.eye(CLASSES)[labels[chosen]] - 1 / CLASSES
            if kind == "pixels":
                # Where data are not many more than features, their population is known for few of them only.
                largest = min(len(x) // 2, 1500) if len(x) > 4 * x.shape[1] else len(x) // 8
                found.append((f"{name}, pixels", x - x.mean(0), targets, None, largest))
            else:
                x = x / np.linalg.norm(x, axis=1, keepdims=True)
                kernel = np.asarray(sv.models.relu_ntk(np.clip(x @ x.T, -1, 1)), float)
                found.append((f"{name}, kernel", None, targets, (kernel + kernel.T) / 2, len(x) // part))
    if not found:
        raise ValueError(f"data: wanted scikit-learn or {FILES} in {config.fashion_folder}; got neither")
    return found, missing


def run(config: Config, progress=lambda *_: None):
    """Predicted and measured curves of every setting: (setting, ridge, point) and (setting, step)."""
    found, missing = settings(config)
    columns = []
    for done, setting in enumerate(found):
        progress("settings", done, len(found))
        columns.append(_setting(config, *setting[1:]))
    progress("settings", len(found), len(found))
    texts = {
        "size": (("setting", "point"), "number of training samples"),
        "measured": (("setting", "ridge", "point"), "test risk on the data left out, mean over subsets"),
        "stderr": (("setting", "ridge", "point"), "standard error of measured"),
        "measured_train": (("setting", "ridge", "point"), "training risk, mean over subsets"),
        "predicted": (("setting", "ridge", "point"), "test risk predicted from the spectrum"),
        "predicted_train": (("setting", "ridge", "point"), "training risk predicted from the spectrum"),
        "descent": (("setting", "step"), "test risk of gradient descent, mean over subsets"),
        "descent_train": (("setting", "step"), "training risk of gradient descent, mean over subsets"),
        "descent_predicted": (("setting", "step"), "test risk of gradient descent, predicted"),
        "descent_predicted_train": (("setting", "step"), "training risk of gradient descent, predicted"),
        "descent_samples": (("setting",), "number of training samples of gradient descent"),
        "index": (("setting", "eigenvalue"), "index of the eigenvalue, from 1"),
        "eigvals": (("setting", "eigenvalue"), "eigenvalue over the sum of all"),
        "tail": (("setting", "eigenvalue"), "target power of this and all later modes over the total"),
        "law": (("setting", "eigenvalue"), "fitted power law of the eigenvalues where it holds"),
        "tail_law": (("setting", "eigenvalue"), "fitted power law of the tail where it holds"),
        "exponents": (("setting", "bin"), "exponent, low and high of the eigenvalues, then of the tail"),
    }
    variables = {name: (dims, np.stack([c[name] for c in columns]), text) for name, (dims, text) in texts.items()}
    coords = {
        "setting": (("setting",), [s[0] for s in found], "data set and features"),
        "ridge": (("ridge",), list(config.penalties), "penalty over the sum of the eigenvalues"),
        "step": (("step",), _steps(config), "step of gradient descent"),
    }
    return make_dataset("real_data/learning_curves", config, variables, coords, missing=", ".join(missing) or "nothing")


def _steps(config: Config):
    return sv.log_steps(30 if config.tiny else config.last_step, 12)


def _setting(config: Config, features, targets, kernel, largest: int) -> dict:
    model = sv.models.from_data(features, targets, kernel=kernel)
    subsets, points = (3, 4) if config.tiny else (config.num_subsets, config.num_sizes)
    sizes = np.rint(np.geomspace(max(largest // 64, 8), largest, points)).astype(int)
    total, key = float(np.sum(model.eigvals)), jax.random.key(config.seed)
    out = {name: [] for name in ("measured", "stderr", "measured_train", "predicted", "predicted_train")}
    for part in config.penalties:
        curve = sv.measure_learning_curve(features, targets, sizes, part * total, kernel=kernel, num_subsets=subsets,
                                          key=key)  # fmt: skip
        theory = sv.theory.ridge_map(model, samples=sizes, penalty=part * total)
        rows = (curve.risk[:, 0], curve.stderr[:, 0], curve.train_risk[:, 0], theory.risk, theory.train_risk)
        for name, row in zip(out, rows, strict=True):
            out[name].append(np.asarray(row))
    middle, steps, rate = int(sizes[points // 2]), _steps(config), sv.SGD(1 / total, batch_size=None)
    curve = sv.measure_learning_curve(features, targets, [middle], rate, steps, kernel=kernel, num_subsets=subsets,
                                      key=key)  # fmt: skip
    law = sv.models.from_data(features, targets, kernel=kernel, samples=middle)
    theory = sv.solve(law, rate, sv.DMFT(), steps)
    return {
        **{name: np.stack(rows) for name, rows in out.items()},
        **_spectrum(model),
        "size": sizes,
        "descent": curve.risk[0],
        "descent_train": curve.train_risk[0],
        "descent_samples": middle,
        "descent_predicted": np.asarray(theory.risk),
        "descent_predicted_train": np.asarray(theory.train_risk),
    }


def _spectrum(model) -> dict:
    """Eigenvalues and tails at evenly spaced logarithms of the index, with the power laws where they hold."""
    eigvals, power = np.asarray(model.eigvals), np.asarray(model.eigvals * model.target**2)
    tail = power[::-1].cumsum()[::-1]
    index = np.rint(np.geomspace(1, len(eigvals), SHOWN)).astype(int)
    fit = sv.fits.fit_spectrum(eigvals, power, tolerance=0.15)
    inside = [(index >= a) & (index <= b) for a, b in (fit.eigvals_range, fit.tail_range)]
    laws = [np.where(here, law(index), np.nan) for here, law in zip(inside, (fit.eigvals, fit.tail), strict=True)]
    slopes = [law.exponent for law in (fit.eigvals, fit.tail)]
    exponents = [x for slope in slopes for x in (slope.value, slope.low, slope.high)]
    return {
        "index": index,
        "eigvals": eigvals[index - 1] / eigvals.sum(),
        "tail": tail[index - 1] / tail[0],
        "law": laws[0] / eigvals.sum(),
        "tail_law": laws[1] / tail[0],
        "exponents": np.array(exponents),
    }


def plot(dataset):
    """Per setting: risk against samples, risk against steps, and the measured spectrum."""
    count = dataset.sizes["setting"]
    with style():
        figure = Figure(figsize=(3.1 * count + 0.6, 9.6))
        axes = figure.subplots(3, count, squeeze=False)
        for column, name in enumerate(dataset.setting.values):
            here = dataset.sel(setting=name)
            axes[0, column].set_title(str(name))
            _samples_panel(axes[0, column], here)
            _steps_panel(axes[1, column], here)
            _spectrum_panel(axes[2, column], here)
        for row, label in zip(axes, ("risk", "risk", "share"), strict=True):
            row[0].set_ylabel(label)
        for corner in (axes[0, -1], axes[1, 0], axes[2, 0]):
            corner.legend(fontsize=7)
        figure.set_layout_engine("constrained", h_pad=0.12)
    return figure


def _samples_panel(axes, here):
    for i, part in enumerate(here.ridge.values):
        color = COLORS[1 + i]
        axes.plot(here["size"], here.predicted.sel(ridge=part), color=color, label=f"predicted, penalty {part:g}")
        axes.errorbar(
            here["size"],
            here.measured.sel(ridge=part),
            here.stderr.sel(ridge=part),
            fmt="os"[i],
            color=color,
            markersize=4,
            label=f"measured, penalty {part:g}",
        )
    axes.set(xscale="log", yscale="log", xlabel="training samples")


def _steps_panel(axes, here):
    for name, color, line, marker in (("", COLORS[3], "-", "o"), ("_train", COLORS[5], "--", "s")):
        label = "training" if name else "test"
        axes.plot(here.step, here["descent_predicted" + name], line, color=color, label=f"predicted, {label}")
        axes.plot(here.step, here["descent" + name], marker, color=color, markersize=4, label=f"measured, {label}")
    axes.set(xscale="symlog", yscale="log", xlabel=f"gradient-descent steps, {int(here.descent_samples)} samples")
    axes.set_xlim(0, float(here.step[-1]))


def _spectrum_panel(axes, here):
    a, b = here.exponents.values[0], here.exponents.values[3]
    axes.plot(here["index"], here.eigvals, "o", color=COLORS[1], markersize=3, label="eigenvalues")
    axes.plot(here["index"], here.law, color="black", label="power law where it holds")
    axes.plot(here["index"], here["tail"], "s", color=COLORS[2], markersize=3, label="tail of the target power")
    axes.plot(here["index"], here.tail_law, color="black")
    axes.set(xscale="log", yscale="log", xlabel="index", ylim=(1e-6, 2))
    axes.text(0.05, 0.05, f"exponents {a:.2f}, {b:.2f}", transform=axes.transAxes, fontsize=8)


def report(dataset) -> list[dict]:
    """The worst ratio of prediction and measurement per setting, in the logarithm, and the slopes of both curves.

    Near the peak at samples = features pixels are furthest from the Gaussian the prediction takes them for; of a kernel
    the noise, and eigenvalues beyond a fraction of the data, are not measured: its curve is predicted too low. Training
    risk is compared in parts of its start: where it falls by orders of magnitude, as it does once every sample can be
    fitted, the smallest eigenvalues of one subset set its rate, and those of real data are smaller than predicted.
    """
    rows = []
    for name in dataset.setting.values:
        here = dataset.sel(setting=name)
        allowed, slope = (0.2, 0.1) if "kernel" in str(name) else (0.15, 0.05)
        for part in here.ridge.values:
            measured, predicted = here.measured.sel(ridge=part).values, here.predicted.sel(ridge=part).values
            rows.append(
                report_row(
                    f"{name}: ln(predicted / measured) at the worst size, penalty {part:g}",
                    0.0,
                    np.abs(np.log(predicted / measured)).max(),
                    allowed,
                )
            )
            slopes = [np.polyfit(np.log(here["size"].values), np.log(risk), 1)[0] for risk in (predicted, measured)]
            rows.append(report_row(f"{name}: slope of ln risk against ln samples, penalty {part:g}", *slopes, slope))
        ratio = np.log(here.descent_predicted / here.descent)
        rows.append(
            report_row(
                f"{name}: ln(predicted / measured) of descent at the worst step, test",
                0.0,
                float(np.abs(ratio).max()),
                allowed,
            )
        )
        gap = (here.descent_predicted_train - here.descent_train) / here.descent_train[0]
        rows.append(
            report_row(
                f"{name}: (predicted - measured) / start of descent at the worst step, training",
                0.0,
                float(np.abs(gap).max()),
                0.05,
            )
        )
    return rows
