"""Ridge regression, solved in one shot."""

import math
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from solvable.algorithms.base import AbstractSpectral
from solvable.arguments import as_real, is_concrete


class Ridge(AbstractSpectral):
    """argmin over theta of (1/P) sum_i (f_i . theta - y_i)^2 + penalty |theta - theta_0|^2, on P data.

    Penalty 0 is its limit from above: the least-squares solution closest to the start, which fits the data exactly
    where there are more features than data. Maloney, Roberts, Sully 2022 (arXiv 2210.16859). There are no steps.

    Attributes:
        penalty: >= 0; it is added to the eigenvalues of the sample covariance (1/P) sum_i f_i f_i^T.
    """

    penalty: Float[Array, ""] = eqx.field(converter=as_real, default=0.0)
    batch_size: ClassVar[None] = None
    one_shot: ClassVar[bool] = True
    references: ClassVar[tuple[str, ...]] = ("maloney2022",)

    def __check_init__(self):
        penalty: Any = self.penalty
        wanted = "penalty: wanted one finite number >= 0"
        if penalty is None or isinstance(penalty, str | bytes | bool):
            raise ValueError(f"{wanted}; got {penalty!r}")
        if np.shape(penalty) != ():
            raise ValueError(f"{wanted}; got an array of shape {np.shape(penalty)} (use vmap for many)")
        if is_concrete(penalty) and not (np.isrealobj(penalty) and 0 <= float(penalty) < math.inf):
            raise ValueError(f"{wanted}; got {penalty}")

    def filter(self, eigvals, steps):
        """left = penalty / (s + penalty) at any step; without a penalty 0 where s > 0, 1 where s = 0."""
        total = eigvals + self.penalty
        learned = jnp.where(total > 0, eigvals / jnp.where(total > 0, total, 1.0), 0.0)
        left = jnp.where(total > 0, self.penalty / jnp.where(total > 0, total, 1.0), 1.0)
        shape = (len(steps), *eigvals.shape)
        return jnp.broadcast_to(left, shape), jnp.broadcast_to(learned, shape)

    def init(self, params):
        return ()

    def update(self, params, state, grad, step):
        raise ValueError("algorithm: wanted one that moves in steps for this method; got Ridge(), which has none")
