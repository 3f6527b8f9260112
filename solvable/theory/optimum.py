"""The compute-optimal width of a model's deterministic equivalent at one compute, with both local exponents.

At compute f = width * steps * batch_size the risk is phi(l, c) = log P(steps = e^{c-l} / B; width = e^l), c = log f.
The optimal width solves phi_l = 0, and implicit differentiation gives both exponents at that very compute,

    eta = -d log P* / d log f = -phi_c,          xi = d log width* / d log f = -phi_lc / phi_ll,

phi is analytic in both arguments: phi_c is taken exactly through the time inversion, and derivatives in width from a
polynomial through seven nearby widths (Paquette et al. 2024, arXiv 2405.15074, compute-optimal curves).
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from solvable.numerics.inversion import FIRST, SINGLE
from solvable.theory import renewal

STENCIL = 7  # widths tried at once
SCAN = 2  # stencils of the first look over the whole range
NARROW = 0.4  # half-range in log width of the last polynomial
SATURATED = 1e-6  # a width exponent below this: more compute changes neither the best width nor the risk


class FrontierPoint(NamedTuple):
    """The best width at one compute; see `solvable.theory.exact_frontier.Frontier`."""

    log_width: Float[Array, ""]
    log_risk: Float[Array, ""]
    loss_exponent: Float[Array, ""]
    width_exponent: Float[Array, ""]
    interior: Bool[Array, ""]
    modes_per_fold: Float[Array, ""]


def scan_parts() -> tuple[np.ndarray, np.ndarray]:
    """Where to look first, as parts of the range in log width, and the larger of the gaps beside each.

    They are closer at small widths, where each feature counts.
    """
    parts = np.linspace(0.0, 1.0, SCAN * STENCIL) ** 1.5
    return parts, np.maximum(np.diff(parts, append=1.0), np.diff(parts, prepend=0.0))


def stages_for(compute: float) -> int:
    """Stages of the search: each narrows the widths by 2.2 / (STENCIL - 1), from the widest gap of the scan to 2.4."""
    gap = math.log(compute) * np.diff(scan_parts()[0]).max()
    return max(1, 1 + math.ceil(math.log(gap / 2.4) / math.log((STENCIL - 1) / 2.2)))


def _plan(stages: int) -> tuple[np.ndarray, ...]:
    """(parts of the range, gaps around them, whether to look there, else the reach in gaps), a row for each stage."""
    parts, gaps = scan_parts()
    still = np.zeros((stages + 1, STENCIL))
    shrink = np.append((2.2 / (STENCIL - 1)) ** np.arange(stages), 0.0)
    return (
        np.concatenate([parts.reshape(SCAN, STENCIL), still]), np.concatenate([gaps.reshape(SCAN, STENCIL), still]),
        np.arange(SCAN + stages + 1) < SCAN, np.concatenate([np.zeros(SCAN), shrink]),
    )  # fmt: skip


def optimum(model, build, log_compute, log_batch, nodes: int, stages: int) -> FrontierPoint:
    """The width of least risk at one compute.

    Widths are tried over the whole range, then around the best of them, then around the polynomial's minimum.
    """
    lowest, highest = jnp.log(2.0), log_compute - log_batch - jnp.log(float(FIRST))
    highest = jnp.minimum(highest, jnp.log(model.widest))
    whole, unit = highest - lowest, np.linspace(-1.0, 1.0, STENCIL)

    def phi(log_width):
        return point(model, build, log_width, log_compute - log_width - log_batch, nodes)

    def stage(carry, now):
        center, gap, least = carry
        parts, gaps, look, shrink = now
        reach = jnp.minimum(jnp.maximum(gap * shrink, NARROW), whole / 2)
        inside = jnp.clip(center, lowest + reach, highest - reach)
        width = jnp.where(look, lowest + whole * parts, inside + reach * unit)
        values = jax.vmap(phi)(width)
        k = jnp.nanargmin(values[0])
        better = values[0][k] < least
        x, found, bottom = _settled(unit, reach, *values)
        settled = jnp.where(bottom & (reach < 2.5), inside + reach * x, width[k])
        center = jnp.where(look, jnp.where(better, width[k], center), settled)
        gap = jnp.where(look & better, whole * gaps[k], gap)
        return (center, gap, jnp.where(look & better, values[0][k], least)), (found, bottom)

    start = (jnp.asarray(lowest), jnp.asarray(whole), jnp.asarray(jnp.inf))
    (log_width, _, least), (found, bottom) = jax.lax.scan(stage, start, _plan(stages))
    log_risk, eta, xi, modes = found[-1]
    interior = bottom[-1] & (log_risk <= least + 1e-9) & (jnp.abs(xi) > SATURATED)
    return FrontierPoint(log_width, log_risk, eta, xi, interior, modes)


def _settled(unit, reach, value, slope, modes):
    """The polynomial's lowest place x in [-1, 1]; (log risk, eta, xi, modes) there; whether it is a minimum."""
    x, curve, rate, modes = _polynomial_minimum(unit, value, slope, modes)
    # A step of Newton's that is left would mean that the polynomial has no minimum here.
    bottom = (jnp.abs(x) < 1) & (curve[2] > 0) & (jnp.abs(curve[1]) < 1e-9 * curve[2])
    bend = jnp.where(curve[2] > 0, curve[2] / reach**2, jnp.nan)
    return x, jnp.stack([curve[0], -rate[0], -rate[1] / reach / bend, modes]), bottom


