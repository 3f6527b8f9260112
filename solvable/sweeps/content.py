"""The hash of a model, an algorithm or a method: equal content has the same hash in every process."""

import re
from collections.abc import Callable, Hashable
from typing import TypeGuard

import jax
import jax.numpy as jnp
import numpy as np

from solvable.forms.algorithms import Moments, Steps
from solvable.io.hashing import sha
from solvable.models.base import AbstractModel

_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
_PROBE = 3  # parameters of the run that shows what an update does
_TEXTS: dict[Hashable, tuple[str, bool]] = {}  # of tree structures; a few per sweep


def array_bytes(x: object) -> bytes:
    """Type, shape and bits of an array; a random key by its data."""
    if isinstance(x, jax.Array) and jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
        return str(jax.random.key_impl(x)).encode() + array_bytes(jax.random.key_data(x))
    x = np.asarray(x)
    return f"{x.dtype.str}{x.shape}".encode() + np.ascontiguousarray(x).tobytes()


def structure(tree: object) -> str:
    """Classes, static fields and plain leaves of a tree, and its arrays' types and shapes, without their values."""
    leaves, treedef = jax.tree.flatten(tree)
    text, addressed = _text(treedef)
    kinds = [f"{x.dtype}{np.shape(x)}" if _is_array(x) else _ADDRESS.sub("", repr(x)) for x in leaves]
    # Functions (schedules, optax transformations) have names that do not say what they do.
    return sha(text, kinds, behaviour(tree) if addressed or any(map(callable, leaves)) else "")


def digest(tree: object, known: str | None = None) -> str:
    """Everything `structure` says, and the values of the arrays; ``known``: the structure, if computed already."""
    return sha(known or structure(tree), *(array_bytes(x) for x in jax.tree.leaves(tree) if _is_array(x)))


def behaviour(tree: object) -> str:
    """What the functions in a model or an algorithm do: the text and constants of the computations they enter."""
    with jax.enable_x64(True):
        zeros = jnp.zeros(_PROBE)
        texts = []
        if isinstance(tree, Steps):
            texts.append(_traced(lambda p, g, t: tree.update(p, tree.init(p), g, t), zeros, zeros, 1))
        if isinstance(tree, Moments):
            texts.append(_traced(lambda e, t: (tree.decay(e, t), tree.injection(e, t)), zeros, 1))
        if isinstance(tree, AbstractModel):
            texts.append(_traced(tree.draw, jax.random.key(0)))
        return sha(*texts)


def _traced(function: Callable[..., object], *arguments: object) -> str:
    closed = jax.make_jaxpr(function)(*arguments)
    return sha(_ADDRESS.sub("", str(closed)), *(array_bytes(c) for c in closed.consts))


def _is_array(x: object) -> TypeGuard[jax.Array | np.ndarray | np.generic]:
    return isinstance(x, jax.Array | np.ndarray | np.generic)


def _text(treedef: Hashable) -> tuple[str, bool]:
    """The text of a tree structure without memory addresses, and whether there were any."""
    if treedef not in _TEXTS:
        if len(_TEXTS) > 4096:
            _TEXTS.clear()
        text = str(treedef)
        _TEXTS[treedef] = _ADDRESS.sub("", text), _ADDRESS.search(text) is not None
    return _TEXTS[treedef]
