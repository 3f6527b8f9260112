"""Between the numbers that are searched and the parameters of a law.

The search moves a vector theta, one number for each free parameter, in units where every variable is about 1 (see
`solvable.fits.laws.base`): the logarithm of a positive parameter, the parameter itself where it is real, and, where it
is bounded by low and high in the caller's units, the t of low + (high - low) / (1 + e^-t).
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from solvable.fits.laws.base import AbstractLaw

EDGE = 1e-4  # share of the width of the bounds within which a parameter counts as lying on one
Units = Mapping[str, Any]


def scaled(law: AbstractLaw, theta: Float[Array, " free"], units: Units) -> dict[str, Any]:
    """Every parameter in units where each variable is about 1."""
    bounds, found, held = dict(law.bounds), {}, dict(law.fixed)
    for i, name in enumerate(law.free):
        if name in bounds:
            low, high = bounds[name]
            held[name] = low + (high - low) * jax.nn.sigmoid(theta[i])
        else:
            found[name] = jnp.exp(theta[i]) if name in law.positive else theta[i]
    factors = law.factors({**held, **found}, units)
    return {**{name: value / factors.get(name, 1.0) for name, value in held.items()}, **found}


def physical(law: AbstractLaw, theta: Float[Array, " free"], units: Units) -> dict[str, Any]:
    """Every parameter in the caller's units."""
    values = scaled(law, theta, units)
    factors = law.factors(values, units)
    return {name: values[name] * factors.get(name, 1.0) for name in law.parameters}


def unconstrained(law: AbstractLaw, theta: Float[Array, " free"], units: Units) -> Float[Array, " free"]:
    """The free parameters in the caller's units: the logarithm of those that are positive and unbounded."""
    values, bounds = physical(law, theta, units), dict(law.bounds)
    logs = [name in law.positive and name not in bounds for name in law.free]
    pairs = zip(law.free, logs, strict=True)
    return jnp.stack([jnp.log(values[name]) if log else values[name] for name, log in pairs])


def is_log(law: AbstractLaw) -> np.ndarray:
    """Of each free parameter, whether `unconstrained` holds its logarithm."""
    bounds = dict(law.bounds)
    return np.array([name in law.positive and name not in bounds for name in law.free])


def start_points(law: AbstractLaw, units: Units, grid: np.ndarray | None = None) -> Float[np.ndarray, "starts free"]:
    """theta of every start of the law."""
    grid = law.grid() if grid is None else grid
    bounds, columns = dict(law.bounds), []
    values = {name: grid[:, i] for i, name in enumerate(law.free)}
    factors = law.factors({**dict(law.fixed), **values}, units)
    for name in law.free:
        if name in bounds:
            low, high = bounds[name]
            share = (values[name] * factors.get(name, 1.0) - low) / (high - low)
            columns.append(_logit(np.clip(np.where(np.isfinite(share), share, 0.5), 0.05, 0.95)))
        else:
            columns.append(np.log(values[name]) if name in law.positive else values[name])
    return np.unique(np.stack([np.broadcast_to(c, len(grid)) for c in columns], axis=1), axis=0)


def on_bound(law: AbstractLaw, values: Mapping[str, float]) -> list[str]:
    """Names of the free parameters that lie on a bound."""
    found = []
    for name, (low, high) in law.bounds:
        share = (values[name] - low) / (high - low)
        if not EDGE < share < 1 - EDGE:
            found.append(f"{name} = {values[name]:.4g} in [{low:g}, {high:g}]")
    return found


def _logit(share: np.ndarray) -> np.ndarray:
    return np.log(share / (1 - share))
