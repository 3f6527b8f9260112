"""Floor, support, density and spectrum of the typical draw of random features: functions of numbers, compiled once.

The law is in units of the largest input eigenvalue; what is returned is in units of the inputs.
"""

from functools import partial

import jax
import jax.numpy as jnp

from solvable.forms.spectrum import Spectrum
from solvable.numerics.inputs import AbstractInputs
from solvable.numerics.outlier import marks, split
from solvable.numerics.resolvent import Law, edges, effective_ridge, on_axis


@jax.jit
def input_trace(inputs: AbstractInputs):
    """Sum of the input eigenvalues."""
    return inputs.scale * inputs.moments()[0]


@jax.jit
def typical_floor(law: Law, noise):
    """F_0 + noise^2, F_0 = kappa R(kappa), kappa the effective ridge; a square W expresses every target."""
    kappa = effective_ridge(law)
    square = kappa == 0
    kappa = jnp.where(square, 1.0, kappa)
    return jnp.where(square, 0.0, kappa * law.inputs.all_sums(kappa)[2].real) + noise**2


@jax.jit
def typical_support(law: Law):
    """Smallest and largest eigenvalue."""
    return tuple(law.inputs.scale * x for x in edges(law))


@jax.jit
def typical_density(law: Law, eigvals):
    """Im S(w) / (pi lambda) at the real ``eigvals`` lambda, S(w) = sum_j D_j / (D_j + w)."""
    w = on_axis(law, eigvals / law.inputs.scale)
    return jnp.abs(law.inputs.sums(w)[0].imag) / (jnp.pi * eigvals)


@partial(jax.jit, static_argnames="nodes")
def typical_spectrum(law: Law, noise, init_std, nodes: int) -> Spectrum:
    """Contour nodes with mass -S(w)/z and error w R(w)/z^2, R(w) = sum_j p_j / (D_j + w).

    The target's share of eigenvalue z is Im R(w)/m with m = -z/w, divided by z to turn risk into squared error.
    """
    # A square W has a spectrum that reaches 0: one part in 10^8 fewer features moves its edge off 0.
    square, unit = law.square, law.inputs.scale
    law = law._replace(width=jnp.where(square, law.width * (1 - 1e-8), law.width))
    found = marks(law)
    (z, w, weight, total), spread, target, floor = split(law, found, nodes)
    floor = jnp.where(square, 0.0, floor) + noise**2
    mass = -total / z * weight
    target = w * target / z**2 * weight / unit
    eigvals, edge = jnp.where(weight == 0, 0.0, z) * unit, jax.lax.stop_gradient(found.largest) * unit
    return Spectrum(eigvals, mass, target + init_std**2 * mass, floor, edge, -target, target, spread * unit)
