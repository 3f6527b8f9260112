"""Approaches 1 and 2 of Hoffmann et al. 2022: the best size at each compute, and a power law through those."""

import abc
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import numpy as np

from solvable.arguments import check_integer, check_real
from solvable.fits.doubts import Doubt, about_span
from solvable.fits.methods.base import AbstractFitMethod
from solvable.fits.parametric import Solved

FEWEST = 3  # computes with a best size that a line needs


class Optima(NamedTuple):
    """The best size and data at each compute; NaN where there is none."""

    compute: np.ndarray
    size: np.ndarray
    data: np.ndarray
    loss: np.ndarray


class AbstractFrontierMethod(AbstractFitMethod):
    """Reads the best size off the runs; no formula of the loss is assumed."""

    columns: ClassVar[tuple[str, ...]] = ("N", "C", "D", "L")
    target: ClassVar[str] = "L"
    references: ClassVar[tuple[str, ...]] = ("hoffmann2022",)

    def needs(self) -> Any:
        """The columns that must be positive and vary, as a law has them."""
        return _Needs()

    @abc.abstractmethod
    def optima(self, columns: dict[str, np.ndarray], weight: np.ndarray) -> Optima:
        """The best size at each compute, where the points with ``weight`` > 0 count."""

    def doubts(self, columns: dict[str, np.ndarray], optima: Optima) -> list[Doubt]:
        """What is doubtful about the best sizes."""
        del columns, optima
        return []

    def members(self, columns: dict[str, np.ndarray]) -> np.ndarray:
        """What is resampled together, unless a column of runs is named."""
        return np.arange(len(columns["L"]))

    def solve(self, law, columns, groups, uncertainty, confidence: float, key) -> Solved:
        """Lines of log N and log D against log C, and the percentiles of the same for resampled runs."""
        best = self.optima(columns, np.ones(len(columns["L"])))
        inside = np.isfinite(best.size)
        if inside.sum() < FEWEST:
            raise ValueError(f"data: wanted {FEWEST} or more computes with a best size inside; got {inside.sum()}")
        values, residual = _lines(best)
        rng = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel())
        member = np.unique(self.members(columns) if groups is None else groups, return_inverse=True)[1]
        draws = []
        for _ in range(uncertainty.num):
            counts = np.bincount(rng.integers(member.max() + 1, size=member.max() + 1), minlength=member.max() + 1)
            some = self.optima(columns, counts[member].astype(float))
            if np.isfinite(some.size).sum() >= FEWEST:
                draws.append(_lines(some)[0])
        doubts = self.doubts(columns, best)
        if len(draws) < 0.95 * uncertainty.num:
            lost = f"{uncertainty.num - len(draws)} of {uncertainty.num}"
            doubts.append(Doubt("resamples", f"{lost} resamples leave fewer than {FEWEST} computes"))
        samples = {name: np.array([d[name] for d in draws]) for name in values}
        tails = [50 * (1 - confidence), 50 * (1 + confidence)]
        ends = {k: np.percentile(v, tails) if len(v) > 1 else (-np.inf, np.inf) for k, v in samples.items()}
        intervals = {name: (float(low), float(high)) for name, (low, high) in ends.items()}
        doubts += about_span({"C": best.compute[inside]}, ("C",))
        search = {"optima": float(inside.sum()), "computes": float(len(inside))}
        stderr = {k: float(np.std(v, ddof=1)) if len(v) > 1 else np.nan for k, v in samples.items()}
        squares, count = float((residual**2).sum() / 2), int(inside.sum())
        return Solved(values, intervals, stderr, samples, squares, residual, count, search, doubts)


class _Needs(NamedTuple):
    """The part of a law that the check of rows reads."""

    variables: tuple[str, ...] = ("N", "C", "D")
    target: str = "L"
    free: tuple[str, ...] = ("a", "b", "G", "H")
    labels: tuple[str, ...] = ()


def _lines(best: Optima):
    """Least-squares lines of log size and log data against log compute, and the residuals of log size."""
    inside = np.isfinite(best.size)
    x = np.log(best.compute[inside])
    centre = x.mean()
    slopes = [np.polyfit(x - centre, np.log(y[inside]), 1) for y in (best.size, best.data)]
    (a, g), (b, h) = slopes
    values = {"a": a, "b": b, "G": np.exp(g - a * centre), "H": np.exp(h - b * centre)}
    return {k: float(v) for k, v in values.items()}, np.log(best.size[inside]) - g - a * (x - centre)


