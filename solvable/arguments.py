"""Arguments as arrays: physical parameters without losing float64, and what is known before tracing.

The axis names in the package's array types: ``modes`` are eigendirections of the feature covariance, ``width``
trainable features, ``ambient`` input coordinates, ``steps`` recorded optimizer steps, ``runs`` independent repetitions.
"""

from typing import Any

import jax
import numpy as np
from jax.core import Tracer


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


def is_concrete(*values: object) -> bool:
    """Whether all values are known now (no tracer among them), so that they may be checked eagerly."""
    return not any(isinstance(v, Tracer) for v in values)
