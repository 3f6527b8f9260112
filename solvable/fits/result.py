"""What a fit is: numbers with intervals, and what can be asked of them."""

import dataclasses
import json
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy import stats

from solvable.arguments import check_flag, check_reals
from solvable.fits import figures
from solvable.fits.allocation import best_split
from solvable.fits.chart import is_log
from solvable.fits.checklist import checklist
from solvable.fits.doubts import Doubt
from solvable.fits.estimate import Estimate
from solvable.fits.laws.base import AbstractLaw
from solvable.fits.methods.base import AbstractFitMethod
from solvable.fits.uncertainty import AbstractUncertainty


class Band(NamedTuple):
    """A predicted number with its interval, each of one shape."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Split(NamedTuple):
    """The best sizes and data at each compute, and the loss there; NaN where no best size is inside."""

    compute: np.ndarray
    N: Band
    D: Band
    L: Band


class Wald(NamedTuple):
    """A test of stated parameters: chi-square, its degrees of freedom and the chance of a larger one."""

    chi_square: float
    degrees: int
    p_value: float


@dataclasses.dataclass(frozen=True)
class Fit:
    """A law fitted to runs.

    Attributes:
        law, method, uncertainty: what was asked for.
        parameters: name -> estimate, in the units of the data.
        objective: what was minimised, at the optimum; of `Huber` the sum over points.
        num_points: points that count.
        data: the columns that were fitted, by the names of the law's variables.
        residual: log target - log prediction at each point; shape (points,).
        samples: name -> parameters of the resamples (or draws); shape (samples,) each.
        confidence: level of the intervals.
        search: starts, the share of them that reached the optimum, and the like.
        doubts: why this is not a success; empty where it is.
        notes: which column is which, and what was left out.
    """

    law: AbstractLaw
    method: AbstractFitMethod
    uncertainty: AbstractUncertainty
    parameters: dict[str, Estimate]
    objective: float
    num_points: int
    data: dict[str, np.ndarray]
    residual: np.ndarray
    samples: dict[str, np.ndarray]
    confidence: float
    search: dict[str, float]
    doubts: tuple[Doubt, ...]
    notes: tuple[str, ...]

    def __getitem__(self, name: str) -> Estimate:
        """The estimate of one parameter."""
        return self.parameters[name]

    @property
    def success(self) -> bool:
        """Whether nothing is doubtful."""
        return not self.doubts

    @property
    def converged(self) -> bool:
        """Whether an optimum was found that the data determine."""
        return not {doubt.kind for doubt in self.doubts} & {"not_converged", "not_identified"}

    @property
    def values(self) -> dict[str, float]:
        """The parameters as numbers."""
        return {name: estimate.value for name, estimate in self.parameters.items()}

    @property
    def scatter(self) -> float:
        """Standard deviation of the residuals, with the degrees of freedom of the fit."""
        return float(np.sqrt((self.residual**2).sum() / max(self.num_points - len(self.law.free), 1)))

    @property
    def r_squared(self) -> float:
        """Share of the variance of the log target that the law explains."""
        target = np.log(self.data[self.law.target]) if len(self.residual) == len(self.data[self.law.target]) else None
        if target is None or np.var(target) == 0:
            return float("nan")
        return float(1 - (self.residual**2).mean() / np.var(target))

    def __call__(self, **variables: Any) -> np.ndarray:
        """The fitted law, for instance ``fit(N=1e9, D=2e10)``."""
        return np.asarray(self.law(self.values, self._variables(variables)))

    def predict(self, *, new_run: bool = False, **variables: Any) -> Band:
        """The law with the band of its samples, for instance ``fit.predict(N=1e12, D=2e13)``.

        Args:
            new_run: True adds the scatter of the residuals: the band of one more run, not of the law.
            variables: positive numbers or arrays that broadcast; one for each variable of the law.

        The band knows the uncertainty of the parameters alone: it is right only where the law still holds.

        Raises:
            ValueError: a variable is missing, unknown or not positive.
        """
        check_flag("new_run", new_run)
        given = self._variables(variables)
        value = np.asarray(self.law(self.values, given))
        shape = (-1, *([1] * value.ndim))
        samples = {name: np.reshape(v, shape) for name, v in self.samples.items()}
        found = np.asarray(self.law(samples, given))
        if new_run:
            rng = np.random.default_rng(0)
            found = found * np.exp(rng.choice(self.residual, size=(len(found), *([1] * value.ndim))))
        return self._band(value, found)

    def allocate(self, compute: Any, *, flops: float = 6.0) -> Split:
        """The N and D of least loss with flops * N * D = compute, with intervals.

        Args:
            compute: FLOPs, a number or an array.
            flops: FLOPs per parameter and token.

        Raises:
            ValueError: the law has no N and D, or ``compute`` is not positive.
        """
        compute = check_reals("compute", compute, "numbers > 0", lambda x: (x > 0) & np.isfinite(x))
        flops = float(check_reals("flops", flops, "a number > 0", lambda x: (x > 0) & np.isfinite(x), ndim=0))
        best = best_split(self.law, self.values, self.samples, compute, flops)
        N, D, L = (self._band(value, found) for value, found in best)
        return Split(compute, N, D, L)

    def test(self, **stated: float) -> Wald:
        """Whether stated parameters fit: the Wald test with the covariance of the samples.

        Positive parameters are compared by their logarithm. ``fit.test(E=1.69, A=406.4, B=410.7, alpha=0.34,
        beta=0.28)``.

        Raises:
            ValueError: a name is no fitted parameter, or there are too few samples.
        """
        names = [name for name in self.law.free if name in stated]
        if not names or len(names) != len(stated):
            raise ValueError(f"stated: wanted some of {', '.join(self.law.free)}; got {', '.join(stated) or 'none'}")
        if len(self.samples[names[0]]) <= len(names):
            raise ValueError(f"samples: wanted more than {len(names)}; got {len(self.samples[names[0]])}")
        logs = dict(zip(self.law.free, is_log(self.law), strict=True))
        place = lambda name, x: np.log(x) if logs[name] else np.asarray(x, float)  # noqa: E731
        with np.errstate(divide="raise", invalid="raise"):
            gap = np.array([place(name, stated[name]) - place(name, self.values[name]) for name in names])
        covariance = np.atleast_2d(np.cov(np.stack([place(name, self.samples[name]) for name in names])))
        square = float(gap @ np.linalg.solve(covariance, gap))
        return Wald(square, len(names), float(stats.chi2.sf(square, len(names))))

    def summary(self) -> str:
        """A table for people: estimates, intervals, method, points, objective, and what is doubtful."""
        return checklist(self).summary

    def report(self) -> dict[str, Any]:
        """What a reader needs to reproduce the fit: law, data, filter, loss, starts, optimizer, intervals, FLOPs."""
        return checklist(self).items

    def to_json(self) -> str:
        """The result for programs: "law", "parameters", "intervals", "objective", "num_points"."""
        finite = lambda x: x if np.isfinite(x) else None  # noqa: E731
        return json.dumps({
            "law": self.law.name,
            "parameters": {name: e.value for name, e in self.parameters.items()},
            "intervals": {name: [finite(e.low), finite(e.high)] for name, e in self.parameters.items()},
            "objective": self.objective,
            "num_points": self.num_points,
        }, indent=1)  # fmt: skip

    def plot(self, kind: str = "fit", **options: Any) -> Any:
        """A figure: "fit" (with residuals), "extrapolation" (with its band), "contours" or "isoflop"; see
        ``sv.plots.law``."""
        return figures.draw("law", self, kind, **options)

    def _variables(self, given: dict[str, Any]) -> dict[str, np.ndarray]:
        if set(given) != set(self.law.variables):
            raise ValueError(f"variables: wanted {', '.join(self.law.variables)}; got {', '.join(given) or 'none'}")
        good = lambda x: (x > 0) & np.isfinite(x)  # noqa: E731
        return {name: check_reals(name, value, "numbers > 0", good) for name, value in given.items()}

    def _band(self, value: np.ndarray, samples: Float[np.ndarray, "samples *shape"]) -> Band:
        tails = [50 * (1 - self.confidence), 50 * (1 + self.confidence)]
        low, high = np.nanpercentile(samples, tails, axis=0) if np.isfinite(samples).any() else (value, value)
        return Band(value, low, high)