def _polynomial_minimum(unit: np.ndarray, value, slope, modes):
    """Minimum in [-1, 1] of the polynomial through ``value``; it and those through the others, with derivatives there.

    Returns:
        x; (value, first, second derivative) at x; (slope, its first derivative) at x; modes at x.
    """
    inverse = np.linalg.inv(np.vander(unit, increasing=True))
    a, b, c = inverse @ value, inverse @ slope, inverse @ modes
    order = np.arange(len(unit))

    def at(coefficients, x, derivative):
        falling = np.prod([order - k for k in range(derivative)], axis=0) if derivative else np.ones(len(unit))
        powers = x ** jnp.maximum(order - derivative, 0)
        return (coefficients * falling * powers).sum()

    def newton(_, x):
        bend = at(a, x, 2)
        step = jnp.where(bend > 0, at(a, x, 1) / jnp.where(bend > 0, bend, 1), jnp.sign(at(a, x, 1)) * 0.3)
        return jnp.clip(x - jnp.clip(step, -0.5, 0.5), -1, 1)

    x = jax.lax.fori_loop(0, 20, newton, jnp.asarray(unit)[jnp.nanargmin(value)])
    return x, [at(a, x, k) for k in range(3)], [at(b, x, k) for k in range(2)], at(c, x, 0)


def point(model, build, log_width, log_steps, nodes: int):
    """The typical draw at real width and real steps >= FIRST: log risk, its derivative in log steps, modes per e-fold.

    The log risk is NaN where the expected risk is unbounded. Modes learned while the steps grow e-fold are
    sum_j mass_j u_j e^{-u_j} with u_j = decay_j steps.
    """
    at_width = model.at_width(jnp.exp(log_width))
    # The smear of the largest eigenvalue is kept, so that the risk is smooth in width. A width where it would grow is
    # not stable.
    spectrum, algorithm = at_width.spectrum(nodes).smeared(), build(at_width)
    law = renewal.lower(spectrum, algorithm)
    last = jnp.exp(log_steps)[None]

    def risk(log_time):
        return renewal.at_times(law, jnp.exp(log_time)[None, None], last, SINGLE)[0, 0]

    value, slope = jax.jvp(risk, (log_steps,), (jnp.ones_like(log_steps),))
    stable = (renewal.kernel_norm(law) < 1) & renewal.resolved(law)
    u = algorithm.decay(spectrum.eigvals, 0)[:, 0, 0] * last
    modes = (spectrum.mass * u * jnp.exp(-u)).sum().real
    return jnp.where(stable, jnp.log(value), jnp.nan), slope / value, modes
