"""When the expected risk stays bounded, and where it ends.

The kernel K(r) = sum_j kappa_j (1 - delta_j)^r feeds past risk into present risk; the risk is bounded if and only if
every mode decays and ||K|| = sum_r K(r) < 1, and then it tends to floor / (1 - ||K||). For SGD,

    ||K|| = sum_j (g/B) lambda_j / (2 - g (1 + 1/B) lambda_j)        (Paquette et al. 2024, arXiv 2405.15074).
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from solvable.algorithms.base import AbstractAlgorithm, AbstractModewise, check_learning_rate
from solvable.curve import Curve, Result
from solvable.models.base import AbstractModel, require_fresh_stream
from solvable.numerics.precision import in_float64
from solvable.spectrum import Spectrum
from solvable.theory import renewal


class Stability(eqx.Module):
    """Stability of an algorithm with a constant learning rate on a model.

    Attributes:
        kernel_norm: ||K||; the expected risk is bounded if it is below 1 (and every mode decays). NaN for a model
            within 1% of the learning rate at which its largest eigenvalue stops decaying (large batches only).
        critical_learning_rate: the learning rate at which the risk stops being bounded.
        limit_risk: floor / (1 - ||K||), infinite if unstable.
        stable: whether the expected risk is bounded.
    """

    kernel_norm: Float[Array, ""]
    critical_learning_rate: Float[Array, ""]
    limit_risk: Float[Array, ""]
    stable: Bool[Array, ""]
    references = ("paquette2024",)


@in_float64
def stability(model: AbstractModel, algorithm: AbstractModewise) -> Stability:
    """Exact stability threshold: given the draw for a problem, of the typical draw for a model.

    Raises:
        ValueError: the algorithm follows a schedule, or does not state its second moments.
    """
    require_modewise(algorithm, "stability(...)")
    require_fresh_stream(model, "stability(...)")
    if not algorithm.stationary:
        raise ValueError("algorithm: wanted a constant learning rate for a stability threshold; got a schedule")
    return _stability(model.spectrum(), algorithm)


def require_modewise(algorithm: Any, caller: str) -> None:
    """Raise unless ``algorithm`` states its second moments, as every one-pass theory needs."""
    if not isinstance(algorithm, AbstractModewise):
        what = "an AbstractAlgorithm without them" if isinstance(algorithm, AbstractAlgorithm) else repr(algorithm)
        raise ValueError(
            f"algorithm: {caller} wanted an AbstractModewise (it states its second moments, like SGD); got "
            f"{type(algorithm).__name__}, {what}. Use Simulation() instead."
        )
    check_learning_rate(algorithm)


@eqx.filter_jit
def _stability(spectrum: Spectrum, algorithm: AbstractModewise) -> Stability:
    norm, decays = _condition(spectrum, algorithm, 1.0)
    stable = decays & ~(norm >= 1)
    factor = _critical_factor(spectrum, algorithm)
    limit = jnp.where(stable, spectrum.floor / jnp.where(stable, 1 - norm, 1.0), jnp.inf)
    rate = jnp.asarray(algorithm.learning_rate, float) * factor  # pyright: ignore[reportAttributeAccessIssue]
    return Stability(jnp.where(decays, norm, jnp.inf), rate, limit, stable)


def _condition(spectrum: Spectrum, algorithm: AbstractModewise, factor):
    """(||K||, whether the largest eigenvalue's mode decays) with the learning rate multiplied by ``factor``."""
    scaled = algorithm.rescale(factor)  # pyright: ignore[reportAttributeAccessIssue]
    law = renewal.lower(spectrum, scaled)
    decay = scaled.decay(spectrum.edge[None], 0)[0, 0, 0]
    # Between the edge and the contour the norm cannot be resolved; there the edge alone decides.
    norm = jnp.where(renewal.resolved(law), renewal.kernel_norm(law), jnp.nan)
    return norm, (decay.real > 0) & ~(norm < 0)


def _critical_factor(spectrum: Spectrum, algorithm: AbstractModewise):
    """The factor on the learning rate at which stability ends, by bisection in its logarithm."""

    def halve(_, bracket):
        low, high = bracket
        middle = (low + high) / 2
        norm, decays = _condition(spectrum, algorithm, jnp.exp(middle))
        fine = decays & ~(norm >= 1)
        return jnp.where(fine, middle, low), jnp.where(fine, high, middle)

    rate = jnp.asarray(algorithm.learning_rate, float)  # pyright: ignore[reportAttributeAccessIssue]
    center = -jnp.log(rate * spectrum.edge.real)
    low, high = jax.lax.fori_loop(0, 80, halve, (center - 60.0, center + 2.0))
    return jnp.exp(jax.lax.stop_gradient((low + high) / 2))


def finish(spectrum: Spectrum, algorithm: AbstractModewise, steps: np.ndarray, risk) -> Curve:
    """The curve of a theory, flagged if the risk diverges, with the threshold and the limit among its stats.

    Where the closed form in time does not apply (schedules, several moments per mode) there are no such stats.
    """
    stats: dict[str, Any] = {}
    divergent = jnp.asarray(False)
    if renewal.applies(spectrum, algorithm) and hasattr(algorithm, "rescale"):
        report = _stability(spectrum, algorithm)
        divergent = ~report.stable
        stats = {
            "kernel_norm": report.kernel_norm,
            "critical_learning_rate": report.critical_learning_rate,
            "limit_risk": report.limit_risk,
        }
    finite = jnp.isfinite(risk).all()
    result = jnp.where(divergent, Result.DIVERGENT, jnp.where(finite, Result.SUCCESS, Result.NONFINITE))
    return Curve(steps, risk, jnp.zeros_like(risk), result, stats)
