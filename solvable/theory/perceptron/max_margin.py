"""The largest margin on selected inputs: a bounded maximum, over overlaps, of a root in the margin.

In the units of `kept_margins` a student with the parts (a, b) reaches the margin k that solves

    kept_ratio * E[(1 + x^2) Phi(x) + x phi(x)] = 1,    x = k - a v_1 - b v_2,

and kappa = k / sqrt(1 + a^2 + b^2) is the margin of unit length. The left side is convex in (k, a, b), so k is concave
in (a, b), and kappa, its ratio to a convex function, has one maximum: that of the separating direction. Newton's method
for the concave function k - kappa sqrt(1 + a^2 + b^2) finds it in about five steps, each of which must raise kappa.

Sorscher et al. 2022 (arXiv 2206.14486), whose saddle-point equations are the conditions of this maximum.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from solvable.forms.labels import Selected
from solvable.numerics.normal_law import positive_square
from solvable.theory.perceptron.kept_margins import Nodes, Rule

ROOTS, STEPS = 80, 60  # most iterations
CLOSE = 1e-13  # of a root, relative
STILL = 1e-10  # of a step, relative
LEVEL = 1e-8  # of a fall of kappa that a step may make, relative: at its flat maximum rounding decides
SOLVED = 1e-6  # of the last step, relative; it squares the error


class Place(NamedTuple):
    """Where the search stands.

    Attributes:
        tried: steps tried.
        parts, level: (a, b) and k.
        step, slope: Newton's step from there, and the slope of k.
        length: the part of the step to try next.
        still: whether the last step was too small to matter.
    """

    tried: Int[Array, ""]
    parts: Float[Array, "2"]
    level: Float[Array, ""]
    step: Float[Array, "2"]
    slope: Float[Array, "2"]
    length: Float[Array, ""]
    still: Bool[Array, ""]


def _norm(parts: Float[Array, "2"]) -> Float[Array, ""]:
    return jnp.sqrt(1 + parts @ parts)


def _means(kept: Selected, nodes: Nodes, level, parts):
    """Weights of the nodes times kept_ratio, and at each (1 + x^2) Phi + x phi, its derivative, Phi."""
    first, second, weights = nodes
    x = level - parts[0] * first - parts[1] * second
    return kept.kept_ratio * weights, *positive_square(x)


def _root(kept: Selected, rule: Rule, level, parts) -> Float[Array, ""]:
    """k of given parts. From above, where the root of a convex function is, steps of its square root fall to it."""

    def improve(carry):
        count, level, _ = carry
        weights, value, slope, _ = _means(kept, rule(kept, level, parts), level, parts)
        value, slope = weights @ value, weights @ slope
        root = jnp.sqrt(value)
        step = jnp.where(value > 1, 2 * (root - 1) * root, jnp.log(value) * value) / slope
        return count + 1, level - jnp.maximum(step, -1.0), jnp.abs(value - 1)

    unsolved = lambda carry: (carry[0] < ROOTS) & (carry[2] > CLOSE)  # noqa: E731
    return jax.lax.while_loop(unsolved, improve, (0, level, jnp.inf * jnp.ones(())))[1]


def _newton(kept: Selected, rule: Rule, level, parts) -> tuple[Float[Array, "2"], Float[Array, "2"]]:
    """Newton's step for k - kappa sqrt(1 + a^2 + b^2) at the present kappa, and the slope of k."""
    nodes = rule(kept, level, parts)
    weights, _, slopes, below = _means(kept, nodes, level, parts)
    weighted = weights * slopes / (weights @ slopes)
    slope = jnp.stack([weighted @ nodes[0], weighted @ nodes[1]])
    away = jnp.stack(nodes[:2]) - slope[:, None]
    bend = -2 * (away * weights * below) @ away.T / (weights @ slopes)
    length = _norm(parts)
    kappa = level / length
    gradient = slope - kappa * parts / length
    (p, q), (_, r) = bend - kappa * (jnp.eye(2) / length - jnp.outer(parts, parts) / length**3)
    step = jnp.stack([q * gradient[1] - r * gradient[0], q * gradient[0] - p * gradient[1]]) / (p * r - q * q)
    return step, slope


