"""The penalty at which ridge regression has the least typical risk."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from solvable.arguments import LARGEST, check_broadcast, check_reals
from solvable.forms.base import AbstractSubject
from solvable.forms.population import Population
from solvable.method import read_model
from solvable.numerics.precision import in_float64
from solvable.numerics.real_ridge import FixedPoint, learned
from solvable.numerics.roots import bisect
from solvable.theory.ridge_equations import RidgeRisk, fixed_point, ridge_risk, risk_at

GRID = 64  # values of kappa from which the best is refined
REACH = 1e3  # how far beyond the largest relevant ridge the grid goes
BISECTIONS = 20  # of two cells of the grid; one Newton step squares what they leave


class OptimalPenalty(eqx.Module):
    """The best penalty of `Ridge`, and what it attains.

    Attributes:
        penalty: the penalty of least typical risk; 0 where every penalty makes it worse.
        effective_ridge: its kappa.
        risk: the least risk.
    """

    penalty: Float[Array, "*points"]
    effective_ridge: Float[Array, "*points"]
    risk: Float[Array, "*points"]
    references = ("maloney2022", "zhang2024")


@in_float64
def optimal_penalty(model: AbstractSubject) -> OptimalPenalty:
    """The penalty >= 0 at which ridge regression on ``model`` has the least typical risk, for any target and noise.

    For a target of independent random coefficients of equal variance, without noise, the condition is closed,

        (q - c)(N - z)(T - z) = (z - q)^3,     z, q, c = sum of (lambda / (lambda + kappa))^(1, 2, 3),

    and the result meets it (to 1e-9 in the tests). In general the risk is explicit in kappa, rho = kappa a b: its
    least value on a grid is refined where the derivative changes sign.
    """
    penalty, at = jax.jit(optimal)(read_model(model, Population, reader="optimal_penalty(...)"))
    return OptimalPenalty(penalty, at.effective_ridge, at.risk)


@in_float64
def optimal_power_law(
    alpha: Float[Array, ""], width: Float[Array, "*points"], samples: Float[Array, "*points"]
) -> OptimalPenalty:
    """Asymptotic optimum for eigenvalues j^{-2 alpha}, 2 alpha > 1, j up to infinity, beta = 0 and no noise.

    With a = 2 alpha - 1, g = 2 / (a (1 + a)) and k_a = [(pi / (1 + a)) / sin(pi / (1 + a))]^{1 + a},

        z = [(N + T) - sqrt((N + T)^2 - 4 (1 - g) N T)] / (2 (1 - g)),     kappa = k_a z^{-(1 + a)},
        rho = kappa (1 - z/N)(1 - z/T),     L = kappa N T / (N + T - 2 z (1 - 1/a)).

    Width and samples enter alike and L is homogeneous of degree -a: at fixed width * samples equal sizes are best.
    Source: Zhang 2024 (arXiv 2405.19398).
    """
    steep = check_reals("alpha", alpha, "numbers from above 1/2 to 100", lambda x: (x > 0.5) & (x <= 100))
    sizes = [check_reals(n, x, "finite numbers > 0", _positive) for n, x in (("width", width), ("samples", samples))]
    alpha, width, samples = check_broadcast(alpha=steep, width=sizes[0], samples=sizes[1])
    n, t, a = (jnp.asarray(x, float) for x in (width, samples, 2 * jnp.asarray(alpha, float) - 1))
    g, total = 2 / (a * (1 + a)), n + t
    z = 2 * n * t / (total + jnp.sqrt(total**2 - 4 * (1 - g) * n * t))
    angle = jnp.pi / (1 + a)
    kappa = (angle / jnp.sin(angle) / z) ** (1 + a)
    risk = kappa * n * t / (total - 2 * z * (1 - 1 / a))
    return OptimalPenalty(kappa * (1 - z / n) * (1 - z / t), kappa, risk)


def _positive(x):
    return (x >= 1 / LARGEST) & (x < jnp.inf)


def optimal(population: Population) -> tuple[Float[Array, ""], RidgeRisk]:
    """The best penalty and the risk there; the optimum is a constant to differentiation (its first order vanishes)."""
    fixed = jax.lax.stop_gradient(population)
    none = fixed_point(fixed, jnp.zeros(()))
    best = _point(fixed, _refine(fixed, _grid(fixed, none.kappa)))
    better = risk_at(fixed, best).risk < risk_at(fixed, none).risk
    penalty = jnp.where(better, jnp.maximum(best.kappa * best.a * best.b, 0.0), 0.0)
    return penalty, ridge_risk(population, penalty)


def _point(population: Population, x) -> FixedPoint:
    """The fixed point of which e^x is the effective ridge."""
    z = population.mass @ learned(population.eigvals, jnp.exp(x))
    return FixedPoint(jnp.exp(x), 1 - z / population.width, 1 - z / population.samples)


def _log_risk(population: Population, x):
    return jnp.log(risk_at(population, _point(population, x)).risk)


def _grid(population: Population, none) -> Float[Array, " grid"]:
    """log kappa from ``none``, that of the ridgeless limit, to where nothing is learned."""
    trace = population.mass @ population.eigvals
    present = (population.mass != 0) & (population.eigvals > 0)
    least = jnp.where(present, population.eigvals, jnp.inf).min()
    scale = population.eigvals.max() + trace * (1 / population.width + 1 / population.samples)
    high = scale * REACH * (1 + population.noise**2 / population.power.sum())
    return jnp.linspace(jnp.log(jnp.where(none > 0, none, least * 1e-8)), jnp.log(high), GRID)


def _refine(population: Population, grid: Float[Array, " grid"]):
    """A minimum of the risk beside the best grid point, by bisection of its derivative."""
    values = jax.lax.map(lambda x: _log_risk(population, x), grid[1:])
    best = 1 + jnp.argmin(jnp.where(jnp.isnan(values), jnp.inf, values))

    def slope(x):
        return jax.jvp(lambda x: _log_risk(population, x), (x,), (jnp.ones_like(x),))[1]

    low, high = grid[best - 1], grid[jnp.minimum(best + 1, GRID - 1)]
    middle = bisect(slope, low, high, BISECTIONS)
    value, curvature = jax.jvp(slope, (middle,), (jnp.ones_like(middle),))
    return jnp.where(curvature > 0, jnp.clip(middle - value / curvature, low, high), middle)
