"""Stochastic gradient descent on the mean squared error."""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp

from solvable.algorithms.base import check_batch_size
from solvable.algorithms.linear import AbstractLinear
from solvable.algorithms.settings import RATE, Setting, at, setting
from solvable.forms.algorithms import Descent, Minibatches
from solvable.forms.linear_map import LinearMap


class SGD(AbstractLinear, Descent, Minibatches):
    """theta <- theta - learning_rate * mean_b f_b (f_b . theta - y_b), on a fresh batch each step.

    One moment per eigendirection, m = E Delta^2, exact for Gaussian features (Paquette et al. 2024,
    arXiv 2405.15074, in the batch-mean convention; their batch-sum learning rate is learning_rate / batch_size):

        m' = (1 - 2 g lambda + (1 + 1/B) g^2 lambda^2) m + (g^2 / B) lambda * risk.

    Attributes:
        learning_rate: g, a number, or a schedule: a function of the step (any optax schedule).
        batch_size: B >= 1; None is the full data set, for a fresh stream the population gradient (1/B = 0).
    """

    learning_rate: Setting = setting(RATE)
    batch_size: int | None = eqx.field(static=True, converter=check_batch_size)
    references: ClassVar[tuple[str, ...]] = ("paquette2024",)

    # Written out for type checkers, which would take the fields of the forms first.
    def __init__(self, learning_rate: Any = 0.1, batch_size: int | None = 1):
        self.learning_rate = learning_rate
        self.batch_size = batch_size

    def rate(self, step):
        """The learning rate at a step."""
        return at(step, self.learning_rate)[0]

    def states(self):
        return tuple(form for form in super().states() if self.stationary or form is not Descent)

    def linear_map(self, step):
        """K = 1 and b = g: one number, theta - theta*."""
        return LinearMap(jnp.zeros((1, 1)), jnp.asarray(self.rate(step))[None])

    def filter(self, eigvals, steps):
        """left = (1 - g s)^t, the mean over batches; for a schedule the product of 1 - g_u s over u < t."""
        if callable(self.learning_rate):
            return super().filter(eigvals, steps)
        shrink = self.learning_rate * eigvals
        # (1 - x)^t as sign * exp(t log|1 - x|), the logarithm without cancellation at both ends of 0 < x < 2
        log = jnp.where(shrink < 1, jnp.log1p(-jnp.minimum(shrink, 1.0)), jnp.log1p(jnp.maximum(shrink, 1.0) - 2))
        exponent = jnp.where(steps[:, None] > 0, steps[:, None] * log, 0.0)
        sign = jnp.where((shrink > 1) & (steps[:, None] % 2 == 1), -1.0, 1.0)
        return sign * jnp.exp(exponent), jnp.where(sign > 0, -jnp.expm1(exponent), 1 + jnp.exp(exponent))

    def update(self, params, state, grad, step):
        # What `AbstractLinear` derives, without the product with I - K = 0: this is the innermost loop.
        return params - jnp.asarray(self.rate(step), params.dtype) * grad, state
