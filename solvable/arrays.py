"""Arrays that are known now or traced: NumPy for the first, so that nothing is compiled, jax.numpy for the second."""

from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

T = TypeVar("T")


def is_concrete(*values: object) -> bool:
    """Whether all values are known now (no tracer among them), so that they may be checked eagerly."""
    return not any(isinstance(v, Tracer) for v in values)


def library(*values: object) -> Any:
    """NumPy for values that are known now, so that nothing is compiled, and jax.numpy where one is traced."""
    return np if is_concrete(*values) else jnp


def as_array(value: Any, dtype: Any) -> Any:
    """A number or an array as one of this type, NumPy's where it is known now."""
    return library(value).asarray(value, dtype)


def as_float64(value: Any) -> Any:
    """`as_array` in float64, under 64-bit types."""
    return as_array(value, np.float64)


def to_numpy(tree: T) -> T:
    """Concrete numeric JAX arrays of a tree as NumPy arrays; tracers and random keys stay as they are.

    With x64 off, JAX would round a float64 array at its next use; a NumPy array keeps its digits.
    """

    def convert(leaf):
        if isinstance(leaf, Tracer) or not isinstance(leaf, jax.Array):
            return leaf
        return leaf if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else np.asarray(leaf)

    return jax.tree.map(convert, tree)
