"""Axis vocabulary of the package, and how a physical parameter becomes an array.

``modes``: eigendirections of the feature covariance. ``width``: trainable features. ``ambient``: input
coordinates. ``steps``: recorded optimizer steps. ``runs``: independent repetitions.
"""

from typing import Any

import jax
import numpy as np


def as_real(value: Any) -> Any:
    """A physical parameter as an array, without losing float64.

    JAX arrays and tracers pass through. Everything else becomes a NumPy float64 array: a plain Python float
    would retrace for every value, and a JAX array would be rounded to float32 under JAX's default flags.
    """
    if isinstance(value, jax.Array):
        return value
    return np.asarray(value, dtype=np.float64)


def is_concrete(*values: Any) -> bool:
    """Whether all values are known now (no tracer among them), so that they may be checked eagerly."""
    return not any(isinstance(v, jax.core.Tracer) for v in values)
