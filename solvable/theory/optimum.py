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

SCAN = 16  # widths of the first look over the whole range
STENCIL = 7  # widths tried at once after it
NARROW = 0.4  # half-range in log width of the last polynomial
SATURATED = 1e-6  # a width exponent below this: more compute changes neither the best width nor the risk


class Optimum(NamedTuple):
    """The best width at one compute; see `solvable.theory.exact_frontier.Frontier`."""

    log_width: Float[Array, ""]
    log_risk: Float[Array, ""]
    loss_exponent: Float[Array, ""]
    width_exponent: Float[Array, ""]
    interior: Bool[Array, ""]
    modes_per_fold: Float[Array, ""]


def _scan() -> np.ndarray:
    """Where to look first, as parts of the range in log width: closer at small widths, where each feature counts."""
    return np.linspace(0.0, 1.0, SCAN) ** 1.5


def stages_for(compute: float) -> int:
    """Stages of the search: each narrows the widths by 2.2 / (STENCIL - 1), from the widest gap of the scan to 2.4."""
    gap = math.log(compute) * np.diff(_scan()).max()
    return max(1, 1 + math.ceil(math.log(gap / 2.4) / math.log((STENCIL - 1) / 2.2)))


def optimum(model, build, log_compute, log_batch, nodes: int, stages: int) -> Optimum:
    """The width of least risk at one compute.

    Widths are tried over the whole range, then around the best of them, then around the polynomial's minimum.
    """
    lowest, highest = jnp.log(2.0), log_compute - log_batch - jnp.log(float(FIRST))
    unit = np.linspace(-1.0, 1.0, STENCIL)

    def phi(log_width):
        return log_risk_and_slope(model, build, log_width, log_compute - log_width - log_batch, nodes)

    scan = lowest + (highest - lowest) * _scan()
    tried = jax.lax.map(phi, scan, batch_size=SCAN // 2)[0]
    first = jnp.nanargmin(tried)
    gap = jnp.abs(scan[jnp.clip(first + np.array([-1, 1]), 0, SCAN - 1)] - scan[first]).max()

    def settle(center, reach):
        reach = jnp.minimum(reach, (highest - lowest) / 2)
        center = jnp.clip(center, lowest + reach, highest - reach)
        value, slope = jax.vmap(phi)(center + reach * unit)
        x, curve, rate = _polynomial_minimum(unit, value, slope)
        # A step of Newton's that is left would mean that the polynomial has no minimum here.
        bottom = (jnp.abs(x) < 1) & (curve[2] > 0) & (jnp.abs(curve[1]) < 1e-9 * curve[2])
        best = jnp.where(bottom & (reach < 2.5), x, jnp.asarray(unit)[jnp.nanargmin(value)])
        bend = jnp.where(curve[2] > 0, curve[2] / reach**2, jnp.nan)
        return center + reach * best, (curve[0], -rate[1] / reach / bend, bottom)

    reaches = jnp.append(jnp.maximum(gap * (2.2 / (STENCIL - 1)) ** np.arange(stages), NARROW), NARROW)
    log_width, found = jax.lax.scan(settle, scan[first], reaches)
    expected, xi, bottom = (x[-1] for x in found)
    log_risk, slope = phi(log_width)
    lowest_of_all = (jnp.abs(log_risk - expected) < 1e-4) & (log_risk <= jnp.nanmin(tried) + 1e-9)
    interior = bottom & lowest_of_all & (jnp.abs(xi) > SATURATED)
    modes = modes_per_fold(model, build, log_width, log_compute - log_width - log_batch, nodes)
    return Optimum(log_width, log_risk, -slope, xi, interior, modes)


def _polynomial_minimum(unit: np.ndarray, value, slope):
    """Minimum in [-1, 1] of the polynomial through ``value``; it and that through ``slope`` with derivatives there.

    Returns:
        x; (value, first, second derivative) at x; (slope, its first derivative) at x.
    """
    inverse = np.linalg.inv(np.vander(unit, increasing=True))
    a, b = inverse @ value, inverse @ slope
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
    return x, [at(a, x, k) for k in range(3)], [at(b, x, k) for k in range(2)]


def log_risk_and_slope(model, build, log_width, log_steps, nodes: int):
    """log of the typical draw's risk at real width and real steps >= FIRST, and its derivative in log steps.

    NaN where the expected risk is unbounded.
    """
    at_width = model.at_width(jnp.exp(log_width))
    law = renewal.lower(at_width.spectrum(nodes), build(at_width))
    last = jnp.exp(log_steps)[None]

    def risk(log_time):
        return renewal.at_times(law, jnp.exp(log_time)[None, None], last, SINGLE)[0, 0]

    value, slope = jax.jvp(risk, (log_steps,), (jnp.ones_like(log_steps),))
    stable = (renewal.kernel_norm(law) < 1) & renewal.resolved(law)
    return jnp.where(stable, jnp.log(value), jnp.nan), slope / value


def modes_per_fold(model, build, log_width, log_steps, nodes: int):
    """Modes learned while the steps grow e-fold, sum_j mass_j u_j e^{-u_j} with u_j = decay_j steps."""
    at_width = model.at_width(jnp.exp(log_width))
    spectrum = at_width.spectrum(nodes)
    u = build(at_width).decay(spectrum.eigvals, 0)[:, 0, 0] * jnp.exp(log_steps)
    return (spectrum.mass * u * jnp.exp(-u)).sum().real
