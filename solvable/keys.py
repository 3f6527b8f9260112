"""Named random streams: one key in, one independent stream per name and index.

A stream is ``fold_in(key, crc32(name))``, so adding a stream never moves another one, and the same key gives the
same numbers whatever else is drawn.
"""

import zlib

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key


def stream(key: Key[Array, ""], name: str) -> Key[Array, ""]:
    """The stream called ``name`` of ``key``."""
    return jax.random.fold_in(key, np.uint32(zlib.crc32(name.encode()) & 0x7FFFFFFF))


def require_key(key: object, why: str) -> Key[Array, ""]:
    """Check that ``key`` is one JAX random key; ``why`` says what it is needed for.

    Raises:
        ValueError: ``key`` is missing or is not a single typed key.
    """
    if key is None:
        raise ValueError(f"key: wanted jax.random.key(seed), {why}; got None")
    if not (isinstance(key, jax.Array) and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)):
        raise ValueError(f"key: wanted a typed key, jax.random.key(seed); got {type(key).__name__}")
    if key.shape != ():
        raise ValueError(f"key: wanted one key; got an array of keys with shape {key.shape}")
    return key