def _search(kept: Selected, rule: Rule) -> tuple[Float[Array, ""], Float[Array, "2"]]:
    """(k, (a, b)) of the maximum, from a student near the teacher, whose margin is positive."""
    size = 0.8 * kept.kept_ratio * jnp.maximum(kept.inside, kept.outside) / kept.keep
    parts = size * jnp.stack([jnp.cos(kept.angle), jnp.sin(kept.angle)])
    above = 1 / jnp.sqrt(kept.kept_ratio) + size * jnp.sqrt(kept.threshold**2 + 4)

    def attempt(at: Place) -> Place:
        parts = jnp.maximum(at.parts + at.length * at.step, 0.0)
        level = _root(kept, rule, at.level + (parts - at.parts) @ at.slope, parts)
        rises = (level / _norm(parts) >= at.level / _norm(at.parts) * (1 - LEVEL)) & (level > 0)
        first = at.tried == 0  # finds the root where the search starts
        still = ~first & (at.length * jnp.linalg.norm(at.step) < STILL * _norm(at.parts))
        taken = Place(at.tried + 1, parts, level, *_newton(kept, rule, level, parts), jnp.ones(()), still)
        shorter = at._replace(tried=at.tried + 1, length=at.length / 4, still=still)
        return jax.tree.map(lambda new, old: jnp.where(rises | first, new, old), taken, shorter)

    start = Place(jnp.asarray(0), parts, above, 0 * parts, 0 * parts, jnp.ones(()), jnp.asarray(False))
    found = jax.lax.while_loop(lambda at: (at.tried < STEPS) & ~at.still, attempt, start)
    return found.level, found.parts


def largest_margin(kept: Selected, rule: Rule) -> tuple[Float[Array, ""], Float[Array, "2"]]:
    """(kappa, (a, b)) of the separating direction of largest margin; NaN where none was found.

    It has first derivatives in all that ``kept`` holds: the last step is Newton's on the conditions of the maximum.
    """
    level, parts = _search(jax.tree.map(jax.lax.stop_gradient, kept), rule)
    found = jnp.concatenate([level[None], parts])
    value, slope = _conditions(kept, rule, level, parts)
    step = jnp.linalg.solve(jax.lax.stop_gradient(slope), value)
    solved = (jnp.abs(step) < SOLVED * (1 + jnp.linalg.norm(found))).all()
    at = jnp.where(solved, found - step, jnp.nan)
    return at[0] / _norm(at[1:]), at[1:]


def _conditions(kept: Selected, rule: Rule, level, parts) -> tuple[Float[Array, "3"], Float[Array, "3 3"]]:
    """What vanishes at the maximum, k's equation and grad k - kappa (a, b) / sqrt(1 + a^2 + b^2); its Jacobian."""
    nodes = rule(kept, level, parts)
    weights, values, slopes, below = _means(kept, nodes, level, parts)
    seen, first = jnp.stack(nodes[:2]), weights * slopes
    moved = jnp.stack([jnp.ones_like(values), -nodes[0], -nodes[1]])  # how x moves with (k, a, b)
    total, bent = first.sum(), 2 * weights * below * moved
    means = seen @ first / total
    turned = (seen @ bent.T - jnp.outer(means, bent.sum(1))) / total
    scale, along = _norm(parts) ** 2 / level, jnp.concatenate([jnp.zeros(1), 2 * parts / level])
    along = along.at[0].set(-scale / level)
    value = jnp.concatenate([(weights @ values - 1)[None], means * scale - parts])
    rest = turned * scale + jnp.outer(means, along) - jnp.eye(2, 3, 1)
    return value, jnp.concatenate([(moved @ first)[None], rest])
