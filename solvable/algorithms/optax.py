"""Any optax optimizer, simulated on a solvable model."""

from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from solvable.algorithms.base import AbstractStepwise, check_batch_size
from solvable.arguments import check_flag, refusal

_PROBE_SCALES = (1.0, 1e-3, 1e2, 1.0)  # both sides of the usual clipping thresholds
_PROBE_WIDTH = 5


class Optax(AbstractStepwise):
    """theta <- theta + update, with update from an `optax.GradientTransformation` fed the batch-mean
    gradient.

    Most optax optimizers act coordinate by coordinate (Adam, sign), and coordinates mean something only in
    the original feature basis; the simulation then stays in it, at O(width^2) a step. SGD with momentum,
    weight decay or clipping by the global norm commutes with rotations, and runs in the eigenbasis at
    O(width). Which one it is, is found at construction by running the transformation on a few random
    gradients and on their rotations.

    Attributes:
        transformation: an `optax.GradientTransformation`, for instance ``optax.adam(1e-3)``.
        batch_size: samples per step; None for the population gradient.
        rotation_equivariant: whether updates commute with rotations; None to find out.
    """

    transformation: optax.GradientTransformation = eqx.field(static=True)
    batch_size: int | None = eqx.field(static=True, converter=check_batch_size)
    rotation_equivariant: bool = eqx.field(static=True)
    references: ClassVar[tuple[str, ...]] = ("optax2020",)

    def __init__(
        self,
        transformation: optax.GradientTransformation | None = None,
        batch_size: int | None = 1,
        rotation_equivariant: bool | None = None,
    ):
        transformation = optax.adam(1e-3) if transformation is None else transformation
        if not isinstance(transformation, optax.GradientTransformation):
            raise refusal("transformation", "an optax.GradientTransformation", transformation)
        self.transformation = transformation
        self.batch_size = batch_size
        if rotation_equivariant is None:
            rotation_equivariant = commutes_with_rotations(transformation)
        # the base class settles this for a whole class; here every instance has its own answer
        self.rotation_equivariant = check_flag("rotation_equivariant", rotation_equivariant)  # pyright: ignore[reportIncompatibleVariableOverride]

    def init(self, params):
        return self.transformation.init(params)

    def update(self, params, state, grad, step):
        update, state = self.transformation.update(grad, state, params)
        return params + jnp.asarray(update, params.dtype), state


def commutes_with_rotations(transformation: optax.GradientTransformation) -> bool:
    """Whether rotating start and gradients rotates the trajectory, on one random instance, in float32."""
    rng = np.random.default_rng(0)
    rotation, _ = np.linalg.qr(rng.standard_normal((_PROBE_WIDTH, _PROBE_WIDTH)))
    start = rng.standard_normal(_PROBE_WIDTH)
    grads = rng.standard_normal((len(_PROBE_SCALES), _PROBE_WIDTH)) * np.array(_PROBE_SCALES)[:, None]
    plain = _updates(transformation, start, grads) @ rotation.T
    turned = _updates(transformation, rotation @ start, grads @ rotation.T)
    sizes = np.linalg.norm(plain, axis=1) + np.linalg.norm(turned, axis=1)
    return bool((np.linalg.norm(plain - turned, axis=1) <= 1e-4 * sizes).all())


def _updates(transformation: optax.GradientTransformation, start: np.ndarray, grads: np.ndarray) -> np.ndarray:
    """The update of each step, shape (steps, width), computed now even while JAX is tracing."""
    with jax.ensure_compile_time_eval():
        params = jnp.asarray(start, jnp.float32)
        state: Any = transformation.init(params)
        updates = []
        for grad in grads:
            update: Any
            update, state = transformation.update(jnp.asarray(grad, jnp.float32), state, params)
            params = params + update
            updates.append(np.asarray(update, np.float64))
    return np.stack(updates)
