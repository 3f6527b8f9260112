"""How an object shows itself: its name and the values of its fields, in a few lines."""

import dataclasses
import textwrap
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from solvable.arrays import is_concrete

LINE = 100  # columns
MOST = 4  # numbers of an array that are written out


def described(thing: Any) -> str:
    """``Name(field=value, ...)`` of a dataclass with its numbers, not their types; wrapped at `LINE` columns."""
    return textwrap.fill(_text(thing), LINE, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _text(value: Any) -> str:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [f.name for f in dataclasses.fields(value) if f.repr and hasattr(value, f.name)]
        return f"{type(value).__name__}({', '.join(f'{name}={_text(getattr(value, name))}' for name in fields)})"
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        return _array(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, tuple | list):
        return f"({', '.join(map(_text, value))})"
    if callable(value) and hasattr(value, "__name__"):
        return value.__name__
    return repr(value)


def _array(value: Any) -> str:
    if not is_concrete(value):
        return f"{value.dtype}{list(value.shape)}, traced"
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        return "a random key"
    if value.size > MOST:
        return f"{value.dtype}{list(value.shape)}"
    numbers = np.asarray(value)
    if numbers.ndim == 0:
        return f"{numbers.item():.6g}" if numbers.dtype.kind == "f" else str(numbers.item())
    return str(numbers.tolist())
