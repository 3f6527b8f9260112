"""Float64 for theories and draws, whatever the user's flags are, leaving the flags alone."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.flatten_util import ravel_pytree

from solvable.arrays import to_numpy

P = ParamSpec("P")
T = TypeVar("T")

COLUMNS = 32  # directions of a Jacobian evaluated together


def in_float64(function: Callable[P, T]) -> Callable[P, T]:
    """Run ``function`` with 64-bit types enabled and return NumPy arrays.

    Inside a transformation (grad, vmap, jit) tracers are returned: of float64, or, where JAX's own precision is
    float32 and float32 numbers are traced, of float32, rounded at the very end, so that the caller's operations apply.
    """

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        if not jax.config.read("jax_enable_x64") and any(
            _is_traced_float32(x) for x in jax.tree.leaves((args, kwargs))
        ):
            return _in_float32_world(function, args, kwargs)
        with jax.enable_x64(True):
            return to_numpy(function(*args, **kwargs))

    return wrapped


def _is_traced_float32(leaf: Any) -> bool:
    return isinstance(leaf, Tracer) and leaf.dtype == np.float32


def _is_float(x: Any) -> bool:
    return jnp.issubdtype(x.dtype, jnp.floating)


def _in_float32_world(function: Callable, args: Any, kwargs: Any) -> Any:
    """Call ``function`` on traced arguments, in float64 within and float32 without, transposable by reverse mode."""
    leaves, tree = jax.tree.flatten((args, kwargs))
    traced = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tracer)]
    shell: dict[str, Any] = {}

    def arrays_only(*inputs):
        merged = list(leaves)
        for i, x in zip(traced, inputs, strict=True):
            merged[i] = x
        new_args, new_kwargs = jax.tree.unflatten(tree, merged)
        outputs, shell["tree"] = jax.tree.flatten(function(*new_args, **new_kwargs))
        dynamic = [isinstance(x, jax.Array) or (isinstance(x, np.ndarray) and _is_float(x)) for x in outputs]
        shell["static"] = [None if is_array else x for x, is_array in zip(outputs, dynamic, strict=True)]
        shell["dynamic"] = dynamic
        return [jnp.asarray(x) for x, is_array in zip(outputs, dynamic, strict=True) if is_array]

    values = iter(_by_jacobian(arrays_only)(*(leaves[i] for i in traced)))
    pairs = zip(shell["static"], shell["dynamic"], strict=True)
    return jax.tree.unflatten(shell["tree"], [next(values) if is_array else x for x, is_array in pairs])


def _by_jacobian(function: Callable[..., list[jax.Array]]) -> Callable[..., list[jax.Array]]:
    """``function`` in float64 with results in float32, whose derivative is its Jacobian times the tangent.

    JAX transposes a computation under the caller's flags, which breaks one that is partly float64. Here the caller
    only ever transposes one float32 product. The Jacobian is differentiated the same way, to any order.
    """

    @jax.custom_jvp
    def call(*inputs):
        with jax.enable_x64(True):
            return [x.astype(np.float32) if _is_float(x) else x for x in function(*inputs)]

    @call.defjvp
    def rule(primals, tangents):
        moving = [i for i, x in enumerate(primals) if _is_float(x)]
        *values, jacobian = _by_jacobian(lambda *inputs: _with_jacobian(function, inputs, moving))(*primals)
        change = jnp.concatenate([jnp.ravel(tangents[i]).astype(np.float32) for i in moving])
        change = jnp.matmul(change, jacobian, precision="highest")
        out, start = [], 0
        for x in values:
            if _is_float(x):
                out.append(change[start : start + x.size].reshape(x.shape))
                start += x.size
            else:
                out.append(np.zeros(x.shape, jax.dtypes.float0))
        return values, out

    return call


def _with_jacobian(function: Callable[..., list[jax.Array]], inputs: Sequence[Any], moving: list[int]):
    """The outputs, and d outputs / d inputs[moving] as a matrix of shape (inputs, outputs); 64-bit types are on."""
    point, unravel = ravel_pytree([jnp.asarray(inputs[i], float) for i in moving])

    def outputs(x):
        replaced = list(inputs)
        for i, value in zip(moving, unravel(x), strict=True):
            replaced[i] = value
        values = function(*replaced)
        return ravel_pytree([v.astype(float) for v in values if _is_float(v)])[0], values

    size = jax.eval_shape(outputs, point)[0].size
    if point.size <= size:
        push = lambda e: jax.jvp(outputs, (point,), (e,), has_aux=True)[1:]  # noqa: E731
        jacobian, repeated = jax.lax.map(push, jnp.eye(point.size), batch_size=COLUMNS)
        return [*(x[0] for x in repeated), jacobian]
    _, pull, values = jax.vjp(outputs, point, has_aux=True)
    jacobian = jax.lax.map(lambda e: pull(e)[0], jnp.eye(size), batch_size=COLUMNS).T
    return [*values, jacobian]
