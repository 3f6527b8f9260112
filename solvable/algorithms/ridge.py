"""Ridge regression, solved in one shot."""

import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from solvable.algorithms.base import AbstractAlgorithm
from solvable.arguments import as_real, check_real
from solvable.forms.algorithms import Filter, Penalty, Solution
from solvable.numerics.least_squares import penalised, shortest


class Ridge(AbstractAlgorithm, Filter, Penalty, Solution):
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
        check_real("penalty", self.penalty, "one finite number >= 0", lambda x: 0 <= x < math.inf)

    def filter(self, eigvals, steps):
        """left = penalty / (s + penalty) at any step; without a penalty 0 where s > 0, 1 where s = 0."""
        total = eigvals + self.penalty
        learned = jnp.where(total > 0, eigvals / jnp.where(total > 0, total, 1.0), 0.0)
        left = jnp.where(total > 0, self.penalty / jnp.where(total > 0, total, 1.0), 1.0)
        shape = (len(steps), *eigvals.shape)
        return jnp.broadcast_to(left, shape), jnp.broadcast_to(learned, shape)

    def solution(self, features, residual, samples, steps):
        """The minimiser at every step, from the smaller of the two normal equations; the shortest without a penalty."""
        total = samples * jnp.asarray(self.penalty, float)
        change = jax.lax.cond(total > 0, penalised, shortest, features, residual, total)
        return jnp.broadcast_to(change, (len(steps), features.shape[1]))
