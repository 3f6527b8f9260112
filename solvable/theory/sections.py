"""Sections of the plane of penalties, from which the mean-field theory's functions of the step are summed.

Where all of the smeared spectrum decays, the contours go around it. Where its end would grow while the typical draw
decays, they go around the rest, and around the largest eigenvalue, which is one number (`solvable.numerics.outlier`):
its nodes keep their weights, and all shrink as that number does. Between the two its spread is drawn in smoothly.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Complex, Float

from solvable.forms.population import Population
from solvable.numerics import stepping
from solvable.numerics.effective_ridge import (
    Modes,
    Point,
    follow,
    largest,
    locate,
    negative_root,
    polish,
    positive_root,
    prepare,
    right_edge,
)
from solvable.numerics.grouping import map_in_groups
from solvable.numerics.isolated import Isolated, isolated
from solvable.numerics.outlier import kept
from solvable.theory.two_point import OnePoint, one_point

HELD = 1 << 23  # complex numbers of one array held at a time, modes times nodes
LEAST = 0.05  # a contour of alternating signs that starts at a smaller |1 - g s| has nothing left inside after 64 steps


class Section(NamedTuple):
    """Penalties on a contour, and the coefficients of functions of them at some times."""

    points: OnePoint
    coefficient: Complex[Array, "times nodes"]
    growth: Complex[Array, " nodes"]  # z, the factor of one step; 1 in continuous time
    change: Complex[Array, " nodes"]  # z - 1; g rho in continuous time
    anchor: Float[Array, ""]


class Outlier(NamedTuple):
    """The largest eigenvalue of the typical draw, as nodes around its band."""

    circle: Isolated
    place: Float[Array, ""]
    part: Float[Array, ""]  # of its spread that is kept
    taken: Bool[Array, ""]  # whether the other contours leave it out


class Training(NamedTuple):
    """What a section is computed from."""

    modes: Modes
    power: Float[Array, " modes"]
    noise: Float[Array, ""]
    rate: Float[Array, ""]
    edge: Float[Array, ""]
    turning: Float[Array, ""]
    largest: Float[Array, ""]  # of the typical draw, which may lie below the edge
    outlier: Outlier | None  # None in continuous time, where nothing grows


def lower(population: Population, rate: Float[Array, ""], continuous: bool) -> Training:
    """Effective ridge at no penalty, the right edge of the sample spectrum, and its largest eigenvalue."""
    modes = prepare(population.eigvals, population.mass, population.width, population.samples)
    edge, turning = right_edge(modes)
    top = largest(modes)
    outlier = None if continuous else _outlier(modes, rate, turning, top)
    return Training(modes, population.power, population.noise, rate, edge, turning, top, outlier)


def _outlier(modes: Modes, rate: Float[Array, ""], turning: Float[Array, ""], top: Float[Array, ""]) -> Outlier:
    circle = isolated(modes, turning)
    reach = jax.lax.stop_gradient((-circle.points.rho.real).max() - top)
    part = kept(2 - rate * (top + reach), 2 - rate * (top + 2 * reach))
    return Outlier(circle, top, part, circle.apart & (part < 1))


def inverse_place(outlier: Outlier, response: Complex[Array, " nodes"]) -> Float[Array, ""]:
    """Where 1 / R has its outlier, R(-s) = 0, if R = B + u^2 rho / (rho + s_1) is ``response`` at the nodes."""
    rho, weight = outlier.circle.points.rho, outlier.circle.weight * response
    share, whole = weight.sum().imag, (weight * rho / (rho + outlier.place)).sum().imag  # u^2, B(-s_1) + u^2
    return outlier.place * (1 - share / whole)


def first_section(training: Training, times: Float[Array, " times"]) -> Section:
    """Descent: a circle around the spectrum. Flow: step 0, which is an infinite penalty."""
    modes, rate, outlier = training.modes, training.rate, training.outlier
    if outlier is None:
        top = jax.lax.stop_gradient(modes.eigvals.max())
        far = 1e20 * jnp.exp(0.25j * jnp.pi) * top[None]
        points = one_point(modes, training.power, locate(modes, far), jnp.abs(far[0]))
        return Section(points, jnp.full((1, 1), 1j), jnp.ones_like(far), rate * far, jnp.abs(far[0]))
    rate_now, edge, gap, taken = jax.lax.stop_gradient((rate, training.edge, outlier.circle.gap, outlier.taken))
    far = jnp.exp(stepping.MARGIN) * jnp.maximum(rate_now * edge - 1, 1.0)
    left, right = jnp.where(taken, 1 - rate_now * gap, -far), jnp.where(taken, jnp.exp(stepping.MARGIN), far)
    rule = stepping.circle(rate, left, right, times)
    return _section(training, [rule], [positive_root(modes, rule.start)], times)


def window_section(training: Training, times: Float[Array, " times"], last) -> Section:
    """The contour of one window of later times."""
    modes, rate, outlier = training.modes, training.rate, training.outlier
    if outlier is None:
        rule = stepping.flowing(rate, last, times)
        return _section(training, [rule], [positive_root(modes, rule.start)], times)
    near = stepping.shrinking(rate, last, times)
    rate_now, edge, gap, taken = jax.lax.stop_gradient((rate, training.edge, outlier.circle.gap, outlier.taken))
    gone = taken & (rate_now * gap - 1 < LEAST)
    split = taken & ~gone
    shift = jnp.where(
        split,
        stepping.through(jnp.maximum(rate_now * gap - 1, LEAST), last),
        stepping.beyond(rate_now * edge - 1, last),
    )
    far = stepping.alternating(rate, shift, last, jnp.where(gone, 0.0, times))
    far = far._replace(coefficient=jnp.where(gone, 0.0, far.coefficient))
    root = jnp.where(split, outlier.circle.delta, negative_root(modes, far.start, training.edge, training.turning))
    return _section(training, [near, far], [positive_root(modes, near.start), root], times)


def _section(training: Training, rules: list[stepping.Rule], roots: list, times: Float[Array, " times"]) -> Section:
    """The rules' contours and the outlier. Each path starts at a real root; the first, positive, is the anchor."""
    modes, outlier = training.modes, training.outlier
    paths = [follow(modes, rule.start, root, rule.rho) for rule, root in zip(rules, roots, strict=True)]
    at = polish(modes, jnp.concatenate([r.rho for r in rules]), jnp.concatenate(paths))
    coefficient = jnp.concatenate([r.coefficient for r in rules], -1)
    growth, change = (jnp.concatenate(x) for x in zip(*((r.growth, r.change) for r in rules), strict=True))
    if outlier is not None:
        spread = outlier.part * (outlier.circle.points.rho + outlier.place)
        factor = jnp.where(outlier.taken, 1 - training.rate * (outlier.place - spread), -0.5)
        powers = stepping.alternating_power(-factor, jnp.where(outlier.taken, times, 0.0))
        own = jnp.where(outlier.taken, outlier.circle.weight * powers, 0.0)
        # No answer where the end of the smeared spectrum grows, the typical draw decays, and no eigenvalue is apart.
        between = (training.rate * training.edge > 2) & (training.rate * training.largest <= 2) & ~outlier.taken
        coefficient = jnp.where(between, jnp.nan, jnp.concatenate([coefficient, own], -1))
        growth = jnp.concatenate([growth, factor])
        change = jnp.concatenate([change, factor - 1])
        at = Point(*(jnp.concatenate(x) for x in zip(at, outlier.circle.points, strict=True)))
    points = one_point(modes, training.power, at, roots[0])
    return Section(points, coefficient, growth, change, roots[0])


def over_windows(training: Training, function: Any, times, last):
    """``function`` of the section of each window, stacked: as many windows at once as memory allows."""
    size = training.modes.eigvals.shape[0] * 2 * stepping.WINDOW.nodes
    each = lambda row: function(window_section(training, row[0], row[1]))  # noqa: E731
    return map_in_groups(each, (times, last), max(1, HELD // size))


def everywhere(training: Training, function: Any, first, times, last):
    """``function`` of every section, its leading axis of times concatenated in the order of `RecordedTimes.place`."""
    early = function(first_section(training, first))
    late = over_windows(training, function, times, last)
    return jax.tree.map(lambda a, b: jnp.concatenate([a, b.reshape(-1, *a.shape[1:])]), early, late)
