"""Ridge regression on finite data: the typical draw, over whole maps of width and samples."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from solvable.algorithms.base import AbstractAlgorithm
from solvable.arguments import LARGEST, check_broadcast, check_choice, check_reals, refusal
from solvable.arrays import as_float64, is_concrete, library, to_numpy
from solvable.forms.algorithms import Penalty
from solvable.forms.base import AbstractSubject, Reading
from solvable.forms.curve import Curve
from solvable.forms.population import Endless, Population
from solvable.method import AbstractMethod, check_kind, read, read_model
from solvable.models.base import AbstractProblem
from solvable.numerics.grouping import map_in_groups
from solvable.numerics.padding import padded, rounded_up_coarsely
from solvable.numerics.precision import in_float64
from solvable.theory.optimal_penalty import optimal
from solvable.theory.ridge_equations import RidgeRisk, ridge_risk

TOGETHER = 64  # points of a map evaluated together: their modes stay in cache


class DeterministicEquivalent(AbstractMethod):
    """The deterministic equivalent of ridge regression: test and training risk of a typical draw of features and data.

    It reads two things and nothing else: a population (`Population`: eigenvalues, target power, width, samples and
    noise) and the penalty of `Ridge`. Algorithms that move in steps have other theories: `DMFT` on a finite data set,
    `Recursion` on a fresh stream.

    On a model with ``samples`` both features and data are typical. On one draw of the features (a problem) the features
    are given and the data are typical. ``samples=None`` is the limit of infinitely many. The curve is one point;
    ``stats`` holds the effective ridge and the parts of the risk (`RidgeRisk`). An infinite risk, as without a penalty
    at width = samples, has the result code DIVERGENT. The mean over draws differs by O(1/width + 1/samples), relative.

    Sources: Maloney, Roberts, Sully 2022 (arXiv 2210.16859); Defilippis et al. 2024 (2405.15699); Atanasov et al.
    2024 (2405.00592).
    """

    references: ClassVar[tuple[str, ...]] = ("maloney2022", "defilippis2024", "atanasov2024")

    @property
    def reads(self):
        return (Reading(Population, Penalty),)

    def curve(self, subject: Population, algorithm: Penalty, steps: np.ndarray, *, key=None) -> Curve:
        """One point."""
        parts = to_numpy(_ridge_risk(subject, as_float64(algorithm.penalty)))
        stats = {name: value for name, value in vars(parts).items() if name not in ("risk", "train_risk")}
        start = subject.power.sum() + subject.noise**2
        infinite, train = library(parts.risk).isinf(parts.risk), parts.train_risk[None]
        return Curve.of(steps, parts.risk[None], start=start, diverges=infinite, stats=stats, train_risk=train)


_ridge_risk = jax.jit(ridge_risk)


def decompose(model: AbstractSubject, algorithm: AbstractAlgorithm) -> RidgeRisk:
    """The typical risk of ``model`` under `Ridge`, in parts: bias, and variances over features, inputs and noise."""
    penalty = read(model, algorithm, Population, Penalty, reader="decompose(...)")[1].penalty
    return ridge_map(model, penalty=penalty)


@in_float64
def ridge_map(
    model: AbstractSubject,
    *,
    width: ArrayLike | None = None,
    samples: ArrayLike | None = None,
    penalty: ArrayLike | Literal["optimal"] = 0.0,
) -> RidgeRisk:
    """Typical risk of ridge regression, with its parts, at every (width, samples, penalty), which broadcast.

    The inputs, ``ambient`` of them, are the same everywhere. ``width=w[:, None], samples=p`` is a map; the cost of a
    point does not depend on the sizes.

    Args:
        model: a model that states its population.
        width: numbers of features, real, > 0, infinite where all inputs are trained; the model's own by default.
        samples: numbers of samples, real, > 0, or infinite; the model's own by default.
        penalty: penalties >= 0, or "optimal": the one of least risk at each point.

    Raises:
        ValueError: an argument is impossible.
    """
    population = read_model(model, Population, Endless, reader="ridge_map(...)")
    points = map_points(population, width, samples, penalty)
    return over_points(lambda *flat: _map(population, *flat, isinstance(penalty, str)), points)


def over_points(function: Callable, points: Sequence[Float[Array, "*points"]]) -> Any:
    """A compiled ``function`` of flat points, padded so that maps of similar size share its program."""
    shape, count = points[0].shape, points[0].size
    found = to_numpy(function(*(padded(x.reshape(-1), rounded_up_coarsely(count)) for x in points)))
    return jax.tree.map(lambda x: x[:count].reshape(shape), found)


def map_points(
    population: Population, width: ArrayLike | None, samples: ArrayLike | None, penalty: ArrayLike | str
) -> list[Float[Array, "*points"]]:
    """(width, samples, penalty) broadcast against each other; the population's own sizes stand for None.

    Raises:
        ValueError: a value is impossible.
    """
    best = isinstance(penalty, str)
    if best:
        check_choice("penalty", penalty, ("optimal",), also="numbers >= 0")
    given = {
        "width": population.width if width is None else _positive("width", width),
        "samples": population.samples if samples is None else _positive("samples", samples),
        "penalty": np.zeros(()) if best else check_reals("penalty", penalty, "numbers >= 0 or 'optimal'", _natural),
    }
    return [as_float64(x) for x in check_broadcast(**given)]


def _positive(name: str, value: ArrayLike) -> Float[Array, "*points"]:
    return check_reals(name, value, "numbers > 0", lambda x: x >= 1 / LARGEST)


def _natural(x: np.ndarray) -> np.ndarray:
    return (x >= 0) & (x < np.inf)


@partial(jax.jit, static_argnames="best")
def _map(population: Population, width, samples, penalty, best: bool) -> RidgeRisk:
    def one(point):
        width, samples, penalty = point
        at = eqx.tree_at(lambda p: (p.width, p.samples), population, (width, samples))
        return optimal(at)[1] if best else ridge_risk(at, penalty)

    return map_in_groups(one, (width, samples, penalty), TOGETHER)


@in_float64
def ridgeless_mean(problem: AbstractProblem, samples: ArrayLike) -> Float[Array, "*sizes"]:
    """Exact mean over data of the least-squares risk, given the features, for T samples and N < T - 1 features:

        E L = floor (T - 1) / (T - N - 1),

    infinite for N = T - 1 and N = T. By the Gaussian reduction the data are a linear regression with noise ``floor``,
    and the mean of an inverse Wishart matrix is known at any size. With fewer samples than features the mean depends
    on the whole spectrum and has no such form.

    Raises:
        ValueError: fewer samples than features.
    """
    check_kind("problem", problem, AbstractProblem)
    eigvals, size = jnp.asarray(problem.eigvals), jnp.asarray(check_reals("samples", samples, "finite numbers"), float)
    width = (eigvals > 0).sum()
    if is_concrete(width, size) and (size < width).any():
        raise refusal("samples", f"numbers >= the number of features {int(width)}", samples)
    freedom = size - width - 1
    floor = jnp.asarray(problem.floor, float)
    return jnp.where(freedom > 0, floor * (size - 1) / jnp.where(freedom > 0, freedom, 1.0), jnp.inf)
