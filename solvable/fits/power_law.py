"""Fitting one power law with a floor, y = prefactor * x^(-exponent) + floor, with honest intervals.

A law that decays has a **positive** exponent; one that grows has a negative exponent.

The fit minimises the weighted squares of log y - log(model): relative errors count, not absolute ones.
Weights are (y / stderr)^2 where standard errors are given, and equal otherwise: standard errors set the relative
weights, the scatter sets the scale. `fits/residuals.py` has the intervals, for correlated and for independent errors.

A second fit adds a curvature, log(y - floor) = ... + curvature (log x)^2 / 2. If it is more than 3 standard errors from
zero, no single power law describes the points: the interval of the exponent is widened until it holds the local
exponents at both ends, and a `PowerLawWarning` says so where they differ by more than 1%.
"""

import dataclasses
import warnings
from typing import Any, Literal

import numpy as np

from solvable.arguments import check_choice, check_flag, check_real
from solvable.fits.checks import check_points
from solvable.fits.estimate import Estimate
from solvable.fits.minimise import minimise
from solvable.fits.residuals import Scatter, equivalent_z, scatter

_SIGNIFICANT = 3.0  # standard errors of a curvature that is taken to be real
_NOTABLE = 0.01  # relative change of the local exponent that is worth a warning
_CHANCE = 0.99  # chance of a positive correlation at which independence is doubted
_ROUNDING = 1e-11  # relative size of residuals that are rounding errors


class PowerLawWarning(UserWarning):
    """The points are not what the fit takes them for: they bend, or their errors are correlated."""


@dataclasses.dataclass(frozen=True)
class PowerLawFit:
    """y = prefactor * x^(-exponent) + floor.

    Attributes:
        exponent: positive for a law that decays. Where the points bend its interval holds both local exponents.
        prefactor: its interval is the exponential of the interval of its logarithm.
        floor: of standard error 0 if it was given.
        covariance: of (exponent, log prefactor, floor) at ``residual_correlation``; shape (3, 3), zero where the floor
            was given.
        residual: log y - log(model) at each point; shape (points,).
        reduced_chi_square: weighted squares over degrees of freedom. Near 1 if the given standard errors
            explain the scatter; without standard errors, the variance of the residual.
        confidence: level of the intervals.
        residual_correlation: of the errors of neighbours in x, the mean of what the residuals leave possible.
        curvature: second derivative of log(y - floor) in log x; NaN where the points cannot tell.
        curvature_z: the curvature in standard errors of a normal law of the same tail; NaN where they cannot tell.
        local_exponents: exponents at the least and the largest x with that curvature.
        message: what is doubtful about the fit; empty where nothing is.
    """

    exponent: Estimate
    prefactor: Estimate
    floor: Estimate
    covariance: np.ndarray
    residual: np.ndarray
    reduced_chi_square: float
    confidence: float
    residual_correlation: float
    curvature: Estimate
    curvature_z: float
    local_exponents: tuple[Estimate, Estimate]
    message: str

    def __call__(self, x: Any) -> np.ndarray:
        """The fitted law at ``x``."""
        x = np.asarray(x, dtype=np.float64)
        return self.prefactor.value * x**-self.exponent.value + self.floor.value


def fit_power_law(
    x: Any,
    y: Any,
    *,
    floor: float | str = 0.0,
    stderr: Any = None,
    confidence: float = 0.95,
    errors: Literal["correlated", "independent"] = "correlated",
    warn: bool = True,
) -> PowerLawFit:
    """Fit y = prefactor * x^(-exponent) + floor, a positive exponent for a law that decays.

    Args:
        x: positive, shape (points,).
        y: positive, shape (points,).
        floor: the floor as a number, or "fit" to fit it (it may come out negative).
        stderr: standard errors of y, positive, shape (points,); None weighs relative errors equally, and the intervals
            then allow for errors of unequal size.
        confidence: level of the intervals, in (0, 1).
        errors: "correlated" allows for errors that decay along x as rho^(number of points apart), as along one training
            curve, with a rho found from the residuals. "independent" is narrower and right for independent errors only.
        warn: False leaves what is doubtful to `PowerLawFit.message`.

    Raises:
        ValueError: an argument is out of range, or the points do not determine the parameters.
        RuntimeError: the minimisation did not converge.
    """
    if isinstance(floor, str):
        check_choice("floor", floor, ("fit",), also="a number")
    else:
        check_real("floor", floor, 'a finite number or "fit"')
    check_real("confidence", confidence, "a number in (0, 1)", lambda p: 0 < p < 1)
    check_choice("errors", errors, ("correlated", "independent"))
    check_flag("warn", warn)
    fitted = isinstance(floor, str)
    x, y, weight = check_points(x, y, stderr, parameters=3 if fitted else 2)
    known, order = 0.0 if isinstance(floor, str) else float(floor), np.argsort(x, kind="stable")
    x, y, weight = x[order], y[order], weight[order]
    params, jacobian, residual = minimise(x, y, weight, fitted, known)
    options = {"correlated": errors == "correlated", "robust": stderr is None}
    centre, scale = np.log(x).mean(), float(y.min())
    change = np.array([[1, 0, 0], [centre, 1, 0], [0, 0, scale]], dtype=np.float64)[:, : len(params)]
    value = change @ params + np.array([0, np.log(scale), 0.0 if fitted else known])
    noise = _scatter(change, jacobian, residual, options)
    exponent, log_prefactor, level = _estimates(value, noise, confidence)
    bend = _bend(np.log(x) - centre, params[0], jacobian, residual, weight, confidence, options)
    text, notable = _doubts(exponent, bend, noise, x, options["correlated"])
    if warn and notable:
        warnings.warn(text, PowerLawWarning, stacklevel=2)
    return PowerLawFit(
        exponent=_widened(exponent, bend),
        prefactor=_exponential(log_prefactor),
        floor=level,
        covariance=noise.covariance,
        residual=(residual / weight)[np.argsort(order)],
        reduced_chi_square=float((residual**2).sum() / (len(x) - len(params))),
        confidence=confidence,
        residual_correlation=noise.correlation,
        curvature=bend.curvature,
        curvature_z=bend.z,
        local_exponents=(bend.first, bend.last),
        message=text,
    )


