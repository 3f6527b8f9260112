"""Many items in groups that fit in memory, by one compiled body.

``jax.lax.map(..., batch_size=size)`` compiles its body twice, for whole groups and for what is left.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp


def grouped_map(function: Callable, xs: Any, size: int) -> Any:
    """``function`` of stacked items, at most ``size`` of them at a time, in groups as even as can be."""
    count = jax.tree.leaves(xs)[0].shape[0]
    groups = -(-count // size)
    if groups == 1:
        return function(xs)
    size = -(-count // groups)
    places = jnp.arange(groups * size) % count
    stacked = jax.tree.map(lambda x: x[places].reshape(groups, size, *x.shape[1:]), xs)
    out = jax.lax.map(function, stacked)
    return jax.tree.map(lambda x: x.reshape(groups * size, *x.shape[2:])[:count], out)


def map_in_groups(function: Callable, xs: Any, size: int) -> Any:
    """``function`` of each of stacked items, at most ``size`` of them at a time."""
    return grouped_map(jax.vmap(function), xs, size)
