"""When the expected risk stays bounded, and where it ends.

The kernel K(r) = sum_j mass_j lambda_j [T_j^r i_j]_0 feeds past risk into present risk; T_j moves the moments of mode j
and i_j injects risk. The risk is bounded if and only if no mode grows and ||K|| = sum_r K(r) < 1. With one moment per
mode, or any optimizer that forgets where it started, it then tends to floor / (1 - ||K||). For SGD,

    ||K|| = sum_j (g/B) lambda_j / (2 - g (1 + 1/B) lambda_j)        (Paquette et al. 2024, arXiv 2405.15074).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Inexact, Int

from solvable.algorithms.base import AbstractAlgorithm
from solvable.forms.algorithms import Moments
from solvable.forms.base import AbstractSubject
from solvable.forms.curve import Curve
from solvable.forms.spectrum import Spectrum
from solvable.method import read
from solvable.numerics.precision import in_float64
from solvable.numerics.roots import bisect
from solvable.theory import renewal
from solvable.theory.typical import typical

BISECTIONS = 80  # of the logarithm of a learning rate
DOUBLINGS = 110  # 2^110 steps: modes down to an eigenvalue of 10^-30 have come to rest
UNIT = 1e-9  # by which a power of a transition that does not grow may exceed its largest entry so far


class Stability(eqx.Module):
    """Stability of an algorithm with constant settings on a model.

    Attributes:
        kernel_norm: ||K||; the expected risk is bounded if it is below 1 (and every mode decays). NaN for a model
            within 1% of the learning rate at which its largest eigenvalue stops decaying (large batches only).
        critical_learning_rate: the learning rate at which the risk stops being bounded.
        limit_risk: floor / (1 - ||K||), infinite if unstable; NaN where the state remembers its start or iterates are
            averaged, so that the limit is another.
        stable: whether the expected risk is bounded.
    """

    kernel_norm: Float[Array, ""]
    critical_learning_rate: Float[Array, ""]
    limit_risk: Float[Array, ""]
    stable: Bool[Array, ""]
    references = ("paquette2024",)


@in_float64
def stability(model: AbstractSubject, algorithm: AbstractAlgorithm) -> Stability:
    """Exact stability threshold: given the draw for a problem, of the typical draw for a model.

    Raises:
        ValueError: the algorithm's settings change in time, or it does not state its second moments.
    """
    spectrum, moments = read(model, algorithm, Spectrum, Moments, reader="stability(...)")
    if not moments.stationary:
        raise ValueError(
            f"algorithm: wanted constant settings for a stability threshold; got {type(algorithm).__name__} with a "
            "schedule"
        )
    return _stability(spectrum, moments)


@eqx.filter_jit
def _stability(spectrum: Spectrum, algorithm: Moments) -> Stability:
    norm, decays = _condition(spectrum, algorithm)
    stable = decays & ~(norm >= 1)
    limit = jnp.where(stable, spectrum.floor / jnp.where(stable, 1 - norm, 1.0), jnp.inf)
    if not algorithm.plain:
        limit = jnp.full_like(limit, jnp.nan)
    rate = jnp.asarray(algorithm.learning_rate, float) * _critical_factor(spectrum, algorithm)
    return Stability(jnp.where(decays, norm, jnp.inf), rate, limit, stable)


def _condition(spectrum: Spectrum, algorithm: Moments):
    """(||K||, whether no mode grows)."""
    if renewal.applies(algorithm):
        law = renewal.lower(spectrum, algorithm)
        decay = algorithm.decay(spectrum.edge[None], 0)[0, 0, 0]
        # Between the edge and the contour the norm cannot be resolved; there the edge alone decides.
        norm = jnp.where(renewal.resolved(law), renewal.kernel_norm(law), jnp.nan)
        return norm, (decay.real > 0) & ~(norm < 0)
    spectrum = typical(spectrum, algorithm)
    at_edge = spectrum.edge[None]
    _, edge_grows = settled(algorithm.decay(at_edge, 0), algorithm.injection(at_edge, 0))
    total, grows = settled(algorithm.decay(spectrum.eigvals, 0), algorithm.injection(spectrum.eigvals, 0))
    if jnp.iscomplexobj(total):  # a contour node beyond the edge may grow where nothing of the spectrum does
        norm = jnp.where(grows.any(), jnp.nan, (spectrum.eigvals * spectrum.mass * total[:, 0]).sum().real)
        return norm, ~edge_grows[0] & ~(norm < 0)
    absent = spectrum.mass == 0
    norm = jnp.where(absent, 0.0, spectrum.eigvals * spectrum.mass * total[:, 0]).sum()
    return norm, ~(grows & ~absent).any() & ~(norm < 0)


def settled(
    decay: Inexact[Array, "modes k k"], injection: Inexact[Array, "modes k"]
) -> tuple[Inexact[Array, "modes k"], Bool[Array, " modes"]]:
    """sum_{r >= 0} T^r i of every mode, T = I - decay, and whether powers of T grow.

    By doubling, in the form I - T^n that keeps the digits of a small decay. Unlike decay^{-1} i it needs no inverse
    where T has an eigenvalue 1 that the injection does not reach: a state that remembers theta*.
    """

    def double(carry, _):
        lost, total = carry
        total = 2 * total - jnp.einsum("mab,mb->ma", lost, total)
        lost = 2 * lost - lost @ lost
        return (lost, total), jnp.abs(jnp.eye(lost.shape[-1]) - lost).max((-1, -2))

    (_, total), powers = jax.lax.scan(double, (decay, injection), None, DOUBLINGS)
    # A power that neither dies nor grows repeats itself from one doubling to the next.
    grows = ~(powers[-1] <= (1 + UNIT) * powers[-2] + UNIT)
    return total, grows | ~jnp.isfinite(powers).all(0)


def _critical_factor(spectrum: Spectrum, algorithm: Moments):
    """The factor on the learning rate at which stability ends, by bisection in its logarithm."""

    def unstable(log_factor):
        norm, decays = _condition(spectrum, algorithm.rescale(jnp.exp(log_factor)))
        return jnp.where(decays & ~(norm >= 1), -1.0, 1.0)

    center = -jnp.log(jnp.asarray(algorithm.learning_rate, float) * spectrum.edge.real)
    return jnp.exp(bisect(unstable, center - 60.0, center + 2.0, BISECTIONS))


def finish(
    spectrum: Spectrum, algorithm: Moments, steps: Int[Array, " steps"], risk: Float[Array, " steps"]
) -> Curve:
    """The curve of a one-pass theory: for constant settings judged by `stability`, whose numbers are its stats.

    Meant to be part of the compiled program that gives the risk.
    """
    if not algorithm.stationary:
        return Curve.of(steps, risk, start=spectrum.start_risk)
    report = _stability(spectrum, algorithm)
    stats = {
        "kernel_norm": report.kernel_norm,
        "critical_learning_rate": report.critical_learning_rate,
        "limit_risk": report.limit_risk,
    }
    return Curve.of(steps, risk, start=spectrum.start_risk, diverges=~report.stable, stats=stats)
