"""Arguments as arrays: physical parameters without losing float64, and what is known before tracing.

The axis names in the package's array types: ``modes`` are eigendirections of the feature covariance, ``width``
trainable features, ``ambient`` input coordinates, ``steps`` recorded optimizer steps, ``runs`` independent repetitions.
"""

from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

T = TypeVar("T")


def as_real(value: Any) -> Any:
    """A physical parameter as an array, without losing float64.

    JAX arrays and tracers pass through. Every other number becomes a NumPy float64 array: a plain Python float
    would retrace for every value, and a JAX array would be rounded to float32 under JAX's default flags. What is no
    real number passes through too, for the constructor to refuse by its name.
    """
    if isinstance(value, jax.Array) or value is None or isinstance(value, str | bytes):
        return value
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return value


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


def is_concrete(*values: object) -> bool:
    """Whether all values are known now (no tracer among them), so that they may be checked eagerly."""
    return not any(isinstance(v, Tracer) for v in values)
