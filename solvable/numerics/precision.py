"""Float64 for theories and draws, whatever the user's flags are, leaving the flags alone."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import jax
import numpy as np

P = ParamSpec("P")
T = TypeVar("T")


def to_numpy(tree: T) -> T:
    """Concrete numeric JAX arrays of a tree as NumPy arrays; tracers and random keys stay as they are.

    With x64 off, JAX would round a float64 array at its next use; a NumPy array keeps its digits.
    """

    def convert(leaf):
        if isinstance(leaf, jax.core.Tracer) or not isinstance(leaf, jax.Array):
            return leaf
        return leaf if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key) else np.asarray(leaf)

    return jax.tree.map(convert, tree)


def in_float64(function: Callable[P, T]) -> Callable[P, T]:
    """Run ``function`` with 64-bit types enabled and return NumPy arrays (tracers inside a transformation)."""

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        with jax.enable_x64(True):
            return to_numpy(function(*args, **kwargs))

    return wrapped
