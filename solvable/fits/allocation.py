"""The best split of compute into parameters and data under a law, for many samples of its parameters."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from solvable.fits.laws.base import AbstractLaw
from solvable.fits.laws.compute_optimal import ComputeOptimal

HALVINGS = 80


def best_split(law: AbstractLaw, values: dict[str, float], samples: dict[str, np.ndarray], compute, flops: float):
    """(value, samples) of N, D and L at each compute; NaN where the best N is not between 1 and compute / flops.

    Raises:
        ValueError: the law has no N and D.
    """
    one = {name: np.asarray(value)[None] for name, value in values.items()}
    if isinstance(law, ComputeOptimal):
        pairs = [_powers(law, part, np.asarray(compute), flops) for part in (one, samples)]
    elif {"N", "D"} <= set(law.variables) and len(law.variables) == 2:
        with jax.enable_x64(True):
            pairs = [[np.asarray(x) for x in _least(law, part, jnp.asarray(compute), flops)] for part in (one, samples)]
    else:
        raise ValueError(f"law: wanted a loss of N and D to split compute; got {law.formula}")
    return [(value[0], some) for value, some in zip(*pairs, strict=True)]


def _powers(law: ComputeOptimal, samples: dict[str, Any], compute: np.ndarray, flops: float):
    """Both power laws as they were fitted; the loss is not known."""
    shape = (-1, *([1] * compute.ndim))
    p = {name: np.reshape(value, shape) for name, value in samples.items()}
    size, data = law(p, {"C": compute}), law.data(p, {"C": compute})
    return size, data, np.full_like(size, np.nan)


@eqx.filter_jit
def _least(law: AbstractLaw, samples: dict[str, Any], compute, flops):
    """Bisection of the slope of the loss in log N along flops * N * D = compute."""

    def one(parameters, budget):
        top = jnp.log(budget / flops)
        loss = lambda u: law(parameters, {"N": jnp.exp(u), "D": jnp.exp(top - u)})  # noqa: E731
        slope = jax.grad(loss)

        def halve(ends, _):
            low, high = ends
            middle = (low + high) / 2
            falls = slope(middle) < 0
            return (jnp.where(falls, middle, low), jnp.where(falls, high, middle)), None

        (low, high), _ = jax.lax.scan(halve, (jnp.zeros_like(top), top), None, length=HALVINGS)
        u = (low + high) / 2
        good = (slope(jnp.zeros_like(top)) < 0) & (slope(top) > 0)
        found = jnp.exp(u), jnp.exp(top - u), loss(u)
        return tuple(jnp.where(good, x, jnp.nan) for x in found)

    over = jax.vmap(one, in_axes=(0, None))
    flat = jax.vmap(over, in_axes=(None, 0), out_axes=1)(samples, jnp.ravel(compute))
    return tuple(x.reshape(x.shape[0], *compute.shape) for x in flat)
