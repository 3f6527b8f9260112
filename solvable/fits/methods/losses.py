"""Fits of a formula: what is minimised. Each loss is half the sum of squares of its roots.

r = log(prediction) - log(target) at each point.
"""

import abc
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy import optimize, special

from solvable.arguments import check_flag, check_real
from solvable.fits.methods.base import AbstractFitMethod


def as_delta(value: Any) -> float:
    """Where the Huber loss turns from quadratic to linear.

    Raises:
        ValueError: it is no number > 0.
    """
    check_real("delta", value, "a number > 0", lambda x: 0 < x < np.inf)
    return float(value)


class AbstractLoss(AbstractFitMethod):
    """A sum over points that the parameters of a law minimise, from the starts of the law.

    Attributes of a final class: ``deltas``, the values of a parameter of the loss through which the search goes, the
    last one being the loss itself; ``takes_stderr``, whether standard errors of the points enter.
    """

    takes_stderr: ClassVar[bool] = False

    @property
    @abc.abstractmethod
    def deltas(self) -> tuple[float, ...]:
        """Parameters of the losses that are minimised one after the other."""

    @abc.abstractmethod
    def roots(self, residual: Float[Array, " points"], points: Any, delta) -> Float[Array, " points"]:
        """One root for each point; they are differentiable in the residual."""

    @abc.abstractmethod
    def influence(self, residual: np.ndarray, scale: np.ndarray, free: int) -> tuple[np.ndarray, np.ndarray]:
        """psi = d loss / d r, and its expected slope, for the covariance of an M-estimator; shapes (points,)."""

    @abc.abstractmethod
    def deviance(self, loss: np.ndarray, best: float, num_points: int) -> np.ndarray:
        """Twice the fall of the log likelihood from the best fit, the scale of the errors being fitted."""


def huber_root(residual, delta):
    """sign(r) sqrt(2 huber(r)), huber(r) = r^2 / 2 up to delta and delta (|r| - delta / 2) beyond."""
    size = jnp.abs(residual)
    far = jnp.where(size > delta, size, 2 * delta)  # keeps the derivative of the root finite where it is not used
    return jnp.where(size > delta, jnp.sign(residual) * jnp.sqrt(2 * delta * (far - delta / 2)), residual)


class Huber(AbstractLoss):
    """Chinchilla's approach 3: the sum (not the mean) of the Huber loss of r, from a grid of starts.

    huber(r) = r^2 / 2 for |r| <= delta, delta (|r| - delta / 2) beyond. With the literature's delta = 1e-3, a tenth of
    the usual scatter, this is nearly the sum of absolute residuals.

    Source: Hoffmann et al. 2022, eq. 3; Besiroglu et al. 2024 (the sum).
    """

    delta: float = eqx.field(static=True, converter=as_delta, default=1e-3)
    references: ClassVar[tuple[str, ...]] = ("huber1964", "hoffmann2022", "besiroglu2024", "optimistix2024")

    @property
    def deltas(self) -> tuple[float, ...]:
        return (self.delta,)

    def roots(self, residual, points, delta):
        return huber_root(residual, delta)

    def influence(self, residual, scale, free):
        return np.clip(residual, -self.delta, self.delta), _slope(residual, self.delta)

    def deviance(self, loss, best, num_points):
        here, there = (_least_code(x / num_points, self.delta) for x in (loss, best))
        return 2 * num_points * (here - there)


class AbsoluteDeviation(AbstractLoss):
    """The sum of |r|: the best fit where errors have the density exp(-|r| / b) / (2 b).

    A Huber likelihood with a fitted scale (Besiroglu et al. 2024) ends here, as its delta is in units of the scale. The
    search follows Huber losses of falling delta; the last one, ``delta``, is far below any scatter.
    """

    delta: float = eqx.field(static=True, converter=as_delta, default=1e-6)
    references: ClassVar[tuple[str, ...]] = ("besiroglu2024", "optimistix2024")

    @property
    def deltas(self) -> tuple[float, ...]:
        count = max(int(np.ceil(np.log10(1e-2 / self.delta) / 2)), 0)
        return tuple(float(self.delta * 100.0**k) for k in range(count, -1, -1))

    def roots(self, residual, points, delta):
        return huber_root(residual, delta) / jnp.sqrt(delta)

    def influence(self, residual, scale, free):
        return np.sign(residual), _slope(residual, self.delta) / self.delta

    def deviance(self, loss, best, num_points):
        return 2 * num_points * np.log(loss / best)


class LeastSquares(AbstractLoss):
    """Half the sum of (r / s)^2, s = stderr / target where standard errors are given and 1 elsewhere.

    Attributes:
        log: False for half the sum of ((prediction - target) / stderr)^2, stderr 1 where it is not given.
    """

    log: bool = eqx.field(static=True, converter=lambda x: check_flag("log", x), default=True)
    takes_stderr: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("optimistix2024",)

    @property
    def deltas(self) -> tuple[float, ...]:
        return (0.0,)

    def roots(self, residual, points, delta):
        return (residual if self.log else jnp.expm1(jnp.minimum(residual, 300.0))) / points.scale

    def influence(self, residual, scale, free):
        if self.log:
            return residual / scale**2, scale**-2
        return np.expm1(residual) * np.exp(residual) / scale**2, np.exp(2 * residual) / scale**2

    def deviance(self, loss, best, num_points):
        return num_points * np.log(loss / best)


def _slope(residual: np.ndarray, delta: float) -> np.ndarray:
    """Expected slope of clip(r, -delta, delta): the share of points within delta, told from a window wide enough.

    The window is that of Hall and Sheather for the density at the median, in the normal approximation.
    """
    count = len(residual)
    width = 1.06 * count**-0.2 * max(1.4826 * np.median(np.abs(residual)), 1e-300)
    window = max(delta, width)
    return np.full(count, max((np.abs(residual) <= window).mean() * delta / window, 1.0 / count * delta / window))


def _least_code(mean_loss: Any, delta: float) -> np.ndarray:
    """Negative log likelihood of a point under the density ~ exp(-huber(r) / tau), at the best tau."""

    def code(log_tau: float, mean: float) -> float:
        tau = np.exp(log_tau)
        inside = np.sqrt(2 * np.pi * tau) * special.erf(delta / np.sqrt(2 * tau))
        return mean / tau + float(np.log(inside + 2 * tau / delta * np.exp(-(delta**2) / (2 * tau))))

    found = []
    for mean in np.ravel(mean_loss):
        ends = np.log(mean) - 8, np.log(mean) + 8
        found.append(optimize.minimize_scalar(code, args=(mean,), bounds=ends, method="bounded").fun)  # pyright: ignore
    return np.reshape(found, np.shape(mean_loss))
