"""How sure a fit is: bootstrap, profile likelihood, Hessian. Each is a value and ends in intervals and samples."""

import abc
import math
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from scipy import stats

from solvable.arguments import check_integer, refusal
from solvable.fits.chart import is_log, physical, unconstrained
from solvable.fits.doubts import Doubt, about_resamples
from solvable.fits.laws.base import AbstractLaw
from solvable.fits.search import Found, Held, Points, descend, linearise

MOST_RESAMPLES = 10**6
CLOSE = 1e-7  # tolerance of the search of a resample, far below its scatter
NUM_DRAWS = 4000  # of the normal law that stands for a Hessian, where samples are asked for
BLOCK_WEIGHTS = 2**24  # weights of resamples that are held at once
STIFF = 1e3  # a held number moves the loss by less than 1e-6 of what one standard error does
PROFILE = np.r_[-8:-3:1, -3:3.01:0.5, 4:8.1:1]  # where profiles are followed, in standard errors


class Optimum(NamedTuple):
    """The fit whose uncertainty is asked for."""

    law: AbstractLaw
    loss: Any
    points: Points
    theta: np.ndarray
    value: float  # of the loss
    num_points: int
    groups: np.ndarray | None  # which run each point belongs to


class Spread(NamedTuple):
    """theta of samples (samples, free), doubts, and intervals (free, 2) and standard errors (free,) of the free
    parameters, None for those of the samples."""

    samples: np.ndarray
    doubts: list[Doubt]
    intervals: np.ndarray | None = None
    stderr: np.ndarray | None = None


class AbstractUncertainty(eqx.Module):
    """A way to find intervals."""

    references: ClassVar[tuple[str, ...]] = ()

    @abc.abstractmethod
    def spread(self, optimum: Optimum, confidence: float, key: Key[Array, ""]) -> Spread:
        """Samples and intervals of the parameters around an optimum."""


def as_count(name: str, least: int) -> Any:
    """A converter to an integer from ``least`` on."""
    return lambda value: check_integer(name, value, least, MOST_RESAMPLES)


def as_cluster(value: Any) -> str | None:
    """The name of a column, or None."""
    if value is not None and not isinstance(value, str):
        raise refusal("cluster", "the name of a column, or None", value)
    return value


