"""The effective ridge of a real penalty, from no penalty on: the one place where its equation is solved.

Modes lambda_k, N random features, T samples, penalty rho >= 0. With z = sum lambda / (lambda + kappa), the effective
ridge kappa solves

    rho = kappa a b,      a = 1 - z/N,      b = 1 - z/T.

Given r = rho / kappa the two shares follow from a - b = z (1/T - 1/N) and a b = r without a difference of close
numbers, so that the smaller one keeps its digits where the learned modes fill the smaller size.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from solvable.numerics.roots import bisect, newton

BISECTIONS = 24  # of a bracket in log kappa: leaves at most 1e-5 of it
NEWTON = 3  # squares the error three times, and carries derivatives
SAME = 1e-12  # relative difference below which a count of modes is a size


class Nodes(NamedTuple):
    """Eigenvalues, how many directions sit at each, and 1/N and 1/T, which may be 0."""

    eigvals: Float[Array, " modes"]
    mass: Float[Array, " modes"]
    per_width: Float[Array, ""]
    per_samples: Float[Array, ""]


class FixedPoint(NamedTuple):
    """kappa with the shares a = 1 - z/N and b = 1 - z/T."""

    kappa: Float[Array, ""]
    a: Float[Array, ""]
    b: Float[Array, ""]


def learned(eigvals: Float[Array, " modes"], kappa: Float[Array, ""]) -> Float[Array, " modes"]:
    """lambda / (lambda + kappa) of each mode; 0 for an absent mode."""
    total = eigvals + kappa
    return jnp.where(total > 0, eigvals / jnp.where(total > 0, total, 1.0), 0.0)


def fixed_point(nodes: Nodes, penalty: Float[Array, ""]) -> FixedPoint:
    """The effective ridge and the two shares. Differentiable in everything."""
    u, v = nodes.per_width, nodes.per_samples
    rank = jnp.where(nodes.eigvals > 0, nodes.mass, 0.0).sum()
    # Without a penalty z = min(N, T); where there are no more modes than that, all are fitted and kappa is 0.
    exhausted = (penalty == 0) & (rank * jnp.maximum(u, v) <= 1 + SAME)
    penalty = jnp.where(exhausted, 1.0, penalty)
    x = _log_kappa(nodes, penalty)
    r = penalty * jnp.exp(-x)
    unbounded = u + v == 0  # infinite width and samples: a = b = 1
    difference = jnp.where(unbounded, 0.0, (v - u) * (1 - r) / jnp.where(unbounded, 1.0, _steepness(r, u, v)))
    # a - b = z (1/T - 1/N) and a b = rho / kappa: the smaller share from the product keeps its digits
    size = jnp.where(difference > 0, difference, -difference)  # unlike abs, differentiable along each branch
    large = (size + _root(difference**2 + 4 * r)) / 2
    small = r / jnp.where(r == 0, 1.0, large)
    a, b = jnp.where(difference > 0, large, small), jnp.where(difference > 0, small, large)
    shares = [jnp.where(rank * w >= 1 - SAME, 0.0, 1 - rank * w) for w in (u, v)]
    a, b = jnp.where(exhausted, shares[0], a), jnp.where(exhausted, shares[1], b)
    return FixedPoint(jnp.where(exhausted, 0.0, jnp.exp(x)), a, b)


def _root(x):
    """Square root, with derivative 0 at 0."""
    return jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1.0)), 0.0)


def _steepness(r, u, v):
    """c with (1 - z u)(1 - z v) = r  <=>  c z = 1 - r on the branch z <= 1 / max(u, v)."""
    return (u + v + _root((u - v) ** 2 + 4 * r * u * v)) / 2


def _log_kappa(nodes: Nodes, penalty: Float[Array, ""]) -> Float[Array, ""]:
    """log kappa, the root of (1 - r) - c(r) z(kappa), r = rho / kappa, which increases in kappa."""

    def missing(x, nodes, penalty):
        r = penalty * jnp.exp(-x)
        steepness = _steepness(r, nodes.per_width, nodes.per_samples)
        return (1 - r) - steepness * (nodes.mass @ learned(nodes.eigvals, jnp.exp(x)))

    fixed, rho = jax.lax.stop_gradient((nodes, penalty))
    trace = fixed.mass @ fixed.eigvals
    present = (fixed.mass != 0) & (fixed.eigvals > 0)
    least = jnp.where(present, fixed.eigvals, jnp.inf).min()
    high = jnp.log(rho + trace * (fixed.per_width + fixed.per_samples)) + 1e-3
    low = jnp.log(jnp.where(rho > 0, rho, least * SAME * 1e-3)) - 1e-3
    found = bisect(lambda x: missing(x, fixed, rho), low, high, BISECTIONS)
    return newton(lambda x: missing(x, nodes, penalty), found, NEWTON, longest=1.0)