class Envelope(AbstractFrontierMethod):
    """Chinchilla's approach 1: at each compute the size with the lowest loss, from curves of loss along training.

    The runs of one size make one curve of log loss against log C, joined by straight lines. A compute counts where the
    lowest curve is neither the smallest nor the largest size that reaches it. Whole curves are resampled.

    Attributes:
        num_compute: computes, spaced evenly in the logarithm.
    """

    num_compute: int = eqx.field(static=True, converter=lambda n: _count("num_compute", n), default=256)

    def members(self, columns):
        return columns["N"]

    def optima(self, columns, weight):
        sizes = [n for n in np.unique(columns["N"]) if (weight[columns["N"] == n] > 0).any()]
        grid = np.geomspace(columns["C"].min(), columns["C"].max(), self.num_compute)
        curves = np.full((len(sizes), len(grid)), np.inf)
        for i, size in enumerate(sizes):
            here = (columns["N"] == size) & (weight > 0)
            order = np.argsort(columns["C"][here], kind="stable")
            x, y = np.log(columns["C"][here])[order], np.log(columns["L"][here])[order]
            curves[i] = np.interp(np.log(grid), x, y, left=np.inf, right=np.inf)
        lowest, reached = curves.argmin(axis=0), np.isfinite(curves)
        first, last = reached.argmax(axis=0), len(sizes) - 1 - reached[::-1].argmax(axis=0)
        inside = reached.any(axis=0) & (lowest > first) & (lowest < last)
        size = np.where(inside, np.asarray(sizes)[lowest], np.nan)
        # D of the lowest curve: its data grow along with its compute
        flops = np.median(columns["C"] / (columns["N"] * columns["D"]))
        return Optima(grid, size, grid / (flops * size), np.exp(curves.min(axis=0)))


class IsoFLOP(AbstractFrontierMethod):
    """Chinchilla's approach 2: runs of equal compute, the minimum of a parabola of the loss in log N at each.

    A compute counts where at least three sizes are there, the parabola opens upwards and its minimum lies between the
    smallest and the largest size. The parabola is a second-order expansion: where the sizes reach far from the minimum
    and alpha differs from beta, the minimum is biased (Czech et al. 2026). Runs are resampled.

    Attributes:
        tolerance: runs count as of one compute within this ratio - 1 of a budget.
        flat: a parabola is too flat to pick a size where its minimum is uncertain by more than this factor (one
            standard error).
    """

    tolerance: float = eqx.field(static=True, converter=lambda x: _ratio("tolerance", x), default=0.1)
    flat: float = eqx.field(static=True, converter=lambda x: _ratio("flat", x), default=2.0)

    def budgets(self, compute: np.ndarray) -> np.ndarray:
        """The budget of each run: from the least compute on, those within the tolerance share their geometric mean."""
        label, first, number = np.empty(len(compute), int), 0.0, -1
        for i in np.argsort(compute, kind="stable"):
            if number < 0 or compute[i] > first * (1 + self.tolerance):
                first, number = compute[i], number + 1
            label[i] = number
        mean = np.bincount(label, np.log(compute)) / np.bincount(label)
        return np.exp(mean)[label]

    def parabolas(self, columns, weight):
        """(compute, coefficients of the loss in log N - centre, centre, standard error of the minimum in log N)."""
        budget = self.budgets(columns["C"])
        for value in np.unique(budget):
            here = (budget == value) & (weight > 0)
            x, y, w = np.log(columns["N"][here]), columns["L"][here], np.sqrt(weight[here])
            if len(np.unique(x)) < 3:
                continue
            centre = x.mean()
            design = np.vander(x - centre, 3) * w[:, None]
            found, *_ = np.linalg.lstsq(design, y * w, rcond=None)
            left = y * w - design @ found
            free = max(len(x) - 3, 0)
            sigma = np.sqrt((left**2).sum() / free) if free else np.nan
            top = -found[1] / (2 * found[0])
            change = np.array([found[1] / (2 * found[0] ** 2), -1 / (2 * found[0]), 0.0])
            error = sigma * np.linalg.norm(np.linalg.pinv(design).T @ change)
            yield float(value), found, centre, float(error), (x.min(), x.max()), float(top + centre)

    def optima(self, columns, weight):
        rows = []
        flops = np.median(columns["C"] / (columns["N"] * columns["D"]))
        for value, found, centre, _, (low, high), top in self.parabolas(columns, weight):
            good = found[0] > 0 and low <= top <= high
            size = np.exp(top) if good else np.nan
            rows.append((value, size, value / (flops * size), np.polyval(found, top - centre) if good else np.nan))
        return Optima(*np.array(rows).reshape(-1, 4).T)

    def doubts(self, columns, optima):
        found, missed = [], []
        for value, parabola, _, error, (low, high), top in self.parabolas(columns, np.ones(len(columns["L"]))):
            if not (parabola[0] > 0 and low <= top <= high):
                missed.append(f"{value:.2g}")
            elif error > np.log(self.flat):
                found.append(f"{value:.2g} (a factor of {np.exp(min(error, 50)):.2g})")
        said = []
        if found:
            said.append(Doubt("flat", f"the parabola is too flat to pick a size at C = {', '.join(found)}"))
        if missed:
            said.append(Doubt("outside", f"no minimum between the sizes at C = {', '.join(missed)}: they do not count"))
        return said


def _count(name: str, value: Any) -> int:
    return check_integer(name, value, 3, 10**5)


def _ratio(name: str, value: Any) -> float:
    check_real(name, value, "a number > 0", lambda x: 0 < x < np.inf)
    return float(value)
