"""The compute-optimal width of a model's deterministic equivalent at one compute, with both local exponents.

At compute f = width * steps * batch_size the risk is phi(l, c) = log P(steps = e^{c-l} / B; width = e^l), c = log f.
The optimal width solves phi_l = 0, and implicit differentiation gives both exponents at that very compute,

    eta = -d log P* / d log f = -phi_c,          xi = d log width* / d log f = -phi_lc / phi_ll,

phi is analytic in both arguments: phi_c is taken exactly through the time inversion, and derivatives in width from a
polynomial through seven nearby widths (Paquette et al. 2024, arXiv 2405.15074, compute-optimal curves).
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from solvable.numerics.inversion import FIRST, SINGLE
from solvable.theory import renewal

STENCIL = 7  # widths tried at once
NARROW = 0.4  # half-range in log width of the last polynomial


def stages_for(compute: float) -> int:
    """Stages of the search: each narrows the widths by 2.2 / (STENCIL - 1), from half of log compute to about 2."""
    return max(1, math.ceil(math.log(math.log(compute) / 2 / 2.4) / math.log((STENCIL - 1) / 2.2))) + 1


def optimum(model, build, log_compute, log_batch, nodes: int, stages: int):
    """log width, log risk, eta, xi and whether the optimum is interior, at one compute.

    Widths are tried over the whole range, then around the best of them, then around the polynomial's minimum.
    """
    lowest, highest = jnp.log(2.0), log_compute - log_batch - jnp.log(float(FIRST))
    unit = np.linspace(-1.0, 1.0, STENCIL)

    def phi(log_width):
        return log_risk_and_slope(model, build, log_width, log_compute - log_width - log_batch, nodes)

    def settle(carry, reach):
        center = jnp.clip(carry[0], lowest + reach, highest - reach)
        value, slope = jax.vmap(phi)(center + reach * unit)
        x, curve, rate = _polynomial_minimum(unit, value, slope)
        smooth = (reach < 2.5) & (jnp.abs(x) < 1) & (curve[2] > 0)
        best = jnp.where(smooth, x, jnp.asarray(unit)[jnp.nanargmin(value)])
        bend = jnp.where(curve[2] > 0, curve[2] / reach**2, jnp.nan)
        found = jnp.stack([curve[0], -rate[0], -rate[1] / reach / bend])
        return (center + reach * best, found, smooth), None

    whole = (highest - lowest) / 2
    shrink = whole * (2.2 / (STENCIL - 1)) ** np.arange(stages)
    reaches = jnp.append(jnp.maximum(shrink, NARROW), NARROW)
    start = ((lowest + highest) / 2, jnp.zeros(3), jnp.asarray(False))
    (x, (value, eta, xi), interior), _ = jax.lax.scan(settle, start, reaches)
    return x, value, eta, xi, interior


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