fit_power_law.references = ("optimistix2024",)  # type: ignore[attr-defined]


@dataclasses.dataclass(frozen=True)
class _Bend:
    """The fit with a curvature: curvature, its z, local exponents at both ends, and the errors that are left."""

    curvature: Estimate
    z: float
    first: Estimate
    last: Estimate
    noise: Scatter | None = None

    @property
    def significant(self) -> bool:
        return abs(self.z) > _SIGNIFICANT


def _bend(log_x, exponent, jacobian, residual, weight, confidence, options) -> _Bend:
    """One linear step from the fit towards the law with a curvature, whose Jacobian has one more column."""
    wide = np.column_stack([jacobian, jacobian[:, 1] * log_x**2 / 2])
    points, k = wide.shape
    diagonal = np.abs(np.diag(np.linalg.qr(wide, mode="r"))) / np.linalg.norm(wide, axis=0)
    if points <= k or diagonal.min() < 1e-7:
        unknown = Estimate(np.nan, np.nan, np.nan, np.nan)
        return _Bend(unknown, np.nan, unknown, unknown)
    if np.linalg.norm(residual) <= _ROUNDING * np.linalg.norm(weight):
        same = Estimate(float(exponent), 0.0, float(exponent), float(exponent))
        return _Bend(Estimate(0.0, 0.0, 0.0, 0.0), 0.0, same, same)
    rows = np.zeros((3, k))
    rows[:, -1], rows[1:, 0] = [1.0, -log_x[0], -log_x[-1]], 1.0
    step = -np.linalg.lstsq(wide, residual)[0]
    noise = _scatter(rows, wide, residual + wide @ step, options)
    curvature, first, last = _estimates(rows @ step + [0.0, exponent, exponent], noise, confidence)
    z = np.sign(curvature.value) * equivalent_z(noise.tail(0, abs(curvature.value)))
    return _Bend(curvature, float(z), first, last, noise)


def _scatter(rows, jacobian, residual, options) -> Scatter:
    """Errors of the combinations ``rows`` of the parameters; infinite where the points do not determine them all."""
    basis, triangle = np.linalg.qr(jacobian)
    diagonal = np.abs(np.diag(triangle))
    if diagonal.min() <= 1e-14 * diagonal.max():
        size, endless = len(rows), np.inf
        return Scatter(np.ones(1), np.full((1, size), endless), np.ones(size), 0.0, 0.5, np.full((size, size), endless))
    return scatter(-np.linalg.solve(triangle.T, rows.T).T @ basis.T, basis, residual, **options)


def _estimates(values, noise: Scatter, confidence: float) -> list[Estimate]:
    halves, stderr = noise.half_width(confidence).tolist(), np.sqrt(np.diag(noise.covariance)).tolist()
    return [Estimate(v, e, v - h, v + h) for v, e, h in zip(values.tolist(), stderr, halves, strict=True)]


def _doubts(exponent: Estimate, bend: _Bend, noise: Scatter, x, correlated: bool) -> tuple[str, bool]:
    """What is doubtful about the fit, and whether it is worth a warning."""
    text, notable = [], False
    if bend.significant:
        first, last = bend.first.value, bend.last.value
        notable = abs(last - first) > _NOTABLE * abs(exponent.value)
        text.append(
            f"the points are not one power law (curvature {bend.curvature.value:.3g}, z = {bend.z:.1f}): the local "
            f"exponent goes from {first:.4g} at x = {x[0]:.3g} to {last:.4g} at x = {x[-1]:.3g}. The interval of the "
            "exponent is widened to hold both and says nothing of other x"
        )
    left = bend.noise if bend.significant and bend.noise is not None else noise
    if not correlated and left.positive > _CHANCE:
        notable = True
        text.append(
            'the residuals of neighbours in x are correlated: the intervals of errors="independent" are too narrow'
        )
    return "; ".join(text), notable


def _widened(exponent: Estimate, bend: _Bend) -> Estimate:
    """The interval of the exponent, and the local exponents at both ends in it where the points bend."""
    if not bend.significant:
        return exponent
    ends = bend.first.value, bend.last.value
    return dataclasses.replace(exponent, low=min(exponent.low, *ends), high=max(exponent.high, *ends))


def _exponential(log: Estimate) -> Estimate:
    """The estimate of exp(.), its interval the image of the interval of the logarithm."""
    with np.errstate(over="ignore"):
        low, value, high = np.exp([log.low, log.value, log.high]).tolist()
    return Estimate(value, value * log.stderr, low, high)
