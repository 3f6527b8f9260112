"""Trace, floor, support, density and spectrum of the typical draw of `PowerLawRF`: of numbers, compiled once."""

from functools import partial

import jax
import jax.numpy as jnp

from solvable.forms.spectrum import Spectrum
from solvable.numerics.outlier import marks, split
from solvable.numerics.power_sums import harmonic_sum, power_sum
from solvable.numerics.resolvent import Law, edges, effective_ridge, on_axis


@jax.jit
def typical_floor(law: Law, beta, noise):
    """F_0 + noise^2, F_0 = kappa R(kappa), kappa the effective ridge; a square W expresses every target."""
    kappa = effective_ridge(law)
    square = kappa == 0
    kappa = jnp.where(square, 1.0, kappa)
    return jnp.where(square, 0.0, kappa * power_sum(2 * beta, kappa, law.alpha, law.ambient).real) + noise**2


@jax.jit
def expected_trace(law: Law):
    """sum_{j <= ambient} j^{-2 alpha}."""
    return harmonic_sum(2 * law.alpha, law.ambient)


@jax.jit
def typical_support(law: Law):
    """Smallest and largest eigenvalue."""
    return edges(law)


@jax.jit
def typical_density(law: Law, eigvals):
    """Im S(w) / (pi lambda) at the real ``eigvals`` lambda, S(w) = sum_j 1 / (1 + w j^{2 alpha})."""
    w = on_axis(law, eigvals)
    return jnp.abs(power_sum(jnp.zeros(()), w, law.alpha, law.ambient).imag) / (jnp.pi * eigvals)


@partial(jax.jit, static_argnames="nodes")
def typical_spectrum(law: Law, beta, noise, init_std, nodes: int) -> Spectrum:
    """Contour nodes with mass -S(w)/z and error w R(w)/z^2, R(w) = sum_j j^{-2 beta} / (1 + w j^{2 alpha}).

    The target's share of eigenvalue z is Im R(w)/m with m = -z/w, divided by z to turn risk into squared error.
    """
    # A square W has a spectrum that reaches 0: one part in 10^8 fewer features moves its edge off 0.
    square = law.ambient <= law.width
    law = law._replace(width=jnp.where(square, law.width * (1 - 1e-8), law.width))
    found = marks(law)
    (z, w, weight, total), spread, target, floor = split(law, found, 2 * beta, nodes)
    floor = jnp.where(square, 0.0, floor) + noise**2
    mass = -total / z * weight
    target = w * target / z**2 * weight
    eigvals, edge = jnp.where(weight == 0, 0.0, z), jax.lax.stop_gradient(found.largest)
    return Spectrum(eigvals, mass, target + init_std**2 * mass, floor, edge, -target, target, spread)