class Bootstrap(AbstractUncertainty):
    """Percentiles of fits to resampled data, all in one vectorised call; each search begins at the fit.

    Attributes:
        num: resamples.
        cluster: column that names the run of each point: whole runs are resampled, as the points of one run are
            correlated. None resamples points.
        block: length of the blocks of neighbours that are resampled together, in the order of the variables within a
            run (or in the table): for correlations that reach ``block`` points. 1 for single points or whole runs.

    Source: Efron 1979; Kunsch 1989 (blocks); Field, Welsh 2007 (clusters).
    """

    num: int = eqx.field(static=True, converter=as_count("num", 20), default=1000)
    cluster: str | None = eqx.field(static=True, converter=as_cluster, default=None)
    block: int = eqx.field(static=True, converter=as_count("block", 1), default=1)
    references: ClassVar[tuple[str, ...]] = ("efron1979", "kunsch1989", "field2007")

    def spread(self, optimum: Optimum, confidence: float, key: Key[Array, ""]) -> Spread:
        rng = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel())
        size, parts = max(BLOCK_WEIGHTS // len(optimum.points.weight), 1), []
        for first in range(0, self.num, size):
            weights = self.weights(rng, min(size, self.num - first), optimum.num_points, optimum.groups)
            padded = np.pad(weights, ((0, 0), (0, len(optimum.points.weight) - optimum.num_points)))
            starts = np.repeat(optimum.theta[None], len(weights), axis=0)
            parts.append(descend(optimum.law, optimum.loss, starts, optimum.points, padded, tolerance=CLOSE))
        found = Found(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        good = found.converged & np.isfinite(found.theta).all(axis=1)
        kept = found.theta[good] if good.sum() >= 2 else found.theta
        return Spread(kept, about_resamples(1 - good.mean()))

    def weights(self, rng, num: int, num_points: int, groups: np.ndarray | None) -> Float[np.ndarray, "num points"]:
        """How often each point is in each resample."""
        if groups is not None and self.block == 1:
            member = np.unique(groups, return_inverse=True)[1]
            counts = rng.multinomial(member.max() + 1, np.full(member.max() + 1, 1 / (member.max() + 1)), num)
            return counts[:, member].astype(float)
        if self.block == 1:
            return rng.multinomial(num_points, np.full(num_points, 1 / num_points), num).astype(float)
        runs = np.zeros(num_points, int) if groups is None else np.unique(groups, return_inverse=True)[1]
        counts = np.zeros((num, num_points))
        for run in range(runs.max() + 1):
            counts += self._blocks(rng, num, np.flatnonzero(runs == run), num_points)
        return counts

    def _blocks(self, rng, num: int, rows: np.ndarray, num_points: int) -> np.ndarray:
        """Blocks of one run, which is taken to be a circle so that each point is as likely as any other."""
        length = min(self.block, len(rows))
        starts = rng.integers(len(rows), size=(num, math.ceil(len(rows) / length)))
        chosen = (starts[..., None] + np.arange(length)).reshape(num, -1)[:, : len(rows)] % len(rows)
        counts = np.zeros((num, num_points))
        np.add.at(counts, (np.arange(num)[:, None], rows[chosen]), 1.0)
        return counts


class Hessian(AbstractUncertainty):
    """Intervals of Student's t from the curvature of the loss at its optimum, errors taken to be independent and alike.

    With psi the derivative of the loss in r: the covariance H^-1 G H^-1 of an M-estimator, H = sum E[psi'] j j^T and
    G = sum psi^2 j j^T, which for least squares is s^2 (J^T J)^-1.

    Source: Huber 1964; Koenker 2005, sec. 3.4 (the slope where delta is below the scatter).
    """

    references: ClassVar[tuple[str, ...]] = ("huber1964", "koenker2005")

    def spread(self, optimum: Optimum, confidence: float, key: Key[Array, ""]) -> Spread:
        covariance = self.covariance(optimum)
        if covariance is None:
            size = len(optimum.theta)
            nothing = np.full((size, 2), [-np.inf, np.inf])
            return Spread(optimum.theta[None], [], nothing, np.full(size, np.inf))
        rng = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel())
        draws = rng.multivariate_normal(optimum.theta, covariance, NUM_DRAWS, method="eigh")
        values, change = at_physical(optimum)
        error = np.sqrt(np.diag(change @ covariance @ change.T))
        ends = values[:, None] + (error * student(optimum, confidence))[:, None] * [-1, 1]
        stderr = error * np.where(is_log(optimum.law), np.exp(values), 1.0)
        return Spread(draws, [], back(optimum.law, ends), stderr)

    def covariance(self, optimum: Optimum) -> Float[np.ndarray, "free free"] | None:
        """Covariance of theta; None where the data do not determine it."""
        residual, jacobian = linearise(optimum.law, optimum.theta, optimum.points, optimum.num_points)
        scale = np.asarray(optimum.points.scale)[: optimum.num_points]
        free = jacobian.shape[1]
        psi, slope = optimum.loss.influence(residual, scale, free)
        hessian = jacobian.T @ (slope[:, None] * jacobian)
        # alike: the mean of psi^2 over slope stands for each point's own, as in s^2 (J^T J)^-1
        spread = (psi**2 / slope).sum() / (optimum.num_points - free)
        norms = np.sqrt(np.diag(hessian))
        if not (np.isfinite(hessian).all() and norms.min() > 1e-12 * norms.max()):
            return None
        unit = hessian / np.outer(norms, norms)
        if np.linalg.cond(unit) > 1e14:
            return None
        return spread * np.linalg.inv(unit) / np.outer(norms, norms)


class ProfileLikelihood(AbstractUncertainty):
    """Where the best fit with one parameter held is worse by the quantile of chi-square (1 degree of freedom).

    The scale of the errors is fitted along with the parameters; for least squares the quantile is that of F. An
    interval that the data leave open ends at infinity, or at 0 for a positive parameter. The samples are those of
    `Hessian`.

    Source: Venzon, Moolgavkar 1988.
    """

    references: ClassVar[tuple[str, ...]] = ("venzon1988",)

    def spread(self, optimum: Optimum, confidence: float, key: Key[Array, ""]) -> Spread:
        plain = Hessian().spread(optimum, confidence, key)
        covariance = Hessian().covariance(optimum)
        if covariance is None:
            return plain
        values, change = at_physical(optimum)
        found, stderr = self._follow(optimum, covariance, values, change)
        count, free = optimum.num_points, len(values)
        # n log(1 + F / (n - k)) is the deviance at the quantile F of least squares; chi-square for many points
        limit = count * np.log1p(student(optimum, confidence) ** 2 / (count - free))
        fall = optimum.loss.deviance(np.maximum(found, optimum.value), optimum.value, count)
        ends = np.array([self._ends(np.sqrt(np.maximum(row, 0.0)), np.sqrt(limit)) for row in fall])
        return plain._replace(intervals=back(optimum.law, values[:, None] + stderr[:, None] * ends))

    def _follow(self, optimum: Optimum, covariance, values, change):
        """The loss with each parameter held along the profile (free, profile), and standard errors."""
        wide = change @ covariance @ change.T
        stderr, free = np.sqrt(np.diag(wide)), len(values)
        which, offset = (part.ravel() for part in np.meshgrid(np.arange(free), PROFILE, indexing="ij"))
        steps = covariance @ change.T / np.diag(wide)  # how theta moves with each parameter along the valley
        starts = optimum.theta + (steps[:, which] * (stderr[which] * offset)).T
        stiffness = STIFF * np.sqrt(2 * optimum.value / max(optimum.num_points - free, 1)) / stderr[which]
        held = Held(np.eye(free)[which], values[which] + stderr[which] * offset, stiffness)
        found = descend(optimum.law, optimum.loss, starts, optimum.points, held=held)
        loss = np.where(np.isfinite(found.loss), found.loss, np.inf)
        return loss.reshape(free, -1), stderr

    def _ends(self, root: np.ndarray, limit: float) -> tuple[float, float]:
        """Where the root of the deviance crosses the limit on either side of 0."""
        found = []
        for side in (-1, 1):
            inside = np.flatnonzero(side * PROFILE >= 0)[::side]
            place, value = np.abs(PROFILE[inside]), np.r_[0.0, root[inside][1:]]
            above = np.flatnonzero(value > limit)
            if not len(above):
                found.append(side * np.inf)
                continue
            i = above[0]
            share = (limit - value[i - 1]) / (value[i] - value[i - 1]) if np.isfinite(value[i]) else 1.0
            found.append(side * (place[i - 1] + share * (place[i] - place[i - 1])))
        return found[0], found[1]


@eqx.filter_jit
def _at_physical(law, theta, units):
    return unconstrained(law, theta, units), jax.jacfwd(lambda t: unconstrained(law, t, units))(theta)


def at_physical(optimum: Optimum):
    """The free parameters in the caller's units (positive ones by their logarithm), and their Jacobian in theta."""
    with jax.enable_x64(True):
        values, change = _at_physical(optimum.law, optimum.theta, optimum.points.units)
    return np.asarray(values), np.asarray(change)


@eqx.filter_jit
def _all_physical(law, thetas, units):
    rows = jax.vmap(lambda theta: physical(law, theta, units))(thetas)
    return {name: jnp.broadcast_to(value, thetas.shape[:1]) for name, value in rows.items()}


def all_physical(law: AbstractLaw, thetas, units) -> dict[str, np.ndarray]:
    """Every parameter of every theta, in the caller's units; shape (thetas,) each."""
    with jax.enable_x64(True):
        return {name: np.asarray(value) for name, value in _all_physical(law, thetas, units).items()}


def student(optimum: Optimum, confidence: float) -> float:
    """Half-width of an interval in standard errors."""
    return float(stats.t.ppf((1 + confidence) / 2, optimum.num_points - len(optimum.theta)))


def back(law: AbstractLaw, ends: np.ndarray) -> np.ndarray:
    """Intervals (free, 2) from logarithms to parameters; those of a bounded parameter stay within its bounds."""
    with np.errstate(over="ignore"):
        found = np.where(is_log(law)[:, None], np.exp(ends), ends)
    bounds = dict(law.bounds)
    for i, name in enumerate(law.free):
        if name in bounds:
            found[i] = np.clip(found[i], *bounds[name])
    return found
